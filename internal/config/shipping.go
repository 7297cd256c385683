package config

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Syslog is one receiver of GATEHOUSE_AUDIT_SYSLOG.
type Syslog struct {
	Address string      // HOST:PORT
	TLS     *tls.Config // nil: plain TCP
	Most    int         // bytes of the largest message; 0: the default
}

// Ports that IANA has given to syslog over TCP and over TLS.
const (
	syslogPort    = "601"
	syslogTLSPort = "6514"
)

// Message sizes that may be asked for: what RFC 5424 makes every receiver take, and what fits OTLP's and rsyslog's largest.
const (
	leastMessage = 2048
	mostMessage  = 1 << 20
)

// shipping reads where the audit log is shipped to.
func (c *checker) shipping(s *Server) {
	for _, value := range strings.Split(s.AuditSyslog, ",") {
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		in, err := parseSyslog(value)
		if err != nil {
			c.bad("GATEHOUSE_AUDIT_SYSLOG", "%v; wanted: tcp://HOST:601 or tls://HOST:6514?ca=FILE", err)
			continue
		}
		s.SyslogReceivers = append(s.SyslogReceivers, in)
	}
	c.otlp(s)
	if v := s.AuditStdout; v != "" {
		on, err := strconv.ParseBool(v)
		if err != nil {
			c.bad("GATEHOUSE_AUDIT_STDOUT", "is %q; true or false is wanted", v)
		}
		s.ShipToStdout = on
	}
	if v := s.Retention; v != "" {
		keep, err := Days(v)
		if err != nil || keep < 24*time.Hour {
			c.bad("GATEHOUSE_RETENTION", "is %q; days are wanted, at least one, such as 400d", v)
		}
		s.KeepFacts = keep
	}
}

func (c *checker) otlp(s *Server) {
	if s.AuditOTLP == "" {
		if s.AuditOTLPHeadersFile != "" {
			c.bad("GATEHOUSE_AUDIT_OTLP_HEADERS_FILE", "is set without GATEHOUSE_AUDIT_OTLP, the collector's URL")
		}
		return
	}
	u, err := url.Parse(s.AuditOTLP)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		c.bad("GATEHOUSE_AUDIT_OTLP", "is no URL of a collector; wanted: https://HOST:4318, secrets belong into GATEHOUSE_AUDIT_OTLP_HEADERS_FILE")
		return
	case u.Scheme == "http" && s.AuditOTLPHeadersFile != "" && !loopback(u.Hostname()):
		c.bad("GATEHOUSE_AUDIT_OTLP", "is %q: the headers' secrets would travel unencrypted; use https://", s.AuditOTLP)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/logs"
	}
	s.AuditOTLP = u.String()
	if file := s.AuditOTLPHeadersFile; file != "" {
		if _, err := os.ReadFile(file); err != nil {
			c.bad("GATEHOUSE_AUDIT_OTLP_HEADERS_FILE", "cannot be read: %v", err)
		}
	}
}

// Days reads a number of days, 400d, or a duration of Go, 9600h.
func Days(value string) (time.Duration, error) {
	if number, ok := strings.CutSuffix(value, "d"); ok {
		n, err := strconv.ParseUint(number, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(value)
}

// parseSyslog reads one receiver's address. Files are read now, so that a wrong one keeps the server from starting.
func parseSyslog(value string) (Syslog, error) {
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return Syslog{}, errors.New("holds what is no address of a receiver")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Syslog{}, fmt.Errorf("holds a query that cannot be read: %w", err)
	}
	var out Syslog
	switch u.Scheme {
	case "tcp":
		out.Address = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), syslogPort))
	case "tls":
		out.Address = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), syslogTLSPort))
		if out.TLS, err = syslogTLS(u.Hostname(), query); err != nil {
			return Syslog{}, err
		}
	default:
		return Syslog{}, fmt.Errorf("begins with %q", u.Scheme)
	}
	for name, values := range query {
		switch {
		case name == "max":
			out.Most, err = strconv.Atoi(values[0])
			if err != nil || out.Most < leastMessage || out.Most > mostMessage {
				return Syslog{}, fmt.Errorf("has max=%s, which is no number of bytes from %d to %d", values[0], leastMessage, mostMessage)
			}
		case out.TLS != nil && (name == "ca" || name == "cert" || name == "key"):
		default:
			return Syslog{}, fmt.Errorf("has the unknown parameter %q", name)
		}
	}
	return out, nil
}

// syslogTLS makes the client's side of RFC 5425.
func syslogTLS(host string, query url.Values) (*tls.Config, error) {
	t := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if file := query.Get("ca"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("names a ca that cannot be read: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("names the ca %s, which holds no certificate in PEM form", file)
		}
	}
	cert, key := query.Get("cert"), query.Get("key")
	if cert == "" && key == "" {
		return t, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("names a cert and a key that do not go together: %w", err)
	}
	t.Certificates = []tls.Certificate{pair}
	return t, nil
}
