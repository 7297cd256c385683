package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// sweep finds the open pull requests that an event concerns and puts them in the queue. Events about a commit or a branch do
// not name them reliably: for a fork's commit GitHub names none.
func (p *Pipeline) sweep(ctx context.Context, s work.Sweep, attempt int) error {
	if s.What == work.SweepMergeGroup {
		return p.mergeGroup(ctx, s, attempt)
	}
	if s.What == work.SweepMembers || s.What == work.SweepInstallation {
		p.Forge.ForgetPeople(cmp.Or(s.Organization, s.Owner))
	}
	organisation := s.What == work.SweepBranch && s.Organization != "" // its .github repository, which all others may be judged by
	if s.RepositoryID == 0 || organisation {
		return p.sweepAll(ctx, s)
	}
	targets := []work.Target{s.Target}
	if s.What == work.SweepMembers {
		foreign, err := p.foreign(ctx, s)
		if err != nil {
			return err
		}
		targets = append(targets, foreign...)
	}
	var works []store.Work
	for _, target := range targets[1:] {
		works = append(works, s.Within(target).Work())
	}
	filter := forge.Filter{HeadSHA: s.SHA}
	if s.What == work.SweepBranch && !s.DefaultBranch {
		filter.Base = s.Branch // the default branch may hold what others are judged by, as an organisation's .github does
	}
	numbers, err := p.Forge.Repo(s.InstallationID, s.Owner, s.Name).OpenPullRequests(ctx, filter)
	if err != nil {
		var known error
		if numbers, known = p.stillPassing(ctx, s); known != nil {
			return fmt.Errorf("%w, after: %v", known, err)
		}
		if err = fmt.Errorf("list the open pull requests of %s/%s: %w", s.Owner, s.Name, p.retryable(err)); errors.As(err, new(forge.NotFound)) {
			err = nil // the repository is gone; if it is not, those that pass are looked at
		}
	}
	for _, n := range numbers {
		works = append(works, work.Evaluate{Target: s.Target, Number: n, Again: s.What == work.SweepRerequested}.Work())
	}
	if err := p.Recorder.Enqueue(ctx, works...); err != nil {
		return fmt.Errorf("queue %d pull requests: %w", len(works), err)
	}
	return err
}

// sweepAll puts a sweep of each repository in the queue that an event about an organisation or an installation concerns, so that one
// which cannot be read keeps none of the others waiting.
func (p *Pipeline) sweepAll(ctx context.Context, s work.Sweep) error {
	targets, err := p.installed(ctx, s.Target)
	if err != nil {
		var known error
		if targets, known = p.stillPassingIn(ctx, s); known != nil {
			return fmt.Errorf("%w, after: %v", known, err)
		}
	}
	if s.What == work.SweepMembers {
		foreign, err := p.foreign(ctx, s)
		if err != nil {
			return err
		}
		targets = append(targets, foreign...)
	}
	var works []store.Work
	for _, target := range targets {
		works = append(works, s.Within(target).Work())
	}
	if err := p.Recorder.Enqueue(ctx, works...); err != nil {
		return fmt.Errorf("queue %d repositories: %w", len(works), err)
	}
	return err
}

// stillPassing are the pull requests that an event may end the success of, as the record knows them: they are looked at one by one while
// GitHub does not list the open ones, and those that it does not show either are no success any more.
func (p *Pipeline) stillPassing(ctx context.Context, s work.Sweep) ([]int, error) {
	list, err := p.Told.Standing(ctx, s.RepositoryID, "")
	if err != nil {
		return nil, fmt.Errorf("read which pull requests pass: %w", err)
	}
	var out []int
	for _, d := range list {
		if s.SHA == "" || s.SHA == d.Head {
			out = append(out, d.PullRequest)
		}
	}
	return out, nil
}

// stillPassingIn are the repositories of an account in which a pull request passes, as the record knows them.
func (p *Pipeline) stillPassingIn(ctx context.Context, s work.Sweep) ([]work.Target, error) {
	account := cmp.Or(s.Organization, s.Owner)
	if account == "" {
		return nil, nil
	}
	list, err := p.Told.Standing(ctx, 0, account)
	if err != nil {
		return nil, fmt.Errorf("read which pull requests of %s pass: %w", account, err)
	}
	var out []work.Target
	for _, d := range list {
		if slices.ContainsFunc(out, func(t work.Target) bool { return t.RepositoryID == d.RepositoryID }) {
			continue
		}
		target := s.Target
		target.RepositoryID = d.RepositoryID
		target.Owner, target.Name, _ = strings.Cut(d.Repository, "/")
		out = append(out, target)
	}
	return out, nil
}

// installed lists the repositories of an installation, none when it is gone. GitHub refuses the credentials of an installation
// that is gone as it refuses wrong ones, so the list of installations decides which it is.
func (p *Pipeline) installed(ctx context.Context, about work.Target) ([]work.Target, error) {
	list, err := p.Forge.Repositories(ctx, about.InstallationID)
	if p.removed(ctx, about, err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the repositories of installation %d: %w", about.InstallationID, p.retryable(err))
	}
	var out []work.Target
	for _, r := range list {
		target := about
		target.RepositoryID, target.Owner, target.Name = r.ID, r.Owner, r.Name
		out = append(out, target)
	}
	return out, nil
}

// removed reports whether an error is for an installation that is gone or suspended.
func (p *Pipeline) removed(ctx context.Context, from work.Target, err error) bool {
	if !errors.As(err, new(forge.NotFound)) && !errors.As(err, new(forge.Unauthorized)) || from.InstallationID == 0 {
		return false
	}
	ids, err := p.Hooks.Installations(ctx)
	return err == nil && !slices.Contains(ids, from.InstallationID)
}
