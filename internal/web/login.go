package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// loginLife is how long somebody may take on GitHub's page.
const loginLife = 10 * time.Minute

// attempt is a login that is under way. The cookie that holds it binds the answer to the browser that asked.
type attempt struct {
	State    string `json:"state"`
	Verifier string `json:"verifier"`
	Next     string `json:"next"`
}

func (s *site) attemptCookie() string { return s.sessionCookie() + "-login" }

func (s *site) oauth() *oauth2.Config {
	return &oauth2.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, RedirectURL: s.PublicURL + "/login/callback",
		Endpoint: oauth2.Endpoint{
			AuthURL: s.GitHub + "/login/oauth/authorize", TokenURL: s.GitHub + "/login/oauth/access_token", AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

// login sends a person to GitHub.
func (s *site) login(w http.ResponseWriter, r *http.Request) {
	if !s.canLogIn() {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	a := attempt{State: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(), Next: local(r.URL.Query().Get("next"))}
	content, err := json.Marshal(a)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.SetCookie(w, s.cookie(s.attemptCookie(), base64.RawURLEncoding.EncodeToString(content), loginLife))
	http.Redirect(w, r, s.oauth().AuthCodeURL(a.State, oauth2.S256ChallengeOption(a.Verifier)), http.StatusSeeOther)
}

// local is an address of this site to go to; anything else becomes the first page.
func local(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") || len(next) > 2000 {
		return "/"
	}
	return next
}

// callback is where GitHub sends a person back to.
func (s *site) callback(w http.ResponseWriter, r *http.Request) {
	if !s.canLogIn() {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	a, ok := s.attempt(r)
	http.SetCookie(w, s.cookie(s.attemptCookie(), "", 0))
	q := r.URL.Query()
	switch {
	case !ok || a.State == "" || q.Get("state") != a.State:
		s.refuse(w, r, http.StatusBadRequest, "This login was begun in another browser, or too long ago. Open the page that you wanted again.")
		return
	case q.Get("error") != "":
		s.refuse(w, r, http.StatusForbidden, "GitHub did not log you in ("+clean(q.Get("error"))+"). Open the page that you wanted again to try once more.")
		return
	}
	ctx := context.WithValue(r.Context(), oauth2.HTTPClient, s.people.http)
	token, err := s.oauth().Exchange(ctx, q.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		s.Log.WithError(err).Warn("exchanging a login's code")
		s.refuse(w, r, http.StatusBadGateway, "GitHub did not confirm the login. Open the page that you wanted again to try once more.")
		return
	}
	s.admitLogin(w, r, token, a.Next)
}

// admitLogin records a login, and gives readers their session. The entry comes first: nobody reads unseen.
func (s *site) admitLogin(w http.ResponseWriter, r *http.Request, token *oauth2.Token, next string) {
	p, err := s.people.of(r.Context(), token.AccessToken)
	if err != nil {
		s.Log.WithError(err).Warn("asking GitHub who logged in")
		s.refuse(w, r, http.StatusBadGateway, "GitHub did not say who you are and what you may read; try again in a minute.")
		return
	}
	now := s.Clock().UTC()
	entry := store.Entry{Time: now, Type: store.EntryLogin, Actor: p.login, SourceIP: address(r), Detail: map[string]any{"outcome": "granted", "user_id": p.id}}
	if !p.reader {
		// Anybody on GitHub can get this far, so the log has one such line a day for each of them.
		entry.Detail["outcome"] = "refused"
		entry.Key = "login-refused/" + strings.ToLower(p.login) + "/" + now.Format(time.DateOnly)
	}
	if _, err := s.Store.Append(r.Context(), []store.Entry{entry}); err != nil {
		s.fail(w, r, err)
		return
	}
	if !p.reader {
		s.refuse(w, r, http.StatusForbidden, p.login+" is not among the readers of this Gatehouse; its administrator decides with GATEHOUSE_READERS.")
		return
	}
	held := session{Login: p.login, Token: token.AccessToken, Expires: now.Add(sessionLife)}
	if e := token.Expiry; !e.IsZero() && e.Before(held.Expires) {
		held.Expires = e.UTC()
	}
	if err := s.begin(w, r, held); err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (s *site) attempt(r *http.Request) (attempt, bool) {
	c, err := r.Cookie(s.attemptCookie())
	if err != nil {
		return attempt{}, false
	}
	content, err := base64.RawURLEncoding.DecodeString(c.Value)
	var a attempt
	if err != nil || json.Unmarshal(content, &a) != nil {
		return attempt{}, false
	}
	a.Next = local(a.Next)
	return a, true
}

// logout ends the session, here and not only in the browser.
func (s *site) logout(w http.ResponseWriter, r *http.Request) {
	if held, err := s.session(r); err == nil {
		s.people.forget(held.Token)
	} else if !errors.Is(err, store.ErrNotFound) {
		s.Log.WithError(err).Warn("reading a session that ends")
	}
	s.endSession(w, r)
	http.Redirect(w, r, "/logged-out", http.StatusSeeOther)
}

func (s *site) loggedOut(w http.ResponseWriter, r *http.Request) {
	s.page(w, r, "message.html", "Logged out", messageView{Heading: "Logged out", Text: "Your session has ended.", Link: "/", LinkText: "Log in again"})
}
