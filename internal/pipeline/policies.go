package pipeline

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// policies names the rules that the configuration on the base branch asks for, and gives what reads them. Whether they are any good is
// found out where they are used, in a worker process.
func (g *gatherer) policies(ctx context.Context) (judge.Policies, func(context.Context) ([]judge.Folder, error), error) {
	config := g.config.Policies
	p := judge.Policies{Packs: config.Packs, Scope: config.Scope, Rules: map[string]rules.Setting{}}
	for id, r := range config.Rules {
		p.Rules[id] = rules.Setting(r)
	}
	bundles, problems, err := g.bundles(ctx)
	if err != nil || len(problems) > 0 {
		p.Problems = problems
		return p, nil, err
	}
	identity := map[string]string{}
	for _, dir := range config.Paths {
		files := g.base.in(dir, isPolicyFile)
		if len(files) == 0 {
			p.Problems = []gate.Problem{{
				Code: "rules", File: dir, Message: "holds no rules on the base branch, but policies.paths names it",
				Remedy: "Add a .rego file there, or remove the folder from policies.paths in " + repoconfig.Path + ".",
			}}
			return p, nil, nil
		}
		for _, file := range files {
			identity[file] = g.base.blobs[file]
		}
	}
	key, err := ledger.Canonical(map[string]any{"config": config, "files": identity, "bundles": g.facts.Bundles})
	if err != nil {
		return p, nil, fmt.Errorf("name the policies: %w", err)
	}
	p.Key = ledger.Digest(key)
	return p, func(ctx context.Context) ([]judge.Folder, error) {
		var out []judge.Folder
		for _, dir := range config.Paths {
			files, err := g.base.folder(ctx, dir, isPolicyFile)
			if err != nil {
				return nil, fmt.Errorf("read the rules in %s: %w", dir, err)
			}
			out = append(out, judge.Folder{Name: dir, Files: files})
		}
		for _, b := range bundles {
			out = append(out, judge.Folder{Name: b.Name, Files: b.Rules})
		}
		return out, nil
	}, nil
}

// isPolicyFile keeps what belongs to a rule: Rego, its examples and data, and Gatekeeper's templates.
func isPolicyFile(file string) bool {
	switch path.Ext(file) {
	case ".rego", ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// in lists the files in and under a folder.
func (t *tree) in(dir string, keep func(path string) bool) []string {
	prefix := prefixOf(dir)
	var out []string
	for _, p := range t.paths {
		if strings.HasPrefix(p, prefix) && keep(p) {
			out = append(out, p)
		}
	}
	return out
}

// prefixOf is what the paths of the files in and under a folder begin with.
func prefixOf(dir string) string {
	if prefix := strings.TrimSuffix(path.Clean(dir), "/") + "/"; prefix != "./" {
		return prefix
	}
	return ""
}

// Catalogue gives the built-in rules, which it loads once; version is the program's.
func Catalogue(builtin fs.FS, version string) func() []rules.Rule {
	return sync.OnceValue(func() []rules.Rule {
		engine, err := rules.New(context.Background(), rules.Options{Builtin: builtin, Packs: []string{"all"}, Version: version})
		if err != nil {
			return nil // the test suite loads the built-in rules; a broken one does not get here
		}
		return engine.Rules()
	})
}
