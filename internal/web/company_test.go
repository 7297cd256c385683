package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// company is a site that people log in to: acme on a simulated GitHub, with the App on all its repositories. mei may read
// acme/infra alone, ann both, eve is no member.
type company struct {
	*fixture
	gh          *githubsim.Server
	app         *githubsim.App
	org         *githubsim.Org
	dba         *githubsim.Team
	infra, shop *githubsim.Repo
	cookies     map[string]*http.Cookie
}

func newCompany(t *testing.T, change func(*Options)) *company {
	t.Helper()
	gh, err := githubsim.Start(githubsim.Options{Dir: t.TempDir(), Unlimited: true, Clock: func() time.Time { return time.Now() }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gh.Close)
	for _, login := range []string{"vic", "ann", "mei", "eve"} {
		gh.AddUser(login)
	}
	c := &company{gh: gh, org: gh.AddOrg("acme", "vic"), cookies: map[string]*http.Cookie{}}
	c.org.AddMember("ann", "mei")
	c.org.SetBasePermission("none")
	c.dba = c.org.AddTeam(githubsim.TeamSpec{Name: "dba"})
	c.dba.Add("mei")
	c.infra = gh.CreateRepo(githubsim.RepoSpec{Owner: "acme", Name: "infra", Private: true})
	c.shop = gh.CreateRepo(githubsim.RepoSpec{Owner: "acme", Name: "shop", Private: true})
	c.infra.AddCollaborator("mei", "read")
	c.infra.AddCollaborator("ann", "write")
	c.shop.AddCollaborator("ann", "write")
	c.app = gh.AddApp(githubsim.AppSpec{Slug: "gatehouse", Permissions: map[string]string{"members": "read", "contents": "read"}})
	c.app.Install("acme")
	c.app.SetCallback("https://gatehouse.example/login/callback")
	c.fixture = newFixture(t, func(o *Options) {
		o.ClientID, o.ClientSecret, o.GitHub, o.APIURL, o.PublicURL = c.app.ClientID(), c.app.ClientSecret(), gh.URL(), gh.URL()+"/api/v3", "https://gatehouse.example"
		o.Installers = func(context.Context) ([]Installer, error) {
			return []Installer{{Login: "acme", Organization: true}}, nil
		}
		if change != nil {
			change(o)
		}
	})
	for id, s := range map[*githubsim.Repo][]story{c.infra: {waiting(), blocked()}, c.shop: {passed(), broken()}} {
		for _, one := range s {
			c.recordIn(id, one)
		}
	}
	_, err = c.store.Append(t.Context(), []store.Entry{{Type: store.EntryBypass, Actor: "vic", Repository: "acme/shop", Commit: strings.Repeat("e", 40), Detail: map[string]any{"reason": "secretly"}}})
	c.check(err)
	return c
}

// recordIn records a story under the number that GitHub gave its repository.
func (c *company) recordIn(repo *githubsim.Repo, s story) {
	c.t.Helper()
	c.fixture.recordAs(s, repo.ID(), repo.FullName())
}

// browse follows redirects with the browser's cookies, also to GitHub and back.
func (c *company) browse(address string) *httptest.ResponseRecorder {
	c.t.Helper()
	for range 10 {
		var w *httptest.ResponseRecorder
		if path, ok := strings.CutPrefix(address, "https://gatehouse.example"); ok || strings.HasPrefix(address, "/") {
			if !ok {
				path = address
			}
			w = c.visit(http.MethodGet, path)
		} else {
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			resp, err := client.Get(address)
			c.check(err)
			c.check(resp.Body.Close())
			w = httptest.NewRecorder()
			w.Code = resp.StatusCode
			w.Header().Set("Location", resp.Header.Get("Location"))
		}
		if w.Code != http.StatusSeeOther && w.Code != http.StatusFound {
			return w
		}
		address = w.Header().Get("Location")
	}
	c.t.Fatal("it goes round in circles")
	return nil
}

// visit makes one request as the browser and keeps the cookies.
func (c *company) visit(method, path string, headers ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	for _, cookie := range c.cookies {
		headers = append(headers, "Cookie", cookie.Name+"="+cookie.Value)
	}
	w := c.send(method, path, headers...)
	for _, cookie := range w.Result().Cookies() {
		if cookie.MaxAge < 0 {
			delete(c.cookies, cookie.Name)
			continue
		}
		if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || !strings.HasPrefix(cookie.Name, "__Host-") {
			c.t.Errorf("a weak cookie: %v", cookie)
		}
		c.cookies[cookie.Name] = cookie
	}
	return w
}

func (c *company) logins() []string {
	c.t.Helper()
	list, _, err := c.store.Entries(c.t.Context(), store.EntryFilter{Type: store.EntryLogin}, "", 100)
	c.check(err)
	out := []string{}
	for _, e := range list {
		out = append(out, e.Actor+" "+e.Detail["outcome"].(string)+" from "+e.SourceIP)
	}
	return out
}
