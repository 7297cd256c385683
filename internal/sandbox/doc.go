// Package sandbox runs work on untrusted input in a child process of this same program: without environment or credentials, with
// limits on memory, processor time, open files and the wall clock, dead when its parent is, and, where the kernel lets an ordinary
// user make namespaces, without network and without a file system. What kills the child costs one request, never the parent.
//
// The protocol is frames on the child's standard input and output: four bytes of length, big endian, then that many bytes. The first
// frame carries the limits as JSON and is answered by an empty frame; each further frame is a request and is answered by one frame.
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
	CPU    time.Duration // processor time of one child, all its requests together; 2 minutes
	Wall   time.Duration // one request, from being sent to being answered; 30 seconds
	Answer int64         // bytes of one answer; 64 MiB
}

// Request is the most bytes that one request may have.
const Request = 256 << 20

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
}

// Error completes the sentence.
func (d *Death) Error() string { return "the worker process " + d.Reason }

func writeFrame(w io.Writer, data []byte) error {
	var head [4]byte
	if int64(len(data)) > 1<<31-1 {
		return fmt.Errorf("a frame of %d bytes is too long", len(data))
	}
	binary.BigEndian.PutUint32(head[:], uint32(len(data))) //nolint:gosec // checked above
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

func readFrame(r io.Reader, limit int64) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(head[:]))
	if size > limit {
		return nil, errTooLong{size, limit}
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, err
	}
	return data, nil
}
