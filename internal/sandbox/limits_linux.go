package sandbox

import (
	"fmt"
	"math"
	"os"
	"syscall"
)

// setLimits sets the kernel's limits for this process, and leaves the file system where the parent gave it namespaces of its own.
func setLimits(l Limits) error {
	const data, core = 2, 4 // RLIMIT_DATA, RLIMIT_CORE
	seconds := uint64(math.Ceil(l.CPU.Seconds()))
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

// overtime reports whether an ended process had used up its processor time; the kernel then kills it without a word. It counts in
// ticks, so the figures do not agree to the last percent.
func overtime(state *os.ProcessState, l Limits) bool {
	if state == nil {
		return false
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL && state.UserTime()+state.SystemTime() >= l.CPU*4/5
}
