package bundle

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// guard is how bundles are fetched. Which bundles there are is written in repositories, so the server does not let itself be sent to
// addresses that only it can reach: those of its own machine, of its network, of the cloud's metadata service. Every connection is
// looked at when it is made, so neither a redirect nor a name that resolves to such an address gets there.
type guard struct {
	hosts   map[string]bool // that may be anywhere
	private bool            // this machine and private networks are reached, too
	direct  *http.Transport
	proxied *http.Transport
	proxy   func(*http.Request) (*url.URL, error)
}

// refusedError says where the guard does not go.
type refusedError struct{ what string }

func (e *refusedError) Error() string {
	return e.what + "; the operator can allow the host with GATEHOUSE_BUNDLE_HOSTS"
}

func newGuard(hosts []string, private bool, base *http.Transport) *guard {
	if base == nil {
		base = http.DefaultTransport.(*http.Transport)
	}
	g := &guard{hosts: map[string]bool{}, private: private, direct: base.Clone(), proxied: base.Clone(), proxy: http.ProxyFromEnvironment}
	for _, h := range hosts {
		g.hosts[strings.ToLower(h)] = true
	}
	for _, t := range []*http.Transport{g.direct, g.proxied} {
		t.ResponseHeaderTimeout = 20 * time.Second
	}
	open := &net.Dialer{Timeout: 15 * time.Second}
	narrow := &net.Dialer{Timeout: 15 * time.Second, Control: g.control}
	g.direct.Proxy = nil
	g.direct.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if g.allowed(address) {
			return open.DialContext(ctx, network, address)
		}
		return narrow.DialContext(ctx, network, address)
	}
	// A proxy, which the operator has set up, makes the connection, and where it goes is for the operator to say there.
	g.proxied.Proxy = g.proxy
	return g
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	host := withPort(req.URL.Host, req.URL.Scheme)
	if req.URL.Scheme != "https" && !g.allowed(host) && !g.near(req.URL.Hostname()) {
		return nil, &refusedError{fmt.Sprintf("%s is not spoken to without TLS", req.URL.Host)}
	}
	if proxy, err := g.proxy(req); err == nil && proxy != nil {
		if ip, err := netip.ParseAddr(req.URL.Hostname()); err == nil && !g.reaches(ip) && !g.allowed(host) {
			return nil, &refusedError{fmt.Sprintf("%s is no public address", ip)}
		}
		return g.proxied.RoundTrip(req)
	}
	return g.direct.RoundTrip(req)
}

// withPort gives HOST:PORT.
func withPort(host, scheme string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), map[string]string{"http": "80", "https": "443"}[scheme])
}

// allowed takes HOST:PORT.
func (g *guard) allowed(address string) bool {
	address = strings.ToLower(address)
	host, _, err := net.SplitHostPort(address)
	return g.hosts[address] || err == nil && g.hosts[host]
}

// near tells an address of this machine or a private network, where a registry may do without TLS, if those are reached at all.
func (g *guard) near(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return !public(ip) && g.reaches(ip)
	}
	return g.private && strings.EqualFold(host, "localhost")
}

// reaches tells whether an address may be connected to.
func (g *guard) reaches(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return public(ip) || g.private && (ip.IsLoopback() || ip.IsPrivate()) && ip.String() != metadataIPv6
}

// control is asked before each connection, with the address that the name was resolved to.
func (g *guard) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %q cannot be read: %w", address, err)
	}
	if !g.reaches(at.Addr()) {
		return &refusedError{fmt.Sprintf("%s is no public address", at.Addr())}
	}
	return nil
}

// metadataIPv6 is a cloud's metadata service at a private address.
const metadataIPv6 = "fd00:ec2::254"

// public reports whether an address belongs to the internet.
func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, prefix := range reserved() {
		if netip.MustParsePrefix(prefix).Contains(ip) {
			return false
		}
	}
	return true
}

// reserved are address blocks that are no part of the internet, or lead out of it by an address inside of them (IANA's registries of
// special-purpose addresses), and a cloud's own service at a public address.
func reserved() []string {
	return []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"240.0.0.0/4", "168.63.129.16/32",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	}
}
