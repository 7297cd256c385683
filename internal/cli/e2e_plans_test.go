package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/plans"
)

const trustedWorkflow = "acme/ci/.github/workflows/plan.yml@refs/heads/main"

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
	fromOIDC     = "    oidc: {workflow: " + trustedWorkflow + "}\n"
	fromArtifact = "    artifact: {name: \"gatehouse-plan-*\", workflow: .github/workflows/plan.yml}\n"
)

// planSite is a site whose repository takes plans, and whose main branch holds no plan.
func planSite(t *testing.T, sources string, files map[string]string) *site {
	t.Helper()
	in := setup{files: map[string]string{
		".github/gatehouse.yml": planGate(sources), "infra/prod/prod.tfplan.json": "",
		".github/workflows/plan.yml":    "on: pull_request\njobs:\n  plan:\n    steps:\n      - uses: ./.github/actions/tf\n",
		".github/actions/tf/action.yml": "runs:\n  using: composite\n  steps:\n    - uses: $/.github/actions/inner\n", ".github/actions/inner/run.sh": "plan\n",
	}}
	maps.Copy(in.files, files)
	return newSite(t, in)
}

// storyPlan is a plan of the demo's story.
func storyPlan(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "demo", "story", name, "infra/prod/prod.tfplan.json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// change opens a pull request that opens SSH to the VPN, without a plan.
func (s *site) change(branch string) *githubsim.PR {
	s.t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "demo", "story", "ssh-vpn", "infra/prod/main.tf"))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.open("ann", branch, map[string]string{"infra/prod/main.tf": string(source)})
}

// job is a job of the trusted workflow for a pull request's test merge.
func (s *site) job(pr *githubsim.PR) githubsim.JobSpec {
	return githubsim.JobSpec{
		Repo: s.repo, SHA: s.testMerge(pr), Ref: fmt.Sprintf("refs/pull/%d/merge", pr.Number()), Workflow: trustedWorkflow, Actor: "ann",
	}
}

// testMerge is the commit that GitHub made of the pull request's base and head.
func (s *site) testMerge(pr *githubsim.PR) string {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/api/v3/repos/%s/pulls/%d", s.gh.URL(), s.repo.FullName(), pr.Number()), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.in.Token())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var out struct {
		SHA string `json:"merge_commit_sha"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.SHA == "" {
		s.t.Fatalf("no test merge: %v", err)
	}
	return out.SHA
}

// post hands a plan in, and returns the status and what the server says about it.
func (s *site) post(token, dir, workspace string, body io.Reader) (int, string) {
	s.t.Helper()
	address := s.url + "/api/v1/plans?" + url.Values{"dir": {dir}, "workspace": {workspace}}.Encode()
	req, err := http.NewRequest(http.MethodPost, address, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Expect", "100-continue")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ExpectContinueTimeout = e2ePatience
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var out struct{ Error, Digest string }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		s.t.Fatalf("%d, and the answer is no JSON: %v", resp.StatusCode, err)
	}
	return resp.StatusCode, out.Error + out.Digest
}

func (s *site) token(job githubsim.JobSpec) string {
	return s.gh.OIDC().Mint(s.gh.OIDC().Claims(job, plans.Audience))
}

// taken are the plans in the audit log, as VERDICT DIR, oldest first.
func (s *site) taken() []string {
	s.t.Helper()
	out := []string{}
	for _, e := range s.entries("plan") {
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

const allClear = "completed/success: All clear: N documents, N rules"

// waits says that the check waits for a plan of infra/prod.
func (s *site) waits(pr *githubsim.PR) {
	s.t.Helper()
	s.blocked(pr, fmt.Sprintf("in_progress: Waiting for a plan of infra/prod at %.7s", pr.HeadSHA()))
}

// A workflow hands its plan in, by the command that workflows run, and the pull request is judged by it.
func TestE2EPlanByWorkflow(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	pr := s.change("vpn")
	s.waits(pr)
	s.says(pr, "Run the workflow `acme/ci/.github/workflows/plan.yml@refs/heads/main` on this commit", "gatehouse plan submit --plan FILE --dir infra/prod")

	file := filepath.Join(s.dir, "plan.json")
	submit := func(plan []byte) (int, string) {
		if err := os.WriteFile(file, plan, 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		w := &world{in: strings.NewReader(""), out: &out, err: &errs, clock: time.Now, environ: append(s.gh.OIDC().Environ(s.job(pr)), "GATEHOUSE_PUBLIC_URL="+s.url)}
		status := w.run(context.Background(), []string{"plan", "submit", "--plan", file, "--dir", "./infra/prod/"})
		return status, out.String() + errs.String()
	}
	open, vpn := storyPlan(t, "ssh-open"), storyPlan(t, "ssh-vpn")
	status, said := submit(open)
	if want := ledger.Digest(open); status != exitPass || !strings.Contains(said, want) {
		t.Fatalf("submit ended with %d: %s", status, said)
	}
	s.settle()
	if got := s.state(pr.HeadSHA()); !strings.HasPrefix(got, "completed/failure: ") {
		t.Errorf("a plan that opens SSH to the world shows %q", got)
	}
	if status, said = submit(vpn); status != exitPass {
		t.Fatalf("submit ended with %d: %s", status, said)
	}
	s.shows(pr, allClear)
	if diff := cmp.Diff([]string{"accepted infra/prod", "accepted infra/prod"}, s.taken()); diff != "" {
		t.Errorf("the log's plans (-want +got):\n%s", diff)
	}
	entry := s.entries("plan")[0]
	if entry.SourceIP != "127.0.0.1" || entry.Actor != "ann" || entry.Commit != pr.HeadSHA() || entry.Detail["claims"].(map[string]any)["job_workflow_ref"] != trustedWorkflow {
		t.Errorf("the entry does not say who handed the plan in, and from where: %+v", entry)
	}
	status, said = submit([]byte(`{"format_version":"1.2"`))
	if status != exitUsage || !strings.Contains(said, "the plan is not a whole Terraform plan") {
		t.Errorf("submit of half a plan ended with %d: %s", status, said)
	}
	s.merges(pr, allClear)
	status, said = submit(vpn)
	if status != exitFail || !strings.Contains(said, "(403): the commit ") {
		t.Errorf("submit for a closed pull request ended with %d: %s", status, said)
	}
}

// The action's script hands plans in with nothing but bash and curl.
func TestE2EPlanAction(t *testing.T) {
	s := planSite(t, fromOIDC, map[string]string{".github/gatehouse.yml": strings.ReplaceAll(planGate(fromOIDC), "infra/prod", "infra/a b")})
	pr := s.change("vpn")
	s.settle()
	file := filepath.Join(s.dir, "plan.json")
	if err := os.WriteFile(file, storyPlan(t, "ssh-vpn"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(dir string, environ []string) string {
		cmd := exec.CommandContext(t.Context(), "bash", filepath.Join("..", "..", ".github", "actions", "plan", "submit.sh"))
		cmd.Env = append(environ, "PATH="+os.Getenv("PATH"), "TMPDIR="+s.dir, "GATEHOUSE_PUBLIC_URL="+s.url+"/", "PLAN="+file, "DIR="+dir, "WORKSPACE=")
		out, _ := cmd.CombinedOutput() // the status is compared
		return fmt.Sprintf("%d %s", cmd.ProcessState.ExitCode(), out)
	}
	got := []string{run("infra/a b", s.gh.OIDC().Environ(s.job(pr))), run("../b", s.gh.OIDC().Environ(s.job(pr))), run("infra/a b", nil)}
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
	left, err := filepath.Glob(filepath.Join(s.dir, "tmp.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
