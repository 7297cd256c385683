//go:build unix

package gitmirror

import (
	"os/exec"
	"syscall"
)

// contain puts git and its helpers into a process group of their own, which ends as a whole with the context. It is asked
// to end first, so that git removes its lock files and temporary packs.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}

// sweep kills what is left of the group after git itself has ended.
func sweep(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // most often nothing is left
}
