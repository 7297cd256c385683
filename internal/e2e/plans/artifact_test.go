package plans

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// run is a finished run of the plan workflow on the pull request's head.
func (s *place) run(pr *githubsim.PR, change func(*githubsim.RunSpec)) *githubsim.WorkflowRun {
	spec := githubsim.RunSpec{Workflow: ".github/workflows/plan.yml", HeadSHA: pr.HeadSHA(), HeadBranch: pr.View().HeadRef, By: "ann"}
	if change != nil {
		change(&spec)
	}
	return s.Repo.AddRun(spec)
}

// left makes a run that has left an archive of one plan behind, and has ended.
func (s *place) left(pr *githubsim.PR, archive []byte, change func(*githubsim.RunSpec)) {
	run := s.run(pr, change)
	run.AddArtifact("gatehouse-plan-prod", archive)
	run.Complete()
}

func planArchive(t *testing.T, name string) []byte {
	return githubsim.Zip(map[string]string{"infra/prod/tfplan.json": string(site.StoryPlan(t, name)), "infra/prod/plan.txt": "Plan: ..."})
}

func TestPlanArtifacts(t *testing.T) {
	s := planSite(t, fromArtifact, nil)
	pr := s.change("vpn")
	s.waits(pr)
	s.Says(pr, "Run `.github/workflows/plan.yml` on this commit, which uploads the output of `terraform show -json` as `infra/prod/tfplan.json` in an artifact named `gatehouse-plan-*`.")

	other := s.run(pr, func(r *githubsim.RunSpec) { r.Workflow = ".github/workflows/test.yml" })
	other.AddArtifact("gatehouse-plan-prod", planArchive(t, "ssh-vpn"))
	other.Complete()
	misnamed := s.run(pr, nil)
	misnamed.AddArtifact("coverage", planArchive(t, "ssh-vpn"))
	misnamed.Complete()
	s.waits(pr)

	s.left(pr, planArchive(t, "ssh-open"), nil)
	s.Settle()
	if got := s.State(pr.HeadSHA()); !strings.HasPrefix(got, "completed/failure: ") {
		t.Errorf("a plan that opens SSH to the world shows %q", got)
	}
	s.left(pr, planArchive(t, "ssh-vpn"), nil)
	s.Shows(pr, site.AllClear)
	entry := s.Entries("plan")[0]
	if diff := cmp.Diff([]string{"accepted infra/prod/tfplan.json", "accepted infra/prod/tfplan.json"}, s.taken()); diff != "" || entry.Commit != pr.HeadSHA() {
		t.Errorf("the log's plans (-want +got):\n%s", diff)
	}
	if n := s.GitHub.Count("GET", "/repos/acme/infra/actions/artifacts/*/zip"); n != 2 {
		t.Errorf("artifacts were downloaded %d times", n)
	}
	s.Merges(pr, site.AllClear)
}

