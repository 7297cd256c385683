package cli

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// pty is the user's side of a terminal with so many columns.
func pty(t *testing.T, columns uint16) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		noTerminal(t, err)
	}
	t.Cleanup(func() { master.Close() })
	control := func(request uintptr, value unsafe.Pointer) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(value)); errno != 0 {
			noTerminal(t, errno)
		}
	}
	var locked, number int32
	size := struct{ rows, columns, x, y uint16 }{rows: 24, columns: columns}
	control(syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	control(syscall.TIOCGPTN, unsafe.Pointer(&number))
	control(syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		noTerminal(t, err)
	}
	t.Cleanup(func() { slave.Close() })
	return slave
}

func TestWidth(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		out     io.Writer
		columns string
		want    int
	}{
		"a terminal":                      {pty(t, 72), "", 72},
		"a narrow terminal":               {pty(t, 20), "", 40},
		"a wide terminal":                 {pty(t, 240), "", 100},
		"a terminal that does not say":    {pty(t, 0), "", 0},
		"the shell says, as it may do":    {pty(t, 72), "130", 130},
		"the shell says what is no width": {pty(t, 72), "wide", 72},
		"no terminal":                     {io.Discard, "", 0},
		"no terminal, but the shell says": {io.Discard, "80", 80},
	} {
		w := &world{out: test.out, environ: []string{"COLUMNS=" + test.columns}}
		if got := w.width(); got != test.want {
			t.Errorf("%s: %d columns, want %d", name, got, test.want)
		}
	}
}

// noTerminal ends a test on a machine that makes no terminals; where everything must be there, it fails.
func noTerminal(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("no terminals here:", err)
	}
	t.Skip("no terminals here:", err)
}
