package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// maxInput caps what a command reads from one file or standard input.
const maxInput = 256 << 20

// readInput reads a file, or standard input for "-".
func (w *world) readInput(name string) ([]byte, error) {
	from, label := w.in, "standard input"
	data := &bytes.Buffer{}
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // only read from
		if info, err := file.Stat(); err == nil && info.IsDir() {
			return nil, fmt.Errorf("%s is a directory; a file is wanted", name)
		} else if err == nil && info.Mode().IsRegular() && info.Size() <= maxInput {
			// A plan has many megabytes: they are not to be copied while it is read, nor cleared before, as Grow would.
			data = bytes.NewBuffer(make([]byte, 0, int(info.Size())+bytes.MinRead))
		}
		from, label = file, name
	}
	if _, err := data.ReadFrom(io.LimitReader(from, maxInput+1)); err != nil {
		return nil, fmt.Errorf("read %s: %w", label, err)
	}
	if data.Len() > maxInput {
		return nil, fmt.Errorf("%s is longer than the limit of %d MiB", label, maxInput>>20)
	}
	return data.Bytes(), nil
}

// widest is how far lines go on a terminal that nobody has said to be wider: longer ones are hard to read.
const widest = 100

// width is how many columns text for people has: what COLUMNS says, or the terminal's own width up to widest; 0 when neither tells.
func (w *world) width() int {
	n, err := strconv.Atoi(w.environment("COLUMNS"))
	if err == nil && n >= 40 && n <= 500 {
		return n
	}
	file, ok := w.out.(*os.File)
	if !ok || !isTerminal(file) {
		return 0
	}
	columns, _, err := term.GetSize(int(file.Fd())) //nolint:gosec // a descriptor fits
	if err != nil || columns <= 0 {
		return 0
	}
	return min(max(columns, 40), widest)
}
