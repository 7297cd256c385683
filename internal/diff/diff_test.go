package diff

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

const token = "token:0123456789abcdef0123456789abcdef"

// told is an attribute on one line: "name: before -> after", and what else is said of it.
func told(a Attribute) string {
	s := fmt.Sprintf("%s: %s -> %s", a.Attribute, a.Before, a.After)
	for word, on := range map[string]bool{" sensitive": a.Sensitive, " unknown": a.Unknown, " forces": a.Forces, " cut": a.Cut} {
		if on {
			s += word
		}
	}
	if a.Line > 0 {
		s += fmt.Sprintf(" line %d", a.Line)
	}
	return s
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 400)
	for name, c := range map[string]struct {
		before, after, change string
		want                  []string
	}{
		"an update":                     {`{"a":1,"b":{"c":"x"}}`, `{"a":2,"b":{"c":"y"}}`, ``, []string{`a: 1 -> 2`, `b.c: "x" -> "y"`}},
		"nothing":                       {`{"a":[1,{"b":null}]}`, `{"a":[1,{"b":null}]}`, ``, nil},
		"a new one, nulls left out":     {``, `{"a":1,"n":null,"e":[],"o":{},"l":["x"]}`, ``, []string{`a: null -> 1`, `l: null -> ["x"]`}},
		"one gone":                      {`{"a":1,"b":{"c":true}}`, ``, `{"unknown":{"id":true}}`, []string{`a: 1 -> null`, `b.c: true -> null`}},
		"unknown comes last":            {`{"arn":"x","size":1}`, `{"size":2}`, `{"unknown":{"arn":true}}`, []string{`size: 1 -> 2`, `arn: "x" -> "(known after apply)" unknown`}},
		"unknown inside a list":         {`{"l":[{"id":"a"}]}`, `{"l":[{}]}`, `{"unknown":{"l":[{"id":true}]}}`, []string{`l[0].id: "a" -> "(known after apply)" unknown`}},
		"unknown of a whole list":       {`{"l":[1]}`, `{}`, `{"unknown":{"l":true}}`, []string{`l: [1] -> "(known after apply)" unknown`}},
		"all unknown":                   {``, `{}`, `{"unknown":true}`, []string{`(everything): null -> "(known after apply)" unknown`}},
		"sensitive counts as unknown":   {`{"p":"` + token + `"}`, `{"p":"token:` + strings.Repeat("a", 32) + `"}`, `{"unknown":{"p":true}}`, []string{`p: "(sensitive)" -> "(sensitive)" sensitive`}},
		"sensitive and the same":        {`{"p":"` + token + `"}`, `{"p":"` + token + `"}`, `{"unknown":{"p":true}}`, nil},
		"sensitive inside a list":       {`{"p":["` + token + `"]}`, `{"p":["` + token + `","a"]}`, ``, []string{`p: ["(sensitive)"] -> ["(sensitive)","a"] sensitive`}},
		"what forces a replacement":     {`{"a":1,"b":{"c":1},"z":1}`, `{"a":2,"b":{"c":2},"z":2}`, `{"replace_paths":[["z"],["b"]]}`, []string{`b.c: 1 -> 2 forces`, `z: 1 -> 2 forces`, `a: 1 -> 2`}},
		"elements with names":           {`{"c":[{"name":"a","i":1},{"name":"b","i":1}]}`, `{"c":[{"name":"b","i":1},{"name":"a","i":2},{"name":"x y","i":3}]}`, ``, []string{`c[a].i: 1 -> 2`, `c["x y"].i: null -> 3`, `c["x y"].name: null -> "x y"`}},
		"a named element gone":          {`{"c":[{"name":"a"},{"name":"b"}]}`, `{"c":[{"name":"b"}]}`, ``, []string{`c[a].name: "a" -> null`}},
		"elements without names":        {`{"r":[{"p":1},{"p":2},{"p":3}]}`, `{"r":[{"p":3},{"p":1},{"p":4}]}`, ``, []string{`r[2].p: 2 -> 4`}},
		"an element more, one less":     {`{"r":[{"p":1}]}`, `{"r":[{"p":1},{"p":1}]}`, ``, []string{`r[1].p: null -> 1`}},
		"an element less":               {`{"r":[{"p":1},{"p":1}]}`, `{"r":[{"p":1}]}`, ``, []string{`r[1].p: 1 -> null`}},
		"a policy inside a text":        {`{"policy":"{\"S\":[{\"Sid\":\"a\",\"Action\":\"s3:Get\"}]}"}`, `{"policy":"{ \"S\":[{\"Sid\":\"a\",\"Action\":\"*\"}]}"}`, ``, []string{`policy.S[a].Action: "s3:Get" -> "*"`}},
		"a policy written differently":  {`{"policy":"{\"a\":1}"}`, `{"policy":"{ \"a\": 1 }"}`, ``, nil},
		"another type":                  {`{"a":{"b":1}}`, `{"a":[1]}`, ``, []string{`a: {"b":1} -> [1]`}},
		"an object that becomes a text": {`{"a":{"b":1}}`, `{"a":"x"}`, ``, []string{`a: {"b":1} -> "x"`}},
		"odd keys":                      {``, `{"app.kubernetes.io/name":"x","":1}`, ``, []string{`[""]: null -> 1`, `["app.kubernetes.io/name"]: null -> "x"`}},
		"lines":                         {`{"f":"a\nb\nc\nd\n"}`, `{"f":"a\nb\nx\ny\nd\n"}`, ``, []string{`f: "c\n" -> "x\ny\n" cut line 3`}},
		"lines that come":               {`{"f":"a\nd\n"}`, `{"f":"a\nb\nd\n"}`, ``, []string{`f: null -> "b\n" cut line 2`}},
		"a long text":                   {`{"f":"` + long + `a"}`, `{"f":"` + long + `b"}`, ``, []string{`f: "…` + long[:40] + `a" -> "…` + long[:40] + `b" cut`}},
		"a long list":                   {`{"l":["` + long + `","a"]}`, `{"l":["b","` + long + `"]}`, ``, []string{`l[*]: ["a"] -> ["b"]`}},
		"numbers as written":            {`{"n":1.0}`, `{"n":1e400}`, ``, []string{`n: 1.0 -> 1e400`}},
		"markup stays as it is":         {`{"a":"<b>"}`, `{"a":"&"}`, ``, []string{`a: "<b>" -> "&"`}},
	} {
		d := gate.Document{Kind: "terraform", Resource: "x.y", After: json.RawMessage(c.after), Before: json.RawMessage(c.before), Change: json.RawMessage(c.change)}
		if c.after == "" {
			d.After = nil
		}
		got := Of([]gate.Change{{Kind: "terraform", Resource: "x.y", Actions: []string{"update"}}}, []gate.Document{d}, Limits{})
		var lines []string
		for _, a := range got.Changes[0].Attributes {
			lines = append(lines, told(a))
		}
		if diff := cmp.Diff(c.want, lines); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Of too much, what is lost comes before what is changed, and the rest is counted.
func TestBounds(t *testing.T) {
	t.Parallel()
	var changes []gate.Change
	var docs []gate.Document
	for i := range 10 {
		action := []string{"create", "update", "delete"}[i%3]
		name := fmt.Sprint("x.", i)
		changes = append(changes, gate.Change{Kind: "terraform", Resource: name, Actions: []string{action}})
		docs = append(docs, gate.Document{Kind: "terraform", Resource: name, After: json.RawMessage(`{"a":1,"b":2,"c":"` + strings.Repeat("ä", 50) + `"}`)})
	}
	names := func(c Changes) string {
		var out []string
		for _, x := range c.Changes {
			out = append(out, fmt.Sprintf("%s %d+%d", x.Resource, len(x.Attributes), x.More))
		}
		return strings.Join(out, ", ") + fmt.Sprintf("; %d more", c.More)
	}
	for want, limits := range map[string]Limits{
		"x.1 3+0, x.2 3+0, x.4 3+0, x.5 3+0, x.8 3+0; 5 more": {Resources: 5},
		"x.1 2+1, x.2 2+1, x.5 2+1, x.8 2+1; 6 more":          {Resources: 4, Attributes: 2},
		"x.2 3+0, x.5 3+0, x.8 3+0; 7 more":                   {Total: 1000},
		"; 10 more":                                           {Total: 10},
	} {
		got := names(Of(changes, docs, limits))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	one := Of(changes[:1], docs[:1], Limits{Value: 10}).Changes[0].Attributes[2]
	if diff := cmp.Diff(`c: null -> "äääääääää…" cut`, told(one)); diff != "" {
		t.Error(diff)
	}
	if one.Text(one.After) != `"äääääääää…"` || one.Text(one.Before) != "" {
		t.Error(one.Text(one.After), one.Text(one.Before))
	}
}

// Two documents of one name, as the same manifest in two overlays, are not mixed up; a document that is not there is no crash.
func TestSameNames(t *testing.T) {
	t.Parallel()
	change := gate.Change{Kind: "kubernetes", Resource: "v1/ConfigMap//a", File: "a.yaml", Actions: []string{"update"}}
	doc := func(v string) gate.Document {
		return gate.Document{Kind: "kubernetes", Resource: "v1/ConfigMap//a", File: "a.yaml", Before: json.RawMessage(`{"v":0}`), After: json.RawMessage(`{"v":` + v + `}`)}
	}
	got := Of([]gate.Change{change, change, change}, []gate.Document{doc("1"), doc("2")}, Limits{})
	var lines []string
	for _, c := range got.Changes {
		line := "-"
		for _, a := range c.Attributes {
			line = told(a)
		}
		lines = append(lines, line)
	}
	if diff := cmp.Diff([]string{"v: 0 -> 1", "v: 0 -> 2", "-"}, lines); diff != "" {
		t.Error(diff)
	}
	if _, ok := got.Find("kubernetes", "v1/ConfigMap//a", "a.yaml", ""); !ok {
		t.Error("not found")
	}
	if _, ok := got.Find("kubernetes", "v1/ConfigMap//a", "b.yaml", ""); ok {
		t.Error("found in another file")
	}
}

func FuzzOf(f *testing.F) {
	f.Add(`{"a":[{"name":"x"}],"p":"{}"}`, `{"a":[{"name":"y"}],"p":"[]"}`, `{"unknown":{"a":[true]},"replace_paths":[["a",0]]}`)
	f.Fuzz(func(t *testing.T, before, after, change string) {
		d := gate.Document{Resource: "r", Before: json.RawMessage(before), After: json.RawMessage(after), Change: json.RawMessage(change)}
		c := gate.Change{Resource: "r", Actions: []string{"update"}}
		got := Of([]gate.Change{c}, []gate.Document{d}, Limits{})
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 300<<10 {
			t.Fatalf("%d bytes", len(data))
		}
	})
}
