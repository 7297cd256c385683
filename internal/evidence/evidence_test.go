package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

var errGone = errors.New("gone")

func reader(p Packed) func(string) ([]byte, error) {
	return func(digest string) ([]byte, error) {
		if digest == p.Digest {
			return p.Manifest, nil
		}
		if part, ok := p.Parts[digest]; ok {
			return part, nil
		}
		return nil, errGone
	}
}

func sample(n int) Evidence {
	e := Evidence{HasFiles: true, Settings: Settings{
		Packs: []string{}, Scope: "changed", Paths: []string{".gatehouse/policies"},
		Rules: map[string]Setting{"IM-04": {Enforcement: "warn", Parameters: map[string]any{"owners": []any{"1"}, "n": json.Number("15")}}},
	}}
	for i := range n {
		text := json.RawMessage(fmt.Sprintf(`{"n":%d.00,"html":"<a&b>","pad":%q}`, i, strings.Repeat("x", 1000)))
		e.Documents = append(e.Documents, gate.Document{
			Kind: "kubernetes", Type: "Pod", Name: fmt.Sprint("p", i), Resource: fmt.Sprintf("v1/Pod/a/p%d", i), Set: "manifests",
			File: fmt.Sprintf("k8s/%d.yaml", i/10), Line: i, Actions: []string{"no-op"}, After: text, Before: text, PodPath: []string{},
		})
	}
	e.Documents = append(e.Documents,
		gate.Document{Kind: "terraform", Type: "x", Name: "new", Resource: "x.new", Actions: []string{"create"}, After: json.RawMessage(`{}`), Change: json.RawMessage(`{"unknown":{"id":true}}`)},
		gate.Document{Kind: "terraform", Type: "x", Name: "old", Resource: "x.old", Actions: []string{"delete"}, Before: json.RawMessage(`{"a":null}`)},
		gate.Document{Kind: "kubernetes", Type: "Deployment", Name: "d", Resource: "d", Actions: []string{"update"}, After: json.RawMessage(`{"a":1}`), Before: json.RawMessage(`{"a":2}`), PodPath: []string{"spec", "template"}},
	)
	e.Files = []File{
		{Path: "a.yaml", After: []json.RawMessage{json.RawMessage(`1`), json.RawMessage(`{"b":"<"}`)}},
		{Path: "b.yaml", After: []json.RawMessage{json.RawMessage(`1`)}, Before: []json.RawMessage{json.RawMessage(`1`)}},
		{Path: "c.yaml", Before: []json.RawMessage{json.RawMessage(`2`)}},
	}
	return e
}

// What comes out is what went in, byte for byte: the rules' answers are kept by content.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, e := range []Evidence{{}, sample(0), sample(60), {Omitted: "too much", Settings: Settings{Packs: nil, Scope: "all"}}} {
		p, err := Pack(e, MaxBytes)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Open(p.Digest, reader(p))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Error(diff)
		}
		again, err := Pack(got, MaxBytes)
		if err != nil || again.Digest != p.Digest {
			t.Errorf("packed again it is %s, not %s (%v)", again.Digest, p.Digest, err)
		}
	}
}

// A reader reads a part once, gives the same each time, and begins anew when it is full.
func TestReaderRemembers(t *testing.T) {
	t.Parallel()
	p, err := Pack(sample(300), MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	for limit, most := range map[int]int{64 << 20: 1, 100 << 10: 3} {
		reads := map[string]int{}
		r := NewReader(limit)
		for range 3 {
			got, err := r.Open(p.Digest, func(digest string) ([]byte, error) {
				reads[digest]++
				return reader(p)(digest)
			})
			if err != nil {
				t.Fatal(err)
			}
			if again, err := Pack(got, MaxBytes); err != nil || again.Digest != p.Digest {
				t.Errorf("what was read is %s, not %s (%v)", again.Digest, p.Digest, err)
			}
		}
		for digest, n := range reads {
			if digest != p.Digest && n > most {
				t.Errorf("with %d bytes %s was read %d times", limit, digest, n)
			}
		}
	}
}

// A change to one document costs one part; the others are those that are kept already.
func TestPartsAreShared(t *testing.T) {
	t.Parallel()
	e := sample(2000)
	a, err := Pack(e, MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	e.Documents = append([]gate.Document{{Kind: "kubernetes", Resource: "first", Actions: []string{"create"}, After: json.RawMessage(`{}`)}}, e.Documents...)
	e.Documents[1000].After = json.RawMessage(`{"another":true}`)
	b, err := Pack(e, MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	fresh := 0
	for digest := range b.Parts {
		if a.Parts[digest] == nil {
			fresh++
		}
	}
	if len(b.Parts) < 10 || fresh != 2 {
		t.Errorf("%d of %d parts are new", fresh, len(b.Parts))
	}
}

func TestWhatIsLeftOutIsSaid(t *testing.T) {
	t.Parallel()
	p, err := Pack(sample(3000), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	const why = "what the rules saw has more than 1 MiB, which is the limit"
	got, err := Open(p.Digest, reader(p))
	if err != nil || p.Omitted != why || len(p.Parts) != 0 {
		t.Errorf("%q, %d parts, %v", p.Omitted, len(p.Parts), err)
	}
	if diff := cmp.Diff(Evidence{HasFiles: true, Settings: sample(0).Settings, Omitted: why}, got); diff != "" {
		t.Error(diff)
	}
	bad := Evidence{Documents: []gate.Document{{Resource: "x", After: json.RawMessage(`{`)}}}
	if p, err := Pack(bad, MaxBytes); err != nil || !strings.HasPrefix(p.Omitted, "what the rules saw cannot be written down: x:") || len(p.Parts) != 0 {
		t.Errorf("%q, %v", p.Omitted, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	p, err := Pack(sample(100), MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(p.Manifest, &m); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(m *manifest, parts map[string][]byte){
		"format 2, this program reads 1": func(m *manifest, _ map[string][]byte) { m.Version = 2 },
		"contradicts itself":             func(m *manifest, _ map[string][]byte) { m.InFiles = 99 },
		"the manifest says 104 and 3":    func(m *manifest, _ map[string][]byte) { m.Documents++ },
		"gone":                           func(m *manifest, parts map[string][]byte) { delete(parts, m.Parts[0]) },
		"unknown field":                  func(m *manifest, parts map[string][]byte) { parts[m.Parts[0]] = []byte(`{"kind":"a","future":1}`) },
	} {
		changed := manifest{}
		if err := json.Unmarshal(p.Manifest, &changed); err != nil {
			t.Fatal(err)
		}
		q := Packed{Parts: map[string][]byte{}}
		for digest, part := range p.Parts {
			q.Parts[digest] = part
		}
		change(&changed, q.Parts)
		if q.Manifest, err = ledger.Canonical(changed); err != nil {
			t.Fatal(err)
		}
		q.Digest = ledger.Digest(q.Manifest)
		if _, err := Open(q.Digest, reader(q)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("wanted %q, got %v", name, err)
		}
	}
}
