// Package backtest judges recorded decisions again, under other rules: what the rules saw is on record, and so is everything else that a
// decision is made from. It asks nobody and changes nothing.
package backtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// Options are the other rules. What they leave open stays as the repository had it when the decision was made.
type Options struct {
	Builtin fs.FS
	Version string
	Dirs    []rules.Dir // in the place of the repository's own rules

	Packs    []string                 // nil: as they were
	Settings map[string]rules.Setting // nil: as they were
	Scope    string                   // "": as it was
	Cache    rules.Cache              // of the rules' answers; nil: none
	Parse    rules.Parse              // parse_config of conftest's rules; nil: they have none
	Seal     *evidence.Seal           // opens data of bundles on record; nil: it stays closed
}

// NotJudged says why a decision cannot be made again. Its text is a clause: "its facts were dropped by age".
type NotJudged struct{ Reason string }

// Error is the reason.
func (e NotJudged) Error() string { return e.Reason }

// Judge has rules in this process. It is safe for concurrent use, and worth keeping: rules are compiled once for all
// decisions that were made under the same settings.
type Judge struct {
	options Options
	known   map[string][]string // the parameters of each rule, by id
	reader  *evidence.Reader

	mu      sync.Mutex
	engines map[string]*compiled
}

// partsKept is the room for documents that decisions share, in bytes of JSON.
const partsKept = 64 << 20

type compiled struct {
	once   sync.Once
	engine *rules.Engine
	err    error
}

// New loads the rules once, to see that they are sound; a *[rules.LoadError] says what is wrong with them.
func New(ctx context.Context, o Options) (*Judge, error) {
	// All packs are on for the catalogue: a setting for a rule of a pack that is off does no harm.
	engine, err := rules.New(ctx, rules.Options{Builtin: o.Builtin, Dirs: o.Dirs, Packs: []string{"all"}, Version: o.Version})
	if err != nil {
		return nil, err
	}
	j := &Judge{options: o, known: map[string][]string{}, reader: evidence.NewReader(partsKept), engines: map[string]*compiled{}}
	for _, r := range engine.Rules() {
		names := []string{}
		for _, p := range r.Parameters {
			names = append(names, p.Name)
		}
		j.known[r.ID] = names
	}
	return j, nil
}

// Saw is what the rules saw of a decision.
type Saw struct {
	Digest string                              // of its manifest; "": there was nothing to see
	Read   func(digest string) ([]byte, error) // gives a blob
	Scope  string                              // of the repository then

	Rules        []gate.KeptRules // the text of the rules that judged
	RulesOmitted string           // why there is none
}

// open reads it.
func (s Saw) open(r *evidence.Reader) (evidence.Evidence, error) {
	if s.Digest == "" {
		return evidence.Evidence{Settings: evidence.Settings{Scope: s.Scope}}, nil
	}
	return r.Open(s.Digest, s.Read)
}

// Rules say what they find in what was seen. The error is a [NotJudged] when that cannot be told.
type Rules interface {
	Evaluate(ctx context.Context, pr *gate.PullRequest, saw Saw) (gate.Evaluation, error)
}

// again gives the facts of a decision as they would be if the rules had been others.
func again(ctx context.Context, r Rules, facts gate.Facts, saw Saw) (gate.Facts, error) {
	now, err := r.Evaluate(ctx, &facts.PullRequest, saw)
	if err != nil {
		return facts, err
	}
	if err := ctx.Err(); err != nil {
		return facts, err
	}
	pointAt(now.Findings, facts.Evaluation.Findings)
	if facts.Group != nil {
		now.Requirements = nil // the pull requests of the group are asked for them
	}
	facts.Evaluation = now
	return facts, nil
}

// NoFiles is why rules of conftest's dialect cannot judge what was seen without whole files.
const NoFiles = "the rules of conftest's dialect judge whole files, and none were read when the decision was made"

