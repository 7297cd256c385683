package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// artifacts takes the screenshots; it is not part of the repository.
const artifacts = "../../.ci-artifacts/dashboard"

// browser starts a headless Chromium for the length of the test. Without one the test fails in CI, for it is part of what must be
// shown; elsewhere it is skipped.
func browser(t *testing.T, listen func(event any)) context.Context {
	t.Helper()
	installed := slices.ContainsFunc([]string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless-shell", "chrome"}, func(name string) bool {
		_, err := exec.LookPath(name)
		return err == nil
	})
	if !installed && os.Getenv("CI") == "" {
		t.Skip("there is no Chromium here; apt-get install chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewContext(ctx, chromedp.WithListener(listen))
	t.Cleanup(stop)
	ctx, late := context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(late)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("Chromium does not start (apt-get install chromium): %v", err)
	}
	return ctx
}

// busy is a record of a month: what a company's dashboard looks like.
func busy(f *fixture) {
	titles := []string{"Raise the replicas", "Rotate the keys of the ingress", "A bucket for the reports", "Move to the new base image", "Drop the old queue", "Give the deployer its own role"}
	rules := []string{"IM-01", "IM-06", "LP-01", "ZT-05", "AUD-04", "K8S-02"}
	people := []string{"ann", "mei", "sam", "kim", "lee"}
	for i := range 70 {
		s := passed()
		s.id, s.repository, s.pull = fmt.Sprintf("d-%04x%d", i*7919, i), int64(3+i%5), 100+i
		s.title, s.by, s.approvers = titles[i%len(titles)], people[i%5], []string{people[(i+1)%5]}
		s.ago = time.Duration(70-i)*10*time.Hour + time.Duration(i%7)*time.Hour
		finding := gate.Finding{Rule: rules[i*i%len(rules)], Title: "A rule", Severity: []string{"high", "medium"}[i%2], Enforcement: "deny", Status: "new", Resource: fmt.Sprintf("aws_instance.web[%d]", i), Message: "is not as it should be"}
		switch {
		case i%6 == 2:
			s.decision = gate.Decision{Verdict: gate.Fail, Title: "Blocked: " + finding.Rule + " on " + finding.Resource, Findings: []gate.Finding{finding}, Summary: gate.Summary{Documents: 4, Rules: 103, Deny: 1}}
		case i%9 == 4:
			s.decision = waiting().decision
			s.decision.Requirements = []gate.RequirementResult{{Name: "every change", Reason: "every change needs it", Count: 1, From: gate.Who{Permission: "write"}}}
			s.decision.Title = "Waiting for 1 approval"
		case i%11 == 5:
			finding.Status, finding.Waiver = gate.StatusWaived, &gate.WaiverUse{Reason: "until the move to the new account is done", Owner: "mei", Expires: noon.AddDate(0, 0, i).Format(time.DateOnly)}
			s.decision.Findings = []gate.Finding{finding}
		}
		f.record(s)
		f.posted(s, s.decision.Title)
		if s.decision.Verdict == gate.Pass || i < 55 {
			f.check(f.store.RecordMerge(f.t.Context(), store.Merge{RepositoryID: s.repository, PullRequest: s.pull, Commit: strings.Repeat(fmt.Sprintf("%04x", i), 10), MergedBy: s.by, Base: "main"}))
		}
	}
	f.fill()
	f.protectAll()
}

