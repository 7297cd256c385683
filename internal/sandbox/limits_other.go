//go:build !linux

package sandbox

import (
	"os"
	"syscall"
	"time"
)

// setLimits leaves the limits to the memory limit of the runtime and to the parent's clock: other systems than Linux are for
// development, not for servers.
func setLimits(Limits) error { return nil }

func attributes(bool) *syscall.SysProcAttr { return nil }

func killGroup(int) {}

func used(int) (time.Duration, int64, bool) { return 0, 0, false }

func overtime(*os.ProcessState, Limits) bool { return false }
