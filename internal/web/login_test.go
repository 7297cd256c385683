package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func TestLoginAndOut(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	if w := c.visit(http.MethodGet, "/decisions/d-a0c4"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login?next=%2Fdecisions%2Fd-a0c4" {
		t.Fatalf("nobody is logged in: %d %s", w.Code, w.Header().Get("Location"))
	}
	c.gh.SignIn("mei")
	w := c.browse("/decisions/d-a0c4")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Move the database to zone b") || !strings.Contains(w.Body.String(), "<span>mei</span>") {
		t.Fatalf("after the login: %d %s", w.Code, w.Body)
	}
	if diff := cmp.Diff([]string{"mei granted from 127.0.0.1"}, c.logins()); diff != "" {
		t.Error(diff)
	}
	stolen := c.cookies["__Host-gatehouse"]
	if stolen == nil || len(c.cookies) != 1 {
		t.Fatalf("cookies: %v", c.cookies)
	}
	if w := c.visit(http.MethodPost, "/logout", "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("another site logs people out: %d", w.Code)
	}
	if w := c.visit(http.MethodPost, "/logout", "Sec-Fetch-Site", "same-origin"); w.Code != http.StatusSeeOther || len(c.cookies) != 0 {
		t.Errorf("logout: %d, cookies %v", w.Code, c.cookies)
	}
	if w := c.get("/logged-out"); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "mei") {
		t.Errorf("logged out: %d", w.Code)
	}
	if w := c.get("/", "Cookie", stolen.Name+"="+stolen.Value); w.Code != http.StatusSeeOther {
		t.Errorf("the session outlives the logout: %d", w.Code)
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	c.gh.SignIn("ann")
	c.browse("/")
	if w := c.visit(http.MethodGet, "/"); w.Code != http.StatusOK {
		t.Fatalf("%d", w.Code)
	}
	for _, value := range []string{"", "x", strings.Repeat("A", 43), c.cookies["__Host-gatehouse"].Value + "A"} {
		if w := c.get("/", "Cookie", "__Host-gatehouse="+value); w.Code != http.StatusSeeOther {
			t.Errorf("the cookie %q: %d", value, w.Code)
		}
	}
	c.now = noon.Add(sessionLife)
	if w := c.visit(http.MethodGet, "/"); w.Code != http.StatusSeeOther {
		t.Errorf("after eight hours: %d", w.Code)
	}

	// What GitHub takes back ends here, too, as soon as it is asked again.
	c.now = noon
	c.browse("/")
	c.app.RevokeUserTokens("ann")
	c.now = noon.Add(rememberFor)
	if w := c.visit(http.MethodGet, "/"); w.Code != http.StatusSeeOther || c.cookies["__Host-gatehouse"] != nil {
		t.Errorf("the authorization was taken back: %d, cookies %v", w.Code, c.cookies)
	}
}

func TestLoginGoesWrong(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	c.gh.SignIn("mei")
	begin := func() url.Values {
		t.Helper()
		to, err := url.Parse(c.visit(http.MethodGet, "/login").Header().Get("Location"))
		c.check(err)
		if to.Query().Get("code_challenge_method") != "S256" || to.Query().Get("state") == "" {
			t.Errorf("no proof of the browser: %s", to)
		}
		return to.Query()
	}
	state := begin().Get("state")
	for name, test := range map[string]struct {
		path string
		want int
	}{
		"no state":       {"/login/callback?code=x", 400},
		"other state":    {"/login/callback?code=x&state=y", 400},
		"denied":         {"/login/callback?error=access_denied&state=" + state, 403},
		"invented code":  {"/login/callback?code=x&state=" + state, 502},
		"foreign cookie": {"/login/callback?code=x&state=" + state, 400},
	} {
		saved := map[string]*http.Cookie{}
		for k, v := range c.cookies {
			saved[k] = v
		}
		if name == "foreign cookie" {
			c.cookies = map[string]*http.Cookie{"x": {Name: "__Host-gatehouse-login", Value: "e30"}}
		}
		if w := c.visit(http.MethodGet, test.path); w.Code != test.want || c.cookies["__Host-gatehouse"] != nil {
			t.Errorf("%s: %d, cookies %v", name, w.Code, c.cookies)
		}
		c.cookies = saved
	}
	if len(c.logins()) != 0 {
		t.Errorf("logins: %v", c.logins())
	}
	for next, want := range map[string]string{
		"/log?type=x": "/log?type=x", "": "/", "//evil.example": "/", "https://evil.example": "/", "/\\evil.example": "/", "javascript:alert(1)": "/", "/\t/evil.example": "/",
	} {
		if got := local(next); got != want {
			t.Errorf("next %q leads to %q", next, got)
		}
	}
}

