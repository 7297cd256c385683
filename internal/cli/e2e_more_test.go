package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// Without a configuration of its own a repository has the organisation's, and an open pull request is judged anew when that
// changes; without either it has the built-in one.
func TestE2EConfigurationOfTheOrganisation(t *testing.T) {
	s := newSite(t, setup{files: map[string]string{".github/gatehouse.yml": ""}})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.blocked(pr, waitsFor1)
	shared := s.gh.CreateRepo(githubsim.RepoSpec{Owner: "acme", Name: ".github", Private: true, Files: map[string]string{
		".github/gatehouse.yml": gateFile("approvals: {required: 2}\n"),
	}})
	pr.Comment("ann", "/gatehouse recheck")
	s.blocked(pr, waitsFor1) // the App is not installed there, so it may not be read
	s.in.AddRepos(shared)
	s.blocked(pr, waitsFor2)
	shared.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{".github/gatehouse.yml": "version: 1\nnonsense: true\n"}})
	s.settle()
	got := s.state(pr.HeadSHA())
	if !strings.HasPrefix(got, couldNot) || !strings.Contains(got, ".github/gatehouse.yml:2 ") {
		t.Errorf("the check says %q", got)
	}
	shared.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{".github/gatehouse.yml": gateFile("approvals: {required: 0}\n")}})
	s.merges(pr, "completed/success: All clear: N documents, N rules")
}

// What a plan or a manifest holds in secret is nowhere afterwards: not on GitHub, not in the log, not in the database.
func TestE2ESecretsAreNowhere(t *testing.T) {
	const secret = "hunter2-hunter2-hunter2"
	s := newSite(t, setup{files: map[string]string{"k8s/token.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {token: older-" + secret + "}\n"}})
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
	pr := s.open("ann", "secret", map[string]string{
		"infra/prod/prod.tfplan.json": string(text), "infra/prod/main.tf": "# changed\n",
		"k8s/token.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {token: " + secret + "}\n",
	})
	s.settle()
	if !strings.Contains(s.comment(pr), "aws_db_instance.main") {
		t.Errorf("the comment does not name the database:\n%s", s.comment(pr))
	}
	s.stop()
	seen := []byte(s.log.String())
	for _, r := range s.gh.Requests() {
		seen = append(seen, r.Body...)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "gatehouse.db*"))
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

func TestE2EMoreAnnotationsThanARequestTakes(t *testing.T) {
	s := newSite(t, setup{})
	var pods strings.Builder
	for i := range 70 {
		fmt.Fprintf(&pods, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: pod-%d}\nspec:\n  hostNetwork: true\n  containers: []\n", i)
	}
	pr := s.open("ann", "pods", map[string]string{"k8s/pods.yaml": pods.String()})
	s.settle()
	lines := map[int]int{}
	checks := s.checks(pr.HeadSHA())
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
	if posts := s.gh.Count("POST", postCheck); posts != 1 {
		t.Errorf("%d check runs", posts)
	}
}

// A merge group that is not made of open pull requests gets an answer, and it is no.
func TestE2EAMergeGroupIsNotWavedThrough(t *testing.T) {
	s := newSite(t, setup{})
	sha := s.repo.Commit("gh-readonly-queue/main/pr-1", githubsim.CommitSpec{Author: "ann", Files: map[string]string{"README.md": "one\n"}})
	s.settle()
	payload, err := json.Marshal(map[string]any{
		"action": "checks_requested", "installation": map[string]any{"id": s.in.ID()},
		"merge_group":  map[string]any{"head_sha": sha, "head_ref": "refs/heads/gh-readonly-queue/main/pr-1", "base_ref": "refs/heads/main", "base_sha": s.repo.Head("main")},
		"repository":   map[string]any{"id": s.repo.ID(), "name": "infra", "full_name": "acme/infra", "default_branch": "main", "owner": map[string]any{"login": "acme"}},
		"sender":       map[string]any{"login": "ann"},
		"organization": map[string]any{"login": "acme"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if status := s.deliver("group-1", "merge_group", e2eSecret, payload); status != 202 {
		t.Fatalf("answered %d", status)
	}
	s.settle()
	if got := s.state(sha); !strings.HasPrefix(got, "completed/failure: Gatehouse could not evaluate") {
		t.Errorf("the check says %q", got)
	}
}

// While the App is suspended nothing passes; afterwards everything goes on.
func TestE2ESuspendedAndBack(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)
	s.in.Suspend()
	pr.Approve("mei")
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		t.Error("it merged while nobody looked")
	}
	s.in.Unsuspend()
	s.merges(pr, clear1)
}

// Somebody else's check and somebody's status of the gate's name open nothing.
func TestE2EForgedVerdictsOpenNothing(t *testing.T) {
	s := newSite(t, setup{})
	other := s.gh.AddApp(githubsim.AppSpec{Slug: "imposter", Key: appKey(), Permissions: map[string]string{"checks": "write"}})
	other.Install("acme", s.repo)
	pr := s.open("ann", "vendor", story(t, "ssh-open"))
	s.blocked(pr, sshBlocked)
	other.PostCheck(s.repo, pr.HeadSHA(), "gatehouse", "success")
	if err := s.repo.SetStatus("ann", pr.HeadSHA(), "gatehouse", "success"); err != nil {
		t.Fatal(err)
	}
	s.settle()
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		t.Error("a forged verdict opened the gate")
	}
	pr.Comment("ann", "/gatehouse recheck")
	s.settle()
	ours := 0
	for _, c := range s.checks(pr.HeadSHA()) {
		if c.App == "gatehouse" && c.Conclusion == "failure" {
			ours++
		}
	}
	if ours != 1 {
		t.Errorf("%d checks of our own", ours)
	}
}
