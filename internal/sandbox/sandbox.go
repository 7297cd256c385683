package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Argument is the child's first argument: a program that uses this package calls [Serve] when it is given it.
const Argument = "worker"

// isolated is the child's second argument when it has namespaces of its own.
const isolated = "isolated"

// Workers starts children. It is safe for concurrent use.
type Workers struct {
	limits  Limits
	program string

	mu    sync.Mutex
	plain bool // the kernel refuses namespaces
}

// New makes a starter of children of this program. It starts none yet.
func New(limits Limits) (*Workers, error) {
	if len(os.Args) > 1 && os.Args[1] == Argument {
		return nil, errors.New("a worker process starts no worker processes")
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return &Workers{limits: limits.withDefaults(), program: program}, nil
}

// Limits are those in force.
func (w *Workers) Limits() Limits { return w.limits }

// Caller has requests answered by a worker: a [Session], or what stands for one in a worker, which starts none itself.
type Caller interface {
	// Call hands a request over and returns its answer. The error is a [*Death] when the worker ended or met a limit.
	Call(ctx context.Context, request []byte) ([]byte, error)

	// Close ends the worker. The next call has another one.
	Close()
}

// Session is one child at a time, started when it is first needed and again after it died. It is not safe for concurrent use.
type Session struct {
	workers *Workers
	child   *child
	spent   time.Duration // of the child's processor time so far
	served  int           // requests that it has answered
}

// Session makes a session, which must be closed.
func (w *Workers) Session() *Session { return &Session{workers: w} }

// Close ends the child.
func (s *Session) Close() {
	if s.child != nil {
		s.child.kill()
		s.child, s.spent, s.served = nil, 0, 0
	}
}

// PID is the child's process id, 0 when there is none.
func (s *Session) PID() int {
	if s.child == nil {
		return 0
	}
	return s.child.cmd.Process.Pid
}

// Served is how many requests the present child has answered.
func (s *Session) Served() int { return s.served }

// Call hands a request to the child and returns its answer. The error is a [*Death] when the child ended or met a limit, and the
// context's when that ended first; then the next call starts another child.
func (s *Session) Call(ctx context.Context, request []byte) ([]byte, error) {
	return s.Talk(ctx, request, func(context.Context, []byte) ([]byte, error) {
		return nil, &Death{Reason: "asks what nobody answers"}
	})
}

// Talk is Call with answers to what the child asks meanwhile. An error of answer ends the child and is returned. The time that answer
// takes is not the child's.
func (s *Session) Talk(ctx context.Context, request []byte, answer func(ctx context.Context, question []byte) ([]byte, error)) ([]byte, error) {
	if int64(len(request)) > Request {
		return nil, &Death{Reason: fmt.Sprintf("would be handed %d MiB, more than the limit of %d", len(request)>>20, Request>>20), Limit: true}
	}
	if s.child == nil {
		started, err := s.workers.start(ctx)
		if err != nil {
			return nil, err
		}
		s.child = started
	}
	t := &talk{child: s.child, limits: s.workers.limits, answer: answer, events: make(chan event), replies: make(chan []byte)}
	if cpu, _, ok := used(s.PID()); ok {
		t.before = cpu
	}
	data, err := t.run(ctx, request)
	if err == nil {
		// A child that did much is replaced, so that the last of many requests is not blamed for the time of all.
		cpu, _, _ := used(s.PID())
		if s.spent, s.served = cpu, s.served+1; s.spent > s.workers.limits.CPU*lifetime/2 {
			s.Close()
		}
		return data, nil
	}
	s.Close()
	close(t.replies)
	for range t.events { // until nobody uses the pipes any more
	}
	var broken *pipeError
	if errors.As(err, &broken) {
		err = t.child.death(broken.err, t.limits)
	}
	var death *Death
	if errors.As(err, &death) {
		death.Doing = t.doing
	}
	return nil, err
}

// talk is one request on its way.
type talk struct {
	child   *child
	limits  Limits
	answer  func(ctx context.Context, question []byte) ([]byte, error)
	events  chan event
	replies chan []byte
	before  time.Duration // the child's processor time until now
	doing   string
}

// event is a frame that came, or the end of the pipe.
type event struct {
	kind byte
	data []byte
	err  error
}

// pipeError says that the pipe to the child is broken, as it is when the child has ended.
type pipeError struct{ err error }

func (e *pipeError) Error() string { return e.err.Error() }

// look is how often a working child's processor time is looked at.
const look = 100 * time.Millisecond

// run waits for the answer and answers questions. After an error somebody must kill the child, close the replies and drain the events.
func (t *talk) run(ctx context.Context, request []byte) ([]byte, error) {
	go t.carry(request)
	left := t.limits.Wall
	began := time.Now()
	clock := time.NewTimer(left)
	defer clock.Stop()
	meter := time.NewTicker(look)
	defer meter.Stop()
	for {
		select {
		case e := <-t.events:
			switch {
			case e.err != nil:
				return nil, &pipeError{e.err}
			case e.kind == frameAnswer:
				return e.data, nil
			case e.kind == frameDoing:
				t.doing = string(e.data)
				continue
			}
			clock.Stop()
			left -= time.Since(began)
			data, err := t.answer(ctx, e.data)
			if err != nil {
				return nil, err
			}
			began = time.Now()
			clock.Reset(left)
			t.replies <- data
		case <-meter.C:
			if cpu, _, ok := used(t.child.cmd.Process.Pid); ok && cpu-t.before > t.limits.CPU {
				return nil, &Death{Reason: fmt.Sprintf("took more than %s of processor time", t.limits.CPU), Limit: true}
			}
		case <-clock.C:
			return nil, &Death{Reason: fmt.Sprintf("took more than %s", t.limits.Wall), Limit: true}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// carry moves frames between the child and run, and closes the events when nothing more will come.
func (t *talk) carry(request []byte) {
	defer close(t.events)
	if err := writeFrame(t.child.in, frameRequest, request); err != nil {
		t.events <- event{err: err}
		return
	}
	limits := map[byte]int64{frameAnswer: t.limits.Answer, frameQuestion: t.limits.Answer, frameDoing: maxDoing}
	for {
		kind, data, err := readFrame(t.child.out, limits)
		t.events <- event{kind, data, err}
		switch {
		case err != nil || kind == frameAnswer:
			return
		case kind == frameQuestion:
			data, ok := <-t.replies
			if !ok {
				return
			}
			if err := writeFrame(t.child.in, frameReply, data); err != nil {
				t.events <- event{err: err}
				return
			}
		}
	}
}
