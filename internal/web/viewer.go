package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// viewer is who looks.
type viewer struct {
	Login string       // "" on the server's own machine
	scope *store.Scope // what they may see; nil: everything
}

type viewerKey struct{}

// looking is who looks. Handlers behind [site.guarded] always have somebody.
func looking(ctx context.Context) viewer {
	v, ok := ctx.Value(viewerKey{}).(viewer)
	if !ok {
		return viewer{scope: &store.Scope{}} // nobody sees nothing
	}
	return v
}

// sees reports whether a repository is the viewer's to see.
func (v viewer) sees(repositoryID int64) bool {
	return v.scope == nil || slices.Contains(v.scope.IDs, repositoryID)
}

func (v viewer) seesName(repository string) bool {
	return v.scope == nil || slices.Contains(v.scope.Names, repository)
}

// canLogIn reports whether people can log in here.
func (s *site) canLogIn() bool { return s.ClientID != "" && s.ClientSecret != "" }

// guarded lets readers through.
func (s *site) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, ok := s.admit(w, r)
		if ok {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), viewerKey{}, v)))
		}
	})
}

// admit says who asks, or answers the request itself.
func (s *site) admit(w http.ResponseWriter, r *http.Request) (viewer, bool) {
	if !s.canLogIn() {
		if !loopback(r) {
			s.refuse(w, r, http.StatusForbidden, "The record is shown on the server's own machine only, until GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET are set.")
			return viewer{}, false
		}
		return viewer{}, true
	}
	token, fromCookie := bearer(r), false
	if token == "" {
		held, err := s.session(r)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			s.fail(w, r, err)
			return viewer{}, false
		}
		token, fromCookie = held.Token, true
	}
	if token == "" {
		s.askToLogIn(w, r)
		return viewer{}, false
	}
	p, err := s.people.of(r.Context(), token)
	switch {
	case errors.Is(err, errNotTaken):
		if fromCookie {
			s.endSession(w, r)
		}
		s.askToLogIn(w, r)
		return viewer{}, false
	case err != nil:
		s.Log.WithError(err).Warn("asking GitHub what a reader may see")
		s.refuse(w, r, http.StatusServiceUnavailable, "GitHub did not say what you may read, so nothing is shown; try again in a minute.")
		return viewer{}, false
	case !p.reader:
		s.refuse(w, r, http.StatusForbidden, p.login+" is not among the readers of this Gatehouse; its administrator decides with GATEHOUSE_READERS.")
		return viewer{}, false
	}
	return viewer{Login: p.login, scope: p.scope}, true
}

// askToLogIn sends a person to the login, and tells a program what it lacks.
func (s *site) askToLogIn(w http.ResponseWriter, r *http.Request) {
	if isAPI(r) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
		s.refuse(w, r, http.StatusUnauthorized, "Log in in the browser, or send a GitHub user token: Authorization: Bearer TOKEN.")
		return
	}
	if r.Method != http.MethodGet {
		s.refuse(w, r, http.StatusUnauthorized, "You are not logged in.")
		return
	}
	http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
}

// bearer is the token that an API request carries.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !isAPI(r) || !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return ""
	}
	return strings.TrimSpace(token)
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// loopback reports whether a request comes from this machine, and not by way of a proxy.
func loopback(r *http.Request) bool {
	ip := net.ParseIP(address(r))
	return ip != nil && ip.IsLoopback() && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == ""
}

// address is where a request comes from, as the connection says.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
