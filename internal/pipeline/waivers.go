package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// recordWaivers notes in the log which waivers let findings through, once for each head. It happens before the decision is
// recorded: a waiver that was used and is not in the log would be worse than one in the log for a decision that was made again.
func (p *Pipeline) recordWaivers(ctx context.Context, f gate.Facts, d gate.Decision) error {
	type key struct{ rule, reason, owner, expires string }
	covered := map[key][]string{}
	var order []key
	for i := range d.Findings {
		x := &d.Findings[i]
		if x.Status != gate.StatusWaived || x.Waiver == nil {
			continue
		}
		k := key{x.Rule, x.Waiver.Reason, x.Waiver.Owner, x.Waiver.Expires}
		if covered[k] == nil {
			order = append(order, k)
		}
		if !slices.Contains(covered[k], x.Resource) && len(covered[k]) < maxEntryResources {
			covered[k] = append(covered[k], x.Resource)
		}
	}
	var entries []store.Entry
	for _, k := range order {
		entries = append(entries, store.Entry{
			Time: f.Time, Type: store.EntryWaiver, Actor: f.PullRequest.Author, Repository: d.Repository, PullRequest: d.PullRequest,
			Commit: d.Head, Resources: covered[k], Verdict: string(d.Verdict), Policy: d.Policy.Digest,
			Key:    fmt.Sprintf("waiver/%d/%d/%s/%s/%s/%s", f.Repository.ID, d.PullRequest, d.Head, k.rule, k.expires, shortDigest(k.owner+"\x00"+k.reason)),
			Detail: map[string]any{"rule": k.rule, "reason": k.reason, "owner": k.owner, "expires": k.expires},
		})
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := p.Recorder.Append(ctx, entries); err != nil {
		return fmt.Errorf("record the use of waivers: %w", err)
	}
	return nil
}

// clocksDiffer is how much later than that it is looked: the database may wake a server whose own day is not over yet.
const clocksDiffer = time.Minute

// waiversEnd is when the first of the waivers that let findings through ends: the day after its last one begins, UTC. A success must not
// outlive it. The zero time: none was used.
func waiversEnd(d gate.Decision) time.Time {
	var first time.Time
	for i := range d.Findings {
		x := &d.Findings[i]
		if x.Status != gate.StatusWaived || x.Waiver == nil {
			continue
		}
		last, err := time.Parse(time.DateOnly, x.Waiver.Expires) // the parser has made sure that it is one
		if end := last.AddDate(0, 0, 1); err == nil && (first.IsZero() || end.Before(first)) {
			first = end
		}
	}
	return first
}

func shortDigest(s string) string { return ledger.Digest([]byte(s))[len("sha256:"):][:12] }

// judgedWaivers marks the waivers whose resource was looked at. Files and objects always are; a Terraform address is when a plan
// changes it, or when the plans of all projects are there.
func (g *gatherer) judgedWaivers() {
	all := len(g.facts.Plans) > 0 && !slices.ContainsFunc(g.config.Terraform.Projects, func(p repoconfig.Project) bool {
		return !slices.ContainsFunc(g.facts.Plans, func(have gate.Plan) bool { return have.Dir == p.Dir && have.Workspace == p.Workspace })
	})
	for i := range g.facts.Waivers {
		w := &g.facts.Waivers[i]
		w.Judged = all || strings.Contains(w.Resource, "/") ||
			slices.ContainsFunc(g.facts.Changes, func(c gate.Change) bool { return gate.Match(w.Resource, c.Resource) })
	}
}
