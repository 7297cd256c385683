package rules

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// paths are what of a change is read, as text.
func (r *reads) paths(at string) []string {
	if r.whole || len(r.keys) == 0 {
		return []string{strings.TrimPrefix(at, ".")}
	}
	var out []string
	for _, key := range r.sortedKeys() {
		out = append(out, r.keys[key].paths(at+"."+key)...)
	}
	return out
}

// Changes that a definition cannot tell apart, but for what its message names, are asked about once.
func TestSortsOfChanges(t *testing.T) {
	t.Parallel()
	type want struct {
		Guard []string // what its guard reads of a change; nil: it has none
		Sorts bool     // the many changes of the plan are of few sorts
	}
	for body, want := range map[string]want{
		"some c in input.resource_changes\n c.type == \"aws_a\"\n not c.change.after.tags.Team\n msg := sprintf(\"%s has none\", [c.address])": {
			[]string{"change.after.tags.Team", "type"}, false}, // every seventh has a team of its own
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n c.mode == \"data\"\n where := c.address\n what := c.change.actions\n msg := sprintf(\"%s %v\", [where, what])": {
			[]string{"mode", "type"}, true},
		"c := input.resource_changes[_]\n c.type == \"aws_b\"\n print(c.address)\n \"delete\" in c.change.actions\n msg := {\"msg\": c.address, \"severity\": \"low\"}": {
			[]string{"change.actions", "type"}, true},
		"c := input.resource_changes[_]\n c.type == \"aws_b\"\n startswith(c.address, \"aws\")\n msg := c.mode": {[]string{"address", "type"}, false},
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n seen[c.change.after.name]\n msg := c.address":   {[]string{"change.after.name", "type"}, false},
		"msg := input.resource_changes[_].address":                                                              {nil, false},
		"c := input.resource_changes[_]\n object.keys(c)[_] == \"mode\"\n msg := \"keys\"":                      {nil, false},
		"some r in managed\n r.type == \"aws_a\"\n msg := r.address":                                            {nil, false},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			c := conftestOf(t, "package main\nseen := {\"n7\"}\nmanaged contains c if { c := input.resource_changes[_]; c.mode == \"managed\" }\ndeny contains msg if {\n "+body+"\n}\n")
			d := c.rules[0].planwise[0]
			plans := plansToJudge()
			plan := fileInputs("plan.json", []json.RawMessage{json.RawMessage(plans[len(plans)-1])})[0].changes()
			a := &inquiry{planwise: d, changes: plan.of(d.types)}
			plan.sieve([]*inquiry{a})
			got := a.sorts
			if sorted := got != nil && len(got) < 20; sorted != want.Sorts {
				t.Errorf("%d sorts of %d changes", len(got), len(a.changes))
			}
			var all []int
			for _, s := range got {
				all = append(all, s.changes...)
			}
			slices.Sort(all)
			if want.Sorts && !slices.Equal(all, a.changes) {
				t.Errorf("%d of %d changes are of a sort", len(all), len(a.changes))
			}
			var reads []string
			if d.guard != nil {
				reads = d.guard.reads.paths("")
			}
			if diff := cmp.Diff(want.Guard, reads); diff != "" {
				t.Errorf("the guard reads otherwise (-want +got):\n%s", diff)
			}
		})
	}
}
