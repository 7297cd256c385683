package plans

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/cli"
	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// planGate is a gate that takes plans from workflows, with the given sources.
func planGate(sources string) string {
	return `version: 1
terraform:
  projects:
    - {dir: infra/prod, environment: production}
  plans:
` + sources + `
policies:
  packs: [immutable]
approvals:
  required: 0
`
}

const (
	fromOIDC     = "    oidc: {workflow: " + site.TrustedWorkflow + "}\n"
	fromArtifact = "    artifact: {name: \"gatehouse-plan-*\", workflow: .github/workflows/plan.yml}\n"
)

// planSite is a site whose repository takes plans, and whose main branch holds no plan.
func planSite(t *testing.T, sources string, files map[string]string) *place {
	t.Helper()
	in := site.Setup{Files: map[string]string{
		".github/gatehouse.yml": planGate(sources), "infra/prod/prod.tfplan.json": "",
		".github/workflows/plan.yml":    "on: pull_request\njobs:\n  plan:\n    steps:\n      - uses: ./.github/actions/tf\n",
		".github/actions/tf/action.yml": "runs:\n  using: composite\n  steps:\n    - uses: $/.github/actions/inner\n", ".github/actions/inner/run.sh": "plan\n",
	}}
	maps.Copy(in.Files, files)
	return newPlace(t, in)
}

// change opens a pull request that opens SSH to the VPN, without a plan.
func (s *place) change(branch string) *githubsim.PR {
	s.T.Helper()
	source, err := os.ReadFile(filepath.Join(site.Root, "internal", "demo", "story", "ssh-vpn", "infra/prod/main.tf"))
	if err != nil {
		s.T.Fatal(err)
	}
	return s.Open("ann", branch, map[string]string{"infra/prod/main.tf": string(source)})
}

// taken are the plans in the audit log, as VERDICT DIR, oldest first.
func (s *place) taken() []string {
	s.T.Helper()
	out := []string{}
	for _, e := range s.Entries("plan") {
		out = append([]string{strings.TrimSuffix(fmt.Sprint(e.Verdict, " ", cmpOr(e.Detail["dir"], e.Detail["file"], e.Detail["name"])), " ")}, out...)
	}
	return out
}

func cmpOr(values ...any) any {
	for _, v := range values {
		if v != nil {
			return v
		}
	}
	return ""
}

// waits says that the check waits for a plan of infra/prod.
func (s *place) waits(pr *githubsim.PR) {
	s.T.Helper()
	s.Blocked(pr, fmt.Sprintf("in_progress: Waiting for a plan of infra/prod at %.7s", pr.HeadSHA()))
}

// A workflow hands its plan in, by the command that workflows run, and the pull request is judged by it.
func TestPlanByWorkflow(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	pr := s.change("vpn")
	s.waits(pr)
	s.Says(pr, "Run the workflow `acme/ci/.github/workflows/plan.yml@refs/heads/main` on this commit", "gatehouse plan submit --plan FILE --dir infra/prod")

	file := filepath.Join(s.Dir, "plan.json")
	submit := func(plan []byte) (int, string) {
		if err := os.WriteFile(file, plan, 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		environ := append(s.GitHub.OIDC().Environ(s.Job(pr)), "GATEHOUSE_PUBLIC_URL="+s.URL)
		status := cli.Run(t.Context(), cli.Surroundings{Out: &out, Err: &errs, Environ: environ}, "plan", "submit", "--plan", file, "--dir", "./infra/prod/")
		return status, out.String() + errs.String()
	}
	open, vpn := site.StoryPlan(t, "ssh-open"), site.StoryPlan(t, "ssh-vpn")
	status, said := submit(open)
	if want := ledger.Digest(open); status != site.Pass || !strings.Contains(said, want) {
		t.Fatalf("submit ended with %d: %s", status, said)
	}
	s.Settle()
	if got := s.State(pr.HeadSHA()); !strings.HasPrefix(got, "completed/failure: ") {
		t.Errorf("a plan that opens SSH to the world shows %q", got)
	}
	if status, said = submit(vpn); status != site.Pass {
		t.Fatalf("submit ended with %d: %s", status, said)
	}
	s.Shows(pr, site.AllClear)
	if diff := cmp.Diff([]string{"accepted infra/prod", "accepted infra/prod"}, s.taken()); diff != "" {
		t.Errorf("the log's plans (-want +got):\n%s", diff)
	}
	entry := s.Entries("plan")[0]
	if entry.SourceIP != "127.0.0.1" || entry.Actor != "ann" || entry.Commit != pr.HeadSHA() || entry.Detail["claims"].(map[string]any)["job_workflow_ref"] != site.TrustedWorkflow {
		t.Errorf("the entry does not say who handed the plan in, and from where: %+v", entry)
	}
	status, said = submit([]byte(`{"format_version":"1.2"`))
	if status != site.Usage || !strings.Contains(said, "the plan is not a whole Terraform plan") {
		t.Errorf("submit of half a plan ended with %d: %s", status, said)
	}
	s.Merges(pr, site.AllClear)
	status, said = submit(vpn)
	if status != site.Fail || !strings.Contains(said, "(403): the commit ") {
		t.Errorf("submit for a closed pull request ended with %d: %s", status, said)
	}
}

// The action's script hands plans in with nothing but bash and curl.
func TestPlanAction(t *testing.T) {
	s := planSite(t, fromOIDC, map[string]string{".github/gatehouse.yml": strings.ReplaceAll(planGate(fromOIDC), "infra/prod", "infra/a b")})
	pr := s.change("vpn")
	s.Settle()
	file := filepath.Join(s.Dir, "plan.json")
	if err := os.WriteFile(file, site.StoryPlan(t, "ssh-vpn"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(dir string, environ []string) string {
		cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(site.Root, ".github", "actions", "plan", "submit.sh"))
		cmd.Env = append(environ, "PATH="+os.Getenv("PATH"), "TMPDIR="+s.Dir, "GATEHOUSE_PUBLIC_URL="+s.URL+"/", "PLAN="+file, "DIR="+dir, "WORKSPACE=")
		out, _ := cmd.CombinedOutput() // the status is compared
		return fmt.Sprintf("%d %s", cmd.ProcessState.ExitCode(), out)
	}
	got := []string{run("infra/a b", s.GitHub.OIDC().Environ(s.Job(pr))), run("../b", s.GitHub.OIDC().Environ(s.Job(pr))), run("infra/a b", nil)}
	want := []string{
		"0 Gatehouse has the plan of infra/a b.\n",
		"2 ::error::Gatehouse cannot use the plan of ../b (422): {\"error\":\"dir must be the project's directory, relative to the root of the repository, such as infra/prod\"}\n",
		"2 ::error::Gatehouse: the job has no OIDC token; give it the permission id-token: write\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"accepted infra/a b"}, s.taken()); diff != "" {
		t.Errorf("the log's plans (-want +got):\n%s", diff)
	}
	left, err := filepath.Glob(filepath.Join(s.Dir, "tmp.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
