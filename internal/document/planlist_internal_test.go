package document

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document/plangen"
)

// Reading a plan from two places at once finds the same elements, and the same mistakes, as reading it from its start.
func TestListIsReadFromTwoPlaces(t *testing.T) {
	t.Parallel()
	plan := plangen.Plan(1000)
	if middleChange(plan) == 0 {
		t.Fatal("no change was found in the middle of a large plan")
	}
	texts := map[string][]byte{
		"as it is":                 plan,
		"pretty":                   bytes.ReplaceAll(plan, []byte(`},{"address":`), []byte("},\n  {\"address\":")),
		"a brace too many":         bytes.Replace(plan, []byte(`"resource-900"`), []byte(`"resource-900"}`), 1),
		"a value is missing":       bytes.Replace(plan, []byte(`"resource-900"`), nil, 1),
		"a comma is missing":       bytes.Replace(plan, []byte(`},{"address":"module.service_9`), []byte(`}{"address":"module.service_9`), 1),
		"no list but an object":    bytes.Replace(plan, []byte(`"resource_changes":[`), []byte(`"resource_changes":{`), 1),
		"a list that ends twice":   append(bytes.Clone(plan[:len(plan)-2]), "]}\n"...),
		"the middle is in a text":  []byte(`{"resource_changes":["` + string(bytes.ReplaceAll(plan, []byte(`"`), []byte(`\"`))) + `"]}`),
		"the middle is elsewhere":  []byte(`{"resource_changes":[],"planned_values":` + string(plan) + `}`),
		"the list is deeper there": []byte(`{"resource_changes":[[` + string(plan) + `]]}`),
	}
	for i := range 20 {
		texts[fmt.Sprintf("cut off at %d of 20", i)] = plan[:len(plan)*i/20]
	}
	for name, data := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, wantEnd, wantErr := readChanges(data, false)
			got, end, err := readChanges(data, true)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(span{})); diff != "" {
				t.Errorf("elements:\n%s", diff)
			}
			if end != wantEnd || !sameSyntax(err, wantErr) {
				t.Errorf("ends at %d with %v; wanted: %d with %v", end, err, wantEnd, wantErr)
			}
		})
	}
}

func sameSyntax(a, b error) bool {
	var x, y *syntaxError
	if !errors.As(a, &x) || !errors.As(b, &y) {
		return a == nil && b == nil
	}
	return *x == *y
}

func readChanges(data []byte, twice bool) (list []span, end int, err error) {
	s := scanner{data: data, depth: 100}
	lists := &listReader{scanner: &s, done: make(chan struct{}), quit: make(chan struct{})}
	if twice {
		lists = newListReader(&s, false)
	} else {
		close(lists.done)
	}
	defer lists.stop()
	s.list = func(key []byte, start int) (int, bool, error) {
		if string(key) != `"resource_changes"` {
			return 0, false, nil
		}
		var end int
		list, end, err = lists.read(start, nil)
		return end, true, err
	}
	start := s.space(0)
	if start >= len(data) {
		return nil, start, nil
	}
	end, err = s.object(start, 0, nil)
	return list, end, err
}
