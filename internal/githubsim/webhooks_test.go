package githubsim

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWebhookHeadersAndSignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openPR()
	w.settle()
	all := w.hooks.all()
	got := all[len(all)-1]
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write(got.raw)
	want := map[string]string{
		"X-Github-Event": "pull_request", "X-Github-Hook-Installation-Target-Id": fmt.Sprint(w.app.ID()),
		"X-Github-Hook-Installation-Target-Type": "integration", "Content-Type": "application/json",
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil)), "User-Agent": "GitHub-Hookshot/5154b8d",
	}
	seen := map[string]string{}
	for k := range want {
		seen[k] = got.header.Get(k)
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(got.header.Get("X-Hub-Signature"), "sha1=") || len(got.header.Get("X-GitHub-Delivery")) != 36 {
		t.Errorf("headers: %v", got.header)
	}
}

// TestEventsOfEveryChange is the list of events that each change sends to an App that listens to all.
func TestEventsOfEveryChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repo.CreateBranch("olga", "release", "main")
	var p *PR
	var rv *Review
	var cm *Comment
	var team *Team
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"create branch", func() {}, []string{"create", "push", "check_suite.requested"}},
		{"push and open", func() { p = w.openPR() }, []string{"create", "push", "check_suite.requested", "pull_request.opened"}},
		{"push", func() { p.Push(CommitSpec{Files: map[string]string{"b": "1"}}) }, []string{"push", "check_suite.requested", "pull_request.synchronize"}},
		{"retitle", func() { p.SetTitle("wendy", "Other") }, []string{"pull_request.edited"}},
		{"retarget", func() { p.Retarget("wendy", "release") }, []string{"pull_request.edited"}},
		{"label", func() { p.Label("walt", "db") }, []string{"pull_request.labeled"}},
		{"label again", func() { p.Label("walt", "db") }, []string{}},
		{"unlabel", func() { p.Unlabel("walt", "db") }, []string{"pull_request.unlabeled"}},
		{"draft", func() { p.ConvertToDraft("wendy") }, []string{"pull_request.converted_to_draft"}},
		{"ready", func() { p.ReadyForReview("wendy") }, []string{"pull_request.ready_for_review"}},
		{"ask", func() { p.RequestReview("wendy", "walt") }, []string{"pull_request.review_requested"}},
		{"approve", func() { rv = p.Approve("walt") }, []string{"pull_request_review.submitted"}},
		{"dismiss", func() { rv.Dismiss("olga", "stale") }, []string{"pull_request_review.dismissed"}},
		{"comment", func() { cm = p.Comment("rita", "/gatehouse recheck") }, []string{"issue_comment.created"}},
		{"edit comment", func() { cm.Edit("rita", "no") }, []string{"issue_comment.edited"}},
		{"delete comment", func() { cm.Delete("rita") }, []string{"issue_comment.deleted"}},
		{"close", func() { p.Close("wendy") }, []string{"pull_request.closed"}},
		{"reopen", func() { p.Reopen("wendy") }, []string{"pull_request.reopened"}},
		{"issue", func() { w.repo.OpenIssue("rita", "t", "b") }, []string{"issues.opened"}},
		{"protect", func() { w.repo.Protect("main", Protection{}) }, []string{"branch_protection_rule.created"}},
		{"protect more", func() { w.repo.Protect("main", Protection{Strict: true}) }, []string{"branch_protection_rule.edited"}},
		{"unprotect", func() { w.repo.Unprotect("main") }, []string{"branch_protection_rule.deleted"}},
		{"ruleset", func() { w.repo.DeleteRuleset(w.repo.AddRuleset(RulesetSpec{Name: "r"})) }, []string{"repository_ruleset.created", "repository_ruleset.deleted"}},
		{"team", func() { team = w.org.AddTeam(TeamSpec{Name: "dba"}) }, []string{"team.created"}},
		{"join", func() { team.Add("walt") }, []string{"membership.added"}},
		{"leave", func() { team.Remove("walt") }, []string{"membership.removed"}},
		{"grant", func() { team.Grant(w.repo, "push") }, []string{"team.added_to_repository"}},
		{"collaborator", func() { w.repo.AddCollaborator("rita", "triage") }, []string{"member.added"}},
		{"suspend", func() { w.inst.Suspend() }, []string{"installation.suspend"}},
		{"nothing while suspended", func() { p.Label("walt", "late") }, []string{}},
		{"unsuspend", func() { w.inst.Unsuspend() }, []string{"installation.unsuspend"}},
		{"delete branch", func() {
			if err := w.repo.DeleteBranch("wendy", "feature"); err != nil {
				t.Fatal(err)
			}
		}, []string{"delete", "push", "pull_request.closed"}},
		{"uninstall", func() { w.inst.Uninstall() }, []string{"installation.deleted"}},
		{"gone", func() { p.Label("walt", "later") }, []string{}},
	} {
		step.do()
		w.settle()
		if diff := cmp.Diff(step.want, w.hooks.names()); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
}

