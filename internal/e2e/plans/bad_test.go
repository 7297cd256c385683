package plans

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/plans"
)

// twoProjects is a gate with two projects, one of which has two workspaces.
const twoProjects = `version: 1
terraform:
  projects:
    - {dir: infra/prod}
    - {dir: infra/dev, workspace: blue}
    - {dir: infra/dev, workspace: green}
  plans:
` + fromOIDC + `policies: {packs: [immutable]}
approvals: {required: 0}
`

// What a token must not be, each with the status and the one sentence that its sender reads.
func TestPlanTokens(t *testing.T) {
	s := planSite(t, fromOIDC, map[string]string{".github/gatehouse.yml": twoProjects})
	pr := s.change("vpn")
	s.Settle()
	issuer, job := s.GitHub.OIDC(), s.Job(pr)
	good := func(change func(claims map[string]any)) string {
		claims := issuer.Claims(job, plans.Audience)
		if change != nil {
			change(claims)
		}
		return issuer.Mint(claims)
	}
	set := func(name string, value any) string {
		return good(func(claims map[string]any) { claims[name] = value })
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]any{"alg": "RS256", "typ": "JWT", "kid": "key-1"}
	unsigned := strings.Split(githubsim.SignJWT(key, map[string]any{"alg": "none"}, issuer.Claims(job, plans.Audience)), ".")
	now := time.Now().Unix()
	const neither = "is neither the head nor the test merge of an open pull request of acme/infra"
	for name, c := range map[string]struct {
		token  string
		status int
		want   string
	}{
		"none":            {"", 401, "hand the plan in with the workflow's OIDC token: Authorization: Bearer TOKEN"},
		"not one":         {"abc", 401, "the token is not good: malformed jwt"},
		"truncated":       {good(nil)[:400], 401, "the token is not good: malformed jwt"},
		"forged":          {githubsim.SignJWT(key, header, issuer.Claims(job, plans.Audience)), 401, "no key of " + issuer.Issuer() + " has signed the token"},
		"unknown key":     {githubsim.SignJWT(key, map[string]any{"alg": "RS256", "kid": "x"}, issuer.Claims(job, plans.Audience)), 401, "no key of " + issuer.Issuer() + " has signed the token"},
		"unsigned":        {unsigned[0] + "." + unsigned[1] + ".", 401, "the token is not good: malformed jwt"},
		"too long":        {strings.Repeat("a", 20000), 401, "the token is longer than any of GitHub's"},
		"expired":         {set("exp", now-60), 401, "the token has expired; ask for a new one for each plan"},
		"not yet":         {set("nbf", now+3600), 401, "the token is not good: current time"},
		"no end":          {good(func(c map[string]any) { delete(c, "exp") }), 401, "the token has expired"},
		"audience":        {set("aud", "sts.amazonaws.com"), 401, `the token is not good: expected audience "gatehouse" got ["sts.amazonaws.com"]`},
		"issuer":          {set("iss", "https://token.actions.githubusercontent.com"), 401, "the token is not good: id token issued by a different provider"},
		"not a job's":     {good(func(c map[string]any) { delete(c, "job_workflow_ref"); delete(c, "workflow_ref") }), 401, "the token is not one of a job of GitHub Actions"},
		"no commit":       {set("sha", "main"), 401, "the token's sha is not a commit"},
		"other repo":      {set("repository", "other/infra"), 403, "the App is not installed on other/infra"},
		"odd repo":        {set("repository", "acme/../x"), 403, "the App is not installed on acme/../x"},
		"old repo":        {set("repository_id", "7"), 403, "the token is of another repository that had this name: its repository_id is 7"},
		"other workflow":  {set("job_workflow_ref", "acme/ci/.github/workflows/other.yml@refs/heads/main"), 403, "the job's workflow acme/ci/.github/workflows/other.yml@refs/heads/main is not the one that terraform.plans.oidc trusts, " + site.TrustedWorkflow},
		"other branch":    {set("job_workflow_ref", "acme/ci/.github/workflows/plan.yml@refs/heads/mine"), 403, "the job's workflow acme/ci/.github/workflows/plan.yml@refs/heads/mine is not the one"},
		"base commit":     {good(func(c map[string]any) { c["sha"], c["ref"] = s.Repo.Head("main"), "refs/heads/main" }), 403, neither},
		"base, said pull": {set("sha", s.Repo.Head("main")), 403, neither},
		"unknown commit":  {set("sha", strings.Repeat("0", 40)), 403, neither},
	} {
		status, said := s.Submit(c.token, "infra/prod", "", strings.NewReader(string(site.StoryPlan(t, "ssh-vpn"))))
		if status != c.status || !strings.Contains(said, c.want) {
			t.Errorf("%s: %d %s\nwant %d %s", name, status, said, c.status, c.want)
		}
	}
	s.waits(pr)
	for _, e := range s.Entries("plan") {
		if e.Verdict != plans.Refused || e.Detail["reason"] == "" || e.SourceIP != "127.0.0.1" {
			t.Errorf("recorded: %+v", e)
		}
	}
}

