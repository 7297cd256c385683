package document

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// How to make a plan, at the start of a sentence and within one; the file's name follows.
const (
	makePlan   = "Run terraform plan -out=tfplan && terraform show -json tfplan > "
	remakePlan = "run terraform plan -out=tfplan && terraform show -json tfplan > "
)

// plan is the JSON of a plan, checked to be JSON and cut into its parts, none of them decoded. Format: "JSON Output Format" of
// Terraform's documentation, which OpenTofu shares.
type plan struct {
	data          []byte
	version       []byte // format_version
	changes       []byte // resource_changes
	deferred      []byte // deferred_changes
	outputs       []byte // output_changes
	variables     []byte
	configuration []byte
	planned       []byte // planned_values: only whether it is there
	prior         []byte // prior_state
	errored       []byte
	complete      []byte

	changed, waiting []span // the elements of changes and of deferred
}

// readPlan checks and cuts a plan. The problem says why it is none; file is only for its words. known, if there is any, spares
// checking what it knows.
func readPlan(data []byte, file string, limits Limits, known *recollection) (*plan, *gate.Problem) {
	problem := func(offset int, message, remedy string) *gate.Problem {
		return &gate.Problem{Code: "terraform", File: file, Line: lineAt(data, offset), Message: message, Remedy: remedy}
	}
	if int64(len(data)) > limits.Plan {
		return nil, tooLarge(file, int64(len(data)), limits.Plan, "Split the project into smaller ones, or raise the limit.")
	}
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		return nil, problem(0, "is a plan in Terraform's own binary format, which only Terraform reads",
			"Hand in its JSON: terraform show -json "+file)
	}
	if isPointer(data) {
		return nil, problem(0, pointerError().message, pointerError().remedy)
	}
	content, err := checkText(data)
	if err != nil {
		return nil, problem(0, "is not a Terraform plan: "+err.Error(), makePlan+file)
	}
	p := &plan{data: content}
	s := scanner{data: content, depth: limits.Depth}
	lists := newListReader(&s, known != nil)
	defer lists.stop()
	s.list = func(key []byte, start int) (end int, listed bool, err error) {
		switch text(key) {
		case "resource_changes":
			p.changed, end, err = lists.read(start, known)
		case "deferred_changes":
			p.waiting, end, err = lists.read(start, nil)
		default:
			return 0, false, nil
		}
		return end, true, err
	}
	start := s.space(0)
	if start == len(content) {
		return nil, problem(0, "is empty, so it is no Terraform plan", makePlan+file)
	}
	if content[start] != '{' {
		return nil, problem(start, "is not a Terraform plan: it is not a JSON object", makePlan+file)
	}
	var twice string
	end, err := s.object(start, 0, func(key, keyEnd, value, end int) error {
		if part := p.part(content[key:keyEnd]); part != nil {
			if *part != nil {
				twice = text(content[key:keyEnd])
			}
			*part = content[value:end:end]
		}
		return nil
	})
	if err != nil {
		return nil, planSyntax(content, file, err, limits)
	}
	if p.version == nil && bytes.Contains(content[start:end], []byte(`"@level"`)) {
		return nil, problem(0, "is the log of `terraform plan -json`, not the plan", makePlan+file)
	}
	if rest := s.space(end); rest < len(content) {
		return nil, problem(rest, "is not a Terraform plan: something follows the end of the JSON object", makePlan+file)
	}
	if twice != "" {
		return nil, problem(0, fmt.Sprintf("is not a Terraform plan: it gives %s twice", twice), makePlan+file)
	}
	if message, remedy := p.unusable(); message != "" {
		return nil, problem(0, message, remedy+file)
	}
	return p, nil
}