// A run does not count when somebody could have changed what it did.
func TestPlanArtifactsDistrusted(t *testing.T) {
	s := planSite(t, fromArtifact, nil)
	vpn := planArchive(t, "ssh-vpn")

	workflow := s.Open("ann", "workflow", map[string]string{
		"infra/prod/a.tf": "locals {\n}\n", ".github/workflows/plan.yml": "on: pull_request\njobs: {plan: {steps: [{run: forge}]}}\n",
	})
	s.left(workflow, vpn, nil)
	s.waits(workflow)
	s.Says(workflow, "because `.github/workflows/plan.yml` is not the same here and on main")

	action := s.Open("ann", "action", map[string]string{"infra/prod/b.tf": "locals {\n}\n", ".github/actions/tf/run.sh": "forge\n"})
	s.left(action, vpn, nil)
	s.waits(action)
	s.Says(action, "because `.github/actions/tf/run.sh` is not the same here and on main")

	inner := s.Open("ann", "inner", map[string]string{"infra/prod/b.tf": "locals {\n}\n", ".github/actions/inner/run.sh": "forge\n"})
	s.left(inner, vpn, nil)
	s.waits(inner)
	s.Says(inner, "because `.github/actions/inner/run.sh` is not the same here and on main")

	event := s.Open("ann", "event", map[string]string{"infra/prod/c.tf": "locals {\n}\n"})
	s.left(event, vpn, func(r *githubsim.RunSpec) { r.Event = "issue_comment" })
	s.waits(event)
	s.Says(event, "it was started by issue_comment; only push, pull_request and workflow_dispatch run the workflow as this commit has it")
	s.left(event, vpn, func(r *githubsim.RunSpec) { r.Conclusion = "failure" })
	s.waits(event)
	s.Says(event, "it ended as failure")
	s.left(event, vpn, func(r *githubsim.RunSpec) { r.HeadBranch = "elsewhere" })
	s.waits(event)
	s.Says(event, "it was for another branch with this commit")
	s.left(event, vpn, func(r *githubsim.RunSpec) { r.Event = "push" })
	s.Shows(event, site.AllClear)

	// Another base branch may have another workflow, and its merge with the head would run that one.
	s.Repo.Commit("mine", githubsim.CommitSpec{Author: "ann", Files: map[string]string{".github/workflows/plan.yml": "forged\n"}})
	shared := s.Open("ann", "shared", map[string]string{"infra/prod/d.tf": "locals {\n}\n"})
	second := s.Repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "Into mine", Head: "shared", Base: "mine"})
	s.left(shared, vpn, nil)
	s.Settle()
	second.Close("ann")
	s.Settle()
	s.Says(shared, fmt.Sprintf("this commit is the head of pull request %d as well", second.Number()))

	moved := s.Open("ann", "moved", map[string]string{"infra/prod/e.tf": "locals {\n}\n"})
	moved.Retarget("ann", "mine")
	s.left(moved, vpn, nil)
	moved.Retarget("ann", "main")
	s.waits(moved)
	s.Says(moved, "it began before the pull request was given another base branch")
}

// Archives that no honest workflow makes block with one sentence, and the next good one mends it.
func TestPlanArchives(t *testing.T) {
	s := planSite(t, fromArtifact, nil)
	pr := s.change("vpn")
	vpn := string(site.StoryPlan(t, "ssh-vpn"))
	link := func(header *zip.FileHeader) { header.SetMode(fs.ModeSymlink | 0o777) }
	for _, c := range []struct {
		archive []byte
		want    string
	}{
		{[]byte("not a zip"), "is not a zip archive"},
		{packed(t, "../../etc/x.json", vpn, nil), "a path that leads out of it"},
		{packed(t, "infra/prod/tfplan.json", "/etc/passwd", link), "a symbolic link"},
		{packed(t, "infra/prod/tfplan.json", strings.Repeat("0", 60<<20), nil), "which becomes more than 200 times larger when it is unpacked"},
		{packed(t, "infra/prod/readme.txt", "hello", nil), "holds no plan: there is no .json file in it"},
		{packed(t, "infra/prod/tfplan.json", vpn[:200], nil), "which is not a whole Terraform plan: it is cut off in the middle of a value"},
	} {
		s.left(pr, c.archive, nil)
		s.Settle()
		if got := s.State(pr.HeadSHA()); !strings.HasPrefix(got, "completed/failure: Gatehouse could not evaluate") {
			t.Errorf("%s: the check shows %q", c.want, got)
		}
		s.Says(pr, c.want)
	}
	s.left(pr, planArchive(t, "ssh-vpn"), nil)
	s.Merges(pr, site.AllClear)
}

