package githubsim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// authorize asks for the login page and returns where it sends the visitor.
func (w *world) authorize(values url.Values) (int, url.Values) {
	w.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(w.URL() + "/login/oauth/authorize?" + values.Encode())
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is read
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, to.Query()
}

func (w *world) exchange(values url.Values) map[string]any {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, w.URL()+"/login/oauth/access_token", strings.NewReader(values.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const callback = "https://gatehouse.example/login/callback"
	sum := sha256.Sum256([]byte("a verifier"))
	ask := func(change ...string) url.Values {
		v := url.Values{
			"client_id": {w.app.ClientID()}, "redirect_uri": {callback}, "state": {"s"}, "code_challenge_method": {"S256"},
			"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
		}
		for i := 0; i+1 < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v
	}
	if status, _ := w.authorize(ask()); status != 404 {
		t.Errorf("an App without a callback: %d", status)
	}
	w.app.SetCallback(callback)
	if status, _ := w.authorize(ask()); status != 401 {
		t.Errorf("nobody is signed in: %d", status)
	}
	w.SignIn("wendy")
	for want, values := range map[string]url.Values{
		"redirect_uri_mismatch": ask("redirect_uri", "https://evil.example/"), "invalid_request": ask("code_challenge_method", "plain"),
	} {
		if status, back := w.authorize(values); status != 302 || back.Get("error") != want || back.Get("state") != "s" {
			t.Errorf("%s: %d %v", want, status, back)
		}
	}
	w.DenyLogin(true)
	if _, back := w.authorize(ask()); back.Get("error") != "access_denied" {
		t.Errorf("denied: %v", back)
	}
	w.DenyLogin(false)

	swap := func(code string, change ...string) url.Values {
		v := url.Values{
			"client_id": {w.app.ClientID()}, "client_secret": {w.app.ClientSecret()}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {"a verifier"},
		}
		for i := 0; i+1 < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v
	}
	code := func() string {
		status, back := w.authorize(ask())
		if status != 302 || back.Get("code") == "" {
			t.Fatalf("%d %v", status, back)
		}
		return back.Get("code")
	}
	late := code()
	w.clock.advance(codeLife)
	used := code()
	got := w.exchange(swap(used))
	token, _ := got["access_token"].(string)
	if !strings.HasPrefix(token, "ghu_") || got["expires_in"] != 28800.0 {
		t.Errorf("got %v", got)
	}
	for name, test := range map[string]struct {
		values url.Values
		want   string
	}{
		"used":           {swap(used), "bad_verification_code"},
		"late":           {swap(late), "bad_verification_code"},
		"invented":       {swap("x"), "bad_verification_code"},
		"no verifier":    {swap(code(), "code_verifier", ""), "bad_verification_code"},
		"other redirect": {swap(code(), "redirect_uri", ""), "redirect_uri_mismatch"},
		"wrong secret":   {swap(code(), "client_secret", "x"), "incorrect_client_credentials"},
	} {
		if got := w.exchange(test.values); got["error"] != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}

	if got := w.call(token, "GET", "/user", nil).object(t)["login"]; got != "wendy" {
		t.Errorf("the token is of %v", got)
	}
	w.clock.advance(8 * time.Hour)
	if got := w.call(token, "GET", "/user", nil).said(); got != "401 Bad credentials" {
		t.Errorf("after eight hours: %s", got)
	}
}

func TestWhatALoginShows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CreateRepo(RepoSpec{Owner: "acme", Name: "open"})
	private := w.CreateRepo(RepoSpec{Owner: "acme", Name: "private", Private: true})
	w.org.SetBasePermission("none")
	w.AddOrg("other", "wendy")
	w.CreateRepo(RepoSpec{Owner: "other", Name: "elsewhere", Private: true})
	wendy, stranger := w.app.UserToken("wendy"), w.app.UserToken("stranger")
	names := func(token, path, list, field string) []string {
		out := []string{}
		for _, item := range w.call(token, "GET", path, nil).object(t)[list].([]any) {
			o := item.(map[string]any)
			if account, isMap := o["account"].(map[string]any); isMap {
				o = account
			}
			out = append(out, o[field].(string))
		}
		return out
	}
	repos := fmt.Sprintf("/user/installations/%d/repositories", w.inst.ID())
	got := map[string]any{
		"wendy's installations":    names(wendy, "/user/installations", "installations", "login"),
		"wendy's repositories":     names(wendy, repos, "repositories", "name"),
		"stranger's installations": names(stranger, "/user/installations", "installations", "login"),
		"stranger's repositories":  names(stranger, repos, "repositories", "name"),
		"wendy's organisations":    w.call(wendy, "GET", "/user/orgs", nil).list(t)[1]["login"],
		"a membership":             w.call(wendy, "GET", "/user/memberships/orgs/acme", nil).object(t)["state"],
		"no membership":            w.call(stranger, "GET", "/user/memberships/orgs/acme", nil).said(),
		"a private repository":     w.call(wendy, "GET", "/repos/acme/private", nil).said(),
		"not installed":            w.call(wendy, "GET", "/repos/other/elsewhere", nil).said(),
		"by a personal token":      w.call(w.AddUserToken("wendy"), "GET", "/repos/other/elsewhere", nil).said(),
		"installations of a PAT":   w.call(w.AddUserToken("wendy"), "GET", "/user/installations", nil).said(),
		"orgs of an installation":  w.call(w.inst.Token(), "GET", "/user/orgs", nil).said(),
		"orgs of nobody":           w.call("", "GET", "/user/orgs", nil).said(),
	}
	want := map[string]any{
		"wendy's installations":    []string{"acme"},
		"wendy's repositories":     []string{"infra", "open"},
		"stranger's installations": []string{},
		"stranger's repositories":  []string{},
		"wendy's organisations":    "other",
		"a membership":             "active",
		"no membership":            "404 Not Found",
		"a private repository":     "404 Not Found",
		"not installed":            "404 Not Found",
		"by a personal token":      "200 ",
		"installations of a PAT":   "403 You must authenticate with an access token authorized to a GitHub App in order to list installations",
		"orgs of an installation":  "403 Resource not accessible by integration",
		"orgs of nobody":           "401 Requires authentication",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	private.AddCollaborator("wendy", "read")
	if got := w.call(wendy, "GET", "/repos/acme/private", nil).said(); got != "200 " {
		t.Errorf("once she may read it: %s", got)
	}
	w.app.RevokeUserTokens("wendy")
	if got := w.call(wendy, "GET", "/user", nil).said(); got != "401 Bad credentials" {
		t.Errorf("revoked: %s", got)
	}
}
