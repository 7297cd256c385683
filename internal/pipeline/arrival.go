package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// arrival is how a pull request's commits came to its branch.
type arrival struct {
	onto  string   // what was at the tip before; "": not known
	along []string // the commits that came with the final one, oldest first
	exact bool     // the final one is, file for file, what the judged head makes of what was there before
}

// arrived finds out how a merged pull request whose head was judged came to its branch: as a merge commit, squashed, rebased, in a
// queue, or because its head was pushed there.
func (p *Pipeline) arrived(ctx context.Context, l work.Merged, base string) (arrival, error) {
	repo := p.Forge.Repo(l.InstallationID, l.Owner, l.Name)
	g := &gatherer{Pipeline: p, forge: repo, mirror: gitmirror.Repo{Owner: l.Owner, Name: l.Name}}
	want := []gitmirror.Want{{SHA: l.Commit, Ref: "refs/heads/" + l.Branch}, {SHA: l.Head, Ref: fmt.Sprintf("refs/pull/%d/head", l.Number)}, {SHA: base}}
	if err := p.Mirror.Sync(ctx, g.mirror, repo.Token, want); err != nil {
		return arrival{}, fmt.Errorf("fetch %s and what it was made of: %w", l.Commit, p.retryable(err))
	}
	var lists [2][]gitmirror.Commit
	for i, tip := range []string{l.Commit, l.Head} {
		var err error
		if lists[i], err = p.Mirror.Commits(ctx, g.mirror, base, tip); errors.As(err, new(*gitmirror.LimitError)) {
			return arrival{}, nil
		} else if err != nil {
			return arrival{}, fmt.Errorf("read the commits of #%d: %w", l.Number, err)
		}
	}
	if l.Commit == l.Head { // pushed as it was judged
		return arrival{along: others(lists[1], l.Head), exact: true}, nil
	}
	commits := byID(lists[0])
	tip := commits[l.Commit]
	out := arrival{}
	switch {
	case len(tip.Parents) == 0:
		return out, nil
	case len(tip.Parents) == 2 && tip.Parents[1] == l.Head:
		out.onto = tip.Parents[0]
		brought, err := p.Mirror.Commits(ctx, g.mirror, out.onto, l.Commit)
		if err != nil && !errors.As(err, new(*gitmirror.LimitError)) {
			return out, fmt.Errorf("read what #%d brought: %w", l.Number, err)
		}
		out.along = others(brought, l.Commit)
	default:
		out.onto, out.along = tip.Parents[0], rebased(commits, lists[1], l.Commit)
		if len(out.along) > 0 {
			first := commits[out.along[0]]
			out.onto = slices.Concat(first.Parents, []string{""})[0]
		}
	}
	var err error
	out.exact, err = g.lands(ctx, l.Head, out.onto, l.Commit)
	return out, err
}

// lands reports whether a head that is merged into a commit gives exactly another one's files.
func (g *gatherer) lands(ctx context.Context, head, onto, have string) (bool, error) {
	if onto == "" {
		return false, nil
	}
	base, err := g.Mirror.MergeBase(ctx, g.mirror, onto, head)
	if errors.Is(err, gitmirror.ErrNoMergeBase) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("find the merge base of %s and %s: %w", onto, head, err)
	}
	result, differ, err := g.carryOnto(ctx, base, head, onto, have)
	return err == nil && result != nil && len(differ) == 0, err
}

func byID(list []gitmirror.Commit) map[string]gitmirror.Commit {
	out := make(map[string]gitmirror.Commit, len(list))
	for _, c := range list {
		out[c.SHA] = c
	}
	return out
}

// others are the ids of all commits but one.
func others(list []gitmirror.Commit, but string) []string {
	var out []string
	for _, c := range list {
		if c.SHA != but {
			out = append(out, c.SHA)
		}
	}
	return out
}

// rebased are the commits before tip that a merge by rebase has made of a pull request's own, oldest first; nil when the line that ends
// at tip is not made of them. They are told by message and author: a rebase keeps both.
func rebased(commits map[string]gitmirror.Commit, own []gitmirror.Commit, tip string) []string {
	own = slices.DeleteFunc(slices.Clone(own), func(c gitmirror.Commit) bool { return len(c.Parents) > 1 })
	var line []string
	for at, i := tip, len(own)-1; i >= 0; i-- {
		now, ok := commits[at]
		if !ok || now.Message != own[i].Message || now.Author != own[i].Author || len(now.Parents) != 1 {
			return nil
		}
		line, at = append(line, at), now.Parents[0]
	}
	slices.Reverse(line)
	return line[:max(len(line)-1, 0)]
}

// errUntold says that GitHub does not tell how a commit came to its branch: it may take a moment to, and older servers never do.
var errUntold = errors.New("it is not exactly what its pull request makes of the branch, and GitHub does not tell how it came there")

// maxUntold is how often that is asked.
const maxUntold = 3

// intruded says why what landed is not what was judged, or "". GitHub takes a pull request for merged when a push brings its commits,
// whatever else the push brings; a merge that GitHub has made itself is taken for what it is, for its way of merging knows renames.
func (p *Pipeline) intruded(ctx context.Context, l work.Merged, a arrival) (string, error) {
	if a.exact {
		return "", nil
	}
	repo := p.Forge.Repo(l.InstallationID, l.Owner, l.Name)
	move, err := repo.MovedTo(ctx, l.Branch, l.Commit)
	if err != nil {
		return "", fmt.Errorf("read how %s came to %s: %w", l.Commit, l.Branch, p.retryable(err))
	}
	if move == nil {
		return "", fmt.Errorf("%s: %w", l.Commit, errUntold)
	}
	if !move.Pushed() {
		return "", nil
	}
	return "it was pushed, and is not what the pull request makes of " + gate.Printable(l.Branch), nil
}

// pushedAlong are the commits that a push brought besides the last one. What cannot be found out is left out: that the push went
// around the gate goes on record whatever git answers.
func (p *Pipeline) pushedAlong(ctx context.Context, l work.Merged) []string {
	if l.Number != 0 || l.Forced || strings.Trim(l.Before, "0") == "" {
		return nil
	}
	repo, mirror := p.Forge.Repo(l.InstallationID, l.Owner, l.Name), gitmirror.Repo{Owner: l.Owner, Name: l.Name}
	err := p.Mirror.Sync(ctx, mirror, repo.Token, []gitmirror.Want{{SHA: l.Commit, Ref: "refs/heads/" + l.Branch}, {SHA: l.Before}})
	var list []gitmirror.Commit
	if err == nil {
		list, err = p.Mirror.Commits(ctx, mirror, l.Before, l.Commit)
	}
	if err != nil {
		p.Log.WithError(err).WithField("commit", l.Commit).Warn("the commits that came along with a bypass cannot be read")
	}
	return others(list, l.Commit)
}
