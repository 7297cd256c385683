package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Serve is the child's side: it takes the limits, locks itself in, and answers requests one after the other until in ends. It
// returns nil when the parent closed in. The process is good for nothing else afterwards.
func Serve(in io.Reader, out io.Writer, answer func(request []byte) []byte) error {
	return ServeWith(in, out, func(_ *Parent, request []byte) []byte { return answer(request) })
}

// Parent is who a child works for. It is safe for concurrent use while a request is answered.
type Parent struct {
	asking  sync.Mutex // held while a question waits for its reply
	writing sync.Mutex
	out     io.Writer
	replies chan []byte
}

// Ask asks the parent, and waits for the reply. A parent that does not want to reply ends the process.
func (p *Parent) Ask(question []byte) ([]byte, error) {
	p.asking.Lock()
	defer p.asking.Unlock()
	if err := p.write(frameQuestion, question); err != nil {
		return nil, fmt.Errorf("ask the parent process: %w", err)
	}
	return <-p.replies, nil
}

// Doing tells the parent what is being done, in case it is the last thing.
func (p *Parent) Doing(what string) {
	_ = p.write(frameDoing, []byte(what[:min(len(what), maxDoing)])) // a parent that is gone ends the process by itself
}

func (p *Parent) write(kind byte, data []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	return writeFrame(p.out, kind, data)
}

// ServeWith is Serve for answers that need more of the parent than the request.
func ServeWith(in io.Reader, out io.Writer, answer func(parent *Parent, request []byte) []byte) error {
	_, first, err := readFrame(in, map[byte]int64{frameLimits: 1 << 10})
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
	parent := &Parent{out: out, replies: make(chan []byte)}
	if err := parent.write(frameAnswer, nil); err != nil {
		return fmt.Errorf("answer the limits: %w", err)
	}
	requests, ended := make(chan []byte), make(chan error, 1)
	var busy atomic.Bool
	go func() {
		err := read(in, requests, parent.replies)
		if busy.Load() {
			os.Exit(1) // nobody waits for what is being worked on, and it might never end
		}
		ended <- err
	}()
	for {
		select {
		case err := <-ended:
			return err
		case request := <-requests:
			busy.Store(true)
			data := answer(parent, request)
			busy.Store(false)
			if err := parent.write(frameAnswer, data); err != nil {
				return fmt.Errorf("answer: %w", err)
			}
		}
	}
}

// read hands on what the parent sends, until it sends no more.
func read(in io.Reader, requests, replies chan<- []byte) error {
	limits := map[byte]int64{frameRequest: Request, frameReply: reply}
	for {
		kind, data, err := readFrame(in, limits)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read a request: %w", err)
		case kind == frameRequest:
			requests <- data
		default:
			replies <- data
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
