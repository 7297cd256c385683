package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// conftest judges files.
func (r *foreignRun) conftest(files []File) {
	c := r.engine.foreign.conftest
	if c == nil || len(files) == 0 {
		return
	}
	if c.combine {
		r.judgeFile(c, combined(files), newStopper(r.ctx, time.Now, r.limits.Memory))
		return
	}
	stoppers := r.stoppers()
	parallel(len(files), func(worker, i int) { r.judgeFile(c, files[i], stoppers[worker]) })
}

// stoppers are one for each worker.
func (r *foreignRun) stoppers() []*stopper {
	out := make([]*stopper, maxWorkers())
	for i := range out {
		out[i] = newStopper(r.ctx, time.Now, r.limits.Memory)
	}
	return out
}

// judgeFile runs every rule on one file, on both sides.
func (r *foreignRun) judgeFile(c *conftest, file File, stop *stopper) {
	if file.After == nil {
		return
	}
	r.count(nil)
	after, before := fileInputs(file.Path, file.After), fileInputs(file.Path, file.Before)
	store := c.store(file.Path)
	var findings []gate.Finding
	for _, rule := range c.rules {
		if r.skip(rule.rule) {
			continue
		}
		done := watching(r.watcher, "", file.Path, ruleName(rule.rule.ID))
		head, err := r.messages(rule, store, after, stop)
		done()
		if errors.Is(err, errJSON) {
			r.unreadable(file.Path, err)
			return
		}
		if err != nil {
			r.failed(rule.rule, file.Path, err)
			continue
		}
		var base []message
		if len(head) > 0 && before != nil && r.engine.options.scope() != ScopeAll {
			if base, err = r.messages(rule, store, before, stop); err != nil {
				base = nil // what the rule could not say about the base counts as new
			}
		}
		for i, status := range messageStatuses(head, base) {
			findings = append(findings, fileFinding(rule, file.Path, head[i], status))
		}
	}
	r.add(findings)
}

func (r *foreignRun) unreadable(file string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, gate.Problem{
		Code: "rules", File: file, Message: clean("cannot be judged: "+err.Error(), 500), Remedy: "Check that the file is complete.",
	})
}

func fileFinding(r *conftestRule, file string, m message, status string) gate.Finding {
	f := gate.Finding{
		Rule: r.rule.ID, Title: r.rule.Title, Severity: r.rule.Severity, Enforcement: r.rule.Enforcement, Status: status,
		Resource: file, Kind: KindFile, File: file, Line: m.line, Message: m.text, Remedy: m.remedy,
	}
	if file == combinedName {
		f.File = ""
	}
	if m.file != "" {
		f.File = path.Clean(m.file)
	}
	if m.severity != "" {
		f.Severity = m.severity
	}
	if r.warns {
		f.Enforcement = gate.EnforceWarn
	}
	return f
}

// messages are what a rule says about all documents of a file, unless an exception takes them back.
func (r *foreignRun) messages(rule *conftestRule, store storage.Store, files []*fileInput, stop *stopper) ([]message, error) {
	var all []message
	for _, file := range files {
		if plan := file.changes(); plan != nil && rule.planwise != nil {
			answer := r.ofPlan(rule, store, file, plan)
			if answer.err != nil {
				return nil, answer.err
			}
			found, err := conftestMessages(answer.set, r.limits)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
			continue
		}
		input, err := file.whole()
		if err != nil {
			return nil, err
		}
		if rule.exception != nil {
			excepted := false
			err := rule.exception.run(r.ctx, store, input, stop, r.limits.RuleTime, func(ast.Value) { excepted = true })
			if err != nil {
				return nil, err
			}
			if excepted {
				continue
			}
		}
		var bad error
		err = rule.value.run(r.ctx, store, input, stop, r.limits.RuleTime, func(v ast.Value) {
			found, err := conftestMessages(v, r.limits)
			if err != nil {
				bad = err
			}
			all = append(all, found...)
		})
		if err == nil {
			err = bad
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// conftestMessages reads the members of a set or list as conftest does: an empty text, and what is neither text nor object, says
// nothing, and neither does a value that is no collection.
func conftestMessages(v ast.Value, limits *Limits) ([]message, error) {
	var members []*ast.Term
	switch v := v.(type) {
	case ast.Set:
		members = v.Slice()
	case *ast.Array:
		for i := range v.Len() {
			members = append(members, v.Elem(i))
		}
	}
	if len(members) > limits.Total {
		return nil, fmt.Errorf("it has %d messages on one document; at most %d are allowed", len(members), limits.Total)
	}
	var out []message
	for _, member := range members {
		switch value := member.Value.(type) {
		case ast.String:
			if value != "" {
				out = append(out, message{text: clean(string(value), limits.Message)})
			}
		case ast.Object:
			m, ok := readMessage(value, "msg", limits)
			if !ok {
				return nil, fmt.Errorf("a result is an object without a text \"msg\"")
			}
			if m.text != "" {
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// combinedName is what conftest calls all files together.
const combinedName = "Combined"

// combined is the one input that --combine makes of all files: a list of {path, contents}, by path.
func combined(files []File) File {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	type part struct {
		Path     string          `json:"path"`
		Contents json.RawMessage `json:"contents"`
	}
	side := func(documents func(*File) []json.RawMessage) []json.RawMessage {
		parts := []part{}
		for i := range files {
			for _, d := range documents(&files[i]) {
				parts = append(parts, part{files[i].Path, d})
			}
		}
		text, err := json.Marshal(parts)
		if err != nil || len(parts) == 0 {
			return nil
		}
		return []json.RawMessage{text}
	}
	return File{
		Path:   combinedName,
		After:  side(func(f *File) []json.RawMessage { return f.After }),
		Before: side(func(f *File) []json.RawMessage { return f.Before }),
	}
}

// store is the rules' data and data.conftest.file, by which conftest tells rules what they judge.
func (c *conftest) store(file string) storage.Store {
	about := ast.ObjectTerm(
		[2]*ast.Term{ast.StringTerm("name"), ast.StringTerm(path.Base(file))},
		[2]*ast.Term{ast.StringTerm("dir"), ast.StringTerm(path.Dir(file))},
	)
	root := ast.NewObject()
	c.data.Foreach(func(k, v *ast.Term) { root.Insert(k, v) })
	root.Insert(ast.StringTerm("conftest"), ast.ObjectTerm([2]*ast.Term{ast.StringTerm("file"), about}))
	return inmem.NewFromASTObject(root)
}
