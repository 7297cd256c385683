package shipping

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Entry is an entry of the log as it is shipped.
type Entry struct {
	store.Entry

	// Line is the entry's canonical JSON, as [Line] makes it; of an entry that is too large for the receiver a shorter one.
	Line []byte

	// Leaf is the hash under which the entry is a leaf of the log's tree, base64.
	Leaf string

	// Cut says that Line is not the whole entry.
	Cut bool
}

// newEntry reads a leaf of the log.
func newEntry(leaf ledger.Entry) (Entry, error) {
	e := Entry{Line: Line(leaf.Data), Leaf: ledger.Leaf(leaf.Data).String()}
	if err := json.Unmarshal(leaf.Data, &e.Entry); err != nil {
		return Entry{}, fmt.Errorf("entry %d of the log is not JSON: %w", leaf.Index, err)
	}
	if e.Index != leaf.Index {
		return Entry{}, fmt.Errorf("entry %d of the log says that it is entry %d", leaf.Index, e.Index)
	}
	return e, nil
}

// Line is canonical JSON in which every character that has no glyph of its own is written as an escape: line and paragraph
// separators, controls, bidirectional marks. It is the same JSON, and whatever reads it by lines, or shows it, sees one line.
// Where it has no such character, and that is nearly always, it is byte for byte the leaf whose hash the log proves.
func Line(canonical []byte) []byte {
	plain := true
	for i := 0; i < len(canonical) && plain; i++ {
		plain = canonical[i] >= ' ' && canonical[i] < 0x7f
	}
	if plain {
		return canonical
	}
	out := make([]byte, 0, len(canonical)+64)
	for i := 0; i < len(canonical); {
		r, size := utf8.DecodeRune(canonical[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			out = append(out, `\ufffd`...)
		case r == ' ' || unicode.IsPrint(r):
			out = append(out, canonical[i:i+size]...)
		default:
			out = appendEscape(out, r)
		}
		i += size
	}
	return out
}

func appendEscape(out []byte, r rune) []byte {
	if r < 0x10000 {
		return fmt.Appendf(out, `\u%04x`, r)
	}
	r -= 0x10000
	return fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
}

// Shorter is the entry in at most size bytes, as far as that is possible: without its detail, and with as many of its resources as
// there is room for. Its JSON then has "cut": true and "bytes", the length of the whole, which the log has under the same index.
func (e Entry) Shorter(size int) Entry {
	if len(e.Line) <= size {
		return e
	}
	short := struct {
		Bytes       int       `json:"bytes"`
		Commit      string    `json:"commit"`
		Cut         bool      `json:"cut"`
		Facts       string    `json:"facts"`
		Index       int64     `json:"index"`
		Policy      string    `json:"policy"`
		PullRequest int       `json:"pull_request"`
		Actor       string    `json:"actor"`
		Repository  string    `json:"repository"`
		Resources   []string  `json:"resources"`
		SourceIP    string    `json:"source_ip"`
		Time        time.Time `json:"time"`
		Type        string    `json:"type"`
		Verdict     string    `json:"verdict"`
	}{
		Bytes: len(e.Line), Commit: clip(e.Commit, 80), Cut: true, Facts: clip(e.Facts, 80), Index: e.Index, Policy: clip(e.Policy, 80),
		PullRequest: e.PullRequest, Actor: clip(e.Actor, 80), Repository: clip(e.Repository, 160), Resources: []string{},
		SourceIP: clip(e.SourceIP, 64), Time: e.Time, Type: clip(e.Type, 32), Verdict: clip(e.Verdict, 32),
	}
	e.Cut = true
	for _, r := range e.Resources {
		short.Resources = append(short.Resources, r)
		if line := encode(short); len(line) <= size {
			e.Line = line
			continue
		}
		short.Resources = short.Resources[:len(short.Resources)-1]
		break
	}
	e.Line = encode(short)
	return e
}

// encode writes what has no member that cannot be encoded.
func encode(v any) []byte {
	text, err := ledger.Canonical(v)
	if err != nil { // text that is not UTF-8, which no leaf holds
		text, _ = json.Marshal(v)
	}
	return Line(text)
}

// clip is at most n bytes of s, cut between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// visible is s without the characters that have no glyph, clipped: for header fields and parameters.
func visible(s string, n int) string {
	return clip(strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return '?'
	}, s), n)
}

// word names something of the entry's detail, "" when there is no such text.
func (e Entry) word(name string) string {
	s, _ := e.Detail[name].(string)
	return s
}

// alarming reports whether people should look at the entry soon.
func (e Entry) alarming() bool {
	return e.Type == store.EntryBypass || e.Type == store.EntryBreakGlass
}
