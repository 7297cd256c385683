package pipeline

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Anybody may review a pull request of a public repository. What GitHub is asked about people must not grow with how many do: a crowd
// would spend the requests of the hour, and nothing could be decided any more.
const (
	// crowd is how many outsiders are asked for one by one. Of more, the list of those who may write tells who could count at all.
	crowd = 10
	// maxAsked is how many people are asked for one by one in any case: members and collaborators first.
	maxAsked = 100
)

// entitled fills in what those who were looked up may do. What was asked a short while ago is taken from memory, unless it must be fresh;
// a decision that lets a change pass never rests on memory, see [gatherer.candidates].
func (g *gatherer) entitled(ctx context.Context, fresh bool) error {
	strangers, err := g.strangers(ctx, fresh)
	if err != nil {
		return g.missing(err, "list who may write here")
	}
	left := maxAsked
	for _, insiders := range []bool{true, false} {
		for i := range g.facts.Actors {
			actor := &g.facts.Actors[i]
			if g.insider(actor.Login) != insiders {
				continue
			}
			actor.Permission, actor.Teams, actor.Unasked = gate.PermissionNone, []string{}, false
			switch {
			case actor.Type != gate.ActorUser:
				continue
			case strangers != nil && strangers[strings.ToLower(actor.Login)]:
				if !g.facts.Repository.Private {
					actor.Permission = gate.PermissionRead
				}
				continue
			case left == 0:
				actor.Unasked = true
				continue
			}
			left--
			if doing, err := g.ask(ctx, actor, fresh); err != nil {
				g.facts.Actors = g.facts.Actors[:i]
				return g.missing(err, doing)
			}
		}
	}
	return nil
}

// ask asks what one person may do, and in which of the teams they are that an approval may depend on. doing says what failed.
func (g *gatherer) ask(ctx context.Context, actor *gate.Actor, fresh bool) (doing string, err error) {
	may, known := g.forge.KnownActor(actor.Login)
	if known && !fresh {
		g.remembered = true
	} else if may, err = g.forge.Actor(ctx, actor.Login); err != nil {
		return "read what " + actor.Login + " may do here", err
	}
	actor.Permission = may.Permission
	if !gate.AtLeast(actor.Permission, gate.PermissionWrite) && !g.readersCount() && !g.config.Needs().People {
		return "", nil // no team makes their approval count
	}
	actor.Teams, err = g.memberships(ctx, actor.Login, g.teams(), fresh)
	return "read the teams of " + actor.Login, err
}

// readersCount reports whether the approval of somebody who may not write can count for anything.
func (g *gatherer) readersCount() bool {
	a := g.facts.Approvals
	return slices.Contains(a.Count, gate.CountReaders) || slices.ContainsFunc(a.Rules, func(r gate.ApprovalRule) bool {
		return r.Count != nil && slices.Contains(*r.Count, gate.CountReaders)
	})
}

// insider reports whether somebody's word may count, as far as that is known without asking for them.
func (g *gatherer) insider(login string) bool { return g.insiders[strings.ToLower(login)] }

// strangers are those who have spoken, may not write here and have no other say, where a crowd has; nil where none has, or GitHub does not
// tell them apart at once: then they are asked for one by one.
func (g *gatherer) strangers(ctx context.Context, fresh bool) (map[string]bool, error) {
	named := g.contributors()
	look := func(who gate.Who) { named = append(named, who.Users...) }
	g.facts.Approvals.From.Each(look)
	for _, r := range g.facts.Approvals.Rules {
		r.From.Each(look)
	}
	for _, r := range g.facts.Evaluation.Requirements {
		named = append(named, r.Users...)
	}
	for _, f := range g.facts.Files {
		named = append(named, f.Owners...)
	}
	each(named, func(login string) { g.insiders[strings.ToLower(login)] = true })
	outsiders := map[string]bool{}
	for _, a := range g.facts.Actors {
		if a.Type == gate.ActorUser && !g.insider(a.Login) {
			outsiders[strings.ToLower(a.Login)] = true
		}
	}
	if len(outsiders) <= crowd {
		return nil, nil
	}
	writers, whole, remembered, err := g.forge.Writers(ctx, fresh)
	if err != nil || !whole {
		return nil, err
	}
	g.remembered = g.remembered || remembered
	maps.DeleteFunc(outsiders, func(login string, _ bool) bool { return writers[login] })
	if !g.readersCount() {
		return outsiders, nil
	}
	for _, team := range g.teams() { // whose members may be in the organisation without showing it
		org, slug, _ := strings.Cut(team, "/")
		members, err := g.forge.TeamMembers(ctx, org, slug)
		if err != nil && !errors.As(err, new(forge.NotFound)) {
			return nil, err
		}
		each(members, func(login string) { delete(outsiders, strings.ToLower(login)) })
	}
	return outsiders, nil
}
