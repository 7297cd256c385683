package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// Two servers on one PostgreSQL carry out the commands of one pull request one after the other: of forty at once exactly twenty count,
// and one is told that it was too many, however they are spread over the two.
func TestE2ECommandsOfTwoReplicas(t *testing.T) {
	url := storetest.Postgres(t)(t)
	s := newSite(t, setup{noServer: true, github: githubsim.Options{WebhookWorkers: 8, Unlimited: true}})
	s.more = append(s.more, "GATEHOUSE_DATABASE_URL="+url)
	s.start()
	first := s.addr
	s.addr = ""
	s.start() // GitHub's events go to the second one; both work
	if first == s.addr {
		t.Fatal("there is one server")
	}
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)
	const n = 40
	s.gh.Hooks().Hold()
	for i := range n {
		pr.Comment("ann", fmt.Sprintf("/gatehouse recheck\n%d", i))
	}
	s.gh.Hooks().Release()
	s.settle()
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
