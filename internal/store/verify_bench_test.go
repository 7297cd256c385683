package store_test

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// BenchmarkVerify is what it costs to verify a whole log, one entry in ten of which is a decision. A million: -bench Verify/1000000 -benchtime 1x.
func BenchmarkVerify(b *testing.B) {
	for _, entries := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(entries), func(b *testing.B) {
			key, err := ledger.GenerateSigner(rand.Reader, "gatehouse/bench.example")
			if err != nil {
				b.Fatal(err)
			}
			url := storetest.SQLite(b)
			storetest.Fill(b, url, key, entries)
			s := storetest.Open(b, url, store.Options{Signer: store.Key(key)})
			b.ReportAllocs()
			for b.Loop() {
				report, err := s.Verify(b.Context())
				if err != nil || report.Size != int64(entries) {
					b.Fatalf("%+v, %v", report, err)
				}
			}
		})
	}
}
