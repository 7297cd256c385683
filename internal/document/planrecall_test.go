package document_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/document/plangen"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/recall"
)

// variants are a plan and others that are nearly the same.
func variants(plan []byte) map[string][]byte {
	replace := func(old, new string) []byte { return bytes.Replace(plan, []byte(old), []byte(new), 1) }
	elements := bytes.Split(plan, []byte(`},{"address":"module.service_`))
	without := func(i int) []byte {
		list := append(append([][]byte{}, elements[:i]...), elements[i+1:]...)
		return bytes.Join(list, []byte(`},{"address":"module.service_`))
	}
	twice := func(i int) []byte {
		list := append(append([][]byte{}, elements[:i+1]...), elements[i:]...)
		return bytes.Join(list, []byte(`},{"address":"module.service_`))
	}
	n := len(elements)
	return map[string][]byte{
		"the same":                      plan,
		"one change different":          replace(`"size":20`, `"size":99`),
		"one change longer":             replace(`"size":20`, `"size":2000000`),
		"the last change different":     bytes.Replace(plan, []byte(`"resource-199"`), []byte(`"resource-0199"`), 1),
		"many changes different":        bytes.ReplaceAll(plan, []byte(`"size":21`), []byte(`"size":2`)),
		"all changes different":         bytes.ReplaceAll(plan, []byte(`"description":"`), []byte(`"description":"x`)),
		"one change fewer":              without(n - 20),
		"one change more":               twice(n - 20),
		"many fewer":                    bytes.Join(elements[:n-100], []byte(`},{"address":"module.service_`)),
		"in other words":                bytes.ReplaceAll(plan, []byte(`},{"address":`), []byte("},\n {\"address\":")),
		"over many lines":               bytes.ReplaceAll(plan, []byte(`"change":{`), []byte("\"change\":\n\t{\n")),
		"over many lines, one other":    bytes.Replace(bytes.ReplaceAll(plan, []byte(`"change":{`), []byte("\"change\":\n\t{\n")), []byte(`"size":20`), []byte("\n\"size\":99"), 1),
		"another configuration":         bytes.ReplaceAll(plan, []byte(`v1.2.3`), []byte(`v1.2.4`)),
		"another variable":              replace(`eu-west-1`, `eu-west-2`),
		"a planned value different":     replace(`"values":{"name":"node-3"}`, `"values":{"name":"x"}`),
		"a syntax error after a change": replace(`},{"address":"module.service_1.aws_s3_bucket.this[\"node-4\"]","change"`, `}{"address":"module.service_1.aws_s3_bucket.this[\"node-4\"]","change"`),
		"a syntax error in a change":    replace(`"size":20`, `"size":2 0`),
		"cut off":                       plan[:len(plan)*2/3],
		"no changes":                    []byte(`{"format_version":"1.2","resource_changes":[]}`),
		"no plan":                       []byte(`[]`),
		"a machine with a script":       replace(`"size":20`, `"user_data":"#!/bin/sh\necho","size":20`),
	}
}

func readWith(t *testing.T, tagger *recall.Tagger, plan []byte, known *recall.Memory) document.Result {
	t.Helper()
	return document.Build(t.Context(), nil, nil, document.Options{
		Redactor: document.NewRedactor([]byte("key")), Remember: tagger, Recall: known,
		Plans: []document.PlanFile{{File: "plan.json", Source: "file", Data: plan}},
	})
}

// TestRecallLeavesOutValuesAndNothingElse reads each variant with what reading each other one noted, and without.
func TestRecallLeavesOutValuesAndNothingElse(t *testing.T) {
	t.Parallel()
	plans, made := variants(plangen.Plan(200)), tagger(t)
	wanted := map[string]document.Result{}
	for name, plan := range plans {
		wanted[name] = readWith(t, made, plan, nil)
	}
	for before := range plans {
		for now, plan := range plans {
			t.Run(before+", then "+now, func(t *testing.T) {
				t.Parallel()
				got, want := readWith(t, made, plan, wanted[before].Recall), wanted[now]
				bare := 0
				for i := range got.Recalled {
					number := got.Recalled[i]
					if number == 0 {
						continue
					}
					bare++
					known := wanted[before].Recall.Changes[number-1]
					if !bytes.Contains(plan, plans[before][at(plans[before], wanted[before], number-1):][:known.Size]) {
						t.Errorf("document %d was taken for another", i)
					}
					doc := &got.Documents[i]
					if doc.After != nil || doc.Before != nil || doc.Change != nil {
						t.Errorf("document %d has values", i)
					}
					doc.After, doc.Before, doc.Change = want.Documents[i].After, want.Documents[i].Before, want.Documents[i].Change
				}
				if before == now && now == "the same" && bare != 200 {
					t.Errorf("%d changes were recalled; wanted: 200", bare)
				}
				if before == "the same" && strings.HasPrefix(now, "one change") && bare < 198 {
					t.Errorf("%d changes were recalled; wanted: at least 198", bare)
				}
				got.Recalled, want.Recalled = nil, nil
				if !reflect.DeepEqual(want, got) { // cmp looks into every byte, which takes minutes
					diff := cmp.Diff(want, got)
					t.Errorf("the result differs:\n%s", diff[:min(len(diff), 2000)])
				}
			})
		}
	}
}

// at is where a change stands in a plan.
func at(plan []byte, r document.Result, i int) int {
	return bytes.Index(plan, []byte(`"resource_changes":[`)) + len(`"resource_changes":[`) + r.Recall.Changes[i].Offset
}

