package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Pull is what tells a pull request by a commit: its head, or the commit that GitHub made to see whether it merges.
type Pull struct {
	Number   int
	Open     bool
	Head     string // commit
	Merge    string // the test merge; "" while GitHub works it out. Of a merged one, the commit on the base branch
	Base     string // branch
	HeadRepo string // owner/name; "" when a fork was deleted
	Branch   string // of the head
}

type pullItem struct {
	Number int    `json:"number"`
	State  string `json:"state"`
	Merge  string `json:"merge_commit_sha"`
	Head   struct {
		SHA  string `json:"sha"`
		Ref  string `json:"ref"`
		Repo struct {
			FullName string `json:"full_name"`
		} `json:"repo"`
	} `json:"head"`
	Base struct {
		Ref string `json:"ref"`
	} `json:"base"`
}

func (i pullItem) pull() Pull {
	return Pull{
		Number: i.Number, Open: i.State == "open", Head: i.Head.SHA, Merge: i.Merge, Base: i.Base.Ref,
		HeadRepo: i.Head.Repo.FullName, Branch: i.Head.Ref,
	}
}

// OpenPulls is all open pull requests, as GitHub lists them.
func (r *Repo) OpenPulls(ctx context.Context) ([]Pull, error) {
	return r.pulls(ctx, "/pulls?state=open", "the open pull requests")
}

