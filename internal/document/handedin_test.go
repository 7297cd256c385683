package document_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// A plan that was kept without its secrets leads to the same documents as the plan itself, and keeping it twice changes nothing.
func TestPlanKept(t *testing.T) {
	t.Parallel()
	redactor := document.NewRedactor([]byte("0123456789abcdef0123456789abcdef"))
	for _, file := range []string{"aws", "change", "create", "destroy"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join("testdata/plans", file+".json"))
			if err != nil {
				t.Fatal(err)
			}
			kept, problem := redactor.Plan(data, "tfplan.json", document.Limits{})
			if problem != nil {
				t.Fatal(problem.Message)
			}
			if bytes.Contains(kept, []byte("CANARY")) {
				t.Errorf("a secret is kept:\n%s", kept)
			}
			build := func(plan document.PlanFile) document.Result {
				plan.File, plan.Dir, plan.Source = "tfplan.json", "infra", document.SourceOIDC
				r := document.Build(t.Context(), nil, nil, document.Options{Redactor: redactor, Plans: []document.PlanFile{plan}})
				for i := range r.Documents {
					r.Documents[i].Line = 0
				}
				return r
			}
			want := build(document.PlanFile{Data: data})
			got := build(document.PlanFile{Data: kept, Stored: true, Digest: want.Plans[0].Digest})
			if diff := cmp.Diff(string(indent(t, want)), string(indent(t, got))); diff != "" {
				t.Errorf("documents of the plan (-) and of what is kept of it (+):\n%s", diff)
			}
		})
	}
}

func TestPlanRefused(t *testing.T) {
	t.Parallel()
	redactor := document.NewRedactor([]byte("key"))
	for name, c := range map[string]struct {
		plan string
		want gate.Problem
	}{
		"cut off": {`{"format_version":"1.2","resource_changes":[{"addr`, gate.Problem{
			Code: "terraform", File: "p.json", Line: 1, Message: "is not a whole Terraform plan: it is cut off in the middle of a value",
			Remedy: "run terraform plan -out=tfplan && terraform show -json tfplan > p.json",
		}},
		"no resource change": {`{"format_version":"1.2","resource_changes":[{"address":"a.b"}]}`, gate.Problem{
			Code: "terraform", File: "p.json", Line: 1, Message: "is not a Terraform plan: resource_changes[0] is not a resource change",
			Remedy: "Run terraform plan -out=tfplan && terraform show -json tfplan > p.json",
		}},
		"of a part": {`{"format_version":"1.2","complete":false,"resource_changes":[]}`, gate.Problem{
			Code: "terraform", File: "p.json", Message: "is not a complete plan: some changes are left for a later run",
			Remedy: "Plan without -target and without deferred changes; run terraform plan -out=tfplan && terraform show -json tfplan > p.json",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept, problem := redactor.Plan([]byte(c.plan), "p.json", document.Limits{})
			if diff := cmp.Diff(&c.want, problem); diff != "" || kept != nil {
				t.Errorf("(-want +got):\n%s kept %s", diff, kept)
			}
		})
	}
}

func TestTouched(t *testing.T) {
	t.Parallel()
	tree := document.MapTree{
		"infra/prod/main.tf":  "module \"db\" {\n  source = \"../modules/db\"\n}\n",
		"infra/modules/db.tf": "", "infra/modules/db/main.tf": "resource \"a\" \"b\" {\n}\n",
	}
	tree["infra/prod/net.tf.json"] = `{"module": [{"net": {"source": "../modules/net"}}, {"dns": [{"source": "./dns"}]}]}`
	tree["infra/modules/net/main.tf"] = "module \"deep\" { source = \"../deep\" }\n"
	projects := []document.Project{{Dir: "infra/prod"}, {Dir: "infra/dev"}}
	got := map[string]bool{}
	for _, path := range []string{"infra/prod/x.tf", "infra/modules/db/new.tofu", "infra/modules/net/main.tf", "infra/prod/dns/x.tf", "infra/modules/deep/main.tf",
		"infra/modules/other/a.tf", "infra/dev/main.tf", "README.md", "infra/prod/prod.tfvars"} {
		touched, err := document.Touched(t.Context(), tree, projects, "infra/prod", map[string]bool{path: true})
		if err != nil {
			t.Fatal(err)
		}
		got[path] = touched
	}
	want := map[string]bool{
		"infra/prod/x.tf": true, "infra/modules/db/new.tofu": true, "infra/modules/other/a.tf": false, "infra/dev/main.tf": false,
		"infra/modules/net/main.tf": true, "infra/prod/dns/x.tf": true, "infra/modules/deep/main.tf": true, "README.md": false, "infra/prod/prod.tfvars": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
