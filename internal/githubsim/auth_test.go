package githubsim

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAppTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := w.clock.now().Unix()
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := map[string]any{"iss": w.app.ID(), "iat": now, "exp": now + 60}
	const (
		undecodable = "401 A JSON web token could not be decoded"
		iat         = "401 'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	)
	for _, tc := range []struct{ name, token, want string }{
		{"good", w.jwt(nil), "200 "},
		{"the id as text", w.jwt(func(c map[string]any) { c["iss"] = fmt.Sprint(w.app.ID()) }), "200 "},
		{"the client id", w.jwt(func(c map[string]any) { c["iss"] = w.app.ClientID() }), "200 "},
		{"a clock a little ahead", w.jwt(func(c map[string]any) { c["iat"] = now + 60 }), "200 "},
		{"from the future", w.jwt(func(c map[string]any) { c["iat"] = now + 61 }), iat},
		{"no iat", w.jwt(func(c map[string]any) { delete(c, "iat") }), iat},
		{"ten minutes", w.jwt(func(c map[string]any) { c["exp"] = now + 600 }), "200 "},
		{"too long", w.jwt(func(c map[string]any) { c["exp"] = now + 601 }), "401 'Expiration time' claim ('exp') is too far in the future"},
		{
			"expired", w.jwt(func(c map[string]any) { c["exp"] = now }),
			"401 'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
		},
		{"another App", w.jwt(func(c map[string]any) { c["iss"] = 1 }), "404 Integration not found"},
		{"no issuer", w.jwt(func(c map[string]any) { delete(c, "iss") }), "401 'Issuer' claim ('iss') must be an Integer"},
		{"another key", signJWT(t, stranger, map[string]any{"alg": "RS256"}, good), undecodable},
		{"no algorithm", signJWT(t, testKey(), map[string]any{"alg": "none"}, good), undecodable},
		{"not a token", "a.b.c", undecodable},
		{"an installation token", w.inst.Token(), undecodable},
		{"nonsense", "nonsense", "401 Bad credentials"},
		{"nothing", "", undecodable},
	} {
		if got := w.call(tc.token, "GET", "/app", nil).said(); got != tc.want {
			t.Errorf("%s: %s, wanted %s", tc.name, got, tc.want)
		}
	}
	if got := w.call(w.jwt(nil), "GET", "/repos/acme/infra", nil).said(); got != "401 Bad credentials" {
		t.Errorf("a JWT on a repository: %s", got)
	}
}

func TestInstallationTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CreateRepo(RepoSpec{Owner: "acme", Name: "second", Private: true})
	path := fmt.Sprintf("/app/installations/%d/access_tokens", w.inst.ID())
	full := w.call(w.jwt(nil), "POST", path, nil).object(t)
	if full["expires_at"] != "2026-03-01T13:00:00Z" || !strings.HasPrefix(full["token"].(string), "ghs_") {
		t.Errorf("token: %v", full)
	}
	narrow := w.call(w.jwt(nil), "POST", path, map[string]any{
		"repositories": []string{"infra"}, "permissions": map[string]string{"pull_requests": "read"},
	}).object(t)["token"].(string)
	w.openPR()
	got := map[string]string{
		"its repository":           w.call(narrow, "GET", "/repos/acme/infra/pulls/1", nil).said(),
		"another repository":       w.call(narrow, "GET", "/repos/acme/second", nil).said(),
		"what it may not write":    w.call(narrow, "POST", "/repos/acme/infra/check-runs", map[string]any{}).said(),
		"what it may only read":    w.call(narrow, "POST", "/repos/acme/infra/issues/1/comments", map[string]any{"body": "x"}).said(),
		"more than is granted":     w.call(w.jwt(nil), "POST", path, map[string]any{"permissions": map[string]string{"actions": "write"}}).said(),
		"a repository not covered": w.call(w.jwt(nil), "POST", path, map[string]any{"repositories": []string{"nothing"}}).said(),
		"another organisation":     w.call(narrow, "GET", "/orgs/stranger/teams", nil).said(),
	}
	want := map[string]string{
		"its repository":           "200 ",
		"another repository":       "404 Not Found",
		"what it may not write":    "403 Resource not accessible by integration",
		"what it may only read":    "403 Resource not accessible by integration",
		"more than is granted":     "422 The permissions requested are not granted to this installation.",
		"a repository not covered": "422 There is at least one repository that does not exist or is not accessible to the parent installation.",
		"another organisation":     "403 Resource not accessible by integration",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	refused := w.call(narrow, "POST", "/repos/acme/infra/check-runs", map[string]any{})
	if h := refused.header.Get("X-Accepted-GitHub-Permissions"); h != "checks=write" {
		t.Errorf("X-Accepted-GitHub-Permissions is %q", h)
	}
	w.clock.advance(time.Hour)
	if got := w.call(narrow, "GET", "/repos/acme/infra/pulls/1", nil).said(); got != "401 Bad credentials" {
		t.Errorf("after an hour: %s", got)
	}
	w.inst.Suspend()
	if got := w.call(w.jwt(nil), "POST", path, nil).said(); got != "403 This installation has been suspended" {
		t.Errorf("suspended: %s", got)
	}
}

func TestWhoSeesWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CreateRepo(RepoSpec{Owner: "acme", Name: "public"})
	w.repo.Protect("main", Protection{RequiredReviews: 1})
	for _, tc := range []struct{ who, token, method, path, want string }{
		{"nobody", "", "GET", "/repos/acme/infra", "404 Not Found"},
		{"nobody", "", "GET", "/repos/acme/public", "200 "},
		{"nobody", "", "POST", "/repos/acme/public/issues", "401 Requires authentication"},
		{"stranger", w.AddUserToken("stranger"), "GET", "/repos/acme/infra", "404 Not Found"},
		{"reader", w.AddUserToken("rita"), "GET", "/repos/acme/infra", "200 "},
		{"reader", w.AddUserToken("rita"), "GET", "/repos/acme/infra/branches/main/protection", "404 Not Found"},
		{"reader", w.AddUserToken("rita"), "POST", "/repos/acme/infra/statuses/" + w.repo.Head("main"), "403 Must have push access to repository"},
		{"owner", w.AddUserToken("olga"), "GET", "/repos/acme/infra/branches/main/protection", "200 "},
		{"owner", w.AddUserToken("olga"), "POST", "/repos/acme/infra/check-runs", "403 You must authenticate via a GitHub App."},
		{"App", w.inst.Token(), "GET", "/repos/acme/infra/branches/main/protection", "200 "},
		{"App", w.inst.Token(), "GET", "/repos/acme/infra/branches/none/protection", "404 Branch not found"},
		{"App", w.inst.Token(), "GET", "/nothing/here", "404 Not Found"},
		{"App", w.inst.Token(), "GET", "/repos/acme/infra/collaborators/wendy/permission", "200 "},
		{"App", w.inst.Token(), "GET", "/repos/acme/infra/collaborators/gatehouse%5Bbot%5D/permission", "404 gatehouse[bot] is not a user"},
	} {
		if got := w.call(tc.token, tc.method, tc.path, nil).said(); got != tc.want {
			t.Errorf("%s %s %s: %s, wanted %s", tc.who, tc.method, tc.path, got, tc.want)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parent := w.org.AddTeam(TeamSpec{Name: "Platform"})
	child := w.org.AddTeam(TeamSpec{Name: "Data Base", Parent: parent})
	parent.Grant(w.repo, "maintain")
	child.Add("rita")
	w.org.AddTeam(TeamSpec{Name: "hidden", Secret: true}).Add("walt")
	token := w.inst.Token()
	got := map[string]any{}
	for _, login := range []string{"olga", "wendy", "rita", "walt", "stranger"} {
		o := w.call(token, "GET", "/repos/acme/infra/collaborators/"+login+"/permission", nil).object(t)
		got[login] = []any{o["permission"], o["role_name"]}
	}
	want := map[string]any{
		"olga": []any{"admin", "admin"}, "wendy": []any{"write", "write"}, "rita": []any{"write", "maintain"}, "walt": []any{"write", "write"},
		"stranger": []any{"none", "none"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	membership := map[string]string{}
	for _, path := range []string{
		"teams/platform/memberships/rita", "teams/data-base/memberships/rita", "teams/platform/memberships/walt",
		"teams/hidden/memberships/walt", "members/rita", "members/stranger",
	} {
		membership[path] = fmt.Sprint(w.call(token, "GET", "/orgs/acme/"+path, nil).status)
	}
	wantMembership := map[string]string{
		"teams/platform/memberships/rita": "200", "teams/data-base/memberships/rita": "200", "teams/platform/memberships/walt": "404",
		"teams/hidden/memberships/walt": "200", "members/rita": "204", "members/stranger": "404",
	}
	if diff := cmp.Diff(wantMembership, membership); diff != "" {
		t.Error(diff)
	}
	team := w.call(token, "GET", "/orgs/acme/teams/platform", nil).object(t)
	if team["members_count"] != 1.0 || team["privacy"] != "closed" {
		t.Errorf("platform: %v", team)
	}
}
