package judge

import (
	"github.com/gatehouse-dev/gatehouse/internal/attest"
	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

// What a worker is asked to do.
const (
	kindJudge    = "judge"
	kindTouched  = "touched"
	kindPlan     = "plan"
	kindSettings = "settings"
	kindSets     = "sets"
	kindAgain    = "again"
)

// How an answer begins: what follows is the answer, or the text of an error that is nobody's fault but ours.
const (
	answerGood   = "+"
	answerFailed = "-"
)

// request is the head of what a worker is asked. Its parts are the listings of the Trees, in their order.
type request struct {
	Kind   string
	Key    []byte   // of the redactor
	Memory int64    // bytes that the worker tries to stay below
	Heap   uint64   // bytes at which a running rule is stopped
	Trees  []string // names

	Judge   *Job              `json:",omitempty"`
	Touched *touched          `json:",omitempty"`
	Plan    *plan             `json:",omitempty"`
	Sets    *document.Options `json:",omitempty"`
	Again   *again            `json:",omitempty"`
}

// touched asks which of several lists of changed paths is the first to touch a project's source.
type touched struct {
	Projects []document.Project
	Dir      string
	Changed  [][]string
}

// plan asks for what may be kept of a plan, whose data the worker asks for.
type plan struct {
	File   string
	Limits document.Limits
}

// reply is the head of a worker's answer, but for that to kindJudge, whose parts are in [Result].
type reply struct {
	First    int                  `json:",omitempty"` // of touched: its place, -1 for none
	Problem  *gate.Problem        `json:",omitempty"` // of plan; without one, the part is what may be kept
	Settings *repoconfig.Policies `json:",omitempty"` // nil: they cannot be read
	Sets     []attest.Set         `json:",omitempty"`
}

// question is what a worker asks.
type question struct {
	Tree  string   `json:",omitempty"` // read Paths of it
	Paths []string `json:",omitempty"`

	Data     *int `json:",omitempty"` // hand over the data of this plan, or whatever there is at this place
	Policies bool `json:",omitempty"` // hand over the folders of rules
	Call     bool `json:",omitempty"` // have the part done by another worker
	Close    bool `json:",omitempty"` // that worker has done what it was to do
}

// found is the head of the answer to a question about files; the parts are their contents.
type found struct {
	Paths []string
	Large map[string]int64 `json:",omitempty"` // files over the limit; then there are no contents
	Limit int64            `json:",omitempty"`
}

// folders is the head of the answer to the question for rules; the parts are the contents of all files, in order.
type folders struct {
	Name  string
	Files []string
}

// called is the head of the answer to a question for another worker; the part is what it answered.
type called struct {
	Death *death `json:",omitempty"`
}

type death struct {
	Reason string
	Limit  bool
}
