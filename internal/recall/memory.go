package recall

import (
	"encoding/binary"
	"slices"
)

// Memory is what one run found out about a plan.
type Memory struct {
	Size    int      // of the plan, bytes
	Context [32]byte // digest of what the documents are made of besides the changes
	Direct  bool     // no reference of the configuration leads back to itself: each can be followed without the others
	Changes []Change
}

// Change is one change of the plan, and what the rules said about it alone.
type Change struct {
	Offset, Size, Lines  int  // from the start of the list, in bytes; of its text, in bytes and in line breaks
	Tag                  Tag  // of its text
	Bare                 bool // it can be judged by its answer alone
	Type, Name, Resource string
	Actions              []string
	Answer               []byte // of rules.Input.Keep
}

const magic = "gatehouse check 2\n"

func (m *Memory) encode() []byte {
	out := make([]byte, 0, len(magic)+len(m.Changes)*160)
	out = append(out, magic...)
	out = binary.AppendUvarint(out, uint64(m.Size))
	out = append(out, m.Context[:]...)
	out = appendBool(out, m.Direct)
	out = binary.AppendUvarint(out, uint64(len(m.Changes)))
	text := func(s string) {
		out = binary.AppendUvarint(out, uint64(len(s)))
		out = append(out, s...)
	}
	for i := range m.Changes {
		c := &m.Changes[i]
		out = binary.AppendUvarint(out, uint64(c.Offset))
		out = binary.AppendUvarint(out, uint64(c.Size))
		out = binary.AppendUvarint(out, uint64(c.Lines))
		out = append(out, c.Tag[:]...)
		out = appendBool(out, c.Bare)
		text(c.Type)
		text(c.Name)
		text(c.Resource)
		out = binary.AppendUvarint(out, uint64(len(c.Actions)))
		for _, action := range c.Actions {
			text(action)
		}
		text(string(c.Answer))
	}
	return out
}

func appendBool(out []byte, b bool) []byte {
	if b {
		return append(out, 1)
	}
	return append(out, 0)
}

// decode is nil when the text is no memory of this form.
func decode(text []byte) *Memory {
	r := reader{rest: text, texts: string(text)}
	if string(r.take(len(magic))) != magic {
		return nil
	}
	m := &Memory{Size: r.number()}
	copy(m.Context[:], r.take(len(m.Context)))
	m.Direct = r.bool()
	n := r.number()
	if r.bad || n > len(r.rest) {
		return nil
	}
	m.Changes = make([]Change, n)
	last := []string{}
	for i := range m.Changes {
		c := &m.Changes[i]
		c.Offset, c.Size, c.Lines = r.number(), r.number(), r.number()
		copy(c.Tag[:], r.take(len(c.Tag)))
		c.Bare = r.bool()
		c.Type, c.Name, c.Resource = r.text(), r.text(), r.text()
		c.Actions = r.list(last)
		last = c.Actions
		c.Answer = r.take(r.number())
	}
	if r.bad || len(r.rest) > 0 {
		return nil
	}
	return m
}

// reader takes a text apart; bad: it was not as it should be.
type reader struct {
	rest  []byte
	texts string // all of it, of which every text is a part: tens of thousands of copies would take longer than all else
	bad   bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.rest) {
		r.bad = true
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) number() int {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > 1<<40 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return int(n)
}

func (r *reader) bool() bool {
	b := r.take(1)
	return len(b) == 1 && b[0] == 1
}

// list reads a list of texts. When it is like the last one it is the last one: most changes have one of a few lists of actions.
func (r *reader) list(last []string) []string {
	n := r.number()
	if r.bad || n > len(r.rest) {
		r.bad = true
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.text()
	}
	if slices.Equal(list, last) {
		return last
	}
	return list
}

func (r *reader) text() string {
	n := r.number()
	at := len(r.texts) - len(r.rest)
	if len(r.take(n)) != n || r.bad {
		return ""
	}
	return r.texts[at : at+n]
}
