package web

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with testdata/NAME, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; go test -update writes it anew):\n%s", file, diff)
	}
}

func TestGoldenPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.fill()
	for name, path := range map[string]string{
		"overview.html": "/", "decision.html": "/decisions/d-7f31aa01", "search.html": "/search?q=aws_db_instance.*", "waivers.html": "/waivers", "rule.html": "/rules/im-06",
	} {
		w := f.get(path)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		golden(t, name, w.Body.String())
	}
}

// Every page answers, on an empty record too, and every link on it leads somewhere.
func TestLinks(t *testing.T) {
	t.Parallel()
	empty, full := newFixture(t, nil), newFixture(t, nil)
	full.fill()
	for _, path := range []string{"/", "/decisions", "/decisions?open=1", "/search", "/search?q=nothing", "/rules", "/rules/IM-06", "/waivers", "/log"} {
		if w := empty.get(path); w.Code != http.StatusOK {
			t.Errorf("%s on an empty record: %d %s", path, w.Code, w.Body)
		}
	}
	href := regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"`)
	seen, queue := map[string]bool{"/": true, "/logout": true}, []string{"/"}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		w := full.get(path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		if strings.Contains(w.Body.String(), "ZgotmplZ") || strings.Contains(w.Body.String(), "%!") {
			t.Errorf("%s holds what a template could not print", path)
		}
		for _, m := range href.FindAllStringSubmatch(w.Body.String(), -1) {
			to := strings.ReplaceAll(m[1], "&amp;", "&")
			to, _, _ = strings.Cut(to, "#")
			if !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d addresses were found", len(seen))
	}
}

func TestHostileText(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	nasty := "\u202e<script>alert(1)</script>\x00\"'`{{.}}"
	s := blocked()
	s.title, s.by, s.approvers = nasty, nasty, []string{nasty}
	s.changes[0].Resource, s.files[0].Path = nasty, nasty
	s.decision.Title = nasty
	s.decision.Findings[0].Rule, s.decision.Findings[0].Message, s.decision.Findings[0].Resource = nasty, nasty, nasty
	s.decision.Findings[2].Waiver = &gate.WaiverUse{Reason: nasty, Owner: nasty, Expires: nasty}
	s.decision.Discounted = []gate.Discounted{{Login: nasty, Reason: nasty}}
	f.record(s)
	f.posted(s, nasty)
	_, err := f.store.Append(t.Context(), []store.Entry{{Type: store.EntryBypass, Actor: nasty, Repository: nasty, Commit: "javascript:alert(1)", Detail: map[string]any{nasty: nasty, "reason": nasty, "branch": nasty}, Resources: []string{nasty}}})
	f.check(err)
	for _, path := range []string{"/", "/decisions", "/decisions/" + s.id, "/search?q=*script*", "/waivers", "/log", "/log/0", "/log/2", "/rules", "/repositories/acme/infra"} {
		w := f.get(path)
		page := w.Body.String()
		if w.Code != http.StatusOK || strings.Contains(page, "<script>alert") || strings.ContainsAny(page, "\u202e\x00") || strings.Contains(page, `href="javascript:`) {
			t.Errorf("%s: %d\n%s", path, w.Code, page)
		}
	}
	if w := f.get("/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&kind=file"); strings.Contains(w.Body.String(), "<script>alert") {
		t.Error("what is searched for comes back as a script")
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.fill()
	find := regexp.MustCompile(`<div class="head">.*?<a href="/decisions/([^"]*)"`)
	head := regexp.MustCompile(`"head": "([^"]*)"`).FindStringSubmatch(f.get("/api/v1/decisions/d-91be").Body.String())[1]
	for query, want := range map[string]string{
		"q=aws_db_instance.main":       "d-7f31aa01 d-a0c4",
		"q=aws_*":                      "d-7f31aa01 d-a0c4",
		"q=v1/Service/shop/*":          "d-7f31aa01",
		"q=infra/prod/*":               "d-7f31aa01 d-a0c4",
		"q=im-06":                      "d-7f31aa01",
		"q=@mei":                       "d-7f31aa01 d-91be",
		"q=sam&kind=person":            "d-91be",
		"q=sam&kind=file":              "",
		"q=" + head[:7]:                "d-91be",
		"q=" + strings.Repeat("f", 10): "d-91be", // the merge
		"q=%20k8s/web.yaml%20":         "d-7f31aa01 d-91be",
		"q=nothing*":                   "",
	} {
		w := f.get("/search?" + query)
		var got []string
		for _, m := range find.FindAllStringSubmatch(w.Body.String(), -1) {
			got = append(got, m[1])
		}
		seen := map[string]bool{}
		for _, id := range got {
			seen[id] = true
		}
		if diff := cmp.Diff(len(strings.Fields(want)), len(got)); diff != "" {
			t.Errorf("%s: %v, wanted %s", query, got, want)
		}
		for _, id := range strings.Fields(want) {
			if !seen[id] {
				t.Errorf("%s: %v, wanted %s", query, got, want)
			}
		}
	}
	if w := f.get("/search?q=x&kind=colour"); w.Code != http.StatusBadRequest {
		t.Errorf("a kind that does not exist: %d", w.Code)
	}
	if w := f.get("/search?q=x&cursor=x"); w.Code != http.StatusBadRequest {
		t.Errorf("a cursor that nobody gave: %d", w.Code)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		ago  time.Duration
		want string
	}{
		{30 * time.Second, "just now"}, {time.Minute, "1 minute ago"}, {119 * time.Minute, "1 hour ago"}, {48 * time.Hour, "2 days ago"},
		{40 * 24 * time.Hour, "14 Oct 2026"}, {-2 * time.Hour, "23 Nov 2026, 14:00"},
	} {
		if got := ago(tc.ago, noon.Add(-tc.ago)); got != tc.want {
			t.Errorf("%s: %q, wanted %q", tc.ago, got, tc.want)
		}
	}
	for date, want := range map[string]string{
		"2026-11-22": "ended 1 day ago", "2026-11-23": "ends today", "2026-11-24": "ends in 1 day", "2027-06-01": "until 1 Jun 2027", "soon": "soon",
	} {
		if got := day(date, noon); got != want {
			t.Errorf("%s: %q, wanted %q", date, got, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	plainSite, safe := newFixture(t, nil), newFixture(t, func(o *Options) { o.PublicURL = "https://gatehouse.example" })
	for _, path := range []string{"/", "/static/page.js", "/api/v1/decisions", "/nowhere", "/healthz"} {
		h := safe.get(path).Header()
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; style-src 'self'; script-src 'self';") || strings.Contains(csp, "unsafe") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %v", path, h)
		}
	}
	if h := plainSite.get("/").Header(); h.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS without https locks people out")
	}
	for _, page := range []string{"/", "/log/0", "/rules"} {
		if b := plainSite.get(page).Body.String(); regexp.MustCompile(`(?i) on[a-z]+=|<style|style="|<script>`).MatchString(b) {
			t.Errorf("%s has a script or a style in line, which the policy forbids", page)
		}
	}
}

func TestOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.fill()
	for name, headers := range map[string][]string{"by a proxy": {"X-Forwarded-For", "127.0.0.1"}, "by another": {"Forwarded", "for=127.0.0.1"}} {
		if w := f.get("/", headers...); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "acme") {
			t.Errorf("%s: %d", name, w.Code)
		}
		if w := f.get("/api/v1/decisions", headers...); w.Code != http.StatusForbidden || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := f.get("/healthz", "Forwarded", "x"); w.Code != http.StatusOK {
		t.Errorf("health: %d", w.Code)
	}
}
