package githubsim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// postManifest posts a manifest as a page does, and returns GitHub's answer, and where it sends the browser.
func postManifest(t *testing.T, w *world, path string, m object) (said string, location *url.URL) {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(w.URL()+path, url.Values{"manifest": {string(text)}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	location, _ = resp.Location()
	return strings.TrimSpace(string(body)), location
}

func TestAppsFromManifests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := func() object {
		return object{
			"name": "Gate 1", "url": "https://gate.example", "redirect_url": "http://127.0.0.1:9/back?x=1", "hook_attributes": object{"url": "https://gate.example/hook"},
			"default_permissions": object{"checks": "write", "pull_requests": "read"}, "default_events": []string{"pull_request", "check_run"},
		}
	}
	const own, org = "/settings/apps/new?state=s1", "/organizations/acme/settings/apps/new"
	if said, _ := postManifest(t, w, own, good()); said != "Nobody is signed in on this simulated GitHub." {
		t.Error(said)
	}
	w.SignIn("wendy")
	if said, _ := postManifest(t, w, org, good()); said != "Not Found" {
		t.Errorf("a member: %s", said)
	}
	const prefix = "Invalid GitHub App configuration: "
	for want, change := range map[string]func(object){
		"redirect_url must be a URL":                                                    func(m object) { delete(m, "redirect_url") },
		"Name is too long (maximum is 34 characters) or missing":                        func(m object) { m["name"] = "" },
		"Default permission records resource is not included in the list: coffee read":  func(m object) { m["default_permissions"] = object{"coffee": "read"} },
		"Default permission records resource is not included in the list: checks admin": func(m object) { m["default_permissions"] = object{"checks": "admin"} },
		"Default events unsupported: coffee":                                            func(m object) { m["default_events"] = []string{"coffee"} },
		"Default events are not supported by permissions: push":                         func(m object) { m["default_events"] = []string{"push"} },
		"the manifest is not JSON":                                                      func(m object) { m["name"] = 1 },
	} {
		m := good()
		change(m)
		if said, _ := postManifest(t, w, own, m); said != prefix+want {
			t.Errorf("got %q, want %q", said, want)
		}
	}
	_, back := postManifest(t, w, own, good())
	if back == nil || back.Host != "127.0.0.1:9" || back.Query().Get("state") != "s1" || back.Query().Get("x") != "1" {
		t.Fatalf("the way back: %v", back)
	}
	path := "/app-manifests/" + back.Query().Get("code") + "/conversions"
	made := w.call("", "POST", path, nil)
	if o := made.object(t); made.status != 201 || o["slug"] != "gate-1" || o["owner"].(map[string]any)["login"] != "wendy" || !strings.Contains(o["pem"].(string), "PRIVATE KEY") ||
		o["webhook_secret"] == "" || o["client_secret"] == "" {
		t.Errorf("%s", made.said())
	}
	if got := w.call("", "POST", path, nil).status; got != 404 {
		t.Errorf("a second time: %d", got)
	}
	if said, _ := postManifest(t, w, own, good()); said != prefix+"Name is already taken" {
		t.Error(said)
	}
	w.SignIn("olga")
	m := good()
	m["name"] = "Gate 2"
	_, back = postManifest(t, w, org, m)
	w.clock.advance(time.Hour)
	if got := w.call("", "POST", "/app-manifests/"+back.Query().Get("code")+"/conversions", nil).status; got != 404 {
		t.Errorf("after an hour: %d", got)
	}
}
