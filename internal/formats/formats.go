// Package formats reads files of every format that conftest reads, with conftest's own parsers, for the rules of its dialect. The
// parsers were written for files of one's own: some look at the environment, import other files, or run programs of a configuration
// language. They therefore run in a worker process (see package sandbox) that has none of that, with limits on time and memory.
package formats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/go-jsonnet"
	"github.com/open-policy-agent/conftest/parser"
	conftestjsonnet "github.com/open-policy-agent/conftest/parser/jsonnet"

	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// MaxFile is the most bytes of one file that are handed to a parser. Plans as Terraform writes them need none.
const MaxFile = 32 << 20

// Supported reports whether a file of that name has a format that can be read.
func Supported(path string) bool { return parser.FileSupported(path) }

// Kind is the word that tells the requests of this package from others to the same worker.
const Kind = "parse"

type request struct {
	Kind   string
	Parser string // "": by the file's name
	File   string
	Data   []byte
}

type reply struct {
	Documents []json.RawMessage
	Error     string
}

// Unreadable says that a file is not of its format, or cannot be read within the limits.
type Unreadable struct {
	Reason string
	Limit  bool // reading it met a limit
}

// Error is the reason, to be put after the file's name.
func (e *Unreadable) Error() string { return e.Reason }

// Reader reads files, one after the other. It is not safe for concurrent use and must be closed.
type Reader struct {
	session sandbox.Caller
	deaths  int
	parser  string // for every file, whatever its name
}

// maxDeaths is how many files may end the worker before the others are refused.
const maxDeaths = 3

// New makes a reader whose work happens in a child that workers starts.
func New(workers *sandbox.Workers) *Reader { return With(workers.Session()) }

// With makes a reader whose work a worker does, which the reader closes.
func With(worker sandbox.Caller) *Reader { return &Reader{session: worker} }

// Close ends the child.
func (r *Reader) Close() { r.session.Close() }

// Read gives the documents of a file as JSON: one, or each of those that YAML's separators or an outermost list hold. The error is an
// [*Unreadable] when the file is at fault.
func (r *Reader) Read(ctx context.Context, file string, data []byte) ([]json.RawMessage, error) {
	if len(data) > MaxFile {
		return nil, &Unreadable{fmt.Sprintf("it has %d MiB, more than the limit of %d", len(data)>>20, MaxFile>>20), true}
	}
	if r.deaths >= maxDeaths {
		return nil, &Unreadable{"others met the limits of the worker process before it", true}
	}
	ask, err := json.Marshal(request{Kind, r.parser, file, data})
	if err != nil {
		return nil, fmt.Errorf("ask for %s to be read: %w", file, err)
	}
	answer, err := r.session.Call(ctx, ask)
	var death *sandbox.Death
	if errors.As(err, &death) {
		r.deaths++
		return nil, &Unreadable{death.Error(), true}
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	var got reply
	if err := json.Unmarshal(answer, &got); err != nil {
		return nil, fmt.Errorf("read what came of %s: %w", file, err)
	}
	if got.Error != "" {
		return nil, &Unreadable{Reason: got.Error}
	}
	return got.Documents, nil
}

// Answer is the worker's side. ok is false when the request is for somebody else.
func Answer(ask []byte) (answer []byte, ok bool) {
	var r request
	if err := json.Unmarshal(ask, &r); err != nil || r.Kind != Kind {
		return nil, false
	}
	var out reply
	documents, err := parse(r.Parser, r.File, r.Data)
	if err == nil {
		out.Documents = documents
	} else {
		out.Error = err.Error()
	}
	answer, err = json.Marshal(out)
	if err != nil {
		return []byte(`{"Error":"what was read cannot be written down"}`), true
	}
	return answer, true
}

// Parsers are the names of the parsers, as conftest's --parser takes them.
func Parsers() []string { return parser.Parsers() }

// parserOf is the parser of that name, or, without one, of the file's.
func parserOf(name, file string) (parser.Parser, error) {
	p, err := parser.NewFromPath(file)
	if name != "" {
		p, err = parser.New(name)
	}
	if _, reads := p.(*conftestjsonnet.Parser); reads {
		return jsonnetParser{}, err
	}
	return p, err
}

// jsonnetParser is conftest's, but for imports: where the kernel lets nobody hide the file system, it could read the machine's files.
type jsonnetParser struct{}

// Unmarshal evaluates Jsonnet into what is pointed at.
func (jsonnetParser) Unmarshal(text []byte, into any) error {
	vm := jsonnet.MakeVM()
	vm.Importer(&jsonnet.MemoryImporter{})
	out, err := vm.EvaluateAnonymousSnippet("", string(text))
	if err != nil {
		return fmt.Errorf("evaluate the Jsonnet: %w", err)
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		return fmt.Errorf("read what the Jsonnet gives: %w", err)
	}
	return nil
}

// Parse reads a text in this process, by the name of one of conftest's parsers or else by the name of a file, as conftest's own
// parse_config does. It is for texts that the rules' own tests hold, and for rules that run in a process with limits.
func Parse(name, file string, text []byte) (out json.RawMessage, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("the parser gave up: %.200v", r)
		}
	}()
	if len(text) > MaxFile {
		return nil, fmt.Errorf("it has %d MiB, more than the limit of %d", len(text)>>20, MaxFile>>20)
	}
	p, err := parserOf(name, file)
	if err != nil {
		return nil, err
	}
	var value any
	if err := p.Unmarshal(text, &value); err != nil {
		return nil, err
	}
	if out, err = json.Marshal(value); err != nil {
		return nil, fmt.Errorf("it holds what JSON cannot say: %w", err)
	}
	return out, nil
}

// parse reads a file as conftest does. Its parsers have panicked on hostile input before.
func parse(name, file string, data []byte) (documents []json.RawMessage, err error) {
	defer func() {
		if r := recover(); r != nil {
			documents, err = nil, fmt.Errorf("the parser gave up: %.200v", r)
		}
	}()
	p, err := parserOf(name, file)
	if err != nil {
		return nil, err
	}
	var value any
	if err := p.Unmarshal(data, &value); err != nil {
		return nil, err
	}
	parts, several := value.([]any)
	if !several {
		parts = []any{value}
	}
	documents = make([]json.RawMessage, len(parts))
	for i, part := range parts {
		if documents[i], err = json.Marshal(part); err != nil {
			return nil, fmt.Errorf("it holds what JSON cannot say: %w", err)
		}
	}
	return documents, nil
}
