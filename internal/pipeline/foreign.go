package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// A repository may ask a team of another organisation that has the App. When that organisation's people change, GitHub tells so in the
// name of that organisation alone; so it is remembered which repositories ask its teams.

// maxForeign bounds how many repositories are remembered for an organisation.
const maxForeign = 1000

func foreignKey(org string) string { return "asks-teams-of/" + strings.ToLower(org) }

func (p *Pipeline) askers(ctx context.Context, org string) ([]work.Target, error) {
	text, err := p.Notes.Meta(ctx, foreignKey(org))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read who asks the teams of %s: %w", org, err)
	}
	var list []work.Target
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, store.Permanent{Err: fmt.Errorf("read who asks the teams of %s: %w", org, err)}
	}
	return list, nil
}

// noteForeignTeams remembers this repository as one that asks teams of other organisations.
func (g *gatherer) noteForeignTeams(ctx context.Context) error {
	seen := map[string]bool{strings.ToLower(g.facts.Repository.Owner): true}
	for _, team := range g.teams() {
		org, _, _ := strings.Cut(strings.ToLower(team), "/")
		if seen[org] {
			continue
		}
		seen[org] = true
		list, err := g.askers(ctx, org)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(list, func(t work.Target) bool { return t.RepositoryID == g.args.RepositoryID }) || len(list) >= maxForeign {
			continue
		}
		me := work.Target{InstallationID: g.args.InstallationID, RepositoryID: g.args.RepositoryID, Owner: g.args.Owner, Name: g.args.Name}
		text, err := json.Marshal(append(list, me))
		if err == nil {
			err = g.Notes.SetMeta(ctx, foreignKey(org), string(text))
		}
		if err != nil {
			return fmt.Errorf("remember that the teams of %s are asked: %w", org, err)
		}
	}
	return nil
}

// foreign are the repositories elsewhere that a change of an organisation's people concerns.
func (p *Pipeline) foreign(ctx context.Context, s work.Sweep) ([]work.Target, error) {
	if s.Organization == "" {
		return nil, nil
	}
	list, err := p.askers(ctx, s.Organization)
	for i := range list {
		list[i].Reason, list[i].Delivery = s.Reason, s.Delivery
	}
	return list, err
}
