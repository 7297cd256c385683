package github

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// Two servers on one PostgreSQL carry out the commands of one pull request one after the other: of forty at once exactly twenty count,
// and one is told that it was too many, however they are spread over the two.
func TestCommandsOfTwoReplicas(t *testing.T) {
	url := storetest.Postgres(t)(t)
	s := newPlace(t, site.Setup{NoServer: true, GitHub: githubsim.Options{WebhookWorkers: 8, Unlimited: true}})
	s.More = append(s.More, "GATEHOUSE_DATABASE_URL="+url)
	s.Start()
	first := s.Addr
	s.Addr = ""
	s.Start() // GitHub's events go to the second one; both work
	if first == s.Addr {
		t.Fatal("there is one server")
	}
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	const n = 40
	s.GitHub.Hooks().Hold()
	for i := range n {
		pr.Comment("ann", fmt.Sprintf("/gatehouse recheck\n%d", i))
	}
	s.GitHub.Hooks().Release()
	s.Settle()
	reactions := map[string]int{}
	told := 0
	for _, c := range pr.View().Comments {
		for _, r := range c.Reactions {
			reactions[r]++
		}
		if strings.Contains(c.Body, "more than 20 commands") {
			told++
		}
	}
	if reactions["+1"] != 20 || reactions["confused"] != n-20 || told != 1 {
		t.Errorf("reactions %v, and it was told %d times that there were too many", reactions, told)
	}
}
