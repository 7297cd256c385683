package explain

import (
	"encoding/xml"
	"fmt"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Skipped *junitMessage `xml:"skipped"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit is the decision as a JUnit report: a case for each finding, failed when it blocks, skipped when it is waived or
// older, passed with its message as output when it only warns; and one case for the evaluation, which errors when something
// could not be judged. The only error is one of the XML encoder.
func JUnit(d *gate.Decision) ([]byte, error) {
	suite := junitSuite{Name: "gatehouse"}
	for i := range d.Errors {
		e := &d.Errors[i]
		suite.Cases = append(suite.Cases, junitCase{
			Class: "gatehouse", Name: "evaluation", File: gate.Printable(e.File), Line: e.Line,
			Error: &junitMessage{Message: gate.Printable(e.String()), Type: gate.Printable(e.Code), Text: sentences(e.Message, e.Remedy)},
		})
		suite.Errors++
	}
	if len(d.Errors) == 0 {
		suite.Cases = append(suite.Cases, junitCase{Class: "gatehouse", Name: "evaluation", Output: tallies(d)})
	}
	for i := range d.Findings {
		f := &d.Findings[i]
		c := junitCase{
			Class: gate.Printable(subject(f)), Name: gate.Printable(f.Rule + prefixed(": ", titleOf(f))),
			File: gate.Printable(f.File), Line: f.Line,
		}
		switch {
		case f.Blocks():
			c.Failure = &junitMessage{Message: gate.Printable(f.Message), Type: gate.Printable(f.Severity), Text: sentences(f.Message, f.Remedy)}
			suite.Failures++
		case f.Status == gate.StatusWaived || f.Status == gate.StatusExisting:
			c.Skipped = &junitMessage{Message: gate.Printable(f.Status + ": " + f.Message)}
			suite.Skipped++
		default:
			c.Output = sentences(f.Message, f.Remedy)
		}
		suite.Cases = append(suite.Cases, c)
	}
	suite.Tests = len(suite.Cases)
	out, err := xml.MarshalIndent(junitSuites{
		Name: "gatehouse", Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Suites: []junitSuite{suite},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the JUnit report: %w", err)
	}
	return append([]byte(xml.Header), append(out, '\n')...), nil
}
