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
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// CheckName is the name of the check run that branch protection requires.
const CheckName = "gatehouse"

// closedReason marks what was said about a pull request that is closed now.
const closedReason = store.ReasonClosed

// postCheck writes the check run on a head: the worst of the last decisions of the pull requests that have it. It is repeated
// until GitHub has it; each repetition finds what an earlier one left, so a lost answer makes no second check run.
func (p *Pipeline) postCheck(ctx context.Context, args work.Publication, _ int) error {
	repo, recorded, unread, err := p.current(ctx, args)
	if err != nil || repo == nil {
		return err
	}
	if err := p.Ledger.Appendable(ctx); err != nil { // what was decided while the log was sound must not pass when it is not
		return fmt.Errorf("post the check run: %w", err)
	}
	known, err := p.Notes.Publication(ctx, recorded.RepositoryID, recorded.PullRequest, recorded.Head)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read which check run was posted: %w", err)
	}
	check, err := p.checkRun(ctx, recorded)
	if err != nil {
		return err
	}
	check.ID, check.Before, check.Regardless = known.CheckRunID, p.forked(ctx), check.Conclusion != "success"
	id, err := repo.PutCheckRun(ctx, check)
	switch {
	case errors.As(unread, new(forge.NotFound)) && (errors.As(err, new(forge.NotFound)) || errors.As(err, new(forge.Unprocessable))):
		return p.superseded(ctx, args, recorded, "the pull request is gone")
	case err != nil && id != 0: // it is there, and is looked at again when GitHub shows what else is
		p.Metrics.Published("check", "failed")
		return errors.Join(fmt.Errorf("post the check run: %w", p.retryable(err)), p.noteRun(ctx, recorded, id))
	case err != nil:
		p.Metrics.Published("check", "failed")
		if told := p.tellOfRefusal(ctx, args, recorded, known, err); told != nil {
			return told
		}
		return fmt.Errorf("post the check run: %w", p.retryable(err))
	}
	if known.State == store.Failed && known.Decision == recorded.ID { // the comment says that it could not be posted
		if err := p.Recorder.Enqueue(ctx, args.Comment()); err != nil {
			return fmt.Errorf("queue the comment: %w", err)
		}
	}
	entry := p.publicationEntry(recorded, store.Published, map[string]any{
		"what": "check", "check_run": id, "status": check.Status, "conclusion": check.Conclusion, "title": check.Title,
	})
	err = p.Notes.SavePublication(ctx, store.Publication{
		RepositoryID: recorded.RepositoryID, PullRequest: recorded.PullRequest, Head: recorded.Head,
		Decision: recorded.ID, CheckRunID: id, State: store.Published,
	}, entry)
	if err != nil {
		return fmt.Errorf("record the publication: %w", err)
	}
	p.Metrics.Published("check", store.Published)
	return nil
}

// noteRun remembers a check run that was written before it is certain that it is the one that counts.
func (p *Pipeline) noteRun(ctx context.Context, recorded store.Decision, id int64) error {
	err := p.Notes.SavePublication(ctx, store.Publication{
		RepositoryID: recorded.RepositoryID, PullRequest: recorded.PullRequest, Head: recorded.Head, Decision: recorded.ID,
		CheckRunID: id, State: store.Pending,
	})
	if err != nil {
		return fmt.Errorf("remember the check run: %w", err)
	}
	return nil
}

// tellOfRefusal has the comment say which permission the App lacks for its check: without a check, that is where people look.
func (p *Pipeline) tellOfRefusal(ctx context.Context, args work.Publication, recorded store.Decision, known store.Publication, err error) error {
	var lacks forge.MissingPermission
	if !errors.As(err, &lacks) {
		return nil
	}
	reason := "the App lacks the permission " + lacks.Permission
	if known.State == store.Failed && known.Decision == recorded.ID && known.Reason == reason {
		return nil
	}
	err = p.Notes.SavePublication(ctx, store.Publication{
		RepositoryID: recorded.RepositoryID, PullRequest: recorded.PullRequest, Head: recorded.Head, Decision: recorded.ID,
		CheckRunID: known.CheckRunID, State: store.Failed, Reason: reason,
	})
	if err == nil {
		err = p.Recorder.Enqueue(ctx, args.Comment())
	}
	if err != nil {
		return fmt.Errorf("say that the check was refused: %w", err)
	}
	return nil
}

