package store_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// proven is what the log proves of the recorded decisions, looked up by id and by the pull request's last one.
func proven(t *testing.T, url string, options store.Options) map[string]store.Decision {
	t.Helper()
	options.ReadOnly = true
	s, err := store.Open(t.Context(), url, options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := map[string]store.Decision{}
	for i := range 40 {
		d, err := s.Decision(t.Context(), fmt.Sprint("d", i))
		last, wrong := s.Latest(t.Context(), 1, i%7)
		if err != nil || wrong != nil {
			t.Errorf("decision %d: %v, %v", i, err, wrong)
		}
		for key, d := range map[string]store.Decision{"d" + fmt.Sprint(i): d, "last of " + fmt.Sprint(i%7): last} {
			d.Title, d.Author, d.Approvers, d.Base, d.Time = "", "", nil, "", time.Time{} // the log says these in words of its own
			out[key] = d
		}
	}
	return out
}

// Bits flip in the file, and pages are torn as a power cut tears them: half of one is new and half is old. Whatever is hit, tables,
// indexes, free pages: either it is said, or what the log proves is what it was, by every index.
func TestSQLiteFlippedBitsAndTornPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, err := ledger.GenerateSigner(rand.Reader, "gatehouse/test.example")
	if err != nil {
		t.Fatal(err)
	}
	options := store.Options{Signer: store.Key(key)}
	whole := filepath.Join(dir, "whole.db")
	record := func(from, to int) {
		s, err := store.Open(t.Context(), "sqlite:"+whole, options)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := from; i < to; i++ {
			if _, err := s.Record(t.Context(), storetest.SampleRecord(fmt.Sprint("d", i), i%7, "head")); err != nil {
				t.Fatal(err)
			}
		}
	}
	record(0, 30)
	older, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	record(30, 40)
	storetest.Exec(t, "sqlite:"+whole, "CREATE TABLE freed (x); INSERT INTO freed SELECT zeroblob(60000); DROP TABLE freed; PRAGMA wal_checkpoint(TRUNCATE)")
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	want := proven(t, "sqlite:"+whole, options)
	const page = 4096
	random := mathrand.New(mathrand.NewPCG(17, 4))
	damages := map[string]func([]byte){}
	for i := range 40 {
		at, bit := 100+random.IntN(len(content)-100), byte(1)<<random.IntN(8)
		damages[fmt.Sprintf("bit %d of byte %d (page %d), %d", bit, at, at/page, i)] = func(b []byte) { b[at] ^= bit }
	}
	for n := 1; n < len(older)/page; n += 4 {
		if half := n*page + page/2; !bytes.Equal(older[half:n*page+page], content[half:n*page+page]) {
			damages[fmt.Sprintf("page %d is torn", n)] = func(b []byte) { copy(b[half:n*page+page], older[half:]) }
		}
	}
	said, harmless := 0, 0
	for name, damage := range damages {
		file := filepath.Join(dir, "damaged.db")
		damaged := bytes.Clone(content)
		damage(damaged)
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		err := useDamaged(t.Context(), "sqlite:"+file, options)
		switch {
		case errors.Is(err, store.ErrDamaged), store.Blocks(err), errors.As(err, new(*ledger.Mismatch)):
			said++
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			harmless++
			if diff := cmp.Diff(want, proven(t, "sqlite:"+file, options)); diff != "" {
				t.Errorf("%s was not said, and changed (-want +got):\n%s", name, diff)
			}
		}
		for _, f := range []string{file, file + "-wal", file + "-shm"} {
			if err := os.Remove(f); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d damages told, %d harmless", said, harmless)
	if said < 5 {
		t.Error("hardly anything was noticed")
	}
}