// Evaluate implements [Rules].
func (j *Judge) Evaluate(ctx context.Context, pr *gate.PullRequest, what Saw) (gate.Evaluation, error) {
	saw, err := what.open(j.reader)
	switch {
	case err != nil:
		return gate.Evaluation{}, err
	case saw.Omitted != "":
		return gate.Evaluation{}, NotJudged{saw.Omitted}
	}
	engine, err := j.engine(ctx, saw.Settings, what)
	if err != nil {
		return gate.Evaluation{}, err
	}
	return evaluate(ctx, engine, &saw, pr)
}

// own are the rules that were the repository's own, and those of bundles, as they were.
func (s Saw) own(seal *evidence.Seal) ([]rules.Dir, error) {
	list, err := s.folders(seal)
	var not NotJudged
	if errors.As(err, &not) {
		return nil, NotJudged{"the repository has rules of its own, which cannot be used: " + not.Reason + "; give them, or others, with --policy"}
	}
	var out []rules.Dir
	for _, r := range list {
		if !r.Builtin {
			out = append(out, dirOf(r))
		}
	}
	return out, err
}

// evaluate has rules judge what was seen.
func evaluate(ctx context.Context, engine *rules.Engine, saw *evidence.Evidence, pr *gate.PullRequest) (gate.Evaluation, error) {
	in := rules.Input{Documents: saw.Documents, PullRequest: pr}
	if engine.WantsFiles() {
		if !saw.HasFiles && len(saw.Documents) > 0 {
			return gate.Evaluation{}, NotJudged{NoFiles}
		}
		for _, f := range saw.Files {
			in.Files = append(in.Files, rules.File(f))
		}
	}
	return engine.Evaluate(ctx, in), nil
}

// maxEngines bounds how many compiled sets of rules are kept; above it they are compiled anew.
const maxEngines = 64

// engine compiles the rules for the settings of a repository. Its own ones are those on record, unless others are given.
func (j *Judge) engine(ctx context.Context, s evidence.Settings, what Saw) (*rules.Engine, error) {
	o := rules.Options{
		Builtin: j.options.Builtin, Version: j.options.Version, Dirs: j.options.Dirs, Cache: j.options.Cache,
		Packs: j.options.Packs, Rules: j.options.Settings, Scope: j.options.Scope, Parse: j.options.Parse,
	}
	if o.Packs == nil {
		o.Packs = s.Packs
	}
	own := len(j.options.Dirs) == 0 && len(s.Paths)+len(s.Bundles) > 0
	named := map[string]any{}
	if own {
		named["own"] = what.Rules
	}
	if o.Rules == nil {
		o.Rules = j.settings(s.Rules, own)
	}
	if o.Scope == "" {
		o.Scope = s.Scope
	}
	named["packs"], named["rules"], named["scope"] = o.Packs, o.Rules, o.Scope
	key, err := ledger.Canonical(named)
	if err != nil {
		return nil, fmt.Errorf("name the settings: %w", err)
	}
	j.mu.Lock()
	c := j.engines[string(key)]
	if c == nil {
		if len(j.engines) >= maxEngines {
			clear(j.engines)
		}
		c = &compiled{}
		j.engines[string(key)] = c
	}
	j.mu.Unlock()
	c.once.Do(func() {
		if own {
			if o.Dirs, c.err = what.own(j.options.Seal); c.err != nil {
				return
			}
		}
		c.engine, c.err = rules.New(ctx, o)
	})
	var load *rules.LoadError
	if errors.As(c.err, &load) {
		return nil, NotJudged{"the rules do not go with the settings that were in force: " + load.Problems[0].String()}
	}
	return c.engine, c.err
}

