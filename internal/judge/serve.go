package judge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// What one request may ask for, so that a worker which only ever asks comes to an end.
const (
	maxServed    = 4 << 30 // bytes of files: those of both sides, each a few times
	maxHelped    = 15 * time.Minute
	maxQuestions = 1_000_000
)

// answer answers a worker's question. What a worker may have is what it is to judge: files of the trees of its job, and rules. What it
// asks of another worker is done by a program of ours with limits of its own. A question that does not make sense ends the worker.
func (t *talk) answer(ctx context.Context, message []byte) ([]byte, error) {
	var q question
	parts, err := unpack(message, &q)
	if t.questions++; err != nil || len(parts) != 1 || t.questions > maxQuestions {
		return nil, nonsense()
	}
	switch {
	case q.Tree != "":
		return t.files(ctx, q)
	case q.Data != nil && *q.Data >= 0 && *q.Data < len(t.data):
		return pack(struct{}{}, t.data[*q.Data])
	case q.Policies && t.source.Folders != nil:
		return t.folders(ctx)
	case q.Call:
		return t.call(ctx, parts[0])
	case q.Close:
		t.helper.Close()
		return pack(struct{}{})
	}
	return nil, nonsense()
}

func nonsense() error { return &sandbox.Death{Reason: "asked something that makes no sense"} }

// files reads files of a tree.
func (t *talk) files(ctx context.Context, q question) ([]byte, error) {
	tree := map[string]document.Tree{treeHead: t.source.Head, treeBase: t.source.Base}[q.Tree]
	if tree == nil {
		return nil, nonsense()
	}
	contents, err := tree.Read(ctx, q.Paths)
	var large *document.TooLargeError
	if errors.As(err, &large) && len(large.Sizes) > 0 {
		return pack(found{Large: large.Sizes, Limit: large.Limit})
	}
	if err != nil {
		return nil, fmt.Errorf("read the files to judge: %w", err)
	}
	var head found
	var parts [][]byte
	for _, path := range slices.Sorted(maps.Keys(contents)) {
		head.Paths, parts = append(head.Paths, path), append(parts, contents[path])
		t.served += int64(len(contents[path]))
	}
	if t.served > maxServed {
		return nil, &sandbox.Death{Reason: fmt.Sprintf("asked for more than %d MiB of files", maxServed>>20), Limit: true}
	}
	return pack(head, parts...)
}

// folders hands the rules over.
func (t *talk) folders(ctx context.Context) ([]byte, error) {
	list, err := t.source.Folders(ctx)
	if err != nil {
		return nil, err
	}
	heads, parts := []folders{}, [][]byte(nil)
	for _, f := range list {
		head := folders{Name: f.Name, Files: slices.Sorted(maps.Keys(f.Files))}
		for _, name := range head.Files {
			parts = append(parts, f.Files[name])
		}
		heads = append(heads, head)
	}
	return pack(heads, parts...)
}

// call has something done by another worker.
func (t *talk) call(ctx context.Context, request []byte) ([]byte, error) {
	if t.helped > maxHelped {
		return nil, &sandbox.Death{Reason: fmt.Sprintf("had others work for more than %s", maxHelped), Limit: true}
	}
	began := time.Now()
	answer, err := t.helper.Call(ctx, request)
	t.helped += time.Since(began)
	var died *sandbox.Death
	if errors.As(err, &died) {
		return pack(called{Death: &death{died.Reason, died.Limit}})
	}
	if err != nil {
		return nil, err
	}
	return pack(called{}, answer)
}
