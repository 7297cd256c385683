package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/posture"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// Postures keeps how branches are protected. A report is replaced together with the audit entry about its change, and only where
// it is still the one that was read.
type Postures interface {
	Postures(ctx context.Context, f store.PostureFilter) ([]store.Posture, error)
	SavePosture(ctx context.Context, before []byte, p store.Posture, entries ...store.Entry) (saved bool, err error)
	DropPosture(ctx context.Context, repositoryID int64, branch string, entries ...store.Entry) error
	SetTip(ctx context.Context, repositoryID int64, branch, tip string) error
}

const (
	// postureEvery is the pause between two looks at a branch that no event asked for.
	postureEvery = time.Hour
	// postureFresh is how old a look may be to do for the present one: a restart does not ask GitHub for everything again.
	postureFresh = postureEvery - 5*time.Minute
	// maxBranches is how many protected branches of a repository are looked at, the default one among them.
	maxBranches = 50
	// atOnce repositories are looked at at once in a round; the others follow one by one, so that a round takes no more than a
	// part of what GitHub lets an installation ask in an hour.
	atOnce = 20
	apart  = 2 * time.Second
	// hourly is the reason of a round's looks.
	hourly = "hourly"
)

// WatchPosture looks at the protection of every branch at the start and hourly, until ctx is done. Events bring the looks in
// between; a round finds what changed while nobody was told. Two replicas may do so at once: their works fold.
func (p *Pipeline) WatchPosture(ctx context.Context, hooks Hooks) {
	tick := time.NewTicker(postureEvery)
	defer tick.Stop()
	for {
		if err := p.postureRound(ctx, hooks); err != nil && ctx.Err() == nil {
			p.Log.WithError(err).Warn("looking at how branches are protected")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// postureRound puts a look at each installation in the queue, those that GitHub does not list any more included.
func (p *Pipeline) postureRound(ctx context.Context, hooks Hooks) error {
	ids, err := hooks.Installations(ctx)
	if err != nil {
		return err
	}
	known, err := p.Postures.Postures(ctx, store.PostureFilter{})
	if err != nil {
		return err
	}
	for _, k := range known {
		ids = append(ids, k.InstallationID)
	}
	slices.Sort(ids)
	var works []store.Work
	for _, id := range slices.Compact(ids) {
		works = append(works, work.Posture{Target: work.Target{InstallationID: id, Reason: hourly}}.Work())
	}
	return p.Recorder.Enqueue(ctx, works...)
}

// posture looks at one repository, or puts those of an installation in the queue.
func (p *Pipeline) posture(ctx context.Context, args work.Posture, _ int) error {
	if args.RepositoryID == 0 {
		return p.postureOfAll(ctx, args)
	}
	return p.postureOf(ctx, args)
}

// postureOfAll puts the repositories of an installation in the queue. Those that the App could see and cannot any more are not
// judged by anything from now on, which is the weakest protection of all: it is recorded.
func (p *Pipeline) postureOfAll(ctx context.Context, args work.Posture) error {
	targets, err := p.installed(ctx, args.Target)
	if err != nil {
		return err
	}
	known, err := p.Postures.Postures(ctx, store.PostureFilter{InstallationID: args.InstallationID})
	if err != nil {
		return err
	}
	looked, seen := map[int64]time.Time{}, map[int64]bool{}
	for _, k := range known {
		looked[k.RepositoryID] = k.Checked
	}
	var works []store.Work
	for _, target := range targets {
		seen[target.RepositoryID] = true
		if args.Reason == hourly && p.Clock().Sub(looked[target.RepositoryID]) < postureFresh {
			continue
		}
		w := work.Posture{Target: target, Action: args.Action, Actor: args.Actor}.Work()
		if n := len(works) - atOnce; n > 0 {
			w.NotBefore = p.Clock().Add(time.Duration(n) * apart)
		}
		works = append(works, w)
	}
	for _, k := range known {
		if !seen[k.RepositoryID] {
			why := "The App is not installed on the repository any more, or is suspended."
			if err := p.savePosture(ctx, args, k, posture.Gone(k.Repository, k.Branch, k.Default, why)); err != nil {
				return err
			}
		}
	}
	return p.Recorder.Enqueue(ctx, works...)
}

// postureOf looks at the protected branches of a repository.
func (p *Pipeline) postureOf(ctx context.Context, args work.Posture) error {
	known, err := p.Postures.Postures(ctx, store.PostureFilter{RepositoryID: args.RepositoryID})
	if err != nil {
		return err
	}
	full := args.Owner + "/" + args.Name
	if args.Reason == "repository.deleted" || args.Reason == "repository.archived" {
		return p.forgetPostures(ctx, args, known, "The repository was "+args.Action+".")
	}
	repo := p.Forge.Repo(args.InstallationID, args.Owner, args.Name)
	main, err := repo.DefaultBranch(ctx)
	if errors.As(err, new(forge.NotFound)) || errors.As(err, new(forge.Unauthorized)) {
		// Gone, or not the App's any more: whether that is so, the look at the installation finds out.
		return p.Recorder.Enqueue(ctx, work.Posture{
			Target: work.Target{InstallationID: args.InstallationID, Reason: args.Reason}, Action: args.Action, Actor: args.Actor,
		}.Work())
	} else if err != nil {
		return fmt.Errorf("read the default branch of %s: %w", full, p.retryable(err))
	}
	branches, err := repo.ProtectedBranches(ctx, maxBranches)
	if err != nil {
		return fmt.Errorf("list the protected branches of %s: %w", full, p.retryable(err))
	}
	branches = append([]string{main}, slices.DeleteFunc(branches, func(b string) bool { return b == main })...)
	if err := p.postureOfBranches(ctx, args, repo, branches, known); err != nil {
		return err
	}
	left := slices.DeleteFunc(known, func(k store.Posture) bool { return slices.Contains(branches, k.Branch) })
	return p.forgetPostures(ctx, args, left, "The branch is not protected any more, or is gone.")
}

func (p *Pipeline) postureOfBranches(ctx context.Context, args work.Posture, repo *forge.Repo, branches []string, known []store.Posture) error {
	for _, branch := range branches {
		isDefault := branch == branches[0]
		protection, err := repo.Protection(ctx, branch, isDefault)
		if errors.As(err, new(forge.NotFound)) {
			continue // a repository without a commit, or a branch that was deleted just now
		} else if err != nil {
			return fmt.Errorf("read the protection of %s: %w", branch, p.retryable(err))
		}
		report := posture.Judge(protection, p.AppID)
		before := store.Posture{RepositoryID: args.RepositoryID, Branch: branch}
		i := slices.IndexFunc(known, func(k store.Posture) bool { return k.Branch == branch })
		if i >= 0 {
			before = known[i]
		} else if !isDefault && report.Point(posture.Required).State != posture.OK {
			continue // protected, but not by the gate
		}
		before.Repository, before.InstallationID, before.Default = args.Owner+"/"+args.Name, args.InstallationID, isDefault
		if err := p.savePosture(ctx, args, before, report); err != nil {
			return err
		}
		if err := p.landed(ctx, args, repo, before); err != nil {
			return err
		}
	}
	return nil
}

// errPostureMoved says that another look has stored its report meanwhile; the work is done again with that one as what was before.
var errPostureMoved = errors.New("somebody else has looked at the branch meanwhile")

// savePosture stores a report, and an audit entry when it is not the one that was known.
func (p *Pipeline) savePosture(ctx context.Context, args work.Posture, known store.Posture, report posture.Report) error {
	text, err := json.Marshal(report)
	if err != nil {
		return store.Permanent{Err: fmt.Errorf("write a posture: %w", err)}
	}
	before := known.Report
	known.Report, known.State = text, string(report.State)
	var entries []store.Entry
	if !bytes.Equal(before, text) {
		entry, err := p.postureEntry(args, known, before, report)
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	saved, err := p.Postures.SavePosture(ctx, before, known, entries...)
	switch {
	case err != nil:
		return err
	case !saved:
		return store.RetryAfter{D: time.Second, Err: errPostureMoved}
	case len(entries) > 0 && report.State == posture.Problem:
		p.Log.WithField("repository", known.Repository).WithField("branch", known.Branch).Warn("the branch is " + report.Summary())
	}
	return nil
}

// postureEntry says what a branch's protection was and is, and who changed it as far as GitHub told.
func (p *Pipeline) postureEntry(args work.Posture, k store.Posture, before []byte, after posture.Report) (store.Entry, error) {
	detail := map[string]any{
		"branch": k.Branch, "default": k.Default, "after": points(after), "before": nil, "summary": after.Summary(), "reason": args.Reason,
	}
	says := map[string]string{}
	for _, f := range after.Findings {
		if f.State != posture.OK {
			says[f.Point] = gate.Shorten(f.Says, 500)
		}
	}
	detail["says"] = says
	if before != nil {
		var old posture.Report
		if err := json.Unmarshal(before, &old); err != nil {
			return store.Entry{}, store.Permanent{Err: fmt.Errorf("read what was known of %s: %w", k.Branch, err)}
		}
		detail["before"], detail["changed"] = points(old), posture.Changed(old, after)
	}
	return store.Entry{
		Time: p.Clock().UTC(), Type: store.EntryPosture, Actor: args.Actor, Repository: k.Repository, Resources: []string{},
		Verdict: string(after.State), Detail: detail,
	}, nil
}

// points are the states of a report's points.
func points(r posture.Report) map[string]string {
	out := map[string]string{}
	for _, f := range r.Findings {
		out[f.Point] = string(f.State)
	}
	return out
}

// forgetPostures records that branches are not protected, or not there, any more.
func (p *Pipeline) forgetPostures(ctx context.Context, args work.Posture, list []store.Posture, why string) error {
	for _, k := range list {
		after := posture.Report{State: posture.Problem, Findings: []posture.Finding{{Point: posture.Required, State: posture.Problem, Says: why}}}
		entry, err := p.postureEntry(args, k, k.Report, after)
		if err != nil {
			return err
		}
		if err := p.Postures.DropPosture(ctx, k.RepositoryID, k.Branch, entry); err != nil {
			return err
		}
	}
	return nil
}
