package plans

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// GitHub gives access to repositories as the App sees them.
type GitHub interface {
	Installation(ctx context.Context, owner, name string) (int64, error)
	Repo(installationID int64, owner, name string) *forge.Repo
}

// Options are what a Receiver is made of.
type Options struct {
	Issuer string // of the workflows' tokens
	GitHub GitHub
	Store  Store
	Reader Reader
	Limit  int64 // bytes of the largest plan; 0: 64 MiB
	Clock  func() time.Time
	Log    *logrus.Entry
}

// DefaultLimit is the size of the largest plan, in bytes, unless the settings say otherwise.
const DefaultLimit = 64 << 20

// atOnce is how many plans are in memory at once; the others wait for their turn, unread. A plan costs a few times its size.
const atOnce = 3

// bodyTime is how long a plan may take to arrive and to be stored.
const bodyTime = 5 * time.Minute

// strangerTime is how long somebody without a good token may go on sending a plan that was refused.
const strangerTime = 30 * time.Second

// drained is how many bytes of a plan that is refused are read, and thrown away; at least twice the limit.
const drained = 1 << 30

// Receiver answers POST /api/v1/plans.
type Receiver struct {
	Options
	verifier *Verifier
	slots    chan struct{}
}

// New makes a receiver.
func New(o Options) *Receiver {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	return &Receiver{Options: o, verifier: NewVerifier(o.Issuer, o.Clock), slots: make(chan struct{}, atOnce)}
}

// refusal is an answer that is not 201: a status and one sentence for whoever reads the workflow's log.
type refusal struct {
	status int
	reason string
	retry  time.Duration // after which the same request may succeed
}

func (r *refusal) Error() string { return r.reason }

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, reason: fmt.Sprintf(format, args...)}
}

// handIn is one request on its way through.
type handIn struct {
	record     Record
	repository string
	subject    subject
	source     string // address
	arriving   bool   // the plan has begun to be read
}

// ServeHTTP takes one plan in.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	// The server's own limits are for small requests. A connection that cannot be given more time keeps those.
	control := http.NewResponseController(w)
	deadline := time.Now().Add(bodyTime)
	_ = control.SetReadDeadline(deadline)
	_ = control.SetWriteDeadline(deadline)
	ctx, cancel := context.WithTimeout(req.Context(), bodyTime)
	defer cancel()

	in, err := r.take(ctx, req)
	log := r.Log.WithFields(logrus.Fields{
		"repository": in.repository, "commit": in.record.Claims.SHA, "dir": in.record.Dir, "source": in.source, "run": in.record.Claims.RunID,
	})
	var no *refusal
	switch {
	case err == nil:
		log.WithField("digest", in.record.Digest).Info("a plan was handed in")
		respond(w, http.StatusCreated, map[string]any{
			"digest": in.record.Digest, "commit": in.subject.head, "pull_requests": in.subject.numbers(),
			"dir": in.record.Dir, "workspace": in.record.Workspace,
		})
		return
	case !errors.As(err, &no):
		log.WithError(err).Error("taking in a plan")
		no = &refusal{status: http.StatusServiceUnavailable, reason: "the plan could not be taken in just now; the server's log says why", retry: 5 * time.Second}
		var limited forge.RateLimited
		if errors.As(err, &limited) {
			no.retry = max(limited.Until.Sub(r.Clock()), time.Second)
			no.reason = "GitHub's rate limit is reached; hand the plan in again later"
		}
	default:
		log.WithField("status", no.status).WithField("reason", no.reason).Warn("a plan was refused")
	}
	if no.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(no.retry.Seconds()+1)))
	}
	if no.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
		_ = control.SetReadDeadline(time.Now().Add(strangerTime))
	}
	r.drain(req, no.status, in.arriving)
	respond(w, no.status, map[string]any{"error": no.reason})
}

// drain reads what remains of a plan that is refused: a sender that is cut off sees a broken connection and not the answer. Whoever asks
// before sending is not told to go on.
func (r *Receiver) drain(req *http.Request, status int, arriving bool) {
	if !arriving && strings.EqualFold(req.Header.Get("Expect"), "100-continue") {
		return
	}
	most := 2 * r.Limit
	if status != http.StatusUnauthorized {
		most = max(most, drained)
	}
	_, _ = io.CopyN(io.Discard, req.Body, most)
}

// take is the order of things: who sends it, whether they may, and only then the plan itself.
func (r *Receiver) take(ctx context.Context, req *http.Request) (*handIn, error) {
	in := &handIn{source: address(req)}
	token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return in, refuse(http.StatusUnauthorized, "hand the plan in with the workflow's OIDC token: Authorization: Bearer TOKEN")
	}
	claims, err := r.verifier.Verify(ctx, strings.TrimSpace(token))
	var bad BadToken
	switch {
	case errors.As(err, &bad):
		return in, refuse(http.StatusUnauthorized, "%s", bad.Message)
	case err != nil:
		return in, err
	}
	in.record.Source, in.record.Claims, in.record.Workflow, in.repository = document.SourceOIDC, claims, claims.Workflow, claims.Repository
	in.record.Run, _ = strconv.ParseInt(claims.RunID, 10, 64) // for people; nothing depends on it

	query := req.URL.Query()
	if in.record.Dir, in.record.Workspace, err = place(query.Get("dir"), query.Get("workspace")); err != nil {
		return in, err
	}
	if in.subject, err = r.find(ctx, claims, &in.record); err == nil {
		err = r.read(ctx, req, in)
	}
	var no *refusal
	if errors.As(err, &no) && no.retry == 0 && in.subject.repository.ID != 0 {
		in.record.Verdict, in.record.Reason = Refused, no.reason
		if e := r.append(ctx, in); e != nil {
			return in, e
		}
	}
	return in, err
}

