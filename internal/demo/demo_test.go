package demo

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The story itself is told by the test of the demo command, with the real server. Here: the pages hold up without it.
func TestPages(t *testing.T) {
	t.Parallel()
	world, err := Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.GitHub.Close)
	pr, err := world.open("ann", "vendor-access", "<script>alert(1)</script>", "ssh-open")
	if err != nil {
		t.Fatal(err)
	}
	pr.Comment("mei", "**hello** <script>alert(2)</script>")
	pages := world.Pages("http://127.0.0.1:1")
	get := func(path string) (int, string) {
		rec := httptest.NewRecorder()
		pages.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		return rec.Code, rec.Body.String()
	}
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/":          {200, "&lt;script&gt;alert(1)&lt;/script&gt;"},
		"/pull/1":    {200, "<strong>hello</strong>"},
		"/pull/2":    {404, "There is no such pull request."},
		"/pull/zero": {404, "404 page not found"},
		"/page.css":  {200, "color-scheme"},
	} {
		status, body := get(path)
		if status != want.status || !strings.Contains(body, want.text) {
			t.Errorf("%s: status %d, body lacks %q:\n%s", path, status, want.text, body)
		}
	}
	rec := httptest.NewRecorder()
	pages.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/pull/1", nil))
	if csp := rec.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("no script may run on the pages, but the policy is %q", csp)
	}
}
