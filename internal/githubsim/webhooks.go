package githubsim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // X-Hub-Signature is defined as SHA-1
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxPayload is the size above which GitHub delivers nothing at all.
const maxPayload = 25 << 20

// Fate is what a filter decides about a new delivery.
type Fate int

// Send delivers once, Hold keeps it until Release, Drop records it as never sent, Duplicate delivers it twice with one GUID.
const (
	Send Fate = iota
	Hold
	Drop
	Duplicate
)

// Delivery is one webhook delivery: the payload, and what came of it.
type Delivery struct {
	ID             int64
	GUID           string
	AppID          int64
	InstallationID int64
	RepositoryID   int64
	Event, Action  string
	Payload        []byte
	QueuedAt       time.Time
	// DeliveredAt is zero until it was tried.
	DeliveredAt time.Time
	Redelivery  bool
	Dropped     bool
	// Status is GitHub's word for the result: "OK", "Invalid HTTP Response: 503", "timed out", "failed to connect to host".
	Status string
	// StatusCode is the receiver's answer; 0 when there was none.
	StatusCode int
	Duration   time.Duration

	RequestHeader, ResponseHeader http.Header
	ResponseBody                  []byte
}

type delivery struct {
	Delivery
	url, secret string
}

// Hooks sends webhooks and lets a test interfere: hold, drop, duplicate, reorder, deliver again. A delivery that fails is
// never tried again by itself, as on GitHub.
type Hooks struct {
	s      *Server
	client *http.Client
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	wake    *sync.Cond // something changed: queue, held, active or closed
	queue   []*delivery
	held    []*delivery
	all     []*delivery
	holding bool
	filter  func(Delivery) Fate
	active  int
	closed  bool
}

// Hooks controls the server's webhooks.
func (s *Server) Hooks() *Hooks { return s.hooks }

// Flush sends what is held, in order, and waits until nothing is under way or waiting. Holding goes on afterwards if it was on.
func (s *Server) Flush(ctx context.Context) error {
	s.hooks.releaseHeld()
	return s.hooks.WaitIdle(ctx)
}

// WaitIdle waits until no delivery is under way or waiting; held ones do not count.
func (s *Server) WaitIdle(ctx context.Context) error { return s.hooks.WaitIdle(ctx) }

func newHooks(s *Server) *Hooks {
	ctx, cancel := context.WithCancel(context.Background())
	h := &Hooks{
		s: s, holding: s.opt.HoldWebhooks, cancel: cancel,
		client: &http.Client{
			Timeout: s.opt.WebhookTimeout, Transport: &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	h.wake = sync.NewCond(&h.mu)
	for range s.opt.WebhookWorkers {
		h.done.Go(func() { h.work(ctx) })
	}
	return h
}

func (h *Hooks) close() {
	h.mu.Lock()
	h.closed, h.queue = true, nil
	h.wake.Broadcast()
	h.mu.Unlock()
	h.cancel()
	h.done.Wait()
}

// Hold keeps new deliveries back until Release or Flush.
func (h *Hooks) Hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holding = true
}

// Release stops holding. The held deliveries with the given ids go first, in the given order; the others follow in theirs.
func (h *Hooks) Release(order ...int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holding = false
	for _, id := range order {
		h.releaseOne(id)
	}
	h.queue, h.held = append(h.queue, h.held...), nil
	h.wake.Broadcast()
}

// Deliver sends some held deliveries, in the given order, and keeps the others held.
func (h *Hooks) Deliver(ids ...int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		h.releaseOne(id)
	}
	h.wake.Broadcast()
}

// Drop forgets held deliveries: they stay in the list, as failed, and can be asked for again.
func (h *Hooks) Drop(ids ...int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		for i, d := range h.held {
			if d.ID == id {
				h.held = slices.Delete(h.held, i, i+1)
				d.lose(h.s)
				break
			}
		}
	}
}

// SetFilter decides about each new delivery, before holding does. nil sends everything. It must not call the server.
func (h *Hooks) SetFilter(f func(Delivery) Fate) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.filter = f
}

// Held lists the deliveries that are kept back, oldest first.
func (h *Hooks) Held() []Delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	return values(h.held)
}

// Deliveries lists all deliveries, oldest first, redeliveries included.
func (h *Hooks) Deliveries() []Delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	return values(h.all)
}

// Redeliver sends a delivery again, with the same GUID and a new id. It tells whether there was such a delivery.
func (h *Hooks) Redeliver(id int64) bool {
	newID := h.s.lockedID()
	return h.redeliver(id, newID)
}

// WaitIdle waits until no delivery is under way or waiting; held ones do not count.
func (h *Hooks) WaitIdle(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.wake.Broadcast()
	})
	defer stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	for (len(h.queue) > 0 || h.active > 0) && !h.closed {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("waiting for %d webhook deliveries: %w", len(h.queue)+h.active, err)
		}
		h.wake.Wait()
	}
	return nil
}

