package forge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Checks is what others have said about a commit: the latest check run of each name and App, and the latest status of each
// context. The App's own are left out.
func (r *Repo) Checks(ctx context.Context, sha string) ([]gate.Signal, error) {
	if !isSHA(sha) {
		return nil, Unprocessable{Message: fmt.Sprintf("%q is not a commit id", sha)}
	}
	out := []gate.Signal{}
	c := call{what: "the checks on " + sha, permission: "checks=read"}
	for page := 1; ; page++ {
		var in github.ListCheckRunsResults
		resp, err := r.do(ctx, c, http.MethodGet, "/commits/"+sha+"/check-runs?filter=latest&"+pageQuery(page), nil, &in)
		if err != nil {
			return nil, err
		}
		for _, run := range in.CheckRuns {
			if run.GetApp().GetID() != r.app.opts.AppID {
				out = append(out, gate.Signal{Name: run.GetName(), App: run.GetApp().GetSlug(), Conclusion: run.GetConclusion()})
			}
		}
		if page == maxPages || !more(resp, len(in.CheckRuns)) {
			break
		}
	}
	statuses, err := r.statuses(ctx, sha)
	if err != nil {
		return nil, err
	}
	return sortSignals(append(out, statuses...)), nil
}

func (r *Repo) statuses(ctx context.Context, sha string) ([]gate.Signal, error) {
	var out []gate.Signal
	seen := map[string]bool{}
	c := call{what: "the statuses on " + sha, permission: "statuses=read"}
	err := pages(ctx, r, c, "/commits/"+sha+"/statuses", func(in github.RepoStatus) bool { // newest first
		if name := in.GetContext(); !seen[name] {
			seen[name] = true
			conclusion := in.GetState()
			if conclusion == "pending" {
				conclusion = ""
			}
			out = append(out, gate.Signal{Name: name, Conclusion: conclusion})
		}
		return true
	})
	if errors.As(err, new(MissingPermission)) {
		return nil, nil // check runs are the better proof; statuses are read where the App may
	}
	return out, err
}

func sortSignals(list []gate.Signal) []gate.Signal {
	slices.SortFunc(list, func(a, b gate.Signal) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.App, b.App), cmp.Compare(a.Conclusion, b.Conclusion))
	})
	return list
}

// Workflows is how the latest run of each workflow on a commit has ended, by the workflow's path.
func (r *Repo) Workflows(ctx context.Context, sha string) ([]gate.Signal, error) {
	if !isSHA(sha) {
		return nil, Unprocessable{Message: fmt.Sprintf("%q is not a commit id", sha)}
	}
	out := []gate.Signal{}
	seen := map[string]bool{}
	c := call{what: "the workflow runs on " + sha, permission: "actions=read"}
	for page := 1; ; page++ {
		var in struct {
			Runs []struct {
				Path       string `json:"path"`
				HeadSHA    string `json:"head_sha"`
				Conclusion string `json:"conclusion"`
			} `json:"workflow_runs"`
		}
		resp, err := r.do(ctx, c, http.MethodGet, "/actions/runs?head_sha="+sha+"&"+pageQuery(page), nil, &in)
		if err != nil {
			return nil, err
		}
		for _, run := range in.Runs { // newest first
			path, _, _ := strings.Cut(run.Path, "@")
			if run.HeadSHA == sha && !seen[path] {
				seen[path] = true
				out = append(out, gate.Signal{Name: path, Conclusion: run.Conclusion})
			}
		}
		if page == maxPages || !more(resp, len(in.Runs)) {
			return sortSignals(out), nil
		}
	}
}

// Properties is the repository's custom properties, each as a list of values.
func (r *Repo) Properties(ctx context.Context) (map[string][]string, error) {
	var in []struct {
		Name  string `json:"property_name"`
		Value any    `json:"value"`
	}
	c := call{what: "the custom properties", permission: "metadata=read"}
	out := map[string][]string{}
	_, err := r.do(ctx, c, http.MethodGet, "/properties/values", nil, &in)
	if errors.As(err, new(NotFound)) {
		return out, nil // only organisations have them
	}
	if err != nil {
		return nil, err
	}
	for _, p := range in {
		switch v := p.Value.(type) {
		case string:
			out[p.Name] = []string{v}
		case []any:
			for _, x := range v {
				if s, ok := x.(string); ok {
					out[p.Name] = append(out[p.Name], s)
				}
			}
		}
	}
	return out, nil
}

// maxTeam is how many members of a team are looked at.
const maxTeam = 500

