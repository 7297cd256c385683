package site

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/plans"
)

// TrustedWorkflow is the workflow whose plans count on a site that takes plans over HTTP.
const TrustedWorkflow = "acme/ci/.github/workflows/plan.yml@refs/heads/main"

// StoryPlan is a plan of the demo's story.
func StoryPlan(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(Root, "internal", "demo", "story", name, "infra/prod/prod.tfplan.json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Job is a job of the trusted workflow for a pull request's test merge.
func (s *Site) Job(pr *githubsim.PR) githubsim.JobSpec {
	return githubsim.JobSpec{
		Repo: s.Repo, SHA: s.TestMerge(pr), Ref: fmt.Sprintf("refs/pull/%d/merge", pr.Number()), Workflow: TrustedWorkflow, Actor: "ann",
	}
}

// TestMerge is the commit that GitHub made of the pull request's base and head.
func (s *Site) TestMerge(pr *githubsim.PR) string {
	s.T.Helper()
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/api/v3/repos/%s/pulls/%d", s.GitHub.URL(), s.Repo.FullName(), pr.Number()), nil)
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Installation.Token())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var out struct {
		SHA string `json:"merge_commit_sha"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.SHA == "" {
		s.T.Fatalf("no test merge: %v", err)
	}
	return out.SHA
}

// Submit hands a plan in, and returns the status and what the server says about it.
func (s *Site) Submit(token, dir, workspace string, body io.Reader) (int, string) {
	s.T.Helper()
	address := s.URL + "/api/v1/plans?" + url.Values{"dir": {dir}, "workspace": {workspace}}.Encode()
	req, err := http.NewRequest(http.MethodPost, address, body)
	if err != nil {
		s.T.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Expect", "100-continue")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ExpectContinueTimeout = Patience
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var out struct{ Error, Digest string }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		s.T.Fatalf("%d, and the answer is no JSON: %v", resp.StatusCode, err)
	}
	return resp.StatusCode, out.Error + out.Digest
}

// Token is the OIDC token that GitHub gives to a job.
func (s *Site) Token(job githubsim.JobSpec) string {
	return s.GitHub.OIDC().Mint(s.GitHub.OIDC().Claims(job, plans.Audience))
}
