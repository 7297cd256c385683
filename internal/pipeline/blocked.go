package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/explain"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// Ledger says whether the audit log can be continued, and is held against what GitHub was told of it.
type Ledger interface {
	Appendable(ctx context.Context) error
	Agrees(ctx context.Context, size int64, root string) (wrong string, err error)
	Fork(ctx context.Context, reason string) error
	Continued(ctx context.Context) (time.Time, error)
	Entries(ctx context.Context, f store.EntryFilter, cursor string, limit int) ([]store.Entry, string, error)
}

// BlockedTitle is the title of the check while nothing can be recorded.
const BlockedTitle = "Gatehouse could not evaluate: the audit log cannot be continued"

// orTell carries out a work and, when nothing can be recorded any more, says so on the pull request: a decision that nobody can look up
// must not be made, and the check of an earlier one must not let through what it would not let through now.
func orTell[Args any](p *Pipeline, do func(context.Context, Args, int) error, about func(Args) (in work.Target, number int, head string)) func(context.Context, Args, int) error {
	return func(ctx context.Context, args Args, attempt int) error {
		err := do(ctx, args, attempt)
		if !store.Blocks(err) {
			return err
		}
		in, number, head := about(args)
		if head == "" && number == 0 {
			return err
		}
		// The work is tried again, so this is, too.
		return errors.Join(err, p.tellBlocked(ctx, in, number, head, err))
	}
}

// What a work is about: a pull request by its number, or a head.
func ofEvaluation(a work.Evaluate) (work.Target, int, string)     { return a.Target, a.Number, "" }
func ofPublication(a work.Publication) (work.Target, int, string) { return a.Target, a.Number, "" }

func ofSweep(a work.Sweep) (work.Target, int, string) {
	if a.What != work.SweepMergeGroup {
		return a.Target, 0, "" // about many; each is told of by its own work
	}
	return a.Target, 0, a.SHA
}

// Unstored says on the pull requests of works that could not be stored that nothing can be recorded; they would hear nothing otherwise,
// for without a record there is nothing to carry out. It is told once: GitHub is asked for the events again when the store takes them.
func (p *Pipeline) Unstored(ctx context.Context, works []store.Work, why error) {
	if !store.Blocks(why) {
		return // a passing disturbance, which the next attempt at the delivery finds over
	}
	for _, w := range works {
		if w.Kind != work.KindEvaluate {
			continue
		}
		var args work.Evaluate
		err := json.Unmarshal(w.Args, &args)
		if err == nil {
			err = p.tellBlocked(ctx, args.Target, args.Number, "", why)
		}
		if err != nil {
			p.Log.WithError(err).WithField("key", w.Key).Warn("nobody could be told that nothing can be recorded")
		}
	}
}

// tellBlocked posts a failed check that no decision stands behind. The text of the run that it replaces stays, for its witness: it may be
// what shows that the log is not the one that it was.
func (p *Pipeline) tellBlocked(ctx context.Context, in work.Target, number int, head string, reason error) error {
	repo := p.Forge.Repo(in.InstallationID, in.Owner, in.Name)
	if head == "" {
		var err error
		if head, err = p.headNow(ctx, repo, in, number); err != nil || head == "" {
			return err
		}
	}
	now := p.Clock().UTC()
	_, err := repo.PutCheckRun(ctx, forge.CheckRun{
		HeadSHA: head, Name: CheckName, ExternalID: head, Status: "completed", Conclusion: "failure", Title: BlockedTitle, KeepText: true,
		Summary: "Nothing can be recorded, so nothing can pass, until somebody who operates Gatehouse has looked into it:\n\n> " +
			gate.Shorten(gate.Printable(reason.Error()), 2000) + "\n\nThen it goes on by itself; comment `/gatehouse recheck` to try at once.\n",
		StartedAt: now, CompletedAt: now,
		Actions: []forge.Action{{Label: "Re-evaluate", Description: "Read everything again and decide anew", Identifier: explain.RecheckAction}},
	})
	if err != nil {
		p.Metrics.Published("check", "failed")
		return fmt.Errorf("post that nothing can be recorded: %w", p.retryable(err))
	}
	p.Metrics.Published("check", "blocked")
	return nil
}

