package forge

import (
	"context"
	"errors"
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
