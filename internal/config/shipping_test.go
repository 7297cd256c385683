package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/config"
)

// certificate writes a certificate and its key, and returns their files.
func certificate(t *testing.T) (cert, private string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, about, about, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, private = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, private: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, private
}

// settings takes apart what a case sets.
func settings(s string) []string {
	return strings.Split(strings.ReplaceAll(s, " GATEHOUSE_", "\x00GATEHOUSE_"), "\x00")
}

func TestShipping(t *testing.T) {
	t.Parallel()
	pemKey := key(t)
	cert, private := certificate(t)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	type got struct {
		Syslog    []string
		OTLP      string
		Stdout    bool
		KeepFacts time.Duration
	}
	const how = "; wanted: tcp://HOST:601 or tls://HOST:6514?ca=FILE"
	for setting, want := range map[string]any{
		"": got{},
		"GATEHOUSE_AUDIT_SYSLOG=tcp://logs.example":                                           got{Syslog: []string{"logs.example:601 plain 0"}},
		"GATEHOUSE_AUDIT_SYSLOG=tcp://[::1]:1514?max=65536, tls://logs.example":               got{Syslog: []string{"[::1]:1514 plain 65536", "logs.example:6514 TLS of logs.example, own CA false, certificates 0 0"}},
		"GATEHOUSE_AUDIT_SYSLOG=tls://logs.example:6515?ca=" + cert:                           got{Syslog: []string{"logs.example:6515 TLS of logs.example, own CA true, certificates 0 0"}},
		"GATEHOUSE_AUDIT_SYSLOG=tls://logs.example?max=4096&cert=" + cert + "&key=" + private: got{Syslog: []string{"logs.example:6514 TLS of logs.example, own CA false, certificates 1 4096"}},
		"GATEHOUSE_AUDIT_SYSLOG=udp://logs.example":                                           `GATEHOUSE_AUDIT_SYSLOG begins with "udp"` + how,
		"GATEHOUSE_AUDIT_SYSLOG=logs.example:601":                                             `GATEHOUSE_AUDIT_SYSLOG holds what is no address of a receiver` + how,
		"GATEHOUSE_AUDIT_SYSLOG=tcp://logs.example/x":                                         `GATEHOUSE_AUDIT_SYSLOG holds what is no address of a receiver` + how,
		"GATEHOUSE_AUDIT_SYSLOG=tcp://me:secret@logs.example":                                 `GATEHOUSE_AUDIT_SYSLOG holds what is no address of a receiver` + how,
		"GATEHOUSE_AUDIT_SYSLOG=tcp://logs.example?ca=" + cert:                                `GATEHOUSE_AUDIT_SYSLOG has the unknown parameter "ca"` + how,
		"GATEHOUSE_AUDIT_SYSLOG=tcp://logs.example?max=2000":                                  `GATEHOUSE_AUDIT_SYSLOG has max=2000, which is no number of bytes from 2048 to 1048576` + how,
		"GATEHOUSE_AUDIT_SYSLOG=tls://logs.example?ca=/no/such":                               `GATEHOUSE_AUDIT_SYSLOG names a ca that cannot be read: open /no/such: no such file or directory` + how,
		"GATEHOUSE_AUDIT_SYSLOG=tls://logs.example?ca=" + empty:                               `GATEHOUSE_AUDIT_SYSLOG names the ca ` + empty + `, which holds no certificate in PEM form` + how,
		"GATEHOUSE_AUDIT_SYSLOG=tls://logs.example?cert=" + cert:                              `GATEHOUSE_AUDIT_SYSLOG names a cert and a key that do not go together: open : no such file or directory` + how,
		"GATEHOUSE_AUDIT_OTLP=https://otel.example:4318":                                      got{OTLP: "https://otel.example:4318/v1/logs"},
		"GATEHOUSE_AUDIT_OTLP=http://otel:4318/":                                              got{OTLP: "http://otel:4318/v1/logs"},
		"GATEHOUSE_AUDIT_OTLP=https://loki.example/otlp/v1/logs":                              got{OTLP: "https://loki.example/otlp/v1/logs"},
		"GATEHOUSE_AUDIT_OTLP=https://me:secret@otel.example":                                 "GATEHOUSE_AUDIT_OTLP is no URL of a collector; wanted: https://HOST:4318, secrets belong into GATEHOUSE_AUDIT_OTLP_HEADERS_FILE",
		"GATEHOUSE_AUDIT_OTLP=otel:4318":                                                      "GATEHOUSE_AUDIT_OTLP is no URL of a collector; wanted: https://HOST:4318, secrets belong into GATEHOUSE_AUDIT_OTLP_HEADERS_FILE",
		"GATEHOUSE_AUDIT_OTLP=http://otel GATEHOUSE_AUDIT_OTLP_HEADERS_FILE=" + empty:         `GATEHOUSE_AUDIT_OTLP is "http://otel": the headers' secrets would travel unencrypted; use https://`,
		"GATEHOUSE_AUDIT_OTLP=http://localhost GATEHOUSE_AUDIT_OTLP_HEADERS_FILE=" + empty:    got{OTLP: "http://localhost/v1/logs"},
		"GATEHOUSE_AUDIT_OTLP_HEADERS_FILE=" + empty:                                          "GATEHOUSE_AUDIT_OTLP_HEADERS_FILE is set without GATEHOUSE_AUDIT_OTLP, the collector's URL",
		"GATEHOUSE_AUDIT_OTLP=https://otel GATEHOUSE_AUDIT_OTLP_HEADERS_FILE=/no/such":        "GATEHOUSE_AUDIT_OTLP_HEADERS_FILE cannot be read: open /no/such: no such file or directory",
		"GATEHOUSE_AUDIT_STDOUT=true":                                                         got{Stdout: true},
		"GATEHOUSE_AUDIT_STDOUT=yes":                                                          `GATEHOUSE_AUDIT_STDOUT is "yes"; true or false is wanted`,
		"GATEHOUSE_RETENTION=400d":                                                            got{KeepFacts: 400 * 24 * time.Hour},
		"GATEHOUSE_RETENTION=48h":                                                             got{KeepFacts: 48 * time.Hour},
		"GATEHOUSE_RETENTION=1h":                                                              `GATEHOUSE_RETENTION is "1h"; days are wanted, at least one, such as 400d`,
		"GATEHOUSE_RETENTION=-4d":                                                             `GATEHOUSE_RETENTION is "-4d"; days are wanted, at least one, such as 400d`,
		"GATEHOUSE_RETENTION=year":                                                            `GATEHOUSE_RETENTION is "year"; days are wanted, at least one, such as 400d`,
	} {
		environ := []string{"GITHUB_APP_ID=1", "GITHUB_APP_PRIVATE_KEY=" + pemKey, "GITHUB_WEBHOOK_SECRET=s", "GATEHOUSE_DATA_DIR=/data"}
		environ = append(environ, settings(setting)...)
		s, err := config.Load(environ, nil)
		var have any
		var wrong *config.Error
		switch {
		case errors.As(err, &wrong):
			have = wrong.Problems[0]
		case err != nil:
			t.Fatal(err)
		default:
			out := got{OTLP: s.AuditOTLP, Stdout: s.ShipToStdout, KeepFacts: s.KeepFacts}
			for _, r := range s.SyslogReceivers {
				line := fmt.Sprintf("%s plain %d", r.Address, r.Most)
				if r.TLS != nil {
					line = fmt.Sprintf("%s TLS of %s, own CA %t, certificates %d %d", r.Address, r.TLS.ServerName, r.TLS.RootCAs != nil, len(r.TLS.Certificates), r.Most)
				}
				out.Syslog = append(out.Syslog, line)
			}
			have = out
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s: %s", setting, diff)
		}
	}
}
