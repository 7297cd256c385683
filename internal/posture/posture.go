// Package posture judges how a branch is protected on GitHub: whether the gate's check is required there, pinned to its App, and
// binding for everybody. It is pure: what was read about a branch goes in, findings come out. What could not be read is unknown,
// and never taken for fine.
package posture

import (
	"fmt"
	"slices"
	"strings"
)

// CheckName is the check that a protected branch must require.
const CheckName = "gatehouse"

// A Check is a required status check. AppID is the App that it must come from; 0: anybody with write access may post it.
type Check struct {
	Name  string
	AppID int64
}

// Classic is the classic protection of a branch.
type Classic struct {
	Checks        []Check
	EnforceAdmins bool
	// Partial says that GitHub showed the required checks and whether administrators are included, and nothing else.
	Partial      bool
	PullRequest  bool
	Reviews      int // approving reviews
	DismissStale bool
	Without      []string // who may push without a pull request
	AllowForce   bool
	AllowDelete  bool
}

// An Actor may bypass a ruleset. Type and Mode are in GitHub's words; Mode is always, pull_request or exempt.
type Actor struct {
	Type string
	ID   int64
	Mode string
}

// A Ruleset is a ruleset of the repository or of its organisation, as far as it is about this branch.
type Ruleset struct {
	ID           int64
	Name         string
	Source       string // repository or organisation that it belongs to
	Enforcement  string // active, evaluate, disabled
	Applies      bool   // GitHub counts it among the rules of the branch
	Checks       []Check
	PullRequest  bool
	Reviews      int
	DismissStale bool
	BlockForce   bool
	BlockDelete  bool
	Bypass       []Actor
	BypassKnown  bool // GitHub shows who may bypass a ruleset only to those who may change it
}

// Branch is everything that was read about the protection of a branch.
type Branch struct {
	Repository string // owner/name
	Name       string
	Default    bool
	Classic    *Classic // nil: there is none, or it could not be read
	Rulesets   []Ruleset
	Unread     []string // what could not be read, and what to do about it: sentences
}

// State of a finding: what is the worst of several is the greatest.
type State string

// The states, from best to worst.
const (
	OK      State = "ok"
	Unknown State = "unknown"
	Problem State = "problem"
)

// Worse is the worse of two states.
func (s State) Worse(other State) State {
	order := []State{OK, Unknown, Problem}
	if slices.Index(order, other) > slices.Index(order, s) {
		return other
	}
	return s
}

// What is looked at, in the order of a report.
const (
	Required       = "required"       // the check must have passed before anything lands
	Pinned         = "pinned"         // only this App can give it
	Administrators = "administrators" // are bound by it, too
	Bypass         = "bypass"         // nobody else is excepted
	Reviews        = "reviews"        // a pull request with an approving review is needed
	Stale          = "stale"          // new commits end approvals
	ForcePush      = "force-push"     // is off
	Deletion       = "deletion"       // is off
)

// A Finding is one point of a report.
type Finding struct {
	Point string `json:"point"`
	State State  `json:"state"`
	Says  string `json:"says"`         // what is the case, a sentence
	Do    string `json:"do,omitempty"` // what to do about it
}

// A Report is the judgement on one branch.
type Report struct {
	Repository string    `json:"repository"`
	Branch     string    `json:"branch"`
	Default    bool      `json:"default"`
	State      State     `json:"state"` // the worst of the findings
	Findings   []Finding `json:"findings"`
}

// Judge holds a branch against what makes the gate binding. app is the id of the gate's App.
func Judge(b Branch, app int64) Report {
	j := judge{branch: b, app: app}
	j.collect()
	r := Report{Repository: b.Repository, Branch: b.Name, Default: b.Default, State: OK}
	for _, point := range []func() Finding{j.required, j.pinned, j.administrators, j.bypass, j.reviews, j.stale, j.forcePush, j.deletion} {
		f := point()
		if f.State == OK {
			f.Do = ""
		}
		r.State = r.State.Worse(f.State)
		r.Findings = append(r.Findings, f)
	}
	return r
}

// Gone is the report on a branch that the App can no longer see, and why.
func Gone(repository, branch string, isDefault bool, why string) Report {
	return Report{Repository: repository, Branch: branch, Default: isDefault, State: Problem, Findings: []Finding{{
		Point: Required, State: Problem, Says: why, Do: "Install the App on " + repository + " again; until then nothing judges its pull requests.",
	}}}
}

// Point is a finding of the report by its name; the zero Finding when there is none.
func (r Report) Point(name string) Finding {
	for _, f := range r.Findings {
		if f.Point == name {
			return f
		}
	}
	return Finding{}
}

// Changed are the points on which two reports differ, in the order of the newer one.
func Changed(before, after Report) []string {
	var out []string
	for _, f := range after.Findings {
		if before.Point(f.Point) != f {
			out = append(out, f.Point)
		}
	}
	for _, f := range before.Findings {
		if after.Point(f.Point).Point == "" {
			out = append(out, f.Point)
		}
	}
	return out
}

// Summary is the report in one line: the points that are not ok.
func (r Report) Summary() string {
	var problems, unknown []string
	for _, f := range r.Findings {
		switch f.State {
		case Problem:
			problems = append(problems, f.Point)
		case Unknown:
			unknown = append(unknown, f.Point)
		}
	}
	switch {
	case len(problems) > 0 && len(unknown) > 0:
		return fmt.Sprintf("not as it should be: %s; unknown: %s", strings.Join(problems, ", "), strings.Join(unknown, ", "))
	case len(problems) > 0:
		return "not as it should be: " + strings.Join(problems, ", ")
	case len(unknown) > 0:
		return "unknown: " + strings.Join(unknown, ", ")
	}
	return "the check binds everybody"
}
