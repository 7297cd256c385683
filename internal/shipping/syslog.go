package shipping

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// SyslogOptions say where the syslog receiver is.
type SyslogOptions struct {
	Address string      // HOST:PORT
	TLS     *tls.Config // nil: plain TCP
	Host    string      // HOSTNAME of the messages: whose log it is
	Most    int         // bytes of the largest message; 0: 8000
}

// Syslog sends entries as RFC 5424 messages over TCP or TLS, each with its length before it (octet counting, RFC 6587 and 5425),
// so that no byte of an entry can begin another message.
//
// Syslog has no acknowledgements. A batch is therefore a connection of its own: when everything is written, this side ends its
// direction and waits until the receiver, having read to that end, ends the other one. A receiver that goes away before it has read
// everything resets the connection instead, or ends it too early, and the batch is sent again. Over TLS the receiver must say that it ends
// (close_notify, as RFC 5425 wants): the bare end of a stream is what is also left of a process that died with what it had read.
type Syslog struct {
	o SyslogOptions
}

// defaultMost is what receivers take unless they are told otherwise: rsyslog 8,096 bytes, RFC 5425 (section 4.3.1) asks for 8,192. A
// longer message is split by some, and its rest, which a stranger may have written, would be taken for a message of its own.
const defaultMost = 8000

// NewSyslog ships to a syslog receiver.
func NewSyslog(o SyslogOptions) *Syslog {
	if o.Most == 0 {
		o.Most = defaultMost
	}
	return &Syslog{o: o}
}

// Name implements Destination.
func (s *Syslog) Name() string {
	scheme := "tcp"
	if s.o.TLS != nil {
		scheme = "tls"
	}
	return "syslog " + scheme + "://" + s.o.Address
}

// Send implements Destination.
func (s *Syslog) Send(ctx context.Context, entries []Entry) (err error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("connecting to the syslog receiver %s: %w", s.o.Address, err)
	}
	defer conn.Close() //nolint:errcheck // after an orderly end there is nothing left to fail
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var text []byte
	for _, e := range entries {
		text = s.frame(text, e)
	}
	if _, err := conn.Write(text); err != nil {
		return fmt.Errorf("writing to the syslog receiver %s: %w", s.o.Address, orOver(ctx, err))
	}
	if err := s.taken(conn); err != nil {
		return fmt.Errorf("waiting for the syslog receiver %s to have read everything: %w", s.o.Address, orOver(ctx, err))
	}
	return nil
}

// orOver is the context's error rather than that of the deadline that it led to.
func orOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (s *Syslog) dial(ctx context.Context) (net.Conn, error) {
	if s.o.TLS == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", s.o.Address)
	}
	bare, err := new(net.Dialer).DialContext(ctx, "tcp", s.o.Address)
	if err != nil {
		return nil, err
	}
	config := s.o.TLS.Clone()
	if config.ServerName == "" {
		if config.ServerName, _, err = net.SplitHostPort(s.o.Address); err != nil {
			return nil, errors.Join(err, bare.Close())
		}
	}
	secure := tls.Client(&watched{Conn: bare}, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, bare.Close())
	}
	return secure, nil
}

// watched is a connection under TLS. It remembers whether its stream came to an end: TLS does not read up to there when the other side
// has said that it ends, and otherwise reports both in the same way.
type watched struct {
	net.Conn
	over bool // read and written by the one goroutine that reads
}

// Read implements net.Conn.
func (w *watched) Read(into []byte) (int, error) {
	n, err := w.Conn.Read(into)
	if errors.Is(err, io.EOF) {
		w.over = true
	}
	return n, err
}

var errNoGoodbye = errors.New("it ended the connection without saying so (no close_notify); it may have died with what it had read")

// taken ends this direction of the connection and waits for the end of the other one.
func (s *Syslog) taken(conn net.Conn) error {
	half, under := conn, (*watched)(nil)
	if secure, ok := conn.(*tls.Conn); ok {
		if err := secure.CloseWrite(); err != nil {
			return err
		}
		under, _ = secure.NetConn().(*watched)
		half = under.Conn
	}
	if tcp, ok := half.(*net.TCPConn); ok {
		if err := tcp.CloseWrite(); err != nil {
			return err
		}
	}
	// A receiver has nothing to say. What it says all the same is not waited for without end.
	n, err := io.Copy(io.Discard, io.LimitReader(conn, 64<<10))
	if err == nil && n == 64<<10 {
		err = errors.New("it goes on talking; it is no syslog receiver")
	}
	if err == nil && under != nil && under.over {
		err = errNoGoodbye
	}
	return err
}

// frame appends an entry's message with its length.
func (s *Syslog) frame(out []byte, e Entry) []byte {
	head := s.head(e)
	e = e.Shorter(s.o.Most - len(head))
	if e.Cut {
		head = s.head(e) // says so
		e = e.Shorter(s.o.Most - len(head))
	}
	out = strconv.AppendInt(out, int64(len(head)+len(e.Line)), 10)
	out = append(out, ' ')
	out = append(out, head...)
	return append(out, e.Line...)
}

// Facility 13 is "log audit".
const facility = 13

// Severities.
const (
	warning       = 4
	informational = 6
)

// head is everything before the message's text, with the space behind it.
func (s *Syslog) head(e Entry) string {
	severity := informational
	if e.alarming() {
		severity = warning
	}
	return fmt.Sprintf("<%d>1 %s %s gatehouse - %s %s ", facility*8+severity,
		e.Time.UTC().Format("2006-01-02T15:04:05.000000Z07:00"), token(s.o.Host, 255), token(e.Type, 32), structured(e))
}

// token is a header field: printable ASCII without spaces, "-" when there is nothing.
func token(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return '_'
	}, clip(s, n))
	if s == "" {
		return "-"
	}
	return s
}

// sdID names our structured data. 32473 is the enterprise number for examples (RFC 5612): the project has none of its own.
const sdID = "gatehouse@32473"

// structured is the entry's structured data.
func structured(e Entry) string {
	var b strings.Builder
	b.WriteString("[" + sdID)
	add := func(name, value string) {
		if value == "" {
			return
		}
		b.WriteString(" " + name + `="`)
		b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`).Replace(visible(value, 160)))
		b.WriteByte('"')
	}
	add("index", strconv.FormatInt(e.Index, 10))
	add("leaf", e.Leaf)
	add("repository", e.Repository)
	if e.PullRequest != 0 {
		add("pull_request", strconv.Itoa(e.PullRequest))
	}
	add("commit", e.Commit)
	add("actor", e.Actor)
	add("verdict", e.Verdict)
	add("decision", e.word("decision"))
	if e.Cut {
		add("cut", "true")
	}
	b.WriteByte(']')
	return b.String()
}
