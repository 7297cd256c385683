package proof

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

const webManifest = `apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
data: {colour: blue}
---
apiVersion: v1
kind: Secret
metadata: {name: web, namespace: shop}
stringData: {password: hunter2}
`

// landed merges a pull request with a plan, manifests and an overlay, and returns the commit and the plan's text.
func (s *place) landed() (commit, plan string) {
	s.T.Helper()
	files := site.Story(s.T, "ssh-vpn")
	for path, content := range files {
		if strings.HasSuffix(path, ".tfplan.json") {
			plan = content
		}
	}
	files["k8s/web/web.yaml"] = webManifest
	files["k8s/overlay/kustomization.yaml"] = "namePrefix: prod-\nresources: [cm.yaml]\n"
	files["k8s/overlay/cm.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: api, namespace: shop}\ndata: {colour: red}\n"
	pr := s.Open("ann", "change", files)
	pr.Approve("mei")
	s.Settle()
	commit, err := pr.Merge("ann", githubsim.MergeOptions{Method: "squash"})
	if err != nil {
		s.T.Fatalf("%v\n%s", err, s.State(pr.HeadSHA()))
	}
	s.Unbypassed()
	return commit, plan
}

func TestDeployersVerifyWhatLanded(t *testing.T) {
	s := newPlace(t, site.Setup{})
	commit, plan := s.landed()
	key := s.PublicKey()
	code, envelope := s.Attestation(commit)
	if code != http.StatusOK {
		t.Fatalf("status %d: %s", code, envelope)
	}
	file := s.File("attestation.json", string(envelope))
	var sealed struct{ Payload []byte }
	if err := json.Unmarshal(envelope, &sealed); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed.Payload, []byte("hunter2")) {
		t.Error("the attestation holds a secret")
	}

	planFile := s.File("plan.json", plan)
	otherPlan := s.File("other.json", plan+"\n")
	s.File("web/all.yaml", "# spelled otherwise, in another order, with another password\n"+
		`{"kind":"Secret","apiVersion":"v1","metadata":{"namespace":"shop","name":"web"},"stringData":{"password":"other"}}`+
		"\n---\napiVersion: v1\nkind: ConfigMap\ndata:\n  colour: \"blue\"\nmetadata:\n  name: web\n  namespace: shop\n")
	s.File("rendered/all.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prod-api, namespace: shop}\ndata: {colour: red}\n")
	s.File("changed/all.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prod-api, namespace: shop}\ndata: {colour: green}\n")
	s.File("broken/all.yaml", "apiVersion: v1\nkind: {\n")
	at := func(name string) string { return filepath.Join(s.Dir, name) }
	wrong := strings.Repeat("0", 40)
	forged := s.File("forged.json", strings.Replace(string(envelope), `"payload":"`, `"payload":"e30`, 1))
	stranger := s.File("stranger.pub", "gatehouse/other+"+strings.SplitN(readFile(t, key), "+", 2)[1])

	for name, c := range map[string]struct {
		status int
		says   string
		args   []string
	}{
		"the commit":               {0, "landed with a passing decision: https://gatehouse.example/decisions/d-", []string{commit, "--key", key, "--attestation", file}},
		"two people":               {0, "SLSA_SOURCE_LEVEL_1, ORG_SOURCE_TWO_PARTY_REVIEW", []string{commit, "--key", key, "--attestation", file}},
		"from the server":          {0, "acme/infra", []string{commit, "--key", key, "--server", s.URL, "--repository", "acme/infra", "--branch", "main"}},
		"the plan":                 {0, "landed", []string{commit, "--key", key, "--attestation", file, "--plan", planFile}},
		"manifests of a folder":    {0, "landed", []string{commit, "--key", key, "--attestation", file, "--manifests", at("web")}},
		"rendered manifests":       {0, "landed", []string{commit, "--key", key, "--attestation", file, "--manifests", at("rendered/all.yaml")}},
		"another commit":           {1, "is for commit " + commit, []string{wrong, "--key", key, "--attestation", file}},
		"a commit unknown there":   {1, "has no attestation of " + wrong, []string{wrong, "--key", key, "--server", s.URL}},
		"another repository":       {1, "passed in acme/infra, not in acme/other", []string{commit, "--key", key, "--attestation", file, "--repository", "acme/other"}},
		"another repository there": {1, "has no attestation", []string{commit, "--key", key, "--server", s.URL, "--repository", "acme/other"}},
		"another branch":           {1, "landed on refs/heads/main, not on release", []string{commit, "--key", key, "--attestation", file, "--branch", "release"}},
		"another plan":             {1, "is not one that was judged", []string{commit, "--key", key, "--attestation", file, "--plan", otherPlan}},
		"changed manifests":        {1, "not a set that this commit makes", []string{commit, "--key", key, "--attestation", file, "--manifests", at("changed")}},
		"a forged payload":         {1, "not signed with the given key", []string{commit, "--key", key, "--attestation", forged}},
		"broken manifests":         {2, "not valid YAML", []string{commit, "--key", key, "--attestation", file, "--manifests", at("broken")}},
		"no manifests":             {2, "no such file", []string{commit, "--key", key, "--attestation", file, "--manifests", at("none")}},
		"no plan":                  {2, "not the output of terraform", []string{commit, "--key", key, "--attestation", file, "--plan", key}},
		"no envelope":              {2, "is no attestation", []string{commit, "--key", key, "--attestation", planFile}},
		"no key":                   {2, "give the log's public key", []string{commit, "--attestation", file}},
		"not a key":                {2, "not a verifier key", []string{commit, "--key", stranger, "--attestation", file}},
		"a short commit":           {2, "is not a full commit id", []string{commit[:7], "--key", key, "--attestation", file}},
		"nothing to look at":       {2, "give the attestation", []string{commit, "--key", key}},
		"no server":                {3, "ask for the attestation", []string{commit, "--key", key, "--server", "http://127.0.0.1:1"}},
		"not a Gatehouse":          {1, "has no attestation", []string{commit, "--key", key, "--server", s.GitHub.URL()}},
	} {
		t.Run(name, func(t *testing.T) {
			status, said := s.Verified(c.args...)
			if status != c.status || !strings.Contains(said, c.says) {
				t.Errorf("status %d, want %d with %q:\n%s", status, c.status, c.says, said)
			}
		})
	}
	if code, _ := s.Attestation("main"); code != http.StatusBadRequest {
		t.Errorf("a name instead of a commit: status %d", code)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The statement is read here as a stranger's tool would, by the names of the specifications.
func TestAttestationIsASummaryInTotoToolsRead(t *testing.T) {
	s := newPlace(t, site.Setup{})
	commit, _ := s.landed()
	_, envelope := s.Attestation(commit)
	var sealed struct {
		PayloadType string
		Payload     []byte
	}
	var statement struct {
		Type          string `json:"_type"`
		PredicateType string
		Subject       []struct {
			Name, URI   string
			Digest      map[string]string
			Annotations map[string]any
		}
		Predicate struct {
			ResourceURI, VerificationResult string
			Verifier                        struct{ ID string }
			VerifiedLevels                  []string
		}
	}
	if err := json.Unmarshal(envelope, &sealed); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(sealed.Payload, &statement); err != nil {
		t.Fatal(err)
	}
	got := []string{sealed.PayloadType, statement.Type, statement.PredicateType, statement.Predicate.ResourceURI, statement.Predicate.VerificationResult, statement.Predicate.Verifier.ID}
	want := []string{
		"application/vnd.in-toto+json", "https://in-toto.io/Statement/v1", "https://slsa.dev/verification_summary/v1",
		"git+" + s.GitHub.URL() + "/acme/infra", "PASSED", "https://gatehouse.example",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the statement (-want +got):\n%s", diff)
	}
	var names []string
	for _, sub := range statement.Subject {
		names = append(names, sub.Name+sub.Digest["gitCommit"])
	}
	t.Log(names)
	for _, name := range []string{commit, "plan:infra/prod:default", "manifests:k8s/web", "manifests:k8s/overlay"} {
		if !strings.Contains(strings.Join(names, "\n")+"\n", name+"\n") {
			t.Errorf("no subject %s among %q", name, names)
		}
	}
}

// What did not pass is not attested, and events that come twice attest once.
func TestOnlyWhatPassedIsAttested(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Blocked(pr, site.SSHBlocked)
	bad, err := pr.Merge("vic", githubsim.MergeOptions{Method: "squash"})
	if err != nil {
		t.Fatal(err)
	}
	pushed := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"README.md": "in a hurry\n"}})
	s.Settle()
	for _, commit := range []string{bad, pushed} {
		if code, body := s.Attestation(commit); code != http.StatusNotFound {
			t.Errorf("%s: status %d: %s", commit, code, body)
		}
	}
	good := s.Open("ann", "good", map[string]string{"README.md": "one\n"})
	good.Approve("mei")
	s.Settle()
	commit, err := good.Merge("ann", githubsim.MergeOptions{Method: "rebase"})
	if err != nil {
		t.Fatal(err)
	}
	s.Settle()
	_, first := s.Attestation(commit)
	for _, d := range s.GitHub.Hooks().Deliveries() {
		if d.Event == "pull_request" {
			s.GitHub.Hooks().Redeliver(d.ID)
		}
	}
	s.Settle()
	if _, again := s.Attestation(commit); !bytes.Equal(first, again) {
		t.Error("the second attestation differs")
	}
	n := 0
	for _, e := range s.Entries("publication") {
		if e.Detail["what"] == "attestation" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
}
