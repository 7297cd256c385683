package github

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// Without a configuration of its own a repository has the organisation's, and an open pull request is judged anew when that
// changes; without either it has the built-in one.
func TestConfigurationOfTheOrganisation(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{".github/gatehouse.yml": ""}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Blocked(pr, site.WaitsFor1)
	shared := s.GitHub.CreateRepo(githubsim.RepoSpec{Owner: "acme", Name: ".github", Private: true, Files: map[string]string{
		".github/gatehouse.yml": site.GateFile("approvals: {required: 2}\n"),
	}})
	pr.Comment("ann", "/gatehouse recheck")
	s.Blocked(pr, site.WaitsFor1) // the App is not installed there, so it may not be read
	s.Installation.AddRepos(shared)
	s.Blocked(pr, site.WaitsFor2)
	shared.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{".github/gatehouse.yml": "version: 1\nnonsense: true\n"}})
	s.Settle()
	got := s.State(pr.HeadSHA())
	if !strings.HasPrefix(got, site.CouldNot) || !strings.Contains(got, ".github/gatehouse.yml:2 ") {
		t.Errorf("the check says %q", got)
	}
	shared.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{".github/gatehouse.yml": site.GateFile("approvals: {required: 0}\n")}})
	s.Merges(pr, "completed/success: All clear: N documents, N rules")
}

// What a plan or a manifest holds in secret is nowhere afterwards: not on GitHub, not in the log, not in the database.
func TestSecretsAreNowhere(t *testing.T) {
	const secret = "hunter2-hunter2-hunter2"
	s := newPlace(t, site.Setup{Files: map[string]string{"k8s/token.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {token: older-" + secret + "}\n"}})
	plan := map[string]any{
		"format_version": "1.2", "terraform_version": "1.9.8",
		"resource_changes": []any{map[string]any{
			"address": "aws_db_instance.main", "mode": "managed", "type": "aws_db_instance", "name": "main",
			"provider_name": "registry.terraform.io/hashicorp/aws",
			"change": map[string]any{
				"actions": []string{"delete", "create"}, "before": map[string]any{"password": "older-" + secret, "publicly_accessible": false},
				"after": map[string]any{"password": secret, "publicly_accessible": true}, "after_unknown": map[string]any{},
				"before_sensitive": map[string]any{"password": true}, "after_sensitive": map[string]any{"password": true},
			},
		}},
	}
	text, err := json.MarshalIndent(plan, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	pr := s.Open("ann", "secret", map[string]string{
		"infra/prod/prod.tfplan.json": string(text), "infra/prod/main.tf": "# changed\n",
		"k8s/token.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {token: " + secret + "}\n",
	})
	s.Settle()
	if !strings.Contains(s.Comment(pr), "aws_db_instance.main") {
		t.Errorf("the comment does not name the database:\n%s", s.Comment(pr))
	}
	s.Stop()
	seen := []byte(s.Log.String())
	for _, r := range s.GitHub.Requests() {
		seen = append(seen, r.Body...)
	}
	files, err := filepath.Glob(filepath.Join(s.Dir, "gatehouse.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no database", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, data...)
	}
	if !bytes.Contains(seen, []byte("aws_db_instance.main")) {
		t.Error("what is looked through does not even hold the resource's name")
	}
	if bytes.Contains(seen, []byte(secret)) {
		t.Error("the secret is there")
	}
}

func TestMoreAnnotationsThanARequestTakes(t *testing.T) {
	s := newPlace(t, site.Setup{})
	var pods strings.Builder
	for i := range 70 {
		fmt.Fprintf(&pods, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: pod-%d}\nspec:\n  hostNetwork: true\n  containers: []\n", i)
	}
	pr := s.Open("ann", "pods", map[string]string{"k8s/pods.yaml": pods.String()})
	s.Settle()
	lines := map[int]int{}
	checks := s.Checks(pr.HeadSHA())
	if len(checks) != 1 {
		t.Fatalf("%d checks", len(checks))
	}
	for _, a := range checks[0].Annotations {
		if strings.HasPrefix(a.Title, "PSS-B-") {
			lines[a.StartLine]++
		}
	}
	for i := range 70 {
		if at := 7*i + 6; lines[at] != 1 { // the line of hostNetwork
			t.Errorf("%d annotations on line %d", lines[at], at)
		}
	}
	if posts := s.GitHub.Count("POST", postCheck); posts != 1 {
		t.Errorf("%d check runs", posts)
	}
}

// A merge group that is not made of open pull requests gets an answer, and it is no.
func TestAMergeGroupIsNotWavedThrough(t *testing.T) {
	s := newPlace(t, site.Setup{})
	sha := s.Repo.Commit("gh-readonly-queue/main/pr-1", githubsim.CommitSpec{Author: "ann", Files: map[string]string{"README.md": "one\n"}})
	s.Settle()
	payload, err := json.Marshal(map[string]any{
		"action": "checks_requested", "installation": map[string]any{"id": s.Installation.ID()},
		"merge_group":  map[string]any{"head_sha": sha, "head_ref": "refs/heads/gh-readonly-queue/main/pr-1", "base_ref": "refs/heads/main", "base_sha": s.Repo.Head("main")},
		"repository":   map[string]any{"id": s.Repo.ID(), "name": "infra", "full_name": "acme/infra", "default_branch": "main", "owner": map[string]any{"login": "acme"}},
		"sender":       map[string]any{"login": "ann"},
		"organization": map[string]any{"login": "acme"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if status := s.deliver("group-1", "merge_group", site.Secret, payload); status != 202 {
		t.Fatalf("answered %d", status)
	}
	s.Settle()
	if got := s.State(sha); !strings.HasPrefix(got, "completed/failure: Gatehouse could not evaluate") {
		t.Errorf("the check says %q", got)
	}
}

// While the App is suspended nothing passes; afterwards everything goes on.
func TestSuspendedAndBack(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	s.Installation.Suspend()
	pr.Approve("mei")
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		t.Error("it merged while nobody looked")
	}
	s.Installation.Unsuspend()
	s.Merges(pr, site.Clear1)
}

// Somebody else's check and somebody's status of the gate's name open nothing.
func TestForgedVerdictsOpenNothing(t *testing.T) {
	s := newPlace(t, site.Setup{})
	other := s.GitHub.AddApp(githubsim.AppSpec{Slug: "imposter", Key: site.AppKey(), Permissions: map[string]string{"checks": "write"}})
	other.Install("acme", s.Repo)
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Blocked(pr, site.SSHBlocked)
	other.PostCheck(s.Repo, pr.HeadSHA(), "gatehouse", "success")
	if err := s.Repo.SetStatus("ann", pr.HeadSHA(), "gatehouse", "success"); err != nil {
		t.Fatal(err)
	}
	s.Settle()
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		t.Error("a forged verdict opened the gate")
	}
	pr.Comment("ann", "/gatehouse recheck")
	s.Settle()
	ours := 0
	for _, c := range s.Checks(pr.HeadSHA()) {
		if c.App == "gatehouse" && c.Conclusion == "failure" {
			ours++
		}
	}
	if ours != 1 {
		t.Errorf("%d checks of our own", ours)
	}
}
