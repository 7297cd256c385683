package github

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/posture"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// watchful are the events of an App that looks after branches and deployments, besides those of pull requests.
func watchful() []string {
	return []string{
		"branch_protection_rule", "repository_ruleset", "repository", "deployment_protection_rule", "check_run", "check_suite", "issue_comment",
		"pull_request", "pull_request_review", "push",
	}
}

// watched is a site whose App hears of protection and deployments.
func watched(t *testing.T, in site.Setup) *place {
	in.NoServer = true
	if in.Permissions == nil {
		in.Permissions = map[string]string{}
	}
	in.Permissions["deployments"] = "write"
	s := newPlace(t, in)
	permissions := map[string]string{
		"actions": "read", "administration": "read", "checks": "write", "contents": "read", "deployments": "write", "issues": "write",
		"members": "read", "pull_requests": "write",
	}
	for name, level := range in.Permissions {
		if permissions[name] = level; level == "" {
			delete(permissions, name)
		}
	}
	s.Installation.SetPermissions(permissions, watchful())
	s.Start()
	s.Looked()
	s.Settle()
	return s
}

// drift is an audit entry about protection, in short: who, which branch, the verdict, and the points that are not ok.
func drift(e store.Entry) string {
	after, _ := e.Detail["after"].(map[string]any)
	var bad []string
	for _, point := range []string{
		posture.Required, posture.Pinned, posture.Administrators, posture.Bypass, posture.Reviews, posture.Stale, posture.ForcePush, posture.Deletion,
	} {
		if state := after[point]; state != nil && state != "ok" {
			bad = append(bad, fmt.Sprintf("%s=%s", point, state))
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s: %s", e.Actor, e.Repository, e.Detail["branch"], e.Verdict, strings.Join(bad, " ")))
}

// drifts settles and compares the entries about protection, oldest first.
func (s *place) drifts(wants ...string) {
	s.T.Helper()
	s.Settle()
	entries := s.Entries(store.EntryPosture)
	var got []string
	for i := len(entries) - 1; i >= 0; i-- {
		got = append(got, drift(entries[i]))
	}
	if diff := cmp.Diff(wants, got); diff != "" {
		s.T.Errorf("what is recorded about protection (-want +got):\n%s", diff)
	}
}

// binding is classic protection that binds everybody.
func (s *place) binding() githubsim.Protection {
	return githubsim.Protection{
		RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.App.ID()}}, RequiredReviews: 1, DismissStale: true, EnforceAdmins: true,
	}
}

const (
	firstLook = "acme/infra main problem: administrators=problem reviews=problem stale=problem"
	bound     = "vic acme/infra main ok:"
)

func TestDriftOfProtection(t *testing.T) {
	s := watched(t, site.Setup{})
	s.drifts(firstLook)
	wants := []string{firstLook, bound}
	s.Repo.Protect("main", s.binding())
	s.drifts(wants...)

	weak := s.binding()
	weak.EnforceAdmins, weak.AllowForcePush = false, true
	s.Repo.Protect("main", weak)
	wants = append(wants, "vic acme/infra main problem: administrators=problem force-push=problem")
	s.drifts(wants...)
	if !s.Metric(`gatehouse_branches{posture="problem"} 1`) {
		t.Error("the metric does not show it")
	}

	// A ruleset of the organisation closes it again; GitHub does not show the App whom it excepts.
	id := s.Org.AddRuleset(githubsim.RulesetSpec{Name: "all", Branches: []string{"~ALL"}, RequiredChecks: s.binding().RequiredChecks, BlockForcePush: true})
	wants = append(wants, "vic acme/infra main unknown: administrators=unknown bypass=unknown")
	s.drifts(wants...)
	s.Org.DeleteRuleset(id)
	wants = append(wants, "vic acme/infra main problem: administrators=problem force-push=problem")
	s.drifts(wants...)

	// Another default branch is another branch that must be protected.
	s.Repo.CreateBranch("vic", "trunk", "main")
	s.Repo.SetDefaultBranch("vic", "trunk")
	wants = append(wants,
		"vic acme/infra trunk problem: required=problem pinned=problem administrators=problem bypass=problem reviews=problem stale=problem force-push=problem deletion=problem",
		"vic acme/infra main problem: administrators=problem force-push=problem")
	s.drifts(wants...)
	s.Repo.Unprotect("main")
	wants = append(wants, "vic acme/infra main problem: required=problem")
	s.drifts(wants...)
	if left, err := s.DB.Postures(context.Background(), store.PostureFilter{}); err != nil || len(left) != 1 || left[0].Branch != "trunk" {
		t.Errorf("what is known at the end: %+v %v", left, err)
	}
	s.cleanLog()
}

