package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/explain"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// BypassTitle is the title of the issue that a bypass opens; tools and people look for it.
const BypassTitle = "Gatehouse: protected branch changed without a passing decision"

// merged looks whether what reached a branch had passed the gate. GitHub lets administrators merge over a failing check and
// bypass actors push past it, and tells nobody: so every landing is held against the record afterwards.
func (p *Pipeline) merged(ctx context.Context, l work.Merged, attempt int) error {
	if l.Found {
		if known, err := p.onRecord(ctx, l.Owner+"/"+l.Name, l.Commit); err != nil || known {
			return err // the event has come meanwhile
		}
	}
	repo := p.Forge.Repo(l.InstallationID, l.Owner, l.Name)
	protected, err := repo.Protected(ctx, l.Branch)
	if err != nil {
		return fmt.Errorf("read whether %s is protected: %w", l.Branch, p.retryable(err))
	}
	if l.Number != 0 {
		merge := store.Merge{RepositoryID: l.RepositoryID, Repository: l.Owner + "/" + l.Name, PullRequest: l.Number, Commit: l.Commit, MergedBy: l.Actor, Base: l.Branch}
		if err := p.Notes.RecordMerge(ctx, merge); err != nil {
			return fmt.Errorf("record the merge of #%d: %w", l.Number, err)
		}
	}
	if !protected || l.Deleted {
		return nil
	}
	if l.Number != 0 {
		switch why, err := p.unpassed(ctx, l); {
		case err != nil:
			return err
		case why != "":
			return p.bypass(ctx, l, why)
		}
		return p.attest(ctx, l, attempt)
	}
	if err := p.configured(ctx, l); err != nil {
		return err
	}
	return p.pushed(ctx, l)
}

// pushed judges a push: it is well when it brought merged pull requests, each of which is judged by its own event.
func (p *Pipeline) pushed(ctx context.Context, l work.Merged) error {
	repo := p.Forge.Repo(l.InstallationID, l.Owner, l.Name)
	byMerge, err := repo.MergedAs(ctx, l.Commit, l.Branch)
	if err != nil {
		return fmt.Errorf("read which pull request made %s: %w", l.Commit, p.retryable(err))
	}
	switch {
	case l.Forced:
		return p.bypass(ctx, l, "it was a force push")
	case byMerge:
		return nil
	}
	if strings.Trim(l.Before, "0") == "" && !l.DefaultBranch {
		cut, err := p.onDefaultBranch(ctx, repo, l)
		if err != nil || cut {
			return err
		}
	}
	why := "it was pushed without a pull request"
	if l.Uncertain {
		why += ", in at least one push: GitHub does not tell how many there were"
	}
	return p.bypass(ctx, l, why)
}

// onDefaultBranch reports whether a new branch was cut from the default branch: then nothing landed with it that was not
// looked at when it landed there.
func (p *Pipeline) onDefaultBranch(ctx context.Context, repo *forge.Repo, l work.Merged) (bool, error) {
	name, err := repo.DefaultBranch(ctx)
	if err != nil {
		return false, fmt.Errorf("read the default branch: %w", p.retryable(err))
	}
	mirror := gitmirror.Repo{Owner: l.Owner, Name: l.Name}
	ref := "refs/heads/" + name
	tip, err := p.Mirror.Resolve(ctx, mirror, repo.Token, ref)
	if err != nil {
		return false, fmt.Errorf("find the tip of %s: %w", name, err)
	}
	wants := []gitmirror.Want{{SHA: tip, Ref: ref}, {SHA: l.Commit, Ref: "refs/heads/" + l.Branch}}
	if err := p.Mirror.Sync(ctx, mirror, repo.Token, wants); err != nil {
		return false, fmt.Errorf("fetch %s and %s: %w", tip, l.Commit, err)
	}
	shared, err := p.Mirror.MergeBase(ctx, mirror, tip, l.Commit)
	if errors.Is(err, gitmirror.ErrNoMergeBase) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("compare %s with %s: %w", l.Branch, name, err)
	}
	return shared == l.Commit, nil
}

// unpassed says why a merged head had no passing decision, or "".
func (p *Pipeline) unpassed(ctx context.Context, l work.Merged) (string, error) {
	last, err := p.Recorder.Latest(ctx, l.RepositoryID, l.Number)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "Gatehouse never judged it", nil
	case err != nil:
		return "", fmt.Errorf("read the last decision about #%d: %w", l.Number, err)
	case last.Head != l.Head:
		return fmt.Sprintf("the last decision is for %.7s, not for the merged %.7s", last.Head, l.Head), nil
	case last.Verdict != string(gate.Pass):
		return "the decision was " + last.Verdict, nil
	}
	data, err := p.Recorder.Facts(ctx, last.FactsDigest)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil // retention has dropped them; the decision for this head stands
	} else if err != nil {
		return "", fmt.Errorf("read the facts of %s: %w", last.ID, err)
	}
	var facts gate.Facts
	if err := json.Unmarshal(data, &facts); err != nil {
		return "", store.Permanent{Err: fmt.Errorf("read the facts of %s: %w", last.ID, err)}
	}
	if base := facts.PullRequest.Base.Branch; base != l.Branch {
		// The check belongs to the head: GitHub takes the verdict on one base for another one until it is judged anew.
		return fmt.Sprintf("it passed for %s, not for %s", base, l.Branch), nil
	}
	return "", nil
}

// bypass records that the gate was gone around, and opens an issue. The entry comes first: it must stand even if GitHub
// cannot be told. Its key keeps a repeated work from recording it twice.
func (p *Pipeline) bypass(ctx context.Context, l work.Merged, why string) error {
	full := l.Owner + "/" + l.Name
	_, err := p.Recorder.Append(ctx, []store.Entry{{
		Time: p.Clock().UTC(), Type: store.EntryBypass, Actor: l.Actor, Repository: full, PullRequest: l.Number, Commit: l.Commit,
		Resources: []string{}, Verdict: "bypass", Key: fmt.Sprintf("bypass/%d/%s", l.RepositoryID, l.Commit), Along: p.pushedAlong(ctx, l),
		Detail: map[string]any{"branch": l.Branch, "reason": why, "head": l.Head, "forced": l.Forced, "found": l.Found, "uncertain": l.Uncertain},
	}})
	if err != nil {
		return fmt.Errorf("record the bypass: %w", err)
	}
	p.Metrics.Bypassed()
	p.Log.WithField("repository", full).WithField("commit", l.Commit).WithField("actor", l.Actor).WithField("reason", why).Warn("bypass")

	repo := p.Forge.Repo(l.InstallationID, l.Owner, l.Name)
	if _, err := repo.OpenIssue(ctx, BypassTitle, explain.Bypass{
		RepoURL: p.ServerURL + "/" + full, Commit: l.Commit, Branch: l.Branch, Number: l.Number, Actor: l.Actor, Why: why,
	}.Issue(), bypassMarker(l)); err != nil {
		return fmt.Errorf("open an issue about the bypass: %w", p.retryable(err))
	}
	return nil
}

func bypassMarker(l work.Merged) string { return fmt.Sprintf("<!-- gatehouse:bypass:%s -->", l.Commit) }
