package judge

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/attest"
	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// Names of the trees of a request.
const (
	treeHead = "head"
	treeBase = "base"
)

// Limits of the workers that judge. Charts and files of conftest's formats have workers of their own, with the limits that package
// sandbox has by default.
const (
	DefaultMemory = 2 << 30
	maxTime       = 4 * time.Minute
)

// Options are what Judges are made of. The zero value of a field but Key is its default.
type Options struct {
	Key    []byte             // of the redactor: 32 bytes, the same for the life of the installation
	Memory int64              // bytes that one worker may take; 2 GiB
	Time   time.Duration      // that one request may take, of the processor and of the clock; 4 minutes
	Pool   sandbox.PoolLimits // of the workers that are kept

	// Died, if given, is told of each worker that ended instead of answering, also of those whose request is tried again.
	Died func(repository int64, d *sandbox.Death)
}

// Judges have changes judged by worker processes. They are safe for concurrent use and must be closed.
type Judges struct {
	key     []byte
	limits  sandbox.Limits
	pool    *sandbox.Pool
	helpers *sandbox.Workers
	died    func(repository int64, d *sandbox.Death)
}

// New makes Judges. No process is started yet.
func New(o Options) (*Judges, error) {
	o.Memory, o.Time = cmp.Or(o.Memory, DefaultMemory), cmp.Or(o.Time, maxTime)
	limits := sandbox.Limits{Memory: o.Memory, CPU: o.Time, Wall: o.Time, Answer: o.Memory / 8}
	workers, err := sandbox.New(limits)
	if err != nil {
		return nil, err
	}
	helpers, err := sandbox.New(sandbox.Limits{})
	if err != nil {
		return nil, err
	}
	return &Judges{key: slices.Clone(o.Key), limits: limits, pool: sandbox.NewPool(workers, o.Pool), helpers: helpers, died: o.Died}, nil
}

// Close ends the workers that wait for work. Those at work end with their context.
func (j *Judges) Close() { j.pool.Close() }

// Source is what the worker of a job may ask for.
type Source struct {
	Repository int64         // whose the job is: workers are never shared between repositories
	Head, Base document.Tree // Base may be nil
	Folders    func(ctx context.Context) ([]Folder, error)
}

// Judge judges a change. A worker that dies or meets a limit is a problem in the result, which says what it was doing. The error is the
// source's, the context's, or says that there can be no workers.
func (j *Judges) Judge(ctx context.Context, job Job, source Source) (*Result, error) {
	t := &talk{judges: j, source: source, request: request{Kind: kindJudge, Judge: &job}}
	job.Options.Redactor, job.Options.Renderer = nil, nil
	job.Options.Plans = slices.Clone(job.Options.Plans)
	for i := range job.Options.Plans {
		t.data = append(t.data, job.Options.Plans[i].Data)
		job.Options.Plans[i].Data = nil
	}
	var result *Result
	death, err := t.run(ctx, func(answer []byte) (err error) {
		result, err = decodeResult(answer)
		return err
	})
	if err != nil {
		return nil, err
	}
	if death != nil {
		return &Result{Problems: []gate.Problem{problem(death, "judging what the pull request changes")}}, nil
	}
	return result, nil
}

// Touched gives the place of the first list of changed paths that touches the source of the Terraform project in dir, in either tree, -1
// when none does. An empty list touches nothing.
func (j *Judges) Touched(ctx context.Context, source Source, projects []document.Project, dir string, changed [][]string) (int, error) {
	t := &talk{judges: j, source: source, request: request{Kind: kindTouched, Touched: &touched{projects, dir, changed}}}
	var answer reply
	death, err := t.run(ctx, answer.decode)
	switch {
	case err != nil:
		return 0, err
	case death != nil:
		// Nobody can tell. The plan is then taken for overtaken, which costs a new one.
		return 0, nil
	case answer.First < -1 || answer.First >= len(changed):
		return 0, fmt.Errorf("look for what %s is made of: the worker's answer makes no sense", dir)
	}
	return answer.First, nil
}

// Plan makes of a plan what may be kept of it; see [document.Redactor.Plan].
func (j *Judges) Plan(ctx context.Context, repository int64, data []byte, file string, limits document.Limits) ([]byte, *gate.Problem, error) {
	t := &talk{
		judges: j, source: Source{Repository: repository}, data: [][]byte{data},
		request: request{Kind: kindPlan, Plan: &plan{file, limits}},
	}
	var answer reply
	var kept []byte
	death, err := t.run(ctx, func(message []byte) error {
		parts, err := unpack(message, &answer)
		if err == nil && len(parts) == 1 {
			kept = parts[0]
		}
		return err
	})
	switch {
	case err != nil:
		return nil, nil, err
	case death != nil:
		p := gate.Problem{Code: "terraform", File: file, Message: "cannot be read: " + gate.Printable(death.Error()), Remedy: "Split the project into smaller ones."}
		return nil, &p, nil
	case answer.Problem != nil:
		return nil, answer.Problem, nil
	case kept == nil:
		return nil, nil, fmt.Errorf("read %s: the worker's answer makes no sense", file)
	}
	return kept, nil, nil
}

