// Package judge is everything that happens to bytes of strangers between git and the decision: plans, manifests, charts and pipelines
// become documents, and the rules judge them. [Judge] does it, a function of bytes, configuration and rules. A server never calls it:
// its [Judges] hand the work to worker processes (see package sandbox), in which a [Worker] calls it.
//
// A worker knows which files both sides of the change have, and asks for the contents of those that it needs; it gets nothing else than
// files of that repository at those commits. What it cannot do itself without risk for the rest of the work, rendering a chart and
// parsing with conftest's parsers, it asks to be done by a second worker, which may die without taking the first along.
//
// The key of the redactor is part of a job, for secret values become tokens before rules see them. With the key, and nowhere to send
// anything, a worker can do no more than tell whether a guess at a secret is right whose token it knows; it gets the secrets of the
// change that it judges anyway.
package judge

import (
	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// Job is a change to judge.
type Job struct {
	Options     document.Options  // without its Redactor and Renderer, which are the worker's own, and without the data of its Plans
	Files       []gate.FileChange // that the pull request changes
	PullRequest *gate.PullRequest
	Policies    Policies

	// Evidence is what the configuration says about rules, to be kept with what they saw. nil: nothing is kept.
	Evidence *evidence.Settings
}

// Policies are rules and how they are in force.
type Policies struct {
	// Key names all of it, the contents of the folders too: of two sets with one key, the first serves for both.
	Key string

	Packs []string // as in [rules.Options]
	Scope string
	Rules map[string]rules.Setting

	// Problems are why there are none. Then nothing is judged.
	Problems []gate.Problem
}

// Folder is a folder of rules outside the built-in packs.
type Folder struct {
	Name  string            // for people
	Files map[string][]byte // path in the folder to content
}

// Result is what came of a job. Everything in it was said by a process that had read hostile input: it is data, of bounded size.
type Result struct {
	Documents []gate.Document `json:"-"` // these three do not leave the worker
	Files     []rules.File    `json:"-"` // whole files, as rules of conftest's dialect saw them
	Whole     bool            `json:"-"` // such rules were in force

	Changes  []gate.Change
	Plans    []gate.Plan
	Missing  []gate.Missing
	Problems []gate.Problem // each one blocks
	Unjudged []gate.Problem

	Evaluation gate.Evaluation
	Kept       *Kept // nil: nothing was there to be judged, or it did not come to that
}

// Kept is what the rules saw, packed to be stored with the decision.
type Kept struct {
	Manifest    []byte            `json:"-"`
	Changes     []byte            `json:"-"` // what happens to each resource, for people
	Differences *diff.Changes     `json:"-"` // the same
	Parts       map[string][]byte `json:"-"` // by digest

	Omitted string // why not all of it is kept; "": it is
	Failed  string // why nothing is kept; "": something is
}
