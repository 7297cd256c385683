package sandbox

import (
	"context"
	"sync"
	"time"
)

// PoolLimits say when a worker is not kept for the next request. The zero value of a field is its default.
type PoolLimits struct {
	Idle     int           // workers that are kept while they have nothing to do; 4
	Requests int           // that one worker answers before it is replaced; 200
	Resident int64         // bytes that a worker may hold while it is kept; 512 MiB
	Age      time.Duration // that a worker is kept without work; 10 minutes

	// Spare has one worker more started ahead, so that a key's first request does not wait for a process to begin: at the start, and, once
	// that has been taken and was not enough, whenever a worker has ended its work.
	Spare bool
}

func (l PoolLimits) withDefaults() PoolLimits {
	if l.Idle == 0 {
		l.Idle = 4
	}
	if l.Requests == 0 {
		l.Requests = 200
	}
	if l.Resident == 0 {
		l.Resident = 512 << 20
	}
	if l.Age == 0 {
		l.Age = 10 * time.Minute
	}
	return l
}

// Pool keeps workers between requests, for what they remember. A worker only ever serves one key, so whatever a hostile request does to
// it stays with whom it came from. A pool is safe for concurrent use and must be closed.
type Pool struct {
	workers *Workers
	limits  PoolLimits

	mu       sync.Mutex
	idle     []*idleSession // least recently used first
	spare    *child         // has seen no request yet; nil: there is none
	starting bool           // a spare is on its way
	started  sync.WaitGroup // those on their way
	fresh    int            // requests that no kept worker could take
	closed   bool
}

type idleSession struct {
	key     string
	session *Session
	expiry  *time.Timer
}

// NewPool makes an empty pool.
func NewPool(workers *Workers, limits PoolLimits) *Pool {
	p := &Pool{workers: workers, limits: limits.withDefaults()}
	p.startAhead()
	return p
}

// startAhead starts a spare in the background, unless there is one.
func (p *Pool) startAhead() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.limits.Spare || p.closed || p.starting || p.spare != nil || p.fresh == 1 {
		return
	}
	p.starting = true
	p.started.Go(func() {
		c, err := p.workers.start(context.Background()) // which takes a minute at most
		p.mu.Lock()
		p.starting = false
		wanted := err == nil && !p.closed
		if wanted {
			p.spare = c
		}
		p.mu.Unlock()
		if err == nil && !wanted {
			c.kill()
		}
	})
}

// Take gives a session for a key: one that served the same key before, or a new one. It must be given back.
func (p *Pool) Take(key string) *Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.idle) - 1; i >= 0; i-- {
		if kept := p.idle[i]; kept.key == key {
			p.remove(i)
			return kept.session
		}
	}
	p.fresh++
	s := p.workers.Session()
	s.child, p.spare = p.spare, nil
	return s
}

// Give takes a session back, which is kept while it is worth it.
func (p *Pool) Give(key string, s *Session) {
	p.keep(key, s)
	p.startAhead()
}

func (p *Pool) keep(key string, s *Session) {
	if s.child == nil {
		return
	}
	_, resident, _ := used(s.PID())
	p.mu.Lock()
	if p.closed || s.served >= p.limits.Requests || resident > p.limits.Resident {
		p.mu.Unlock()
		s.Close()
		return
	}
	kept := &idleSession{key: key, session: s}
	kept.expiry = time.AfterFunc(p.limits.Age, func() { p.expire(kept) })
	p.idle = append(p.idle, kept)
	var leaves *Session
	if len(p.idle) > p.limits.Idle {
		leaves = p.idle[0].session
		p.remove(0)
	}
	p.mu.Unlock()
	if leaves != nil {
		leaves.Close()
	}
}

// remove takes a session out; the lock is held.
func (p *Pool) remove(i int) {
	p.idle[i].expiry.Stop()
	p.idle = append(p.idle[:i:i], p.idle[i+1:]...)
}

func (p *Pool) expire(old *idleSession) {
	p.mu.Lock()
	for i, kept := range p.idle {
		if kept == old {
			p.remove(i)
			p.mu.Unlock()
			old.session.Close()
			return
		}
	}
	p.mu.Unlock()
}

// Close ends the workers that have nothing to do. The others end when they are given back.
func (p *Pool) Close() {
	p.mu.Lock()
	idle, spare := p.idle, p.spare
	p.idle, p.spare, p.closed = nil, nil, true
	p.mu.Unlock()
	p.started.Wait()
	if spare != nil {
		spare.kill()
	}
	for _, kept := range idle {
		kept.expiry.Stop()
		kept.session.Close()
	}
}