func TestReaders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		readers    []string
		installers []Installer
		want       string // who may read, of ann, mei, vic and eve
	}{
		"members of the organisation": {nil, []Installer{{Login: "acme", Organization: true}}, "ann mei vic"},
		"whoever installed it":        {nil, []Installer{{Login: "eve"}}, "eve"},
		"a team":                      {[]string{"acme/dba"}, nil, "mei"},
		"a team and a user":           {[]string{"acme/dba", "EVE"}, []Installer{{Login: "acme", Organization: true}}, "mei eve"},
		"a team that is not there":    {[]string{"acme/nobody"}, []Installer{{Login: "acme", Organization: true}}, ""},
		"nobody installed it":         {nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, func(o *Options) {
				o.Readers, o.Installers = test.readers, func(context.Context) ([]Installer, error) { return test.installers, nil }
			})
			var got []string
			for _, login := range []string{"ann", "mei", "vic", "eve"} {
				c.cookies = map[string]*http.Cookie{}
				c.gh.SignIn(login)
				w := c.browse("/")
				if w.Code == http.StatusOK {
					got = append(got, login)
				} else if w.Code != http.StatusForbidden || c.cookies["__Host-gatehouse"] != nil || strings.Contains(w.Body.String(), "acme") {
					t.Errorf("%s: %d %s", login, w.Code, w.Body)
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
			c.cookies = map[string]*http.Cookie{}
			before := len(c.logins())
			c.browse("/") // eve again: a stranger's second try is no second entry
			if strings.Contains(test.want, "eve") == (len(c.logins()) == before) {
				t.Errorf("logins: %v", c.logins())
			}
		})
	}
}