// Where a plan says it belongs, and what it is.
func TestPlanBodies(t *testing.T) {
	s := planSite(t, fromOIDC, map[string]string{".github/gatehouse.yml": twoProjects})
	pr := s.change("vpn")
	s.Settle()
	vpn := string(site.StoryPlan(t, "ssh-vpn"))
	for name, c := range map[string]struct {
		dir, workspace string
		body           io.Reader
		status         int
		want           string
	}{
		"no dir":         {"", "", strings.NewReader(vpn), 422, "say which project the plan is of: ?dir=DIR, the project's directory"},
		"out of it":      {"infra/../../etc", "", strings.NewReader(vpn), 422, "dir must be the project's directory, relative to the root of the repository, such as infra/prod"},
		"absolute":       {"/infra/prod", "", strings.NewReader(vpn), 422, "dir must be the project's directory"},
		"no project":     {"other", "", strings.NewReader(vpn), 422, "the plan is a plan outside every project's directory"},
		"no workspace":   {"infra/dev", "", strings.NewReader(vpn), 422, "the plan is a plan of infra/dev, whose workspaces are blue, green, and does not say for which of them"},
		"odd workspace":  {"infra/dev", "a b", strings.NewReader(vpn), 422, "workspace must be the name of a Terraform workspace"},
		"nothing":        {"infra/prod", "", strings.NewReader(""), 422, "the plan is empty, so it is no Terraform plan"},
		"no JSON":        {"infra/prod", "", strings.NewReader("Terraform will perform"), 422, "the plan is not a Terraform plan: it is not a JSON object (line 1)"},
		"truncated":      {"infra/prod", "", strings.NewReader(vpn[:len(vpn)/2]), 422, "the plan is not a whole Terraform plan: it is cut off in the middle of a value"},
		"errored":        {"infra/prod", "", strings.NewReader(`{"format_version":"1.2","planned_values":{},"errored":true}`), 422, "the plan is no plan: the run that made it failed"},
		"deep":           {"infra/prod", "", strings.NewReader(`{"format_version":"1.2","resource_changes":` + strings.Repeat("[", 100000)), 422, "the plan nests values more than 200 deep, which is the limit"},
		"256 MB":         {"infra/prod", "", bytes.NewReader(make([]byte, 256<<20)), 413, "the plan has more than 67108864 bytes, which is the limit; split the project, or raise GATEHOUSE_PLAN_LIMIT"},
		"256 MB, unsaid": {"infra/prod", "", io.LimitReader(spaces{}, 256<<20), 413, "the plan has more than 67108864 bytes, which is the limit"},
	} {
		status, said := s.Submit(s.Token(s.Job(pr)), c.dir, c.workspace, c.body)
		if status != c.status || !strings.Contains(said, c.want) {
			t.Errorf("%s: %d %s\nwant %d %s", name, status, said, c.status, c.want)
		}
	}
	if status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", strings.NewReader(vpn)); status != http.StatusCreated {
		t.Errorf("the server does not take a plan afterwards: %d %s", status, said)
	}
	s.Merges(pr, site.AllClear)
}

