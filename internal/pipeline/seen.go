package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// keepLast is keepSeen with what the last decision knew.
func (g *gatherer) keepLast(ctx context.Context) error {
	last, err := g.lastSeen(ctx)
	if err == nil {
		g.keepSeen(last)
	}
	return err
}

// keepSeen keeps what was seen before where nothing can be shown, for when it can: else an approval would be taken for one of whatever is
// there then. What was approved stays where it was recorded.
func (g *gatherer) keepSeen(last lastSeen) {
	g.facts.Sightings = slices.Clone(last.Sightings)
	for i := range g.facts.Sightings {
		g.facts.Sightings[i] = last.pinned(g.facts.Sightings[i])
	}
	g.facts.Shown = gate.Shown{Head: last.Shown.Head, Branch: last.Shown.Branch, MergeBase: last.Shown.MergeBase, Documents: last.Shown.Documents}
}

// pinned names the facts that show what an approval was given for, where they are the last ones.
func (l lastSeen) pinned(s gate.Sighting) gate.Sighting {
	if s.Facts == "" && s.Head == l.Shown.Head && s.Documents == l.Shown.Documents {
		s.Facts = l.digest // the decision that pinned it to what it showed itself
	}
	return s
}

// maxSightings bounds how many approvals are traced back: each may cost a fetch.
const maxSightings = 50

// seen works out what the pull request shows now and, for each approval, what it was given for. The last decision is the memory:
// an approval that it knew keeps what it was pinned to, and a new one is pinned to what that decision showed of the commit that
// was approved, since nothing newer can have been seen. Only when no decision has shown the commit is it pinned to the present.
func (g *gatherer) seen(ctx context.Context) error {
	last, err := g.lastSeen(ctx)
	if err != nil {
		return err
	}
	if len(g.facts.Problems) > 0 {
		g.keepSeen(last)
		return nil
	}
	pr := &g.facts.PullRequest
	now := gate.Shown{Head: pr.Head.SHA, Branch: pr.Base.Branch, MergeBase: pr.MergeBase}
	if now.Documents, err = documentsDigest(g.facts.Changes); err != nil {
		return fmt.Errorf("name the documents: %w", err)
	}
	result, _, err := g.carry(ctx, now)
	if err != nil {
		return err
	}
	if now.Digest, err = changeDigest(now, result); err != nil {
		return err
	}
	g.facts.Shown = now
	g.facts.Sightings = []gate.Sighting{}
	for _, r := range traced(g.facts.Reviews, g.facts.Actors) {
		s, err := g.sight(ctx, r, last)
		if err != nil {
			return err
		}
		g.facts.Sightings = append(g.facts.Sightings, s)
	}
	return nil
}

// traced are the approvals that are traced back, at most maxSightings; the others do not count, and say so. Anybody may approve a
// pull request of a public repository, so those come first whose approval is asked for or who may write: strangers take nobody's place.
func traced(reviews []gate.Review, actors []gate.Actor) []gate.Review {
	all := slices.DeleteFunc(gate.Opinions(reviews), func(r gate.Review) bool { return r.State != gate.ReviewApproved || r.Login == "" })
	if len(all) <= maxSightings {
		return all
	}
	var asked, others []gate.Review
	for _, r := range all {
		at := slices.IndexFunc(actors, func(a gate.Actor) bool { return strings.EqualFold(a.Login, r.Login) })
		if at >= 0 && (len(actors[at].Teams) > 0 || gate.AtLeast(actors[at].Permission, gate.PermissionWrite)) {
			asked = append(asked, r)
		} else {
			others = append(others, r)
		}
	}
	return append(asked, others...)[:maxSightings]
}

// sight traces one approval.
func (g *gatherer) sight(ctx context.Context, r gate.Review, last lastSeen) (gate.Sighting, error) {
	now := g.facts.Shown
	s := gate.Sighting{Review: r.ID, Comment: r.Comment}
	known := slices.IndexFunc(last.Sightings, func(x gate.Sighting) bool { return x.Review == r.ID && x.Comment == r.Comment })
	switch {
	case known >= 0:
		s = last.pinned(last.Sightings[known])
	case r.Comment && last.Shown.Head == "": // it names no commit, and nothing had been shown
		s.Reason = "approved by a comment before Gatehouse had shown anything; comment again"
		return s, nil
	case r.Comment, last.Shown.Head == r.CommitID:
		s.Shown, s.Facts = last.Shown, last.digest
	case now.Head == r.CommitID:
		s.Shown = now
	default:
		s.Shown = gate.Shown{Head: r.CommitID, Branch: now.Branch}
		if !g.plansFromElsewhere() {
			s.Documents = now.Documents // they are made of files, which are compared
		}
	}
	if s.Carried, s.Files, s.Reason = "", nil, ""; s.Branch == "" {
		s.Reason = fmt.Sprintf("approved %.7s, but what was shown then is no longer on record; approve again", r.CommitID)
		return s, nil
	}
	if err := g.fetchSeen(ctx, &s); err != nil || s.Reason != "" {
		return s, err
	}
	result, differ, err := g.carry(ctx, s.Shown)
	if err != nil {
		return s, err
	}
	if s.Files = differ; result != nil {
		if s.Carried, err = changeDigest(s.Shown, result); err != nil {
			return s, err
		}
	}
	if s.Digest == "" {
		s.Digest = s.Carried
	}
	return s, g.outcomes(ctx, &s)
}