func TestRepositoriesOfOthers(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	paths := []string{
		"/", "/decisions", "/decisions?open=1", "/search?q=k8s/*", "/search?q=sam", "/waivers", "/log", "/rules/IM-06",
		"/api/v1/decisions", "/api/v1/audit", "/api/v1/audit/who?resource=*",
	}
	show := func(login string) string {
		t.Helper()
		c.cookies = map[string]*http.Cookie{}
		c.gh.SignIn(login)
		c.browse("/")
		all := ""
		for _, path := range paths {
			w := c.visit(http.MethodGet, path)
			if w.Code != http.StatusOK {
				t.Errorf("%s: %s: %d", login, path, w.Code)
			}
			all += w.Body.String()
		}
		return all
	}
	secrets := []string{"acme/shop", "Two more replicas", "d-dead", "k8s/web.yaml:12", "secretly"}
	ann, mei := show("ann"), show("mei")
	for _, secret := range secrets {
		if !strings.Contains(ann, secret) {
			t.Errorf("ann may read acme/shop, but does not see %q", secret)
		}
		if strings.Contains(mei, secret) {
			t.Errorf("mei may not read acme/shop, but sees %q", secret)
		}
	}
	if !strings.Contains(mei, "acme/infra") {
		t.Error("mei does not see acme/infra")
	}
	entry := body[[]store.Entry](t, c.visit(http.MethodGet, "/api/v1/audit?repository=acme/shop"))
	if len(entry) != 0 {
		t.Errorf("mei reads %v", entry)
	}
	shop, err := c.store.Decision(t.Context(), "d-91be")
	c.check(err)
	for _, path := range []string{
		"/decisions/d-91be", "/repositories/acme/shop", "/api/v1/decisions/d-91be", "/log/" + itoa(shop.LogIndex), "/api/v1/audit/proof/inclusion?index=" + itoa(shop.LogIndex),
	} {
		if w := c.visit(http.MethodGet, path); w.Code != http.StatusNotFound {
			t.Errorf("mei reads %s: %d", path, w.Code)
		}
	}
	// Access that is given or taken on GitHub is given or taken here within minutes.
	c.shop.AddCollaborator("mei", "read")
	c.now = c.now.Add(rememberFor)
	if w := c.visit(http.MethodGet, "/decisions/d-91be"); w.Code != http.StatusOK {
		t.Errorf("mei may read it now: %d", w.Code)
	}
	c.org.RemoveMember("mei")
	c.now = c.now.Add(rememberFor)
	if w := c.visit(http.MethodGet, "/"); w.Code != http.StatusForbidden {
		t.Errorf("mei is no member any more: %d", w.Code)
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	count := func(token string) (int, int) {
		w := c.get("/api/v1/decisions", "Authorization", "Bearer "+token)
		if w.Code != http.StatusOK {
			return w.Code, 0
		}
		return w.Code, len(body[struct{ Items []item }](t, w).Items)
	}
	for name, test := range map[string]struct {
		token        string
		status, rows int
	}{
		"the App's token of ann":   {c.app.UserToken("ann"), 200, 4},
		"the App's token of mei":   {c.app.UserToken("mei"), 200, 2},
		"a personal token of mei":  {c.gh.AddUserToken("mei"), 200, 2},
		"a personal token of eve":  {c.gh.AddUserToken("eve"), 403, 0},
		"no token that GitHub has": {"ghp_invented", 401, 0},
		"an installation's token":  {c.app.Install("acme").Token(), 401, 0},
	} {
		status, rows := count(test.token)
		if status != test.status || rows != test.rows {
			t.Errorf("%s: %d with %d decisions, wanted %d with %d", name, status, rows, test.status, test.rows)
		}
	}
	w := c.get("/api/v1/decisions")
	if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %d %v", w.Code, w.Header())
	}
	if w := c.get("/", "Authorization", "Bearer "+c.app.UserToken("ann")); w.Code != http.StatusSeeOther {
		t.Errorf("a token on a page: %d", w.Code)
	}
}

// When GitHub does not say who may read, nobody reads.
func TestGitHubIsDown(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	c.gh.SignIn("ann")
	c.browse("/")
	c.now = c.now.Add(rememberFor)
	c.gh.Fail(githubsim.FaultSpec{PathPattern: "/user", Status: 502})
	if w := c.visit(http.MethodGet, "/"); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "acme") {
		t.Errorf("GitHub is down: %d %s", w.Code, w.Body)
	}
	if w := c.visit(http.MethodGet, "/"); w.Code != http.StatusOK {
		t.Errorf("GitHub is back: %d", w.Code)
	}
	broken := newCompany(t, func(o *Options) {
		o.Installers = func(context.Context) ([]Installer, error) { return nil, errors.New("GitHub is down") }
	})
	broken.gh.SignIn("ann")
	if w := broken.browse("/"); w.Code != http.StatusBadGateway || len(broken.logins()) != 0 {
		t.Errorf("who installed the App is not known: %d %v", w.Code, broken.logins())
	}
}

// A copy of the database does not give anybody's token away.
func TestSessionsAreSealed(t *testing.T) {
	t.Parallel()
	c := newCompany(t, nil)
	c.gh.SignIn("ann")
	c.browse("/")
	secret := c.cookies["__Host-gatehouse"].Value
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-gatehouse", Value: secret})
	s := &site{Options: Options{Store: c.store, PublicURL: "https://gatehouse.example", Clock: func() time.Time { return c.now }}}
	raw, ok := s.secret(r)
	if !ok {
		t.Fatal("no secret")
	}
	id, _, err := sealing(raw)
	c.check(err)
	sealed, err := c.store.Session(t.Context(), id)
	c.check(err)
	if strings.Contains(string(sealed), "ghu_") || strings.Contains(string(sealed), "ann") || strings.Contains(id, secret) {
		t.Errorf("the session is readable: %q", sealed)
	}
}
