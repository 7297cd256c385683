package pipeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Sixty strangers approve before the three whose word counts: one who may write, one of a team that is asked, and one whom GitHub writes
// otherwise in the list of reviews.
func TestStrangersTakeNobodysPlace(t *testing.T) {
	t.Parallel()
	var reviews []gate.Review
	var actors []gate.Actor
	approves := func(login, as string, a gate.Actor) {
		id := int64(len(reviews) + 1)
		reviews = append(reviews, gate.Review{ID: id, Login: as, State: gate.ReviewApproved, Time: time.Unix(id, 0)})
		a.Login, a.Type = login, gate.ActorUser
		actors = append(actors, a)
	}
	for i := range 60 {
		name := fmt.Sprintf("stranger-%02d", i)
		approves(name, name, gate.Actor{Permission: gate.PermissionRead})
	}
	reviews = append(reviews, gate.Review{ID: 900, State: gate.ReviewApproved}) // whose account is gone
	approves("mei", "mei", gate.Actor{Permission: gate.PermissionWrite})
	approves("night", "night", gate.Actor{Permission: gate.PermissionRead, Teams: []string{"acme/dba"}})
	approves("sam", "Sam", gate.Actor{Permission: gate.PermissionAdmin})
	var got []string
	for _, r := range traced(reviews, actors) {
		got = append(got, r.Login)
	}
	want := []string{"mei", "night", "Sam"}
	for i := range maxSightings - len(want) {
		want = append(want, fmt.Sprintf("stranger-%02d", i))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
