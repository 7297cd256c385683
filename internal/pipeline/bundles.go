package pipeline

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/bundle"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// Bundles gets rules from registries and web servers; *[bundle.Store] does.
type Bundles interface {
	// Open gives an *[bundle.Error] when a bundle is not to be had.
	Open(ctx context.Context, src bundle.Source) (*bundle.Bundle, error)
}

// bundles gets what policies.bundles on the base branch names, and notes in the facts what it was. A bundle that is not to be had is a
// problem, at once; where another attempt may mend it, the work is also tried again.
func (g *gatherer) bundles(ctx context.Context) (opened []*bundle.Bundle, problems []gate.Problem, err error) {
	g.facts.Bundles, g.opened = nil, nil
	for _, entry := range g.config.Policies.Bundles {
		b, err := g.bundle(ctx, entry)
		var wrong *bundle.Error
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err() // the server ends; that is nobody's problem
		case errors.As(err, &wrong):
			remedy := wrong.Remedy()
			if wrong.Temporary {
				g.again = wrong
				remedy = "Gatehouse goes on trying. " + remedy
			}
			file := g.facts.Config.Path
			if file == "" {
				file = repoconfig.Path
			}
			problems = append(problems, gate.Problem{Code: "rules", File: file, Message: wrong.Error(), Remedy: remedy})
			continue
		case err != nil:
			return nil, nil, err
		}
		if b.Stale != nil {
			g.Log.WithError(b.Stale).WithField("since", b.Since.Format(time.RFC3339)).Warn("the last copy of a bundle is used")
		}
		opened = append(opened, b)
		g.facts.Bundles = append(g.facts.Bundles, gate.Bundle{Name: b.Name, Digest: b.Digest, Commit: b.Commit})
	}
	if len(problems) == 0 {
		g.opened = opened
	}
	return opened, problems, nil
}

func (g *gatherer) bundle(ctx context.Context, entry repoconfig.Bundle) (*bundle.Bundle, error) {
	repository, ok := bundle.RepositoryFromConfig(entry)
	if !ok {
		return g.Bundles.Open(ctx, bundle.FromConfig(entry))
	}
	token := g.Forge.Repo(g.args.InstallationID, repository.Owner, repository.Name).Token
	return bundle.OpenRepository(ctx, g.Mirror, token, repository, bundle.Limits{})
}

// besides are the bundles that would still be in force after the merge, without their own tests: what the pull request proposes may be
// built on them. One that it adds is not among them, for anybody could have the server fetch anything that way.
func (g *gatherer) besides(proposed repoconfig.Policies) []rules.ProposedDir {
	var out []rules.ProposedDir
	for i, b := range g.opened {
		entry := g.config.Policies.Bundles[i]
		if slices.ContainsFunc(proposed.Bundles, func(p repoconfig.Bundle) bool { return reflect.DeepEqual(p, entry) }) {
			files := maps.Clone(b.Rules)
			maps.DeleteFunc(files, func(name string, _ []byte) bool {
				return strings.HasSuffix(name, "_test.rego") || strings.HasSuffix(name, ".examples.yaml")
			})
			out = append(out, rules.ProposedDir{Name: b.Name, Files: files})
		}
	}
	return out
}