// PullsFrom is all pull requests, open and closed, from one branch of a repository, owner/name.
func (r *Repo) PullsFrom(ctx context.Context, repository, branch string) ([]Pull, error) {
	owner, _, _ := strings.Cut(repository, "/")
	list, err := r.pulls(ctx, "/pulls?state=all&head="+url.QueryEscape(owner+":"+branch), "the pull requests from "+gate.Printable(branch))
	if err != nil {
		return nil, err
	}
	out := []Pull{}
	for _, p := range list {
		if p.Branch == branch && strings.EqualFold(p.HeadRepo, repository) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (r *Repo) pulls(ctx context.Context, path, what string) ([]Pull, error) {
	out := []Pull{}
	err := pages(ctx, r, call{what: what, permission: "pull_requests=read"}, path, func(in pullItem) bool {
		out = append(out, in.pull())
		return true
	})
	return out, err
}

// Parents is the parents of a commit; none when GitHub does not have it.
func (r *Repo) Parents(ctx context.Context, sha string) ([]string, error) {
	if !isSHA(sha) {
		return nil, Unprocessable{Message: fmt.Sprintf("%q is not a commit id", gate.Printable(sha))}
	}
	var in struct {
		Parents []struct {
			SHA string `json:"sha"`
		} `json:"parents"`
	}
	_, err := r.do(ctx, call{what: "the commit " + sha, permission: "contents=read"}, http.MethodGet, "/git/commits/"+sha, nil, &in)
	if _, ok := err.(NotFound); ok {
		return []string{}, nil
	}
	out := []string{}
	for _, p := range in.Parents {
		out = append(out, p.SHA)
	}
	return out, err
}

// Retargeted is when the pull request was last given another base branch; zero when never.
func (r *Repo) Retargeted(ctx context.Context, number int) (time.Time, error) {
	var last time.Time
	c := call{what: fmt.Sprintf("the timeline of #%d", number), permission: "pull_requests=read"}
	err := pages(ctx, r, c, fmt.Sprintf("/issues/%d/timeline", number), func(e struct {
		Event     string    `json:"event"`
		CreatedAt time.Time `json:"created_at"`
	}) bool {
		if e.Event == "base_ref_changed" && e.CreatedAt.After(last) {
			last = e.CreatedAt
		}
		return true
	})
	return last, err
}

// Run is one completed run of a workflow of GitHub Actions.
type Run struct {
	ID         int64
	Path       string // of the workflow's file: .github/workflows/plan.yml
	Event      string // what started it
	Conclusion string
	HeadSHA    string
	HeadBranch string
	HeadRepo   string // owner/name
	URL        string
	Created    time.Time
}

// Runs is the completed runs on a commit, oldest first.
func (r *Repo) Runs(ctx context.Context, sha string) ([]Run, error) {
	if !isSHA(sha) {
		return nil, Unprocessable{Message: fmt.Sprintf("%q is not a commit id", gate.Printable(sha))}
	}
	type item struct {
		ID             int64     `json:"id"`
		Path           string    `json:"path"`
		Event          string    `json:"event"`
		Status         string    `json:"status"`
		Conclusion     string    `json:"conclusion"`
		HeadSHA        string    `json:"head_sha"`
		HeadBranch     string    `json:"head_branch"`
		HTMLURL        string    `json:"html_url"`
		CreatedAt      time.Time `json:"created_at"`
		HeadRepository struct {
			FullName string `json:"full_name"`
		} `json:"head_repository"`
	}
	out := []Run{}
	c := call{what: "the workflow runs on " + sha, permission: "actions=read"}
	err := wrapped(ctx, r, c, "/actions/runs?status=completed&head_sha="+sha, "workflow_runs", func(in item) {
		if in.HeadSHA != sha || in.Status != "completed" {
			return
		}
		path, _, _ := strings.Cut(in.Path, "@") // runs of another repository's required workflow name its ref as well
		out = append([]Run{{
			ID: in.ID, Path: path, Event: in.Event, Conclusion: in.Conclusion, HeadSHA: in.HeadSHA, HeadBranch: in.HeadBranch,
			HeadRepo: in.HeadRepository.FullName, URL: in.HTMLURL, Created: in.CreatedAt.UTC(),
		}}, out...)
	})
	return out, err
}

// Artifact is a file that a run has left behind, a zip archive.
type Artifact struct {
	ID      int64
	Name    string
	Size    int64 // of the archive, in bytes, as GitHub says
	Expired bool
}

// Artifacts is what a run has left behind, oldest first.
func (r *Repo) Artifacts(ctx context.Context, run int64) ([]Artifact, error) {
	type item struct {
		ID      int64  `json:"id"`
		Name    string `json:"name"`
		Size    int64  `json:"size_in_bytes"`
		Expired bool   `json:"expired"`
	}
	out := []Artifact{}
	c := call{what: fmt.Sprintf("the artifacts of run %d", run), permission: "actions=read"}
	err := wrapped(ctx, r, c, fmt.Sprintf("/actions/runs/%d/artifacts", run), "artifacts", func(in item) {
		out = append([]Artifact{Artifact(in)}, out...)
	})
	return out, err
}

// wrapped reads all pages of a list that stands under a key.
func wrapped[T any](ctx context.Context, r *Repo, c call, path, key string, each func(T)) error {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	for page := 1; page <= maxPages; page++ {
		var in map[string]jsonList[T]
		resp, err := r.do(ctx, c, http.MethodGet, path+separator+pageQuery(page), nil, &in)
		if err != nil {
			return err
		}
		for _, item := range in[key] {
			each(item)
		}
		if !more(resp, len(in[key])) {
			return nil
		}
	}
	return Unprocessable{What: c.what, Message: "there are more than 10,000 of them"}
}

// downloadTimeout is how long the download of an artifact may take.
const downloadTimeout = 2 * time.Minute

// Download reads an artifact's archive of at most limit bytes. GitHub answers with an address on another host, which is asked
// without the App's token.
func (r *Repo) Download(ctx context.Context, artifact, limit int64) ([]byte, error) {
	c := call{what: fmt.Sprintf("artifact %d", artifact), permission: "actions=read"}
	if err := validName(r.owner, r.name); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	address := fmt.Sprintf("%srepos/%s/%s/actions/artifacts/%d/zip", r.app.api, r.owner, r.name, artifact)
	asked := &http.Client{Transport: r.in, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := r.get(ctx, asked, address)
	if err != nil {
		return nil, translate(ctx, err, nil, c, r.app.opts.Clock())
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if location := resp.Header.Get("Location"); resp.StatusCode >= 300 && resp.StatusCode < 400 && location != "" {
		target, err := resp.Request.URL.Parse(location)
		if err != nil || target.Scheme != "https" && target.Scheme != r.app.api.Scheme {
			return nil, Unprocessable{What: c.what, Message: "it stands at an address that is not https"}
		}
		stored, err := r.get(ctx, &http.Client{Transport: r.app.opts.Transport}, target.String())
		if err != nil {
			return nil, Temporary{What: c.what, Cause: rootCause(err)} // the address is signed: it must not stand in a message
		}
		defer stored.Body.Close() //nolint:errcheck // only read
		resp = stored
	}
	if resp.StatusCode != http.StatusOK {
		return nil, byStatus(resp, c, r.app.opts.Clock())
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case errors.Is(err, errTooLarge) || err == nil && int64(len(data)) > limit:
		return nil, Unprocessable{What: c.what, Message: fmt.Sprintf("it has more than %d bytes, which is the limit", limit)}
	case err != nil:
		return nil, Temporary{What: c.what, Cause: rootCause(err)}
	}
	return data, nil
}

func (r *Repo) get(ctx context.Context, client *http.Client, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("the address is not one")
	}
	req.Header.Set("User-Agent", r.app.opts.UserAgent)
	return client.Do(req)
}

// jsonList is the list under one key of an answer whose other keys hold something else, such as total_count.
type jsonList[T any] []T

// UnmarshalJSON implements json.Unmarshaler: what is no list is an empty one.
func (l *jsonList[T]) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '[' {
		return nil
	}
	var list []T
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	*l = list
	return nil
}
