package forge

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"
)

// installation is one installation's client: its token, its rate limits, its cache. None of them is shared with another
// installation.
type installation struct {
	app    *App
	id     int64
	guard  *guard
	client *github.Client

	mu    sync.Mutex
	token *ghinstallation.Transport
}

func newInstallation(a *App, id int64) *installation {
	in := &installation{app: a, id: id, guard: newGuard(a.opts.Transport, a.api.Host, a.opts.Clock)}
	in.guard.keeps = true
	in.client = a.client(&cached{cache: a.cache, next: in, owner: strconv.FormatInt(id, 10)})
	return in
}

// RoundTrip sends a request with the present token.
func (in *installation) RoundTrip(req *http.Request) (*http.Response, error) {
	// The token is added to whatever passes here, also to what a redirect leads to.
	if !in.guard.mine(req) {
		return nil, errElsewhere
	}
	token, err := in.current()
	if err != nil {
		return nil, err
	}
	return token.RoundTrip(req)
}

// current is the transport that adds the token, which it fetches when it is first needed and before it ends. Both go through
// the installation's own guard.
func (in *installation) current() (*ghinstallation.Transport, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.token == nil {
		apps, err := in.app.sign(in.guard)
		if err != nil {
			return nil, err
		}
		in.token = ghinstallation.NewFromAppsTransport(apps, in.id)
		in.token.Client = &http.Client{Transport: in.guard, Timeout: callTimeout}
	}
	return in.token, nil
}

// renew drops a token that GitHub no longer takes, unless another goroutine has done so already.
func (in *installation) renew(old *ghinstallation.Transport) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.token == old {
		in.token = nil
	}
}

// Repo is a repository as one installation sees it, or as one person does ([App.As]).
type Repo struct {
	app         *App
	in          *installation
	person      *github.Client // whose token is used instead of the installation's; nil: the installation's
	owner, name string
}

// Token is an installation token for git over HTTPS, as the password of user x-access-token. It is good for a minute or
// more.
func (r *Repo) Token(ctx context.Context) (string, error) {
	if r.person != nil {
		return "", errors.New("git is read as the App, not with a person's token")
	}
	transport, err := r.in.current()
	if err != nil {
		return "", err
	}
	token, err := transport.Token(ctx)
	if err != nil {
		return "", translate(ctx, err, nil, call{what: "a token of the installation"}, r.app.opts.Clock())
	}
	return token, nil
}

// do makes one call as the installation. The path is below the repository's. A token that GitHub no longer takes is
// replaced once.
func (r *Repo) do(ctx context.Context, c call, method, path string, body, out any) (*github.Response, error) {
	if err := validName(r.owner, r.name); err != nil {
		return nil, err
	}
	return r.raw(ctx, c, method, "repos/"+r.owner+"/"+r.name+path, body, out)
}

func (r *Repo) raw(ctx context.Context, c call, method, path string, body, out any) (*github.Response, error) {
	if r.person != nil {
		return send(ctx, r.person, r.app.opts, c, method, path, body, out)
	}
	token, err := r.in.current()
	if err != nil {
		return nil, err
	}
	resp, err := send(ctx, r.in.client, r.app.opts, c, method, path, body, out)
	if err != nil && resp != nil && resp.StatusCode == http.StatusUnauthorized {
		r.in.renew(token)
		return send(ctx, r.in.client, r.app.opts, c, method, path, body, out)
	}
	if errors.As(err, new(MissingPermission)) {
		// A token keeps the permissions that it was made with for an hour. An owner may accept more before it ends, so the
		// next attempt asks with a new one.
		r.in.renew(token)
	}
	return resp, err
}

// maxPages is where reading a list stops as too long: 10,000 entries.
const maxPages = 100

const perPage = 100

// pages reads all pages of a list below the repository's path. Reading stops early when each returns false.
func pages[T any](ctx context.Context, r *Repo, c call, path string, each func(T) bool) error {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	for page := 1; ; page++ {
		if page > maxPages {
			return Unprocessable{What: c.what, Message: "there are more than 10,000 of them"}
		}
		var items []T
		resp, err := r.do(ctx, c, http.MethodGet, path+separator+pageQuery(page), nil, &items)
		if err != nil {
			return err
		}
		for _, item := range items {
			if !each(item) {
				return nil
			}
		}
		if !more(resp, len(items)) {
			return nil
		}
	}
}

// more reports whether another page follows. A server that sends no Link header may still have more behind a full page.
func more(resp *github.Response, n int) bool {
	if resp.Header.Get("Link") != "" {
		return resp.NextPage > 0
	}
	return n >= perPage
}
