package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/semaphore"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// MaxBody is the largest payload, in bytes. GitHub delivers none over 25 MB.
const MaxBody = 25 << 20

// acceptTimeout leaves GitHub, which gives up after 10 seconds, time to hear that storing failed.
const acceptTimeout = 8 * time.Second

// Bodies that are being read may hold this much memory together; a stranger can make us read, if not believe, as many as he
// likes. Waiting for room and for the body is bounded by what GitHub itself would wait.
const (
	bodyMemory  = 8 * MaxBody
	roomTimeout = 5 * time.Second
	readTimeout = 10 * time.Second
)

// unstoredTime is how long it may take to tell of work that could not be stored.
const unstoredTime = 30 * time.Second

// drained is how much of a body is read and thrown away when the delivery is refused.
const drained = 2 * MaxBody

// An Acceptor makes a delivery and its work durable in one transaction before it returns nil. A delivery whose id it knows
// changes nothing and is reported as a duplicate. *store.Store is one.
type Acceptor interface {
	Accept(ctx context.Context, d store.Delivery, works []store.Work) (duplicate bool, err error)
}

// Options of [New].
type Options struct {
	Secrets []string // at least one, none empty; several while rotating
	AppID   int64    // our own App, whose events are not acted upon
	Store   Acceptor

	// Unstored, when set, is told of the work of a delivery that could not be stored, in a goroutine of its own, at most one at a time:
	// while the store takes nothing, whoever waits for an answer on GitHub is to read why there is none.
	Unstored func(ctx context.Context, works []store.Work, why error)

	Clock   func() time.Time      // nil: time.Now
	Log     *logrus.Entry         // nil: discarded
	Metrics prometheus.Registerer // nil: none
}

// Handler answers POST /webhooks/github.
type Handler struct {
	options    Options
	secrets    [][]byte
	deliveries *prometheus.CounterVec
	duration   prometheus.Histogram
	room       *semaphore.Weighted // bytes of bodyMemory
	telling    atomic.Bool         // Options.Unstored runs
}

// New makes a handler. Its counters are registered with Options.Metrics.
func New(o Options) (*Handler, error) {
	if len(o.Secrets) == 0 || o.Store == nil {
		return nil, errors.New("receiving webhooks needs a secret and a store")
	}
	h := &Handler{options: o, room: semaphore.NewWeighted(bodyMemory)}
	for _, secret := range o.Secrets {
		if secret == "" {
			return nil, errors.New("a webhook secret is empty: anybody could sign with it")
		}
		h.secrets = append(h.secrets, []byte(secret))
	}
	if h.options.Clock == nil {
		h.options.Clock = time.Now
	}
	if h.options.Log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		h.options.Log = logrus.NewEntry(silent)
	}
	h.deliveries = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_webhook_deliveries_total",
		Help: "Webhook deliveries by event and result: accepted, duplicate, ignored (nothing to do), refused (ours to answer with 4xx), failed (could not be stored).",
	}, []string{"event", "result"})
	h.duration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "gatehouse_webhook_duration_seconds",
		Help:    "Time to answer a webhook delivery. GitHub gives up after 10 seconds.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	})
	if o.Metrics != nil {
		for _, c := range []prometheus.Collector{h.deliveries, h.duration} {
			if err := o.Metrics.Register(c); err != nil {
				return nil, fmt.Errorf("registering the webhook metrics: %w", err)
			}
		}
	}
	return h, nil
}

// refusal is an answer that is GitHub's, or somebody else's, to mend.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// ServeHTTP answers 202 once the delivery is durable; 401 for a bad or missing signature, 413 for one that is too large, 400 for
// what is not a webhook, 405 for another method, 503 when it could not be stored, so that GitHub shows the delivery as failed
// and it can be asked for again.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	defer func() { h.duration.Observe(time.Since(begin).Seconds()) }()
	event := knownEvent(r.Header.Get("X-GitHub-Event"))
	result, err := h.receive(w, r)
	if err != nil {
		drain(w, r)
	}
	var refused *refusal
	switch {
	case err == nil:
		h.deliveries.WithLabelValues(event, result).Inc()
		answer(w, http.StatusAccepted, map[string]string{"result": result})
	case errors.As(err, &refused):
		h.deliveries.WithLabelValues(event, "refused").Inc()
		h.options.Log.WithFields(logrus.Fields{"source_ip": sourceIP(r), "status": refused.status}).Info("webhook refused: " + refused.message)
		if refused.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		answer(w, refused.status, map[string]string{"error": refused.message})
	default:
		h.deliveries.WithLabelValues(event, "failed").Inc()
		h.options.Log.WithError(err).Error("webhook not stored")
		w.Header().Set("Retry-After", "60")
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": "the delivery could not be stored; it will be asked for again"})
	}
}

