package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// sweep finds the open pull requests that an event concerns and puts them in the queue. Events about a commit or a branch do
// not name them reliably: for a fork's commit GitHub names none.
func (p *Pipeline) sweep(ctx context.Context, search work.Search, _ int) error {
	repositories := []work.Repository{search.Repository}
	if search.RepositoryID == 0 {
		var err error
		if repositories, err = p.installed(ctx, search.InstallationID); err != nil {
			return err
		}
	}
	var works []store.Work
	for _, repository := range repositories {
		numbers, err := p.openPullRequests(ctx, repository, search)
		if err != nil {
			return err
		}
		for _, n := range numbers {
			pr := work.PullRequest{Repository: repository, Number: n, Reason: search.Reason, Again: search.Again}
			works = append(works, pr.Evaluation())
		}
	}
	if err := p.Recorder.Enqueue(ctx, works...); err != nil {
		return fmt.Errorf("queue %d pull requests: %w", len(works), err)
	}
	return nil
}

func (p *Pipeline) openPullRequests(ctx context.Context, in work.Repository, search work.Search) ([]int, error) {
	repo := p.Forge.Repo(in.InstallationID, in.Owner, in.Name)
	numbers, err := repo.OpenPullRequests(ctx, forge.Filter{Base: search.Branch, HeadSHA: search.SHA})
	if errors.As(err, new(forge.NotFound)) {
		return nil, nil // the repository is gone, and its pull requests with it
	}
	if err != nil {
		return nil, fmt.Errorf("list the open pull requests of %s/%s: %w", in.Owner, in.Name, p.retryable(err))
	}
	return numbers, nil
}

// installed lists the repositories of an installation; none when the App was removed.
func (p *Pipeline) installed(ctx context.Context, installationID int64) ([]work.Repository, error) {
	list, err := p.Forge.Repositories(ctx, installationID)
	if errors.As(err, new(forge.NotFound)) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the repositories of installation %d: %w", installationID, p.retryable(err))
	}
	var out []work.Repository
	for _, r := range list {
		out = append(out, work.Repository{InstallationID: installationID, RepositoryID: r.ID, Owner: r.Owner, Name: r.Name})
	}
	return out, nil
}
