package judge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing/fstest"

	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

const (
	maxEngines   = 4        // compiled sets of rules that one worker keeps
	maxRemembers = 64 << 20 // bytes of answers that one worker keeps
)

// engines keeps compiled rules, and what they said about documents.
type engines struct {
	builtin fs.FS
	version string
	cache   rules.Cache
	kept    []keptEngine // least recently used first
}

type keptEngine struct {
	key    string
	engine *rules.Engine
}

func newEngines(builtin fs.FS, version string) *engines {
	return &engines{builtin: builtin, version: version, cache: rules.NewMemoryCache(maxRemembers)}
}

// with gives what [Given.Engine] wants, for one request.
func (e *engines) with(j *running) func(context.Context, *Policies) (*rules.Engine, []gate.Problem, error) {
	return func(ctx context.Context, p *Policies) (*rules.Engine, []gate.Problem, error) {
		key := fmt.Sprint(p.Key, " ", j.request.Heap)
		for i, k := range e.kept {
			if k.key == key {
				e.kept = append(slices.Delete(e.kept, i, i+1), k)
				return k.engine, nil, nil
			}
		}
		dirs, err := j.policies()
		if err != nil {
			return nil, nil, fmt.Errorf("get the rules: %w", err)
		}
		engine, err := rules.New(ctx, rules.Options{
			Builtin: e.builtin, Version: e.version, Cache: e.cache, Packs: p.Packs, Scope: p.Scope, Rules: p.Rules, Dirs: dirs,
			Limits: rules.Limits{Memory: j.request.Heap}, Parse: formats.Parse,
		})
		var load *rules.LoadError
		switch {
		case errors.As(err, &load):
			return nil, load.Problems, nil
		case err != nil:
			return nil, nil, err
		}
		if e.kept = append(e.kept, keptEngine{key, engine}); len(e.kept) > maxEngines {
			e.kept = slices.Delete(e.kept, 0, 1)
		}
		return engine, nil, nil
	}
}

// policies asks for the folders of rules.
func (j *running) policies() ([]rules.Dir, error) {
	var head []folders
	parts, err := j.ask(question{Policies: true}, nil, &head)
	if err != nil {
		return nil, err
	}
	var out []rules.Dir
	for _, f := range head {
		files := fstest.MapFS{}
		for _, name := range f.Files {
			if len(parts) == 0 {
				return nil, errBroken
			}
			files[name] = &fstest.MapFile{Data: parts[0], Mode: 0o444}
			parts = parts[1:]
		}
		out = append(out, rules.Dir{Name: f.Name, FS: files})
	}
	return out, nil
}
