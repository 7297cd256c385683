package githubsim

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// usage is what one caller has spent.
type usage struct {
	used        int
	reset       time.Time
	points      window
	content     window
	contentHour window
	active      int
}

type window struct {
	start time.Time
	n     int
}

// add counts n in the current span and tells the total.
func (w *window) add(now time.Time, span time.Duration, n int) int {
	if now.Sub(w.start) >= span {
		*w = window{start: now}
	}
	w.n += n
	return w.n
}

// meter is one request against its caller's limits.
type meter struct {
	u     *usage
	limit int
}

func (s *Server) usageOf(a actor) *usage {
	u := s.usage[a.key()]
	if u == nil {
		u = &usage{}
		s.usage[a.key()] = u
	}
	if now := s.now(); !now.Before(u.reset) {
		u.used, u.reset = 0, now.Add(time.Hour)
	}
	return u
}

func (s *Server) limitOf(a actor) int {
	if a.anonymous() {
		return min(60, s.opt.PrimaryLimit)
	}
	return s.opt.PrimaryLimit
}

// admit refuses a request that is over a limit. GET /rate_limit is free.
func (s *Server) admit(c *call) (meter, error) {
	m := meter{u: s.usageOf(c.actor), limit: s.limitOf(c.actor)}
	if c.path == "/rate_limit" {
		return m, nil
	}
	if m.u.used >= m.limit {
		return m, &Refusal{
			Status: http.StatusForbidden, Message: fmt.Sprintf("API rate limit exceeded for %s.", c.actor.limitName()),
			Docs: docsURL + "/using-the-rest-api/rate-limits-for-the-rest-api",
		}
	}
	if c.actor.app != nil && c.actor.inst == nil {
		return m, nil // calls as the App itself have no secondary limit worth simulating
	}
	if wait := s.secondary(m.u, c.r.Method); wait > 0 {
		m.u.used++
		return m, &Refusal{
			Status:  s.opt.LimitStatus,
			Message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
			Docs:    "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
			Header:  map[string]string{"Retry-After": strconv.Itoa(int(wait.Seconds()))},
		}
	}
	return m, nil
}

// secondary counts a request and tells how long to wait when that was too much.
func (s *Server) secondary(u *usage, method string) time.Duration {
	if over(u.active, s.opt.Concurrent) {
		return time.Minute
	}
	now, cost, creates := s.now(), 1, false
	if method != http.MethodGet && method != http.MethodHead {
		cost, creates = 5, true
	}
	if over(u.points.add(now, time.Minute, cost), s.opt.PointsPerMinute) {
		return time.Minute
	}
	if !creates {
		return 0
	}
	if over(u.content.add(now, time.Minute, 1), s.opt.ContentPerMinute) {
		return time.Minute
	}
	if over(u.contentHour.add(now, time.Hour, 1), s.opt.ContentPerHour) {
		return time.Hour
	}
	return 0
}

func over(n, limit int) bool { return limit >= 0 && n > limit }

func (m meter) charge(c *call, free bool) {
	if !free && c.path != "/rate_limit" {
		m.u.used++
	}
}

func (m meter) headers(h http.Header) {
	h.Set("X-RateLimit-Limit", strconv.Itoa(m.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(m.limit-m.u.used, 0)))
	h.Set("X-RateLimit-Used", strconv.Itoa(m.u.used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(m.u.reset.Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}

func (c *call) rateLimit() (reply, error) {
	u, limit := c.s.usageOf(c.actor), c.s.limitOf(c.actor)
	core := object{"limit": limit, "remaining": max(limit-u.used, 0), "used": u.used, "reset": u.reset.Unix()}
	return ok(object{"resources": object{"core": core, "search": core, "graphql": core}, "rate": core})
}
