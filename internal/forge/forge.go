// Package forge speaks with GitHub: it gathers facts and publishes decisions, in gate's own types. It is the only importer
// of go-github, knows nothing of what a decision means, and keeps nothing but short-lived caches.
//
// Every method that asks GitHub is one or a few REST calls, made with the installation's own token. None of them sleeps:
// what must be waited for comes back as [RateLimited] or [Temporary], and the caller's queue waits. All methods may be used
// from several goroutines.
package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-github/v60/github"
	"github.com/sirupsen/logrus"
)

// Options is what the App needs to know about itself and its GitHub.
type Options struct {
	AppID      int64
	PrivateKey []byte // PEM, RSA
	APIURL     string // https://api.github.com, or https://HOST/api/v3 of a GitHub Enterprise Server
	ServerURL  string // https://github.com
	UserAgent  string
	Transport  http.RoundTripper // nil: one with time limits of its own
	Clock      func() time.Time  // nil: time.Now
	Log        *logrus.Entry     // nil: no log
}

// App is a GitHub App, in all its installations.
type App struct {
	opts    Options
	api     *url.URL
	signer  ghinstallation.Signer
	cache   *cache
	members *members
	self    *github.Client // for the calls that the App makes as itself

	mu            sync.Mutex
	identity      *Identity
	installations map[int64]*installation
}

// callTimeout is how long one request may take, reading its answer included.
const callTimeout = 30 * time.Second

// New checks the options and makes the App. It asks GitHub nothing.
func New(o Options) (*App, error) {
	if o.AppID <= 0 {
		return nil, errors.New("the GitHub App's id must be a positive number")
	}
	api, err := baseURL(o.APIURL)
	if err != nil {
		return nil, fmt.Errorf("the GitHub API's URL %q: %w", o.APIURL, err)
	}
	if _, err := baseURL(o.ServerURL); err != nil {
		return nil, fmt.Errorf("the GitHub server's URL %q: %w", o.ServerURL, err)
	}
	o = o.withDefaults()
	a := &App{opts: o, api: api, cache: newCache(), members: newMembers(o.Clock), installations: map[int64]*installation{}}
	// The error of the parser is not passed on: it may quote what it could not read.
	key, err := jwt.ParseRSAPrivateKeyFromPEM(o.PrivateKey)
	if err != nil {
		return nil, errors.New("the GitHub App's private key is not an RSA key in PEM form; download it again from the App's settings")
	}
	a.signer = ghinstallation.NewRSASigner(jwt.SigningMethodRS256, key)
	apps, err := a.sign(newGuard(o.Transport, api.Host, o.Clock))
	if err != nil {
		return nil, err
	}
	a.self = a.client(apps)
	return a, nil
}

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.UserAgent == "" {
		o.UserAgent = "gatehouse"
	}
	if o.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = 20 * time.Second
		t.MaxIdleConnsPerHost = 16
		o.Transport = t
	}
	return o
}

// baseURL parses an absolute web address and ends it with a slash.
func baseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("it is not a URL")
	}
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("wanted: https://HOST or https://HOST/PATH")
	}
	u.Path = strings.TrimRight(u.Path, "/") + "/"
	return u, nil
}

// sign is a transport that signs requests as the App.
func (a *App) sign(next http.RoundTripper) (*ghinstallation.AppsTransport, error) {
	t, err := ghinstallation.NewAppsTransportWithOptions(next, a.opts.AppID, ghinstallation.WithSigner(a.signer))
	if err != nil {
		return nil, fmt.Errorf("signing as the GitHub App: %w", err)
	}
	t.BaseURL = strings.TrimSuffix(a.api.String(), "/")
	return t, nil
}

func (a *App) client(t http.RoundTripper) *github.Client {
	c := github.NewClient(&http.Client{Transport: t, Timeout: callTimeout})
	c.BaseURL = a.api
	c.UserAgent = a.opts.UserAgent
	return c
}

// Identity is what GitHub knows about the App itself.
type Identity struct {
	ID          int64
	Slug        string // its comments are by SLUG[bot]
	Name        string
	URL         string
	Permissions map[string]string // checks: write
	Events      []string
}

// Bot is the login under which the App writes.
func (i Identity) Bot() string { return i.Slug + "[bot]" }

// Identity asks GitHub who the App is, once; its permissions and events are as they were then.
func (a *App) Identity(ctx context.Context) (Identity, error) {
	a.mu.Lock()
	known := a.identity
	a.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	var out struct {
		ID          int64             `json:"id"`
		Slug        string            `json:"slug"`
		Name        string            `json:"name"`
		HTMLURL     string            `json:"html_url"`
		Permissions map[string]string `json:"permissions"`
		Events      []string          `json:"events"`
	}
	if _, err := a.do(ctx, call{what: "the GitHub App"}, http.MethodGet, "app", nil, &out); err != nil {
		return Identity{}, err
	}
	if out.ID != a.opts.AppID || out.Slug == "" {
		return Identity{}, fmt.Errorf("reading the GitHub App: GitHub says its id is %d, and the settings say %d", out.ID, a.opts.AppID)
	}
	id := &Identity{ID: out.ID, Slug: out.Slug, Name: out.Name, URL: out.HTMLURL, Permissions: out.Permissions, Events: out.Events}
	a.mu.Lock()
	a.identity = id
	a.mu.Unlock()
	return *id, nil
}

// Installation is the id of the App's installation on a repository; [NotFound] when it is not installed there.
func (a *App) Installation(ctx context.Context, owner, name string) (int64, error) {
	if err := validName(owner, name); err != nil {
		return 0, err
	}
	var out struct {
		ID int64 `json:"id"`
	}
	c := call{what: "the installation on " + owner + "/" + name}
	_, err := a.do(ctx, c, http.MethodGet, "repos/"+owner+"/"+name+"/installation", nil, &out)
	return out.ID, err
}

// Repo is a repository as one installation sees it. It asks GitHub nothing.
func (a *App) Repo(installationID int64, owner, name string) *Repo {
	a.mu.Lock()
	defer a.mu.Unlock()
	in := a.installations[installationID]
	if in == nil {
		in = newInstallation(a, installationID)
		a.installations[installationID] = in
	}
	return &Repo{app: a, in: in, owner: owner, name: name}
}

// do makes one call as the App itself.
func (a *App) do(ctx context.Context, c call, method, path string, body, out any) (*github.Response, error) {
	return send(ctx, a.self, a.opts, c, method, path, body, out)
}

// validName keeps what is not an owner and a repository out of request paths.
func validName(parts ...string) error {
	for _, s := range parts {
		bad := func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
		}
		if s == "" || s == "." || s == ".." || len(s) > 100 || strings.ContainsFunc(s, bad) {
			return Unprocessable{Message: fmt.Sprintf("%q is not a name of an owner, repository or team", s)}
		}
	}
	return nil
}
