package pipeline

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
)

// stored is a memory that knows some deliveries.
type stored map[string]bool

func (s stored) Delivered(context.Context, []string) (map[string]bool, error) { return s, nil }
func (stored) Meta(context.Context, string) (string, error)                   { return "", nil }
func (stored) SetMeta(context.Context, string, string) error                  { return nil }

// What arrived at any attempt, what is stored although the answer was lost, and what will never be taken is not asked for again; of the
// rest, the newest attempt of each, oldest event first.
func TestLostDeliveries(t *testing.T) {
	t.Parallel()
	list := []forge.Delivery{ // newest first, as GitHub lists them
		{ID: 9, GUID: "twice", StatusCode: 503}, {ID: 8, GUID: "refused", StatusCode: 400}, {ID: 7, GUID: "large", StatusCode: 413},
		{ID: 6, GUID: "again", StatusCode: 202}, {ID: 5, GUID: "again", StatusCode: 0}, {ID: 4, GUID: "stored", StatusCode: 504},
		{ID: 3, GUID: "wrong secret", StatusCode: 401}, {ID: 2, GUID: "twice", StatusCode: 0}, {ID: 1, GUID: "down", StatusCode: 0},
	}
	got, err := lostDeliveries(t.Context(), stored{"stored": true}, list)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]forge.Delivery{list[8], list[6], list[0]}, got); diff != "" {
		t.Error(diff)
	}
}
