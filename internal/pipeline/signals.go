package pipeline

import (
	"context"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// signals gathers what the configuration asks of others: checks, workflows, properties of the repository. It is also the first step
// that knows what was judged.
func (g *gatherer) signals(ctx context.Context) error {
	g.judgedWaivers()
	needs, head := g.config.Needs(), g.facts.PullRequest.Head.SHA
	var err error
	if needs.Checks {
		if g.facts.Checks, err = g.forge.Checks(ctx, head); err != nil {
			if err = g.missing(err, "read the checks of others"); err != nil {
				return err
			}
		}
	}
	if needs.Workflows {
		if g.facts.Workflows, err = g.forge.Workflows(ctx, head); err != nil {
			if err = g.missing(err, "read the workflow runs"); err != nil {
				return err
			}
		}
	}
	if needs.Properties {
		if g.facts.Properties, err = g.forge.Properties(ctx); err != nil {
			return g.missing(err, "read the repository's custom properties")
		}
	}
	return nil
}

// maxTeams is how many teams are asked for their members, so that people can be told who can still approve.
const maxTeams = 5

// candidates reads the members of the teams that must still approve, and of those that may break the glass. It only helps people, so what cannot be read is left out. A change
// that passes by what is remembered about people must pass again by what GitHub says of them now.
func (g *gatherer) candidates(ctx context.Context) error {
	if len(g.facts.Problems) > 0 {
		return nil
	}
	decision := gate.Decide(g.facts)
	if decision.Verdict == gate.Pass && g.remembered {
		if err := g.entitled(ctx, true); err != nil {
			return err
		}
		decision = gate.Decide(g.facts)
	}
	seen := map[string]bool{}
	read := func(team string) {
		if key := strings.ToLower(team); !seen[key] && len(g.facts.Teams) < maxTeams {
			seen[key] = true
			org, slug, _ := strings.Cut(team, "/")
			if members, err := g.forge.TeamMembers(ctx, org, slug); err == nil && len(members) > 0 {
				g.facts.Teams = append(g.facts.Teams, gate.Team{Name: team, Members: members})
			}
		}
	}
	for i := range decision.Requirements {
		if r := &decision.Requirements[i]; !r.Met {
			r.From.Each(func(who gate.Who) { each(who.Teams, read) })
		}
	}
	if decision.Verdict != gate.Pass && g.facts.Emergency != nil {
		each(g.facts.Emergency.Teams, read)
	}
	return ctx.Err()
}

func each[T any](list []T, do func(T)) {
	for _, x := range list {
		do(x)
	}
}
