package sandbox

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// setLimits sets the kernel's limits for this process, and leaves the file system where the parent gave it namespaces of its own.
func setLimits(l Limits) error {
	const data, core = 2, 4 // RLIMIT_DATA, RLIMIT_CORE
	closeInherited()
	// A machine that runs out of memory ends a worker rather than the server. Where that cannot be said, the limits must do.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0) //nolint:errcheck // as above
	// The parent counts what each request takes; this is for a parent that cannot.
	seconds := uint64(math.Ceil(l.CPU.Seconds() * lifetime))
	for _, limit := range []struct {
		resource int
		value    uint64
		name     string
	}{
		// Writable memory, not address space: Go reserves far more addresses than it uses.
		{data, uint64(l.Memory) * memoryFactor, "memory"}, //nolint:gosec // not negative
		{syscall.RLIMIT_CPU, seconds, "processor time"},
		{syscall.RLIMIT_NOFILE, 64, "open files"},
		{syscall.RLIMIT_FSIZE, 0, "file size"},
		{core, 0, "core dumps"},
	} {
		if err := syscall.Setrlimit(limit.resource, &syscall.Rlimit{Cur: limit.value, Max: limit.value}); err != nil {
			return fmt.Errorf("%s: %w", limit.name, err)
		}
	}
	if len(os.Args) > 2 && os.Args[2] == isolated {
		// An empty folder that vanishes with the process: nothing can be opened by name from here on.
		if err := syscall.Chroot("/proc/self/fdinfo"); err != nil {
			return fmt.Errorf("leave the file system: %w", err)
		}
		return syscall.Chdir("/")
	}
	return nil
}

// closeInherited closes what the server itself was started with and never knew of: Go marks everything that it opens as its own.
func closeInherited() {
	for fd := 3; fd < 1024; fd++ {
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
			_ = syscall.Close(fd) //nolint:errcheck // nothing depends on it
		}
	}
}

// attributes ties the child to its parent and, if namespaces, gives it a network and a file system of its own, without anything.
func attributes(namespaces bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if namespaces {
		attr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWNS
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// killGroup kills a child and whatever it has started, which it has no reason to.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) } //nolint:errcheck // it may have ended

// ticksPerSecond is the unit of the kernel's account of processor time, on every architecture that Go runs on.
const ticksPerSecond = 100

// used is the processor time that a running process has taken so far, and the memory that it holds, in bytes; ok is false when
// that cannot be told.
func used(pid int) (cpu time.Duration, resident int64, ok bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, false
	}
	// The name in the second field may hold anything, also spaces and brackets.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 22 {
		return 0, 0, false
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	pages, err3 := strconv.ParseInt(fields[21], 10, 64)
	return time.Duration(user+system) * time.Second / ticksPerSecond, pages * int64(os.Getpagesize()), err1 == nil && err2 == nil && err3 == nil
}

// overtime reports whether an ended process had used up the processor time of its whole life; the kernel then kills it without a
// word. It counts in ticks, so the figures do not agree to the last percent.
func overtime(state *os.ProcessState, l Limits) bool {
	if state == nil {
		return false
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL && state.UserTime()+state.SystemTime() >= l.CPU*lifetime*4/5
}
