package document

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

func TestProjectOf(t *testing.T) {
	t.Parallel()
	prod, dev := Project{Dir: "infra/prod/", Environment: "production"}, Project{Dir: "./infra", Workspace: "dev"}
	blue, green := Project{Dir: "app", Workspace: "blue"}, Project{Dir: "app", Workspace: "default"}
	for _, test := range []struct {
		name     string
		plan     PlanFile
		projects []Project
		want     Project
		problem  string
	}{
		{"no projects", PlanFile{File: "a/b/x.json"}, nil, Project{Dir: "a/b", Workspace: "default"}, ""},
		{"no projects, at the root", PlanFile{File: "x.blue.tfplan.json"}, nil, Project{Workspace: "blue"}, ""},
		{"the longest prefix", PlanFile{File: "infra/prod/net/x.tfplan.json"}, []Project{dev, prod}, Project{"infra/prod", "default", "production"}, ""},
		{"the shorter prefix", PlanFile{File: "infra/production/x.tfplan.json"}, []Project{dev, prod}, Project{"infra", "dev", ""}, ""},
		{"the workspace in the name", PlanFile{File: "infra/x.test.tfplan.json"}, []Project{dev, prod}, Project{"infra", "test", ""}, ""},
		{"a name with dots", PlanFile{File: "infra/a.b.test.tfplan.json"}, []Project{dev, prod}, Project{"infra", "test", ""}, ""},
		{"only the suffix", PlanFile{File: "infra/x.test.json"}, []Project{dev, prod}, Project{"infra", "dev", ""}, ""},
		{"one of two workspaces", PlanFile{File: "app/x.blue.tfplan.json"}, []Project{blue, green}, Project{"app", "blue", ""}, ""},
		{"the default of two workspaces", PlanFile{File: "app/x.tfplan.json"}, []Project{blue, green}, Project{"app", "default", ""}, ""},
		{"none of two workspaces", PlanFile{File: "app/x.red.tfplan.json"}, []Project{blue, green}, Project{},
			`is a plan for the workspace "red" of app, whose workspaces are blue, default`},
		{"outside the only project", PlanFile{File: "x.json"}, []Project{prod}, Project{"infra/prod", "default", "production"}, ""},
		{"outside all projects", PlanFile{File: "x.json"}, []Project{prod, blue}, Project{}, "is a plan outside every project's directory"},
		{"a project at the root", PlanFile{File: "x.json"}, []Project{prod, {Dir: "."}}, Project{Workspace: "default"}, ""},
		{"by its directory", PlanFile{File: "x.json", Dir: "infra/prod"}, []Project{prod, dev}, Project{"infra/prod", "default", "production"}, ""},
		{"climbing out", PlanFile{File: "../../infra/prod/x.json"}, []Project{prod, dev}, Project{"infra/prod", "default", "production"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, problem := projectOf(test.plan, test.projects)
			if problem == nil {
				problem = &gate.Problem{}
			}
			if got != test.want || problem.Message != test.problem {
				t.Errorf("%+v, %q; want %+v, %q", got, problem.Message, test.want, test.problem)
			}
		})
	}
}

// TestForgedReferencesEnd: a configuration whose references multiply, or go round in a circle, costs no more than the limit.
func TestForgedReferencesEnd(t *testing.T) {
	t.Parallel()
	var addresses, resources []string
	for i := range 1500 {
		addresses = append(addresses, fmt.Sprintf(`"a.r%d"`, i))
		resources = append(resources, fmt.Sprintf(`{"address":"b.r%d","expressions":{"x":{"references":["module.m.o"]}}}`, i))
	}
	many := `{"format_version":"1.2","configuration":{"root_module":{"resources":[` + strings.Join(resources, ",") +
		`],"module_calls":{"m":{"module":{"outputs":{"o":{"expression":{"references":[` + strings.Join(addresses, ",") + `]}}}}}}}}}`
	r := Build(t.Context(), nil, nil, Options{Plans: []PlanFile{{File: "p.json", Data: []byte(many)}}})
	if len(r.Problems) != 1 || r.Problems[0].Message != "has references that lead to more than 1000000 addresses, which is the limit" {
		t.Errorf("problems %v", r.Problems)
	}
	circle := `{"format_version":"1.2","resource_changes":[{"address":"module.m.a.b","type":"a","change":{"actions":["create"]}}],
		"configuration":{"root_module":{"module_calls":{"m":{"expressions":{"v":{"references":["module.m.o","x.y"]}},
		"module":{"outputs":{"o":{"expression":{"references":["var.v"]}}},"resources":[{"address":"a.b","expressions":{"x":{"references":["var.v"]}}}]}}}}}}`
	r = Build(t.Context(), nil, nil, Options{Plans: []PlanFile{{File: "p.json", Data: []byte(circle)}}})
	if len(r.Problems) > 0 || !strings.Contains(string(r.Documents[0].Change), `"references":{"x":["x.y"]}`) {
		t.Errorf("problems %v, documents %v", r.Problems, r.Documents)
	}
}

// TestNothingNewAgainstTheSameFiles: gatehouse check --base with equal trees finds no change.
func TestNothingNewAgainstTheSameFiles(t *testing.T) {
	t.Parallel()
	tree, err := Dir("testdata/plans")
	if err != nil {
		t.Fatal(err)
	}
	r := Build(t.Context(), tree, tree, Options{Terraform: TerraformOptions{Discover: true}})
	if len(r.Documents) == 0 || len(r.Changes) > 0 {
		t.Errorf("%d documents, changes %v", len(r.Documents), r.Changes)
	}
	for _, doc := range r.Documents {
		if string(doc.Before) != string(doc.After) {
			t.Errorf("%s changes", doc.Resource)
		}
	}
}
