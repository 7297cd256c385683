package sandbox_test

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// ask has a pool's worker answer one request, and gives its process id.
func ask(t *testing.T, p *sandbox.Pool, key string) int {
	t.Helper()
	s := p.Take(key)
	defer func() { p.Give(key, s) }()
	if got, err := s.Call(t.Context(), []byte("echo")); err != nil || string(got) != "echo" {
		t.Fatalf("%q, %v", got, err)
	}
	return s.PID()
}

// gone waits until there is no process of that id.
func gone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAWorkerServesOneKey(t *testing.T) {
	t.Parallel()
	p := sandbox.NewPool(workers(t), sandbox.PoolLimits{Idle: 2})
	defer p.Close()
	a, b := ask(t, p, "a"), ask(t, p, "b")
	if a == b {
		t.Error("two keys have one worker")
	}
	if again := ask(t, p, "a"); again != a {
		t.Error("the worker was not kept")
	}
	c := ask(t, p, "c") // one too many: that of b, the longest without work, goes
	gone(t, b)
	if again := ask(t, p, "a"); again != a {
		t.Error("the wrong worker went")
	}
	p.Close()
	for _, pid := range []int{a, c} {
		gone(t, pid)
	}
}

func TestWorkersAreReplaced(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]sandbox.PoolLimits{
		"after so many requests": {Requests: 2},
		"when they are large":    {Resident: 1},
		"when nobody wants them": {Age: time.Nanosecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := sandbox.NewPool(workers(t), limits)
			defer p.Close()
			first := ask(t, p, "a")
			if limits.Requests == 2 {
				if again := ask(t, p, "a"); again != first {
					t.Error("replaced after one request")
				}
			}
			gone(t, first)
			ask(t, p, "a")
		})
	}
}

// TestOneInUseIsNotShared: two at once have two workers, and one that is given back to a closed pool ends.
func TestOneInUseIsNotShared(t *testing.T) {
	t.Parallel()
	p := sandbox.NewPool(workers(t), sandbox.PoolLimits{})
	first := ask(t, p, "a")
	s := p.Take("a")
	if s.PID() != first {
		t.Error("the worker was not kept")
	}
	if other := ask(t, p, "a"); other == first {
		t.Error("a worker at work was given away")
	}
	p.Close()
	p.Give("a", s)
	gone(t, first)
}

// TestNoOrphans: a parent that is killed leaves no worker behind, not even one that is busy.
func TestNoOrphans(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	parent, err := os.StartProcess(self, []string{orphanMaker}, &os.ProcAttr{Files: []*os.File{nil, write, os.Stderr}, Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	write.Close()
	text := make([]byte, 20)
	n, err := read.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text[:n]))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := parent.Wait(); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
}

// TestASpareIsStartedAhead: whoever comes first gets it, another takes its place, and none outlives its pool.
func TestASpareIsStartedAhead(t *testing.T) {
	t.Parallel()
	p := sandbox.NewPool(workers(t), sandbox.PoolLimits{Spare: true})
	defer p.Close()
	spare := func() int {
		t.Helper()
		deadline := time.Now().Add(time.Minute)
		for p.SparePID() == 0 {
			if time.Now().After(deadline) {
				t.Fatal("no worker is started ahead")
			}
			time.Sleep(time.Millisecond)
		}
		return p.SparePID()
	}
	first := spare()
	if got := ask(t, p, "a"); got != first {
		t.Error("another worker was started although one was there")
	}
	if got := ask(t, p, "a"); got != first || p.SparePID() != 0 {
		t.Error("the worker was not kept, or another one was started that nobody has asked for")
	}
	second := ask(t, p, "b")
	third := spare()
	if got := ask(t, p, "c"); got != third || second == first {
		t.Error("the first request of another key did not get the spare")
	}
	p.Close()
	for _, pid := range []int{first, second, third} {
		gone(t, pid)
	}
	p.Give("c", p.Take("c")) // a closed pool starts none
	if p.SparePID() != 0 {
		t.Error("a closed pool has a spare")
	}
}
