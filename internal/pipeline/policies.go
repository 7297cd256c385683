package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// maxEngines bounds how many compiled policy bundles are kept: one for each configuration that repositories share.
const maxEngines = 32

// Policies compiles the rules that a configuration asks for, once for each distinct bundle.
type Policies struct {
	builtin fs.FS
	version string
	cache   rules.Cache

	mu      sync.Mutex
	engines map[string]*rules.Engine
	order   []string // least recently used first
}

// NewPolicies makes the bundle cache on the built-in rules.
func NewPolicies(builtin fs.FS, version string) *Policies {
	return &Policies{builtin: builtin, version: version, cache: rules.NewMemoryCache(64 << 20), engines: map[string]*rules.Engine{}}
}

// Engine is the compiled bundle for a configuration whose own rules stand in base. What is wrong with the rules comes back as
// problems; err is an outside failure that another attempt may mend.
func (p *Policies) Engine(ctx context.Context, config repoconfig.Policies, base *tree) (*rules.Engine, []gate.Problem, error) {
	options := rules.Options{
		Builtin: p.builtin, Packs: config.Packs, Scope: config.Scope, Version: p.version, Cache: p.cache,
		Rules: map[string]rules.Setting{},
	}
	for id, r := range config.Rules {
		options.Rules[id] = rules.Setting(r)
	}
	if len(config.Bundles) > 0 {
		return nil, []gate.Problem{{Code: "rules", Message: "policies.bundles cannot be read by this version", Remedy: "Put the rules into a folder of policies.paths."}}, nil
	}
	identity := map[string]string{}
	for _, dir := range config.Paths {
		files, n, err := base.sub(ctx, dir, isPolicyFile)
		if err != nil {
			return nil, nil, fmt.Errorf("read the rules in %s: %w", dir, err)
		}
		if n == 0 {
			return nil, []gate.Problem{{
				Code: "rules", File: dir, Message: "holds no rules on the base branch, but policies.paths names it",
				Remedy: "Add a .rego file there, or remove the folder from policies.paths in " + repoconfig.Path + ".",
			}}, nil
		}
		options.Dirs = append(options.Dirs, rules.Dir{Name: dir, FS: files})
		for _, file := range base.paths {
			if strings.HasPrefix(file, path.Clean(dir)+"/") && isPolicyFile(file) {
				identity[file] = base.blobs[file]
			}
		}
	}
	key, err := ledger.Canonical(map[string]any{"config": config, "files": identity})
	if err != nil {
		return nil, nil, fmt.Errorf("name the policy bundle: %w", err)
	}
	engine, err := p.compile(ctx, ledger.Digest(key), options)
	var load *rules.LoadError
	if errors.As(err, &load) {
		return nil, load.Problems, nil
	}
	return engine, nil, err
}

func (p *Policies) compile(ctx context.Context, key string, options rules.Options) (*rules.Engine, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.engines[key]; ok {
		p.touch(key)
		return e, nil
	}
	e, err := rules.New(ctx, options)
	if err != nil {
		return nil, err
	}
	p.engines[key] = e
	p.touch(key)
	if len(p.order) > maxEngines {
		delete(p.engines, p.order[0])
		p.order = p.order[1:]
	}
	return e, nil
}

// touch makes key the most recently used.
func (p *Policies) touch(key string) {
	for i, k := range p.order {
		if k == key {
			p.order = append(p.order[:i], p.order[i+1:]...)
			break
		}
	}
	p.order = append(p.order, key)
}

// isPolicyFile keeps what belongs to a rule: Rego, its examples and data, and Gatekeeper's templates.
func isPolicyFile(file string) bool {
	switch path.Ext(file) {
	case ".rego", ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// Catalogue is the built-in rules.
func (p *Policies) Catalogue() []rules.Rule {
	engine, err := p.compile(context.Background(), "catalogue", rules.Options{Builtin: p.builtin, Packs: []string{"all"}, Version: p.version})
	if err != nil {
		return nil // the test suite loads the built-in rules; a broken one does not get here
	}
	return engine.Rules()
}
