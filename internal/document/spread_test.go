package document_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

// TestWhatRepeatsASecretIsMarked: a text that one attribute marks is secret wherever the resource repeats or holds it, and rules learn that: a
// token that is not marked would hide what is open to the world from whoever looks for 0.0.0.0/0.
func TestWhatRepeatsASecretIsMarked(t *testing.T) {
	t.Parallel()
	plan := func(change string) document.PlanFile {
		return document.PlanFile{File: "plan.json", Data: []byte(`{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{},"resource_changes":[` +
			`{"address":"aws_security_group.a","mode":"managed","type":"aws_security_group","name":"a","provider_name":"p","change":` + change + `}]}`)}
	}
	redactor := document.NewRedactor([]byte("test"))
	for name, c := range map[string]struct{ change, sensitive string }{
		"a text": {
			`{"actions":["create"],"before":null,"after":{"description":"0.0.0.0/0","ingress":[{"port":22,"cidrs":["10.0.0.0/8","0.0.0.0/0"]}],"name":"x"},"after_unknown":{},"after_sensitive":{"description":true}}`,
			`{"description":true,"ingress":[{"cidrs":[false,true]}]}`,
		},
		"a text in another": {
			`{"actions":["create"],"before":null,"after":{"password":"hunter2hunter2","url":"postgres://u:hunter2hunter2@db/x","host":"db"},"after_unknown":{},"after_sensitive":{"password":true}}`,
			`{"password":true,"url":true}`,
		},
		"a short one in another": {
			`{"actions":["create"],"before":null,"after":{"port":"5432","url":"postgres://db:5432/x"},"after_unknown":{},"after_sensitive":{"port":true}}`,
			`{"port":true}`,
		},
		"what was marked before": {
			`{"actions":["update"],"before":{"cidrs":["0.0.0.0/0"]},"after":{"cidrs":["0.0.0.0/0"]},"after_unknown":{},"before_sensitive":{"cidrs":true},"after_sensitive":{}}`,
			`{"cidrs":true}`,
		},
		"nothing": {`{"actions":["create"],"before":null,"after":{"name":"x"},"after_unknown":{},"after_sensitive":{}}`, `{}`},
	} {
		for _, kept := range []bool{false, true} {
			file := plan(c.change)
			if kept {
				data, problem := redactor.Plan(file.Data, file.File, document.Limits{})
				if problem != nil {
					t.Fatal(problem)
				}
				file.Data, file.Stored = data, true
			}
			got := document.Build(t.Context(), nil, nil, document.Options{Redactor: redactor, Plans: []document.PlanFile{file}})
			if len(got.Documents) != 1 {
				t.Fatalf("%s: %v", name, got.Problems)
			}
			doc := got.Documents[0]
			var change struct{ Sensitive, Unknown json.RawMessage }
			if err := json.Unmarshal(doc.Change, &change); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{c.sensitive, c.sensitive}, []string{string(change.Sensitive), string(change.Unknown)}); diff != "" {
				t.Errorf("%s, kept %t:\n%s", name, kept, diff)
			}
			if strings.Contains(string(doc.After), "hunter2") || strings.Contains(string(doc.After), "0.0.0.0/0") {
				t.Errorf("%s, kept %t: %s", name, kept, doc.After)
			}
		}
	}
}
