package cases

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// The findings and demands of a case come from rules that are written for it: a rule of the repository's own speaks up about the
// resources that carry its mark. A mark has a value before and after the change, so that a finding can be new, worse, or older.

// own begins the ids of such rules, for the catalogue has the others.
const own = "OWN-"

// mark is a tag of a resource, for one finding or demand.
type mark struct {
	name, before, after string
	on                  string // the resource's address
}

// marks are those of the case's findings and demands, in this order.
func (sc *scene) marks() []mark {
	f := &sc.facts
	on := func(resource string) string {
		for _, c := range sc.changes {
			if c.Resource == resource || gate.WithoutModule(c.Resource) == resource {
				return c.Resource
			}
		}
		return sc.changes[0].Resource
	}
	var out []mark
	for i, x := range f.Evaluation.Findings {
		m := mark{name: fmt.Sprintf("finding-%d", i), after: "there", on: on(x.Resource)}
		m.before = map[string]string{gate.StatusExisting: "there", gate.StatusWorse: "less"}[x.Status]
		out = append(out, m)
	}
	for i, r := range f.Evaluation.Requirements {
		out = append(out, mark{name: fmt.Sprintf("demand-%d", i), after: "there", on: on(r.Resource)})
	}
	return out
}

// rego are the case's rules, by file.
func (sc *scene) rego() map[string]string {
	out := map[string]string{}
	f := &sc.facts
	kinds := []string{}
	for _, c := range sc.changes {
		kinds = append(kinds, c.Type)
	}
	rule := func(id, severity, enforcement string) *strings.Builder {
		var b strings.Builder
		fmt.Fprintf(&b, "# METADATA\n# title: Stays unmarked\n# custom:\n#   id: %s\n#   severity: %s\n#   enforcement: deny\n#   unknown: %s\n#   remedy: Remove the mark.\n#   inspects: {terraform: [%s]}\npackage gatehouse.staged.%s\n",
			own+id, severity, enforcement, strings.Join(slices.Compact(slices.Sorted(slices.Values(kinds))), ", "), strings.ToLower(strings.ReplaceAll(id, "-", "_")))
		return &b
	}
	rules := map[string]*strings.Builder{}
	find := func(id, severity, enforcement string) *strings.Builder {
		if rules[id] == nil {
			rules[id] = rule(id, severity, enforcement)
		}
		return rules[id]
	}
	whole := ""
	if len(f.Group) > 0 { // only the whole brings it
		whole = "\tstartswith(input.pull_request.title, \"Merge group\")\n"
	}
	for i, x := range f.Evaluation.Findings {
		set := x.Enforcement
		if x.Unknown {
			set = "unknown"
		}
		for value, message := range map[string]string{"there": x.Message, "less": x.Message + ", a little"} {
			fmt.Fprintf(find(x.Rule, x.Severity, x.Enforcement), "\n%s contains {\"message\": %q, \"path\": %q, \"resource\": %q} if {\n\tinput.resource.tags[\"finding-%d\"] == %q\n%s}\n",
				set, message, x.Path, x.Resource, i, value, whole)
		}
	}
	for i, r := range f.Evaluation.Requirements {
		teams, err := json.Marshal(orNone(r.Teams))
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(find(r.Rule, "high", "deny"), "\nrequire_approval contains {\"count\": %d, \"teams\": %s, \"reason\": %q, \"resource\": %q} if input.resource.tags[\"demand-%d\"] == \"there\"\n",
			r.Count, sc.mine(string(teams)), r.Reason, r.Resource, i)
	}
	for id, b := range rules {
		out["policies/"+strings.ToLower(id)+".rego"] = b.String()
	}
	for range f.Evaluation.Problems {
		out["policies/x.rego"] = rule("X-01", "high", "deny").String() + "\ntwice := 1 if input.resource\n\ntwice := 2 if input.resource\n\ndeny contains \"never\" if twice == 3\n"
	}
	return out
}

// plan is a Terraform plan with these changes, of one environment.
func (sc *scene) plan(changes []gate.Change, environment string) []byte {
	list := []map[string]any{}
	marks := sc.marks()
	for _, c := range changes {
		if c.Environment != environment {
			continue
		}
		before, after := map[string]string{"n": "1"}, map[string]string{"n": "2"}
		for _, m := range marks {
			if m.on == c.Resource {
				before[m.name], after[m.name] = m.before, m.after
			}
		}
		address := gate.WithoutModule(c.Resource)
		_, name, _ := strings.Cut(address, ".")
		name, index, indexed := strings.Cut(strings.TrimSuffix(name, "]"), "[")
		one := map[string]any{"address": c.Resource, "mode": "managed", "type": c.Type, "name": name, "provider_name": "registry.terraform.io/hashicorp/aws"}
		if module := strings.TrimSuffix(c.Resource, "."+address); module != c.Resource {
			one["module_address"] = module
		}
		if indexed {
			one["index"] = json.RawMessage(index)
		}
		change := map[string]any{
			"actions": c.Actions, "before": map[string]any{"id": "x", "tags": before}, "after": map[string]any{"id": "x", "tags": after},
			"after_unknown": map[string]any{}, "before_sensitive": map[string]any{}, "after_sensitive": map[string]any{},
		}
		switch {
		case slices.Equal(c.Actions, []string{"create"}):
			change["before"] = nil
		case slices.Equal(c.Actions, []string{"delete"}):
			change["after"] = nil
		}
		one["change"] = change
		list = append(list, one)
	}
	data, err := json.Marshal(map[string]any{"format_version": "1.2", "terraform_version": "1.9.8", "resource_changes": list})
	if err != nil {
		panic(err)
	}
	return data
}

// environments are those of the case's changes, and with each the directory of its project.
func (sc *scene) environments() map[string]string {
	out := map[string]string{}
	for _, c := range sc.changes {
		out[c.Environment] = "infra/" + c.Environment
		if c.Environment == "production" || c.Environment == "" {
			out[c.Environment] = "infra/prod"
		}
	}
	return out
}

// submit hands in a plan of each project, as a workflow does.
func (sc *scene) submit(changes []gate.Change) {
	for environment, dir := range sc.environments() {
		if status, said := sc.Submit(sc.Token(sc.Job(sc.planned())), dir, "default", bytes.NewReader(sc.plan(changes, environment))); status != http.StatusCreated {
			sc.T.Fatalf("%s: the plan of %s was not taken: %d %s", sc.name, dir, status, said)
		}
	}
}
