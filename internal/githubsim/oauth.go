package githubsim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// How long an authorization code and a person's token for an App live, as on GitHub.
const (
	codeLife      = 10 * time.Minute
	userTokenLife = 8 * time.Hour
)

// login is what the site remembers of people signing in to Apps.
type login struct {
	visitor *User
	deny    bool
	codes   map[string]*grant
}

// grant is an authorization code that waits to be exchanged.
type grant struct {
	app       *App
	user      *User
	redirect  string
	challenge string
	expires   time.Time
}

// SignIn makes somebody the one who is signed in on the site's pages, and so authorizes an App; "" is nobody.
func (s *Server) SignIn(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login.visitor = nil
	if who != "" {
		s.login.visitor = s.mustUser(who)
	}
}

// DenyLogin makes whoever is signed in refuse to authorize Apps, or agree again.
func (s *Server) DenyLogin(deny bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login.deny = deny
}

// SetCallback registers where people come back to after they authorized the App. Any other address is refused.
func (a *App) SetCallback(address string) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.callback = address
}

// ClientSecret is what the App proves itself with when it exchanges a code.
func (a *App) ClientSecret() string {
	sum := sha256.Sum256([]byte("client secret of " + a.clientID))
	return fmt.Sprintf("%x", sum[:20])
}

// UserToken makes the token that an App gets of a person who authorized it.
func (a *App) UserToken(who string) string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.userToken(a.s.mustUser(who)).value
}

func (a *App) userToken(u *User) *token {
	t := &token{value: fmt.Sprintf("ghu_%036d", a.s.id()), user: u, via: a, expires: a.s.now().Add(userTokenLife)}
	a.s.tokens[t.value] = t
	return t
}

// RevokeUserTokens is what a person does who takes back the authorization of an App.
func (a *App) RevokeUserTokens(who string) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	u := a.s.mustUser(who)
	for value, t := range a.s.tokens {
		if t.via == a && t.user == u {
			delete(a.s.tokens, value)
		}
	}
}

// serveLogin answers the pages under /login/oauth.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.URL.Path == "/login/oauth/authorize" && r.Method == http.MethodGet:
		s.authorizePage(w, r)
	case r.URL.Path == "/login/oauth/access_token" && r.Method == http.MethodPost:
		s.accessToken(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) appByClient(id string) *App {
	for _, a := range s.apps {
		if a.clientID == id {
			return a
		}
	}
	return nil
}

// authorizePage sends the person who is signed in back to the App with a code. GitHub asks them first; here they agree.
func (s *Server) authorizePage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	app := s.appByClient(q.Get("client_id"))
	if app == nil || app.callback == "" {
		http.NotFound(w, r)
		return
	}
	back := func(values url.Values) {
		if state := q.Get("state"); state != "" {
			values.Set("state", state)
		}
		http.Redirect(w, r, app.callback+"?"+values.Encode(), http.StatusFound)
	}
	redirect := q.Get("redirect_uri")
	if redirect != "" && redirect != app.callback {
		back(url.Values{"error": {"redirect_uri_mismatch"}, "error_description": {"The redirect_uri MUST match the registered callback URL for this application."}})
		return
	}
	if m := q.Get("code_challenge_method"); q.Get("code_challenge") != "" && m != "S256" {
		back(url.Values{"error": {"invalid_request"}, "error_description": {"The code_challenge_method must be S256."}})
		return
	}
	if s.login.visitor == nil {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte("Nobody is signed in on this simulated GitHub.\n"))
		return
	}
	if s.login.deny {
		back(url.Values{"error": {"access_denied"}, "error_description": {"The user has denied your application access."}})
		return
	}
	code := fmt.Sprintf("%020x", s.id())
	s.login.codes[code] = &grant{
		app: app, user: s.login.visitor, redirect: redirect, challenge: q.Get("code_challenge"), expires: s.now().Add(codeLife),
	}
	back(url.Values{"code": {code}})
}