func packed(t *testing.T, name, content string, change func(*zip.FileHeader)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	if change != nil {
		change(header)
	}
	f, err := w.CreateHeader(header)
	if err == nil {
		_, err = f.Write([]byte(content))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What the base branch has changed since makes a plan old; what it has changed elsewhere does not.
func TestPlanOvertaken(t *testing.T) {
	module := "resource \"aws_security_group\" \"m\" {\n}\n"
	s := planSite(t, fromOIDC, map[string]string{"infra/modules/net/main.tf": module, "infra/modules/other/main.tf": module, "infra/prod/net.tf": "module \"net\" {\n  source = \"../modules/net\"\n}\n"})
	pr := s.change("vpn")
	s.Settle()
	send := func() {
		if status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", bytes.NewReader(site.StoryPlan(t, "ssh-vpn"))); status != 201 {
			t.Fatalf("%d %s", status, said)
		}
	}
	send()
	s.Shows(pr, site.AllClear)
	s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"infra/modules/other/main.tf": "# other\n", "README.md": "new\n"}})
	s.Shows(pr, site.AllClear)
	sha := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"infra/modules/net/main.tf": "# net\n"}})
	s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"README.md": "newer\n"}})
	s.waits(pr)
	s.Says(pr, fmt.Sprintf("The plan that arrived was made before commit `%.10s` on main, which changes this project", sha))
	send() // for the test merge of now
	s.Merges(pr, site.AllClear)
}

// The same for a plan that stands in the branch: it has to come up to the base branch itself.
func TestPlanCommittedOvertaken(t *testing.T) {
	s := planSite(t, "    committed: {path: \"**/*.tfplan.json\"}\n", nil)
	source := site.Story(t, "ssh-vpn")
	pr := s.Open("ann", "vpn", map[string]string{"infra/prod/main.tf": source["infra/prod/main.tf"], "infra/prod/prod.tfplan.json": source["infra/prod/prod.tfplan.json"]})
	s.Shows(pr, site.AllClear)
	s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"docs/a.md": "a\n"}})
	s.Shows(pr, site.AllClear)
	sha := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"infra/prod/extra.tf": "locals {\n}\n"}})
	s.waits(pr)
	s.Says(pr, fmt.Sprintf("Commit `%.10s` on main changes this project and is not in the branch: merge main into it, plan again, and commit `infra/prod/prod.tfplan.json`.", sha))
}

// tofu is what tofu show -json says of a plan with one resource of a registry's provider and one of OpenTofu's own.
const tofu = `{"format_version":"1.2","terraform_version":"1.10.6","planned_values":{"root_module":{}},"resource_changes":[` +
	`{"address":"terraform_data.a","mode":"managed","type":"terraform_data","name":"a","provider_name":"terraform.io/builtin/terraform",` +
	`"change":{"actions":["create"],"before":null,"after":{"input":"x"},"after_unknown":{"id":true,"output":true},"before_sensitive":false,"after_sensitive":{}}},` +
	`{"address":"aws_security_group.web","mode":"managed","type":"aws_security_group","name":"web","provider_name":"registry.opentofu.org/hashicorp/aws",` +
	`"change":{"actions":["create"],"before":null,"after":{"name":"web","ingress":[],"egress":[]},"after_unknown":{"id":true},"before_sensitive":false,"after_sensitive":{}}}],` +
	`"configuration":{"provider_config":{"aws":{"name":"aws","full_name":"registry.opentofu.org/hashicorp/aws"}},"root_module":{}},` +
	`"relevant_attributes":[],"timestamp":"2026-03-01T12:00:00Z","applyable":true,"complete":true,"errored":false}`

// unitSite is a repository of three units of Terragrunt, and a pull request that changes two of them.
func unitSite(t *testing.T, sources string) (*place, *githubsim.PR) {
	t.Helper()
	config := strings.Replace(planGate(sources), "    - {dir: infra/prod, environment: production}\n", "    - {dir: live/app}\n    - {dir: live/db}\n    - {dir: live/db/replica}\n", 1)
	s := planSite(t, sources, map[string]string{".github/gatehouse.yml": config, "live/app/main.tf": "locals {\n}\n", "live/db/main.tf": "locals {\n}\n"})
	return s, s.Open("ann", "units", map[string]string{"live/app/terragrunt.hcl": "inputs = {}\n", "live/db/main.tf": "locals {\n  a = 1\n}\n"})
}

