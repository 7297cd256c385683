package backtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing/fstest"

	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// Replayed is what the rules of the day said again.
type Replayed struct {
	Facts   gate.Facts       // with what they say now
	Folders []evidence.Rules // that judged: the program's packs first
	Engine  bool             // whether this program's engine is another one, so that the policy has another digest
	Same    bool             // whether they say what they said, to the letter
}

// Replay judges a decision again under the very rules that were in force: their text is kept with it. The error is a [NotJudged] when
// nothing was judged, when the text or what the rules saw is not there, and when this program cannot run the rules any more.
func Replay(ctx context.Context, o Options, d Recorded, blobs Blobs, gone func(error) bool) (Replayed, error) {
	facts, saw, err := load(ctx, blobs, d.FactsDigest, gone)
	if err != nil {
		return Replayed{}, err
	}
	switch e := facts.Evidence; {
	case e == nil || saw.Digest == "":
		return Replayed{}, NotJudged{"there was nothing for rules to judge"}
	case facts.Evaluation.Policy.Digest == "":
		return Replayed{}, NotJudged{"no rule judged: it could not be evaluated then"}
	}
	folders, err := saw.folders(o.Seal)
	if err != nil {
		return Replayed{}, err
	}
	out := Replayed{Facts: facts, Folders: folders}
	seen, err := saw.open(nil)
	if err != nil {
		return out, err
	}
	if seen.Omitted != "" {
		return out, NotJudged{seen.Omitted}
	}
	engine, err := rules.New(ctx, ofTheDay(folders, seen.Settings, o))
	var load *rules.LoadError
	if errors.As(err, &load) {
		return out, NotJudged{"this program cannot load the rules of that day: " + load.Problems[0].String()}
	} else if err != nil {
		return out, err
	}
	before := facts.Evaluation
	if out.Facts, err = again(ctx, loaded{engine, seen}, facts, saw); err != nil {
		return out, err
	}
	if now := &out.Facts.Evaluation.Policy; now.Digest != before.Policy.Digest {
		out.Engine, now.Digest = true, before.Policy.Digest
	}
	out.Same, err = sameEvaluation(before, out.Facts.Evaluation)
	return out, err
}

// loaded are rules that were compiled for one decision.
type loaded struct {
	engine *rules.Engine
	saw    evidence.Evidence
}

// Evaluate implements [Rules].
func (l loaded) Evaluate(ctx context.Context, pr *gate.PullRequest, _ Saw) (gate.Evaluation, error) {
	return evaluate(ctx, l.engine, &l.saw, pr)
}

// ofTheDay are the options under which the rules ran.
func ofTheDay(folders []evidence.Rules, s evidence.Settings, o Options) rules.Options {
	out := rules.Options{Packs: s.Packs, Scope: s.Scope, Rules: map[string]rules.Setting{}, Parse: o.Parse, Cache: o.Cache}
	for _, f := range folders {
		if !f.Builtin {
			out.Dirs = append(out.Dirs, dirOf(f))
			continue
		}
		out.Version = f.Program
		if len(f.Files) > 0 {
			out.Builtin = dirOf(f).FS
		}
		if out.Packs == nil {
			out.Packs = f.Packs
		}
	}
	for id, r := range s.Rules {
		out.Rules[id] = rules.Setting(r)
	}
	return out
}

func dirOf(r evidence.Rules) rules.Dir {
	files := fstest.MapFS{}
	for name, content := range r.Files {
		files[name] = &fstest.MapFile{Data: content, Mode: 0o444}
	}
	return rules.Dir{Name: r.Name, FS: files}
}

// folders reads the text of the rules.
func (s Saw) folders(seal *evidence.Seal) ([]evidence.Rules, error) {
	if len(s.Rules) == 0 {
		if s.RulesOmitted != "" {
			return nil, NotJudged{s.RulesOmitted}
		}
		return nil, NotJudged{"it was recorded by a version of Gatehouse that did not keep the text of the rules"}
	}
	var out []evidence.Rules
	for _, kept := range s.Rules {
		data, err := s.Read(kept.Digest)
		if err != nil {
			return nil, err
		}
		folder, err := evidence.OpenRules(data, seal)
		if errors.Is(err, evidence.ErrSealed) {
			return nil, NotJudged{fmt.Sprintf("%v; give it with GATEHOUSE_SIGNING_KEY_FILE", err)}
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", kept.Name, err)
		}
		if folder.Name != kept.Name {
			return nil, fmt.Errorf("the rules of %s are kept as those of %s", kept.Name, folder.Name)
		}
		out = append(out, folder)
	}
	return out, nil
}

// sameEvaluation compares to the letter, but for what makes no difference in the record.
func sameEvaluation(a, b gate.Evaluation) (bool, error) {
	one, errA := ledger.Canonical(a)
	two, errB := ledger.Canonical(b)
	return bytes.Equal(one, two), errors.Join(errA, errB)
}