// postComment writes the sticky comment of a pull request, in place.
func (p *Pipeline) postComment(ctx context.Context, args work.Publication, _ int) error {
	repo, recorded, unread, err := p.current(ctx, args)
	if err != nil || repo == nil {
		return err
	}
	if errors.As(unread, new(forge.NotFound)) {
		return p.superseded(ctx, args, recorded, "the pull request is gone")
	}
	known, err := p.Notes.Comment(ctx, args.RepositoryID, args.Number)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read which comment was posted: %w", err)
	}
	decision, about, err := p.explanation(ctx, recorded)
	if err != nil {
		return err
	}
	check, err := p.Notes.Publication(ctx, recorded.RepositoryID, recorded.PullRequest, recorded.Head)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read whether the check was posted: %w", err)
	}
	if check.State == store.Failed && check.Decision == recorded.ID {
		about.Unposted = check.Reason
	}
	if known.CommentID == 0 && about.Unposted == "" && explain.Silent(&decision, about) {
		return nil
	}
	id, err := repo.PutComment(ctx, args.Number, known.CommentID, explain.Marker, explain.Comment(&decision, about))
	if errors.As(err, new(forge.Unprocessable)) {
		// A locked conversation takes no comment; the check stands all the same.
		p.Metrics.Published("comment", "refused")
		return p.published(ctx, recorded, map[string]any{"what": "comment", "refused": err.Error()})
	} else if err != nil {
		p.Metrics.Published("comment", "failed")
		return fmt.Errorf("post the comment: %w", p.retryable(err))
	}
	saved := store.Comment{RepositoryID: recorded.RepositoryID, PullRequest: recorded.PullRequest, CommentID: id}
	if err := p.Notes.SaveComment(ctx, saved); err != nil {
		return fmt.Errorf("remember the comment: %w", err)
	}
	p.Metrics.Published("comment", store.Published)
	return p.published(ctx, recorded, map[string]any{"what": "comment", "comment": id})
}

// current reads the decision to post, and GitHub's view of its pull request just before posting. A nil repository means that
// the decision is no longer the last word and has been recorded as superseded. What lets nothing through is posted also while GitHub does
// not show the pull request, for an earlier success may stand there; unread says why it does not.
func (p *Pipeline) current(ctx context.Context, args work.Publication) (repo *forge.Repo, recorded store.Decision, unread, err error) {
	recorded, err = p.Recorder.Decision(ctx, args.Decision)
	if err != nil {
		return nil, recorded, nil, fmt.Errorf("read decision %s: %w", args.Decision, err)
	}
	latest, err := p.Recorder.Latest(ctx, recorded.RepositoryID, recorded.PullRequest)
	if err != nil {
		return nil, recorded, nil, fmt.Errorf("read the latest decision: %w", err)
	}
	if latest.ID != recorded.ID {
		return nil, recorded, nil, p.superseded(ctx, args, recorded, "decision "+latest.ID+" is newer")
	}
	repo = p.Forge.Repo(args.InstallationID, args.Owner, args.Name)
	_, pr, err := repo.PullRequest(ctx, args.Number)
	switch {
	case err != nil && ctx.Err() == nil && recorded.Verdict != string(gate.Pass):
		return repo, recorded, err, nil
	case errors.As(err, new(forge.NotFound)):
		return nil, recorded, nil, p.superseded(ctx, args, recorded, "the pull request is gone")
	case err != nil:
		return nil, recorded, nil, fmt.Errorf("read the pull request before posting: %w", p.retryable(err))
	}
	why, err := p.overtaken(ctx, recorded, pr)
	if err == nil && why != "" {
		repo, err = nil, p.superseded(ctx, args, recorded, why)
	}
	return repo, recorded, nil, err
}

// overtaken says why a decision is not about a pull request as it is now, or "".
func (p *Pipeline) overtaken(ctx context.Context, recorded store.Decision, pr gate.PullRequest) (string, error) {
	switch {
	case pr.Head.SHA != recorded.Head:
		return "the head is now " + pr.Head.SHA, nil
	case pr.State != "open":
		return closedReason, nil
	}
	branch, err := p.judgedFor(ctx, recorded)
	if err == nil && branch != "" && branch != pr.Base.Branch { // which may ask for more
		return "it goes into " + pr.Base.Branch + " now", nil
	}
	return "", err
}

