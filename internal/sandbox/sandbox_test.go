package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// orphanMaker is the name under which the test binary is a parent that gets killed.
const orphanMaker = "gatehouse-orphan-maker"

// makeOrphan has a worker work without end, and says its process id.
func makeOrphan() {
	w, err := sandbox.New(sandbox.Limits{})
	if err != nil {
		panic(err)
	}
	s := w.Session()
	_, err = s.Talk(context.Background(), []byte("ask, then loop"), func(context.Context, []byte) ([]byte, error) {
		fmt.Print(s.PID())
		return nil, nil
	})
	panic(err)
}

// TestMain lets the test binary be its own worker.
func TestMain(m *testing.M) {
	if os.Args[0] == orphanMaker && len(os.Args) == 1 {
		makeOrphan()
	}
	if len(os.Args) > 1 && os.Args[1] == sandbox.Argument {
		if err := sandbox.ServeWith(os.Stdin, os.Stdout, answerWith); err != nil {
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

// answerWith is answer for requests that need the parent.
func answerWith(parent *sandbox.Parent, request []byte) []byte {
	switch string(request) {
	case "ask":
		var all []byte
		for _, question := range []string{"one", "two", "three"} {
			reply, err := parent.Ask([]byte(question))
			if err != nil {
				return []byte(err.Error())
			}
			all = append(all, reply...)
		}
		return all
	case "ask, then loop":
		_, _ = parent.Ask(nil)
		return answer([]byte("loop"))
	case "ask without end":
		for {
			if _, err := parent.Ask([]byte("more")); err != nil {
				return nil
			}
		}
	case "loop and say so":
		parent.Doing("counting to infinity")
		return answer([]byte("loop"))
	case "garbage":
		_, _ = os.Stdout.WriteString("GARBAGE: this is no frame at all")
		select {}
	case "descriptors":
		var inherited []string
		for fd := range 64 {
			flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
			if errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
				inherited = append(inherited, strconv.Itoa(fd))
			}
		}
		return []byte(strings.Join(inherited, " "))
	}
	return answer(request)
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

// TestNothingIsInherited opens a file, a socket and a pipe in the parent: the child has its three standard descriptors.
func TestNothingIsInherited(t *testing.T) {
	t.Parallel()
	file, err := os.Open("/etc/hostname")
	if err == nil {
		defer file.Close()
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s := workers(t).Session()
	defer s.Close()
	got, err := s.Call(t.Context(), []byte("descriptors"))
	if err != nil || string(got) != "0 1 2" {
		t.Errorf("descriptors %s, %v", got, err)
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.PID()))
	if err == nil && len(environ) > 0 {
		t.Errorf("the kernel says that its environment is %q", environ)
	}
}

func TestQuestionsAreAnswered(t *testing.T) {
	t.Parallel()
	s := workers(t).Session()
	defer s.Close()
	var asked []string
	got, err := s.Talk(t.Context(), []byte("ask"), func(_ context.Context, question []byte) ([]byte, error) {
		asked = append(asked, string(question))
		return append([]byte("<"), append(question, '>')...), nil
	})
	if err != nil || string(got) != "<one><two><three>" || !slices.Equal(asked, []string{"one", "two", "three"}) {
		t.Errorf("%q after %q, %v", got, asked, err)
	}
	if s.Served() != 1 {
		t.Errorf("%d served", s.Served())
	}
}

// TestAFailedQuestionEndsTheChild: what keeps the parent from answering is told, and the next request has another child.
func TestAFailedQuestionEndsTheChild(t *testing.T) {
	t.Parallel()
	s := workers(t).Session()
	defer s.Close()
	failure := errors.New("the disk is on fire")
	_, err := s.Talk(t.Context(), []byte("ask"), func(context.Context, []byte) ([]byte, error) { return nil, failure })
	if !errors.Is(err, failure) || s.PID() != 0 {
		t.Errorf("%v, process %d", err, s.PID())
	}
	var death *sandbox.Death
	if _, err := s.Call(t.Context(), []byte("ask")); !errors.As(err, &death) || death.Reason != "asks what nobody answers" {
		t.Error(err)
	}
	if got, err := s.Call(t.Context(), []byte("echo")); err != nil || string(got) != "echo" {
		t.Errorf("afterwards %q, %v", got, err)
	}
}

func TestADeathTellsWhatWasDone(t *testing.T) {
	t.Parallel()
	s := workers(t).Session()
	defer s.Close()
	_, err := s.Call(t.Context(), []byte("loop and say so"))
	var death *sandbox.Death
	want := sandbox.Death{Reason: "took more than 2s of processor time", Limit: true, Doing: "counting to infinity"}
	if !errors.As(err, &death) || *death != want {
		t.Errorf("%#v", err)
	}
	if _, err := s.Call(t.Context(), []byte("garbage")); !errors.As(err, &death) || death.Limit || death.Reason != "answered with something that is no answer" {
		t.Errorf("%#v", err)
	}
}

// TestTheParentsTimeIsNotTheChilds: questions that take the parent longer than the child has do not end it, but a child that only ever
// asks ends with the context.
func TestTheParentsTimeIsNotTheChilds(t *testing.T) {
	t.Parallel()
	w, err := sandbox.New(sandbox.Limits{Wall: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s := w.Session()
	defer s.Close()
	slow := make(chan struct{})
	time.AfterFunc(2500*time.Millisecond, func() { close(slow) })
	_, err = s.Talk(t.Context(), []byte("ask"), func(context.Context, []byte) ([]byte, error) { <-slow; return nil, nil })
	if err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	_, err = s.Talk(ctx, []byte("ask without end"), func(context.Context, []byte) ([]byte, error) {
		if asked++; asked == 100 {
			cancel()
		}
		return nil, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestKilledFromOutside is what the kernel does when memory runs out.
func TestKilledFromOutside(t *testing.T) {
	t.Parallel()
	s := workers(t).Session()
	defer s.Close()
	_, err := s.Talk(t.Context(), []byte("ask"), func(context.Context, []byte) ([]byte, error) {
		return nil, syscall.Kill(s.PID(), syscall.SIGKILL)
	})
	var death *sandbox.Death
	if !errors.As(err, &death) || *death != (sandbox.Death{Reason: "ended (signal: killed)"}) {
		t.Errorf("%#v", err)
	}
}
