package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

func pageQuery(page int) string { return fmt.Sprintf("per_page=%d&page=%d", perPage, page) }

// PullRequest reads a pull request afresh. The merge base is not GitHub's to say, and stays empty.
func (r *Repo) PullRequest(ctx context.Context, number int) (gate.Repository, gate.PullRequest, error) {
	var in github.PullRequest
	c := call{what: fmt.Sprintf("pull request #%d", number), permission: "pull_requests=read"}
	if _, err := r.do(ctx, c, http.MethodGet, fmt.Sprintf("/pulls/%d", number), nil, &in); err != nil {
		return gate.Repository{}, gate.PullRequest{}, err
	}
	base := in.GetBase().GetRepo()
	repo := gate.Repository{
		ID: base.GetID(), Owner: base.GetOwner().GetLogin(), Name: base.GetName(),
		DefaultBranch: base.GetDefaultBranch(), Private: base.GetPrivate(),
	}
	labels := []string{}
	for _, l := range in.Labels {
		labels = append(labels, l.GetName())
	}
	slices.Sort(labels)
	pr := gate.PullRequest{
		Number: in.GetNumber(), Title: in.GetTitle(), Author: in.GetUser().GetLogin(), State: in.GetState(),
		Merged: in.GetMerged(), Draft: in.GetDraft(), Labels: labels, URL: in.GetHTMLURL(),
		Base: ref(in.GetBase()), Head: ref(in.GetHead()), Additions: in.GetAdditions(), Deletions: in.GetDeletions(),
	}
	pr.Fork = !strings.EqualFold(pr.Head.Repository, pr.Base.Repository)
	if repo.Owner == "" || repo.Name == "" || pr.Number != number || !isSHA(pr.Head.SHA) || !isSHA(pr.Base.SHA) {
		return gate.Repository{}, gate.PullRequest{}, Temporary{What: c.what, Cause: fmt.Errorf("its answer is incomplete")}
	}
	return repo, pr, nil
}

func ref(b *github.PullRequestBranch) gate.Ref {
	name := b.GetRepo().GetFullName()
	if name == "" && b.GetRepo().GetName() != "" {
		name = b.GetRepo().GetOwner().GetLogin() + "/" + b.GetRepo().GetName()
	}
	return gate.Ref{Branch: b.GetRef(), SHA: b.GetSHA(), Repository: name}
}