// settings leaves out what the rules do not know: a rule that was taken away has no settings any more. With the recorded rules in force,
// those that are not known are theirs.
func (j *Judge) settings(recorded map[string]evidence.Setting, own bool) map[string]rules.Setting {
	out := map[string]rules.Setting{}
	for id, s := range recorded {
		names, ok := j.known[id]
		if !ok {
			if own {
				out[id] = rules.Setting(s)
			}
			continue
		}
		setting := rules.Setting{Enforcement: s.Enforcement, Unknown: s.Unknown}
		for name, value := range s.Parameters {
			if slices.Contains(names, name) {
				if setting.Parameters == nil {
					setting.Parameters = map[string]any{}
				}
				setting.Parameters[name] = value
			}
		}
		out[id] = setting
	}
	return out
}

// pointAt gives findings the lines that the recorded ones have. The lines of fields were looked up in the files, which are not on
// record.
func pointAt(findings, recorded []gate.Finding) {
	lines := map[gate.Finding][]int{}
	for _, f := range recorded {
		k := sameThing(f)
		lines[k] = append(lines[k], f.Line)
	}
	for i := range findings {
		k := sameThing(findings[i])
		if known := lines[k]; len(known) > 0 {
			findings[i].Line, lines[k] = known[0], known[1:]
		}
	}
}

// sameThing is what makes two findings one: the rule, and what it says of what.
func sameThing(f gate.Finding) gate.Finding {
	return gate.Finding{Rule: f.Rule, Resource: f.Resource, Kind: f.Kind, File: f.File, Path: f.Path, Message: f.Message}
}

// Blobs reads what is kept under a digest.
type Blobs interface {
	Facts(ctx context.Context, digest string) ([]byte, error)
}

// load reads the facts of a decision, and finds what its rules saw. gone tells whether an error of blobs means that something is not
// there. The error is a [NotJudged] when it cannot be judged again.
func load(ctx context.Context, blobs Blobs, factsDigest string, gone func(error) bool) (gate.Facts, Saw, error) {
	var facts gate.Facts
	data, err := blobs.Facts(ctx, factsDigest)
	switch {
	case err != nil && gone(err):
		return facts, Saw{}, NotJudged{"its facts were dropped by age"}
	case err != nil:
		return facts, Saw{}, err
	}
	if err := json.Unmarshal(data, &facts); err != nil {
		return facts, Saw{}, fmt.Errorf("read the facts %s: %w", factsDigest, err)
	}
	saw := Saw{Scope: facts.Scope, Read: func(digest string) ([]byte, error) {
		data, err := blobs.Facts(ctx, digest)
		if err != nil && gone(err) {
			return nil, NotJudged{"what its rules saw was dropped by age"}
		}
		return data, err
	}}
	switch e := facts.Evidence; {
	case e == nil && facts.Evaluation.Documents == 0 && len(facts.Changes) == 0: // there was nothing to judge
	case e == nil:
		return facts, saw, NotJudged{"it was recorded by a version of Gatehouse that did not keep what the rules saw"}
	case e.Digest == "":
		return facts, saw, NotJudged{e.Omitted}
	default:
		saw.Digest, saw.Rules, saw.RulesOmitted = e.Digest, e.Rules, e.RulesOmitted
	}
	return facts, saw, nil
}

// strangers are the teams that the new requirements name and of whose members the record knows nothing: their approvals count as
// missing.
func strangers(facts *gate.Facts, recorded []gate.Requirement) []string {
	known := map[string]bool{}
	add := func(teams []string) {
		for _, t := range teams {
			known[strings.ToLower(t)] = true
		}
	}
	for _, r := range recorded {
		add(r.Teams)
	}
	each := func(w gate.Who) { add(w.Teams) }
	facts.Approvals.From.Each(each)
	for _, r := range facts.Approvals.Rules {
		r.From.Each(each)
	}
	var out []string
	for _, r := range facts.Evaluation.Requirements {
		for _, t := range r.Teams {
			if !known[strings.ToLower(t)] {
				known[strings.ToLower(t)] = true
				out = append(out, t)
			}
		}
	}
	slices.Sort(out)
	return out
}
