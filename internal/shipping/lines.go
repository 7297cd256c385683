package shipping

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// Lines writes entries as JSON Lines, to standard output most likely: one line each, see [Line].
type Lines struct {
	mu   sync.Mutex
	out  io.Writer
	torn bool // the last write ended within a line
}

// NewLines ships to out.
func NewLines(out io.Writer) *Lines { return &Lines{out: out} }

// Name implements Destination.
func (*Lines) Name() string { return "stdout" }

// Send implements Destination. It returns when out has taken the bytes.
func (l *Lines) Send(ctx context.Context, entries []Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var text []byte
	if l.torn { // what is left of the last attempt must not swallow the first line of this one
		text = append(text, '\n')
	}
	for _, e := range entries {
		text = append(append(text, e.Line...), '\n')
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	n, err := l.out.Write(text)
	if n > 0 {
		l.torn = text[n-1] != '\n'
	}
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	return nil
}
