package githubsim

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	mediaType    = "application/json; charset=utf-8"
	maxBody      = 32 << 20
	docsURL      = "https://docs.github.com/rest"
	apiPrefix    = "/api/v3"
	apiVersion   = "2022-11-28"
	headerAccept = "X-Accepted-GitHub-Permissions"
)

// Refusal is GitHub's "no": the status and the body of an error answer. World-building calls that GitHub may refuse (Merge,
// Push, Review) return it too, so that a test can compare it whole.
type Refusal struct {
	Status  int
	Message string
	Errors  []any
	Docs    string
	Header  map[string]string
}

func (r *Refusal) Error() string {
	if len(r.Errors) > 0 {
		return fmt.Sprintf("%d %s %v", r.Status, r.Message, r.Errors)
	}
	return fmt.Sprintf("%d %s", r.Status, r.Message)
}

func refuse(status int, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Message: fmt.Sprintf(format, args...)}
}

func notFound() *Refusal { return refuse(http.StatusNotFound, "Not Found") }

// invalid is the 422 whose errors name a field.
func invalid(resource, field, code, message string) *Refusal {
	e := object{"resource": resource, "field": field, "code": code}
	if message != "" {
		e["message"] = message
	}
	return &Refusal{Status: http.StatusUnprocessableEntity, Message: "Validation Failed", Errors: []any{e}}
}

// reply is an answer that is not an error.
type reply struct {
	status int
	body   any
	raw    []byte // sent as it stands instead of body
	typ    string // content type of raw
	header http.Header
}

func ok(body any) (reply, error)      { return reply{status: http.StatusOK, body: body}, nil }
func created(body any) (reply, error) { return reply{status: http.StatusCreated, body: body}, nil }
func noContent() (reply, error)       { return reply{status: http.StatusNoContent}, nil }

type handler func(c *call) (reply, error)

// call is one REST request on its way through.
type call struct {
	s      *Server
	r      *http.Request
	path   string // without the /api/v3 prefix, still escaped
	prefix string
	params map[string]string
	body   []byte
	actor  actor
	denied error // what authentication said
	repo   *Repo // of /repos/{owner}/{repo} routes
	route  *route
}

func (c *call) num(name string) int {
	n, _ := strconv.Atoi(c.params[name]) // the router matched digits only
	return n
}

func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }

func (c *call) decode(v any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		c.body = []byte("{}")
	}
	if !json.Valid(c.body) {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		var typeErr *json.UnmarshalTypeError
		if errors.As(err, &typeErr) && typeErr.Field == "" {
			return refuse(http.StatusBadRequest, "Body should be a JSON object")
		}
		if errors.As(err, &typeErr) {
			return refuse(http.StatusUnprocessableEntity, "Invalid request.\n\nFor 'properties/%s', %s is not a %s.",
				strings.ReplaceAll(typeErr.Field, ".", "/"), typeErr.Value, typeErr.Type)
		}
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	return nil
}

func (s *Server) serveREST(w http.ResponseWriter, r *http.Request) {
	c := &call{s: s, r: r, path: r.URL.EscapedPath()}
	if rest, found := strings.CutPrefix(c.path, apiPrefix); found {
		c.path, c.prefix = rest, apiPrefix
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		writeReply(w, errorReply(refuse(http.StatusRequestEntityTooLarge, "Request body is too large")))
		return
	}
	c.body = body

	defer s.enter(c)()
	fault := s.takeFault(r.Method, c.path, r)
	if fault != nil && !fault.wait(r) {
		s.record(c, 0)
		panic(http.ErrAbortHandler) // the connection is cut
	}
	var out reply
	if fault != nil && fault.spec.Status != 0 && !fault.spec.AfterStore {
		out = fault.reply()
	} else {
		out = s.answer(c)
		if fault != nil && fault.spec.Status != 0 {
			out = fault.reply()
		}
	}
	s.record(c, out.status)
	if fault != nil && fault.spec.Disconnect {
		panic(http.ErrAbortHandler) // carried out, but the answer never arrives
	}
	out.header.Set("X-GitHub-Request-Id", fmt.Sprintf("SIM:%X", sha256.Sum256([]byte(c.path)))[:24])
	writeReply(w, out)
}

// enter authenticates a request and counts it as under way until the returned function is called.
func (s *Server) enter(c *call) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.actor, c.denied = s.authenticate(c.r); c.denied != nil {
		return func() {}
	}
	u := s.usageOf(c.actor)
	u.active++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		u.active--
	}
}

