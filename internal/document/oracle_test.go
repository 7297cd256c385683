package document_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

// TestPlansAgainstTerraformJSON holds our own reader, which is there for its speed, against HashiCorp's library: on our plans and
// on every plan that the library tests itself with, both must find the same resource changes with the same actions and, where
// nothing is sensitive, the same values and the same unknowns.
func TestPlansAgainstTerraformJSON(t *testing.T) {
	t.Parallel()
	library, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/hashicorp/terraform-json").Output()
	if err != nil {
		t.Fatalf("find the library's own plans: %v", err)
	}
	var files []string
	for _, pattern := range []string{"testdata/plans/*.json", filepath.Join(strings.TrimSpace(string(library)), "testdata/*/plan.json")} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no plans match %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	compared := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var plan tfjson.Plan
		if err := plan.UnmarshalJSON(data); err != nil {
			continue // states, and plans that are broken on purpose
		}
		built := document.Build(t.Context(), nil, nil, document.Options{Plans: []document.PlanFile{{File: "p.json", Source: "file", Data: data}}})
		if refused(built) {
			continue
		}
		compared++
		tokens := map[string]bool{} // values that we hold secret although the plan does not mark them: copies of those that it marks
		for _, d := range built.Documents {
			tokens[d.Resource] = strings.Contains(string(d.Before)+string(d.After), document.TokenPrefix)
		}
		if diff := cmp.Diff(theirs(t, &plan, tokens), ours(t, built, plan.ResourceChanges)); diff != "" {
			t.Errorf("%s differs (-terraform-json +ours):\n%s", file, diff)
		}
	}
	if compared < 15 {
		t.Errorf("only %d of %d plans were compared", compared, len(files))
	}
}

// refused reports whether we rightly take it for no finished plan, which the library does not ask.
func refused(r document.Result) bool { return len(r.Problems) > 0 }

type change struct {
	Address, Mode, Type string
	Actions             []string
	Before, After       any // nil where something is sensitive: ours are tokens there
	Unknown             any
}

func theirs(t *testing.T, plan *tfjson.Plan, tokens map[string]bool) []change {
	t.Helper()
	out := []change{}
	for _, r := range plan.ResourceChanges {
		c := change{Address: r.Address, Mode: string(r.Mode), Type: r.Type}
		if r.DeposedKey != "" {
			c.Address += " (deposed object " + r.DeposedKey + ")"
		}
		for _, a := range r.Change.Actions {
			c.Actions = append(c.Actions, string(a))
		}
		if !marked(r.Change.BeforeSensitive) && !marked(r.Change.AfterSensitive) && !tokens[c.Address] {
			c.Before, c.After, c.Unknown = r.Change.Before, r.Change.After, emptyMask(r.Change.AfterUnknown)
		}
		out = append(out, c)
	}
	return sorted(out)
}

func ours(t *testing.T, r document.Result, planned []*tfjson.ResourceChange) []change {
	t.Helper()
	out := []change{}
	for _, d := range r.Documents {
		if d.Kind != "terraform" || slices.Contains([]string{"module", "provisioner", "variable", "output", "provider"}, d.Type) {
			continue
		}
		var about struct {
			Mode      string
			Unknown   any
			Sensitive any
		}
		if err := json.Unmarshal(d.Change, &about); err != nil {
			t.Fatal(err)
		}
		c := change{Address: d.Resource, Mode: about.Mode, Type: d.Type, Actions: d.Actions}
		if !marked(about.Sensitive) && !strings.Contains(string(d.Before)+string(d.After), document.TokenPrefix) {
			c.Before, c.After, c.Unknown = decode(t, d.Before), decode(t, d.After), emptyMask(about.Unknown)
		}
		// Data sources that were read while planning are no changes; ours adds them from the configuration.
		if c.Mode == "data" && !slices.ContainsFunc(planned, func(r *tfjson.ResourceChange) bool { return r.Address == c.Address }) {
			continue
		}
		out = append(out, c)
	}
	return sorted(out)
}

func decode(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	if raw == nil {
		return nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func marked(mask any) bool {
	data, err := json.Marshal(mask)
	return err != nil || strings.Contains(string(data), "true")
}

func emptyMask(mask any) any {
	if mask == nil || mask == false {
		return map[string]any{}
	}
	return mask
}

func sorted(list []change) []change {
	slices.SortFunc(list, func(a, b change) int { return strings.Compare(a.Address, b.Address) })
	return list
}
