package site

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/pipeline"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// CouldNot stands in the title of every check that could not be made.
const CouldNot = "completed/failure: Gatehouse could not evaluate: "

// Up makes sure that the server lives and works.
func (s *Site) Up() {
	s.T.Helper()
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		resp, err := http.Get(s.URL + path)
		if err != nil {
			s.T.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close() //nolint:errcheck // only read
		if err != nil || resp.StatusCode != 200 || string(body) != want {
			s.T.Errorf("%s: %s %q %v", path, resp.Status, body, err)
		}
	}
}

// Unbypassed makes sure that nothing was taken for a way around.
func (s *Site) Unbypassed() {
	s.T.Helper()
	s.Settle()
	if issues, entries := s.Repo.Issues(), s.Entries("bypass"); len(issues)+len(entries) != 0 {
		s.T.Errorf("a bypass where there was none: %+v %+v", issues, entries)
	}
}

// Metric reports whether the server has a metric with that value, as a line of /metrics.
func (s *Site) Metric(line string) bool {
	s.T.Helper()
	resp, err := http.Get(s.URL + "/metrics")
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.T.Fatal(err)
	}
	return strings.Contains(string(text), line+"\n")
}

// AllClear is a pass that needed nobody.
const AllClear = "completed/success: All clear: N documents, N rules"

// Looked waits until a server that was just started has looked at the branches, so that what it says about them does not come between
// the entries that a test is about: its settings are entry 0 of the log, and the first look is entry 1.
func (s *Site) Looked() {
	s.T.Helper()
	s.Until("the first look", func() bool {
		known, err := s.DB.Postures(context.Background(), store.PostureFilter{})
		return err == nil && len(known) > 0
	})
}

// LongFile is a file in which two changes do not touch each other.
const LongFile = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n"

// Until waits for something to become true.
func (s *Site) Until(what string, ok func() bool) {
	s.T.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			s.T.Fatalf("waited %s in vain for %s", Patience, what)
		case <-tick.C:
		}
	}
}

// Settle waits until every webhook is delivered and all work that came of it is done. Work comes from deliveries and from other
// work alone: so when nothing was under way, the queue was empty afterwards, and nothing was sent in between, nothing is left.
func (s *Site) Settle() {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	s.Until("the end of all work", func() bool {
		sent := len(s.GitHub.Hooks().Deliveries())
		if err := s.GitHub.WaitIdle(ctx); err != nil {
			s.T.Fatal(err)
		}
		stats, err := s.DB.Queue(ctx)
		if err != nil {
			s.T.Fatal(err)
		}
		left := 0
		for _, kind := range stats {
			if kind.Kind == work.KindExpire {
				continue // it waits for its hour
			}
			left += int(kind.Waiting + kind.Running)
		}
		return left == 0 && sent == len(s.GitHub.Hooks().Deliveries())
	})
}

// Checks are the gate's checks on a commit; there must never be more than one.
func (s *Site) Checks(sha string) []githubsim.CheckView {
	var out []githubsim.CheckView
	for _, c := range s.Repo.Checks(sha) {
		if c.Name == "gatehouse" {
			out = append(out, c)
		}
	}
	return out
}

var counts = regexp.MustCompile(`[0-9]+ documents?, [0-9]+ rules?`)

// State is what GitHub shows of the gate on a commit: STATUS/CONCLUSION and title.
func (s *Site) State(sha string) string {
	var all []string
	for _, c := range s.Checks(sha) {
		title := counts.ReplaceAllString(c.Title, "N documents, N rules")
		all = append(all, strings.TrimSuffix(c.Status+"/"+c.Conclusion, "/")+": "+title)
	}
	return strings.Join(all, "\n")
}

// Shows settles, and compares what GitHub shows on the pull request's head.
func (s *Site) Shows(pr *githubsim.PR, want string) {
	s.T.Helper()
	s.Settle()
	if diff := cmp.Diff(want, s.State(pr.HeadSHA())); diff != "" {
		s.T.Errorf("the check on #%d (-want +got):\n%s", pr.Number(), diff)
	}
}

// Blocked is shows, and GitHub does not let the author merge.
func (s *Site) Blocked(pr *githubsim.PR, want string) {
	s.T.Helper()
	s.Shows(pr, want)
	_, err := pr.Merge("ann", githubsim.MergeOptions{})
	var refusal *githubsim.Refusal
	if !errors.As(err, &refusal) {
		s.T.Errorf("#%d merged, or not for GitHub's reasons: %v", pr.Number(), err)
	}
}

// Merges is shows, and GitHub merges.
func (s *Site) Merges(pr *githubsim.PR, want string) {
	s.T.Helper()
	s.Shows(pr, want)
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
		s.T.Errorf("#%d does not merge: %v", pr.Number(), err)
	}
}

// Comment is the gate's one comment on a pull request, "" when there is none.
func (s *Site) Comment(pr *githubsim.PR) string {
	s.T.Helper()
	var ours []string
	for _, c := range pr.View().Comments {
		if c.By == "gatehouse[bot]" {
			ours = append(ours, c.Body)
		}
	}
	if len(ours) > 1 {
		s.T.Fatalf("#%d has %d comments of the gate's:\n%s", pr.Number(), len(ours), strings.Join(ours, "\n=====\n"))
	}
	return strings.Join(ours, "")
}

// Says looks for texts in the gate's comment.
func (s *Site) Says(pr *githubsim.PR, wants ...string) {
	s.T.Helper()
	got := s.Comment(pr)
	for _, want := range wants {
		if !strings.Contains(got, want) {
			s.T.Errorf("the comment on #%d does not say %q:\n%s", pr.Number(), want, got)
		}
	}
}

// Entries are the audit entries of a type, oldest first.
func (s *Site) Entries(kind string) []store.Entry {
	s.T.Helper()
	list, _, err := s.DB.Entries(context.Background(), store.EntryFilter{Type: kind}, "", 200)
	if err != nil {
		s.T.Fatal(err)
	}
	return list
}

// What the gate shows in the ordinary stories.
const (
	SSHBlocked = "completed/failure: Blocked: IM-06 on aws_security_group.web"
	WaitsFor1  = "in_progress: Waiting for 1 approval"
	WaitsFor2  = "in_progress: Waiting for 2 approvals"
	Clear1     = "completed/success: All clear: N documents, N rules, 1 approval"
)

// Bypassed looks for exactly one bypass: its issue and its audit entry.
func (s *Site) Bypassed(actor, commit, why string) {
	s.T.Helper()
	issues := s.Repo.Issues()
	entries := s.Entries("bypass")
	if len(issues) != 1 || len(entries) != 1 {
		s.T.Fatalf("%d issues, %d entries; wanted one of each: %+v %+v", len(issues), len(entries), issues, entries)
	}
	if issues[0].Title != pipeline.BypassTitle || !strings.Contains(issues[0].Body, actor) || !strings.Contains(issues[0].Body, why) {
		s.T.Errorf("the issue does not say %q: %s\n%s", why, issues[0].Title, issues[0].Body)
	}
	if e := entries[0]; e.Actor != actor || e.Commit != commit {
		s.T.Errorf("the entry is about %s by %s; wanted %s by %s", e.Commit, e.Actor, commit, actor)
	}
}