// cleanLog makes sure that the log verifies.
func (s *place) cleanLog() {
	s.T.Helper()
	if err := s.DB.CheckLog(context.Background()); err != nil {
		s.T.Error(err)
	}
}

// What is lost on the way is found by the next round, which says that nobody is known to have done it.
func TestDriftThatNoEventTold(t *testing.T) {
	s := watched(t, site.Setup{})
	s.GitHub.Hooks().SetFilter(func(githubsim.Delivery) githubsim.Fate { return githubsim.Drop })
	s.Repo.Protect("main", s.binding())
	s.drifts(firstLook)
	look := work.Posture{Target: work.Target{InstallationID: s.Installation.ID(), RepositoryID: s.Repo.ID(), Owner: "acme", Name: "infra", Reason: "hourly"}}
	if err := s.DB.Enqueue(context.Background(), look.Work()); err != nil {
		t.Fatal(err)
	}
	s.drifts(firstLook, "acme/infra main ok:")
	entry := s.Entries(store.EntryPosture)[0]
	got := []any{entry.Detail["reason"], entry.Detail["before"].(map[string]any)[posture.Administrators], entry.Detail["changed"]}
	if diff := cmp.Diff([]any{"hourly", "problem", []any{"administrators", "bypass", "reviews", "stale"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPostureWithoutAdministration(t *testing.T) {
	s := watched(t, site.Setup{Permissions: map[string]string{"administration": ""}})
	s.drifts("acme/infra main unknown: administrators=unknown reviews=unknown stale=unknown force-push=unknown deletion=unknown")
	known, err := s.DB.Postures(context.Background(), store.PostureFilter{Repository: "acme/infra"})
	if err != nil || len(known) != 1 {
		t.Fatal(known, err)
	}
	var report posture.Report
	if err := json.Unmarshal(known[0].Report, &report); err != nil {
		t.Fatal(err)
	}
	if do := report.Point(posture.ForcePush).Do; do != "Grant the App the permission Administration: read, and let an owner accept it." {
		t.Error(do)
	}
	full := s.Installation
	full.SetPermissions(map[string]string{"administration": "read", "checks": "write", "contents": "read"}, watchful())
	s.Settle()
	entries := s.Entries(store.EntryPosture)
	if got := "vic " + firstLook; drift(entries[0]) != got {
		t.Errorf("after the permission was granted: %s", drift(entries[0]))
	}
}

func TestTheAppIsRemoved(t *testing.T) {
	s := watched(t, site.Setup{})
	s.Installation.Uninstall()
	s.drifts(firstLook, "vic acme/infra main problem: required=problem")
	says := s.Entries(store.EntryPosture)[0].Detail["says"].(map[string]any)[posture.Required]
	if says != "The App is not installed on the repository any more, or is suspended." {
		t.Error(says)
	}
	// Installed again, it is looked at afresh.
	s.App.Install("acme", s.Repo)
	s.drifts(firstLook, "vic acme/infra main problem: required=problem", "vic "+firstLook)
}

func TestOtherProtectedBranches(t *testing.T) {
	s := watched(t, site.Setup{})
	s.Repo.CreateBranch("vic", "release/1", "main")
	s.Repo.CreateBranch("vic", "pages", "main")
	s.Repo.Protect("pages", githubsim.Protection{RequiredReviews: 1}) // protected, but not by the gate
	s.drifts(firstLook)
	s.Repo.Protect("release/*", s.binding())
	s.drifts(firstLook, "vic acme/infra release/1 ok:")
	if err := s.Repo.DeleteBranch("vic", "release/1"); err == nil {
		t.Error("a protected branch was deleted")
	}
	s.Repo.Unprotect("release/*")
	s.drifts(firstLook, "vic acme/infra release/1 ok:", "vic acme/infra release/1 problem: required=problem")
}

func TestConfigurationChanges(t *testing.T) {
	s := watched(t, site.Setup{Files: map[string]string{".gatehouse/policies/a.rego": "package a\n"}})
	s.Settle()
	push := func(files map[string]string) string {
		sha := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: files})
		s.Settle()
		return sha
	}
	push(map[string]string{"README.md": "nothing that anything is judged by\n"})
	own := site.GateFile("  paths: [\".gatehouse/policies\"]\n")
	push(map[string]string{".github/gatehouse.yml": own})
	push(map[string]string{".github/gatehouse-waivers.yml": "[]\n", ".gatehouse/policies/a.rego": "package a\n# changed\n"})
	s.Repo.Commit("topic", githubsim.CommitSpec{Author: "ann", Files: map[string]string{".github/gatehouse.yml": "version: 1\n"}}) // not base
	s.Settle()
	var got []string
	entries := s.Entries(store.EntryConfiguration)
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i]
		if e.Detail["what"] != "repository" {
			continue
		}
		var names []string
		for _, name := range []string{".github/gatehouse.yml", ".github/gatehouse-waivers.yml", ".gatehouse/policies/"} {
			if c, ok := e.Detail["files"].(map[string]any)[name].(map[string]any); ok {
				names = append(names, fmt.Sprintf("%s %v %v", name, c["from"] != nil, c["to"] != nil))
			}
		}
		got = append(got, e.Actor+" "+fmt.Sprint(e.Detail["branch"])+": "+strings.Join(names, ", "))
	}
	want := []string{
		"vic main: .github/gatehouse.yml true true, .gatehouse/policies/ false true",
		"vic main: .github/gatehouse-waivers.yml false true, .gatehouse/policies/ true true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%+v", diff, entries)
	}
	// The same event again says nothing twice.
	before := len(entries)
	for _, d := range s.GitHub.Hooks().Deliveries() {
		if d.Event == "push" {
			look := d
			look.ID = d.ID
			s.GitHub.Hooks().Redeliver(look.ID)
		}
	}
	s.Settle()
	if after := len(s.Entries(store.EntryConfiguration)); after != before {
		t.Errorf("%d entries, %d before", after, before)
	}
}