// judgedFor is the branch into which a pull request was to be merged when it was decided upon, "" when its facts are no longer kept.
func (p *Pipeline) judgedFor(ctx context.Context, d store.Decision) (string, error) {
	data, err := p.Recorder.Facts(ctx, d.FactsDigest)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("read the facts of %s: %w", d.ID, err)
	}
	var facts struct {
		PullRequest gate.PullRequest `json:"pull_request"`
	}
	if err := json.Unmarshal(data, &facts); err != nil {
		return "", store.Permanent{Err: fmt.Errorf("read the facts of %s: %w", d.ID, err)}
	}
	return facts.PullRequest.Base.Branch, nil
}

// superseded records that a decision was not posted because it is no longer the last word, and has the pull request looked
// at again: the event that made the newer state may have been missed.
func (p *Pipeline) superseded(ctx context.Context, args work.Publication, recorded store.Decision, why string) error {
	entry := p.publicationEntry(recorded, store.Superseded, map[string]any{"reason": why})
	if _, err := p.Recorder.Append(ctx, []store.Entry{entry}, args.Evaluate.Work()); err != nil {
		return fmt.Errorf("record that decision %s is superseded: %w", recorded.ID, err)
	}
	p.Metrics.Published("check", store.Superseded)
	return nil
}

func (p *Pipeline) published(ctx context.Context, recorded store.Decision, detail map[string]any) error {
	if _, err := p.Recorder.Append(ctx, []store.Entry{p.publicationEntry(recorded, store.Published, detail)}); err != nil {
		return fmt.Errorf("record the publication: %w", err)
	}
	return nil
}

func (p *Pipeline) publicationEntry(d store.Decision, outcome string, detail map[string]any) store.Entry {
	detail["decision"], detail["outcome"] = d.ID, outcome
	return store.Entry{
		Time: p.Clock().UTC(), Type: "publication", Actor: "gatehouse", Repository: d.Repository, PullRequest: d.PullRequest,
		Commit: d.Head, Resources: []string{}, Verdict: d.Verdict, Policy: d.PolicyDigest, Facts: d.FactsDigest, Detail: detail,
	}
}

// explanation is a recorded decision, with what the text says besides it.
func (p *Pipeline) explanation(ctx context.Context, d store.Decision) (gate.Decision, explain.Context, error) {
	head, err := p.Recorder.Checkpoint(ctx)
	if err != nil {
		return gate.Decision{}, explain.Context{}, fmt.Errorf("read the log's checkpoint: %w", err)
	}
	about := explain.Context{
		DecisionID: d.ID, PolicyDigest: d.PolicyDigest, LogIndex: d.LogIndex, TreeSize: head.Size, Root: head.Root,
		DecisionURL: p.PublicURL + "/decisions/" + d.ID,
		HelpURL:     "https://github.com/gatehouse-dev/gatehouse/blob/main/docs/README.md",
		RepoURL:     p.ServerURL + "/" + d.Repository,
	}
	var decision gate.Decision
	if err := json.Unmarshal(d.Decision, &decision); err != nil {
		return decision, about, store.Permanent{Err: fmt.Errorf("read decision %s: %w", d.ID, err)}
	}
	data, err := p.Recorder.Facts(ctx, d.FactsDigest)
	if errors.Is(err, store.ErrNotFound) {
		return decision, about, nil // retention has dropped them; the decision speaks for itself
	} else if err != nil {
		return decision, about, fmt.Errorf("read the facts of %s: %w", d.ID, err)
	}
	var facts gate.Facts
	if err := json.Unmarshal(data, &facts); err != nil {
		return decision, about, store.Permanent{Err: fmt.Errorf("read the facts of %s: %w", d.ID, err)}
	}
	about.Changes, about.Plans, about.Files, about.Author, about.Bundles = facts.Changes, facts.Plans, facts.Files, facts.PullRequest.Author, facts.Bundles
	about.Backtest = facts.Backtest
	about.Diff, err = p.differences(ctx, d.LogIndex)
	return decision, about, err
}

