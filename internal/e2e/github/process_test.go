package github

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// The process dies between having answered a webhook and having told GitHub: at every point of that way, what it had accepted
// is done by the process that comes after it, without another event.
func TestKilledBetweenAcceptAndPublish(t *testing.T) {
	for name, fault := range map[string]githubsim.FaultSpec{
		"while it reads the pull request":    {Method: "GET", PathPattern: "/repos/acme/infra/pulls/1"},
		"while it fetches":                   {PathPattern: "/acme/infra.git/**"},
		"before GitHub has the check":        {Method: "POST", PathPattern: postCheck},
		"after GitHub has stored the check":  {Method: "POST", PathPattern: postCheck, AfterStore: true},
		"after it has stored the comment":    {Method: "POST", PathPattern: postComment, AfterStore: true},
		"before it sees its comment is gone": {Method: "GET", PathPattern: postComment},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{NoServer: true})
			kill, _ := s.Spawn()
			dead := make(chan struct{})
			fault.Disconnect = true
			fault.Before = func() { kill(); close(dead) }
			s.GitHub.Fail(fault)
			pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
			select {
			case <-dead:
			case <-time.After(site.Patience):
				t.Fatal("the server never came to be killed")
			}
			_, interrupt := s.Spawn()
			s.Until("the check", func() bool { return s.State(pr.HeadSHA()) == site.SSHBlocked })
			s.Until("the comment", func() bool { return strings.Contains(s.Comment(pr), "IM-06") })
			interrupt()
			// One that GitHub has stored is found again; only a request that never came is made a second time.
			if made := s.GitHub.Count("POST", postCheck); made > 2 || fault.AfterStore && fault.PathPattern == postCheck && made != 1 {
				t.Errorf("%d check runs were made", made)
			}
		})
	}
}

// A server that is asked to end finishes what it does, or gives it back at once: the next one does not wait for a lease to end.
// What was accepted meanwhile is not lost.
func TestShutdownInTheMiddleOfAJob(t *testing.T) {
	for name, grace := range map[string]time.Duration{"given back": 50 * time.Millisecond, "finished": site.Patience} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{NoServer: true})
			s.Queue = store.Options{Grace: grace}
			s.Start()
			reached, goOn := make(chan struct{}), make(chan struct{})
			s.GitHub.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: getReviews, Before: func() { close(reached); <-goOn }})
			pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
			select {
			case <-reached:
			case <-time.After(site.Patience):
				t.Fatal("the job never began")
			}
			pr.Approve("mei")
			if err := s.GitHub.WaitIdle(context.Background()); err != nil {
				t.Fatal(err)
			}
			if name == "given back" {
				s.Stop()
				close(goOn)
				if got := s.State(pr.HeadSHA()); got != "" {
					t.Errorf("a check by a server that had ended: %s", got)
				}
			} else {
				ended := make(chan struct{})
				go func() { s.Stop(); close(ended) }()
				s.Until("the end of new requests", func() bool { return strings.Contains(s.Log.String(), "shutting down") })
				close(goOn)
				<-ended
				if !strings.Contains(s.Log.String(), "decided") {
					t.Error("the job was not finished")
				}
			}
			s.Start()
			s.Merges(pr, site.Clear1)
			if strings.Contains(s.Log.String(), "the process was lost") {
				t.Error("the job was taken for a lost one")
			}
		})
	}
}

// A burst of events about one pull request is answered at once and leads to few evaluations, the last of which sees all.
func TestBurstOfReviews(t *testing.T) {
	const n = 300
	s := newPlace(t, site.Setup{GitHub: githubsim.Options{WebhookWorkers: 8, Unlimited: true}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	before := s.GitHub.Count("GET", getReviews)
	s.GitHub.Hooks().Hold()
	for i := range n {
		pr.Review("eve", githubsim.Commented, fmt.Sprintf("remark %d", i))
	}
	pr.Approve("mei")
	s.GitHub.Hooks().Release()
	s.Shows(pr, site.Clear1)
	answered := map[int]int{}
	for _, d := range s.GitHub.Hooks().Deliveries() {
		if d.Event == "pull_request_review" {
			answered[d.StatusCode]++
		}
	}
	if answered[202] != n+1 || len(answered) != 1 {
		t.Errorf("answers by status: %v", answered)
	}
	// Each look reads four pages of reviews.
	if looks := (s.GitHub.Count("GET", getReviews) - before) / 4; looks > n/4 {
		t.Errorf("%d evaluations for %d events", looks, n+1)
	} else {
		t.Logf("%d evaluations for %d events", looks, n+1)
	}
	s.Merges(pr, site.Clear1)
}

func TestOneEventTwiceIsOneEvent(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.GitHub.Hooks().SetFilter(func(githubsim.Delivery) githubsim.Fate { return githubsim.Duplicate })
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	if n := len(s.Entries("decision")); n > 2 {
		t.Errorf("%d decisions", n)
	}
	s.Merges(pr, site.Clear1)
}
