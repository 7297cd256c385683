package store_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// The environment of a child process: what to do, where, signed by whom, and a prefix for its names.
const (
	envRole   = "GATEHOUSE_STORETEST_ROLE"
	envURL    = "GATEHOUSE_STORETEST_URL"
	envKey    = "GATEHOUSE_STORETEST_KEY"
	envPrefix = "GATEHOUSE_STORETEST_PREFIX"
)

// TestMain makes the test program its own child: a process of the server that can be killed.
func TestMain(m *testing.M) {
	role := os.Getenv(envRole)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := child(role, os.Getenv(envURL), os.Getenv(envKey), os.Getenv(envPrefix)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child says on standard output what it has been told is stored, a line each, and goes on until it is killed.
func child(role, url, keyText, prefix string) error {
	signer, err := ledger.ParseSigner(keyText)
	if err != nil {
		return err
	}
	ctx := context.Background()
	s, err := store.Open(ctx, url, store.Options{Signer: store.Key(signer), Lease: time.Second})
	if err != nil {
		return err
	}
	if role == "work" {
		return s.Work(ctx, map[string]store.Handler{"evaluate": func(_ context.Context, w store.Work, attempt int) error {
			fmt.Println(w.Key, attempt)
			select {} // until the kill
		}})
	}
	for i := 0; ; i++ {
		id := fmt.Sprintf("%s%d", prefix, i)
		switch role {
		case "accept":
			_, err = s.Accept(ctx, store.Delivery{ID: id}, []store.Work{{Kind: "evaluate", Key: id, Args: json.RawMessage(`"` + id + `"`)}})
		case "record":
			_, err = s.Record(ctx, storetest.SampleRecord(id, i, "head"))
		}
		if err != nil {
			return err
		}
		fmt.Println(id)
	}
}

type process struct {
	*exec.Cmd
	lines  *bufio.Scanner
	errors *strings.Builder
}

func start(t *testing.T, role, url, key, prefix string) process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := process{Cmd: exec.Command(self), errors: &strings.Builder{}}
	p.Env = append(os.Environ(), envRole+"="+role, envURL+"="+url, envKey+"="+key, envPrefix+"="+prefix)
	p.Stderr = p.errors
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() }) // both fail when the test has done it
	p.lines = bufio.NewScanner(out)
	return p
}

// killAfter kills the process, as kill -9 does, when it has said n lines, and returns everything that it said.
func (p process) killAfter(t *testing.T, n int) []string {
	t.Helper()
	var said []string
	for p.lines.Scan() {
		if said = append(said, p.lines.Text()); len(said) == n {
			if err := p.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := p.lines.Err(); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	_ = p.Wait() // it reports the kill
	if len(said) < n {
		t.Errorf("the process ended by itself: %s", p.errors) // not Fatalf: it may run beside the test
	}
	return said
}

func TestCrashSQLite(t *testing.T) {
	t.Parallel()
	testCrash(t, storetest.SQLite)
}

func TestCrashPostgres(t *testing.T) {
	t.Parallel()
	testCrash(t, storetest.Postgres(t))
}

func testCrash(t *testing.T, fresh func(testing.TB) string) {
	key, err := ledger.GenerateSigner(rand.Reader, "gatehouse/test.example")
	if err != nil {
		t.Fatal(err)
	}
	signer := store.Key(key)

	t.Run("accepted, killed: the work is there", func(t *testing.T) {
		t.Parallel()
		url := fresh(t)
		said := killTwo(t, "accept", url, key.Text(), 50)
		s := storetest.Open(t, url, store.Options{Signer: signer})
		known, err := s.Delivered(t.Context(), said)
		if err != nil {
			t.Fatal(err)
		}
		stats, err := s.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Each process may have stored one more than it was able to say.
		if len(known) != len(said) || len(stats) != 1 || stats[0].Waiting < int64(len(said)) || stats[0].Waiting > int64(len(said)+2) {
			t.Fatalf("%d were said to be accepted, %d are known, queue %+v", len(said), len(known), stats)
		}
		done := make(chan string, len(said)+2)
		storetest.Work(t, s, map[string]store.Handler{"evaluate": func(_ context.Context, w store.Work, _ int) error {
			done <- w.Key
			return nil
		}})
		left := map[string]bool{}
		for _, id := range said {
			left[id] = true
		}
		for len(left) > 0 {
			select {
			case id := <-done:
				delete(left, id)
			case <-time.After(time.Minute):
				t.Fatalf("work was lost: %v", left)
			}
		}
	})

	t.Run("recorded, killed: all or nothing", func(t *testing.T) {
		t.Parallel()
		url := fresh(t)
		said := killTwo(t, "record", url, key.Text(), 30)
		s := storetest.Open(t, url, store.Options{Signer: signer})
		if err := s.CheckLog(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, id := range said {
			if _, err := s.Decision(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
		var entries, decisions []string
		for e, err := range s.Leaves(t.Context(), 0) {
			var entry store.Entry
			if err := errors.Join(err, json.Unmarshal(e.Data, &entry)); err != nil {
				t.Fatal(err)
			}
			entries = append([]string{fmt.Sprint(entry.Index, " ", entry.Detail["decision"])}, entries...)
		}
		for cursor, more := "", true; more; more = cursor != "" {
			list, next, err := s.Decisions(t.Context(), store.DecisionFilter{}, cursor, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range list {
				decisions = append(decisions, fmt.Sprint(d.LogIndex, " ", d.ID))
				if _, err := s.Facts(t.Context(), d.FactsDigest); err != nil {
					t.Error(err)
				}
				if p, err := s.Publication(t.Context(), 1, d.PullRequest, "head"); err != nil || p.State != store.Pending {
					t.Errorf("%+v, %v", p, err)
				}
			}
			cursor = next
		}
		if diff := cmp.Diff(entries, decisions); diff != "" {
			t.Error("log and decisions differ:", diff)
		}
		if len(entries) < len(said) || len(entries) > len(said)+2 {
			t.Errorf("%d decisions, %d said", len(entries), len(said))
		}
		if _, err := s.Record(t.Context(), storetest.SampleRecord("after", 1, "head")); err != nil {
			t.Error(err)
		}
	})

	t.Run("killed while working: done again", func(t *testing.T) {
		t.Parallel()
		url := fresh(t)
		s := storetest.Open(t, url, store.Options{Signer: signer, Lease: time.Second})
		if err := s.Enqueue(t.Context(), store.Work{Kind: "evaluate", Key: "1/2"}); err != nil {
			t.Fatal(err)
		}
		said := start(t, "work", url, key.Text(), "").killAfter(t, 1)
		if diff := cmp.Diff([]string{"1/2 1"}, said); diff != "" {
			t.Fatal(diff)
		}
		attempts := make(chan int, 1)
		storetest.Work(t, s, map[string]store.Handler{"evaluate": func(_ context.Context, _ store.Work, attempt int) error {
			attempts <- attempt
			return nil
		}})
		select {
		case attempt := <-attempts:
			if attempt != 2 {
				t.Errorf("attempt %d", attempt)
			}
		case <-time.After(time.Minute):
			t.Fatal("the work was not done again")
		}
	})
}

// killTwo runs two processes on one database and kills both. It returns what they said is stored.
func killTwo(t *testing.T, role, url, key string, n int) []string {
	t.Helper()
	said := make([][]string, 2)
	var both sync.WaitGroup
	for i, prefix := range []string{"a", "b"} {
		p := start(t, role, url, key, prefix)
		both.Go(func() { said[i] = p.killAfter(t, n) })
	}
	both.Wait()
	return append(said[0], said[1]...)
}
