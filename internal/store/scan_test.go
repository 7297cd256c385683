package store_test

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// A search that no index serves looks at the newest decisions first and comes to the oldest one: nothing is left out, nothing given twice.
func TestSearchThatScans(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	s := storetest.Open(t, url, store.Options{})
	r := storetest.SampleRecord("d0", 1, "head")
	r.Resources = []store.Resource{{Resource: "aws_instance.needle", Names: []string{"i-needle"}}, {Resource: "aws_instance.hay"}}
	if _, err := s.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500) "
	storetest.Exec(t, url, numbers+`INSERT INTO decisions SELECT i, 'd' || i, 1, repository, i + 1, title, author, approvers, base,
		'h' || i, verdict, time + i, facts_digest, policy_digest, decision FROM n, decisions WHERE log_index = 0`)
	storetest.Exec(t, url, numbers+`INSERT INTO decision_resources SELECT 'aws_instance.hay', i, '["update"]' FROM n`)
	storetest.Exec(t, url, `INSERT INTO decision_names SELECT 'i-needle', 2250, 'aws_instance.hay'`)
	for pattern, want := range map[string]int{"*.hay": 4501, "*needle": 2, "*.needle": 1, "?-needle": 2, "*nothing*": 0} {
		for _, limit := range []int{7, 1000} {
			if want == 4501 && limit == 7 {
				continue
			}
			seen := map[string]bool{}
			for cursor, steps := "", 0; ; steps++ {
				list, next, err := s.Who(t.Context(), pattern, cursor, limit)
				if err != nil || len(list) > limit || steps > 2*4501 {
					t.Fatalf("%s: %d rows, step %d: %v", pattern, len(list), steps, err)
				}
				for _, c := range list {
					if seen[c.ID+c.Resource] {
						t.Errorf("%s: %s is given twice", pattern, c.ID)
					}
					seen[c.ID+c.Resource] = true
				}
				if cursor = next; next == "" {
					break
				}
			}
			if len(seen) != want {
				t.Errorf("%s, %d at a time: found %d, wanted %d", pattern, limit, len(seen), want)
			}
		}
	}
	found := 0
	for cursor := ""; ; {
		list, next, err := s.Find(t.Context(), store.FindFilter{Pattern: "*needle"}, cursor, 25)
		if err != nil {
			t.Fatal(err)
		}
		found += len(list)
		if cursor = next; next == "" {
			break
		}
	}
	if found != 2 {
		t.Errorf("%d decisions are found", found)
	}
}
