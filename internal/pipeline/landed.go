package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// maxWalk is how many commits of a branch are looked at that no event told of; older ones are passed over, and the log says so.
const maxWalk = 500

// landed looks at what a round finds on a branch since the last look, and has everything held against the record that is not on
// it: merges and pushes whose events never came. Events are the ordinary way, so only rounds look, and a look that an event
// asked for remembers where the branch was the first time.
func (p *Pipeline) landed(ctx context.Context, args work.Posture, repo *forge.Repo, k store.Posture) error {
	if k.Tip != "" && args.Reason != hourly {
		return nil
	}
	mirror, ref := gitmirror.Repo{Owner: args.Owner, Name: args.Name}, "refs/heads/"+k.Branch
	tip, err := p.Mirror.Resolve(ctx, mirror, repo.Token, ref)
	if err != nil {
		return fmt.Errorf("find the tip of %s: %w", k.Branch, p.retryable(err))
	}
	if tip == k.Tip {
		return nil
	}
	if k.Tip != "" {
		works, err := p.landings(ctx, args, repo, k, tip)
		if err != nil {
			return err
		}
		if err := p.Recorder.Enqueue(ctx, works...); err != nil {
			return err
		}
	}
	return p.Postures.SetTip(ctx, args.RepositoryID, k.Branch, tip)
}

// landings are the works for what came to a branch and is not on record.
func (p *Pipeline) landings(ctx context.Context, args work.Posture, repo *forge.Repo, k store.Posture, tip string) ([]store.Work, error) {
	w := walk{Pipeline: p, args: args, repo: repo, branch: k, mirror: gitmirror.Repo{Owner: args.Owner, Name: args.Name}, before: k.Tip}
	if err := p.Mirror.Sync(ctx, w.mirror, repo.Token, []gitmirror.Want{{SHA: tip, Ref: "refs/heads/" + k.Branch}}); err != nil {
		return nil, fmt.Errorf("fetch %s: %w", tip, p.retryable(err))
	}
	err := p.Mirror.Sync(ctx, w.mirror, repo.Token, []gitmirror.Want{{SHA: k.Tip}})
	gone := errors.As(err, new(*gitmirror.MissingError))
	if err != nil && !gone {
		return nil, fmt.Errorf("fetch %s: %w", k.Tip, p.retryable(err))
	}
	if !gone {
		base, err := p.Mirror.MergeBase(ctx, w.mirror, k.Tip, tip)
		if err != nil && !errors.Is(err, gitmirror.ErrNoMergeBase) {
			return nil, fmt.Errorf("compare %s with %s: %w", k.Tip, tip, err)
		}
		gone = base != k.Tip
	}
	if gone { // what was at the tip is not in the branch's history any more
		return w.rewritten(ctx, tip)
	}
	commits, err := p.Mirror.Commits(ctx, w.mirror, k.Tip, tip)
	if err != nil {
		return nil, fmt.Errorf("read what came to %s: %w", k.Branch, err)
	}
	w.commits = map[string]gitmirror.Commit{}
	for _, c := range commits {
		w.commits[c.SHA] = c
	}
	return w.along(ctx, w.mainline(tip))
}

// mainline is the line of first parents that ends at tip, oldest first: what was at the tip of the branch, one after the other, and
// the commits that were pushed along.
func (w *walk) mainline(tip string) []string {
	var line []string
	at := tip
	c, ok := w.commits[at]
	for ok {
		line = append(line, at)
		if len(c.Parents) == 0 {
			break // the first commit of all
		}
		at = c.Parents[0]
		c, ok = w.commits[at]
	}
	slices.Reverse(line)
	return line
}

// walk goes along a branch.
type walk struct {
	*Pipeline
	args   work.Posture
	repo   *forge.Repo
	branch store.Posture
	mirror gitmirror.Repo
	before string // the last commit that is accounted for
	works  []store.Work

	commits map[string]gitmirror.Commit // that came to the branch
	moves   map[string]*forge.Move      // of the branch, by where they ended; nil: not asked for yet
}

func (w *walk) along(ctx context.Context, line []string) ([]store.Work, error) {
	if len(line) > maxWalk {
		w.Log.WithField("repository", w.branch.Repository).WithField("branch", w.branch.Branch).WithField("commits", len(line)-maxWalk).
			Warn("more has landed since the last look than is looked at; the oldest commits are passed over")
		w.before = line[len(line)-maxWalk-1]
		line = line[len(line)-maxWalk:]
	}
	seen := map[int]bool{}
	var run []string // commits, one after the other, that no pull request brought
	for _, sha := range line {
		around, err := w.wentAround(ctx, w.branch.Repository, sha)
		if err != nil {
			return nil, err
		}
		if around {
			run, w.before = nil, sha // with the commits that were pushed along
			continue
		}
		by, err := w.repo.LandedBy(ctx, sha, w.branch.Branch)
		if err != nil {
			return nil, fmt.Errorf("read which pull request made %s: %w", sha, w.retryable(err))
		}
		if by == nil {
			run = append(run, sha)
			continue
		}
		if run, err = w.withoutRebased(ctx, run, sha, by); err != nil {
			return nil, err
		}
		if err := w.pushes(ctx, run); err != nil {
			return nil, err
		}
		run, w.before = nil, sha
		if !seen[by.Number] {
			seen[by.Number] = true
			if err := w.merge(ctx, by); err != nil {
				return nil, err
			}
		}
	}
	err := w.pushes(ctx, run)
	return w.works, err
}

