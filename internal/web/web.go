// Package web is everything that the server answers over HTTP besides carrying the webhooks to their receiver: health,
// metrics, the JSON API and the pages for people. It reads the record and writes nothing to it but who logged in.
package web

import (
	"context"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Record is what the pages show. [store.Store] is one.
type Record interface {
	Ping(ctx context.Context) error
	decisions
	trail
	sessions
}

type decisions interface {
	Decision(ctx context.Context, id string) (store.Decision, error)
	Decisions(ctx context.Context, f store.DecisionFilter, cursor string, limit int) ([]store.Decision, string, error)
	Open(ctx context.Context, scope *store.Scope, cursor string, limit int) ([]store.Decision, string, error)
	Find(ctx context.Context, f store.FindFilter, cursor string, limit int) ([]store.Found, string, error)
	Changes(ctx context.Context, logIndex int64) ([]byte, error)
	Changed(ctx context.Context, logIndex int64, pattern string, limit int) ([]store.Resource, error)
	Facts(ctx context.Context, digest string) ([]byte, error)
	Merge(ctx context.Context, repositoryID int64, pullRequest int) (store.Merge, error)
	Publication(ctx context.Context, repositoryID int64, pullRequest int, head string) (store.Publication, error)
	Unposted(ctx context.Context, scope *store.Scope) ([]store.Unposted, error)
	Days(ctx context.Context, scope *store.Scope, repository string, since time.Time) ([]store.DayCount, error)
	Rules(ctx context.Context, scope *store.Scope, repository string, since time.Time) ([]store.RuleCount, error)
	Waivers(ctx context.Context, scope *store.Scope, repository string, since time.Time) ([]store.WaiverRow, error)
	Repositories(ctx context.Context, scope *store.Scope, since time.Time) ([]store.RepositoryRow, error)
	RepositoryNames(ctx context.Context) (map[string]int64, error)
	Postures(ctx context.Context, f store.PostureFilter) ([]store.Posture, error)
}

type trail interface {
	Entries(ctx context.Context, f store.EntryFilter, cursor string, limit int) ([]store.Entry, string, error)
	WhoWithin(ctx context.Context, pattern string, scope *store.Scope, cursor string, limit int) ([]store.ResourceChange, string, error)
	Leaf(ctx context.Context, index int64) ([]byte, error)
	Attestation(ctx context.Context, commit, repository string, scope *store.Scope) (envelope []byte, of string, err error)
	Landing(ctx context.Context, commit, repository string, scope *store.Scope) (store.Landing, error)
	Checkpoint(ctx context.Context) (store.Position, error)
	Hashes(ctx context.Context, f func(ledger.HashReader) error) error
	Append(ctx context.Context, entries []store.Entry, works ...store.Work) (store.Position, error)
}

type sessions interface {
	SaveSession(ctx context.Context, id string, sealed []byte, expires time.Time) error
	Session(ctx context.Context, id string) ([]byte, error)
	DropSession(ctx context.Context, id string) error
}

// Rule is a rule of the catalogue, as its page shows it.
type Rule struct {
	ID, Title, Description, Severity, Enforcement, Pack, Remedy, Docs string
	Off                                                               string // why it is not in force by default; "" when it is
	References                                                        []string
}

// Options are what the pages are made of.
type Options struct {
	Store     Record
	Webhooks  http.Handler
	Metrics   http.Handler
	Key       func() string    // the log's public key
	GitHub    string           // GitHub's address, for links and login
	APIURL    string           // GitHub's REST API, which is asked what a person may read
	PublicURL string           // under which people reach this server
	Clock     func() time.Time // nil: time.Now
	Log       *logrus.Entry
	Catalogue func() []Rule // nil: none

	// ClientID and ClientSecret are the App's; without them nobody can log in, and the record is shown on this machine alone.
	ClientID, ClientSecret string

	// Readers are the teams (org/team) and users who may read; none: the members of the organisations that Installers names,
	// and the users that it names.
	Readers    []string
	Installers func(ctx context.Context) ([]Installer, error)
}

// Installer is an account that has installed the App.
type Installer struct {
	Login        string
	Organization bool
}

type site struct {
	Options
	pages  map[string]*template.Template
	people *people
}

// New is the server's handler. Without a client id and secret, everything that shows the record is for requests from this
// machine alone: the webhook, health and metrics are all that the network sees.
func New(o Options) http.Handler {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Key == nil {
		o.Key = func() string { return "" }
	}
	if o.Catalogue == nil {
		o.Catalogue = func() []Rule { return nil }
	}
	s := &site{Options: o, people: newPeople(o)}
	s.pages = s.templates()
	mux := http.NewServeMux()
	mux.Handle("/webhooks/github", o.Webhooks) // every method: who opens the address in a browser is told what it is for
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", o.Metrics)
	mux.HandleFunc("GET /api/v1/audit/key", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, o.Key()+"\n") })

	open := http.NewServeMux() // what a browser needs before anybody is logged in
	open.HandleFunc("GET /static/{file}", static)
	open.HandleFunc("GET /login", s.login)
	open.HandleFunc("GET /login/callback", s.callback)
	open.HandleFunc("GET /logged-out", s.loggedOut)
	open.HandleFunc("POST /logout", s.logout)
	open.Handle("/", s.guarded(s.inside()))
	mux.Handle("/", http.NewCrossOriginProtection().Handler(open))
	return s.secured(mux)
}

// inside is what only readers see.
func (s *site) inside() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/decisions", s.apiDecisions)
	mux.HandleFunc("GET /api/v1/decisions/{id}", s.apiDecision)
	mux.HandleFunc("GET /api/v1/attestations/{commit}", s.apiAttestation)
	mux.HandleFunc("GET /api/v1/posture", s.apiPosture)
	mux.HandleFunc("GET /api/v1/audit", s.apiAudit)
	mux.HandleFunc("GET /api/v1/audit/who", s.apiWho)
	mux.HandleFunc("GET /api/v1/audit/checkpoint", s.apiCheckpoint)
	mux.HandleFunc("GET /api/v1/audit/proof/inclusion", s.apiInclusion)
	mux.HandleFunc("GET /api/v1/audit/proof/consistency", s.apiConsistency)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusNotFound, "There is no such route.")
	})

	mux.HandleFunc("GET /{$}", s.overviewPage)
	mux.HandleFunc("GET /decisions", s.decisionsPage)
	mux.HandleFunc("GET /decisions/{id}", s.decisionPage)
	mux.HandleFunc("GET /search", s.searchPage)
	mux.HandleFunc("GET /repositories/{owner}/{name}", s.repositoryPage)
	mux.HandleFunc("GET /rules", s.rulesPage)
	mux.HandleFunc("GET /rules/{id}", s.rulePage)
	mux.HandleFunc("GET /waivers", s.waiversPage)
	mux.HandleFunc("GET /log", s.logPage)
	mux.HandleFunc("GET /log/{index}", s.entryPage)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusNotFound, "There is no page at this address.")
	})
	return mux
}

// ready says whether the server can do its work: its database answers.
func (s *site) ready(w http.ResponseWriter, r *http.Request) {
	if err := s.Store.Ping(r.Context()); err != nil {
		s.Log.WithError(err).Error("not ready")
		plain(w, http.StatusServiceUnavailable, "the database does not answer\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

// https reports whether people reach this server by https, as far as its settings say.
func (s *site) https() bool { return strings.HasPrefix(s.PublicURL, "https://") }

// secured adds the headers that keep a page from being framed, sniffed or scripted by others.
func (s *site) secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if s.https() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // nobody is left to tell
}