// TeamMembers is the logins of a team and those below it, sorted; remembered for a short time, for it only tells people whom to ask. A
// team that GitHub does not show to the App is [NotFound].
func (r *Repo) TeamMembers(ctx context.Context, org, slug string) ([]string, error) {
	if err := validName(org, slug); err != nil {
		return nil, err
	}
	none := NotFound{What: "the team " + org + "/" + slug}
	asked, drops := r.app.members.now()
	if known, ok := r.app.members.get("members", org, slug); ok {
		if known == nil {
			return nil, none
		}
		return slices.Clone(known.([]string)), nil
	}
	there, err := r.teamsOf(ctx, org)
	if err != nil {
		return nil, err
	}
	out := []string{}
	c := call{what: "the members of " + org + "/" + slug, permission: "members=read"}
	for page := 1; len(out) < maxTeam; page++ {
		var in []github.User
		resp, err := there.raw(ctx, c, http.MethodGet, "orgs/"+org+"/teams/"+slug+"/members?"+pageQuery(page), nil, &in)
		if errors.As(err, new(NotFound)) {
			r.app.members.keep(org, asked, drops, nil, "members", org, slug)
			return nil, none
		}
		if err != nil {
			return nil, err
		}
		for i := range in {
			out = append(out, in[i].GetLogin())
		}
		if !more(resp, len(in)) {
			break
		}
	}
	slices.Sort(out)
	r.app.members.keep(org, asked, drops, slices.Clone(out), "members", org, slug)
	return out, nil
}

// Remark is a comment by a person or bot on a pull request.
type Remark struct {
	Speaker // an empty login when the account is gone
	ID      int64
	Line    string // the first
	Time    time.Time
	Edited  bool
}

// Remarks is the comments on a pull request, oldest first, without those of the App itself.
func (r *Repo) Remarks(ctx context.Context, number int) ([]Remark, error) {
	me, err := r.app.Identity(ctx)
	if err != nil {
		return nil, err
	}
	out := []Remark{}
	c := call{what: fmt.Sprintf("the comments on #%d", number), permission: "issues=read"}
	err = pages(ctx, r, c, fmt.Sprintf("/issues/%d/comments", number), func(in github.IssueComment) bool {
		if login := in.GetUser().GetLogin(); !strings.EqualFold(login, me.Bot()) {
			out = append(out, remark(in))
		}
		return true
	})
	return out, err
}

func remark(in github.IssueComment) Remark {
	line, _, _ := strings.Cut(in.GetBody(), "\n")
	return Remark{
		Speaker: speaker(in.GetUser().GetLogin(), in.GetUser().GetType(), in.GetAuthorAssociation()), ID: in.GetID(), Line: strings.TrimSpace(line),
		Time: in.GetCreatedAt().UTC(), Edited: in.GetUpdatedAt().After(in.GetCreatedAt().Time),
	}
}

// Remark reads one comment afresh; [NotFound] when it was deleted.
func (r *Repo) Remark(ctx context.Context, id int64) (Remark, error) {
	var in github.IssueComment
	c := call{what: fmt.Sprintf("comment %d", id), permission: "issues=read"}
	_, err := r.do(ctx, c, http.MethodGet, fmt.Sprintf("/issues/comments/%d", id), nil, &in)
	return remark(in), err
}

// Asked is who has been asked for a review and has not given one.
type Asked struct{ People, Teams []string } // logins; slugs

// ReviewRequests is who is asked for a review of a pull request.
func (r *Repo) ReviewRequests(ctx context.Context, number int) (Asked, error) {
	var in github.Reviewers
	c := call{what: fmt.Sprintf("the review requests of #%d", number), permission: "pull_requests=read"}
	_, err := r.do(ctx, c, http.MethodGet, fmt.Sprintf("/pulls/%d/requested_reviewers", number), nil, &in)
	var out Asked
	for _, u := range in.Users {
		out.People = append(out.People, u.GetLogin())
	}
	for _, t := range in.Teams {
		out.Teams = append(out.Teams, t.GetSlug())
	}
	return out, err
}

// OpenRequests counts for each login, in lower case, how many open pull requests of the repository wait for their review.
func (r *Repo) OpenRequests(ctx context.Context) (map[string]int, error) {
	out := map[string]int{}
	c := call{what: "the open pull requests", permission: "pull_requests=read"}
	err := pages(ctx, r, c, "/pulls?state=open", func(in github.PullRequest) bool {
		for _, u := range in.RequestedReviewers {
			out[strings.ToLower(u.GetLogin())]++
		}
		return true
	})
	return out, err
}

// RequestReviews asks people and teams of the organisation for a review.
func (r *Repo) RequestReviews(ctx context.Context, number int, ask Asked) error {
	c := call{what: fmt.Sprintf("a review request on #%d", number), permission: "pull_requests=write"}
	in := map[string][]string{"reviewers": ask.People, "team_reviewers": ask.Teams}
	_, err := r.do(ctx, c, http.MethodPost, fmt.Sprintf("/pulls/%d/requested_reviewers", number), in, nil)
	return err
}
