package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// Whichever page of the file is overwritten: opening it, appending to the log or verifying it says so, or the page held
// nothing. A decision is never recorded in a log that verifies no more without that being said.
func TestSQLiteDamagedPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, err := ledger.GenerateSigner(rand.Reader, "gatehouse/test.example")
	if err != nil {
		t.Fatal(err)
	}
	options := store.Options{Signer: store.Key(key)}
	whole := filepath.Join(dir, "whole.db")
	s, err := store.Open(t.Context(), "sqlite:"+whole, options)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := s.Record(t.Context(), storetest.SampleRecord(fmt.Sprint("d", i), i, "head")); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	pages := len(content) / page
	said, silent := 0, 0
	for n := 0; n < pages; n += 3 {
		file := filepath.Join(dir, "damaged.db")
		damaged := bytes.Clone(content)
		for i := range page {
			damaged[n*page+i] = byte(0xa5 ^ i)
		}
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		err := useDamaged(t.Context(), "sqlite:"+file, options)
		switch {
		case err == nil:
			silent++
		case errors.Is(err, store.ErrDamaged), store.Blocks(err), errors.As(err, new(*ledger.Mismatch)):
			said++
		default:
			t.Errorf("page %d: %v", n, err)
		}
		for _, f := range []string{file, file + "-wal", file + "-shm"} {
			if err := os.Remove(f); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d pages: %d told, %d hold nothing", pages, said, silent)
	if said < pages/4 || silent > 2 {
		t.Errorf("of %d pages only %d were missed", pages, said)
	}
}

// useDamaged opens a database, records a decision and verifies it all.
func useDamaged(ctx context.Context, url string, options store.Options) error {
	s, err := store.Open(ctx, url, options)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Record(ctx, storetest.SampleRecord("new", 1000, "head")); err != nil {
		return err
	}
	_, _, err = s.Audit(ctx)
	return err
}