// outcomes compares what happens to documents with what happened to them when they were approved, for people to read. While a plan is
// missing, it would be called a change that nobody made.
func (g *gatherer) outcomes(ctx context.Context, s *gate.Sighting) error {
	s.Changes, s.Dropped = nil, nil
	planless := slices.ContainsFunc(g.facts.Missing, func(m gate.Missing) bool { return m.What == gate.MissingPlan })
	if s.Documents == g.facts.Shown.Documents || s.Facts == "" || planless {
		return nil
	}
	approved, err := g.recorded(ctx, s.Facts)
	if err != nil || approved.Shown.Documents != s.Documents {
		return err // what retention has dropped cannot be compared, and the approval has ended all the same
	}
	s.Changes, s.Dropped = changesSince(approved.Changes, g.facts.Changes)
	return nil
}

// plansFromElsewhere reports whether documents are judged that are no part of the tree.
func (g *gatherer) plansFromElsewhere() bool {
	return slices.ContainsFunc(g.facts.Plans, func(p gate.Plan) bool { return p.Source != "committed" })
}

// fetchSeen makes sure that the commits of a sighting are in the mirror. GitHub keeps what a force-push left behind for long, but
// not for ever: an approval of what is gone cannot be compared with anything, and says so.
func (g *gatherer) fetchSeen(ctx context.Context, s *gate.Sighting) error {
	wants := []gitmirror.Want{{SHA: s.Head}}
	if s.MergeBase != "" {
		wants = append(wants, gitmirror.Want{SHA: s.MergeBase})
	}
	for _, w := range wants {
		if len(w.SHA) != len(g.facts.PullRequest.Head.SHA) {
			s.Reason = "gave an approval that names no commit"
			return nil
		}
	}
	err := g.Mirror.Sync(ctx, g.mirror, g.forge.Token, wants)
	var missing *gitmirror.MissingError
	if errors.As(err, &missing) {
		s.Reason = fmt.Sprintf("approved %.7s, which is gone from GitHub, so that nobody can tell what it was", s.Head)
		return nil
	}
	if err != nil {
		return fmt.Errorf("fetch the approved commit %s: %w", s.Head, err)
	}
	if s.MergeBase != "" {
		return nil
	}
	s.MergeBase, err = g.Mirror.MergeBase(ctx, g.mirror, g.facts.PullRequest.Base.SHA, s.Head)
	if errors.Is(err, gitmirror.ErrNoMergeBase) {
		s.Reason = fmt.Sprintf("approved %.7s, which has no commit in common with %s", s.Head, s.Branch)
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the merge base of the approved commit %s: %w", s.Head, err)
	}
	return nil
}

// landing is what a change makes of one path.
type landing struct {
	Path string
	Mode string // "": no file
	Blob string
}

func changeDigest(s gate.Shown, result []landing) (string, error) {
	files := make([]landing, len(result))
	for i, l := range result {
		l.Path = strconv.QuoteToASCII(l.Path) // a path need not be text
		files[i] = l
	}
	text, err := json.Marshal(map[string]any{"branch": s.Branch, "files": files, "documents": s.Documents})
	if err != nil {
		return "", fmt.Errorf("name the change at %s: %w", s.Head, err)
	}
	return ledger.Digest(text), nil
}

// carry takes a change from its own merge base over to the present one, as git merges: file by file, and within a file line by
// line. It returns what each changed path becomes, and where that is not what the head has; the result is nil when some file cannot
// be merged.
func (g *gatherer) carry(ctx context.Context, s gate.Shown) (result []landing, differ []string, err error) {
	return g.carryOnto(ctx, s.MergeBase, s.Head, g.facts.PullRequest.MergeBase, g.facts.PullRequest.Head.SHA)
}

