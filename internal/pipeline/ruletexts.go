package pipeline

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sync"

	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// Texts say what of the rules is kept with decisions, and how.
type Texts struct {
	Builtin fs.FS          // the program's packs
	Version string         // the program's
	Seal    *evidence.Seal // for the data of bundles
}

// ruleTexts is the text of the rules of a configuration, as it is kept with each decision that they make.
type ruleTexts struct {
	folders []gate.KeptRules
	blobs   map[string][]byte // by digest
	omitted string            // why they are not kept
}

// bytes is the room that it takes.
func (t *ruleTexts) bytes() int {
	n := 0
	for _, blob := range t.blobs {
		n += len(blob)
	}
	return n
}

// maxTextBytes bounds the texts that are kept in memory, so that rules are not read from git and packed for every evaluation.
const maxTextBytes = 64 << 20

// textCache remembers the texts of the last configurations.
type textCache struct {
	mu    sync.Mutex
	bytes int
	keys  []string // the oldest first
	kept  map[string]*ruleTexts
}

func (c *textCache) get(key string) *ruleTexts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept[key]
}

func (c *textCache) put(key string, t *ruleTexts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[string]*ruleTexts{}
	}
	if c.kept[key] != nil {
		return
	}
	c.kept[key], c.keys, c.bytes = t, append(c.keys, key), c.bytes+t.bytes()
	for c.bytes > maxTextBytes && len(c.keys) > 1 {
		c.bytes -= c.kept[c.keys[0]].bytes()
		delete(c.kept, c.keys[0])
		c.keys = c.keys[1:]
	}
}

// ruleTexts packs the text of the rules that judged: those of the program, of the repository's folders, of bundles. A replay needs all
// of them. key names what folders gives.
func (g *gatherer) ruleTexts(ctx context.Context, key string, folders func(context.Context) ([]judge.Folder, error)) (*ruleTexts, error) {
	if t := g.texts.get(key); t != nil {
		return t, nil
	}
	list, err := folders(ctx)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, f := range list {
		for name, content := range f.Files {
			if evidence.Judges(name) {
				size += len(content)
			}
		}
	}
	t := &ruleTexts{blobs: map[string][]byte{}}
	if size > evidence.MaxRuleBytes {
		t.omitted = fmt.Sprintf("the rules have more than %d MiB, which is the limit", evidence.MaxRuleBytes>>20)
		g.texts.put(key, t)
		return t, nil
	}
	packs, err := builtinTexts(g.Texts)
	if err != nil {
		return nil, err
	}
	all := []evidence.Rules{packs}
	for _, f := range list {
		all = append(all, evidence.Rules{Name: f.Name, Files: f.Files})
	}
	for i, r := range all {
		var seal *evidence.Seal
		if i > len(g.config.Policies.Paths) { // a bundle's: what a repository has of its own can be read in the repository
			seal = g.Texts.Seal
		}
		blob, err := evidence.PackRules(r, seal)
		if err != nil {
			t = &ruleTexts{omitted: "the rules cannot be written down: " + gate.Shorten(gate.Printable(err.Error()), 200)}
			break
		}
		digest := ledger.Digest(blob)
		t.blobs[digest], t.folders = blob, append(t.folders, gate.KeptRules{Name: r.Name, Digest: digest})
	}
	g.texts.put(key, t)
	return t, nil
}

// builtinTexts are the packs of the program.
func builtinTexts(t Texts) (evidence.Rules, error) {
	out := evidence.Rules{Name: "built-in packs", Builtin: true, Program: t.Version, Packs: rules.DefaultPacks(), Files: map[string][]byte{}}
	if t.Builtin == nil {
		return out, nil
	}
	err := fs.WalkDir(t.Builtin, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".rego" || !evidence.Judges(name) {
			return err
		}
		out.Files[name], err = fs.ReadFile(t.Builtin, name)
		return err
	})
	if err != nil {
		return out, fmt.Errorf("read the built-in rules: %w", err)
	}
	return out, nil
}

// name puts what is kept into the facts.
func (t *ruleTexts) name(e *gate.Evidence) map[string][]byte {
	if t == nil {
		return nil
	}
	e.Rules, e.RulesOmitted = slices.Clone(t.folders), t.omitted
	return maps.Clone(t.blobs)
}
