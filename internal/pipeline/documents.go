package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// saw is what the rules were given.
type saw struct {
	documents []gate.Document
	files     []rules.File
	whole     bool // rules asked for whole files

	differences *diff.Changes // what happens to each attribute, once evidence has worked it out
}

// evidence packs what the rules saw, to be recorded with the decision, and names it in the facts. It never fails: what cannot be kept
// is said in the facts, for the decision stands without it.
func (g *gatherer) evidence() *store.Evidence {
	g.facts.Evidence = nil
	if len(g.saw.documents)+len(g.saw.files)+len(g.facts.Changes) == 0 {
		return nil // nothing was there to be judged, or it did not come to that
	}
	e := evidence.Evidence{Documents: g.saw.documents, HasFiles: g.saw.whole, Settings: policySettings(g.config.Policies)}
	if !e.HasFiles { // nothing was there that they would have asked for
		e.HasFiles = len(g.handed.files) == 0 && !slices.ContainsFunc(g.facts.Files, func(f gate.FileChange) bool { return formats.Supported(f.Path) })
	}
	for _, f := range g.saw.files {
		e.Files = append(e.Files, evidence.File(f))
	}
	differences := diff.Of(g.facts.Changes, g.saw.documents, diff.Limits{})
	g.saw.differences = &differences
	changes, err := json.Marshal(differences)
	var packed evidence.Packed
	if err == nil {
		e.Changes = changes
		packed, err = evidence.Pack(e, evidence.MaxBytes)
	}
	if err != nil {
		g.facts.Evidence = &gate.Evidence{Omitted: gate.Shorten(gate.Printable(err.Error()), 300)}
		g.Log.WithError(err).Warn("what the rules saw cannot be kept")
		return nil
	}
	g.facts.Evidence = &gate.Evidence{Digest: packed.Digest, Omitted: packed.Omitted}
	if packed.Omitted != "" {
		g.Log.WithField("pull_request", fmt.Sprintf("%s#%d", g.facts.Repository.FullName(), g.facts.PullRequest.Number)).
			Warn("what the rules saw is not kept: " + packed.Omitted)
	}
	return &store.Evidence{Manifest: packed.Manifest, Parts: packed.Parts, Changes: changes}
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
