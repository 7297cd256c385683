package rules_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/policies"
)

// companionRule lists what configures, may configure, refers to and is referred to by each bucket, looking through the entries
// that the two expressions give.
func companionRule(id, near, loose string) string {
	return ruleText(id, "{terraform: [aws_s3_bucket]}", fmt.Sprintf(`
import data.gatehouse.lib.terraform

entries := input.plan.aws_s3_bucket_policy

deny contains sprintf("configures %%s", [other.address]) if {
	some other in %[1]s
	terraform.configures(other, "bucket", ["bucket", "id"])
}

deny contains sprintf("refers %%s", [other.address]) if {
	some other in %[1]s
	terraform.refers(other, "bucket", input)
}

deny contains sprintf("is referred to %%s", [other.address]) if {
	some other in %[1]s
	terraform.refers(input, "bucket", other)
}

deny contains sprintf("targets %%s", [other.address]) if {
	some other in %[1]s
	terraform.targets(input, "logging", ["bucket", "id"], other)
}

deny contains sprintf("may %%s", [other.address]) if {
	some other in %[2]s
	terraform.may_configure(other, "bucket")
}`, near, loose))
}

// randomPlan makes buckets and policies that name each other by value, by reference, by both, by neither, or not until apply.
func randomPlan(r *rand.Rand) []gate.Document {
	names := []string{"a", "b", "c", "", "shared"}
	pick := func() any {
		if r.IntN(4) == 0 {
			return nil
		}
		return names[r.IntN(len(names))]
	}
	encode := func(v any) json.RawMessage {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return text
	}
	var docs []gate.Document
	for i := range 12 {
		kind := []string{"aws_s3_bucket", "aws_s3_bucket_policy"}[i%2]
		module := []string{"", "module.m.", "module.m[0].", "module.m[1]."}[r.IntN(4)]
		key := []string{"", "[0]", `["k"]`}[r.IntN(3)]
		config := strings.NewReplacer("[0]", "", "[1]", "").Replace(module) + fmt.Sprintf("%s.r%d", kind, i)
		values := map[string]any{"bucket": pick(), "id": pick(), "logging": pick()}
		unknown, references := map[string]any{}, map[string]any{}
		for attribute := range values {
			if r.IntN(3) == 0 {
				unknown[attribute] = true
				delete(values, attribute)
			}
			if r.IntN(2) == 0 {
				target := []string{"aws_s3_bucket", "aws_s3_bucket_policy", "random_id"}[r.IntN(3)]
				references[attribute] = []string{fmt.Sprintf("%s%s.r%d", []string{"", "module.m."}[r.IntN(2)], target, r.IntN(12))}
			}
		}
		d := gate.Document{
			Kind: "terraform", Type: kind, Name: fmt.Sprintf("r%d", i), Resource: module + fmt.Sprintf("%s.r%d", kind, i) + key, Set: "plan",
			Actions: []string{"create"}, After: encode(values),
			Change: encode(map[string]any{"config_address": config, "module": strings.TrimSuffix(module, "."), "unknown": unknown, "references": references}),
		}
		if r.IntN(3) == 0 {
			d.Before, d.Actions = encode(map[string]any{"bucket": pick(), "id": pick()}), []string{"update"}
		}
		docs = append(docs, d)
	}
	return docs
}

// The shortlist of neighbours must never leave out what looking at everything would find.
func TestNeighboursLeaveNothingOut(t *testing.T) {
	t.Parallel()
	e, err := rules.New(t.Context(), rules.Options{Builtin: policies.FS, Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{
		"all.rego":  companionRule("ALL-1", "entries", "entries"),
		"near.rego": companionRule("NEAR-1", `terraform.near(entries, ["bucket", "id"])`, `terraform.loose(entries, "bucket")`),
	})}})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for seed := range uint64(300) {
		docs := randomPlan(rand.New(rand.NewPCG(seed, 1)))
		answer := e.Evaluate(t.Context(), rules.Input{Documents: docs})
		byRule := map[string][]string{}
		for _, f := range answer.Findings {
			byRule[f.Rule] = append(byRule[f.Rule], f.Status+" "+f.Resource+" "+f.Message)
		}
		if diff := cmp.Diff(byRule["ALL-1"], byRule["NEAR-1"]); diff != "" || len(answer.Problems) > 0 {
			t.Fatalf("seed %d: %v\n%s", seed, answer.Problems, diff)
		}
		found += len(byRule["ALL-1"])
	}
	if found < 1000 {
		t.Errorf("only %d companions found: the plans are too dull to show anything", found)
	}
}