// checkRun is the check run for a head. A check belongs to a commit, not to a pull request, so that two pull requests with
// one head share it: the worst of their decisions is what it says, whichever of them is being published.
func (p *Pipeline) checkRun(ctx context.Context, recorded store.Decision) (forge.CheckRun, error) {
	sharing, err := p.sharing(ctx, recorded)
	if err != nil {
		return forge.CheckRun{}, err
	}
	shown := sharing[0]
	for _, d := range sharing {
		if gate.Verdict(d.Verdict).Worse(gate.Verdict(shown.Verdict)) {
			shown = d
		}
	}
	decision, about, err := p.explanation(ctx, shown)
	if err != nil {
		return forge.CheckRun{}, err
	}
	out := explain.Check(&decision, about)
	check := forge.CheckRun{
		HeadSHA: recorded.Head, Name: CheckName, ExternalID: recorded.Head, DetailsURL: about.DecisionURL,
		Status: out.Status, Conclusion: out.Conclusion, Title: out.Title, Summary: out.Summary, Text: out.Text,
		StartedAt: p.Clock().UTC(), CompletedAt: p.Clock().UTC(),
	}
	if len(sharing) > 1 {
		var numbers []string
		for _, d := range sharing {
			numbers = append(numbers, fmt.Sprintf("#%d", d.PullRequest))
		}
		check.Summary = fmt.Sprintf("This commit is the head of %s; the worst of their verdicts, that of #%d, holds for all of them.\n\n%s",
			strings.Join(numbers, ", "), shown.PullRequest, check.Summary)
	}
	for _, a := range out.Annotations {
		check.Annotations = append(check.Annotations, forge.Annotation(a))
	}
	for _, a := range out.Actions {
		check.Actions = append(check.Actions, forge.Action(a))
	}
	return check, nil
}

// sharing are the last decisions of the open pull requests that have recorded's head, its own among them, in the order of
// their numbers.
func (p *Pipeline) sharing(ctx context.Context, recorded store.Decision) ([]store.Decision, error) {
	all, err := p.Recorder.LatestForHead(ctx, recorded.RepositoryID, recorded.Head)
	if err != nil {
		return nil, fmt.Errorf("read the other decisions for %s: %w", recorded.Head, err)
	}
	var out []store.Decision
	for _, d := range all {
		if d.PullRequest == recorded.PullRequest {
			out = append(out, recorded)
			continue
		}
		latest, err := p.Recorder.Latest(ctx, d.RepositoryID, d.PullRequest)
		if err != nil {
			return nil, fmt.Errorf("read the last decision about #%d: %w", d.PullRequest, err)
		}
		if latest.Head != recorded.Head {
			continue // it has moved on
		}
		told, err := p.Notes.Publication(ctx, d.RepositoryID, d.PullRequest, d.Head)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("read whether #%d is closed: %w", d.PullRequest, err)
		}
		if told.State == store.Superseded && told.Reason == closedReason {
			continue // a closed pull request has no say any more
		}
		out = append(out, d)
	}
	if len(out) == 0 {
		out = append(out, recorded)
	}
	return out, nil
}

// closed takes a closed pull request's say in its head's check away: another one with the same head may go on.
func (p *Pipeline) closed(ctx context.Context, args work.Evaluate, pr gate.PullRequest) error {
	last, err := p.Recorder.Latest(ctx, args.RepositoryID, args.Number)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read the last decision: %w", err)
	}
	told, err := p.Notes.Publication(ctx, last.RepositoryID, last.PullRequest, last.Head)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read the last publication: %w", err)
	}
	if told.State == store.Superseded {
		return nil
	}
	others := args.Target
	others.Reason = "another pull request with this head was closed"
	if err := p.Recorder.Enqueue(ctx, work.Rerequested(others, pr.Head.SHA)); err != nil { // first: what is saved next is done
		return fmt.Errorf("queue the others with this head: %w", err)
	}
	err = p.Notes.SavePublication(ctx, store.Publication{
		RepositoryID: last.RepositoryID, PullRequest: last.PullRequest, Head: last.Head, Decision: last.ID,
		State: store.Superseded, Reason: closedReason,
	})
	if err != nil {
		return fmt.Errorf("remember that the pull request is closed: %w", err)
	}
	return nil
}
