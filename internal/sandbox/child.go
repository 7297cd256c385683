package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// Serve is the child's side: it takes the limits, locks itself in, and answers requests one after the other until in ends. It
// returns nil when the parent closed in. The process is good for nothing else afterwards.
func Serve(in io.Reader, out io.Writer, answer func(request []byte) []byte) error {
	first, err := readFrame(in, 1<<10)
	if err != nil {
		return fmt.Errorf("read the limits: %w", err)
	}
	var limits Limits
	if err := json.Unmarshal(first, &limits); err != nil {
		return fmt.Errorf("read the limits: %w", err)
	}
	if err := lockIn(limits); err != nil {
		return err
	}
	if err := writeFrame(out, nil); err != nil {
		return fmt.Errorf("answer the limits: %w", err)
	}
	for {
		request, err := readFrame(in, Request)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read a request: %w", err)
		}
		if err := writeFrame(out, answer(request)); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

// lockIn gives up everything that work on untrusted input does not need. Libraries that log would fill the parent's buffer with
// input, and the usual HTTP client must not reach anything even where the kernel leaves the network open.
func lockIn(limits Limits) error {
	log.SetOutput(io.Discard)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	http.DefaultTransport = noNetwork{}
	if err := setLimits(limits); err != nil {
		return fmt.Errorf("set the limits: %w", err)
	}
	debug.SetMemoryLimit(limits.Memory * 3 / 4)
	return nil
}

// noNetwork refuses every request.
type noNetwork struct{}

// RoundTrip implements http.RoundTripper.
func (noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("there is no network here to fetch %s", r.URL.Redacted())
}