// Where there is more to read than one plan, nothing is noted and nothing recalled.
func TestRecallIsForOnePlan(t *testing.T) {
	t.Parallel()
	plan, made := plangen.Plan(10), tagger(t)
	known := readWith(t, made, plan, nil).Recall
	options := document.Options{
		Redactor: document.NewRedactor([]byte("key")), Remember: made, Recall: known, Terraform: document.TerraformOptions{Discover: true},
	}
	for name, result := range map[string]document.Result{
		"two plans": document.Build(t.Context(), nil, nil, with(options, plan, plangen.Plan(12))),
		"a tree":    document.Build(t.Context(), document.MapTree{"plan.json": string(plan)}, nil, options),
		"both":      document.Build(t.Context(), document.MapTree{"other.json": string(plan)}, nil, with(options, plan)),
		"a base":    document.Build(t.Context(), nil, document.MapTree{}, with(options, plan)),
	} {
		if result.Recall != nil || result.Recalled != nil {
			t.Errorf("%s: something was noted or recalled", name)
		}
		for _, doc := range result.Documents {
			if doc.Kind == gate.KindTerraform && doc.Change == nil {
				t.Errorf("%s: %s has no values", name, doc.Resource)
			}
		}
	}
}

func with(o document.Options, plans ...[]byte) document.Options {
	for i, plan := range plans {
		o.Plans = append(o.Plans, document.PlanFile{File: fmt.Sprintf("plan-%d.json", i), Source: "file", Data: plan})
	}
	return o
}

// A plan has a digest wherever somebody could keep it or hold it against another one.
func TestOnlyOnePlanAloneGoesWithoutDigest(t *testing.T) {
	t.Parallel()
	plan := plangen.Plan(10)
	digests := func(undigested bool, tree document.MapTree, files ...string) (list []string) {
		options := document.Options{Redactor: document.NewRedactor([]byte("key")), Undigested: undigested}
		for _, file := range files {
			options.Plans = append(options.Plans, document.PlanFile{File: file, Source: "file", Data: plan})
		}
		result := document.Build(t.Context(), tree, nil, options)
		for _, p := range result.Plans {
			list = append(list, p.Digest)
		}
		return list
	}
	digest := digests(false, nil, "plan.json")
	if len(digest) != 1 || !strings.HasPrefix(digest[0], "sha256:") {
		t.Fatalf("a plan has the digest %q", digest)
	}
	got := [][]string{
		digests(true, nil, "plan.json"), digests(true, nil, "a/plan.json", "b/plan.json"), digests(true, document.MapTree{"main.tf": ""}, "plan.json"),
	}
	want := [][]string{{""}, {digest[0], digest[0]}, digest}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What a configuration refers to is the same whether all of it is followed or only what the changes need that are new, also when it leads
// back to itself, where the order in which it is followed tells.
func TestRecallFollowsReferences(t *testing.T) {
	t.Parallel()
	made := tagger(t)
	change := func(name, size string) string {
		return `{"address":"module.a.aws_x.` + name + `","mode":"managed","type":"aws_x","name":"` + name + `","change":{"actions":["create"],"before":null,"after":{"size":` + size + `},"after_unknown":{}}}`
	}
	for what, output := range map[string]string{"straight": `"aws_x.one"`, "circular": `"aws_x.one","var.in"`} {
		plan := func(size string) []byte {
			resource := func(name, reference string) string {
				return `{"address":"aws_x.` + name + `","mode":"managed","type":"aws_x","name":"` + name + `","expressions":{"size":{"references":[` + reference + `]},"none":{"constant_value":null}}}`
			}
			return []byte(`{"format_version":"1.2","terraform_version":"1.9.0","resource_changes":[` + change("one", "1") + `,` + change("three", "3") + `,` + change("two", size) + `],
				"prior_state":{"values":{"root_module":{"resources":[{"address":"data.aws_y.d","mode":"data","type":"aws_y","name":"d","values":{}}]}}},
				"configuration":{"root_module":{"resources":[{"address":"data.aws_y.d","mode":"data","type":"aws_y","name":"d","expressions":{"id":{"references":["module.a.out"]}}}],
				"module_calls":{"a":{"source":"./a","expressions":{"in":{"references":["module.a.out","data.aws_y.d"]}},"module":{
					"outputs":{"out":{"expression":{"references":[` + output + `]}}},"variables":{"in":{}},
					"resources":[` + resource("one", `"var.in"`) + `,` + resource("three", `"aws_x.one","var.in"`) + `,` + resource("two", `"var.in","aws_x.three"`) + `]}}}}}}`)
		}
		first := readWith(t, made, plan("2"), nil)
		if first.Recall == nil || first.Recall.Direct != (what == "straight") {
			t.Fatalf("%s: noted: %+v, problems %v", what, first.Recall, first.Problems)
		}
		got, want := readWith(t, made, plan("22"), first.Recall), readWith(t, made, plan("22"), nil)
		if diff := cmp.Diff([]int{1, 2, 0}, got.Recalled); diff != "" {
			t.Errorf("%s: other changes are recalled:\n%s", what, diff)
		}
		if diff := cmp.Diff(want.Documents[2:], got.Documents[2:]); diff != "" {
			t.Errorf("%s: the documents differ:\n%s", what, diff)
		}
	}
}

func tagger(t *testing.T) *recall.Tagger {
	t.Helper()
	folder, err := recall.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return folder.Tagger()
}