// carryOnto takes the change between two commits over to a third, and compares what becomes of it with a fourth.
func (g *gatherer) carryOnto(ctx context.Context, from, to, onto, have string) (result []landing, differ []string, err error) {
	paths := map[string]bool{}
	var trees [4]*gitmirror.Tree
	for _, d := range []struct{ from, to string }{{from, to}, {onto, have}} {
		diff, err := g.Mirror.Diff(ctx, g.mirror, d.from, d.to)
		if err != nil {
			return nil, nil, fmt.Errorf("compare %s with %s: %w", d.from, d.to, err)
		}
		for _, c := range diff {
			paths[c.Path] = true
			if c.OldPath != "" {
				paths[c.OldPath] = true
			}
		}
	}
	for i, commit := range []string{from, to, onto, have} {
		if trees[i], err = g.Mirror.Tree(ctx, g.mirror, commit); err != nil {
			return nil, nil, fmt.Errorf("list the files of %s: %w", commit, err)
		}
	}
	sorted := make([]string, 0, len(paths))
	for p := range paths {
		sorted = append(sorted, p)
	}
	slices.Sort(sorted)
	result = []landing{}
	whole := true
	for _, path := range sorted {
		at := [4]landing{}
		for i, t := range trees {
			e, _ := t.Find(path)
			at[i] = landing{path, string(e.Mode), e.Blob}
		}
		// What is expected is compared by content; a merged file that is not what the head has needs no name of its own.
		lands, ok, err := g.merge(ctx, at[0], at[1], at[2], at[3])
		if err != nil {
			return nil, nil, err
		}
		if ok && lands != at[2] {
			result = append(result, lands)
		}
		if whole = whole && ok; (!ok || lands != at[3]) && len(differ) < gate.MaxSince {
			differ = append(differ, strings.ToValidUTF8(path, "\uFFFD"))
		}
	}
	if !whole {
		return nil, differ, nil
	}
	return result, differ, nil
}

// maxMerge is the largest file that is merged to see whether it is what was approved, in bytes.
const maxMerge = 4 << 20

// merge is what becomes of one file when the change from ancestor to theirs is made to ours; have is what the head has.
func (g *gatherer) merge(ctx context.Context, ancestor, theirs, ours, have landing) (landing, bool, error) {
	switch {
	case ancestor == theirs:
		return ours, true, nil
	case ancestor == ours, theirs == ours:
		return theirs, true, nil
	case ancestor.Mode != theirs.Mode || ancestor.Mode != ours.Mode || !gitmirror.Mode(ours.Mode).Regular() || have.Mode != ours.Mode:
		return landing{}, false, nil
	}
	shas := []string{ancestor.Blob, theirs.Blob, ours.Blob, have.Blob}
	slices.Sort(shas)
	blobs, err := g.Mirror.Blobs(ctx, g.mirror, slices.Compact(shas), gitmirror.Limits{PerBlob: maxMerge, Total: 4 * maxMerge})
	if errors.As(err, new(*gitmirror.BlobLimitError)) {
		return landing{}, false, nil
	}
	if err != nil {
		return landing{}, false, fmt.Errorf("read %s to compare it with what was approved: %w", have.Path, err)
	}
	merged, clean, err := g.Mirror.MergeFile(ctx, blobs[ancestor.Blob], blobs[ours.Blob], blobs[theirs.Blob])
	if err != nil || !clean {
		return landing{}, false, err
	}
	if string(merged) == string(blobs[have.Blob]) {
		return have, true, nil
	}
	return landing{Path: have.Path, Mode: have.Mode, Blob: ledger.Digest(merged)}, true, nil
}

// lastSeen is the last decision's facts, and their digest.
type lastSeen struct {
	gate.Facts
	digest string
}

// lastSeen reads them; none when there is no decision, or when retention has dropped its facts.
func (g *gatherer) lastSeen(ctx context.Context) (lastSeen, error) {
	last, err := g.Recorder.Latest(ctx, g.facts.Repository.ID, g.facts.PullRequest.Number)
	if errors.Is(err, store.ErrNotFound) {
		return lastSeen{}, nil
	} else if err != nil {
		return lastSeen{}, fmt.Errorf("read the last decision: %w", err)
	}
	facts, err := g.recorded(ctx, last.FactsDigest)
	if err == nil && facts.Version == 0 {
		// Approvals may have been pinned to another change than the present one, and nobody remembers: they are given again.
		facts.Shown = gate.Shown{Head: last.Head}
	}
	return lastSeen{Facts: facts, digest: last.FactsDigest}, err
}

// recorded reads facts that were recorded; none when retention has dropped them, or when another version wrote them.
func (g *gatherer) recorded(ctx context.Context, digest string) (gate.Facts, error) {
	var facts gate.Facts
	data, err := g.Recorder.Facts(ctx, digest)
	if errors.Is(err, store.ErrNotFound) {
		return facts, nil
	} else if err != nil {
		return facts, fmt.Errorf("read the facts %s: %w", digest, err)
	}
	if err := json.Unmarshal(data, &facts); err != nil {
		return gate.Facts{}, nil //nolint:nilerr // facts of another version pin nothing
	}
	return facts, nil
}
