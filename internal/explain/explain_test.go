package explain

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with testdata/NAME, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; go test -update writes it anew):\n%s", file, diff)
	}
}

// TestGolden shows each story in every format that people or tools read.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, s := range stories() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, c := &s.d, s.c
			golden(t, name+"/comment.md", []byte(Comment(d, c)))
			golden(t, name+"/markdown.md", []byte(Markdown(d)))
			check, err := json.MarshalIndent(Check(d, c), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+"/check.json", append(check, '\n'))
			var text bytes.Buffer
			if err := Text(&text, d, Terminal{Width: 90}); err != nil {
				t.Fatal(err)
			}
			golden(t, name+"/terminal.txt", text.Bytes())
			golden(t, name+"/github.txt", []byte(GitHub(d)))
			for file, format := range map[string]func(*gate.Decision) ([]byte, error){
				"report.json": JSON, "junit.xml": JUnit, "report.sarif": func(d *gate.Decision) ([]byte, error) { return SARIF(d, catalogue()) },
			} {
				out, err := format(d)
				if err != nil {
					t.Fatal(err)
				}
				golden(t, name+"/"+file, out)
			}
		})
	}
}

func TestColourIsTheOnlyDifference(t *testing.T) {
	t.Parallel()
	for name, s := range stories() {
		var with, without bytes.Buffer
		if err := Text(&with, &s.d, Terminal{Color: true, Width: 90}); err != nil {
			t.Fatal(err)
		}
		if err := Text(&without, &s.d, Terminal{Width: 90}); err != nil {
			t.Fatal(err)
		}
		stripped := with.String()
		for _, code := range []string{red, yellow, green, dim, bold, plain} {
			stripped = string(bytes.ReplaceAll([]byte(stripped), []byte(code), nil))
		}
		if diff := cmp.Diff(without.String(), stripped); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTextReportsTheWritersError(t *testing.T) {
	t.Parallel()
	d := &gate.Decision{Verdict: gate.Pass}
	if err := Text(failing{}, d, Terminal{}); err != os.ErrClosed {
		t.Errorf("got %v, want %v", err, os.ErrClosed)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestConclusion(t *testing.T) {
	t.Parallel()
	type answer struct{ Status, Conclusion, Title string }
	for verdict, want := range map[gate.Verdict]answer{
		gate.Pass:  {"completed", "success", "T"},
		gate.Fail:  {"completed", "failure", "T"},
		gate.Wait:  {"in_progress", "", "T"},
		gate.Error: {"completed", "failure", "Gatehouse could not evaluate: T"},
		"":         {"completed", "failure", "Gatehouse could not evaluate: T"},
		"maybe":    {"completed", "failure", "Gatehouse could not evaluate: T"},
	} {
		out := Check(&gate.Decision{Verdict: verdict, Title: "T"}, Context{})
		if diff := cmp.Diff(want, answer{out.Status, out.Conclusion, out.Title}); diff != "" {
			t.Errorf("%q: %s", verdict, diff)
		}
	}
}

func TestActionFitsGitHub(t *testing.T) {
	t.Parallel()
	for _, a := range Check(&gate.Decision{}, Context{}).Actions {
		if len(a.Label) > 20 || len(a.Description) > 40 || len(a.Identifier) > 20 {
			t.Errorf("too long for GitHub: %+v", a)
		}
	}
}

func TestSilent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		d    gate.Decision
		want bool
	}{
		"a pass of nothing":        {gate.Decision{Verdict: gate.Pass}, true},
		"a pass of a document":     {gate.Decision{Verdict: gate.Pass, Summary: gate.Summary{Documents: 1}}, false},
		"a pass with an objection": {gate.Decision{Verdict: gate.Pass, Discounted: []gate.Discounted{{}}}, false},
		"a file nobody judges":     {gate.Decision{Verdict: gate.Pass, Unjudged: []gate.Problem{{}}}, false},
		"a wait":                   {gate.Decision{Verdict: gate.Wait}, false},
		"an error":                 {gate.Decision{Verdict: gate.Error}, false},
	} {
		if got := Silent(&c.d, Context{}); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestAnnotationsPointAtFilesThatAreThere(t *testing.T) {
	t.Parallel()
	finding := func(file string, line int, status string) gate.Finding {
		return gate.Finding{Rule: "X", Severity: "high", Title: "t", Enforcement: gate.EnforceDeny, Status: status, Resource: "r", File: file, Line: line, Message: "m"}
	}
	d := &gate.Decision{Verdict: gate.Fail, Findings: []gate.Finding{
		finding("kept.yaml", 3, gate.StatusNew), finding("kept.yaml", 0, gate.StatusNew), finding("gone.yaml", 3, gate.StatusNew),
		finding("unchanged.yaml", 0, gate.StatusNew), finding("../up.yaml", 3, gate.StatusNew), finding("", 3, gate.StatusNew),
		finding("kept.yaml", 9, gate.StatusExisting),
	}}
	files := []gate.FileChange{{Path: "kept.yaml", Status: "modified"}, {Path: "gone.yaml", Status: "removed"}}
	want := []Annotation{
		{Path: "kept.yaml", StartLine: 3, EndLine: 3, Level: "failure", Title: "X high: t", Message: "r: m"},
		{Path: "kept.yaml", StartLine: 1, EndLine: 1, Level: "failure", Title: "X high: t", Message: "r: m"},
	}
	if diff := cmp.Diff(want, Check(d, Context{Files: files}).Annotations); diff != "" {
		t.Error(diff)
	}
}

// TestANameIsSaidOnce: rules of other dialects often have no title, and bring their name for one.
func TestANameIsSaidOnce(t *testing.T) {
	t.Parallel()
	d := &gate.Decision{Verdict: gate.Fail, Findings: []gate.Finding{{
		Rule: "Labels/owner", Title: "Labels/owner", Severity: "high", Enforcement: gate.EnforceDeny, Status: gate.StatusNew,
		Resource: "r", File: "a.yaml", Line: 2, Message: "m",
	}}}
	var terminal bytes.Buffer
	if err := Text(&terminal, d, Terminal{}); err != nil {
		t.Fatal(err)
	}
	junit, err := JUnit(d)
	if err != nil {
		t.Fatal(err)
	}
	check := Check(d, Context{Files: []gate.FileChange{{Path: "a.yaml", Status: "modified"}}})
	for what, page := range map[string]string{
		"terminal": terminal.String(), "commands": GitHub(d), "junit": string(junit), "annotation": check.Annotations[0].Title,
	} {
		if n := strings.Count(page, "Labels/owner"); n != 1 {
			t.Errorf("%s says it %d times:\n%s", what, n, page)
		}
	}
}

// TestNoFindingDropsOut gives findings a status that this version does not know: a newer one may have written them.
func TestNoFindingDropsOut(t *testing.T) {
	t.Parallel()
	d := &gate.Decision{Verdict: gate.Pass, Findings: []gate.Finding{{Rule: "NEW-01", Status: "brand-new", Resource: "r", Message: "m"}}}
	var terminal bytes.Buffer
	if err := Text(&terminal, d, Terminal{}); err != nil {
		t.Fatal(err)
	}
	for what, page := range map[string]string{"comment": Comment(d, Context{}), "terminal": terminal.String(), "commands": GitHub(d)} {
		if !bytes.Contains([]byte(page), []byte("NEW-01")) {
			t.Errorf("the %s does not have it:\n%s", what, page)
		}
	}
}
