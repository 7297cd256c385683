package github

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

func TestBrokenConfigurationOnTheBase(t *testing.T) {
	for name, c := range map[string]struct{ config, want string }{
		"unknown key":   {"version: 1\napprovals:\n  requird: 2\n", ".github/gatehouse.yml:3 "},
		"not YAML":      {"version: 1\n\tapprovals: {}\n", ".github/gatehouse.yml:2 "},
		"key twice":     {"version: 1\napprovals: {required: 1}\napprovals: {required: 0}\n", ".github/gatehouse.yml:3 "},
		"of the future": {"version: 9\n", ".github/gatehouse.yml:1 "},
		"not UTF-8":     {"version: 1\n# gr\xfc\xdfe\n", ".github/gatehouse.yml"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{Files: map[string]string{".github/gatehouse.yml": c.config}})
			pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
			pr.Approve("mei")
			s.Settle()
			got := s.State(pr.HeadSHA())
			if !strings.HasPrefix(got, site.CouldNot+c.want) {
				t.Errorf("the check says %q; wanted %q...", got, site.CouldNot+c.want)
			}
			s.Blocked(pr, got)
			s.Says(pr, ".github/gatehouse.yml")

			// Whoever may write to the base mends it there, and the open pull requests are judged again.
			s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{".github/gatehouse.yml": site.GateFile("")}})
			s.Merges(pr, site.Clear1)
		})
	}
}

func TestBrokenManifestsAreErrorsWithFileAndLine(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		bomb += strings.ReplaceAll("B: &B [*A, *A, *A, *A, *A, *A, *A, *A, *A]\n", "A", string(rune('a'+i)))
		bomb = strings.ReplaceAll(bomb, "B", string(rune('b'+i)))
	}
	pod := "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n"
	for name, c := range map[string]struct{ file, content, want string }{
		"tab":         {"k8s/a.yaml", pod + "spec:\n\tcontainers: []\n", "k8s/a.yaml:6 "},
		"cut":         {"k8s/a.yaml", pod + "spec: {containers: [", "k8s/a.yaml:5 "},
		"key twice":   {"k8s/a.yaml", pod + "kind: Service\n", "k8s/a.yaml:5 "},
		"bomb":        {"k8s/a.yaml", pod + bomb, "k8s/a.yaml:"},
		"plan cut":    {"infra/prod/prod.tfplan.json", `{"format_version": "1.2", "resource_changes": [` + "\n", "infra/prod/prod.tfplan.json:"},
		"no plan":     {"infra/prod/prod.tfplan.json", "terraform plan\n", "infra/prod/prod.tfplan.json:1 "},
		"plan format": {"infra/prod/prod.tfplan.json", "{\"format_version\": \"7.0\",\n\"resource_changes\": []}", "infra/prod/prod.tfplan.json:1 "},
		"plan failed": {"infra/prod/prod.tfplan.json", `{"format_version": "1.2", "errored": true, "resource_changes": []}`, "infra/prod/prod.tfplan.json"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{})
			pr := s.Open("ann", "fix", map[string]string{c.file: c.content})
			pr.Approve("mei")
			s.Settle()
			got := s.State(pr.HeadSHA())
			if !strings.HasPrefix(got, site.CouldNot+c.want) {
				t.Errorf("the check says %q; wanted %q...", got, site.CouldNot+c.want)
			}
			s.Blocked(pr, got)
			s.Says(pr, c.file)
			if checks := s.Checks(pr.HeadSHA()); len(checks[0].Annotations) == 0 {
				t.Error("no annotation points at the file")
			}
			s.Up()
		})
	}
}

// A file that is no manifest yet is made into one by a tool that this version does not run: it is said, in words, not judged.
func TestTemplatingIsNotSilent(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"k8s/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n"})
	pr.Approve("mei")
	s.Settle()
	got := s.State(pr.HeadSHA())
	if !strings.HasPrefix(got, site.CouldNot+"k8s/a.yaml:4 ") {
		t.Errorf("the check says %q", got)
	}
	s.Blocked(pr, got)
}

// The plan that the repository configures is gone from the head: what would be applied is not known.
func TestPlanMissingForAChangedProject(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.Repo.Commit("fix", githubsim.CommitSpec{Author: "ann", Delete: []string{"infra/prod/prod.tfplan.json"},
		Files: map[string]string{"infra/prod/main.tf": "# nothing left\n"}})
	pr := s.Repo.OpenPR(githubsim.PRSpec{By: "ann", Head: "fix"})
	pr.Approve("mei")
	s.Settle()
	got := s.State(pr.HeadSHA())
	if !strings.HasPrefix(got, "in_progress: Waiting for a plan of infra/prod at ") {
		t.Errorf("the check says %q", got)
	}
	s.Blocked(pr, got)
}

