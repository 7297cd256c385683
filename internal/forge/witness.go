package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/go-github/v60/github"
)

// Reader reads repositories as the owner of a token, without being an App. It writes nothing.
type Reader struct {
	app    *App
	client *github.Client
}

// NewReader makes a reader; of the options AppID and PrivateKey are not needed. It asks GitHub nothing.
func NewReader(o Options, token string) (*Reader, error) {
	if token == "" {
		return nil, errors.New("the GitHub token is empty")
	}
	o = o.withDefaults()
	api, err := baseURL(o.APIURL)
	if err != nil {
		return nil, fmt.Errorf("the GitHub API's URL %q: %w", o.APIURL, err)
	}
	a := &App{opts: o, api: api, cache: newCache(), installations: map[int64]*installation{}}
	return &Reader{app: a, client: a.client(bearer{next: newGuard(o.Transport, api.Host, o.Clock), token: token})}, nil
}

// Repo is a repository as the owner of the token sees it. It asks GitHub nothing.
func (r *Reader) Repo(owner, name string) *Repo {
	return &Repo{app: r.app, person: r.client, owner: owner, name: name}
}

// PostedCheck is a check run as GitHub has it.
type PostedCheck struct {
	ID          int64
	App         int64
	AppSlug     string
	HeadSHA     string
	Status      string
	Conclusion  string
	Title       string
	Text        string
	URL         string
	StartedAt   time.Time // for the gate's own: when it was last written
	CompletedAt time.Time // zero while it is not completed
	Own         bool      // posted by the App that reads it
}

func (r *Repo) posted(x *github.CheckRun) PostedCheck {
	return PostedCheck{
		ID: x.GetID(), App: x.GetApp().GetID(), AppSlug: x.GetApp().GetSlug(), HeadSHA: x.GetHeadSHA(), Status: x.GetStatus(),
		Conclusion: x.GetConclusion(), Title: x.GetOutput().GetTitle(), Text: x.GetOutput().GetText(), URL: x.GetHTMLURL(),
		StartedAt: x.GetStartedAt().UTC(), CompletedAt: x.GetCompletedAt().UTC(), Own: x.GetApp().GetID() == r.app.opts.AppID,
	}
}

// PostedChecks lists all check runs of a name on a commit, of every App, older ones of the same name included. A commit that GitHub
// does not have is [NotFound].
func (r *Repo) PostedChecks(ctx context.Context, sha, name string) ([]PostedCheck, error) {
	if !isSHA(sha) {
		return nil, NotFound{What: "a commit of that name"}
	}
	var out []PostedCheck
	c := call{what: "the check runs of " + sha, permission: "checks=read"}
	for page := 1; page <= maxPages; page++ {
		var in struct {
			CheckRuns []*github.CheckRun `json:"check_runs"`
		}
		path := fmt.Sprintf("/commits/%s/check-runs?check_name=%s&filter=all&%s", sha, url.QueryEscape(name), pageQuery(page))
		resp, err := r.do(ctx, c, http.MethodGet, path, nil, &in)
		if refused := new(Unprocessable); errors.As(err, refused) && resp != nil && resp.StatusCode == http.StatusUnprocessableEntity {
			return nil, NotFound{What: "the commit " + sha} // GitHub's answer for a commit that it has deleted
		}
		if err != nil {
			return nil, err
		}
		for _, x := range in.CheckRuns {
			if x.GetName() != name || x.GetHeadSHA() != sha {
				continue
			}
			out = append(out, r.posted(x))
		}
		if !more(resp, len(in.CheckRuns)) {
			return out, nil
		}
	}
	return nil, Unprocessable{What: c.what, Message: "there are more than 10,000 of them"}
}

// RecentHeads lists the heads of pull requests, open or not, that were updated since, the newest first, each commit once.
func (r *Repo) RecentHeads(ctx context.Context, since time.Time, limit int) ([]string, error) {
	type pull struct {
		Updated time.Time `json:"updated_at"`
		Head    struct {
			SHA string `json:"sha"`
		} `json:"head"`
	}
	var out []string
	seen := map[string]bool{}
	c := call{what: "the pull requests", permission: "pull_requests=read"}
	err := pages(ctx, r, c, "/pulls?state=all&sort=updated&direction=desc", func(in pull) bool {
		if in.Updated.Before(since) {
			return false
		}
		if sha := in.Head.SHA; !seen[sha] && isSHA(sha) {
			seen[sha] = true
			out = append(out, sha)
		}
		return limit == 0 || len(out) < limit
	})
	return out, err
}
