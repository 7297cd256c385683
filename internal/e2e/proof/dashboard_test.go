package proof

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// visitor is a browser that comes to the dashboard through a TLS proxy, as people do.
type visitor struct {
	t       *testing.T
	s       *place
	cookies map[string]string
}

// open follows redirects, to GitHub and back, and returns the last page.
func (v *visitor) open(address string) (int, string) {
	v.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for range 10 {
		path, ours := strings.CutPrefix(address, "https://gatehouse.example")
		target := address
		if ours || strings.HasPrefix(address, "/") {
			target, ours = v.s.URL+path, true
		}
		req, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, target, nil)
		if err != nil {
			v.t.Fatal(err)
		}
		if ours {
			for name, value := range v.cookies {
				req.AddCookie(&http.Cookie{Name: name, Value: value})
			}
		}
		resp, err := client.Do(req)
		if err != nil {
			v.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			v.t.Fatal(err)
		}
		for _, c := range resp.Cookies() {
			if v.cookies[c.Name] = c.Value; c.MaxAge < 0 {
				delete(v.cookies, c.Name)
			}
		}
		if resp.StatusCode/100 != 3 {
			return resp.StatusCode, string(body)
		}
		address = resp.Header.Get("Location")
	}
	v.t.Fatal("it goes round in circles")
	return 0, ""
}

// What the pipeline recorded is what the dashboard shows, to those who may read it on GitHub.
func TestDashboard(t *testing.T) {
	s := newPlace(t, site.Setup{NoServer: true})
	s.More = []string{"GITHUB_CLIENT_ID=" + s.App.ClientID(), "GITHUB_CLIENT_SECRET=" + s.App.ClientSecret()}
	s.App.SetCallback("https://gatehouse.example/login/callback")
	s.Start()
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Settle()
	if _, err := pr.Merge("vic", githubsim.MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	s.Settle()
	head := pr.HeadSHA()

	for login, want := range map[string]int{"mei": http.StatusOK, "eve": http.StatusForbidden} {
		s.GitHub.SignIn(login)
		v := &visitor{t: t, s: s, cookies: map[string]string{}}
		status, page := v.open("/")
		if status != want {
			t.Fatalf("%s: %d %s", login, status, page)
		}
		if login == "eve" {
			if strings.Contains(page, "acme") {
				t.Errorf("eve sees %s", page)
			}
			continue
		}
		for path, texts := range map[string][]string{
			"/":                            {"<strong>vic</strong> went around the gate of", "IM-06", "acme/infra"},
			"/search?q=aws_security_group": {"Nothing in the record matches"},
			"/search?q=" + url.QueryEscape("aws_security_group.*"): {"Merged by", "vic", "Change vendor"},
			"/search?q=" + head[:10]:                               {"Change vendor"},
			"/search?q=IM-06":                                      {"Change vendor"},
			"/search?q=@vic":                                       {"Change vendor"},
			"/search?q=infra/prod/*&kind=file":                     {"Change vendor"},
			"/rules/IM-06":                                         {"Change vendor", "1 finding in 1 pull request"},
			"/log?type=login":                                      {"mei"},
		} {
			status, page := v.open(path)
			for _, text := range texts {
				if status != http.StatusOK || !strings.Contains(page, text) {
					t.Errorf("%s: %d, without %q", path, status, text)
				}
			}
		}
		d, err := s.DB.Latest(t.Context(), s.Repo.ID(), pr.Number())
		if err != nil {
			t.Fatal(err)
		}
		_, page = v.open("/decisions/" + d.ID)
		for _, text := range []string{
			"Blocked: IM-06", "check run: Blocked", "comment on the pull request", "<strong>bypass</strong> by vic", "merged into main by <strong>vic</strong>",
			fmt.Sprintf(`href="/log/%d"`, d.LogIndex), "aws_security_group.web",
		} {
			if !strings.Contains(page, text) {
				t.Errorf("the decision's page lacks %q:\n%s", text, page)
			}
		}
	}
	if n := len(s.Entries("login")); n != 2 {
		t.Errorf("%d logins are recorded", n)
	}
}