func TestFileNamesThatNobodyCanRead(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"k8s/caf\xe9.yaml": site.Story(t, "privileged")["k8s/shop/deployment.yaml"]})
	pr.Approve("mei")
	s.Blocked(pr, site.CouldNot+`the file "k8s/caf\xe9.yaml" cannot be judged: the name is not valid UTF-8`)
	// Taking it out is the way out.
	s.Repo.Commit("fix", githubsim.CommitSpec{Author: "ann", Delete: []string{"k8s/caf\xe9.yaml"}, Files: map[string]string{"README.md": "one\n"}})
	pr.Approve("mei")
	s.Merges(pr, site.Clear1)
}

func TestFileNamesThatDeceive(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"k8s/a\u202elmay.md": "one\n"})
	pr.Approve("mei")
	s.Blocked(pr, site.CouldNot+`the file "k8s/a\u202elmay.md" cannot be judged: the name holds invisible characters`)
}

// A name of long ago that nobody touches must not keep everything else from being judged, and is mentioned.
func TestAnOldUnreadableNameIsMentioned(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{"caf\xe9.txt": "old\n"}})
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Blocked(pr, site.SSHBlocked)
	s.Says(pr, `the first is "caf\\xe9.txt"`)
}

func TestAForksConfigurationCountsForNothing(t *testing.T) {
	s := newPlace(t, site.Setup{})
	fork := s.Repo.Fork("eve")
	files := site.Story(t, "ssh-open")
	files[".github/gatehouse.yml"] = "version: 1\npolicies: {packs: []}\napprovals: {required: 0}\n"
	fork.Commit("vendor", githubsim.CommitSpec{Author: "eve", Files: files})
	pr := s.Repo.OpenPR(githubsim.PRSpec{By: "eve", Title: "From afar", Head: "vendor", HeadRepo: fork})
	s.Blocked(pr, site.SSHBlocked)
	pr.Approve("mei")
	s.Blocked(pr, site.SSHBlocked)
	s.Repo.Fork("sam") // GitHub knows more forks than one
	fork.Commit("vendor", githubsim.CommitSpec{Author: "eve", Files: site.Story(t, "ssh-vpn")})
	s.Blocked(pr, site.WaitsFor1)
	pr.Approve("mei")
	s.Merges(pr, site.Clear1)
}

func TestAPullRequestCannotLoosenItsOwnGate(t *testing.T) {
	s := newPlace(t, site.Setup{})
	files := site.Story(t, "ssh-open")
	files[".github/gatehouse.yml"] = "version: 1\npolicies: {packs: []}\napprovals: {required: 0}\n"
	files[".github/gatehouse-waivers.yml"] = "- {rule: IM-06, resource: \"*\", reason: please, owner: ann, expires: 2026-12-31}\n"
	pr := s.Open("ann", "loose", files)
	s.Blocked(pr, site.SSHBlocked)
	pr.Approve("mei")
	s.Blocked(pr, site.SSHBlocked)
}

// deliver sends a webhook as anybody could, and returns the status.
func (s *place) deliver(id, event, secret string, body []byte) int {
	s.T.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL+"/webhooks/github", bytes.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", event)
	req.Header.Set("X-GitHub-Delivery", id)
	if secret != "" {
		req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	resp.Body.Close() //nolint:errcheck // only its status is wanted
	return resp.StatusCode
}

func TestWebhooksThatAreNone(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	var opened []byte
	for _, d := range s.GitHub.Hooks().Deliveries() {
		if d.Event == "pull_request" && d.Action == "opened" {
			opened = d.Payload
		}
	}
	reads := s.GitHub.Count("GET", "/repos/acme/infra/pulls/1")
	got := map[string]int{
		"unsigned":        s.deliver("d1", "pull_request", "", opened),
		"wrongly signed":  s.deliver("d2", "pull_request", "not the secret", opened),
		"too large":       s.deliver("d3", "pull_request", site.Secret, append([]byte(`{"x":"`), bytes.Repeat([]byte("x"), 25<<20+1)...)),
		"not JSON":        s.deliver("d4", "pull_request", site.Secret, []byte("hello")),
		"cut":             s.deliver("d5", "pull_request", site.Secret, opened[:len(opened)/2]),
		"of another kind": s.deliver("d6", "pull_request", site.Secret, []byte(`[1]`)),
		"without a key":   s.deliver("d7", "pull_request", site.Secret, []byte(`{"action":"opened"}`)),
		"unknown event":   s.deliver("d8", "sponsorship", site.Secret, []byte(`{"action":"created"}`)),
		"no id":           s.deliver("", "pull_request", site.Secret, opened),
	}
	want := map[string]int{
		"unsigned": 401, "wrongly signed": 401, "too large": 413, "not JSON": 400, "cut": 400, "of another kind": 400, "without a key": 400,
		"unknown event": 202, "no id": 400,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	s.Settle()
	if n := s.GitHub.Count("GET", "/repos/acme/infra/pulls/1") - reads; n != 0 {
		t.Errorf("they led to %d looks at the pull request", n)
	}
	s.Up()
	if status := s.deliver("d9", "pull_request", site.Secret, opened); status != 202 {
		t.Errorf("a good one afterwards: %d", status)
	}
	pr.Approve("mei")
	s.Merges(pr, site.Clear1)
}
