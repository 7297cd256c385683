package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// proposal tries the rules that a pull request brings, before they can break every other one: the base's rules judge it, and its own
// are loaded, checked and tested as they would be in force after the merge, and then judge other pull requests again, to show what
// would change.
func (g *gatherer) proposal(ctx context.Context) error {
	policies, err := g.proposed(ctx)
	if err != nil {
		return err
	}
	touched := g.touches(append(slices.Clone(g.config.Policies.Paths), policies.Paths...))
	if other, err := differ(policies, g.config.Policies); err != nil || !touched && !other {
		return err
	}
	p := rules.Proposal{Packs: policies.Packs, Rules: map[string]rules.Setting{}}
	for id, r := range policies.Rules {
		p.Rules[id] = rules.Setting(r)
	}
	for _, dir := range policies.Paths {
		files, err := g.head.folder(ctx, dir, isPolicyFile)
		if err != nil {
			return fmt.Errorf("read the proposed rules in %s: %w", dir, err)
		}
		if len(files) == 0 {
			g.problem(gate.Problem{
				Code: "rules", File: dir, Message: "would hold no rules after the merge, but policies.paths names it",
				Remedy: "Keep a rule there, or remove the folder from policies.paths in " + repoconfig.Path + " in the same pull request.",
			})
			return nil
		}
		p.Dirs = append(p.Dirs, rules.ProposedDir{Name: dir, Files: files})
	}
	own := len(p.Dirs)
	p.Dirs = append(p.Dirs, g.besides(policies)...)
	if touched && own > 0 { // else it takes its last folder of rules away, or only says how they are in force
		problems, err := g.Judges.Try(ctx, p)
		if err != nil {
			return fmt.Errorf("try the proposed rules: %w", err)
		}
		if g.problem(problems...); len(problems) > 0 {
			return nil
		}
	}
	return g.backtest(ctx, policies, p)
}

// differ reports whether two configurations put rules in force differently.
func differ(a, b repoconfig.Policies) (bool, error) {
	x, err := ledger.Canonical(a)
	if err != nil {
		return false, fmt.Errorf("compare the settings of rules: %w", err)
	}
	y, err := ledger.Canonical(b)
	if err != nil {
		return false, fmt.Errorf("compare the settings of rules: %w", err)
	}
	return !bytes.Equal(x, y), nil
}

// proposed is what the configuration says about policies after the merge: the head's, where it can be read, else the base's.
func (g *gatherer) proposed(ctx context.Context) (repoconfig.Policies, error) {
	data, ok, err := g.head.readOne(ctx, repoconfig.Path)
	if err != nil {
		return repoconfig.Policies{}, fmt.Errorf("read %s at the head: %w", repoconfig.Path, err)
	}
	if !ok || g.head.blobs[repoconfig.Path] == g.base.blobs[repoconfig.Path] {
		return g.config.Policies, nil
	}
	policies, ok, err := g.Judges.Settings(ctx, g.args.RepositoryID, data)
	if err != nil {
		return repoconfig.Policies{}, fmt.Errorf("read %s at the head: %w", repoconfig.Path, err)
	}
	if !ok {
		return g.config.Policies, nil
	}
	return policies, nil
}

// touches reports whether the pull request changes a file of rules in one of the folders.
func (g *gatherer) touches(dirs []string) bool {
	for _, f := range g.facts.Files {
		for _, dir := range dirs {
			prefix := path.Clean(dir) + "/"
			for _, name := range []string{f.Path, f.OldPath} {
				if isPolicyFile(name) && (prefix == "./" || strings.HasPrefix(name, prefix)) {
					return true
				}
			}
		}
	}
	return false
}
