package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// entryFilter reads what chooses audit entries.
func (s *site) entryFilter(r *http.Request, q *query) store.EntryFilter {
	number, _ := q.number("pull_request", 1, 1<<31)
	return store.EntryFilter{
		Type: q.text("type"), Actor: q.text("actor"), Repository: q.text("repository"), PullRequest: int(number), Commit: q.text("commit"),
		Verdict: q.text("verdict"), Resource: q.text("resource"), Since: q.time("since", s.Clock()), Within: looking(r.Context()).scope,
	}
}

func (s *site) apiAudit(w http.ResponseWriter, r *http.Request) {
	q := ask(r)
	filter, limit := s.entryFilter(r, q), q.limit()
	if s.failed(w, r, q.err) {
		return
	}
	list, next, err := s.Store.Entries(r.Context(), filter, q.text("cursor"), limit)
	if s.failed(w, r, cursorError(err)) {
		return
	}
	if list == nil {
		list = []store.Entry{}
	}
	s.json(w, r, next, list)
}

// whoPatience is how long the API looks for what no index serves.
const whoPatience = 2 * time.Second

func (s *site) apiWho(w http.ResponseWriter, r *http.Request) {
	q := ask(r)
	limit := q.limit()
	if what := q.text("what"); what != "" && q.err == nil {
		lines, err := Who(r.Context(), s.Store, what, q.text("in"), looking(r.Context()).scope, limit, whoPatience)
		if !s.failed(w, r, err) {
			s.json(w, r, "", lines)
		}
		return
	}
	if q.text("resource") == "" && q.err == nil {
		q.err = badParameter{"resource is missing: a Terraform address, a Kubernetes object, a name in the cloud, or a pattern with * and ?; or what: anything else."}
	}
	if s.failed(w, r, q.err) {
		return
	}
	list, next, err := s.Store.WhoWithin(r.Context(), q.text("resource"), looking(r.Context()).scope, q.text("cursor"), limit)
	if s.failed(w, r, cursorError(err)) {
		return
	}
	lines, err := WhoLines(r.Context(), s.Store, list)
	if s.failed(w, r, err) {
		return
	}
	s.json(w, r, next, lines)
}

func (s *site) apiCheckpoint(w http.ResponseWriter, r *http.Request) {
	p, err := s.Store.Checkpoint(r.Context())
	if s.failed(w, r, err) {
		return
	}
	plain(w, http.StatusOK, p.Checkpoint)
}

// inclusion is the proof that the log holds an entry.
type inclusion struct {
	Index      int64    `json:"index"`
	Size       int64    `json:"size"`
	Leaf       string   `json:"leaf"`                 // the entry: canonical JSON, the bytes that are hashed
	LeafHash   string   `json:"leaf_hash"`            // SHA-256 of a zero byte and the entry, base64
	Proof      []string `json:"proof"`                // sibling hashes from the leaf to the root, base64
	Root       string   `json:"root"`                 // of the tree of that size, base64
	Checkpoint string   `json:"checkpoint,omitempty"` // signed, when size is the log's present size
}

// include makes the proof of an entry in the tree of size entries; 0: the present one.
func (s *site) include(r *http.Request, index, size int64) (inclusion, store.Entry, error) {
	head, err := s.Store.Checkpoint(r.Context())
	if err != nil {
		return inclusion{}, store.Entry{}, err
	}
	out := inclusion{Index: index, Size: size, Proof: []string{}}
	if size == 0 {
		out.Size = head.Size
	}
	if out.Size > head.Size {
		return out, store.Entry{}, badParameter{fmt.Sprintf("size is %d, but the log has %d entries.", size, head.Size)}
	}
	if out.Size == head.Size {
		out.Checkpoint = head.Checkpoint
	}
	leaf, entry, err := s.leaf(r, index)
	if err != nil {
		return out, entry, err
	}
	if index >= out.Size {
		return out, entry, badParameter{fmt.Sprintf("index is %d, but a log of %d entries ends before it.", index, out.Size)}
	}
	out.Leaf, out.LeafHash = string(leaf), ledger.Leaf(leaf).String()
	err = s.Store.Hashes(r.Context(), func(stored ledger.HashReader) error {
		proof, err := ledger.Inclusion(stored, out.Size, index)
		if err != nil {
			return err
		}
		for _, h := range proof {
			out.Proof = append(out.Proof, h.String())
		}
		root, err := ledger.Root(stored, out.Size)
		out.Root = root.String()
		return err
	})
	return out, entry, err
}

func (s *site) apiInclusion(w http.ResponseWriter, r *http.Request) {
	q := ask(r)
	index, ok := q.number("index", 0, ledger.MaxSize)
	size, _ := q.number("size", 1, ledger.MaxSize)
	if !ok && q.err == nil {
		q.err = badParameter{"index is missing: the entry's number in the log."}
	}
	if s.failed(w, r, q.err) {
		return
	}
	proof, _, err := s.include(r, index, size)
	if s.failed(w, r, err) {
		return
	}
	s.json(w, r, "", proof)
}

func (s *site) apiConsistency(w http.ResponseWriter, r *http.Request) {
	q := ask(r)
	from, okFrom := q.number("from", 0, ledger.MaxSize)
	to, okTo := q.number("to", 0, ledger.MaxSize)
	if (!okFrom || !okTo) && q.err == nil {
		q.err = badParameter{"from and to are needed: two sizes of the log."}
	}
	if s.failed(w, r, q.err) {
		return
	}
	head, err := s.Store.Checkpoint(r.Context())
	if err == nil && (from > to || to > head.Size) {
		err = badParameter{fmt.Sprintf("from must not be larger than to, nor to than the log's %d entries.", head.Size)}
	}
	if s.failed(w, r, err) {
		return
	}
	out := struct {
		From     int64    `json:"from"`
		To       int64    `json:"to"`
		FromRoot string   `json:"from_root"`
		ToRoot   string   `json:"to_root"`
		Proof    []string `json:"proof"`
	}{From: from, To: to, Proof: []string{}}
	err = s.Store.Hashes(r.Context(), func(stored ledger.HashReader) error {
		proof, err := ledger.Consistency(stored, from, to)
		for _, h := range proof {
			out.Proof = append(out.Proof, h.String())
		}
		older, errOlder := ledger.Root(stored, from)
		newer, errNewer := ledger.Root(stored, to)
		out.FromRoot, out.ToRoot = older.String(), newer.String()
		return errors.Join(err, errOlder, errNewer)
	})
	if s.failed(w, r, err) {
		return
	}
	s.json(w, r, "", out)
}
