// Package web is everything that the server answers over HTTP besides carrying the webhooks to their receiver: health,
// metrics, the JSON API and the pages for people. It is read-only.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"

	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Record is what the pages show.
type Record interface {
	Ping(ctx context.Context) error
	Decision(ctx context.Context, id string) (store.Decision, error)
	Decisions(ctx context.Context, f store.DecisionFilter, cursor string, limit int) ([]store.Decision, string, error)
	Facts(ctx context.Context, digest string) ([]byte, error)
	Entries(ctx context.Context, f store.EntryFilter, cursor string, limit int) ([]store.Entry, string, error)
	Who(ctx context.Context, pattern, cursor string, limit int) ([]store.ResourceChange, string, error)
	Checkpoint(ctx context.Context) (store.Position, error)
}

// Options are what the pages are made of.
type Options struct {
	Store    Record
	Webhooks http.Handler
	Metrics  http.Handler
	Key      string // the log's public key
	GitHub   string // GitHub's address, for links
	Log      *logrus.Entry
}

type site struct{ Options }

// New is the server's handler. Until people can log in, everything that shows the record is for requests from this machine
// alone: the webhook, health and metrics are all that the network sees.
func New(o Options) http.Handler {
	s := &site{o}
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/github", o.Webhooks)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", o.Metrics)
	mux.HandleFunc("GET /api/v1/audit/key", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, o.Key+"\n") })

	inside := http.NewServeMux()
	inside.HandleFunc("GET /api/v1/decisions", s.decisions)
	inside.HandleFunc("GET /api/v1/decisions/{id}", s.decision)
	inside.HandleFunc("GET /api/v1/audit", s.audit)
	inside.HandleFunc("GET /api/v1/audit/who", s.who)
	inside.HandleFunc("GET /api/v1/audit/checkpoint", s.checkpoint)
	inside.HandleFunc("GET /{$}", s.overviewPage)
	inside.HandleFunc("GET /decisions/{id}", s.decisionPage)
	inside.HandleFunc("GET /style.css", style)
	mux.Handle("/", loopbackOnly(inside))
	return secured(mux)
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

// loopbackOnly lets only requests from this machine through, and none that came by way of a proxy.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		ip := net.ParseIP(host)
		if err != nil || ip == nil || !ip.IsLoopback() || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
			plain(w, http.StatusForbidden, "The record is shown on the server's own machine only, until GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET are set.\n")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// secured adds the headers that keep a page from being framed, sniffed or scripted.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // nobody is left to tell
}

func (s *site) json(w http.ResponseWriter, v any) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(data, '\n'))
}

// fail answers an error. What went wrong inside is for the log; the reader gets what they can act on.
func (s *site) fail(w http.ResponseWriter, err error) {
	status, message := http.StatusInternalServerError, "The record could not be read; the server's log says why."
	if errors.Is(err, store.ErrNotFound) {
		status, message = http.StatusNotFound, "There is no such record."
	} else {
		s.Log.WithError(err).Error("answering a request")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
}
