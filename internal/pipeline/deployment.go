package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/attest"
	"github.com/gatehouse-dev/gatehouse/internal/explain"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// Trail finds what the log says about a commit.
type Trail interface {
	Attestation(ctx context.Context, commit, repository string, scope *store.Scope) (envelope []byte, of string, err error)
	Landing(ctx context.Context, commit, repository string, scope *store.Scope) (store.Landing, error)
	Entries(ctx context.Context, f store.EntryFilter, cursor string, limit int) ([]store.Entry, string, error)
}

// deployWait is how long a deployment is kept waiting for the record of its commit's landing: the workflow that deploys starts
// with the same push that brings the news of the merge, and is often quicker.
const deployWait = 2 * time.Minute

// deploy decides whether a commit may be deployed: when it landed on a protected branch with a passing decision, which its
// attestation proves. The decision, its entry and the work that tells GitHub become durable together.
func (p *Pipeline) deploy(ctx context.Context, args work.Deployment, _ int) error {
	approved, why, err := p.deployable(ctx, args)
	if err != nil {
		return err
	}
	outcome := "rejected"
	if approved {
		outcome = "approved"
	}
	entry := store.Entry{
		Time: p.Clock().UTC(), Type: store.EntryPublication, Actor: args.Actor, Repository: args.Owner + "/" + args.Name, Commit: args.Commit,
		Resources: []string{}, Verdict: outcome, Key: fmt.Sprintf("deployment/%d/%d", args.RepositoryID, args.DeploymentID),
		Detail: map[string]any{
			"what": "deployment", "outcome": outcome, "environment": gate.Printable(args.Environment), "ref": gate.Printable(args.Ref),
			"run": args.RunID, "deployment": args.DeploymentID, "reason": why,
		},
	}
	answer := work.DeploymentAnswer{Deployment: args, Approved: approved, Comment: why}
	if _, err := p.Recorder.Append(ctx, []store.Entry{entry}, answer.Work()); err != nil {
		return fmt.Errorf("record what was decided about deployment %d: %w", args.DeploymentID, err)
	}
	p.Metrics.Published("deployment", outcome)
	return nil
}

// deployable says whether a commit may be deployed, and why.
func (p *Pipeline) deployable(ctx context.Context, args work.Deployment) (approved bool, why string, err error) {
	full := args.Owner + "/" + args.Name
	envelope, _, err := p.Trail.Attestation(ctx, args.Commit, full, nil)
	if err == nil {
		return p.attested(ctx, args, envelope)
	} else if !errors.Is(err, store.ErrNotFound) {
		return false, "", fmt.Errorf("look for the attestation of %s: %w", args.Commit, err)
	}
	how, err := p.Trail.Landing(ctx, args.Commit, full, nil)
	if err == nil {
		return false, explain.Landed(how).Refusal(), nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return false, "", fmt.Errorf("look how %s landed: %w", args.Commit, err)
	}
	if waited := p.Clock().Sub(args.Asked); waited < deployWait {
		pause := min(max(waited/2, time.Second), 10*time.Second)
		return false, "", store.RetryAfter{D: pause, Err: fmt.Errorf("no record yet of how %s landed", args.Commit)}
	}
	return false, explain.Landed{Commit: args.Commit}.Refusal(), nil
}

// attested holds the stored attestation against the log's keys: a row that was slipped into the database opens no environment.
func (p *Pipeline) attested(ctx context.Context, args work.Deployment, envelope []byte) (bool, string, error) {
	statement, err := attest.Open(ctx, envelope, p.Keys.Verifiers()...)
	if err == nil {
		err = statement.Covers(attest.Want{Commit: args.Commit, Repository: args.Owner + "/" + args.Name})
	}
	if errors.As(err, new(attest.Refused)) {
		return false, fmt.Sprintf("the attestation of %.12s does not hold: %s.", args.Commit, gate.Printable(err.Error())), nil
	} else if err != nil {
		return false, "", fmt.Errorf("read the attestation of %s: %w", args.Commit, err)
	}
	return true, fmt.Sprintf("%.12s landed with a passing decision: %s", args.Commit, statement.Decision()), nil
}

// answerDeployment tells GitHub what was decided, until it has heard. A run that waits no more needs no answer.
func (p *Pipeline) answerDeployment(ctx context.Context, args work.DeploymentAnswer, _ int) error {
	repo := p.Forge.Repo(args.InstallationID, args.Owner, args.Name)
	err := repo.AnswerDeployment(ctx, args.RunID, args.Environment, args.Approved, args.Comment)
	if errors.As(err, new(forge.NotFound)) || errors.As(err, new(forge.Unprocessable)) {
		p.Metrics.Published("deployment", "refused")
		_, err = p.Recorder.Append(ctx, []store.Entry{{
			Time: p.Clock().UTC(), Type: store.EntryPublication, Actor: "gatehouse", Repository: args.Owner + "/" + args.Name, Commit: args.Commit,
			Resources: []string{}, Key: fmt.Sprintf("deployment/%d/%d/refused", args.RepositoryID, args.DeploymentID),
			Detail: map[string]any{"what": "deployment", "outcome": "refused", "environment": gate.Printable(args.Environment), "run": args.RunID,
				"deployment": args.DeploymentID, "reason": gate.Shorten(err.Error(), 500)},
		}})
		return err
	}
	if err != nil {
		p.Metrics.Published("deployment", "failed")
		return fmt.Errorf("answer deployment %d: %w", args.DeploymentID, p.retryable(err))
	}
	p.Metrics.Published("deployment", store.Published)
	return nil
}
