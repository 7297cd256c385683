package cli

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

const (
	postCheck   = "/repos/acme/infra/check-runs"
	postComment = "/repos/acme/infra/issues/1/comments"
	getReviews  = "/repos/acme/infra/pulls/1/reviews"
)

// However GitHub fails to take the check run, it has one in the end, and only one.
func TestE2EGitHubFailsToTakeTheCheck(t *testing.T) {
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
			s := newSite(t, setup{})
			fault.Method, fault.PathPattern = "POST", postCheck
			s.gh.Fail(fault)
			pr := s.open("ann", "vendor", story(t, "ssh-open"))
			s.blocked(pr, sshBlocked)
			made := 0
			for _, r := range s.gh.Requests() {
				if r.Method == "POST" && r.Path == postCheck && (r.Status == 201 || fault.AfterStore && r.Status != 201) {
					made++
				}
			}
			if made != 1 {
				t.Errorf("%d check runs were made", made)
			}
			published := 0
			for _, e := range s.entries("publication") {
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

func TestE2EGitHubFailsToTakeTheComment(t *testing.T) {
	for name, fault := range map[string]githubsim.FaultSpec{
		"502":                     {Status: 502},
		"502 after it was stored": {Status: 502, AfterStore: true},
		"cut off after it":        {Disconnect: true, AfterStore: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, setup{})
			fault.Method, fault.PathPattern = "POST", postComment
			s.gh.Fail(fault)
			pr := s.open("ann", "vendor", story(t, "ssh-open"))
			s.blocked(pr, sshBlocked)
			s.says(pr, "IM-06") // and there is only one
			pr.Push(githubsim.CommitSpec{Files: story(t, "ssh-vpn")})
			s.blocked(pr, waitsFor1)
			if strings.Contains(s.comment(pr), "blocked by") {
				t.Errorf("the comment was not edited:\n%s", s.comment(pr))
			}
		})
	}
}

// A locked conversation takes no comment, and the check stands all the same.
func TestE2ELockedConversation(t *testing.T) {
	for name, fault := range map[string]githubsim.FaultSpec{
		"403": {Status: 403, Body: `{"message":"Unable to create comment because issue is locked."}`},
		"422": {Status: 422, Body: `{"message":"Validation Failed","errors":["issue is locked"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, setup{})
			fault.Method, fault.PathPattern, fault.Times = "POST", postComment, -1
			s.gh.Fail(fault)
			pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
			s.blocked(pr, waitsFor1)
			if tried := s.gh.Count("POST", postComment); tried != 1 {
				t.Errorf("the comment was tried %d times", tried)
			}
			refused := 0
			for _, e := range s.entries("publication") {
				if e.Detail["what"] == "comment" && e.Detail["refused"] != nil {
					refused++
				}
			}
			if refused != 1 {
				t.Errorf("the record tells of %d refusals", refused)
			}
			pr.Approve("mei")
			s.merges(pr, clear1)
		})
	}
}

// People are told when GitHub cannot be asked for what a verdict needs; a comment asks again at once, and so does a push.
func TestE2EGitHubDoesNotTellTheReviews(t *testing.T) {
	s := newSite(t, setup{})
	mend := s.gh.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: getReviews, Status: 502, Times: -1})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.until("the check that says so", func() bool {
		return strings.HasPrefix(s.state(pr.HeadSHA()), couldNot+"the facts about this pull request")
	})
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		t.Error("it merged")
	}
	s.until("the comment", func() bool { return s.comment(pr) != "" })
	s.says(pr, "/gatehouse recheck")
	mend()
	pr.Comment("ann", "/gatehouse recheck")
	s.merges(pr, clear1)
}

func TestE2EGitFailsForAMoment(t *testing.T) {
	s := newSite(t, setup{})
	s.gh.Fail(githubsim.FaultSpec{PathPattern: "/acme/infra.git/**", Status: 502, Times: 2})
	pr := s.open("ann", "vendor", story(t, "ssh-open"))
	s.blocked(pr, sshBlocked)
}

func TestE2EMissingPermissionToPostChecks(t *testing.T) {
	s := newSite(t, setup{permissions: map[string]string{"checks": "read"}})
	pr := s.open("ann", "vendor", story(t, "ssh-open"))
	s.until("the comment", func() bool { return s.comment(pr) != "" })
	s.says(pr, "IM-06")
	s.until("a word in the log", func() bool { return strings.Contains(s.log.String(), "lacks the permission checks=write") })
	if got := s.state(pr.HeadSHA()); got != "" {
		t.Errorf("there is a check: %s", got)
	}
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		t.Error("it merged")
	}
	s.up()
	// The owner accepts; nobody need do more.
	s.in.SetPermissions(map[string]string{
		"administration": "read", "checks": "write", "contents": "read", "issues": "write", "members": "read", "metadata": "read", "pull_requests": "write",
	}, nil)
	s.until("the check", func() bool { return s.state(pr.HeadSHA()) == sshBlocked })
}

func TestE2EMissingPermissionToReadTeams(t *testing.T) {
	s := newSite(t, setup{
		permissions: map[string]string{"members": ""},
		files:       map[string]string{".github/gatehouse.yml": gateFile("approvals: {required: 1, from: {teams: [acme/dba]}}\n")},
	})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	pr.Approve("mei")
	s.settle()
	got := s.state(pr.HeadSHA())
	if !strings.HasPrefix(got, couldNot) || !strings.Contains(got, "members=read") {
		t.Errorf("the check says %q", got)
	}
	s.blocked(pr, got)
	s.says(pr, "members=read", "accepts the App's new permissions")
}
