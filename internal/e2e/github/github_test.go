package github

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

const (
	postCheck   = "/repos/acme/infra/check-runs"
	postComment = "/repos/acme/infra/issues/1/comments"
	getReviews  = "/repos/acme/infra/pulls/1/reviews"
)

// However GitHub fails to take the check run, it has one in the end, and only one.
func TestGitHubFailsToTakeTheCheck(t *testing.T) {
	reset := func() http.Header {
		return http.Header{
			"X-Ratelimit-Limit": {"5000"}, "X-Ratelimit-Remaining": {"0"},
			"X-Ratelimit-Reset": {strconv.FormatInt(time.Now().Add(time.Second).Unix(), 10)},
		}
	}
	for name, fault := range map[string]githubsim.FaultSpec{
		"502":                        {Status: 502},
		"502 after it was stored":    {Status: 502, AfterStore: true},
		"500 twice":                  {Status: 500, Times: 2},
		"cut off":                    {Disconnect: true},
		"cut off after it was taken": {Disconnect: true, AfterStore: true},
		"secondary limit":            {Status: 403, RetryAfter: 1, Body: `{"message":"You have exceeded a secondary rate limit."}`},
		"too many requests":          {Status: 429, RetryAfter: 1, Body: `{"message":"Too many requests"}`},
		"primary limit":              {Status: 403, Header: reset(), Body: `{"message":"API rate limit exceeded for installation ID 1."}`},
		"unavailable":                {Status: 503, RetryAfter: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{})
			fault.Method, fault.PathPattern = "POST", postCheck
			s.GitHub.Fail(fault)
			pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
			s.Blocked(pr, site.SSHBlocked)
			made := 0
			for _, r := range s.GitHub.Requests() {
				if r.Method == "POST" && r.Path == postCheck && (r.Status == 201 || fault.AfterStore && r.Status != 201) {
					made++
				}
			}
			if made != 1 {
				t.Errorf("%d check runs were made", made)
			}
			published := 0
			for _, e := range s.Entries("publication") {
				if e.Detail["what"] == "check" {
					published++
				}
			}
			if published != 1 {
				t.Errorf("the record tells of %d publications", published)
			}
		})
	}
}

func TestGitHubFailsToTakeTheComment(t *testing.T) {
	for name, fault := range map[string]githubsim.FaultSpec{
		"502":                     {Status: 502},
		"502 after it was stored": {Status: 502, AfterStore: true},
		"cut off after it":        {Disconnect: true, AfterStore: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{})
			fault.Method, fault.PathPattern = "POST", postComment
			s.GitHub.Fail(fault)
			pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
			s.Blocked(pr, site.SSHBlocked)
			s.Says(pr, "IM-06") // and there is only one
			pr.Push(githubsim.CommitSpec{Files: site.Story(t, "ssh-vpn")})
			s.Blocked(pr, site.WaitsFor1)
			if strings.Contains(s.Comment(pr), "blocked by") {
				t.Errorf("the comment was not edited:\n%s", s.Comment(pr))
			}
		})
	}
}

// A locked conversation takes no comment, and the check stands all the same.
func TestLockedConversation(t *testing.T) {
	for name, fault := range map[string]githubsim.FaultSpec{
		"403": {Status: 403, Body: `{"message":"Unable to create comment because issue is locked."}`},
		"422": {Status: 422, Body: `{"message":"Validation Failed","errors":["issue is locked"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{})
			fault.Method, fault.PathPattern, fault.Times = "POST", postComment, -1
			s.GitHub.Fail(fault)
			pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
			s.Blocked(pr, site.WaitsFor1)
			if tried := s.GitHub.Count("POST", postComment); tried != 1 {
				t.Errorf("the comment was tried %d times", tried)
			}
			refused := 0
			for _, e := range s.Entries("publication") {
				if e.Detail["what"] == "comment" && e.Detail["refused"] != nil {
					refused++
				}
			}
			if refused != 1 {
				t.Errorf("the record tells of %d refusals", refused)
			}
			pr.Approve("mei")
			s.Merges(pr, site.Clear1)
		})
	}
}

// People are told when GitHub cannot be asked for what a verdict needs; a comment asks again at once, and so does a push.
func TestGitHubDoesNotTellTheReviews(t *testing.T) {
	s := newPlace(t, site.Setup{})
	mend := s.GitHub.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: getReviews, Status: 502, Times: -1})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Until("the check that says so", func() bool {
		return strings.HasPrefix(s.State(pr.HeadSHA()), site.CouldNot+"the facts about this pull request")
	})
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		t.Error("it merged")
	}
	s.Until("the comment", func() bool { return s.Comment(pr) != "" })
	s.Says(pr, "/gatehouse recheck")
	mend()
	pr.Comment("ann", "/gatehouse recheck")
	s.Merges(pr, site.Clear1)
}

func TestGitFailsForAMoment(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.GitHub.Fail(githubsim.FaultSpec{PathPattern: "/acme/infra.git/**", Status: 502, Times: 2})
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Blocked(pr, site.SSHBlocked)
}

func TestMissingPermissionToPostChecks(t *testing.T) {
	s := newPlace(t, site.Setup{Permissions: map[string]string{"checks": "read"}})
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Until("the comment", func() bool { return s.Comment(pr) != "" })
	s.Says(pr, "IM-06")
	s.Until("a word in the log", func() bool { return strings.Contains(s.Log.String(), "lacks the permission checks=write") })
	if got := s.State(pr.HeadSHA()); got != "" {
		t.Errorf("there is a check: %s", got)
	}
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		t.Error("it merged")
	}
	s.Up()
	// The owner accepts; nobody need do more.
	s.Installation.SetPermissions(map[string]string{
		"administration": "read", "checks": "write", "contents": "read", "issues": "write", "members": "read", "metadata": "read", "pull_requests": "write",
	}, nil)
	s.Until("the check", func() bool { return s.State(pr.HeadSHA()) == site.SSHBlocked })
}

func TestMissingPermissionToReadTeams(t *testing.T) {
	s := newPlace(t, site.Setup{
		Permissions: map[string]string{"members": ""},
		Files:       map[string]string{".github/gatehouse.yml": site.GateFile("approvals: {required: 1, from: {teams: [acme/dba]}}\n")},
	})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Blocked(pr, "in_progress: Waiting for 1 approval from acme/dba; acme/dba cannot be looked up: the App lacks the permission members=read")
	pr.Approve("mei")
	s.Settle()
	got := s.State(pr.HeadSHA())
	if !strings.HasPrefix(got, site.CouldNot) || !strings.Contains(got, "members=read") {
		t.Errorf("the check says %q", got)
	}
	s.Blocked(pr, got)
	s.Says(pr, "members=read", "accepts the App's new permissions")
}
