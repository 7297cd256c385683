package githubsim

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// web asks the site outside its REST API.
func (w *world) web(address, bearer string) answer {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end below
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, raw: raw}
}

func TestIssuerOfWorkflowTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issuer := w.OIDC()
	keys := func() []string {
		var out struct {
			Keys []struct {
				Kid string `json:"kid"`
			} `json:"keys"`
		}
		found := w.web(issuer.Issuer()+"/.well-known/openid-configuration", "").object(t)
		if err := json.Unmarshal(w.web(found["jwks_uri"].(string), "").raw, &out); err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, k := range out.Keys {
			ids = append(ids, k.Kid)
		}
		return ids
	}
	got := [][]string{keys()}
	issuer.Rotate(false)
	got = append(got, keys())
	issuer.Rotate(true)
	got = append(got, keys())
	if diff := cmp.Diff([][]string{{"key-1"}, {"key-1", "key-2"}, {"key-3"}}, got); diff != "" || issuer.KeysAsked() != 3 {
		t.Errorf("published keys (-want +got), asked %d times:\n%s", issuer.KeysAsked(), diff)
	}
	issuer.SetDown(true)
	if a := w.web(issuer.Issuer()+"/.well-known/jwks", ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("down: %d", a.status)
	}
}

func TestRunnerHandsOutTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	environ := w.OIDC().Environ(JobSpec{
		Repo: w.repo, SHA: strings.Repeat("a", 40), Ref: "refs/pull/1/merge", Workflow: "acme/ci/.github/workflows/plan.yml@refs/heads/main", Actor: "wendy",
	})
	_, address, _ := strings.Cut(environ[1], "=")
	_, bearer, _ := strings.Cut(environ[2], "=")
	if a := w.web(address+"&audience=gatehouse", "wrong"); a.status != http.StatusUnauthorized {
		t.Errorf("with a wrong request token: %d", a.status)
	}
	token := w.web(address+"&audience=gatehouse", bearer).object(t)["value"].(string)
	raw := decodePart(t, strings.Split(token, ".")[1])
	for claim, want := range map[string]any{
		"aud": "gatehouse", "repository": "acme/infra", "sha": strings.Repeat("a", 40), "event_name": "pull_request",
		"job_workflow_ref": "acme/ci/.github/workflows/plan.yml@refs/heads/main", "iss": w.URL() + "/_oidc",
	} {
		if raw[claim] != want {
			t.Errorf("%s is %v, want %v", claim, raw[claim], want)
		}
	}
}

func TestWorkflowRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inst.SetPermissions(map[string]string{"actions": "read"}, []string{"workflow_run"})
	w.settle()
	w.hooks.names()
	sha := w.repo.Head("main")
	run := w.repo.AddRun(RunSpec{Workflow: ".github/workflows/plan.yml", HeadSHA: sha, HeadBranch: "main", By: "wendy"})
	archive := Zip(map[string]string{"a/tfplan.json": "{}"})
	run.AddArtifact("plan", archive)
	run.Complete()
	w.settle()
	if diff := cmp.Diff([]string{"workflow_run.completed"}, w.hooks.names()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	token := w.inst.Token()
	if n := w.call(token, "GET", "/repos/acme/infra/actions/runs?head_sha="+sha, nil).object(t)["total_count"]; n != 1.0 {
		t.Errorf("%v runs on the commit", n)
	}
	if n := w.call(token, "GET", "/repos/acme/infra/actions/runs?head_sha="+strings.Repeat("0", 40), nil).object(t)["total_count"]; n != 0.0 {
		t.Errorf("%v runs on another commit", n)
	}
	artifacts := w.call(token, "GET", "/repos/acme/infra/actions/runs/"+id(run.ID())+"/artifacts", nil).object(t)["artifacts"].([]any)
	first := artifacts[0].(map[string]any)
	path := "/repos/acme/infra/actions/artifacts/" + id(int64(first["id"].(float64))) + "/zip"
	if a := w.call(token, "GET", path, nil); a.status != http.StatusOK || string(a.raw) != string(archive) {
		t.Errorf("the archive, by the redirect: %d %q", a.status, a.raw)
	}
	if a := w.web(w.storageURL(run.artifacts[0]), token); a.status != http.StatusBadRequest {
		t.Errorf("the storage took a token: %d", a.status)
	}
	run.Expire()
	if a := w.call(token, "GET", path, nil); a.status != http.StatusGone {
		t.Errorf("expired: %d", a.status)
	}
}

func decodePart(t *testing.T, part string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func id(n int64) string { return strconv.FormatInt(n, 10) }