// headNow is the head of an open pull request as GitHub shows it, else as it was known last; "" when it is closed or gone.
func (p *Pipeline) headNow(ctx context.Context, repo *forge.Repo, in work.Target, number int) (string, error) {
	_, pr, err := repo.PullRequest(ctx, number)
	switch {
	case err == nil && pr.State == "open":
		return pr.Head.SHA, nil
	case err == nil || errors.As(err, new(forge.NotFound)):
		return "", nil
	}
	k, unknown := p.known(ctx, work.Evaluate{Target: in, Number: number})
	if unknown == nil && k.head != "" && !k.closed {
		return k.head, nil
	}
	return "", fmt.Errorf("read the pull request before posting: %w", errors.Join(err, unknown))
}

// forked returns what is called before a check run is overwritten: its witness must be of this log. When it is not, the database is an
// old copy, or another server writes to another copy, and nothing is appended any more. What was posted before a person decided to
// continue the log does not count, and neither does what another App has posted, for its text is another's.
func (p *Pipeline) forked(ctx context.Context) func(forge.PostedCheck) error {
	return func(old forge.PostedCheck) error {
		says, ok := explain.ReadWitness(old.Text)
		if !ok || !old.Own {
			return nil
		}
		since, err := p.Ledger.Continued(ctx)
		if err != nil {
			return fmt.Errorf("read when the log was continued: %w", err)
		}
		if !since.IsZero() && old.StartedAt.Before(since) {
			return nil
		}
		wrong, err := p.Ledger.Agrees(ctx, says.Size, says.Root)
		if err != nil || wrong == "" {
			return err
		}
		reason := fmt.Sprintf("the check run %s on %s was posted from another log: %s", old.URL, old.HeadSHA, wrong)
		p.Log.WithField("check_run", old.ID).Error("GitHub knows of another audit log; nothing is recorded any more: " + wrong)
		if err := p.Ledger.Fork(ctx, reason); err != nil {
			return err
		}
		return p.Ledger.Appendable(ctx)
	}
}

// Finder finds the installation of a repository.
type Finder interface {
	Installation(ctx context.Context, owner, name string) (int64, error)
}

const (
	// witnessRepositories and witnessHeads bound what is looked at when the server starts: one check run of another log is enough, and
	// every further one is looked at before it is overwritten.
	witnessRepositories = 3
	witnessHeads        = 5
)

// CheckWitness holds the log against the newest check runs on GitHub, before anything is appended: a database that was restored from a
// backup continues another history than the one that GitHub knows. An error means that GitHub could not be asked.
func (p *Pipeline) CheckWitness(ctx context.Context, finder Finder) error {
	entries, _, err := p.Ledger.Entries(ctx, store.EntryFilter{Type: store.EntryPublication}, "", 50)
	if err != nil {
		return fmt.Errorf("read what was published last: %w", err)
	}
	compare := p.forked(ctx)
	seen := map[string]bool{}
	for _, e := range entries {
		if seen[e.Repository] || len(seen) == witnessRepositories {
			continue
		}
		seen[e.Repository] = true
		if err := p.checkWitnessOf(ctx, finder, e, compare); err != nil && !store.Blocks(err) {
			return fmt.Errorf("%s: %w", e.Repository, err)
		}
	}
	return nil
}

// checkWitnessOf looks at one repository: its newest heads, and the commit of the publication that named it.
func (p *Pipeline) checkWitnessOf(ctx context.Context, finder Finder, e store.Entry, compare func(forge.PostedCheck) error) error {
	owner, name, _ := strings.Cut(e.Repository, "/")
	id, err := finder.Installation(ctx, owner, name)
	if errors.As(err, new(forge.NotFound)) {
		return nil // the App was removed there
	} else if err != nil {
		return err
	}
	repo := p.Forge.Repo(id, owner, name)
	heads, err := repo.RecentHeads(ctx, time.Time{}, witnessHeads)
	if err != nil {
		return err
	}
	for _, sha := range append(heads, e.Commit) {
		runs, err := repo.PostedChecks(ctx, sha, CheckName)
		if errors.As(err, new(forge.NotFound)) {
			continue
		} else if err != nil {
			return err
		}
		for _, run := range runs {
			if err := compare(run); err != nil {
				return err
			}
		}
	}
	return nil
}
