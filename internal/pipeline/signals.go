package pipeline

import (
	"context"
	"errors"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
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

const (
	// maxTeams is how many teams are shown with their members, so that people can be told who can still approve.
	maxTeams = 5
	// maxNamed is how many of those who are asked for an approval are looked for on GitHub.
	maxNamed = 20
)

// candidates looks for those who must still approve, and for the members of the teams that may break the glass. It only helps people, so
// what cannot be read is left out. A change that passes by what is remembered about people must pass again by what GitHub says of them now.
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
	look := func(do func(context.Context, string)) func(string) {
		return func(name string) {
			if key := strings.ToLower(name); !seen[key] && len(seen) < maxNamed {
				seen[key] = true
				do(ctx, name)
			}
		}
	}
	for i := range decision.Requirements {
		r := &decision.Requirements[i]
		if r.Met {
			continue
		}
		r.From.Each(func(who gate.Who) {
			each(who.Teams, look(g.team))
			each(who.Users, look(g.user))
			if who.Codeowners {
				each(g.ownerTeams(), look(g.team))
			}
		})
	}
	if decision.Verdict != gate.Pass && g.facts.Emergency != nil {
		each(g.facts.Emergency.Teams, look(g.team))
	}
	return ctx.Err()
}

// team reads the members of a team, or why nobody can approve for it.
func (g *gatherer) team(ctx context.Context, name string) {
	org, slug, _ := strings.Cut(name, "/")
	members, err := g.forge.TeamMembers(ctx, org, slug)
	var lacks forge.MissingPermission
	switch {
	case errors.As(err, new(forge.NotFound)):
		g.absent(name, "does not exist in "+org+", or the App may not see it",
			"Name a team of the organisation by the last part of its address, or create it; a new name counts once it is on the base branch.")
	case errors.As(err, &lacks):
		g.absent(name, "cannot be looked up: the App lacks the permission "+lacks.Permission, "An owner of "+org+" grants it to the App.")
	case err == nil && len(members) == 0:
		g.absent(name, "has no members", "Add somebody to the team, or ask another one.")
	case err == nil && len(g.facts.Teams) < maxTeams:
		g.facts.Teams = append(g.facts.Teams, gate.Team{Name: name, Members: members})
	}
}

// user looks whether GitHub knows somebody who is named.
func (g *gatherer) user(ctx context.Context, login string) {
	who, known := g.forge.KnownActor(login)
	if !known {
		var err error
		if who, err = g.forge.Actor(ctx, login); err != nil {
			return
		}
	}
	if who.Type == "" {
		g.absent(login, "is nobody that GitHub knows", "Correct the login in the configuration on the base branch; accounts can be renamed.")
	}
}

func (g *gatherer) absent(name, why, remedy string) {
	g.facts.Absent = append(g.facts.Absent, gate.Absent{Name: name, Why: why, Remedy: remedy})
}

// ownerTeams are the teams that own what changes.
func (g *gatherer) ownerTeams() []string {
	var out []string
	for _, f := range g.facts.Files {
		for _, o := range f.Owners {
			if strings.Contains(o, "/") {
				out = append(out, o)
			}
		}
	}
	return out
}

func each[T any](list []T, do func(T)) {
	for _, x := range list {
		do(x)
	}
}
