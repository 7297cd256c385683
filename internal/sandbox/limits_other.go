//go:build !linux

package sandbox

import (
	"os"
	"syscall"
)

// setLimits leaves the limits to the memory limit of the runtime and to the parent's clock: other systems than Linux are for
// development, not for servers.
func setLimits(Limits) error { return nil }

func attributes(bool) *syscall.SysProcAttr { return nil }

func overtime(*os.ProcessState, Limits) bool { return false }
