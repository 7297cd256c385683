// Package sandbox runs work on untrusted input in a child process of this same program: without environment or credentials, with
// limits on memory, processor time, open files and the wall clock, dead when its parent is, and, where the kernel lets an ordinary
// user make namespaces, without network and without a file system. What kills the child costs one request, never the parent.
//
// The protocol is frames on the child's standard input and output: one byte that says what it is, four bytes of length, big endian,
// then that many bytes. The first frame carries the limits as JSON and is answered by an empty one. Each request after that is answered
// by one answer; on the way there the child may ask the parent questions, one at a time, and say what it is doing.
package sandbox

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// Limits end a request that costs too much. The zero value of a field is its default.
type Limits struct {
	Memory int64         // bytes that one child may hold; 512 MiB
	CPU    time.Duration // processor time of one request; 2 minutes
	Wall   time.Duration // one request, from being sent to being answered, but for the time that the parent takes for questions; 30 seconds
	Answer int64         // bytes of one answer, and of one question; 64 MiB
}

// Request is the most bytes that one request may have.
const Request = 256 << 20

// reply is the most bytes that a child takes as the answer to its question. Its memory is what limits it really.
const reply = 1<<31 - 1

// lifetime is how many requests' processor time one child may use up altogether, whatever its parent thinks.
const lifetime = 10

func (l Limits) withDefaults() Limits {
	if l.Memory == 0 {
		l.Memory = 512 << 20
	}
	if l.CPU == 0 {
		l.CPU = 2 * time.Minute
	}
	if l.Wall == 0 {
		l.Wall = 30 * time.Second
	}
	if l.Answer == 0 {
		l.Answer = 64 << 20
	}
	return l
}

// Death says that a child ended instead of answering.
type Death struct {
	Reason string // completes the sentence "the worker ..."
	Limit  bool   // it met a limit
	Doing  string // what it said last that it was doing, in its own words: untrusted; "": it said nothing
}

// Error completes the sentence.
func (d *Death) Error() string { return "the worker process " + d.Reason }

// What a frame is.
const (
	frameLimits   byte = 'l'
	frameRequest  byte = 'r'
	frameAnswer   byte = 'a'
	frameQuestion byte = 'q'
	frameReply    byte = 'p'
	frameDoing    byte = 'd'
)

// maxDoing is how long what a child says that it does may be, in bytes.
const maxDoing = 2 << 10

func writeFrame(w io.Writer, kind byte, data []byte) error {
	if int64(len(data)) > 1<<31-1 {
		return fmt.Errorf("a frame of %d bytes is too long", len(data))
	}
	head := [5]byte{kind}
	binary.BigEndian.PutUint32(head[1:], uint32(len(data))) //nolint:gosec // checked above
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// errTooLong says that the other side wants to send more than the limit.
type errTooLong struct{ size, limit int64 }

func (e errTooLong) Error() string {
	return fmt.Sprintf("a frame of %d bytes is longer than the limit of %d", e.size, e.limit)
}

// errProtocol says that the other side does not keep to the protocol.
type errProtocol struct{ kind byte }

func (e errProtocol) Error() string { return fmt.Sprintf("a frame of kind %q is out of place", e.kind) }

// readFrame reads one frame of a kind that has a limit.
func readFrame(r io.Reader, limits map[byte]int64) (kind byte, data []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := int64(binary.BigEndian.Uint32(head[1:]))
	limit, ok := limits[head[0]]
	switch {
	case !ok:
		return 0, nil, errProtocol{head[0]}
	case size > limit:
		return 0, nil, errTooLong{size, limit}
	}
	data = make([]byte, size)
	_, err = io.ReadFull(r, data)
	return head[0], data, err
}