func (s *Server) lockedID() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id()
}

func (h *Hooks) redeliver(id, newID int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.all {
		if d.ID == id {
			again := &delivery{Delivery: d.Delivery, url: d.url, secret: d.secret}
			again.Delivery.ID, again.Redelivery, again.Dropped = newID, true, false
			again.DeliveredAt, again.Status, again.StatusCode, again.ResponseBody = time.Time{}, "", 0, nil
			h.all, h.queue = append(h.all, again), append(h.queue, again)
			h.wake.Broadcast()
			return true
		}
	}
	return false
}

func (h *Hooks) releaseHeld() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queue, h.held = append(h.queue, h.held...), nil
	h.wake.Broadcast()
}

func (h *Hooks) releaseOne(id int64) {
	for i, d := range h.held {
		if d.ID == id {
			h.held, h.queue = slices.Delete(h.held, i, i+1), append(h.queue, d)
			return
		}
	}
}

func (h *Hooks) enqueue(d *delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(d.Payload) > maxPayload || h.closed {
		return
	}
	h.all = append(h.all, d)
	fate := Send
	if h.filter != nil {
		fate = h.filter(d.Delivery)
	}
	switch {
	case fate == Drop:
		d.lose(h.s)
	case fate == Hold || h.holding:
		h.held = append(h.held, d)
	case fate == Duplicate:
		h.queue = append(h.queue, d, d)
	default:
		h.queue = append(h.queue, d)
	}
	h.wake.Broadcast()
}

// lose marks a delivery as one that never reached the receiver.
func (d *delivery) lose(s *Server) {
	d.Dropped, d.Status, d.DeliveredAt = true, "failed to connect to host", s.now()
}

func (h *Hooks) work(ctx context.Context) {
	for {
		h.mu.Lock()
		for len(h.queue) == 0 && !h.closed {
			h.wake.Wait()
		}
		if h.closed {
			h.mu.Unlock()
			return
		}
		d := h.queue[0]
		h.queue = h.queue[1:]
		h.active++
		h.mu.Unlock()

		out := h.post(ctx, d)

		h.mu.Lock()
		d.DeliveredAt, d.Status, d.StatusCode, d.Duration = out.DeliveredAt, out.Status, out.StatusCode, out.Duration
		d.RequestHeader, d.ResponseHeader, d.ResponseBody = out.RequestHeader, out.ResponseHeader, out.ResponseBody
		h.active--
		h.wake.Broadcast()
		h.mu.Unlock()
		h.s.lockedSignal()
	}
}

// post makes one attempt. It reads only fields of d that never change.
func (h *Hooks) post(ctx context.Context, d *delivery) Delivery {
	out := Delivery{DeliveredAt: h.s.now(), RequestHeader: d.headers()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(d.Payload))
	if err != nil {
		out.Status = "failed to connect to host"
		return out
	}
	req.Header = out.RequestHeader.Clone()
	start := time.Now()
	resp, err := h.client.Do(req)
	out.Duration = time.Since(start)
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		out.Status = "timed out"
		return out
	case err != nil:
		out.Status = "failed to connect to host"
		return out
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end or given up; nothing to do about it
	out.ResponseBody, _ = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	out.StatusCode, out.ResponseHeader, out.Status = resp.StatusCode, resp.Header, "OK"
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		out.Status = fmt.Sprintf("Invalid HTTP Response: %d", resp.StatusCode)
	}
	return out
}

func (d *delivery) headers() http.Header {
	h := http.Header{}
	h.Set("Accept", "*/*")
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "GitHub-Hookshot/5154b8d")
	h.Set("X-GitHub-Delivery", d.GUID)
	h.Set("X-GitHub-Event", d.Event)
	h.Set("X-GitHub-Hook-ID", fmt.Sprint(d.AppID+500_000_000))
	h.Set("X-GitHub-Hook-Installation-Target-ID", fmt.Sprint(d.AppID))
	h.Set("X-GitHub-Hook-Installation-Target-Type", "integration")
	if d.secret != "" {
		h.Set("X-Hub-Signature", "sha1="+sign(sha1.New, d.secret, d.Payload))
		h.Set("X-Hub-Signature-256", "sha256="+sign(sha256.New, d.secret, d.Payload))
	}
	return h
}

func sign(alg func() hash.Hash, secret string, payload []byte) string {
	mac := hmac.New(alg, []byte(secret))
	mac.Write(payload)
	return fmt.Sprintf("%x", mac.Sum(nil))
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return strings.ToLower(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}

func values(list []*delivery) []Delivery {
	out := make([]Delivery, len(list))
	for i, d := range list {
		out[i] = d.Delivery
	}
	return out
}
