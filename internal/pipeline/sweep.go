package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

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
	filter := forge.Filter{HeadSHA: s.SHA}
	if s.What == work.SweepBranch && !s.DefaultBranch {
		filter.Base = s.Branch // the default branch may hold what others are judged by, as an organisation's .github does
	}
	targets := []work.Target{s.Target}
	organisation := s.What == work.SweepBranch && s.Organization != "" // its .github repository, which all others may be judged by
	if s.RepositoryID == 0 || organisation {
		var err error
		if targets, err = p.installed(ctx, s.Target); err != nil {
			return err
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
		numbers, err := p.openPullRequests(ctx, target, filter)
		if err != nil {
			return err
		}
		for _, n := range numbers {
			works = append(works, work.Evaluate{Target: target, Number: n, Again: s.What == work.SweepRerequested}.Work())
		}
	}
	if err := p.Recorder.Enqueue(ctx, works...); err != nil {
		return fmt.Errorf("queue %d pull requests: %w", len(works), err)
	}
	return nil
}

func (p *Pipeline) openPullRequests(ctx context.Context, in work.Target, filter forge.Filter) ([]int, error) {
	numbers, err := p.Forge.Repo(in.InstallationID, in.Owner, in.Name).OpenPullRequests(ctx, filter)
	if errors.As(err, new(forge.NotFound)) {
		return nil, nil // the repository is gone, and its pull requests with it
	}
	if err != nil {
		return nil, fmt.Errorf("list the open pull requests of %s/%s: %w", in.Owner, in.Name, p.retryable(err))
	}
	return numbers, nil
}

// installed lists the repositories of an installation, none when it is gone. GitHub refuses the credentials of an installation
// that is gone as it refuses wrong ones, so the list of installations decides which it is.
func (p *Pipeline) installed(ctx context.Context, about work.Target) ([]work.Target, error) {
	list, err := p.Forge.Repositories(ctx, about.InstallationID)
	if errors.As(err, new(forge.NotFound)) || errors.As(err, new(forge.Unauthorized)) {
		ids, listErr := p.Hooks.Installations(ctx)
		if listErr == nil && !slices.Contains(ids, about.InstallationID) {
			return nil, nil
		}
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