func TestSettingsChange(t *testing.T) {
	s := watched(t, site.Setup{})
	s.Stop()
	s.Start() // nothing changed
	s.Stop()
	s.More = []string{"GATEHOUSE_READERS=acme/dba,vic", "GITHUB_WEBHOOK_SECRET=" + site.Secret + ",another-secret"}
	s.Start()
	s.Settle()
	entries := s.Entries(store.EntryConfiguration)
	if len(entries) != 2 || entries[1].Detail["first"] != true {
		t.Fatalf("%+v", entries)
	}
	changed := entries[0].Detail["settings"].(map[string]any)
	secret, _ := changed["GITHUB_WEBHOOK_SECRET"].(map[string]any)
	if len(changed) != 2 || !strings.HasPrefix(fmt.Sprint(secret["from"]), "fingerprint ") || secret["from"] == secret["to"] {
		t.Errorf("%+v", changed)
	}
	if diff := cmp.Diff(map[string]any{"from": nil, "to": "acme/dba,vic"}, changed["GATEHOUSE_READERS"]); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(entries)
	if err != nil || strings.Contains(string(text), site.Secret) || strings.Contains(string(text), "PRIVATE KEY") {
		t.Errorf("a secret is in the log: %s %v", text, err)
	}
}

// answers is where GitHub takes the answer about a deployment.
const answers = "/repos/acme/infra/actions/runs/*/deployment_protection_rule"

