package github

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

const (
	getPull    = "/repos/acme/infra/pulls/1"
	listPulls  = "/repos/acme/infra/pulls"
	patchCheck = "/repos/acme/infra/check-runs/*"
	listChecks = "/repos/acme/infra/commits/*/check-runs"
	forbidden  = `{"message":"Resource not accessible by integration"}`
)

// passing is a pull request that mei has approved, and that GitHub would merge.
func (s *place) passing() *githubsim.PR {
	s.T.Helper()
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	return pr
}

// refuses makes GitHub refuse something until mend is called.
func (s *place) refuses(method, path string, fault githubsim.FaultSpec) (mend func()) {
	fault.Method, fault.PathPattern, fault.Times = method, path, -1
	return s.GitHub.Fail(fault)
}

// unjudged waits until the check on a commit says that it could not be judged, and sees to it that GitHub does not merge it.
func (s *place) unjudged(pr *githubsim.PR) {
	s.T.Helper()
	s.Until("the check that says so", func() bool {
		return strings.HasPrefix(s.State(pr.HeadSHA()), site.CouldNot+"the facts about this pull request")
	})
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		s.T.Error("it merged")
	}
}

// approvalOf is mei's approval of a new pull request that passes by it.
func (s *place) approvalOf(branch string) (*githubsim.PR, *githubsim.Review) {
	s.T.Helper()
	pr := s.Open("ann", branch, map[string]string{"README.md": "one\n"})
	review := pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	return pr, review
}

// An approval is dismissed while GitHub does not show the pull request: the success that stands on it does not outlive it, however GitHub
// refuses, and when it shows the pull request again, what is true is shown.
func TestAnApprovalEndsWhileGitHubDoesNotShowThePullRequest(t *testing.T) {
	for name, fault := range map[string]githubsim.FaultSpec{
		"not allowed": {Status: 403, Body: forbidden},
		"502":         {Status: 502},
		"cut off":     {Disconnect: true},
		"not found":   {Status: 404, Body: `{"message":"Not Found"}`},
		"no JSON":     {Status: 200, Body: "<html>"},
		"incomplete":  {Status: 200, Body: "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{})
			pr, review := s.approvalOf("fix")
			mend := s.refuses("GET", getPull, fault)
			review.Dismiss("vic", "not so")
			s.unjudged(pr)
			mend()
			pr.Comment("ann", "/gatehouse recheck")
			s.Blocked(pr, site.WaitsFor1)
			if n := len(s.Checks(pr.HeadSHA())); n != 1 {
				t.Errorf("%d checks", n)
			}
			s.Says(pr, "waiting for 1 approval")
			pr.Approve("sam")
			s.Merges(pr, site.Clear1)
			s.Unbypassed()
		})
	}
}

// Whatever the event is that may end a success, also one that names no pull request, it does so while GitHub shows neither the list of
// pull requests nor this one.
func TestWhatEndsASuccessWhileGitHubShowsNothing(t *testing.T) {
	rules := site.GateFile(`
required_checks: [{name: ci, app: other}]
approvals:
  required: 0
  from: {permission: write}
  rules:
    - {name: careful, when: {labels: [careful]}, required: 2}
    - {name: release, when: {base_branch: [release]}, required: 2}
    - {name: people, when: {paths: ["**"]}, required: 1, from: {teams: [acme/dba]}}
`)
	for name, event := range map[string]func(s *place, pr *githubsim.PR, other *githubsim.App){
		"a label":    func(_ *place, pr *githubsim.PR, _ *githubsim.App) { pr.Label("ann", "careful") },
		"a retarget": func(_ *place, pr *githubsim.PR, _ *githubsim.App) { pr.Retarget("ann", "release") },
		"a check of another App": func(s *place, pr *githubsim.PR, other *githubsim.App) {
			other.PostCheck(s.Repo, pr.HeadSHA(), "ci", "failure")
		},
		"another configuration": func(s *place, _ *githubsim.PR, _ *githubsim.App) {
			s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{".github/gatehouse.yml": site.GateFile("approvals: {required: 2}\n")}})
		},
		"who leaves a team": func(s *place, _ *githubsim.PR, _ *githubsim.App) { s.DBA.Remove("mei") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{
				Files: map[string]string{".github/gatehouse.yml": rules}, Events: []string{"membership", "team"}, Permissions: map[string]string{"statuses": "read"},
			})
			other := s.GitHub.AddApp(githubsim.AppSpec{Slug: "other", Permissions: map[string]string{"checks": "write"}})
			other.Install("acme", s.Repo)
			s.Repo.CreateBranch("vic", "release", "main")
			s.Repo.Protect("release", githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.App.ID()}}})
			pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
			other.PostCheck(s.Repo, pr.HeadSHA(), "ci", "success")
			pr.Approve("mei")
			s.Shows(pr, site.Clear1)
			for _, path := range []string{getPull, listPulls, "/installation/repositories"} {
				s.refuses("GET", path, githubsim.FaultSpec{Status: 502})
			}
			event(s, pr, other)
			s.unjudged(pr)
		})
	}
}

