package githubsim

import (
	"context"
	"fmt"
)

// WaitFor waits until cond says yes. It asks at once, and again after every request that the server has carried out and every
// webhook that it has sent, so a test of a program that works in the background needs no sleeping. cond may use the server.
func (s *Server) WaitFor(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the simulated GitHub to change: %w", ctx.Err())
		}
	}
}

// WaitCheck waits until the latest check run of a name on a commit is as wanted; a nil wanted means completed. The error tells what
// the check looked like last.
func (r *Repo) WaitCheck(ctx context.Context, sha, name string, wanted func(CheckView) bool) (CheckView, error) {
	if wanted == nil {
		wanted = func(v CheckView) bool { return v.Status == "completed" }
	}
	last := CheckView{Status: "missing"}
	err := r.s.WaitFor(ctx, func() bool {
		for _, v := range r.Checks(sha) {
			if v.Name == name {
				last = v
				return wanted(v)
			}
		}
		return false
	})
	if err != nil {
		return last, fmt.Errorf("check %s of %.12s is %s %s %q: %w", name, sha, last.Status, last.Conclusion, last.Title, err)
	}
	return last, nil
}

// signal wakes WaitFor; s.mu is held.
func (s *Server) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) lockedSignal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signal()
}