// receive checks, reads and stores one delivery.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request) (result string, err error) {
	if r.Method != http.MethodPost {
		return "", refuse(http.StatusMethodNotAllowed, "this address takes GitHub's webhooks, by POST")
	}
	signature, err := parseSignature(r.Header.Get("X-Hub-Signature-256"))
	if err != nil {
		return "", err // before the body is read: a stranger must not make us hold it
	}
	body, done, err := h.readBody(w, r)
	if err != nil {
		return "", err
	}
	defer done()
	if !h.signed(body, signature) {
		return "", refuse(http.StatusUnauthorized, "the signature does not match; check that the App's webhook secret is the one in GITHUB_WEBHOOK_SECRET")
	}
	id, event, err := headers(r)
	if err != nil {
		return "", err
	}
	if !json.Valid(body) {
		return "", refuse(http.StatusBadRequest, "the payload is not JSON")
	}
	in, err := h.interpret(event, id, body)
	if err != nil {
		return "", err
	}
	if len(in.works) == 0 && len(in.delivery.Pushes) == 0 {
		return "ignored", nil
	}
	in.delivery.ID, in.delivery.Event = id, event
	in.delivery.Received = h.options.Clock()
	in.delivery.SourceIP = sourceIP(r)
	in.delivery.Digest = ledger.Digest(body)

	// A sender that hangs up does not undo what it has sent.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), acceptTimeout)
	defer cancel()
	duplicate, err := h.options.Store.Accept(ctx, in.delivery, in.works)
	switch {
	case err != nil:
		h.unstored(in.works, err)
		return "", fmt.Errorf("storing delivery %s (%s): %w", id, event, err)
	case duplicate:
		return "duplicate", nil
	}
	return "accepted", nil
}

// unstored tells of work that could not be stored, unless that is being done already: the sender tries again.
func (h *Handler) unstored(works []store.Work, why error) {
	if h.options.Unstored == nil || len(works) == 0 || !h.telling.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer h.telling.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), unstoredTime)
		defer cancel()
		h.options.Unstored(ctx, works, why)
	}()
}

// readBody reads the payload. done gives its memory back.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) (body []byte, done func(), err error) {
	tooLarge := refuse(http.StatusRequestEntityTooLarge, "the payload is larger than %d MB, which GitHub never sends", MaxBody>>20)
	size := r.ContentLength
	if size > MaxBody {
		return nil, nil, tooLarge
	}
	if size < 0 {
		size = MaxBody
	}
	waiting, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), roomTimeout)
	defer cancel()
	if err := h.room.Acquire(waiting, size); err != nil {
		return nil, nil, fmt.Errorf("reading a payload: %d MB of others are being read: %w", bodyMemory>>20, err)
	}
	defer func() {
		if err != nil {
			h.room.Release(size)
		}
	}()
	// Only a real connection has a deadline; without one the server's own limits are all there is.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTimeout))
	buffer := bytes.NewBuffer(make([]byte, 0, max(0, r.ContentLength)+bytes.MinRead))
	_, err = buffer.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, nil, tooLarge
	case err != nil:
		return nil, nil, refuse(http.StatusBadRequest, "the payload ended early")
	}
	return buffer.Bytes(), func() { h.room.Release(size) }, nil
}

// drain reads what remains of a body that is refused, without holding it: a sender that is cut off while it sends sees a broken connection
// and not the answer. Whoever asks before sending is not told to go on.
func drain(w http.ResponseWriter, r *http.Request) {
	if strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTimeout)) // as in readBody
	_, _ = io.CopyN(io.Discard, r.Body, drained)
}

var (
	eventPattern    = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
	deliveryPattern = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,100}$`)
)

func headers(r *http.Request) (id, event string, err error) {
	id, event = r.Header.Get("X-GitHub-Delivery"), r.Header.Get("X-GitHub-Event")
	if !deliveryPattern.MatchString(id) {
		return "", "", refuse(http.StatusBadRequest, "the header X-GitHub-Delivery is missing or is not an id")
	}
	if !eventPattern.MatchString(event) {
		return "", "", refuse(http.StatusBadRequest, "the header X-GitHub-Event is missing or is not an event's name")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return "", "", refuse(http.StatusBadRequest, "the payload is not JSON; set the webhook's content type to application/json")
	}
	return id, event, nil
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the sender has gone: nobody is left to tell
}
