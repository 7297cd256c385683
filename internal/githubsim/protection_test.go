package githubsim

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhoReadsProtection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pinned := []RequiredCheck{{Context: "gatehouse", AppID: w.app.ID()}}
	w.repo.Protect("main", Protection{RequiredChecks: pinned, Strict: true, RequiredReviews: 2, DismissStale: true, EnforceAdmins: true})
	id := w.repo.AddRuleset(RulesetSpec{
		Name: "all", Branches: []string{"~ALL"}, Exclude: []string{"refs/heads/tmp/*"}, RequiredChecks: pinned, BlockForcePush: true,
		Bypass: []BypassActor{{Type: "OrganizationAdmin", Mode: "always"}, {Type: "Integration", ID: 7, Mode: "pull_request"}},
	})
	w.repo.AddRuleset(RulesetSpec{Name: "off", Enforcement: "disabled", RequirePR: true})
	app, owner := w.inst.Token(), w.AddUserToken("olga")
	plain := w.AddApp(AppSpec{Slug: "plain", Key: testKey(), Permissions: map[string]string{"contents": "read"}}).Install("acme").Token()
	const repo = "/repos/acme/infra"
	ruleset := fmt.Sprintf(repo+"/rulesets/%d", id)

	full := w.call(app, "GET", repo+"/branches/main/protection", nil).object(t)
	checks := full["required_status_checks"].(map[string]any)
	reviews := full["required_pull_request_reviews"].(map[string]any)
	got := []any{
		checks["strict"], checks["checks"], full["enforce_admins"].(map[string]any)["enabled"], reviews["required_approving_review_count"],
		reviews["dismiss_stale_reviews"],
	}
	want := []any{true, []any{map[string]any{"context": "gatehouse", "app_id": float64(w.app.ID())}}, true, 2.0, true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s := w.call(plain, "GET", repo+"/branches/main/protection", nil).said(); s != "403 Resource not accessible by integration" {
		t.Errorf("an App without administration: %s", s)
	}
	rules := []string{}
	for _, r := range w.call(app, "GET", repo+"/rules/branches/main", nil).list(t) {
		rules = append(rules, fmt.Sprint(r["type"], " of ", r["ruleset_id"]))
	}
	wantRules := []string{fmt.Sprint("non_fast_forward of ", float64(id)), fmt.Sprint("required_status_checks of ", float64(id))}
	if diff := cmp.Diff(wantRules, rules); diff != "" {
		t.Error(diff)
	}
	if _, shown := w.call(app, "GET", ruleset, nil).object(t)["bypass_actors"]; shown {
		t.Error("the App may not write rulesets, and sees who may go around them")
	}
	actors := w.call(owner, "GET", ruleset, nil).object(t)["bypass_actors"]
	wantActors := []any{
		map[string]any{"actor_type": "OrganizationAdmin", "bypass_mode": "always", "actor_id": nil},
		map[string]any{"actor_type": "Integration", "bypass_mode": "pull_request", "actor_id": 7.0},
	}
	if diff := cmp.Diff(wantActors, actors); diff != "" {
		t.Error(diff)
	}
	summary := w.call(app, "GET", repo+"/branches/main", nil).object(t)["protection"].(map[string]any)["required_status_checks"].(map[string]any)
	if summary["enforcement_level"] != "everyone" {
		t.Errorf("summary: %v", summary)
	}
}

func TestTwoPullRequestsShareTheChecksOfOneHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repo.CreateBranch("olga", "release", "main")
	first := w.openPR()
	second := w.repo.OpenPR(PRSpec{By: "wendy", Head: "feature", Base: "release"})
	for _, branch := range []string{"main", "release"} {
		w.repo.Protect(branch, Protection{RequiredChecks: []RequiredCheck{{Context: "gatehouse", AppID: w.app.ID()}}})
	}
	cr := w.app.PostCheck(w.repo, first.HeadSHA(), "gatehouse", "success")
	if got := append(first.Blockers(), second.Blockers()...); len(got) != 0 {
		t.Errorf("blocked: %v", got)
	}
	pulls := w.call(w.inst.Token(), "GET", fmt.Sprintf("/repos/acme/infra/check-runs/%d", cr.ID()), nil).object(t)["pull_requests"].([]any)
	if len(pulls) != 2 {
		t.Errorf("%d pull requests on the check", len(pulls))
	}
}

func TestRulesetBypass(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		actor  func(w *world) BypassActor
		by     string
		merges bool
		pushes bool
	}{
		{"nobody", func(*world) BypassActor { return BypassActor{} }, "olga", false, false},
		{"owners, always", func(*world) BypassActor { return BypassActor{Type: "OrganizationAdmin", Mode: "always"} }, "olga", true, true},
		{"owners, by pull request", func(*world) BypassActor { return BypassActor{Type: "OrganizationAdmin", Mode: "pull_request"} }, "olga", true, false},
		{"owners, and a writer tries", func(*world) BypassActor { return BypassActor{Type: "OrganizationAdmin", Mode: "always"} }, "walt", false, false},
		{"writers", func(*world) BypassActor { return BypassActor{Type: "RepositoryRole", ID: 4, Mode: "always"} }, "walt", true, true},
		{"maintainers, and a writer tries", func(*world) BypassActor { return BypassActor{Type: "RepositoryRole", ID: 2, Mode: "always"} }, "walt", false, false},
		{"a team", func(w *world) BypassActor {
			team := w.org.AddTeam(TeamSpec{Name: "oncall"})
			team.Add("walt")
			return BypassActor{Type: "Team", ID: team.id, Mode: "exempt"}
		}, "walt", true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.openPR()
			w.repo.AddRuleset(RulesetSpec{Name: "main", RequiredReviews: 1, Bypass: []BypassActor{tc.actor(w)}})
			_, pushErr := w.repo.TryCommit("main", CommitSpec{Author: tc.by, Files: map[string]string{"direct": "1"}})
			_, mergeErr := p.Merge(tc.by, MergeOptions{})
			if (pushErr == nil) != tc.pushes || (mergeErr == nil) != tc.merges {
				t.Errorf("push: %v, merge: %v", pushErr, mergeErr)
			}
		})
	}
}
