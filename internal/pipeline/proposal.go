package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// proposal tries the rules that a pull request brings, before they can break every other one: the base's rules judge it, and its own
// are loaded, checked and tested as they would be in force after the merge.
func (g *gatherer) proposal(ctx context.Context) error {
	policies, err := g.proposed(ctx)
	if err != nil || !g.touches(append(slices.Clone(g.config.Policies.Paths), policies.Paths...)) {
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
	if len(p.Dirs) == 0 {
		return nil // it takes its last folder of rules away
	}
	problems, err := g.try(ctx, p)
	if err != nil {
		return err
	}
	g.problem(problems...)
	return nil
}

// proposed is what the configuration says about policies after the merge: the head's, where it can be read, else the base's.
func (g *gatherer) proposed(ctx context.Context) (repoconfig.Policies, error) {
	data, ok, err := g.head.readOne(ctx, repoconfig.Path)
	if err != nil {
		return repoconfig.Policies{}, fmt.Errorf("read %s at the head: %w", repoconfig.Path, err)
	}
	if ok {
		if config, problems := repoconfig.Parse(repoconfig.Path, data); len(problems) == 0 {
			return config.Policies, nil
		}
	}
	return g.config.Policies, nil
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

// try lets a worker process do it: the tests of rules are programs of whoever opened the pull request.
func (g *gatherer) try(ctx context.Context, p rules.Proposal) ([]gate.Problem, error) {
	cannot := func(why string) []gate.Problem {
		return []gate.Problem{{
			Code: "rules", File: p.Dirs[0].Name, Message: "the rules that this pull request proposes cannot be tried: " + why,
			Remedy: "Run \"gatehouse rules test\" on the folder and make the rules and their tests smaller.",
		}}
	}
	request, err := p.Request()
	if err != nil {
		return nil, fmt.Errorf("write down the proposed rules: %w", err)
	}
	if g.Workers == nil {
		return cannot("there are no worker processes"), nil
	}
	session := g.Workers.Session()
	defer session.Close()
	answer, err := session.Call(ctx, request)
	var death *sandbox.Death
	switch {
	case errors.As(err, &death):
		return cannot("the worker process " + death.Reason), nil
	case err != nil:
		return nil, fmt.Errorf("try the proposed rules: %w", err)
	}
	var problems []gate.Problem
	if err := json.Unmarshal(answer, &problems); err != nil {
		return cannot("the worker's answer cannot be read"), nil //nolint:nilerr // it is told to people
	}
	return problems, nil
}
