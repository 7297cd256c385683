package store_test

import (
	"fmt"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.SQLite)
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Postgres(t))
}

// BenchmarkRecord is the time to make one decision durable on SQLite: facts, audit entry, signed checkpoint, publication, work.
func BenchmarkRecord(b *testing.B) {
	s := storetest.Memory(b)
	for i := 0; b.Loop(); i++ {
		if _, err := s.Record(b.Context(), storetest.SampleRecord(fmt.Sprint(i), i, "head")); err != nil {
			b.Fatal(err)
		}
	}
}