// accessToken exchanges a code, once. GitHub answers its refusals with 200.
func (s *Server) accessToken(w http.ResponseWriter, r *http.Request) {
	refused := func(code, text string) {
		answerLogin(w, r, map[string]string{"error": code, "error_description": text, "error_uri": "/apps/managing-oauth-apps/troubleshooting"})
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, pass, found := r.BasicAuth(); found {
		id, secret = user, pass
	}
	app := s.appByClient(id)
	if app == nil || subtle.ConstantTimeCompare([]byte(secret), []byte(app.ClientSecret())) != 1 {
		refused("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
		return
	}
	code := r.PostForm.Get("code")
	g := s.login.codes[code]
	delete(s.login.codes, code)
	verifier := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch {
	case g == nil || g.app != app || !s.now().Before(g.expires),
		g.challenge != "" && g.challenge != base64.RawURLEncoding.EncodeToString(verifier[:]):
		refused("bad_verification_code", "The code passed is incorrect or expired.")
		return
	case g.redirect != "" && r.PostForm.Get("redirect_uri") != g.redirect:
		refused("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.")
		return
	}
	answerLogin(w, r, map[string]string{
		"access_token": app.userToken(g.user).value, "token_type": "bearer", "scope": "", "expires_in": fmt.Sprint(int(userTokenLife.Seconds())),
	})
}

// answerLogin writes an answer as JSON or as a form, whichever was asked for.
func answerLogin(w http.ResponseWriter, r *http.Request, fields map[string]string) {
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		out := object{}
		for k, v := range fields {
			out[k] = v
		}
		if _, granted := fields["expires_in"]; granted {
			out["expires_in"] = int(userTokenLife.Seconds())
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(out) // a client that is gone needs no answer
		return
	}
	form := url.Values{}
	for k, v := range fields {
		form.Set(k, v)
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	_, _ = w.Write([]byte(form.Encode()))
}

// person is the caller of a /user route.
func (c *call) person() (*User, error) {
	switch {
	case c.actor.anonymous():
		return nil, refuse(http.StatusUnauthorized, "Requires authentication")
	case c.actor.app != nil:
		return nil, refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	return c.actor.user, nil
}

func (c *call) listUserOrgs() (reply, error) {
	u, err := c.person()
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	for _, o := range c.s.sortedOrgs() {
		if o.members[u] != "" {
			items = append(items, o.json())
		}
	}
	return c.list(items)
}

func (c *call) getOwnMembership() (reply, error) {
	u, err := c.person()
	if err != nil {
		return reply{}, err
	}
	o := c.s.orgs[key(c.params["own"])]
	if o == nil || o.members[u] == "" {
		return reply{}, notFound()
	}
	m := o.membership(u)
	m["organization"] = o.json()
	return ok(m)
}

// listUserInstallations are those of the App that the token is of, as far as the person can read something in them.
func (c *call) listUserInstallations() (reply, error) {
	u, err := c.person()
	if err != nil {
		return reply{}, err
	}
	if c.actor.tok.via == nil {
		return reply{}, refuse(http.StatusForbidden, "You must authenticate with an access token authorized to a GitHub App in order to list installations")
	}
	items := []object{}
	for _, in := range c.actor.tok.via.installs {
		if in.account == u || len(in.readable(u)) > 0 {
			items = append(items, in.json())
		}
	}
	return c.page(items, func(total int, cut []object) any {
		return object{"total_count": total, "installations": cut}
	})
}

func (c *call) listUserInstallationRepos() (reply, error) {
	u, err := c.person()
	if err != nil {
		return reply{}, err
	}
	if c.actor.tok.via == nil {
		return reply{}, refuse(http.StatusForbidden, "You must authenticate with an access token authorized to a GitHub App in order to list repositories")
	}
	for _, in := range c.actor.tok.via.installs {
		if fmt.Sprint(in.id) != c.params["id"] {
			continue
		}
		items := []object{}
		for _, r := range in.readable(u) {
			items = append(items, r.json())
		}
		return c.page(items, func(total int, cut []object) any {
			return object{"total_count": total, "repository_selection": in.selection(), "repositories": cut}
		})
	}
	return reply{}, notFound()
}

// readable are the repositories of an installation that somebody has an explicit permission for; being public is none.
func (in *Installation) readable(u *User) []*Repo {
	var out []*Repo
	for _, r := range in.list() {
		if r.explicitRole(u) >= roleRead {
			out = append(out, r)
		}
	}
	return out
}

func (r *Repo) explicitRole(u *User) role {
	if !r.private && r.grants[u] == 0 && u != r.owner {
		if o := r.s.orgs[key(r.owner.login)]; o == nil || o.members[u] == "" {
			return 0
		}
	}
	return r.roleOf(u)
}

func (s *Server) sortedOrgs() []*Org {
	var out []*Org
	for _, o := range s.orgs {
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b *Org) int { return strings.Compare(a.account.login, b.account.login) })
	return out
}

// sees reports whether a person's token shows a private repository: one made for an App shows what the App is installed on.
func (t *token) sees(r *Repo) bool {
	if t == nil || t.via == nil {
		return true
	}
	return slices.ContainsFunc(t.via.installs, func(in *Installation) bool { return in.covers(r) })
}