// isSHA reports whether s is a whole commit id, SHA-1 or SHA-256, in lower case.
func isSHA(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// Speaker is somebody who has written something, as GitHub tells along with it.
type Speaker struct {
	Login string
	Type  string // see [gate.Actor]
	// Insider says that GitHub calls them an owner, a member or a collaborator. Who is none of them may be one all the same: whether
	// somebody is in an organisation is not shown to everybody.
	Insider bool
}

func speaker(login, kind, association string) Speaker {
	return Speaker{Login: login, Type: accountType(login, kind), Insider: slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR"}, association)}
}

// Reviews is all reviews of a pull request, oldest first as GitHub lists them, and their authors; nothing else is known of them yet. A
// review whose author is gone has an empty login.
func (r *Repo) Reviews(ctx context.Context, number int) ([]gate.Review, []Speaker, error) {
	reviews, authors, seen := []gate.Review{}, []Speaker{}, map[string]bool{}
	c := call{what: fmt.Sprintf("the reviews of #%d", number), permission: "pull_requests=read"}
	err := pages(ctx, r, c, fmt.Sprintf("/pulls/%d/reviews", number), func(in github.PullRequestReview) bool {
		login := in.GetUser().GetLogin()
		reviews = append(reviews, gate.Review{
			ID: in.GetID(), Login: login, State: strings.ToUpper(in.GetState()), CommitID: in.GetCommitID(),
			Time: in.GetSubmittedAt().UTC(),
		})
		if login != "" && !seen[strings.ToLower(login)] {
			seen[strings.ToLower(login)] = true
			authors = append(authors, speaker(login, in.GetUser().GetType(), in.GetAuthorAssociation()))
		}
		return true
	})
	if err != nil {
		return nil, nil, err
	}
	return reviews, authors, nil
}

// accountType is GitHub's word for the kind of an account. The suffix [bot] cannot be registered by a person.
func accountType(login, said string) string {
	if strings.HasSuffix(login, "[bot]") {
		return gate.ActorBot
	}
	return said
}

// CommitLogins is who GitHub thinks wrote and committed a commit: "" when it does not know the e-mail address.
type CommitLogins struct {
	Author, AuthorType       string
	Committer, CommitterType string
	Verified                 bool // GitHub has verified the commit's signature
}

// commitsAPI is how many commits the pull request's own list shows before it silently ends.
const commitsAPI = 250

// CommitLogins maps the commits of a pull request to logins, by SHA. n is how many commits there are, as git counts them:
// beyond 250 the pull request's own list ends in silence, and the history of the head is read instead. A commit that is not
// in the answer is one that GitHub knows nobody of.
func (r *Repo) CommitLogins(ctx context.Context, number int, head string, n int) (map[string]CommitLogins, error) {
	if !isSHA(head) {
		return nil, Unprocessable{Message: fmt.Sprintf("%q is not a commit id", head)}
	}
	c := call{what: fmt.Sprintf("the commits of #%d", number), permission: "pull_requests=read"}
	path, most := fmt.Sprintf("/pulls/%d/commits", number), commitsAPI
	if n > commitsAPI {
		// The history also holds what was merged in from the base, so it may take more than n to see all.
		c.permission = "contents=read"
		path, most = "/commits?sha="+head, min(2*n, perPage*maxPages)
	}
	out, seen := map[string]CommitLogins{}, 0
	err := pages(ctx, r, c, path, func(in github.RepositoryCommit) bool {
		a, b := in.GetAuthor(), in.GetCommitter()
		out[in.GetSHA()] = CommitLogins{
			Author: a.GetLogin(), AuthorType: accountType(a.GetLogin(), a.GetType()),
			Committer: b.GetLogin(), CommitterType: accountType(b.GetLogin(), b.GetType()),
			Verified: in.GetCommit().GetVerification().GetVerified(),
		}
		seen++
		return seen < most
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Filter chooses open pull requests. Empty fields choose all.
type Filter struct {
	Base    string // branch
	HeadSHA string
}

// OpenPullRequests is the numbers of the open pull requests that the filter chooses, in ascending order.
func (r *Repo) OpenPullRequests(ctx context.Context, f Filter) ([]int, error) {
	path := "/pulls?state=open"
	if f.Base != "" {
		path += "&base=" + url.QueryEscape(f.Base)
	}
	out := []int{}
	c := call{what: "the open pull requests", permission: "pull_requests=read"}
	err := pages(ctx, r, c, path, func(in github.PullRequest) bool {
		// The parameters are asked for and checked: a server that does not know one would answer with too many.
		if in.GetState() == "open" && (f.Base == "" || in.GetBase().GetRef() == f.Base) &&
			(f.HeadSHA == "" || in.GetHead().GetSHA() == f.HeadSHA) {
			out = append(out, in.GetNumber())
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// PullRequestsOf is the numbers of the pull requests, open and closed, that brought or bring a commit into this repository,
// in ascending order. A commit that GitHub does not have belongs to none.
func (r *Repo) PullRequestsOf(ctx context.Context, sha string) ([]int, error) {
	if !isSHA(sha) {
		return nil, Unprocessable{Message: fmt.Sprintf("%q is not a commit id", sha)}
	}
	out := []int{}
	c := call{what: "the pull requests of " + sha, permission: "pull_requests=read"}
	err := pages(ctx, r, c, "/commits/"+sha+"/pulls", func(in github.PullRequest) bool {
		base := in.GetBase().GetRepo().GetFullName()
		if base == "" || strings.EqualFold(base, r.owner+"/"+r.name) {
			out = append(out, in.GetNumber())
		}
		return true
	})
	switch err.(type) {
	case NotFound, Unprocessable:
		return []int{}, nil
	case nil:
		slices.Sort(out)
		return slices.Compact(out), nil
	}
	return nil, err
}

// LastPusher is who forced the pull request's branch to its present head, as the timeline tells; "" when nobody can tell. An
// ordinary push leaves no trace there: its commits name their authors only, and an author need not be the one who pushed.
func (r *Repo) LastPusher(ctx context.Context, number int, head string) (string, error) {
	type event struct {
		Event     string    `json:"event"`
		CommitID  string    `json:"commit_id"`
		CreatedAt time.Time `json:"created_at"`
		Actor     *struct {
			Login string `json:"login"`
		} `json:"actor"`
	}
	var last event
	c := call{what: fmt.Sprintf("the timeline of #%d", number), permission: "pull_requests=read"}
	err := pages(ctx, r, c, fmt.Sprintf("/issues/%d/timeline", number), func(e event) bool {
		if e.Event == "head_ref_force_pushed" && !e.CreatedAt.Before(last.CreatedAt) {
			last = e
		}
		return true
	})
	switch err.(type) {
	case nil:
	case NotFound: // the pull request exists; a GitHub without this endpoint cannot tell
		return "", nil
	default:
		return "", err
	}
	if last.CommitID != head || last.Actor == nil {
		return "", nil
	}
	return last.Actor.Login, nil
}