// spaces is white space without end.
type spaces struct{}

func (spaces) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// A replay changes nothing, an older commit's token does not count for a newer one, and neither does a fork's.
func TestPlanReplayedOutdatedForked(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	pr := s.change("vpn")
	s.Settle()
	vpn, open := string(site.StoryPlan(t, "ssh-vpn")), string(site.StoryPlan(t, "ssh-open"))
	first, old := s.Token(s.Job(pr)), s.Job(pr)
	send := func(token, plan string) string {
		status, said := s.Submit(token, "infra/prod", "", strings.NewReader(plan))
		return strconv.Itoa(status) + " " + strings.Split(said, " ")[0]
	}
	if got := []string{send(first, vpn)[:3], send(s.Token(s.Job(pr)), open)[:3], send(first, vpn)[:3], send(first, vpn)[:3]}; !cmp.Equal(got, []string{"201", "201", "201", "201"}) {
		t.Fatalf("answers: %v", got)
	}
	s.Settle()
	if got := s.State(pr.HeadSHA()); !strings.HasPrefix(got, "completed/failure: ") || len(s.Entries("plan")) != 2 {
		t.Errorf("a replay put the first plan over the second: %q, %d entries", got, len(s.Entries("plan")))
	}

	s.Repo.Commit("vpn", githubsim.CommitSpec{Author: "ann", Files: map[string]string{"infra/prod/more.tf": "locals {\n}\n"}})
	s.waits(pr)
	status, said := s.Submit(s.Token(old), "infra/prod", "", strings.NewReader(vpn))
	if want := "which is not the head of the pull request any more"; status != 403 || !strings.Contains(said, want) {
		t.Errorf("a token of the commit before: %d %s", status, said)
	}

	s.GitHub.AddUser("fay")
	fork := s.Repo.Fork("fay")
	fork.Commit("fix", githubsim.CommitSpec{Author: "fay", Message: "Fix", Files: map[string]string{"infra/prod/main.tf": "locals {\n}\n"}})
	theirs := s.Repo.OpenPR(githubsim.PRSpec{By: "fay", Title: "Fix", HeadRepo: fork, Head: "fix"})
	s.Settle()
	status, said = s.Submit(s.Token(s.Job(theirs)), "infra/prod", "", strings.NewReader(vpn))
	if want := "comes from a fork, and a fork's workflows cannot hand in plans"; status != 403 || !strings.Contains(said, want) {
		t.Errorf("a token for a fork's pull request: %d %s", status, said)
	}
	job := s.Job(theirs)
	job.Repo, job.SHA, job.Ref = fork, theirs.HeadSHA(), "refs/heads/fix"
	status, said = s.Submit(s.Token(job), "infra/prod", "", strings.NewReader(vpn))
	if want := "the App is not installed on fay/infra"; status != 403 || !strings.Contains(said, want) {
		t.Errorf("a token of the fork: %d %s", status, said)
	}
}

// GitHub changes its keys, and is not always there.
func TestPlanKeysRotate(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	pr := s.change("vpn")
	s.Settle()
	vpn := string(site.StoryPlan(t, "ssh-vpn"))
	issuer := s.GitHub.OIDC()
	issuer.SetDown(true)
	status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", strings.NewReader(vpn))
	if status != http.StatusServiceUnavailable || !strings.Contains(said, "could not be taken in just now") {
		t.Errorf("without the issuer: %d %s", status, said)
	}
	issuer.SetDown(false)
	for range 2 {
		if status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", strings.NewReader(vpn)); status != http.StatusCreated {
			t.Fatalf("%d %s", status, said)
		}
	}
	if n := issuer.KeysAsked(); n != 1 {
		t.Errorf("the keys were asked for %d times", n)
	}
	s.Merges(pr, site.AllClear)
}

