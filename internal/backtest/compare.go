package backtest

import (
	"cmp"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Difference is how a decision would have come out under the other rules. Its JSON is public.
type Difference struct {
	Before gate.Verdict `json:"before"`
	After  gate.Verdict `json:"after"`

	New  []Finding `json:"new"`  // what the other rules find and the recorded ones did not
	Gone []Finding `json:"gone"` // what the recorded rules found and the others do not

	Asked    []Asked `json:"asked"`     // approvals that would have been asked for, too
	NotAsked []Asked `json:"not_asked"` // approvals that would not have been asked for

	Errors []string `json:"errors,omitempty"` // why the other rules could not judge it
	Older  int      `json:"older,omitempty"`  // how many more findings, or fewer, there would be that the change did not introduce
	Notes  []string `json:"notes,omitempty"`  // what the reader must know to believe it
}

// Finding is one of a difference.
type Finding struct {
	Rule     string `json:"rule"`
	Resource string `json:"resource"`
	Effect   string `json:"effect"` // blocks, warns, unknown or waived
	Message  string `json:"message"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
}

// Asked is a demand for approvals of a difference.
type Asked struct {
	Rule   string `json:"rule,omitempty"`
	Name   string `json:"name"`
	Count  int    `json:"count"`
	Reason string `json:"reason"`
	Met    bool   `json:"met"`
}

// Differs reports whether people would have seen another decision: another verdict, other findings, other approvals. What the change
// did not introduce does not count.
func (d *Difference) Differs() bool {
	return d.Before != d.After || len(d.New)+len(d.Gone)+len(d.Asked)+len(d.NotAsked)+len(d.Errors) > 0
}

// Compare tells two decisions about the same facts apart, of which only the rules differ.
func Compare(before, after *gate.Decision) Difference {
	d := Difference{Before: before.Verdict, After: after.Verdict, Older: after.Summary.Existing - before.Summary.Existing}
	d.Gone, d.New = apart(effects(before), effects(after))
	d.NotAsked, d.Asked = apart(asks(before), asks(after))
	old, now := problems(before), problems(after)
	_, d.Errors = apart(old, now)
	return d
}

// apart gives what is in a alone and what is in b alone, counting.
func apart[T comparable](a, b []T) (onlyA, onlyB []T) {
	n := map[T]int{}
	for _, v := range b {
		n[v]++
	}
	onlyA, onlyB = []T{}, []T{}
	for _, v := range a {
		if n[v] > 0 {
			n[v]--
			continue
		}
		onlyA = append(onlyA, v)
	}
	for _, v := range slices.Backward(b) { // of equal ones the last are too many
		if n[v] > 0 {
			n[v]--
			onlyB = append(onlyB, v)
		}
	}
	slices.Reverse(onlyB)
	return onlyA, onlyB
}

func effects(d *gate.Decision) []Finding {
	var out []Finding
	for i := range d.Findings {
		f := &d.Findings[i]
		effect := "warns"
		switch {
		case f.Status == gate.StatusExisting:
			continue
		case f.Blocks():
			effect = "blocks"
		case f.Status == gate.StatusWaived:
			effect = "waived"
		case f.Unknown:
			effect = "unknown"
		}
		out = append(out, Finding{Rule: f.Rule, Resource: cmp.Or(f.Resource, f.File), Effect: effect, Message: f.Message, File: f.File, Line: f.Line})
	}
	return out
}

func asks(d *gate.Decision) []Asked {
	var out []Asked
	for i := range d.Requirements {
		r := &d.Requirements[i]
		out = append(out, Asked{Rule: r.Rule, Name: r.Name, Count: r.Count, Reason: r.Reason, Met: r.Met})
	}
	return out
}

func problems(d *gate.Decision) []string {
	var out []string
	for _, p := range d.Errors {
		out = append(out, p.String())
	}
	return out
}