func (p *plan) part(key []byte) *[]byte {
	switch text(key) {
	case "format_version":
		return &p.version
	case "resource_changes":
		return &p.changes
	case "deferred_changes":
		return &p.deferred
	case "output_changes":
		return &p.outputs
	case "variables":
		return &p.variables
	case "configuration":
		return &p.configuration
	case "planned_values":
		return &p.planned
	case "prior_state":
		return &p.prior
	case "errored":
		return &p.errored
	case "complete":
		return &p.complete
	}
	return nil
}

// unusable says why JSON is no plan that can be judged, and how to begin the remedy; "" when it can.
func (p *plan) unusable() (message, remedy string) {
	if len(p.version) == 0 || p.version[0] != '"' {
		return "is not a Terraform plan: it has no format_version", makePlan
	}
	version := text(p.version)
	major, minor, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(minor); err != nil || major != "0" && major != "1" || major == "0" && n < 1 || n > 2 {
		return fmt.Sprintf("is a plan of format %q; formats 0.1 to 1.2 are understood", version),
			"Use Terraform 0.12 or newer, or OpenTofu, and a Gatehouse that knows its format; then " + remakePlan
	}
	if p.changes == nil && p.planned == nil && p.configuration == nil {
		return "is not a Terraform plan but a state, or a part of a plan", makePlan
	}
	for name, part := range map[string][]byte{"resource_changes": p.changes, "deferred_changes": p.deferred} {
		if part != nil && part[0] != '[' && string(part) != "null" {
			return "is not a Terraform plan: " + name + " is not a list", makePlan
		}
	}
	for name, part := range map[string][]byte{
		"configuration": p.configuration, "variables": p.variables, "output_changes": p.outputs, "prior_state": p.prior,
	} {
		if part != nil && part[0] != '{' && string(part) != "null" {
			return "is not a Terraform plan: " + name + " is not an object", makePlan
		}
	}
	if string(p.errored) == "true" {
		return "is no plan: the run that made it failed", "Mend the error that terraform plan prints, then " + remakePlan
	}
	return "", ""
}

// incomplete is the problem of a plan that leaves things out.
func (p *plan) incomplete(file string) *gate.Problem {
	if string(p.complete) != "false" {
		return nil
	}
	return &gate.Problem{
		Code: "terraform", File: file, Message: "is not a complete plan: some changes are left for a later run",
		Remedy: "Plan without -target and without deferred changes; " + remakePlan + file,
	}
}

func planSyntax(data []byte, file string, err error, limits Limits) *gate.Problem {
	var syntax *syntaxError
	if !errors.As(err, &syntax) {
		return &gate.Problem{Code: "internal", File: file, Message: "could not be read: " + err.Error()}
	}
	line := lineAt(data, syntax.offset)
	switch {
	case syntax.depth:
		return &gate.Problem{
			Code: "limit", File: file, Line: line,
			Message: fmt.Sprintf("nests values more than %d deep, which is the limit", limits.Depth), Remedy: remakePlan + file,
		}
	case syntax.offset >= len(data):
		return &gate.Problem{
			Code: "terraform", File: file, Line: line,
			Message: "is not a whole Terraform plan: it is cut off in the middle of a value", Remedy: remakePlan + file,
		}
	}
	return &gate.Problem{
		Code: "terraform", File: file, Line: line,
		Message: "is not a Terraform plan: it is not valid JSON: " + syntax.what, Remedy: remakePlan + file,
	}
}

func tooLarge(file string, size, limit int64, remedy string) *gate.Problem {
	return &gate.Problem{
		Code: "limit", File: file, Remedy: remedy,
		Message: fmt.Sprintf("has %d bytes, more than the limit of %d", size, limit),
	}
}

// LooksLikePlan reports whether JSON is probably a plan, without reading it.
func LooksLikePlan(data []byte) bool {
	head := data[:min(len(data), 1<<12)]
	return bytes.Contains(head, []byte(`"format_version"`)) &&
		(bytes.Contains(data, []byte(`"resource_changes"`)) || bytes.Contains(data, []byte(`"planned_values"`)))
}
