package cli

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// What stands in the title of every check that could not be made.
const couldNot = "completed/failure: Gatehouse could not evaluate: "

func TestE2EBrokenConfigurationOnTheBase(t *testing.T) {
	for name, c := range map[string]struct{ config, want string }{
		"unknown key":   {"version: 1\napprovals:\n  requird: 2\n", ".github/gatehouse.yml:3 "},
		"not YAML":      {"version: 1\n\tapprovals: {}\n", ".github/gatehouse.yml:2 "},
		"key twice":     {"version: 1\napprovals: {required: 1}\napprovals: {required: 0}\n", ".github/gatehouse.yml:3 "},
		"of the future": {"version: 9\n", ".github/gatehouse.yml:1 "},
		"not UTF-8":     {"version: 1\n# gr\xfc\xdfe\n", ".github/gatehouse.yml"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, setup{files: map[string]string{".github/gatehouse.yml": c.config}})
			pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
			pr.Approve("mei")
			s.settle()
			got := s.state(pr.HeadSHA())
			if !strings.HasPrefix(got, couldNot+c.want) {
				t.Errorf("the check says %q; wanted %q...", got, couldNot+c.want)
			}
			s.blocked(pr, got)
			s.says(pr, ".github/gatehouse.yml")

			// Whoever may write to the base mends it there, and the open pull requests are judged again.
			s.repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{".github/gatehouse.yml": gateFile("")}})
			s.merges(pr, clear1)
		})
	}
}

func TestE2EBrokenManifestsAreErrorsWithFileAndLine(t *testing.T) {
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
			s := newSite(t, setup{})
			pr := s.open("ann", "fix", map[string]string{c.file: c.content})
			pr.Approve("mei")
			s.settle()
			got := s.state(pr.HeadSHA())
			if !strings.HasPrefix(got, couldNot+c.want) {
				t.Errorf("the check says %q; wanted %q...", got, couldNot+c.want)
			}
			s.blocked(pr, got)
			s.says(pr, c.file)
			if checks := s.checks(pr.HeadSHA()); len(checks[0].Annotations) == 0 {
				t.Error("no annotation points at the file")
			}
			s.up()
		})
	}
}

// A file that is no manifest yet is made into one by a tool that this version does not run: it is said, in words, not judged.
func TestE2ETemplatingIsNotSilent(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"k8s/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n"})
	pr.Approve("mei")
	s.settle()
	got := s.state(pr.HeadSHA())
	if !strings.HasPrefix(got, couldNot+"k8s/a.yaml:4 ") {
		t.Errorf("the check says %q", got)
	}
	s.blocked(pr, got)
}

// The plan that the repository configures is gone from the head: what would be applied is not known.
func TestE2EPlanMissingForAChangedProject(t *testing.T) {
	s := newSite(t, setup{})
	s.repo.Commit("fix", githubsim.CommitSpec{Author: "ann", Delete: []string{"infra/prod/prod.tfplan.json"},
		Files: map[string]string{"infra/prod/main.tf": "# nothing left\n"}})
	pr := s.repo.OpenPR(githubsim.PRSpec{By: "ann", Head: "fix"})
	pr.Approve("mei")
	s.settle()
	got := s.state(pr.HeadSHA())
	if !strings.HasPrefix(got, "in_progress: Waiting for a plan of infra/prod at ") {
		t.Errorf("the check says %q", got)
	}
	s.blocked(pr, got)
}

func TestE2EFileNamesThatNobodyCanRead(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"k8s/caf\xe9.yaml": story(t, "privileged")["k8s/shop/deployment.yaml"]})
	pr.Approve("mei")
	s.blocked(pr, couldNot+`the file "k8s/caf\xe9.yaml" cannot be judged: the name is not valid UTF-8`)
	// Taking it out is the way out.
	s.repo.Commit("fix", githubsim.CommitSpec{Author: "ann", Delete: []string{"k8s/caf\xe9.yaml"}, Files: map[string]string{"README.md": "one\n"}})
	pr.Approve("mei")
	s.merges(pr, clear1)
}

func TestE2EFileNamesThatDeceive(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"k8s/a\u202elmay.md": "one\n"})
	pr.Approve("mei")
	s.blocked(pr, couldNot+`the file "k8s/a\u202elmay.md" cannot be judged: the name holds invisible characters`)
}