func TestDeploymentsOpenForGatedCommitsAlone(t *testing.T) {
	s := watched(t, site.Setup{})
	s.Repo.ProtectEnvironment("production", s.App)
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)

	// The workflow asks before the server knows of the merge.
	s.GitHub.Hooks().Hold()
	landed, err := pr.Merge("ann", githubsim.MergeOptions{Method: "squash"})
	if err != nil {
		t.Fatal(err)
	}
	gated := s.Repo.Deploy(githubsim.DeploymentSpec{Environment: "production", SHA: landed, By: "ann"})
	held := s.GitHub.Hooks().Held()
	s.GitHub.Hooks().Deliver(held[len(held)-1].ID)
	s.Until("the deployment to wait", func() bool {
		stats, err := s.DB.Queue(context.Background())
		return err == nil && len(stats) == 1 && stats[0].Kind == work.KindDeploy && stats[0].Waiting == 1
	})
	if state, _ := gated.State(); state != "waiting" {
		t.Errorf("before the merge is known: %s", state)
	}
	s.GitHub.Hooks().Release()
	s.Settle()
	if state, comment := gated.State(); state != "approved" || !strings.Contains(comment, landed[:12]) {
		t.Errorf("%s: %s", state, comment)
	}

	// What an administrator pushed past the gate stays outside, whatever GitHub's answers.
	around := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"README.md": "in a hurry\n"}})
	s.Settle()
	s.GitHub.Fail(githubsim.FaultSpec{Method: "POST", PathPattern: answers, Status: 502, Times: 1})
	pushed := s.Repo.Deploy(githubsim.DeploymentSpec{Environment: "production", SHA: around, By: "vic"})
	s.Settle()
	if state, comment := pushed.State(); state != "rejected" || !strings.Contains(comment, "pushed without a pull request") {
		t.Errorf("%s: %s", state, comment)
	}
	var got []string
	for _, e := range s.Entries(store.EntryPublication) {
		if e.Detail["what"] == "deployment" {
			got = append(got, fmt.Sprintf("%s %s %s %.7s %v", e.Actor, e.Verdict, e.Detail["environment"], e.Commit, e.Detail["deployment"]))
		}
	}
	want := []string{
		fmt.Sprintf("vic rejected production %.7s %d", around, pushed.ID()), fmt.Sprintf("ann approved production %.7s %d", landed, gated.ID()),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// The same event again is not decided twice.
	for _, d := range s.GitHub.Hooks().Deliveries() {
		if d.Event == "deployment_protection_rule" {
			s.GitHub.Hooks().Redeliver(d.ID)
		}
	}
	size := len(s.Entries(store.EntryPublication))
	s.Settle()
	if again := len(s.Entries(store.EntryPublication)); again != size {
		t.Errorf("%d entries, %d before", again, size)
	}
}

// A deployment that is asked for while the server is down, or that GitHub does not let it answer, is answered in the end.
func TestDeploymentSurvivesARestart(t *testing.T) {
	s := watched(t, site.Setup{})
	s.Repo.ProtectEnvironment("production", s.App)
	around := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"README.md": "in a hurry\n"}})
	s.Settle()
	remove := s.GitHub.Fail(githubsim.FaultSpec{Method: "POST", PathPattern: answers, Status: 500, Times: -1})
	d := s.Repo.Deploy(githubsim.DeploymentSpec{Environment: "production", SHA: around, By: "vic"})
	s.Until("an attempt", func() bool { return s.GitHub.Count("POST", answers) > 0 })
	s.Stop()
	remove()
	s.Start()
	s.Settle()
	if state, _ := d.State(); state != "rejected" {
		t.Error(state)
	}
}

// A run that was cancelled needs no answer.
func TestDeploymentThatWaitsNoMore(t *testing.T) {
	s := watched(t, site.Setup{})
	s.Repo.ProtectEnvironment("production", s.App)
	around := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"README.md": "in a hurry\n"}})
	s.Settle()
	s.GitHub.Hooks().Hold()
	d := s.Repo.Deploy(githubsim.DeploymentSpec{Environment: "production", SHA: around, By: "vic"})
	d.Cancel()
	s.GitHub.Hooks().Release()
	s.Settle()
	e := s.Entries(store.EntryPublication)[0]
	if e.Detail["what"] != "deployment" || e.Detail["outcome"] != "refused" {
		t.Errorf("%+v", e)
	}
}
