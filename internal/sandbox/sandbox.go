package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// Argument is the child's first argument: a program that uses this package calls [Serve] when it is given it.
const Argument = "worker"

// isolated is the child's second argument when it has namespaces of its own.
const isolated = "isolated"

// Workers starts children. It is safe for concurrent use.
type Workers struct {
	limits  Limits
	program string

	mu    sync.Mutex
	plain bool // the kernel refuses namespaces
}

// New makes a starter of children of this program. It starts none yet.
func New(limits Limits) (*Workers, error) {
	if len(os.Args) > 1 && os.Args[1] == Argument {
		return nil, errors.New("a worker process starts no worker processes")
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return &Workers{limits: limits.withDefaults(), program: program}, nil
}

// Limits are those in force.
func (w *Workers) Limits() Limits { return w.limits }

// Session is one child at a time, started when it is first needed and again after it died. It is not safe for concurrent use.
type Session struct {
	workers *Workers
	child   *child
	spent   time.Duration // in the child's requests so far
}

// Session makes a session, which must be closed.
func (w *Workers) Session() *Session { return &Session{workers: w} }

// Close ends the child.
func (s *Session) Close() {
	if s.child != nil {
		s.child.kill()
		s.child, s.spent = nil, 0
	}
}

// Call hands a request to the child and returns its answer. The error is a [*Death] when the child ended or met a limit, and the
// context's when that ended first; then the next call starts another child.
func (s *Session) Call(ctx context.Context, request []byte) ([]byte, error) {
	limits := s.workers.limits
	if int64(len(request)) > Request {
		return nil, &Death{Reason: fmt.Sprintf("would be handed %d MiB, more than the limit of %d", len(request)>>20, Request>>20), Limit: true}
	}
	if s.child == nil {
		started, err := s.workers.start(ctx)
		if err != nil {
			return nil, err
		}
		s.child = started
	}
	type result struct {
		data []byte
		err  error
	}
	c, began := s.child, time.Now()
	done := make(chan result, 1)
	go func() {
		data, err := c.exchange(request, limits.Answer)
		done <- result{data, err}
	}()
	clock := time.NewTimer(limits.Wall)
	defer clock.Stop()
	select {
	case r := <-done:
		if r.err == nil {
			// A child that did much is replaced, so that the last of many requests is not blamed for the time of all.
			if s.spent += time.Since(began); s.spent > limits.CPU/4 {
				s.Close()
			}
			return r.data, nil
		}
		s.Close()
		return nil, c.death(r.err, limits)
	case <-clock.C:
		s.Close()
		<-done
		return nil, &Death{Reason: fmt.Sprintf("took more than %s", limits.Wall), Limit: true}
	case <-ctx.Done():
		s.Close()
		<-done
		return nil, ctx.Err()
	}
}

// child is a running process.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	stderr *tail
}

// startTime is how long a child may take to begin, on a busy machine.
const startTime = time.Minute

// start starts a child, with namespaces of its own where the kernel lets us.
func (w *Workers) start(ctx context.Context) (*child, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	plain := w.plain
	w.mu.Unlock()
	if !plain {
		c, err := w.spawn(true)
		if err == nil {
			return c, nil
		}
	}
	c, err := w.spawn(false)
	if err != nil {
		return nil, fmt.Errorf("start a worker process: %w", err)
	}
	w.mu.Lock()
	w.plain = true
	w.mu.Unlock()
	return c, nil
}

func (w *Workers) spawn(namespaces bool) (*child, error) {
	cmd := exec.Command(w.program, Argument) //nolint:noctx // the session ends it
	if namespaces {
		cmd.Args = append(cmd.Args, isolated)
	}
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.SysProcAttr = attributes(namespaces)
	c := &child{cmd: cmd, stderr: &tail{}}
	cmd.Stderr = c.stderr
	var err error
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	limits, err := json.Marshal(w.limits)
	if err != nil {
		c.kill()
		return nil, err
	}
	hello := time.AfterFunc(startTime, func() { _ = cmd.Process.Kill() })
	defer hello.Stop()
	if answer, err := c.exchange(limits, 0); err != nil || len(answer) > 0 {
		c.kill()
		return nil, fmt.Errorf("it does not answer: %s", firstLine(c.stderr.String()))
	}
	return c, nil
}

func (c *child) exchange(request []byte, limit int64) ([]byte, error) {
	if err := writeFrame(c.in, request); err != nil {
		return nil, err
	}
	return readFrame(c.out, limit)
}

// kill ends the process and waits for it.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() //nolint:errcheck // it may have ended
	_ = c.in.Close()         //nolint:errcheck // as above
	_ = c.cmd.Wait()         //nolint:errcheck // how it ended is read from the state
}

// outOfMemory is what runtimes say when the kernel gives them no more: for values, for a stack, for a thread's stack.
var outOfMemory = []string{
	"out of memory", "cannot allocate memory", "failed to allocate", "stack exceeds", "pthread_create failed", "failed to create new OS thread",
}

// death says why the child ended; it is called after kill.
func (c *child) death(err error, l Limits) error {
	var long errTooLong
	said := c.stderr.String()
	switch {
	case errors.As(err, &long):
		return &Death{Reason: fmt.Sprintf("made more than %d MiB", long.limit>>20), Limit: true}
	case slices.ContainsFunc(outOfMemory, func(sign string) bool { return strings.Contains(said, sign) }):
		return &Death{Reason: fmt.Sprintf("took more than %d MiB of memory", l.Memory>>20), Limit: true}
	case overtime(c.cmd.ProcessState, l):
		return &Death{Reason: fmt.Sprintf("took more than %s of processor time", l.CPU), Limit: true}
	}
	reason := "ended"
	if state := c.cmd.ProcessState; state != nil {
		reason = "ended (" + state.String() + ")"
	}
	if line := firstLine(said); line != "" {
		reason += ": " + line
	}
	return &Death{Reason: reason}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line[:min(len(line), 200)]
}

// tail keeps the beginning of what a child says on standard error, which is where a runtime says why it gives up.
type tail struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 8<<10 - t.text.Len(); room > 0 {
		t.text.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