// serious are the violations that axe finds serious or critical, a line each.
func serious(t *testing.T, ctx context.Context, axe string) []string {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](axe+";0")); err != nil {
		t.Fatal(err)
	}
	result, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.target.join(" ") + ": " + n.failureSummary)}))))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	var found []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	if err := json.Unmarshal([]byte(result), &found); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, v := range found {
		if v.Impact == "serious" || v.Impact == "critical" {
			out = append(out, fmt.Sprintf("%s (%s): %s\n    %s", v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n    ")))
		}
	}
	return out
}

// look is a way to look at a page.
type look struct {
	name          string
	scheme        string
	width, height int64
}

// TestInTheBrowser looks at every page as people do: in light and dark, on a desk and on a phone. Axe must find nothing serious,
// nothing may be wider than the screen, and no script may fail. The screenshots are for people to look at.
func TestInTheBrowser(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	busy(f)
	server := httptest.NewServer(f.site)
	t.Cleanup(server.Close)
	axe, err := os.ReadFile("testdata/axe-core/axe.min.js")
	f.check(err)
	f.check(os.MkdirAll(artifacts, 0o750))
	var mu sync.Mutex
	var trouble []string
	ctx := browser(t, func(event any) {
		if text := complaint(event); text != "" {
			mu.Lock()
			defer mu.Unlock()
			trouble = append(trouble, text)
		}
	})
	pages := map[string]string{
		"overview": "/", "decision": "/decisions/d-7f31aa01", "error": "/decisions/d-dead", "passed": "/decisions/d-91be", "search": "/search?q=aws_*", "help": "/search",
		"decisions": "/decisions", "repository": "/repositories/acme/infra", "rules": "/rules", "rule": "/rules/IM-06", "waivers": "/waivers", "log": "/log", "entry": "/log/3", "missing": "/nowhere",
	}
	for _, l := range []look{{"light", "light", 1280, 900}, {"dark", "dark", 1280, 900}, {"phone", "light", 390, 844}, {"phone-dark", "dark", 390, 844}} {
		for name, path := range pages {
			f.check(chromedp.Do(ctx, chromedp.EmulateViewport(l.width, l.height, chromedp.EmulateScale(1))))
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
			})
			f.check(err)
			f.check(chromedp.Do(ctx, chromedp.Navigate(server.URL+path), chromedp.WaitReady("main")))
			wide, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
			f.check(err)
			shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			f.check(err)
			f.check(os.WriteFile(filepath.Join(artifacts, name+"-"+l.name+".png"), shot, 0o600))
			if wide {
				t.Errorf("%s is wider than the screen in %s", name, l.name)
			}
			for _, v := range serious(t, ctx, string(axe)) {
				t.Errorf("%s in %s: %s", name, l.name, v)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, text := range trouble {
		if !strings.Contains(text, "404") {
			t.Errorf("in the browser's console: %s", text)
		}
	}
}

// The browser proves that an entry is in the log, and finds out when it is not.
func TestProofInTheBrowser(t *testing.T) {
	t.Parallel()
	signer, key := signerAndKey(t)
	f := newFixtureOn(t, signer, func(o *Options) { o.Key = func() string { return key } })
	f.fill()
	server := httptest.NewServer(f.site)
	t.Cleanup(server.Close)
	ctx := browser(t, func(any) {})
	verify := func(index int) string {
		t.Helper()
		f.check(chromedp.Do(ctx, chromedp.Navigate(fmt.Sprintf("%s/log/%d", server.URL, index)), chromedp.WaitVisible("#verify"), chromedp.Click("#verify"),
			chromedp.WaitReady("#result.good, #result.bad")))
		said, err := chromedp.Run(ctx, chromedp.Text("#result"))
		f.check(err)
		return said
	}
	for index := range 11 {
		said := verify(index)
		if want := fmt.Sprintf("Entry %d is in the log of 11 entries", index); !strings.HasPrefix(said, want) || !strings.Contains(said, "signed that root") {
			t.Errorf("entry %d: %s", index, said)
		}
	}
	f.exec(`UPDATE log_entries SET leaf = replace(leaf, '"verdict":"fail"', '"verdict":"pass"') WHERE idx = 4`)
	if said := verify(4); !strings.Contains(said, "NOT in the log") {
		t.Errorf("an entry that was changed: %s", said)
	}
	f.check(chromedp.Do(ctx, chromedp.Navigate(server.URL+"/"), chromedp.WaitReady("main")))
	typed, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "/", bubbles: true, cancelable: true}))`))
	f.check(err)
	if typed {
		t.Error("the slash was typed, instead of leading to the search")
	}
	f.check(chromedp.Do(ctx, chromedp.WaitReady("[data-search]:focus")))
	f.check(chromedp.Do(ctx, chromedp.SendKeys("[data-search]", "aws_db*\r"), chromedp.WaitReady(".found")))
	focused, err := chromedp.Run(ctx, chromedp.Text(".found"))
	f.check(err)
	if !strings.Contains(focused, "Move the database to zone b") {
		t.Errorf("searching by keyboard: %s", focused)
	}
}