// Settings is what a gate file of a pull request says about policies; ok is false when it cannot be read.
func (j *Judges) Settings(ctx context.Context, repository int64, data []byte) (settings repoconfig.Policies, ok bool, err error) {
	t := &talk{judges: j, source: Source{Repository: repository}, data: [][]byte{data}, request: request{Kind: kindSettings}}
	var answer reply
	death, err := t.run(ctx, answer.decode)
	if err != nil || death != nil || answer.Settings == nil {
		return settings, false, err
	}
	return *answer.Settings, true, nil
}

// Sets names the sets of manifests of a tree, with [attest.Sets]. A worker that dies is an error.
func (j *Judges) Sets(ctx context.Context, source Source, options document.Options) ([]attest.Set, error) {
	options.Redactor, options.Renderer = nil, nil
	t := &talk{judges: j, source: source, request: request{Kind: kindSets, Sets: &options}}
	var answer reply
	death, err := t.run(ctx, answer.decode)
	if err != nil {
		return nil, err
	}
	if death != nil {
		return nil, fmt.Errorf("name the manifests: %w", death)
	}
	return answer.Sets, nil
}

// Try tries rules that a pull request proposes: their tests are programs of whoever opened it. It has a worker to itself.
func (j *Judges) Try(ctx context.Context, p rules.Proposal) ([]gate.Problem, error) {
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
	session := j.helpers.Session()
	defer session.Close()
	answer, err := session.Call(ctx, request)
	var death *sandbox.Death
	switch {
	case errors.As(err, &death):
		return cannot(death.Error()), nil
	case err != nil:
		return nil, err
	}
	var problems []gate.Problem
	if err := strict(answer, &problems); err != nil {
		return cannot("the worker's answer cannot be read"), nil //nolint:nilerr // it is told to people
	}
	return problems, nil
}

func (r *reply) decode(message []byte) error {
	_, err := unpack(message, r)
	return err
}

// problem is a death as people read it. The title of a check is short, so what was being done comes first.
func problem(d *sandbox.Death, what string) gate.Problem {
	doing := gate.Shorten(gate.Printable(strings.ToValidUTF8(d.Doing, "?")), 300)
	if d.Limit {
		return gate.Problem{
			Code: "limit", Message: cmp.Or(doing, what) + " " + gate.Printable(d.Reason) + ", at which a worker process is ended",
			Remedy: "Look there for what repeats itself without end or grows without bound, or split the change.",
		}
	}
	p := gate.Problem{
		Code: "internal", Message: what + " failed: " + gate.Printable(d.Error()),
		Remedy: "Comment `/gatehouse recheck` to try again; if it stays so, look at what was being worked on.",
	}
	if doing != "" {
		p.Message += " while it was " + doing
	}
	return p
}

// talk is one request and what its worker may ask meanwhile.
type talk struct {
	judges  *Judges
	source  Source
	request request
	data    [][]byte

	helper    *sandbox.Session // for what may end a worker
	served    int64            // bytes of files
	helped    time.Duration    // that helpers have worked
	questions int
}

// run has the request answered, and takes the answer. A death that may be of an accident, or of what an earlier request has left, is given
// a second worker.
func (t *talk) run(ctx context.Context, take func(answer []byte) error) (*sandbox.Death, error) {
	limits := t.judges.limits
	t.request.Key, t.request.Memory, t.request.Heap = t.judges.key, limits.Memory/2, uint64(limits.Memory/8*5) //nolint:gosec // not negative
	var parts [][]byte
	for _, tree := range []struct {
		name string
		tree document.Tree
	}{{treeHead, t.source.Head}, {treeBase, t.source.Base}} {
		if tree.tree != nil {
			t.request.Trees = append(t.request.Trees, tree.name)
			parts = append(parts, listing(tree.tree))
		}
	}
	message, err := pack(t.request, parts...)
	if err != nil {
		return nil, fmt.Errorf("write down what to do: %w", err)
	}
	message = append([]byte(magic), message...)
	for again := true; ; again = false {
		fresh, err := t.once(ctx, message, take)
		var death *sandbox.Death
		if !errors.As(err, &death) {
			return nil, err
		}
		if t.judges.died != nil {
			t.judges.died(t.source.Repository, death)
		}
		if !again || fresh && death.Limit {
			return death, nil
		}
	}
}

// once has the request answered by one worker; fresh says that it had not done anything before. A worker whose answer is none is not asked
// again.
func (t *talk) once(ctx context.Context, message []byte, take func(answer []byte) error) (fresh bool, err error) {
	key := strconv.FormatInt(t.source.Repository, 10)
	session := t.judges.pool.Take(key)
	defer func() { t.judges.pool.Give(key, session) }()
	t.helper, t.served, t.helped, t.questions = t.judges.helpers.Session(), 0, 0, 0
	defer t.helper.Close()
	fresh = session.Served() == 0
	answer, err := session.Talk(ctx, message, t.answer)
	if err != nil {
		return fresh, err
	}
	if failure, ok := bytes.CutPrefix(answer, []byte(answerFailed)); ok {
		session.Close()
		return fresh, fmt.Errorf("the worker process: %s", gate.Shorten(gate.Printable(strings.ToValidUTF8(string(failure), "?")), 1000))
	}
	if good, ok := bytes.CutPrefix(answer, []byte(answerGood)); !ok || take(good) != nil {
		session.Close()
		return fresh, &sandbox.Death{Reason: "answered with something that is no answer"}
	}
	return fresh, nil
}