// read takes the plan itself, keeps it without its secrets, and asks for the pull requests to be judged again.
func (r *Receiver) read(ctx context.Context, req *http.Request, in *handIn) error {
	tooLarge := refuse(http.StatusRequestEntityTooLarge, "the plan has more than %d bytes, which is the limit; split the project, or raise GATEHOUSE_PLAN_LIMIT", r.Limit)
	if req.ContentLength > r.Limit {
		return tooLarge
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return &refusal{status: http.StatusServiceUnavailable, reason: "too many plans are being taken in; hand it in again", retry: 10 * time.Second}
	}
	in.arriving = true
	data, fits, err := readBody(req, r.Limit)
	switch {
	case err != nil:
		return refuse(http.StatusBadRequest, "the plan did not arrive whole")
	case !fits:
		return tooLarge
	}
	in.record.Digest, in.record.Bytes = ledger.Digest(data), len(data)
	kept, problem, err := r.Reader.Plan(ctx, in.record.RepositoryID, data, "the plan", document.Limits{Plan: r.Limit})
	if err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	if problem != nil {
		reason := problem.File + " " + problem.Message
		if problem.Line > 0 {
			reason += fmt.Sprintf(" (line %d)", problem.Line)
		}
		return refuse(http.StatusUnprocessableEntity, "%s", reason)
	}
	if int64(len(kept)) > KeptLimit(r.Limit) {
		return tooLarge
	}
	if in.record.Kept, err = r.Store.SaveBlob(ctx, kept); err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	in.record.Verdict = Accepted
	return r.append(ctx, in)
}

// readBody reads a plan of at most limit bytes; fits is false when it has more. One whose size is not known is gathered in pieces: a buffer
// that doubles would take several times the memory.
func readBody(req *http.Request, limit int64) (data []byte, fits bool, err error) {
	if size := req.ContentLength; size >= 0 && size <= limit {
		data = make([]byte, size)
		_, err = io.ReadFull(req.Body, data)
		return data, true, err
	}
	var pieces [][]byte
	piece := make([]byte, 0, 1<<20)
	for read := int64(0); read <= limit; {
		if len(piece) == cap(piece) {
			pieces, piece = append(pieces, piece), make([]byte, 0, 1<<20)
		}
		n, err := req.Body.Read(piece[len(piece):cap(piece)])
		piece = piece[:len(piece)+n]
		switch read += int64(n); {
		case errors.Is(err, io.EOF) && read <= limit:
			return slices.Concat(append(pieces, piece)...), true, nil
		case err != nil && !errors.Is(err, io.EOF):
			return nil, true, err
		}
	}
	return nil, false, nil
}

// append records the hand-in and, when the plan counts, the work of judging its pull requests, in one transaction. The same
// token with the same plan is one hand-in, however often it comes: a replay cannot put an older plan over a newer one.
func (r *Receiver) append(ctx context.Context, in *handIn) error {
	s, rec := in.subject, in.record
	number := 0
	if len(s.pulls) > 0 {
		number = s.pulls[0].Number
	}
	commit := s.head
	if commit == "" {
		commit = rec.Claims.SHA
	}
	entry, err := rec.entry(s.repository.FullName(), commit, number, rec.RepositoryID, rec.Claims.ID, rec.Dir, rec.Workspace, rec.Digest, rec.Verdict, rec.Reason)
	if err != nil {
		return err
	}
	entry.SourceIP = in.source
	var works []store.Work
	if rec.Verdict == Accepted {
		for _, p := range s.pulls {
			works = append(works, work.Evaluate{
				Target: work.Target{
					InstallationID: s.installation, RepositoryID: s.repository.ID, Owner: s.repository.Owner, Name: s.repository.Name, Reason: "plan",
				},
				Number: p.Number,
			}.Work())
		}
	}
	if _, err := r.Store.Append(ctx, []store.Entry{entry}, works...); err != nil {
		return fmt.Errorf("record the plan: %w", err)
	}
	return nil
}

// place checks what the plan says about where it belongs.
func place(dir, workspace string) (string, string, error) {
	if dir == "" {
		return "", "", refuse(http.StatusUnprocessableEntity, "say which project the plan is of: ?dir=DIR, the project's directory")
	}
	clean := path.Clean(dir)
	bad := len(dir) > 1000 || strings.HasPrefix(dir, "/") || slices.Contains(strings.Split(dir, "/"), "..") ||
		strings.ContainsFunc(dir, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' || c == 0xfffd })
	if bad {
		return "", "", refuse(http.StatusUnprocessableEntity, "dir must be the project's directory, relative to the root of the repository, such as infra/prod")
	}
	if len(workspace) > 90 || strings.ContainsFunc(workspace, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '/' || c == 0xfffd }) {
		return "", "", refuse(http.StatusUnprocessableEntity, "workspace must be the name of a Terraform workspace")
	}
	return clean, workspace, nil
}

// address is where the request came from, as the connection says: headers could say anything.
func address(req *http.Request) string {
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		return req.RemoteAddr
	}
	return host
}

func respond(w http.ResponseWriter, status int, body map[string]any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the sender has gone: nobody is left to tell
}
