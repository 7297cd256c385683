package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// evidence names in the facts what the rules saw, as the worker has packed it, and gives it to be recorded with the decision. What cannot
// be kept is said in the facts, for the decision stands without it.
func (g *gatherer) evidence() *store.Evidence {
	g.facts.Evidence = nil
	switch kept := g.kept; {
	case kept == nil:
		return nil
	case kept.Failed != "":
		g.facts.Evidence = &gate.Evidence{Omitted: gate.Shorten(gate.Printable(kept.Failed), 300)}
		g.Log.WithField("reason", kept.Failed).Warn("what the rules saw cannot be kept")
		return nil
	case !fits(kept):
		g.facts.Evidence = &gate.Evidence{Omitted: "what the worker process has packed does not fit together"}
		g.Log.Warn("what the rules saw is not kept: its manifest does not name its parts")
		return nil
	default:
		g.facts.Evidence = &gate.Evidence{Digest: ledger.Digest(kept.Manifest), Omitted: gate.Shorten(gate.Printable(kept.Omitted), 300)}
		if kept.Omitted != "" {
			g.Log.WithField("pull_request", fmt.Sprintf("%s#%d", g.facts.Repository.FullName(), g.facts.PullRequest.Number)).
				Warn("what the rules saw is not kept: " + kept.Omitted)
		}
		texts := g.ruled.name(g.facts.Evidence)
		if g.facts.Evidence.RulesOmitted != "" {
			g.Log.WithField("reason", g.facts.Evidence.RulesOmitted).Warn("the text of the rules is not kept")
		}
		return &store.Evidence{Manifest: kept.Manifest, Parts: kept.Parts, Changes: kept.Changes, Rules: texts}
	}
}

// fits reports whether a manifest, which a process has written that read what strangers wrote, names just the blobs that came with it. Else
// the record would not verify.
func fits(kept *judge.Kept) bool {
	head, err := evidence.ReadHead(kept.Manifest)
	if err != nil || head.Changes != ledger.Digest(kept.Changes) {
		return false
	}
	named := map[string]bool{}
	for _, digest := range head.Parts {
		if named[digest] = true; kept.Parts[digest] == nil {
			return false
		}
	}
	return len(named) == len(kept.Parts)
}

// differences reads what a decision does to each attribute; nil when that is not on record (any more).
func (p *Pipeline) differences(ctx context.Context, logIndex int64) (*diff.Changes, error) {
	data, err := p.Recorder.Changes(ctx, logIndex)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read what the decision at %d changes: %w", logIndex, err)
	}
	out, err := diff.Decode(data)
	if err != nil {
		return nil, store.Permanent{Err: err}
	}
	return out, nil
}

// policySettings is what a configuration says about rules, as it is kept.
func policySettings(p repoconfig.Policies) evidence.Settings {
	out := evidence.Settings{Packs: p.Packs, Scope: p.Scope, Paths: p.Paths}
	for _, b := range p.Bundles {
		out.Bundles = append(out.Bundles, cmp.Or(b.URL, b.Repository))
	}
	for id, r := range p.Rules {
		if out.Rules == nil {
			out.Rules = map[string]evidence.Setting{}
		}
		out.Rules[id] = evidence.Setting(r)
	}
	return out
}
