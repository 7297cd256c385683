package githubsim

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// object is a JSON object on its way out.
type object = map[string]any

// Options configure a Server. Only Dir is required.
type Options struct {
	// Dir holds the bare repositories. The caller owns it and removes it.
	Dir string
	// Clock tells the simulated time; time.Now when nil. Token lifetimes, rate-limit windows and timestamps follow it.
	Clock func() time.Time
	// URL is the address that appears in answers and payloads. Start fills it in; a caller that mounts Handler itself sets it.
	URL string
	// Addr is where Start listens; a free port of 127.0.0.1 when "".
	Addr string

	// PrimaryLimit is the number of REST requests an hour for each installation, user or App. 0 means 5,000.
	PrimaryLimit int
	// PointsPerMinute, ContentPerMinute, ContentPerHour and Concurrent are GitHub's secondary limits (900, 80, 500, 100 when 0).
	// A negative value turns that limit off.
	PointsPerMinute, ContentPerMinute, ContentPerHour, Concurrent int
	// Unlimited turns all rate limits off.
	Unlimited bool
	// LimitStatus is the status of a secondary-limit refusal: 403 (when 0) or 429. GitHub uses both.
	LimitStatus int

	// WebhookTimeout is how long a receiver may take to answer. 0 means GitHub's 10 s.
	WebhookTimeout time.Duration
	// WebhookWorkers is how many deliveries are under way at once. 0 means 1, which keeps them in order; GitHub keeps no order.
	WebhookWorkers int
	// HoldWebhooks starts with deliveries held back until Hooks().Release.
	HoldWebhooks bool

	// SlowMergeable answers `mergeable: null` to the first read of a pull request after a change, as GitHub does while a
	// background job works the answer out.
	SlowMergeable bool
}

// Server is one simulated GitHub: a world of users, repositories and Apps, and the HTTP service that shows it.
// All methods are safe for concurrent use.
type Server struct {
	opt    Options
	routes []route
	hooks  *Hooks
	http   *http.Server

	mu       sync.Mutex // guards everything below and every object of the world
	nextID   int64
	accounts map[string]*User // by lower-case login: people, bots and organisations
	orgs     map[string]*Org
	repos    map[string]*Repo // by lower-case owner/name
	apps     []*App
	tokens   map[string]*token
	login    login
	usage    map[string]*usage
	faults   []*fault
	requests []Request
	repoDirs int
	oidc     *OIDC

	registrations map[string]registration // by code
	changed       chan struct{}           // closed and replaced after every request and delivery
}

// New makes an empty world. It does not listen: mount Handler, or use Start.
func New(opt Options) *Server {
	if opt.Dir == "" {
		panic("githubsim: Options.Dir is required")
	}
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	opt.PrimaryLimit = orDefault(opt.PrimaryLimit, 5000)
	opt.PointsPerMinute = orDefault(opt.PointsPerMinute, 900)
	opt.ContentPerMinute = orDefault(opt.ContentPerMinute, 80)
	opt.ContentPerHour = orDefault(opt.ContentPerHour, 500)
	opt.Concurrent = orDefault(opt.Concurrent, 100)
	opt.LimitStatus = orDefault(opt.LimitStatus, http.StatusForbidden)
	opt.WebhookWorkers = orDefault(opt.WebhookWorkers, 1)
	if opt.WebhookTimeout == 0 {
		opt.WebhookTimeout = 10 * time.Second
	}
	if opt.Unlimited {
		opt.PrimaryLimit, opt.PointsPerMinute, opt.ContentPerMinute, opt.ContentPerHour, opt.Concurrent = 1<<30, -1, -1, -1, -1
	}
	opt.URL = strings.TrimRight(opt.URL, "/")
	if opt.URL == "" {
		opt.URL = "http://github.invalid"
	}
	s := &Server{
		opt: opt, nextID: 1000,
		accounts: map[string]*User{}, orgs: map[string]*Org{}, repos: map[string]*Repo{},
		tokens: map[string]*token{}, login: login{codes: map[string]*grant{}}, usage: map[string]*usage{}, changed: make(chan struct{}),
	}
	s.routes = s.table()
	s.hooks = newHooks(s)
	return s
}

// Start is New listening on Options.Addr, or a free port of 127.0.0.1. Close ends it.
func Start(opt Options) (*Server, error) {
	if opt.Addr == "" {
		opt.Addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", opt.Addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s for the simulated GitHub: %w", opt.Addr, err)
	}
	opt.URL = "http://" + ln.Addr().String()
	s := New(opt)
	s.http = &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.http.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "githubsim:", err)
		}
	}()
	return s, nil
}

// URL is the address of the site; URL()+"/api/v3" and URL() both serve the REST API, URL()/OWNER/NAME.git serves git.
func (s *Server) URL() string { return s.opt.URL }

// Close stops listening and gives up on deliveries that are still waiting. It returns when no goroutine of the server is left.
func (s *Server) Close() {
	if s.http != nil {
		_ = s.http.Close() // only closes sockets; nothing is lost that a caller could act on
	}
	s.hooks.close()
}

// Handler serves REST under / and /api/v3, git under /OWNER/NAME.git, and the login of Apps under /login/oauth.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if repo, service, ok := gitPath(r.URL.Path); ok {
			s.serveGit(w, r, repo, service)
			return
		}
		switch {
		case strings.HasPrefix(r.URL.Path, oidcPath+"/"):
			s.serveOIDC(w, r)
			return
		case strings.HasPrefix(r.URL.Path, storagePath):
			s.serveStorage(w, r)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/login/oauth/") {
			s.serveLogin(w, r)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/settings/apps/new") && !strings.HasPrefix(r.URL.Path, apiPrefix) {
			s.serveManifest(w, r)
			return
		}
		s.serveREST(w, r)
	})
}

func (s *Server) now() time.Time { return s.opt.Clock().UTC().Truncate(time.Second) }

// id gives out numbers that no two things of this world share, so a mixed-up id is found by a test.
func (s *Server) id() int64 {
	s.nextID++
	return s.nextID
}

func (s *Server) newRepoDir(name string) string {
	s.repoDirs++
	return filepath.Join(s.opt.Dir, fmt.Sprintf("%04d-%s.git", s.repoDirs, name))
}

func (s *Server) appByKey(iss string) (*App, *rsa.PublicKey) {
	for _, a := range s.apps {
		if iss == fmt.Sprint(a.id) || iss == a.clientID {
			return a, &a.key.PublicKey
		}
	}
	return nil, nil
}

func orDefault(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}

func key(parts ...string) string { return strings.ToLower(strings.Join(parts, "/")) }
