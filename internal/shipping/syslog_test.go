package shipping_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/shipping"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// receiver is a syslog receiver that takes what comes; end says how it ends a connection.
type receiver struct {
	net.Listener
	mu       sync.Mutex
	sessions [][]byte
	end      func(n int, c *net.TCPConn, read []byte) (ok bool)
}

func listen(t testing.TB, end func(n int, c *net.TCPConn, read []byte) (ok bool)) *receiver {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{Listener: l, end: end}
	var all sync.WaitGroup
	all.Go(func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.take(n, conn.(*net.TCPConn))
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return r
}

func (r *receiver) take(n int, conn *net.TCPConn) {
	defer conn.Close() //nolint:errcheck // the other side looks at what it sees
	if r.end != nil {
		first := make([]byte, 100)
		got, _ := io.ReadFull(conn, first)
		if !r.end(n, conn, first[:got]) {
			return
		}
		rest, _ := io.ReadAll(conn)
		r.keep(append(first[:got], rest...))
		return
	}
	all, _ := io.ReadAll(conn)
	r.keep(all)
}

// all is what came in each session.
func (r *receiver) all() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sessions)
}

func (r *receiver) keep(session []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions = append(r.sessions, session)
}

// rfc5424 is the grammar of RFC 5424, section 6, with the one element that we send.
var rfc5424 = regexp.MustCompile(`(?s)^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) ` +
	`\[gatehouse@32473((?: [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")+)\] (.*)$`)

var parameter = regexp.MustCompile(`([a-z_]+)="((?:[^"\\\]]|\\["\\\]])*)"`)

// messages takes a session apart by its octet counts, strictly.
func messages(t testing.TB, session []byte) []string {
	t.Helper()
	var out []string
	for len(session) > 0 {
		count, rest, ok := bytes.Cut(session, []byte(" "))
		n, err := strconv.Atoi(string(count))
		if !ok || err != nil || n > len(rest) {
			t.Fatalf("no message with its length begins at %.100q", session)
		}
		out = append(out, string(rest[:n]))
		session = rest[n:]
	}
	return out
}

// Whatever strangers have written, each entry is one message of the form that RFC 5424 asks for, no longer than receivers take, and
// its text is the entry.
func TestSyslogMessages(t *testing.T) {
	t.Parallel()
	db := open(t)
	fill(t, db, len(hostile))
	many := store.Entry{Type: store.EntryBypass, Actor: strings.Repeat("é]", 500), Repository: "acme/infra"}
	for range 500 {
		many.Resources = append(many.Resources, "<13>1 - - - - - - forged \" ] \\ \u2028")
	}
	if _, err := db.Append(t.Context(), []store.Entry{many}); err != nil {
		t.Fatal(err)
	}
	in := listen(t, nil)
	d := shipping.NewSyslog(shipping.SyslogOptions{Address: in.Addr().String(), Host: "gate.example"})
	stop := run(t, db, d)
	shipped(t, db, d)
	stop()
	var all []string
	for _, s := range in.all() {
		all = append(all, messages(t, s)...)
	}
	var leaves []ledger.Entry
	for leaf, err := range db.Leaves(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leaf)
	}
	if len(all) != len(leaves) {
		t.Fatalf("%d messages for %d entries", len(all), len(leaves))
	}
	for i, m := range all {
		part := rfc5424.FindStringSubmatch(m)
		if part == nil || len(m) > 8000 || !utf8.ValidString(m) || strings.ContainsFunc(m, func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }) {
			t.Errorf("message %d is not fit to be sent: %q", i, m)
			continue
		}
		params := map[string]string{}
		for _, p := range parameter.FindAllStringSubmatch(part[7], -1) {
			params[p[1]] = p[2]
		}
		if params["index"] != strconv.Itoa(i) || params["leaf"] != ledger.Leaf(leaves[i].Data).String() {
			t.Errorf("message %d says that it is %v", i, params)
		}
		body, err := ledger.CanonicalJSON([]byte(part[8]))
		if err != nil {
			t.Errorf("message %d: %v", i, err)
		}
		if cut := params["cut"] == "true"; cut != (i == len(all)-1) || !cut && !bytes.Equal(body, leaves[i].Data) {
			t.Errorf("message %d is not its entry:\n%s\n%s", i, body, leaves[i].Data)
		}
	}
	if last := all[len(all)-1]; !strings.HasPrefix(last, "<108>1 ") || !strings.Contains(last, " gate.example gatehouse - bypass [") {
		t.Errorf("the bypass is told as %.200q", last)
	}
	if !strings.HasPrefix(all[0], "<110>1 ") {
		t.Errorf("a decision is told as %.200q", all[0])
	}
}

// A receiver that goes away before it has read everything has taken nothing, however it goes away.
func TestSyslogReceiverThatGoesAway(t *testing.T) {
	t.Parallel()
	db := open(t)
	fill(t, db, 50)
	in := listen(t, func(n int, c *net.TCPConn, read []byte) bool {
		switch n % 3 {
		case 0: // the process dies: what it has not read resets the connection
			return false
		case 1:
			_ = c.SetLinger(0)
			return false
		}
		return len(read) > 0
	})
	d := shipping.NewSyslog(shipping.SyslogOptions{Address: in.Addr().String(), Host: "gate.example"})
	stop := run(t, db, d)
	shipped(t, db, d)
	stop()
	var indexes []int64
	for _, s := range in.all() {
		for _, m := range messages(t, s) {
			i, err := strconv.ParseInt(parameter.FindStringSubmatch(rfc5424.FindStringSubmatch(m)[7])[2], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			indexes = append(indexes, i)
		}
	}
	complete(t, indexes, 50)
}

// A receiver that keeps the connection open has not said that it has everything; one that answers without end is none.
func TestSyslogReceiverThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	entry := shipping.Entry{Entry: store.Entry{Type: "decision", Time: time.Unix(0, 0)}, Line: []byte("{}")}
	for name, talks := range map[string]bool{"silent": false, "talking": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			over := make(chan struct{})
			in := listen(t, func(_ int, c *net.TCPConn, _ []byte) bool {
				for talks {
					if _, err := c.Write(make([]byte, 1<<10)); err != nil {
						return false
					}
				}
				<-over
				return false
			})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if talks {
				ctx = t.Context()
			}
			err := shipping.NewSyslog(shipping.SyslogOptions{Address: in.Addr().String()}).Send(ctx, []shipping.Entry{entry})
			close(over)
			if err == nil || !talks && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("not there", func(t *testing.T) {
		t.Parallel()
		in := listen(t, nil)
		_ = in.Close()
		err := shipping.NewSyslog(shipping.SyslogOptions{Address: in.Addr().String()}).Send(t.Context(), []shipping.Entry{entry})
		if err == nil || !strings.HasPrefix(err.Error(), "connecting to the syslog receiver 127.0.0.1:") {
			t.Errorf("got %v", err)
		}
	})
}

// Line changes nothing but how characters without a glyph are written.
func TestLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a":"b"}`:           `{"a":"b"}`,
		`{"a":"é 漢字 😀"}`:      `{"a":"é 漢字 😀"}`,
		"{\"a\":\"\u2028\"}":  `{"a":"\u2028"}`,
		"\u202ex\u0085\u007f": `\u202ex\u0085\u007f`,
		"\U000e0041":          `\udb40\udc41`,
		"\xff":                `\ufffd`,
	} {
		if diff := cmp.Diff(want, string(shipping.Line([]byte(in)))); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}
