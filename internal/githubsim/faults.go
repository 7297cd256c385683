package githubsim

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// FaultSpec makes the service misbehave on chosen requests. Specs are tried in the order they were added; the first that
// matches and is not used up applies.
type FaultSpec struct {
	// Method is the HTTP method; "" matches all.
	Method string
	// PathPattern matches the path without /api/v3, still escaped: "*" stands for one segment, "**" for any number. For git:
	// "/owner/name.git/git-upload-pack".
	PathPattern string
	// When, if set, must also say yes.
	When func(*http.Request) bool

	// Status, Body, RetryAfter (seconds; sent when above 0) and Header are the answer given instead of the real one. Status 0
	// lets the real answer through (after Delay and Before).
	Status     int
	Body       string
	RetryAfter int
	Header     http.Header
	// AfterStore carries the request out, and only then answers with Status: "failed, but it was stored".
	AfterStore bool
	// Disconnect cuts the connection instead of answering; with AfterStore, after carrying the request out.
	Disconnect bool
	// Delay is waited (in real time) before anything else, shorter when the client gives up.
	Delay time.Duration
	// Before is called before the request is carried out, with no lock held: a test can change the world between two
	// requests of the code under test.
	Before func()
	// Times is how many requests are hit; 0 means one, a negative number means all.
	Times int
}

// Request is one entry of the request log.
type Request struct {
	Time   time.Time
	Method string
	Path   string // without /api/v3, still escaped
	Query  string
	Actor  string // "app:ID", "installation:ID", "user:LOGIN" or "anonymous"
	Status int    // 0 when the connection was cut before the request was carried out
	Header http.Header
	Body   []byte // REST only
}

type fault struct {
	spec FaultSpec
	path *regexp.Regexp
	left int // below 0: no end
}

// Fail adds a fault. The returned function takes it away again.
func (s *Server) Fail(spec FaultSpec) (remove func()) {
	f := &fault{spec: spec, path: globRegexp(spec.PathPattern), left: orDefault(spec.Times, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		f.left = 0
	}
}

// Requests is the log of everything asked so far, REST and git, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Count tells how many logged requests match a method ("" for all) and a path pattern as in FaultSpec.
func (s *Server) Count(method, pathPattern string) int {
	re, n := globRegexp(pathPattern), 0
	for _, r := range s.Requests() {
		if (method == "" || r.Method == method) && re.MatchString(r.Path) {
			n++
		}
	}
	return n
}

// ForgetRequests empties the request log.
func (s *Server) ForgetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (s *Server) record(c *call, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{
		Time: s.now(), Method: c.r.Method, Path: c.path, Query: c.r.URL.RawQuery, Actor: c.actor.key(), Status: status,
		Header: c.r.Header.Clone(), Body: c.body,
	})
	s.signal()
}

func (s *Server) takeFault(method, path string, r *http.Request) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.left == 0 || (f.spec.Method != "" && f.spec.Method != method) || !f.path.MatchString(path) {
			continue
		}
		if f.spec.When != nil && !f.spec.When(r) {
			continue
		}
		f.left--
		return f
	}
	return nil
}

// wait runs what comes before the request; false means that it must not be carried out.
func (f *fault) wait(r *http.Request) bool {
	if f.spec.Delay > 0 {
		select {
		case <-time.After(f.spec.Delay):
		case <-r.Context().Done():
			return false
		}
	}
	if f.spec.Before != nil {
		f.spec.Before()
	}
	return !f.spec.Disconnect || f.spec.AfterStore
}

func (f *fault) reply() reply {
	out := reply{status: f.spec.Status, header: http.Header{}}
	for k, v := range f.spec.Header {
		out.header[http.CanonicalHeaderKey(k)] = v
	}
	if f.spec.RetryAfter > 0 {
		out.header.Set("Retry-After", strconv.Itoa(f.spec.RetryAfter))
	}
	if f.spec.Body != "" {
		out.raw, out.typ = []byte(f.spec.Body), mediaType
		return out
	}
	out.body = object{"message": http.StatusText(f.spec.Status), "documentation_url": docsURL}
	return out
}

func globRegexp(glob string) *regexp.Regexp {
	q := regexp.QuoteMeta(glob)
	q = strings.ReplaceAll(q, `\*\*`, `.*`)
	q = strings.ReplaceAll(q, `\*`, `[^/]+`)
	return regexp.MustCompile("^" + q + "$")
}
