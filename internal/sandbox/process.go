package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

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
	cmd.WaitDelay = startTime // whatever holds its standard error open
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
	if err := c.hello(limits); err != nil {
		c.kill()
		return nil, fmt.Errorf("it does not answer: %s", firstLine(c.stderr.String()))
	}
	return c, nil
}

// hello gives the child its limits, and waits until they are in force.
func (c *child) hello(limits []byte) error {
	if err := writeFrame(c.in, frameLimits, limits); err != nil {
		return err
	}
	_, _, err := readFrame(c.out, map[byte]int64{frameAnswer: 0})
	return err
}

// kill ends the process and waits for it.
func (c *child) kill() {
	killGroup(c.cmd.Process.Pid)
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
	case errors.As(err, new(errProtocol)):
		return &Death{Reason: "answered with something that is no answer"}
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
