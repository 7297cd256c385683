package githubsim

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMergeIsRefusedOrAllowed(t *testing.T) {
	t.Parallel()
	pinned := func(w *world) Protection {
		return Protection{RequiredChecks: []RequiredCheck{{Context: "gatehouse", AppID: w.app.ID()}}}
	}
	for _, tc := range []struct {
		name  string
		by    string
		opt   MergeOptions
		setup func(w *world, p *PR)
		want  string // "" when it merges
	}{
		{name: "nothing asked", by: "walt", setup: func(*world, *PR) {}},
		{name: "squash", by: "walt", opt: MergeOptions{Method: "squash"}, setup: func(*world, *PR) {}},
		{name: "rebase", by: "walt", opt: MergeOptions{Method: "rebase"}, setup: func(*world, *PR) {}},
		{
			name: "a reader may not", by: "rita", setup: func(*world, *PR) {},
			want: "403 You're not authorized to push to this branch. Visit https://docs.github.com/articles/about-protected-branches/ for more information.",
		},
		{
			name: "the check is missing", by: "walt", setup: func(w *world, _ *PR) { w.repo.Protect("main", pinned(w)) },
			want: `405 Required status check "gatehouse" is expected.`,
		},
		{
			name: "the check failed", by: "walt", want: `405 Required status check "gatehouse" is failing.`,
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", pinned(w))
				w.app.PostCheck(w.repo, p.HeadSHA(), "gatehouse", "failure")
			},
		},
		{
			name: "the check passed, was run again and failed", by: "walt", want: `405 Required status check "gatehouse" is failing.`,
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", pinned(w))
				w.app.PostCheck(w.repo, p.HeadSHA(), "gatehouse", "success")
				w.app.PostCheck(w.repo, p.HeadSHA(), "gatehouse", "failure")
			},
		},
		{
			name: "the check passed", by: "walt",
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", pinned(w))
				w.app.PostCheck(w.repo, p.HeadSHA(), "gatehouse", "success")
			},
		},
		{
			name: "a neutral check passes", by: "walt",
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", pinned(w))
				w.app.PostCheck(w.repo, p.HeadSHA(), "gatehouse", "neutral")
			},
		},
		{
			name: "a check of another App does not count", by: "walt", want: `405 Required status check "gatehouse" is expected.`,
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", pinned(w))
				other := w.AddApp(AppSpec{Slug: "forger", Key: testKey(), Permissions: allPermissions})
				other.PostCheck(w.repo, p.HeadSHA(), "gatehouse", "success")
			},
		},
		{
			name: "a status of that name does not count", by: "walt", want: `405 Required status check "gatehouse" is expected.`,
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", pinned(w))
				if err := w.repo.SetStatus("wendy", p.HeadSHA(), "gatehouse", "success"); err != nil {
					w.t.Fatal(err)
				}
			},
		},
		{
			name: "a status counts where the check is not pinned", by: "walt",
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", Protection{RequiredChecks: []RequiredCheck{{Context: "gatehouse"}}})
				if err := w.repo.SetStatus("wendy", p.HeadSHA(), "gatehouse", "success"); err != nil {
					w.t.Fatal(err)
				}
			},
		},
		{
			name: "a status and a check of one name are both required", by: "walt", want: `405 Required status check "gatehouse" is failing.`,
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", Protection{RequiredChecks: []RequiredCheck{{Context: "gatehouse"}}})
				w.app.PostCheck(w.repo, p.HeadSHA(), "gatehouse", "success")
				if err := w.repo.SetStatus("wendy", p.HeadSHA(), "gatehouse", "failure"); err != nil {
					w.t.Fatal(err)
				}
			},
		},
		{
			name: "the check was for an older head", by: "walt", want: `405 Required status check "gatehouse" is expected.`,
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", pinned(w))
				w.app.PostCheck(w.repo, p.HeadSHA(), "gatehouse", "success")
				p.Push(CommitSpec{Files: map[string]string{"x": "y"}})
			},
		},
		{
			name: "two checks are missing", by: "walt", want: "405 2 of 2 required status checks are expected.",
			setup: func(w *world, _ *PR) {
				w.repo.Protect("main", Protection{RequiredChecks: []RequiredCheck{{Context: "a"}, {Context: "b"}}})
			},
		},
		{
			name: "an administrator goes around", by: "olga", setup: func(w *world, _ *PR) { w.repo.Protect("main", pinned(w)) },
		},
		{
			name: "an administrator is included", by: "olga", want: `405 Required status check "gatehouse" is expected.`,
			setup: func(w *world, _ *PR) {
				p := pinned(w)
				p.EnforceAdmins = true
				w.repo.Protect("main", p)
			},
		},
		{
			name: "the head moved", by: "walt", opt: MergeOptions{SHA: "0123456789012345678901234567890123456789"}, setup: func(*world, *PR) {},
			want: "409 Head branch was modified. Review and try the merge again.",
		},
		{
			name: "a draft", by: "walt", setup: func(_ *world, p *PR) { p.ConvertToDraft("wendy") }, want: "405 Pull Request is still a draft",
		},
		{
			name: "closed", by: "walt", setup: func(_ *world, p *PR) { p.Close("wendy") }, want: "405 Pull Request is not mergeable",
		},
		{
			name: "a conflict", by: "walt", want: "405 Pull Request is not mergeable",
			setup: func(w *world, _ *PR) {
				w.repo.Commit("main", CommitSpec{Author: "olga", Files: map[string]string{"main.tf": "a = 3\n"}})
			},
		},
		{
			name: "the method is off", by: "walt", setup: func(w *world, _ *PR) { w.repo.AllowMergeMethods("squash") },
			want: "405 Merge commits are not allowed on this repository.",
		},
		{
			name: "no approval", by: "walt", setup: func(w *world, _ *PR) { w.repo.Protect("main", Protection{RequiredReviews: 1}) },
			want: "405 At least 1 approving review is required by reviewers with write access.",
		},
		{
			name: "a reader's approval", by: "walt", want: "405 At least 1 approving review is required by reviewers with write access.",
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", Protection{RequiredReviews: 1})
				p.Approve("rita")
			},
		},
		{
			name: "approved", by: "walt",
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", Protection{RequiredReviews: 1})
				p.Approve("walt")
			},
		},
		{
			name: "approved, then changes requested", by: "walt", want: "405 Changes have been requested by a reviewer with write access.",
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", Protection{RequiredReviews: 1})
				p.Approve("walt")
				p.RequestChanges("walt", "no")
			},
		},
		{
			name: "approved, then dismissed", by: "walt", want: "405 At least 1 approving review is required by reviewers with write access.",
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", Protection{RequiredReviews: 1})
				p.Approve("walt").Dismiss("olga", "stale")
			},
		},
		{
			name: "approved, pushed, stale reviews stay", by: "walt",
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", Protection{RequiredReviews: 1})
				p.Approve("walt")
				p.Push(CommitSpec{Files: map[string]string{"x": "y"}})
			},
		},
		{
			name: "approved, pushed, stale reviews go", by: "walt", want: "405 At least 1 approving review is required by reviewers with write access.",
			setup: func(w *world, p *PR) {
				w.repo.Protect("main", Protection{RequiredReviews: 1, DismissStale: true})
				p.Approve("walt")
				p.Push(CommitSpec{Files: map[string]string{"x": "y"}})
			},
		},
		{
			name: "behind the base branch", by: "walt", want: "405 1 of 1 required status checks are expected.",
			setup: func(w *world, p *PR) {
				pr := pinned(w)
				pr.Strict = true
				w.repo.Commit("main", CommitSpec{Author: "olga", Files: map[string]string{"other": "1"}})
				w.repo.Protect("main", pr)
				w.app.PostCheck(w.repo, p.HeadSHA(), "gatehouse", "success")
			},
		},
		{
			name: "a ruleset asks for the check", by: "olga", want: `405 Required status check "gatehouse" is expected.`,
			setup: func(w *world, _ *PR) {
				w.repo.AddRuleset(RulesetSpec{Name: "main", RequiredChecks: []RequiredCheck{{Context: "gatehouse", AppID: w.app.ID()}}})
			},
		},
		{
			name: "a ruleset lets administrators by", by: "olga",
			setup: func(w *world, _ *PR) {
				w.repo.AddRuleset(RulesetSpec{
					Name: "main", RequiredChecks: []RequiredCheck{{Context: "gatehouse"}},
					Bypass: []BypassActor{{Type: "RepositoryRole", ID: 5, Mode: "pull_request"}},
				})
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.openPR()
			tc.setup(w, p)
			before := w.repo.Head("main")
			sha, err := p.Merge(tc.by, tc.opt)
			got := ""
			var no *Refusal
			if errors.As(err, &no) {
				got = no.Error()
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Fatal(diff)
			}
			view := p.View()
			if merged := tc.want == ""; view.Merged != merged || (w.repo.Head("main") != before) != merged || (sha != "") != merged {
				t.Errorf("merged = %v, main moved = %v, sha = %q", view.Merged, w.repo.Head("main") != before, sha)
			}
		})
	}
}

