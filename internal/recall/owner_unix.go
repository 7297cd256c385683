//go:build unix

package recall

import (
	"io/fs"
	"os"
	"syscall"
)

// owned reports whether a file is the user's own.
func owned(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(stat.Uid) == int64(os.Geteuid())
}
