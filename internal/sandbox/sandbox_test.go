package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// TestMain lets the test binary be its own worker.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Argument {
		if err := sandbox.Serve(os.Stdin, os.Stdout, answer); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var held [][]byte

func answer(request []byte) []byte {
	switch string(request) {
	case "echo":
		return []byte("echo")
	case "environment":
		return []byte(strings.Join(os.Environ(), "\n"))
	case "loop":
		for i := 0; ; i++ {
			request[0] = byte(i)
		}
	case "allocate":
		for {
			held = append(held, bytes.Repeat([]byte("x"), 8<<20))
		}
	case "at once":
		return bytes.Repeat([]byte("x"), 3<<30)[:1]
	case "recurse":
		return []byte{recurse(0, [64]byte{})}
	case "panic":
		panic("as asked")
	case "exit":
		os.Exit(7)
	case "long":
		return make([]byte, 2<<20)
	case "file":
		_, err := os.ReadFile("/etc/passwd")
		return fmt.Append(nil, err)
	case "write":
		err := os.WriteFile("/tmp/gatehouse-sandbox-test", []byte("x"), 0o600)
		return fmt.Append(nil, err)
	case "network":
		_, err := net.DialTimeout("udp", "192.0.2.1:53", time.Second)
		return fmt.Append(nil, err)
	}
	return nil
}

func recurse(n int, big [64]byte) byte {
	big[n%64]++
	return recurse(n+1, big) + big[0] //nolint:staticcheck // without end on purpose: the worker must die of it alone
}

func workers(t *testing.T) *sandbox.Workers {
	t.Helper()
	w, err := sandbox.New(sandbox.Limits{Memory: 256 << 20, CPU: 2 * time.Second, Wall: 3 * time.Minute, Answer: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestEachDeathIsToldAndTheNextRequestIsAnswered(t *testing.T) {
	t.Parallel()
	s := workers(t).Session()
	defer s.Close()
	for _, c := range []struct {
		ask, want string
		limit     bool
	}{
		{"allocate", "took more than 256 MiB of memory", true},
		{"at once", "took more than 256 MiB of memory", true},
		{"recurse", "took more than 256 MiB of memory", true},
		{"loop", "took more than 2s of processor time", true},
		{"long", "made more than 1 MiB", true},
		{"panic", "ended (exit status 2): panic: as asked", false},
		{"exit", "ended (exit status 7)", false},
	} {
		_, err := s.Call(t.Context(), []byte(c.ask))
		var death *sandbox.Death
		if !errors.As(err, &death) || *death != (sandbox.Death{Reason: c.want, Limit: c.limit}) {
			t.Errorf("%s: %v", c.ask, err)
		}
		if got, err := s.Call(t.Context(), []byte("echo")); err != nil || string(got) != "echo" {
			t.Errorf("after %s: %q, %v", c.ask, got, err)
		}
	}
}

func TestWallClock(t *testing.T) {
	t.Parallel()
	w, err := sandbox.New(sandbox.Limits{Wall: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s := w.Session()
	defer s.Close()
	_, err = s.Call(t.Context(), []byte("loop"))
	var death *sandbox.Death
	if !errors.As(err, &death) || *death != (sandbox.Death{Reason: "took more than 2s", Limit: true}) {
		t.Error(err)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	s := workers(t).Session()
	defer s.Close()
	if _, err := s.Call(t.Context(), []byte("echo")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := s.Call(ctx, []byte("loop")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestNothingToReach holds the child to an empty environment and files that cannot be written everywhere, and, where the kernel
// gives it namespaces, to no files and no network at all.
func TestNothingToReach(t *testing.T) {
	t.Parallel()
	s := workers(t).Session()
	defer s.Close()
	got, err := s.Call(t.Context(), []byte("environment"))
	if err != nil || len(got) > 0 {
		t.Errorf("environment %q, %v", got, err)
	}
	got, err = s.Call(t.Context(), []byte("file"))
	if err != nil {
		t.Fatal(err)
	}
	isolated := strings.Contains(string(got), "no such file")
	t.Logf("namespaces: %v", isolated)
	got, err = s.Call(t.Context(), []byte("network"))
	if err != nil || isolated && !strings.Contains(string(got), "network is unreachable") {
		t.Errorf("network: %s, %v", got, err)
	}
	if got, err := s.Call(t.Context(), []byte("write")); err == nil && string(got) == "%!v(<nil>)" {
		t.Errorf("a file was written: %s", got)
	}
	if _, err := os.Stat("/tmp/gatehouse-sandbox-test"); err == nil {
		if info, _ := os.Stat("/tmp/gatehouse-sandbox-test"); info.Size() > 0 {
			t.Error("a file was written")
		}
		_ = os.Remove("/tmp/gatehouse-sandbox-test")
	}
}
