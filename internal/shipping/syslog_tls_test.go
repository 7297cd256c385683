package shipping_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/shipping"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// authority is a certificate for 127.0.0.1, and who trusts it.
func authority(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(s.Certificate())
	return s.TLS.Certificates[0], trusted
}

// A receiver over TLS has taken what it was sent when it says that it ends the connection, and not when the stream just ends: that is
// what a process leaves behind that dies with half a message in its hands.
func TestSyslogReceiverThatDiesUnderTLS(t *testing.T) {
	t.Parallel()
	certificate, trusted := authority(t)
	for name, c := range map[string]struct {
		takes int64 // bytes that it reads; -1: all, to the end
		says  bool  // close_notify
		want  string
	}{
		"takes all and says so":               {-1, true, ""},
		"takes all and is gone":               {-1, false, "no close_notify"},
		"half a message, and is gone":         {20, false, "waiting for the syslog receiver"},
		"half a message, and ends in order":   {20, true, "waiting for the syslog receiver"},
		"dies before it has read anything":    {0, false, "connecting to the syslog receiver"},
		"a message and a half, and dies then": {150, false, "waiting for the syslog receiver"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				bare, err := l.Accept()
				if err != nil {
					return
				}
				conn := tls.Server(bare, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
				if c.takes < 0 {
					_, _ = io.Copy(io.Discard, conn)
				} else {
					_, _ = io.CopyN(io.Discard, conn, c.takes)
				}
				if c.says {
					_ = conn.CloseWrite()
				}
				_ = bare.Close() // as the kernel does for a process that is gone
			}()
			t.Cleanup(func() { _ = l.Close(); <-done })
			// More than the connection holds on its way, so that who stops reading leaves some of it unread.
			line := []byte(strings.Repeat("x", 7000))
			var entries []shipping.Entry
			for i := range 2000 {
				entries = append(entries, shipping.Entry{Entry: store.Entry{Index: int64(i), Type: "decision", Time: time.Unix(0, 0)}, Line: line})
			}
			d := shipping.NewSyslog(shipping.SyslogOptions{Address: l.Addr().String(), TLS: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}})
			err = d.Send(t.Context(), entries)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) && !strings.Contains(err.Error(), "writing to the syslog receiver")):
				t.Errorf("got %v, wanted %q", err, c.want)
			}
		})
	}
}