// A name of long ago that nobody touches must not keep everything else from being judged, and is mentioned.
func TestE2EAnOldUnreadableNameIsMentioned(t *testing.T) {
	s := newSite(t, setup{files: map[string]string{"caf\xe9.txt": "old\n"}})
	pr := s.open("ann", "vendor", story(t, "ssh-open"))
	s.blocked(pr, sshBlocked)
	s.says(pr, `the first is "caf\\xe9.txt"`)
}

func TestE2EAForksConfigurationCountsForNothing(t *testing.T) {
	s := newSite(t, setup{})
	fork := s.repo.Fork("eve")
	files := story(t, "ssh-open")
	files[".github/gatehouse.yml"] = "version: 1\npolicies: {packs: []}\napprovals: {required: 0}\n"
	fork.Commit("vendor", githubsim.CommitSpec{Author: "eve", Files: files})
	pr := s.repo.OpenPR(githubsim.PRSpec{By: "eve", Title: "From afar", Head: "vendor", HeadRepo: fork})
	s.blocked(pr, sshBlocked)
	pr.Approve("mei")
	s.blocked(pr, sshBlocked)
	s.repo.Fork("sam") // GitHub knows more forks than one
	fork.Commit("vendor", githubsim.CommitSpec{Author: "eve", Files: story(t, "ssh-vpn")})
	s.blocked(pr, waitsFor1)
	pr.Approve("mei")
	s.merges(pr, clear1)
}

func TestE2EAPullRequestCannotLoosenItsOwnGate(t *testing.T) {
	s := newSite(t, setup{})
	files := story(t, "ssh-open")
	files[".github/gatehouse.yml"] = "version: 1\npolicies: {packs: []}\napprovals: {required: 0}\n"
	files[".github/gatehouse-waivers.yml"] = "- {rule: IM-06, resource: \"*\", reason: please, owner: ann, expires: 2026-12-31}\n"
	pr := s.open("ann", "loose", files)
	s.blocked(pr, sshBlocked)
	pr.Approve("mei")
	s.blocked(pr, sshBlocked)
}

// up makes sure that the server lives and works.
func (s *site) up() {
	s.t.Helper()
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		resp, err := http.Get(s.url + path)
		if err != nil {
			s.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close() //nolint:errcheck // only read
		if err != nil || resp.StatusCode != 200 || string(body) != want {
			s.t.Errorf("%s: %s %q %v", path, resp.Status, body, err)
		}
	}
}

// deliver sends a webhook as anybody could, and returns the status.
func (s *site) deliver(id, event, secret string, body []byte) int {
	s.t.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.url+"/webhooks/github", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", event)
	req.Header.Set("X-GitHub-Delivery", id)
	if secret != "" {
		req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close() //nolint:errcheck // only its status is wanted
	return resp.StatusCode
}

func TestE2EWebhooksThatAreNone(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)
	var opened []byte
	for _, d := range s.gh.Hooks().Deliveries() {
		if d.Event == "pull_request" && d.Action == "opened" {
			opened = d.Payload
		}
	}
	reads := s.gh.Count("GET", "/repos/acme/infra/pulls/1")
	got := map[string]int{
		"unsigned":        s.deliver("d1", "pull_request", "", opened),
		"wrongly signed":  s.deliver("d2", "pull_request", "not the secret", opened),
		"too large":       s.deliver("d3", "pull_request", e2eSecret, append([]byte(`{"x":"`), bytes.Repeat([]byte("x"), 25<<20+1)...)),
		"not JSON":        s.deliver("d4", "pull_request", e2eSecret, []byte("hello")),
		"cut":             s.deliver("d5", "pull_request", e2eSecret, opened[:len(opened)/2]),
		"of another kind": s.deliver("d6", "pull_request", e2eSecret, []byte(`[1]`)),
		"without a key":   s.deliver("d7", "pull_request", e2eSecret, []byte(`{"action":"opened"}`)),
		"unknown event":   s.deliver("d8", "sponsorship", e2eSecret, []byte(`{"action":"created"}`)),
		"no id":           s.deliver("", "pull_request", e2eSecret, opened),
	}
	want := map[string]int{
		"unsigned": 401, "wrongly signed": 401, "too large": 413, "not JSON": 400, "cut": 400, "of another kind": 400, "without a key": 400,
		"unknown event": 202, "no id": 400,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	s.settle()
	if n := s.gh.Count("GET", "/repos/acme/infra/pulls/1") - reads; n != 0 {
		t.Errorf("they led to %d looks at the pull request", n)
	}
	s.up()
	if status := s.deliver("d9", "pull_request", e2eSecret, opened); status != 202 {
		t.Errorf("a good one afterwards: %d", status)
	}
	pr.Approve("mei")
	s.merges(pr, clear1)
}
