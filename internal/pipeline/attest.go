package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gatehouse-dev/gatehouse/internal/attest"
	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// attest signs that a commit landed with a passing decision, for those who deploy it. The envelope is stored before the entry
// that names it; a repeated work signs the same bytes, and its entry changes nothing.
func (p *Pipeline) attest(ctx context.Context, l work.Merged, attempt int) error {
	if p.Keys == nil || l.Commit == "" {
		return nil
	}
	last, err := p.Recorder.Latest(ctx, l.RepositoryID, l.Number)
	if err != nil {
		return fmt.Errorf("read the last decision about #%d: %w", l.Number, err)
	}
	landing := attest.Landing{
		Commit: l.Commit, Branch: l.Branch, DecisionID: last.ID, DecisionDigest: ledger.Digest(last.Decision),
		Verifier: p.PublicURL, ServerURL: p.ServerURL,
	}
	facts, err := p.Recorder.Facts(ctx, last.FactsDigest)
	if errors.Is(err, store.ErrNotFound) {
		return nil // retention was quicker than the event: what it would say cannot be known any more
	} else if err != nil {
		return fmt.Errorf("read the facts of %s: %w", last.ID, err)
	}
	if err := errors.Join(json.Unmarshal(facts, &landing.Facts), json.Unmarshal(last.Decision, &landing.Decision)); err != nil {
		return store.Permanent{Err: fmt.Errorf("read decision %s: %w", last.ID, err)}
	}
	arrival, err := p.arrived(ctx, l, landing.Facts.PullRequest.Base.SHA)
	if err != nil {
		return err
	}
	switch why, err := p.intruded(ctx, l, arrival); {
	case errors.Is(err, errUntold) && attempt < maxUntold:
		return err
	case errors.Is(err, errUntold):
		p.Log.WithError(err).Warn("it is not attested, for nobody can say that it is what was judged")
		return nil
	case err != nil:
		return err
	case why != "":
		return p.bypass(ctx, l, why)
	}
	landing.Along = arrival.along
	if landing.Sets, err = p.landedSets(ctx, l, landing.Facts.Repository); err != nil {
		return err
	}
	envelope, err := attest.Sign(ctx, landing, p.Keys.Signer())
	if err != nil {
		return store.Permanent{Err: err}
	}
	digest, err := p.Blobs.SaveBlob(ctx, envelope)
	if err != nil {
		return fmt.Errorf("keep the attestation of %s: %w", l.Commit, err)
	}
	_, err = p.Recorder.Append(ctx, []store.Entry{{
		Time: p.Clock().UTC(), Type: store.EntryPublication, Actor: "gatehouse", Repository: l.Owner + "/" + l.Name, PullRequest: l.Number,
		Commit: l.Commit, Resources: []string{}, Verdict: last.Verdict, Policy: last.PolicyDigest, Facts: last.FactsDigest,
		Key: fmt.Sprintf("attestation/%d/%s", l.RepositoryID, l.Commit), Along: arrival.along,
		Detail: map[string]any{"what": store.Attestation, "outcome": "signed", "decision": last.ID, "branch": l.Branch, "digest": digest},
	}})
	if err != nil {
		return fmt.Errorf("record the attestation of %s: %w", l.Commit, err)
	}
	return nil
}

// landedSets names the sets of Kubernetes objects of a commit on a branch, with the configuration that it holds itself: it has
// passed.
func (p *Pipeline) landedSets(ctx context.Context, l work.Merged, repository gate.Repository) ([]attest.Set, error) {
	g := &gatherer{
		Pipeline: p, args: work.Evaluate{Target: l.Target}, forge: p.Forge.Repo(l.InstallationID, l.Owner, l.Name),
		mirror: gitmirror.Repo{Owner: l.Owner, Name: l.Name}, facts: gate.Facts{Time: p.Clock().UTC(), Repository: repository},
	}
	g.facts.PullRequest.Base = gate.Ref{Branch: l.Branch, SHA: l.Commit}
	want := gitmirror.Want{SHA: l.Commit, Ref: "refs/heads/" + l.Branch}
	if err := p.Mirror.Sync(ctx, g.mirror, g.forge.Token, []gitmirror.Want{want}); err != nil {
		return nil, fmt.Errorf("fetch %s: %w", l.Commit, p.retryable(err))
	}
	var err error
	if g.base, err = p.tree(ctx, g.mirror, l.Commit); err != nil {
		return nil, err
	}
	if err := g.configuration(ctx); err != nil {
		return nil, p.retryable(err)
	}
	source := judge.Source{Repository: l.RepositoryID, Head: g.base}
	sets, err := p.Judges.Sets(ctx, source, document.Options{
		Kubernetes:  KubernetesOptions(g.config.Kubernetes, repository.FullName()),
		RuleFolders: g.config.Policies.Paths,
		Changed:     map[string]bool{}, // what nobody touched and cannot be read does not block, here as in the decision
	})
	if err != nil {
		return nil, fmt.Errorf("name the manifests of %s: %w", l.Commit, err)
	}
	return sets, nil
}