// answer meters, routes and runs one request under the world's lock.
func (s *Server) answer(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.denied != nil {
		return errorReply(c.denied)
	}
	meter, err := s.admit(c)
	if err != nil {
		out := errorReply(err)
		meter.headers(out.header)
		return out
	}
	out, err := s.dispatch(c)
	if err != nil {
		out = errorReply(err)
	}
	if out.header == nil {
		out.header = http.Header{}
	}
	if c.route != nil && c.route.need.app != "" && c.route.need.app != needJWT && c.actor.inst != nil {
		out.header.Set(headerAccept, c.route.need.accepted())
	}
	free := conditional(c.r, &out)
	meter.charge(c, free)
	meter.headers(out.header)
	return out
}

func (s *Server) dispatch(c *call) (reply, error) {
	rt, params := s.match(c.r.Method, c.path)
	if rt == nil {
		return reply{}, notFound()
	}
	c.route, c.params = rt, params
	if err := c.authorize(); err != nil {
		return reply{}, err
	}
	return rt.fn(c)
}

// conditional turns a 200 whose ETag the client already holds into a 304, which costs no rate limit.
func conditional(r *http.Request, out *reply) (free bool) {
	if r.Method != http.MethodGet || out.status != http.StatusOK {
		return false
	}
	out.encode()
	tag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(append(append([]byte{}, out.raw...), out.header.Get("Link")...)))
	out.header.Set("ETag", tag)
	out.header.Set("Cache-Control", "private, max-age=60, s-maxage=60")
	if r.Header.Get("If-None-Match") != tag {
		return false
	}
	out.status, out.raw, out.body = http.StatusNotModified, nil, nil
	return true
}

func (o *reply) encode() {
	if o.raw == nil && o.body != nil {
		raw, err := json.Marshal(o.body)
		if err != nil {
			panic(fmt.Sprintf("githubsim: encoding an answer: %v", err)) // maps of plain values always encode
		}
		o.raw, o.typ = raw, mediaType
	}
}

func writeReply(w http.ResponseWriter, out reply) {
	out.encode()
	for k, v := range out.header {
		w.Header()[k] = v
	}
	w.Header().Set("Server", "github.com")
	w.Header().Set("X-GitHub-Api-Version-Selected", apiVersion)
	w.Header().Set("X-GitHub-Media-Type", "github.v3; format=json")
	if out.raw != nil {
		w.Header().Set("Content-Type", out.typ)
	}
	w.WriteHeader(out.status)
	_, _ = w.Write(out.raw) // a client that went away is the client's business
}

func errorReply(err error) reply {
	var r *Refusal
	if !errors.As(err, &r) {
		r = refuse(http.StatusInternalServerError, "Server Error: %v", err)
	}
	docs := r.Docs
	if docs == "" {
		docs = docsURL
	}
	body := object{"message": r.Message, "documentation_url": docs, "status": strconv.Itoa(r.Status)}
	if len(r.Errors) > 0 {
		body["errors"] = r.Errors
	}
	h := http.Header{}
	for k, v := range r.Header {
		h.Set(k, v)
	}
	return reply{status: r.Status, body: body, header: h}
}

// page cuts a list to the page asked for and sets Link. wrap, when given, makes the body of the cut list.
func (c *call) page(items []object, wrap func(total int, cut []object) any) (reply, error) {
	per, err := c.positive("per_page", 30)
	if err != nil {
		return reply{}, err
	}
	per = min(per, 100)
	page, err := c.positive("page", 1)
	if err != nil {
		return reply{}, err
	}
	last := max((len(items)+per-1)/per, 1)
	cut := []object{}
	if from := (page - 1) * per; from < len(items) {
		cut = items[from:min(from+per, len(items))]
	}
	h := http.Header{}
	if link := c.links(page, last); link != "" {
		h.Set("Link", link)
	}
	var body any = cut
	if wrap != nil {
		body = wrap(len(items), cut)
	}
	return reply{status: http.StatusOK, body: body, header: h}, nil
}

func (c *call) list(items []object) (reply, error) { return c.page(items, nil) }

func (c *call) positive(name string, def int) (int, error) {
	v := c.query(name)
	if v == "" {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return def, nil //nolint:nilerr // GitHub reads nonsense as the default
	}
	if n > 1_000_000 {
		return 0, refuse(http.StatusUnprocessableEntity, "%s is too large", name)
	}
	return n, nil
}

func (c *call) links(page, last int) string {
	link := func(n int, rel string) string {
		q := c.r.URL.Query()
		q.Set("page", strconv.Itoa(n))
		u := url.URL{Path: c.prefix + c.path, RawQuery: q.Encode()}
		return fmt.Sprintf(`<%s%s>; rel="%s"`, c.s.opt.URL, u.String(), rel)
	}
	var out []string
	if page > 1 {
		out = append(out, link(min(page-1, last), "prev"))
	}
	if page < last {
		out = append(out, link(page+1, "next"), link(last, "last"))
	}
	if page > 1 {
		out = append(out, link(1, "first"))
	}
	return strings.Join(out, ", ")
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
