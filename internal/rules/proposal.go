package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing/fstest"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// A Proposal is rules that somebody would like to have in force, with the settings that they would be under. Trying it runs their
// tests, which are programs of strangers: a server does that in a worker process.
type Proposal struct {
	Kind  string             `json:"kind"` // proposalKind, so that a worker knows what it is asked
	Dirs  []ProposedDir      `json:"dirs"`
	Packs []string           `json:"packs"`
	Rules map[string]Setting `json:"rules"`
}

// ProposedDir is a folder of a proposal.
type ProposedDir struct {
	Name  string            `json:"name"`
	Files map[string][]byte `json:"files"` // path in the folder to content
}

const (
	proposalKind = "gatehouse proposal 1"
	proposalTime = 20 * time.Second

	// maxProposalProblems is how many are told; who mends these sees the others afterwards.
	maxProposalProblems = 50
)

// Request is the proposal as a worker is asked to try it; see [AnswerProposal].
func (p Proposal) Request() ([]byte, error) {
	p.Kind = proposalKind
	return json.Marshal(p)
}

// AnswerProposal is the worker's side: it tries the proposal in a request and answers with the JSON of its problems. ok is false when
// the request is for somebody else.
func AnswerProposal(ctx context.Context, builtin fs.FS, parse Parse, request []byte) (answer []byte, ok bool) {
	var p Proposal
	if err := json.Unmarshal(request, &p); err != nil || p.Kind != proposalKind {
		return nil, false
	}
	answer, err := json.Marshal(p.Try(ctx, builtin, parse))
	if err != nil { // plain texts: cannot fail
		return []byte(`[{"code":"internal","message":"the answer cannot be written"}]`), true
	}
	return answer, true
}

// Try loads the rules beside the built-in ones, checks their metadata and Rego, and runs their tests and examples. The problems name
// file and line. parse is [Options.Parse].
func (p Proposal) Try(ctx context.Context, builtin fs.FS, parse Parse) []gate.Problem {
	ctx, cancel := context.WithTimeout(ctx, proposalTime)
	defer cancel()
	var dirs []Dir
	for _, d := range p.Dirs {
		files := fstest.MapFS{}
		for name, data := range d.Files {
			files[name] = &fstest.MapFile{Data: data, Mode: 0o444}
		}
		dirs = append(dirs, Dir{Name: d.Name, FS: files})
	}
	options := Options{Builtin: builtin, Packs: p.Packs, Rules: p.Rules, Dirs: dirs, Parse: parse}
	_, err := New(ctx, options)
	problems := problemsOf(err)
	if len(problems) == 0 {
		problems = Lint(Options{Builtin: builtin, Packs: []string{}, Dirs: dirs})
	}
	if len(problems) == 0 {
		problems = failedCases(RunTests(ctx, Options{Builtin: builtin, Packs: []string{}, Dirs: dirs, Parse: parse}))
	}
	if ctx.Err() != nil {
		problems = append(problems, gate.Problem{
			Code: "rules", Message: fmt.Sprintf("the tests of the rules take longer than %s", proposalTime),
			Remedy: "Find the slow one with \"gatehouse rules test\".",
		})
	}
	problems = slices.Compact(problems)
	if n := len(problems) - maxProposalProblems; n > 0 {
		problems = append(problems[:maxProposalProblems:maxProposalProblems], gate.Problem{
			Code: "rules", Message: fmt.Sprintf("%d more things are wrong with the rules", n), Remedy: "\"gatehouse rules test\" tells them all.",
		})
	}
	return problems
}

// problemsOf gives the problems in an error of loading rules.
func problemsOf(err error) []gate.Problem {
	var load *LoadError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &load):
		return load.Problems
	}
	return []gate.Problem{{Code: "rules", Message: clean(err.Error(), 500), Remedy: compileRemedy}}
}

// failedCases gives a problem for every test and example that did not come out as it should.
func failedCases(report Report, err error) []gate.Problem {
	problems := problemsOf(err)
	for _, c := range report.Cases {
		if c.Failure != "" && !c.Elsewhere { // a file of the repository is not here; who runs the tests there sees whether they pass
			what := "test"
			if c.Example {
				what = "example"
			}
			problems = append(problems, gate.Problem{
				Code: "rules", File: c.File, Line: c.Line, Message: clean(fmt.Sprintf("the %s %q fails: %s", what, c.Name, c.Failure), 1000),
				Remedy: "Mend the rule or what is expected of it; \"gatehouse rules test DIR\" runs it without a pull request.",
			})
		}
	}
	return problems
}
