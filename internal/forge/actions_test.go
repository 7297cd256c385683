package forge

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

func TestPullsAndTestMerges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := background()
	w.sim.Commit("other", githubsim.CommitSpec{Author: "octo", Files: map[string]string{"b.tf": "b\n"}})
	other := w.sim.OpenPR(githubsim.PRSpec{By: "octo", Head: "other", Title: "Other"})
	open, err := w.repo.OpenPulls(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := []Pull{
		{Number: 2, Open: true, Head: other.HeadSHA(), Base: "main", HeadRepo: "acme/shop", Branch: "other"},
		{Number: 1, Open: true, Head: w.pr.HeadSHA(), Base: "main", HeadRepo: "acme/shop", Branch: "fix"},
	}
	if diff := cmp.Diff(want, open, cmpopts.IgnoreFields(Pull{}, "Merge")); diff != "" {
		t.Errorf("open pull requests (-want +got):\n%s", diff)
	}
	parents, err := w.repo.Parents(ctx, open[1].Merge)
	check(t, []string{w.sim.Head("main"), w.pr.HeadSHA()}, parents, err)
	parents, err = w.repo.Parents(ctx, strings.Repeat("0", 40))
	check(t, []string{}, parents, err)
	from, err := w.repo.PullsFrom(ctx, "acme/shop", "fix")
	if diff := cmp.Diff(want[1:], from, cmpopts.IgnoreFields(Pull{}, "Merge")); diff != "" || err != nil {
		t.Errorf("pull requests from the branch (-want +got):\n%s%v", diff, err)
	}
	when, err := w.repo.Retargeted(ctx, 1)
	check(t, true, when.IsZero(), err)
}

func TestRunsAndArtifacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, head := background(), w.pr.HeadSHA()
	archive := githubsim.Zip(map[string]string{"tfplan.json": "{}"})
	spec := githubsim.RunSpec{Workflow: ".github/workflows/plan.yml", HeadSHA: head, HeadBranch: "fix", By: "octo"}
	first := w.sim.AddRun(spec)
	id := first.AddArtifact("plan", archive)
	spec.Event, spec.Conclusion = "push", "failure"
	second := w.sim.AddRun(spec)

	w.in.SetPermissions(map[string]string{"contents": "read"}, nil)
	_, err := w.repo.Runs(ctx, head)
	var lacks MissingPermission
	if !errors.As(err, &lacks) || lacks.Permission != "actions=read" {
		t.Errorf("without the permission: %v", err)
	}
	w.in.SetPermissions(map[string]string{"actions": "read"}, nil)
	repo := w.fresh(t)

	runs, err := repo.Runs(ctx, head)
	want := []Run{
		{ID: first.ID(), Path: spec.Workflow, Event: "pull_request", Conclusion: "success", HeadSHA: head, HeadBranch: "fix", HeadRepo: "acme/shop"},
		{ID: second.ID(), Path: spec.Workflow, Event: "push", Conclusion: "failure", HeadSHA: head, HeadBranch: "fix", HeadRepo: "acme/shop"},
	}
	if diff := cmp.Diff(want, runs, cmpopts.IgnoreFields(Run{}, "URL", "Created")); diff != "" || err != nil {
		t.Errorf("runs (-want +got):\n%s%v", diff, err)
	}
	artifacts, err := repo.Artifacts(ctx, first.ID())
	check(t, []Artifact{{ID: id, Name: "plan", Size: int64(len(archive))}}, artifacts, err)

	// The archive stands on another host, which refuses whoever shows it the App's token.
	data, err := repo.Download(ctx, id, 1<<20)
	check(t, string(archive), string(data), err)
	_, err = repo.Download(ctx, id, 10)
	check(t, error(Unprocessable{What: "artifact " + itoa(id), Message: "it has more than 10 bytes, which is the limit"}), err, nil)
	first.Expire()
	_, err = repo.Download(ctx, id, 1<<20)
	check(t, error(NotFound{What: "artifact " + itoa(id)}), err, nil)
	_, err = repo.Download(ctx, 1, 1<<20)
	check(t, error(NotFound{What: "artifact 1"}), err, nil)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// fresh is the repository as an App sees it that has no token of earlier permissions.
func (w *world) fresh(t *testing.T) *Repo {
	t.Helper()
	app, err := New(w.app.opts)
	if err != nil {
		t.Fatal(err)
	}
	return app.Repo(w.in.ID(), "acme", "shop")
}
