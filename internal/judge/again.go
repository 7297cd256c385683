package judge

import (
	"context"

	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// again asks what other rules say of what was judged before.
type again struct {
	PullRequest *gate.PullRequest
	Policies    Policies
	Digest      string // of the manifest; "": nothing was there
	Blobs       int    // how many there are to ask for
}

// Again judges what was judged before, which is kept as evidence under a digest, in these blobs, under other rules; for example those
// that a pull request proposes: nobody has agreed to them, so source.Repository should be a number that stands for them and not for the
// repository. Problems are why they do not load, or why the worker died; whole says that there are rules of conftest's dialect among
// them, which judge files.
func (j *Judges) Again(ctx context.Context, source Source, p Policies, pr *gate.PullRequest, digest string, blobs [][]byte) (found gate.Evaluation, whole bool, problems []gate.Problem, err error) {
	t := &talk{judges: j, source: source, data: blobs, request: request{Kind: kindAgain, Again: &again{pr, p, digest, len(blobs)}}}
	var answer answered
	death, err := t.run(ctx, func(message []byte) error {
		_, err := unpack(message, &answer)
		return err
	})
	if err != nil {
		return found, false, nil, err
	}
	if death != nil {
		return found, false, []gate.Problem{problem(death, "judging what was judged before")}, nil
	}
	return answer.Evaluation, answer.Whole, answer.Problems, nil
}

// answered is the answer to again.
type answered struct {
	Evaluation gate.Evaluation
	Whole      bool
	Problems   []gate.Problem
}

func (w *Worker) again(ctx context.Context, j *running) ([]byte, error) {
	a := j.request.Again
	if a == nil {
		return nil, errBroken
	}
	j.watch.Step("reading what was judged before")
	var saw evidence.Evidence
	if a.Digest != "" {
		blobs := map[string][]byte{}
		for i := range a.Blobs {
			data, err := j.data(i)
			if err != nil {
				return nil, err
			}
			blobs[ledger.Digest(data)] = data
		}
		var err error
		saw, err = evidence.Open(a.Digest, func(digest string) ([]byte, error) {
			if data, ok := blobs[digest]; ok {
				return data, nil
			}
			return nil, errBroken
		})
		if err != nil {
			return nil, err
		}
	}
	in := rules.Input{Documents: saw.Documents, PullRequest: a.PullRequest, Watcher: j.watch}
	for _, f := range saw.Files {
		in.Files = append(in.Files, rules.File(f))
	}
	j.watch.Step("compiling the rules")
	engine, problems, err := w.engines.with(j)(ctx, &a.Policies)
	if err != nil {
		return nil, err
	}
	answer := answered{Problems: problems}
	if engine != nil {
		j.watch.Step("judging")
		answer.Whole, answer.Evaluation = engine.WantsFiles(), engine.Evaluate(ctx, in)
	}
	return pack(answer)
}
