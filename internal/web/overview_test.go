package web

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// A decision that GitHub does not take is the first thing to see once it should be there: an earlier success may stand in its place.
func TestOverviewSaysWhatGitHubDoesNotTake(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	const says = "acme/infra #7</a> is error here, and GitHub has not taken the check: nothing was tried yet"
	f.record(story{id: "d-0001", repository: infraID, pull: 7, title: "Move it", by: "ann", decision: gate.Decision{Verdict: gate.Error}})
	if body := f.get("/").Body.String(); strings.Contains(body, "Not on GitHub yet") {
		t.Error("a decision that was made just now is called late")
	}
	d, err := f.store.Decision(t.Context(), "d-0001")
	f.check(err)
	state := func(state string, at time.Time) string {
		f.check(f.store.SavePublication(t.Context(), store.Publication{
			RepositoryID: d.RepositoryID, PullRequest: d.PullRequest, Head: d.Head, Decision: d.ID, State: state, Updated: at,
		}))
		return f.get("/").Body.String()
	}
	if body := state(store.Pending, f.now.Add(-2*time.Minute)); !strings.Contains(body, says) {
		t.Errorf("the overview does not say %q:\n%s", says, body)
	}
	if body := state(store.Published, f.now); strings.Contains(body, "Not on GitHub yet") {
		t.Error("what is on GitHub is called missing")
	}
}
