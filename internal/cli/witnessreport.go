package cli

import (
	"fmt"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/witness"
)

// witnessReport is the JSON of the comparison.
type witnessReport struct {
	Compared       int                     `json:"compared"`        // check runs
	WithoutWitness int                     `json:"without_witness"` // check runs whose text says nothing of the log
	GoneCommits    int                     `json:"gone_commits"`    // commits of the log that GitHub does not have
	NotCompared    []string                `json:"not_compared"`    // repositories
	Contradictions []witness.Contradiction `json:"contradictions"`
}

// maxContradictions are told to people; JSON has all.
const maxContradictions = 10

func (c *comparing) report(found []witness.Contradiction, output string) error {
	r := witnessReport{
		Compared: len(c.posted), WithoutWitness: c.bare, GoneCommits: c.gone,
		NotCompared: append([]string{}, c.untouched...), Contradictions: append([]witness.Contradiction{}, found...),
	}
	if output == "json" {
		if err := c.w.printJSON(r); err != nil {
			return err
		}
	} else {
		c.tell(r)
	}
	switch {
	case len(found) > 0:
		return exitError{status: exitFail}
	case len(c.untouched) > 0:
		return exitError{exitOutside, fmt.Errorf("%d repositories could not be compared", len(c.untouched))}
	}
	return nil
}

func (c *comparing) tell(r witnessReport) {
	out := c.w.out
	for _, name := range r.NotCompared {
		fmt.Fprintln(c.w.err, "not compared: "+gate.Printable(name))
	}
	if r.GoneCommits > 0 {
		fmt.Fprintf(c.w.err, "%d commits are not on GitHub any more; what was posted on them cannot be compared\n", r.GoneCommits)
	}
	if r.WithoutWitness > 0 {
		fmt.Fprintf(c.w.err, "%d check runs say nothing of the log\n", r.WithoutWitness)
	}
	if len(r.Contradictions) == 0 {
		fmt.Fprintf(out, "GitHub agrees: %d check runs were compared with the log\n", r.Compared)
		return
	}
	fmt.Fprintf(out, "the audit log does NOT agree with GitHub: %s\n", gate.Printable(r.Contradictions[0].String()))
	fmt.Fprintf(out, "  %s\n", gate.Printable(r.Contradictions[0].URL))
	for _, x := range r.Contradictions[1:min(len(r.Contradictions), maxContradictions)] {
		fmt.Fprintln(out, "also "+gate.Printable(x.String()))
	}
	if n := len(r.Contradictions) - maxContradictions; n > 0 {
		fmt.Fprintf(out, "and %d more; -o json lists them\n", n)
	}
}
