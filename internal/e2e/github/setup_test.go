package github

import (
	"context"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/cli"
	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// settingUp is `gatehouse setup` under way.
type settingUp struct {
	page     string // its address
	out, err *site.Buffer
	status   chan int
	cancel   func()
}

// What setup leaves in the folder.
const (
	keyFile = "gatehouse-app.pem"
	envFile = "gatehouse.env"
)

var pageAddress = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+/`)

func startSetup(t *testing.T, gh *githubsim.Server, dir string, args ...string) *settingUp {
	t.Helper()
	u := &settingUp{out: &site.Buffer{}, err: &site.Buffer{}, status: make(chan int, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	u.cancel = cancel
	args = append([]string{"setup", "--dir", dir, "--url", "https://gatehouse.example/", "--github-api-url", gh.URL() + "/api/v3", "--github-server-url", gh.URL()}, args...)
	go func() { u.status <- cli.Run(ctx, cli.Surroundings{Out: u.out, Err: u.err}, args...) }()
	deadline := time.Now().Add(site.Patience)
	for u.page == "" {
		u.page = pageAddress.FindString(u.err.String())
		if time.Now().After(deadline) {
			t.Fatalf("it shows no page: %s", u.err.String())
		}
		select {
		case status := <-u.status:
			u.status <- status
			return u
		case <-time.After(5 * time.Millisecond):
		}
	}
	return u
}

func fetch(t *testing.T, address string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(address)
	return readAnswer(t, resp, err)
}

func readAnswer(t *testing.T, resp *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

var formParts = regexp.MustCompile(`action="([^"]+)"><input type="hidden" name="manifest" value="([^"]+)"`)

// press does what the page's form does.
func (u *settingUp) press(t *testing.T) (int, string) {
	t.Helper()
	status, page := fetch(t, u.page)
	parts := formParts.FindStringSubmatch(page)
	if status != http.StatusOK || parts == nil {
		t.Fatalf("%d %s", status, page)
	}
	resp, err := http.PostForm(html.UnescapeString(parts[1]), url.Values{"manifest": {html.UnescapeString(parts[2])}})
	return readAnswer(t, resp, err)
}

func setupWorld(t *testing.T) *githubsim.Server {
	t.Helper()
	t.Parallel()
	gh, err := githubsim.Start(githubsim.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gh.Close)
	gh.AddUser("vic")
	gh.AddUser("ann")
	gh.AddOrg("acme", "vic").AddMember("ann")
	return gh
}

func TestSetup(t *testing.T) {
	gh, dir := setupWorld(t), t.TempDir()
	gh.SignIn("vic")
	u := startSetup(t, gh, dir, "--organization", "acme")

	// A page that somebody else sends the browser to, and another name for this machine, lead nowhere.
	if status, _ := fetch(t, u.page+"callback?code=abc&state=guessed"); status != http.StatusBadRequest {
		t.Errorf("a way back that was not from here: %d", status)
	}
	if status, _ := fetch(t, strings.Replace(u.page, "127.0.0.1", "localhost", 1)); status != http.StatusMisdirectedRequest {
		t.Errorf("another host's name: %d", status)
	}
	if status, body := u.press(t); status != http.StatusOK || !strings.Contains(body, "The App is created") {
		t.Fatalf("%d %s", status, body)
	}
	if status := <-u.status; status != site.Pass {
		t.Fatalf("status %d: %s", status, u.err.String())
	}
	app := gh.AppBySlug("gatehouse-acme")
	if app == nil {
		t.Fatal("there is no App")
	}
	wanted, _ := needed()
	if diff := cmp.Diff(wanted, app.Permissions()); diff != "" {
		t.Error(diff)
	}

	// What was written starts the server, and is nobody else's to read.
	secrets := []string{}
	for _, name := range []string{keyFile, envFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, envFile))
	if err != nil {
		t.Fatal(err)
	}
	environ := strings.Split(strings.TrimSpace(string(text)), "\n")
	settings, err := config.Load(environ, nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if settings.AppID != app.ID() || settings.PublicURL != "https://gatehouse.example" || settings.ClientSecret != app.ClientSecret() || settings.APIURL != gh.URL()+"/api/v3" {
		t.Errorf("%+v", environ)
	}
	secrets = append(secrets, settings.WebhookSecret, settings.ClientSecret, "PRIVATE KEY")
	for _, secret := range secrets {
		if strings.Contains(u.out.String()+u.err.String(), secret) {
			t.Errorf("a secret is printed:\n%s", u.out.String())
		}
	}
	if !strings.Contains(u.out.String(), "/apps/gatehouse-acme/installations/new") {
		t.Errorf("it does not say what comes next:\n%s", u.out.String())
	}
	github, err := forge.New(forge.Options{AppID: settings.AppID, PrivateKey: settings.KeyPEM, APIURL: settings.APIURL, ServerURL: settings.ServerURL})
	if err != nil {
		t.Fatal(err)
	}
	identity, err := github.Identity(t.Context())
	if err != nil || identity.Slug != "gatehouse-acme" || !maps.Equal(identity.Permissions, wanted) {
		t.Errorf("%+v %v", identity, err)
	}
	hook, err := github.Hook(t.Context())
	if diff := cmp.Diff(forge.Hook{URL: "https://gatehouse.example/webhooks/github", ContentType: "json", InsecureSSL: "0"}, hook); diff != "" || err != nil {
		t.Error(diff, err)
	}

	// A second time nothing is overwritten.
	again := startSetup(t, gh, dir, "--organization", "acme")
	if status := <-again.status; status != site.Usage || !strings.Contains(again.err.String(), "exists already") {
		t.Errorf("a second time: %d %s", status, again.err.String())
	}
	if now, err := os.ReadFile(filepath.Join(dir, envFile)); err != nil || string(now) != string(text) {
		t.Error("the settings were overwritten", err)
	}
}

func TestSetupThatComesToNothing(t *testing.T) {
	gh := setupWorld(t)
	for name, c := range map[string]struct {
		who   string
		press bool
		want  int // the site's answer
	}{
		"nobody is signed in":          {"", true, http.StatusUnauthorized},
		"somebody who is not an owner": {"ann", true, http.StatusNotFound},
		"given up":                     {"vic", false, 0},
	} {
		dir := t.TempDir()
		gh.SignIn(c.who)
		u := startSetup(t, gh, dir, "--organization", "acme")
		if c.press {
			if status, body := u.press(t); status != c.want {
				t.Errorf("%s: %d %s", name, status, body)
			}
		}
		u.cancel()
		if status := <-u.status; status != site.Outside {
			t.Errorf("%s: status %d", name, status)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%s: files are left: %v %v", name, left, err)
		}
	}
	gh.SignIn("vic")
	gone := startSetup(t, gh, t.TempDir())
	remove := gh.Fail(githubsim.FaultSpec{Method: "POST", PathPattern: "/app-manifests/*/conversions", Status: 502, Times: -1})
	defer remove()
	if status, _ := gone.press(t); status != http.StatusOK {
		t.Errorf("the way back: %d", status)
	}
	if status := <-gone.status; status != site.Outside || !strings.Contains(gone.err.String(), "delete the App on GitHub and begin again") {
		t.Errorf("GitHub does not give the credentials: %d %s", status, gone.err.String())
	}
	for _, args := range [][]string{{"--url", "gatehouse.example"}, {"--addr", "0.0.0.0:80"}, {"--organization", "a/b"}, {"--name", strings.Repeat("x", 35)}, {"--dir", "/nowhere"}} {
		if status := cli.Run(t.Context(), cli.Surroundings{Out: io.Discard, Err: io.Discard}, append([]string{"setup", "--url", "https://x.example"}, args...)...); status != site.Usage {
			t.Errorf("%v: status %d", args, status)
		}
	}
}
