package forge

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// What is remembered ends with its age, with an event about its account, and when there is too much of it; an answer to a question from
// before an event is not remembered at all.
func TestMembersAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	m := newMembers(func() time.Time { return now })
	keep := func(account string, answer any, key ...string) {
		asked, drops := m.now()
		m.keep(account, asked, drops, answer, key...)
	}
	known := func(key ...string) string {
		answer, ok := m.get(key...)
		return fmt.Sprint(answer, " ", ok)
	}
	keep("acme", true, "team", "acme", "dba", "mei")
	keep("other", 7, "team", "other", "sec", "mei")
	asked, drops := m.now()
	got := []string{known("team", "ACME", "dba", "Mei"), known("team", "acme", "dba", "sam")}
	m.drop("Acme")
	m.keep("acme", asked, drops, true, "team", "acme", "dba", "mei")
	got = append(got, known("team", "acme", "dba", "mei"), known("team", "other", "sec", "mei"))
	now = now.Add(maxMembersAge - time.Second)
	got = append(got, known("team", "other", "sec", "mei"))
	now = now.Add(time.Second)
	got = append(got, known("team", "other", "sec", "mei"))
	keep("acme", "first", "0")
	for i := range maxMembers {
		keep("acme", i, fmt.Sprint("more ", i))
	}
	got = append(got, known("0"), known("more 0"))
	want := []string{"true true", "<nil> false", "<nil> false", "7 true", "7 true", "<nil> false", "<nil> false", "0 true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(m.entries) != maxMembers || m.order.Len() != maxMembers {
		t.Errorf("%d answers in a list of %d; wanted %d", len(m.entries), m.order.Len(), maxMembers)
	}
}

// Teams of another organisation are asked with the App's installation there; where there is none, it says what is missing.
func TestTeamsOfAnotherOrganisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sec := w.gh.AddOrg("other", "root").AddTeam(githubsim.TeamSpec{Name: "sec", Secret: true})
	sec.Add("sam")
	_, err := w.repo.InTeam(background(), "other", "sec", "sam")
	var missing MissingPermission
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "members=read of other, where it is not installed") {
		t.Errorf("without the App there: %v", err)
	}
	w.sims.Install("other")
	for login, want := range map[string]bool{"sam": true, "mei": false} {
		if got, err := w.repo.InTeam(background(), "other", "sec", login); got != want || err != nil {
			t.Errorf("%s is in other/sec: %v (%v); wanted %v", login, got, err, want)
		}
	}
	got, err := w.repo.TeamMembers(background(), "other", "sec")
	if diff := cmp.Diff([]string{"sam"}, got); diff != "" || err != nil {
		t.Errorf("the members (-want +got), %v:\n%s", err, diff)
	}
	if n := w.gh.Count("GET", "/orgs/other/installation"); n != 2 {
		t.Errorf("GitHub was asked %d times for the installation; wanted once in vain and once more", n)
	}
}
