package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Protected reports whether a branch is protected, by classic protection or by a ruleset, or is the default branch, which is
// worth watching in any case. A branch that is gone is not.
func (r *Repo) Protected(ctx context.Context, branch string) (bool, error) {
	var in github.Branch
	c := call{what: "the branch " + gate.Printable(branch), permission: "contents=read"}
	_, err := r.do(ctx, c, http.MethodGet, "/branches/"+url.PathEscape(branch), nil, &in)
	if err != nil && !errors.As(err, new(NotFound)) {
		return false, err
	}
	if in.GetProtected() {
		return true, nil
	}
	name, err := r.DefaultBranch(ctx)
	return name == branch, err
}

// DefaultBranch is the name of the repository's default branch.
func (r *Repo) DefaultBranch(ctx context.Context) (string, error) {
	var repo github.Repository
	_, err := r.do(ctx, call{what: "the repository", permission: "metadata=read"}, http.MethodGet, "", nil, &repo)
	return repo.GetDefaultBranch(), err
}

// MergedAs reports whether a commit came to a branch by a merged pull request.
func (r *Repo) MergedAs(ctx context.Context, sha, branch string) (bool, error) {
	if !isSHA(sha) {
		return false, Unprocessable{Message: "the commit to look for is no commit id"}
	}
	merged := false
	c := call{what: "the pull requests of " + sha, permission: "pull_requests=read"}
	err := pages(ctx, r, c, "/commits/"+sha+"/pulls", func(in github.PullRequest) bool {
		base := in.GetBase()
		if strings.EqualFold(base.GetRepo().GetFullName(), r.owner+"/"+r.name) && base.GetRef() == branch && in.MergedAt != nil {
			merged = true
		}
		return !merged
	})
	return merged, err
}

// Landing is the pull request that brought a commit to a branch.
type Landing struct {
	Number      int
	Head        string
	MergeCommit string // at the branch's tip after the merge
	MergedBy    string
}

// LandedBy finds the merged pull request that brought a commit to a branch; nil when none did.
func (r *Repo) LandedBy(ctx context.Context, sha, branch string) (*Landing, error) {
	if !isSHA(sha) {
		return nil, Unprocessable{Message: "the commit to look for is no commit id"}
	}
	number := 0
	c := call{what: "the pull requests of " + sha, permission: "pull_requests=read"}
	err := pages(ctx, r, c, "/commits/"+sha+"/pulls", func(in github.PullRequest) bool {
		base := in.GetBase()
		if strings.EqualFold(base.GetRepo().GetFullName(), r.owner+"/"+r.name) && base.GetRef() == branch && in.MergedAt != nil {
			number = in.GetNumber()
		}
		return number == 0
	})
	if err != nil || number == 0 {
		return nil, err
	}
	var pr github.PullRequest // the list does not say who merged it
	c.what = fmt.Sprintf("pull request #%d", number)
	if _, err := r.do(ctx, c, http.MethodGet, fmt.Sprintf("/pulls/%d", number), nil, &pr); err != nil {
		return nil, err
	}
	return &Landing{Number: number, Head: pr.GetHead().GetSHA(), MergeCommit: pr.GetMergeCommitSHA(), MergedBy: pr.GetMergedBy().GetLogin()}, nil
}

// A Move is one move of a branch, as the repository's activity has it.
type Move struct {
	Before, After string
	Actor         string // "" when the account is gone
	Kind          string // push, force_push, branch_creation, pr_merge, merge_queue_merge
}

// Pushed reports whether somebody pushed it, rather than that GitHub merged a pull request.
func (m *Move) Pushed() bool {
	return m.Kind == "push" || m.Kind == "force_push" || m.Kind == "branch_creation"
}

// Moves are the last moves of a branch, newest first, at most 100; none where the server does not keep them.
// https://docs.github.com/rest/repos/repos#list-repository-activities
func (r *Repo) Moves(ctx context.Context, branch string) ([]Move, error) {
	var list []struct {
		Before string `json:"before"`
		After  string `json:"after"`
		Kind   string `json:"activity_type"`
		Actor  *struct {
			Login string `json:"login"`
		} `json:"actor"`
	}
	c := call{what: "the activity of " + gate.Printable(branch), permission: "contents=read"}
	_, err := r.do(ctx, c, http.MethodGet, "/activity?per_page=100&ref="+url.QueryEscape("refs/heads/"+branch), nil, &list)
	if errors.As(err, new(NotFound)) {
		return nil, nil // an older server
	} else if err != nil {
		return nil, err
	}
	out := make([]Move, len(list))
	for i, a := range list {
		out[i] = Move{Before: a.Before, After: a.After, Kind: a.Kind}
		if a.Actor != nil {
			out[i].Actor = a.Actor.Login
		}
	}
	return out, nil
}

// MovedTo is the last move of a branch to a commit; nil when the server does not tell of one, not yet or not any more.
func (r *Repo) MovedTo(ctx context.Context, branch, sha string) (*Move, error) {
	list, err := r.Moves(ctx, branch)
	for i := range list {
		if list[i].After == sha {
			return &list[i], err
		}
	}
	return nil, err
}

// Repositories lists the repositories of an installation that are not archived.
func (a *App) Repositories(ctx context.Context, installationID int64) ([]gate.Repository, error) {
	r := a.Repo(installationID, "", "")
	c := call{what: "the repositories of the installation", permission: "metadata=read"}
	var out []gate.Repository
	for page := 1; page <= maxPages; page++ {
		var in github.ListRepositories
		resp, err := r.raw(ctx, c, http.MethodGet, "installation/repositories?"+pageQuery(page), nil, &in)
		if err != nil {
			return nil, err
		}
		for _, x := range in.Repositories {
			if !x.GetArchived() {
				out = append(out, gate.Repository{
					ID: x.GetID(), Owner: x.GetOwner().GetLogin(), Name: x.GetName(),
					DefaultBranch: x.GetDefaultBranch(), Private: x.GetPrivate(),
				})
			}
		}
		if !more(resp, len(in.Repositories)) {
			return out, nil
		}
	}
	return nil, Unprocessable{What: c.what, Message: "there are more than 10,000 of them"}
}