func TestRetargetPayload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repo.CreateBranch("olga", "release", "main")
	p := w.openPR()
	p.Retarget("wendy", "release")
	w.settle()
	all := w.hooks.all()
	body := all[len(all)-1].body
	want := map[string]any{"base": map[string]any{"ref": map[string]any{"from": "main"}, "sha": map[string]any{"from": w.repo.Head("main")}}}
	if diff := cmp.Diff(want, body["changes"]); diff != "" {
		t.Error(diff)
	}
	if pr := body["pull_request"].(map[string]any); pr["head"].(map[string]any)["sha"] != p.HeadSHA() || pr["base"].(map[string]any)["ref"] != "release" {
		t.Errorf("head %v base %v", pr["head"], pr["base"])
	}
}

func TestHoldReorderDropDuplicate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	w.settle()
	w.hooks.names()
	h := w.Hooks()
	h.Hold()
	p.Label("walt", "one")
	p.Unlabel("walt", "one")
	p.Close("wendy")
	p.Reopen("wendy")
	held := h.Held()
	if len(held) != 4 {
		t.Fatalf("%d held", len(held))
	}
	h.Drop(held[0].ID)
	h.Deliver(held[3].ID)
	w.settle()
	if diff := cmp.Diff([]string{"pull_request.reopened"}, w.hooks.names()); diff != "" {
		t.Error(diff)
	}
	h.Release(held[2].ID, held[1].ID)
	w.settle()
	if diff := cmp.Diff([]string{"pull_request.closed", "pull_request.unlabeled"}, w.hooks.names()); diff != "" {
		t.Error(diff)
	}
	h.SetFilter(func(d Delivery) Fate {
		if d.Action == "labeled" {
			return Duplicate
		}
		return Drop
	})
	p.Label("walt", "two")
	p.Unlabel("walt", "two")
	w.settle()
	all := w.hooks.all()
	if diff := cmp.Diff([]string{"pull_request.labeled", "pull_request.labeled"}, w.hooks.names()); diff != "" {
		t.Fatal(diff)
	}
	if a, b := all[0].header.Get("X-GitHub-Delivery"), all[1].header.Get("X-GitHub-Delivery"); a != b {
		t.Errorf("the duplicate has another id: %s %s", a, b)
	}
}

func TestFailedDeliveriesAreListedAndAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	w.settle()
	w.hooks.status = http.StatusServiceUnavailable
	p.Label("walt", "one")
	p.Label("walt", "two")
	w.settle()
	w.hooks.names()
	w.hooks.status = http.StatusAccepted
	jwt := w.jwt(nil)
	page := w.call(jwt, "GET", "/app/hook/deliveries?per_page=1", nil)
	link := page.header.Get("Link")
	_, cursor, found := strings.Cut(link, "cursor=")
	if !found {
		t.Fatalf("Link is %q", link)
	}
	cursor, _, _ = strings.Cut(cursor, ">")
	second := w.call(jwt, "GET", "/app/hook/deliveries?per_page=1&cursor="+cursor, nil).list(t)
	got := second[0]
	if got["status_code"] != 503.0 || got["status"] != "Invalid HTTP Response: 503" || got["action"] != "labeled" || got["redelivery"] != false {
		t.Errorf("delivery: %v", got)
	}
	if failed := w.call(jwt, "GET", "/app/hook/deliveries?status=failure", nil).list(t); len(failed) != 2 {
		t.Errorf("%d failed deliveries", len(failed))
	}
	path := fmt.Sprintf("/app/hook/deliveries/%.0f", got["id"])
	full := w.call(jwt, "GET", path, nil).object(t)
	if l := full["request"].(map[string]any)["payload"].(map[string]any)["label"].(map[string]any)["name"]; l != "one" {
		t.Errorf("payload of %v", l)
	}
	if st := w.call(jwt, "POST", path+"/attempts", nil).status; st != http.StatusAccepted {
		t.Errorf("status %d", st)
	}
	w.settle()
	again := w.hooks.all()
	if len(again) != 1 || again[0].header.Get("X-GitHub-Delivery") != got["guid"] {
		t.Fatalf("%d deliveries", len(again))
	}
	newest := w.call(jwt, "GET", "/app/hook/deliveries", nil).list(t)[0]
	if newest["redelivery"] != true || newest["status"] != "OK" || newest["guid"] != got["guid"] || newest["id"] == got["id"] {
		t.Errorf("redelivery: %v", newest)
	}
	w.clock.advance(4 * 24 * time.Hour)
	if old := w.call(w.jwt(nil), "GET", "/app/hook/deliveries", nil).list(t); len(old) != 0 {
		t.Errorf("%d deliveries after four days", len(old))
	}
}

func TestSlowReceiverTimesOut(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(release) })
	w := newWorld(t, func(o *Options) { o.WebhookTimeout = 50 * time.Millisecond })
	w.app.SetWebhook(slow.URL, "s3cret")
	w.repo.OpenIssue("rita", "t", "")
	w.app.SetWebhook("http://127.0.0.1:1/nobody", "s3cret")
	w.repo.OpenIssue("rita", "t", "")
	w.settle()
	all := w.Hooks().Deliveries()
	got := []string{all[len(all)-2].Status, all[len(all)-1].Status}
	if diff := cmp.Diff([]string{"timed out", "failed to connect to host"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOnlySubscribedAndPermittedEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	quiet := &receiver{}
	endpoint := httptest.NewServer(quiet)
	t.Cleanup(endpoint.Close)
	app := w.AddApp(AppSpec{
		Slug: "quiet", Key: testKey(), WebhookURL: endpoint.URL, Events: []string{"push", "pull_request", "issues"},
		Permissions: map[string]string{"contents": "read", "issues": "read"},
	})
	other := w.CreateRepo(RepoSpec{Owner: "acme", Name: "other", Private: true})
	app.Install("acme", w.repo)
	w.openPR() // pull_request is subscribed but not permitted
	other.OpenIssue("rita", "elsewhere", "")
	w.repo.OpenIssue("rita", "here", "")
	w.settle()
	if diff := cmp.Diff([]string{"installation.created", "push", "issues.opened"}, quiet.names()); diff != "" {
		t.Error(diff)
	}
}

func TestFlushSendsWhatIsHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.HoldWebhooks = true })
	w.repo.OpenIssue("rita", "t", "")
	w.settle()
	if got := w.hooks.names(); len(got) != 0 {
		t.Errorf("sent while holding: %v", got)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := w.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	got := w.hooks.names()
	if got[len(got)-1] != "issues.opened" {
		t.Errorf("sent: %v", got)
	}
}
