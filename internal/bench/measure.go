package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is where things are and how often they run.
type bench struct {
	dir       string
	runs      int
	gatehouse string
	conftest  string
}

// programs builds gatehouse and, unless there is one, installs conftest.
func (b *bench) programs(ctx context.Context) error {
	if err := command(ctx, nil, "go", "build", "-o", b.gatehouse, "github.com/gatehouse-dev/gatehouse/cmd/gatehouse"); err != nil {
		return err
	}
	if b.conftest != "" {
		return nil
	}
	b.conftest = filepath.Join(b.dir, "conftest")
	return command(ctx, []string{"GOBIN=" + b.dir, "GOFLAGS="}, "go", "install", "github.com/open-policy-agent/conftest@"+conftestVersion)
}

func command(ctx context.Context, environ []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), environ...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// measurement is one run of a process.
type measurement struct {
	wall   time.Duration
	cpu    time.Duration // of all its threads, in user and system mode
	memory int64         // largest resident size, bytes: with the pages of the program's own file
	own    int64         // largest size of its own pages seen, bytes; 0 where the system does not tell
	found  int           // what it reported: the programs must agree on equal rules
}

// contestant is one line of a table.
type contestant struct {
	name    string
	args    []string                  // program and arguments
	environ []string                  // added to the environment
	found   func([]byte) (int, error) // counts findings in its output
	before  func(run int) error       // done before each run, not measured
	inside  bool                      // the process prints its own time in nanoseconds: only the decoding counts
}

// measure runs a contestant once. An exit status of 1 only says that there are findings.
func (c *contestant) measure(ctx context.Context, dir string, run int) (m measurement, err error) {
	if c.before != nil {
		if err := c.before(run); err != nil {
			return m, err
		}
	}
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), c.environ...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return m, err
	}
	own := watch(cmd.Process.Pid)
	err = cmd.Wait()
	m.wall = time.Since(start)
	m.own = own()
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return m, fmt.Errorf("%s: %w\n%s", strings.Join(c.args, " "), err, stderr.Bytes())
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.memory = usage.Maxrss * 1024
	}
	if c.inside {
		var nanoseconds int64
		if _, err := fmt.Sscan(out.String(), &nanoseconds); err != nil {
			return m, fmt.Errorf("reading the time of %s: %w", c.name, err)
		}
		m.wall = time.Duration(nanoseconds)
	}
	if c.found != nil {
		if m.found, err = c.found(out.Bytes()); err != nil {
			return m, fmt.Errorf("reading the report of %s: %w", c.name, err)
		}
	}
	return m, nil
}

// watch looks at the memory of a process until the function that it returns is called, which gives the most that was seen.
func watch(pid int) func() int64 {
	stop, done := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				done <- most
				return
			case <-tick.C:
				most = max(most, anonymous(pid))
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-done
	}
}

// anonymous is the memory of a process that no file backs, in bytes, as Linux tells it.
func anonymous(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			var kilobytes int64
			if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
				return 0
			}
			return kilobytes << 10
		}
	}
	return 0
}

// decodeOnce decodes a file as encoding/json does it without types, and prints how long that took.
func decodeOnce(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	start := time.Now()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	fmt.Println(time.Since(start).Nanoseconds())
	return nil
}

// ofGatehouse counts the findings of a JSON report.
func ofGatehouse(out []byte) (int, error) {
	var report struct {
		Findings []json.RawMessage `json:"findings"`
		Errors   []json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return 0, err
	}
	if len(report.Errors) > 0 {
		return 0, fmt.Errorf("it could not judge: %s", report.Errors[0])
	}
	return len(report.Findings), nil
}

// ofConftest counts the failures of a JSON report.
func ofConftest(out []byte) (int, error) {
	var report []struct {
		Failures []json.RawMessage `json:"failures"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return 0, err
	}
	n := 0
	for _, r := range report {
		n += len(r.Failures)
	}
	return n, nil
}

// median of the measurements, of each quantity by itself.
func median(all []measurement) measurement {
	m := all[0]
	slices.SortFunc(all, func(a, b measurement) int { return int(a.wall - b.wall) })
	m.wall = all[len(all)/2].wall
	slices.SortFunc(all, func(a, b measurement) int { return int(a.cpu - b.cpu) })
	m.cpu = all[len(all)/2].cpu
	slices.SortFunc(all, func(a, b measurement) int { return int(a.memory - b.memory) })
	m.memory = all[len(all)/2].memory
	slices.SortFunc(all, func(a, b measurement) int { return int(a.own - b.own) })
	m.own = all[len(all)/2].own
	return m
}