// One answer that GitHub fails to give is a hiccup: nobody hears of it, and the check does not flicker.
func TestAHiccupIsNoOutage(t *testing.T) {
	for name, fault := range map[string]githubsim.FaultSpec{
		"502": {Status: 502}, "a pause of a second": {Status: 503, RetryAfter: 1}, "cut off": {Disconnect: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{})
			pr := s.passing()
			before := s.GitHub.Count("PATCH", patchCheck)
			fault.Method, fault.PathPattern = "GET", getPull
			s.GitHub.Fail(fault)
			pr.Label("ann", "one")
			s.Settle()
			if n := s.GitHub.Count("PATCH", patchCheck) - before; n > 1 {
				t.Errorf("the check was written %d times", n)
			}
			for _, e := range s.Entries("decision") {
				if e.Verdict == string(gate.Error) {
					t.Errorf("a hiccup is on record: %+v", e)
				}
			}
			s.Merges(pr, site.Clear1)
		})
	}
}

// The process dies before it could say that a success does not stand any more: the next one says it, without another event.
func TestKilledBeforeASuccessWasTakenBack(t *testing.T) {
	for name, fault := range map[string]githubsim.FaultSpec{
		"while it asks for the pull request": {Method: "GET", PathPattern: getPull},
		"before GitHub has the check":        {Method: "PATCH", PathPattern: patchCheck},
		"while it looks for the check":       {Method: "GET", PathPattern: listChecks},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{NoServer: true})
			kill, _ := s.Spawn()
			pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
			review := pr.Approve("mei")
			s.Until("the success", func() bool { return s.State(pr.HeadSHA()) == site.Clear1 })
			s.idle()
			dead := make(chan struct{})
			fault.Disconnect = true
			fault.Before = func() { kill(); close(dead) }
			s.GitHub.Fail(fault)
			s.refuses("GET", getPull, githubsim.FaultSpec{Status: 502})
			review.Dismiss("vic", "not so")
			select {
			case <-dead:
			case <-time.After(site.Patience):
				t.Fatal("the server never came to be killed")
			}
			_, interrupt := s.Spawn()
			s.unjudged(pr)
			interrupt()
		})
	}
}

// idle waits until a server that is another process has nothing to do.
func (s *place) idle() {
	s.T.Helper()
	s.Until("the end of its work", func() bool { return s.Metric("gatehouse_queue_waiting 0") })
	if err := s.GitHub.WaitIdle(s.T.Context()); err != nil {
		s.T.Fatal(err)
	}
}

// GitHub takes the check while it shows neither the pull request nor which checks there are; and where it does not even take the check,
// that is tried until it does, and everybody can see that it is not posted.
func TestTheCheckIsWrittenUnseen(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr, review := s.approvalOf("fix")
	mendPull := s.refuses("GET", getPull, githubsim.FaultSpec{Status: 502})
	mendList := s.refuses("GET", listChecks, githubsim.FaultSpec{Status: 502})
	mendWrites := s.refuses("PATCH", patchCheck, githubsim.FaultSpec{Status: 403, Body: forbidden})
	review.Dismiss("vic", "not so")
	s.Until("a word on the dashboard", func() bool { return s.Metric(`gatehouse_checks_unposted{verdict="error"} 1`) })
	s.Until("a word in the log", func() bool { return strings.Contains(s.Log.String(), "post the check run") })
	if got := s.State(pr.HeadSHA()); got != site.Clear1 {
		t.Fatalf("GitHub took what it refuses: %s", got)
	}
	mendWrites()
	s.unjudged(pr)
	mendList()
	mendPull()
	pr.Comment("ann", "/gatehouse recheck")
	s.Blocked(pr, site.WaitsFor1)
	if n := len(s.Checks(pr.HeadSHA())); n != 1 {
		t.Errorf("%d checks", n)
	}
	s.Until("an end of the complaint", func() bool { return s.Metric(`gatehouse_checks_unposted{verdict="error"} 0`) })
}

// The decision is made and GitHub does not show the pull request when it is to be posted: what lets nothing through is posted all the same.
func TestGitHubHidesThePullRequestBeforePosting(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr, review := s.approvalOf("fix")
	asked := 0
	s.refuses("GET", getPull, githubsim.FaultSpec{Status: 502, When: func(*http.Request) bool { asked++; return asked > 1 }})
	review.Dismiss("vic", "not so")
	s.Blocked(pr, site.WaitsFor1)
}

// The hour's requests are spent: the last of them are kept to say so.
func TestTheRateLimitIsSpent(t *testing.T) {
	const limit = 600
	s := newPlace(t, site.Setup{GitHub: githubsim.Options{PrimaryLimit: limit, PointsPerMinute: -1, ContentPerMinute: -1, ContentPerHour: -1}})
	pr, review := s.approvalOf("fix")
	token := s.Installation.Token()
	for left := limit; left > limit/50; { // somebody else spends them with the App's token
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.GitHub.URL()+"/api/v3/repos/acme/infra", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close() //nolint:errcheck // read
		if left, err = strconv.Atoi(resp.Header.Get("X-RateLimit-Remaining")); err != nil {
			t.Fatal(err)
		}
	}
	review.Dismiss("vic", "not so")
	s.unjudged(pr)
	if check := s.Checks(pr.HeadSHA())[0]; !strings.Contains(check.Summary+check.Text, "GitHub's rate limit is reached") {
		t.Errorf("the check says:\n%s\n%s", check.Summary, check.Text)
	}
}

// While the App is suspended, nothing can be posted. What happened meanwhile is looked at when that ends.
func TestAnApprovalEndsWhileTheAppIsSuspended(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr, review := s.approvalOf("fix")
	s.Installation.Suspend()
	review.Dismiss("vic", "not so")
	s.Settle()
	s.Installation.Unsuspend()
	s.Blocked(pr, site.WaitsFor1)
}