// withoutRebased takes from the end of a run the commits that a pull request merged by rebase has brought: GitHub tells of its last
// one alone. They are its own commits, told by message and author.
func (w *walk) withoutRebased(ctx context.Context, run []string, sha string, by *forge.Landing) ([]string, error) {
	if len(run) == 0 || by.MergeCommit != sha {
		return run, nil
	}
	want := gitmirror.Want{SHA: by.Head, Ref: fmt.Sprintf("refs/pull/%d/head", by.Number)}
	if err := w.Mirror.Sync(ctx, w.mirror, w.repo.Token, []gitmirror.Want{want}); err != nil {
		return nil, fmt.Errorf("fetch the commits of #%d: %w", by.Number, w.retryable(err))
	}
	own, err := w.Mirror.Commits(ctx, w.mirror, w.branch.Tip, by.Head)
	if err != nil {
		return nil, fmt.Errorf("read the commits of #%d: %w", by.Number, err)
	}
	came := rebased(w.commits, own, sha)
	if len(came) == 0 || len(run) < len(came) || !slices.Equal(run[len(run)-len(came):], came) {
		return run, nil
	}
	return run[:len(run)-len(came)], nil
}

// rewritten is a branch whose last tip is not in its history any more.
func (w *walk) rewritten(ctx context.Context, tip string) ([]store.Work, error) {
	if known, err := w.onRecord(ctx, w.branch.Repository, tip); err != nil || known {
		return nil, err
	}
	moves, err := w.moved(ctx)
	if err != nil {
		return nil, err
	}
	w.push(tip, moves[tip], true)
	return w.works, nil
}

// pushes are the pushes that no event told of and that brought a run of commits. GitHub's activity tells where one ended and the next
// one began, and who pushed; what it does not tell of, or not any more, is taken for one, and called uncertain.
func (w *walk) pushes(ctx context.Context, run []string) error {
	if len(run) == 0 {
		return nil
	}
	moves, err := w.moved(ctx)
	if err != nil {
		return err
	}
	for i, sha := range run {
		if move := moves[sha]; move != nil || i == len(run)-1 {
			w.push(sha, move, false)
		}
	}
	return nil
}

// moved is what GitHub tells of the branch's moves, by where they ended, asked for once.
func (w *walk) moved(ctx context.Context) (map[string]*forge.Move, error) {
	if w.moves != nil {
		return w.moves, nil
	}
	list, err := w.repo.Moves(ctx, w.branch.Branch)
	if err != nil {
		return nil, fmt.Errorf("read who pushed to %s: %w", w.branch.Branch, w.retryable(err))
	}
	w.moves = map[string]*forge.Move{}
	for i := range list {
		if _, later := w.moves[list[i].After]; !later {
			w.moves[list[i].After] = &list[i]
		}
	}
	return w.moves, nil
}

// push is one push; move is what GitHub tells of it, or nil.
func (w *walk) push(sha string, move *forge.Move, forced bool) {
	m := work.Merged{Commit: sha, Before: w.before, Forced: forced, Actor: "somebody"}
	if move == nil {
		m.Uncertain = !forced
	} else {
		m.Actor, m.Uncertain = cmp.Or(move.Actor, m.Actor), !forced && move.Before != w.before
	}
	w.add(m)
	w.before = sha
}

// merge is a merge that no event told of.
func (w *walk) merge(ctx context.Context, by *forge.Landing) error {
	known, err := w.onRecord(ctx, w.branch.Repository, by.MergeCommit)
	if err != nil || known {
		return err
	}
	w.add(work.Merged{Number: by.Number, Head: by.Head, Commit: by.MergeCommit, Actor: cmp.Or(by.MergedBy, "somebody")})
	return nil
}

func (w *walk) add(m work.Merged) {
	m.Target, m.Branch, m.DefaultBranch, m.Found = w.args.Target, w.branch.Branch, w.branch.Default, true
	w.works = append(w.works, m.Work())
}

// onRecord reports whether the log says how a commit landed: with a passing decision, or around the gate.
func (p *Pipeline) onRecord(ctx context.Context, repository, commit string) (bool, error) {
	_, _, err := p.Trail.Attestation(ctx, commit, repository, nil)
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return err == nil, err
	}
	return p.wentAround(ctx, repository, commit)
}

// wentAround reports whether a bypass with this commit is on record.
func (p *Pipeline) wentAround(ctx context.Context, repository, commit string) (bool, error) {
	list, _, err := p.Trail.Entries(ctx, store.EntryFilter{Type: store.EntryBypass, Repository: repository, Commit: commit}, "", 1)
	if err != nil {
		return false, fmt.Errorf("look for a bypass with %s: %w", commit, err)
	}
	return len(list) > 0, nil
}
