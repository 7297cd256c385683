package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
)

// maxInput caps what a command reads from one file or standard input.
const maxInput = 256 << 20

// readInput reads a file, or standard input for "-".
func (w *world) readInput(name string) ([]byte, error) {
	from, label := w.in, "standard input"
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // only read from
		if info, err := file.Stat(); err == nil && info.IsDir() {
			return nil, fmt.Errorf("%s is a directory; a file is wanted", name)
		}
		from, label = file, name
	}
	data, err := io.ReadAll(io.LimitReader(from, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", label, err)
	}
	if len(data) > maxInput {
		return nil, fmt.Errorf("%s is longer than the limit of %d MiB", label, maxInput>>20)
	}
	return data, nil
}

// width is the terminal's width in columns, as the shell tells it; 0 when it does not.
func (w *world) width() int {
	n, err := strconv.Atoi(w.environment("COLUMNS"))
	if err != nil || n < 40 || n > 500 {
		return 0
	}
	return n
}