// The configuration on the base branch says which plans count, also for plans that came before it changed.
func TestPlanTrustEnds(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	pr := s.change("vpn")
	s.Settle()
	if status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", bytes.NewReader(site.StoryPlan(t, "ssh-vpn"))); status != http.StatusCreated {
		t.Fatalf("%d %s", status, said)
	}
	s.Shows(pr, site.AllClear)
	other := strings.ReplaceAll(planGate(fromOIDC), "acme/ci/", "acme/other/")
	s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{".github/gatehouse.yml": other}})
	s.waits(pr)
	s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{".github/gatehouse.yml": planGate("    committed: {path: \"**/*.tfplan.json\"}\n")}})
	s.waits(pr)
	status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", bytes.NewReader(site.StoryPlan(t, "ssh-vpn")))
	if status != 403 || !strings.Contains(said, "the configuration on the base branch takes no plans from workflows") {
		t.Errorf("%d %s", status, said)
	}
}

// No secret of a plan is kept, logged or shown, and the plan with secrets is judged as a committed one is.
func TestPlanSecrets(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	pr := s.change("vpn")
	s.Settle()
	secret, err := os.ReadFile(filepath.Join(site.Root, "internal", "document", "testdata", "plans", "aws.json"))
	if err != nil || !bytes.Contains(secret, []byte("CANARY")) {
		t.Fatalf("there is nothing secret in the plan: %v", err)
	}
	if status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", bytes.NewReader(secret)); status != http.StatusCreated {
		t.Fatalf("%d %s", status, said)
	}
	s.Settle()
	if got := s.State(pr.HeadSHA()); !strings.HasPrefix(got, "completed/failure: ") {
		t.Errorf("the check shows %q", got)
	}
	entry := s.Entries("plan")[0]
	kept, err := s.DB.Facts(t.Context(), entry.Detail["kept"].(string))
	if err != nil {
		t.Fatal(err)
	}
	last, err := s.DB.Latest(t.Context(), s.Repo.ID(), pr.Number())
	if err != nil {
		t.Fatal(err)
	}
	facts, err := s.DB.Facts(t.Context(), last.FactsDigest)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"what is kept": string(kept), "the facts": string(facts), "the decision": string(last.Decision), "the log": s.Log.String(), "the comment": s.Comment(pr),
	} {
		if text == "" || strings.Contains(text, "CANARY") {
			t.Errorf("%s is empty, or shows a secret:\n%s", name, text)
		}
	}
	if !strings.Contains(string(facts), entry.Detail["digest"].(string)) {
		t.Error("the decision does not name the plan by its digest")
	}
}

// TestAPlanThatEndsItsWorkerIsRefused: the sender reads why, and the server goes on.
func TestAPlanThatEndsItsWorkerIsRefused(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	s.Stop()
	s.More = []string{"GATEHOUSE_WORKER_MEMORY=268435456"}
	s.Start()
	pr := s.change("vpn")
	s.Settle()
	var plan bytes.Buffer
	plan.WriteString(`{"format_version":"1.2","resource_changes":[`)
	for i := 0; plan.Len() < 60<<20; i++ {
		if i > 0 {
			plan.WriteByte(',')
		}
		fmt.Fprintf(&plan, `{"address":"a.b%d","mode":"managed","type":"a","name":"b%d","provider_name":"p","change":{"actions":["create"],"before":null,"after":{"n":[%s1]},"after_unknown":{}}}`,
			i, i, strings.Repeat(`"\u0041",`, 100))
	}
	plan.WriteString(`]}`)
	status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", &plan)
	if want := "the plan cannot be read: the worker process took more than 256 MiB of memory"; status != 422 || !strings.Contains(said, want) {
		t.Errorf("%d %s", status, said)
	}
	s.Up()
	if status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", bytes.NewReader(site.StoryPlan(t, "ssh-vpn"))); status != 201 {
		t.Errorf("a sound plan afterwards: %d %s", status, said)
	}
}