func TestMergeOverRESTMovesTheBranchAndTells(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	w.settle()
	w.hooks.names()
	got := w.call(w.AddUserToken("walt"), "PUT", "/repos/acme/infra/pulls/1/merge", map[string]any{"sha": p.HeadSHA()})
	body := got.object(t)
	if got.status != http.StatusOK || body["merged"] != true || body["sha"] != w.repo.Head("main") {
		t.Fatalf("%d %s", got.status, got.raw)
	}
	if text, _ := w.repo.File("main", "main.tf"); text != "a = 2\n" {
		t.Errorf("main.tf on main is %q", text)
	}
	w.settle()
	all := w.hooks.all()
	if diff := cmp.Diff([]string{"pull_request.closed", "push", "check_suite.requested"}, w.hooks.names()); diff != "" {
		t.Fatal(diff)
	}
	pr := all[0].body["pull_request"].(map[string]any)
	if pr["merged"] != true || pr["merge_commit_sha"] != body["sha"] || pr["merged_by"].(map[string]any)["login"] != "walt" {
		t.Errorf("closed payload: merged %v, %v, by %v", pr["merged"], pr["merge_commit_sha"], pr["merged_by"])
	}
	if all[1].body["after"] != body["sha"] || all[1].body["ref"] != "refs/heads/main" {
		t.Errorf("push payload: %v %v", all[1].body["ref"], all[1].body["after"])
	}
}
