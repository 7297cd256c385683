package judge

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// again asks what other rules say of what was judged before. The worker asks for what they see, as a [Result] that has nothing else.
type again struct {
	PullRequest *gate.PullRequest
	Policies    Policies
}

// Again judges what was judged before under other rules, for example those that a pull request proposes: nobody has agreed to them, so
// source.Repository should be a number that stands for them and not for the repository. Problems are why they do not load, or why the
// worker died; whole says that there are rules of conftest's dialect among them, which judge files.
func (j *Judges) Again(ctx context.Context, source Source, p Policies, in rules.Input) (found gate.Evaluation, whole bool, problems []gate.Problem, err error) {
	saw, err := (&Result{Documents: in.Documents, Files: in.Files}).encode()
	if err != nil {
		return found, false, nil, fmt.Errorf("write down what to judge: %w", err)
	}
	t := &talk{judges: j, source: source, data: [][]byte{saw}, request: request{Kind: kindAgain, Again: &again{in.PullRequest, p}}}
	var result *Result
	death, err := t.run(ctx, func(answer []byte) (err error) {
		result, err = decodeResult(answer)
		return err
	})
	if err != nil {
		return found, false, nil, err
	}
	if death != nil {
		return found, false, []gate.Problem{problem(death, "judging what was judged before")}, nil
	}
	return result.Evaluation, result.Whole, result.Problems, nil
}

func (w *Worker) again(ctx context.Context, j *running) ([]byte, error) {
	a := j.request.Again
	if a == nil {
		return nil, errBroken
	}
	data, err := j.data(0)
	if err != nil {
		return nil, err
	}
	saw, err := decodeResult(data)
	if err != nil {
		return nil, errors.Join(errBroken, err)
	}
	j.watch.Step("compiling the rules")
	engine, problems, err := w.engines.with(j)(ctx, &a.Policies)
	if err != nil {
		return nil, err
	}
	answer := &Result{Problems: problems}
	if engine != nil {
		j.watch.Step("judging")
		answer.Whole = engine.WantsFiles()
		answer.Evaluation = engine.Evaluate(ctx, rules.Input{Documents: saw.Documents, Files: saw.Files, PullRequest: a.PullRequest, Watcher: j.watch})
	}
	return answer.encode()
}