// Terragrunt writes one plan for each unit, below the unit's path; OpenTofu's plans are read as Terraform's. A unit whose plan is
// not there is missed.
func TestPlanUnits(t *testing.T) {
	s, pr := unitSite(t, fromArtifact)
	s.left(pr, githubsim.Zip(map[string]string{"live/app/tfplan.json": tofu}), nil)
	s.Blocked(pr, fmt.Sprintf("in_progress: Waiting for a plan of live/db at %.7s", pr.HeadSHA()))
	s.left(pr, githubsim.Zip(map[string]string{"live/app/tfplan.json": tofu, "live/db/tfplan.json": tofu, "live/db/replica/tfplan.json": tofu}), nil)
	s.Merges(pr, site.AllClear)
	if diff := cmp.Diff([]string{
		"accepted live/app/tfplan.json", "accepted live/app/tfplan.json", "accepted live/db/replica/tfplan.json", "accepted live/db/tfplan.json",
	}, s.taken()); diff != "" {
		t.Errorf("the log's plans (-want +got):\n%s", diff)
	}
}

// The lines of the guide about Terragrunt hand in one plan for each unit: run as they stand there, with a terragrunt that writes what the real
// one does, and this program.
func TestPlanUnitsByTheGuide(t *testing.T) {
	s, pr := unitSite(t, fromOIDC)
	s.Settle()
	guide, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "plans.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(guide), "\n## Terragrunt\n")
	_, script, _ := strings.Cut(section, "```sh\n")
	script, _, found := strings.Cut(script, "```")
	if !found || !strings.Contains(script, "plan submit") {
		t.Fatalf("the guide has no lines about Terragrunt: %s", section)
	}
	bin := t.TempDir()
	terragrunt := "#!/bin/bash\n[ \"$1 $2 $3 ${*:5}\" = 'run --all --json-out-dir -- plan' ] && [ \"${PWD##*/}\" = live ] || exit 1\n" +
		"for unit in app db db/replica; do mkdir -p \"$4/$unit\" && printf %s '" + tofu + "' >\"$4/$unit/tfplan.json\"; done\n"
	if err := os.WriteFile(filepath.Join(bin, "terragrunt"), []byte(terragrunt), 0o700); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(bin, "gatehouse")) // by that name it is the program
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(s.Dir, "live"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", script)
	cmd.Dir = s.Dir
	cmd.Env = append(s.GitHub.OIDC().Environ(s.Job(pr)), "PATH="+bin+":"+os.Getenv("PATH"), "GATEHOUSE_PUBLIC_URL="+s.URL)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.Shows(pr, site.AllClear)
	if diff := cmp.Diff([]string{"accepted live/app", "accepted live/db", "accepted live/db/replica"}, slices.Sorted(slices.Values(s.taken()))); diff != "" {
		t.Errorf("the log's plans (-want +got):\n%s", diff)
	}
}

// An App that may not read workflow runs says so on the pull request, instead of waiting for what it cannot see.
func TestPlanArtifactsNotPermitted(t *testing.T) {
	s := newPlace(t, site.Setup{
		Files:       map[string]string{".github/gatehouse.yml": planGate(fromArtifact), "infra/prod/prod.tfplan.json": ""},
		Permissions: map[string]string{"actions": ""},
	})
	pr := s.change("vpn")
	s.Settle()
	if got := s.State(pr.HeadSHA()); !strings.HasPrefix(got, "completed/failure: Gatehouse could not evaluate") {
		t.Errorf("the check shows %q", got)
	}
	s.Says(pr, "the App may not read the workflow runs: it lacks the permission actions=read")
}
