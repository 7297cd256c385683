//go:build unix

package shipping_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/shipping"
)

// rsyslog is the real receiver, as Debian ships it, run as nobody on a free port. Its queue is none: what it has read is in its
// file, so that it may be killed.
type rsyslog struct {
	t       testing.TB
	program string
	dir     string
	port    int
	running *exec.Cmd
}

func newRsyslog(t testing.TB, secure bool) (*rsyslog, shipping.Destination) {
	t.Helper()
	program := ""
	for _, path := range []string{"/usr/sbin/rsyslogd", "/sbin/rsyslogd"} {
		if _, err := os.Stat(path); err == nil {
			program = path
		}
	}
	plugins, err := filepath.Glob("/usr/lib/*/rsyslog/lmnsd_ossl.so")
	if err != nil || program == "" || len(plugins) == 0 {
		missing := "these tests need rsyslog and rsyslog-openssl of Debian; install them"
		if os.Getenv("CI") == "" {
			t.Skip(missing) // a visitor with Go alone runs the rest
		}
		t.Fatal(missing)
	}
	dir, err := os.MkdirTemp("", "gatehouse-rsyslog-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	r := &rsyslog{t: t, program: program, dir: dir, port: free.Addr().(*net.TCPAddr).Port}
	must(t, free.Close())
	o := shipping.SyslogOptions{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)), Host: "gate.example"}
	driver := ""
	if secure {
		o.TLS = &tls.Config{RootCAs: r.certificates(), MinVersion: tls.VersionTLS12, ServerName: "127.0.0.1"}
		driver = `streamdriver.name="ossl" streamdriver.mode="1" streamdriver.authmode="anon"`
	}
	conf := fmt.Sprintf(`
global(workDirectory="%[1]s" processInternalMessages="on"
  defaultNetstreamDriverCAFile="%[1]s/cert.pem" defaultNetstreamDriverCertFile="%[1]s/cert.pem" defaultNetstreamDriverKeyFile="%[1]s/key.pem")
main_queue(queue.type="Direct")
module(load="imtcp" %[2]s)
input(type="imtcp" port="%[3]d" address="127.0.0.1")
template(name="raw" type="string" string="%%rawmsg%%\n")
if $programname == "gatehouse" then {
  action(type="omfile" file="%[1]s/out.log" template="raw" asyncWriting="off" flushOnTXEnd="on" fileCreateMode="0644")
}
`, dir, driver, r.port)
	must(t, os.WriteFile(filepath.Join(dir, "rsyslog.conf"), []byte(conf), 0o644))
	r.start()
	t.Cleanup(func() { r.end(syscall.SIGKILL) })
	return r, shipping.NewSyslog(o)
}

// certificates makes the receiver's certificate, which is its own authority.
func (r *rsyslog) certificates() *x509.CertPool {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(r.t, err)
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rsyslog"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	must(r.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(r.t, err)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		must(r.t, os.WriteFile(filepath.Join(r.dir, name), pem.EncodeToMemory(block), 0o644))
	}
	cert, err := x509.ParseCertificate(der)
	must(r.t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}

func (r *rsyslog) start() {
	r.t.Helper()
	r.running = exec.Command(r.program, "-n", "-f", filepath.Join(r.dir, "rsyslog.conf"), "-i", filepath.Join(r.dir, "pid"))
	r.running.Dir = r.dir
	if os.Getuid() == 0 {
		nobody, err := user.Lookup("nobody")
		must(r.t, err)
		uid, err := strconv.Atoi(nobody.Uid)
		must(r.t, err)
		gid, err := strconv.Atoi(nobody.Gid)
		must(r.t, err)
		must(r.t, os.Chown(r.dir, uid, gid))
		r.running.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	must(r.t, r.running.Start())
}

func (r *rsyslog) end(sig syscall.Signal) {
	if r.running == nil {
		return
	}
	_ = os.Remove(filepath.Join(r.dir, "pid")) // it does not start beside what it takes for itself
	_ = r.running.Process.Signal(sig)
	_ = r.running.Wait() // it reports the signal
	r.running = nil
}

// lines is what the receiver has written.
func (r *rsyslog) lines() []string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "out.log"))
	if os.IsNotExist(err) {
		return nil
	}
	must(r.t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func (r *rsyslog) indexes() []int64 {
	r.t.Helper()
	var out []int64
	for _, line := range r.lines() {
		part := rfc5424.FindStringSubmatch(line)
		if part == nil {
			continue // cut off by a kill; the entry comes again
		}
		i, err := strconv.ParseInt(parameter.FindStringSubmatch(part[7])[2], 10, 64)
		must(r.t, err)
		out = append(out, i)
	}
	return out
}

// The receiver is killed, ended in order, away for a while, and the shipper is started anew in between: nothing is lost, and the
// order stays.
func TestRsyslog(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"TCP": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, d := newRsyslog(t, secure)
			db := open(t)
			fill(t, db, 30)
			stop := run(t, db, d)
			shipped(t, db, d)
			if got := len(r.indexes()); got != 30 {
				t.Fatalf("%d lines for 30 entries, and nothing had failed:\n%s", got, strings.Join(r.lines(), "\n"))
			}
			n := int64(30)
			for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
				fill(t, db, 100)
				eventually(t, "it is in the middle", func() bool { return len(r.indexes()) > int(n) })
				r.end(sig)
				fill(t, db, 20)
				stop()
				r.start()
				stop = run(t, db, d)
				shipped(t, db, d)
				n += 120
			}
			complete(t, r.indexes(), n)
		})
	}
}

// A receiver whose certificate nobody vouches for gets nothing.
func TestRsyslogUnknownCertificate(t *testing.T) {
	t.Parallel()
	r, _ := newRsyslog(t, true)
	db := open(t)
	fill(t, db, 1)
	d := shipping.NewSyslog(shipping.SyslogOptions{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)), TLS: &tls.Config{MinVersion: tls.VersionTLS12}})
	run(t, db, d)
	eventually(t, "the reason is known", func() bool {
		all, err := db.Shipments(t.Context())
		return err == nil && len(all) == 1 && strings.Contains(all[0].Error, "certificate signed by unknown authority")
	})
	if got := r.lines(); len(got) > 0 {
		t.Errorf("it came all the same: %q", got)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
