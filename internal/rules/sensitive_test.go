package rules_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/policies"
)

// TestSensitiveIsUnknown plans what each rule forbids with the value marked sensitive, and with no reference in the expression, as
// sensitive(true) has none: the rule cannot see it, and must say so.
func TestSensitiveIsUnknown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, kind, after, sensitive, attribute string
		want                                    []string
	}{
		{
			"TF-03", "aws_db_instance", `{"publicly_accessible":true}`, `{"publicly_accessible":true}`, "publicly_accessible",
			[]string{"publicly_accessible is known only after apply; wanted: false"},
		},
		{
			"TF-01", "aws_s3_bucket_public_access_block",
			`{"bucket":"b","block_public_acls":false,"block_public_policy":true,"ignore_public_acls":true,"restrict_public_buckets":true}`,
			`{"block_public_acls":true}`, "block_public_acls",
			[]string{"block_public_acls is known only after apply; wanted: true"},
		},
		{
			"IM-06", "aws_security_group", `{"ingress":[{"from_port":22,"to_port":22,"protocol":"tcp","cidr_blocks":["0.0.0.0/0"]}]}`,
			`{"ingress":true}`, "ingress",
			[]string{"the rules of the group are known only after apply; wanted: no world-open range on SSH or RDP"},
		},
		{
			"IM-06", "aws_security_group", `{"ingress":[{"from_port":22,"to_port":22,"protocol":"tcp","cidr_blocks":["0.0.0.0/0"]}]}`,
			`{"ingress":[{"cidr_blocks":true}]}`, "ingress",
			[]string{"whether port 22 is open to the world is known only after apply (sources unknown); wanted: no world-open range"},
		},
		{
			"LP-01", "aws_iam_policy", `{"policy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"}`,
			`{"policy":true}`, "policy",
			[]string{"what policy allows is known only after apply; wanted: named actions on named resources"},
		},
	} {
		t.Run(c.rule+" "+c.attribute, func(t *testing.T) {
			t.Parallel()
			plan := fmt.Sprintf(`{"format_version":"1.2","planned_values":{},"resource_changes":[{"address":"%s.x","mode":"managed","type":"%s","name":"x",
				"change":{"actions":["create"],"before":null,"after":%s,"after_unknown":{},"before_sensitive":false,"after_sensitive":%s}}],
				"configuration":{"root_module":{"resources":[{"address":"%s.x","mode":"managed","type":"%s","name":"x","expressions":{"%s":{}}}]}}}`,
				c.kind, c.kind, c.after, c.sensitive, c.kind, c.kind, c.attribute)
			built := document.Build(t.Context(), document.MapTree{"tfplan.json": plan}, nil, document.Options{
				Terraform: document.TerraformOptions{Discover: true}, Redactor: document.NewRedactor([]byte("test")),
			})
			engine, err := rules.New(t.Context(), rules.Options{Builtin: policies.FS, Only: []string{c.rule}})
			if err != nil || len(built.Problems) > 0 {
				t.Fatal(err, built.Problems)
			}
			var got []string
			for _, f := range engine.Evaluate(t.Context(), rules.Input{Documents: built.Documents}).Findings {
				if !f.Unknown {
					t.Errorf("%s is no unknown: %s", f.Rule, f.Message)
				}
				got = append(got, f.Message)
			}
			slices.Sort(got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
