package explain

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Rule is what a report says of a rule besides its findings.
type Rule struct {
	ID, Title, Description, Severity, Remedy, Docs string
	Tags                                           []string
}

// SARIF is the decision as a SARIF 2.1.0 log. Rules that are given are described in it; a finding of another rule is
// described from the finding. Waived findings are suppressed, older ones unchanged against the baseline; an evaluation that
// did not succeed is a tool notification, so that an empty list of results is not read as "nothing wrong".
func SARIF(d *gate.Decision, rules []Rule) ([]byte, error) {
	run := sarif.NewRunWithInformationURI("Gatehouse", "https://github.com/gatehouse-dev/gatehouse")
	index := map[string]int{}
	describe := func(r Rule) {
		if _, ok := index[r.ID]; ok {
			return
		}
		index[r.ID] = len(index)
		sarifRule(run.AddRule(r.ID), r)
	}
	for _, r := range rules {
		describe(r)
	}
	for i := range d.Findings {
		f := &d.Findings[i]
		describe(Rule{ID: f.Rule, Title: f.Title, Severity: f.Severity, Remedy: f.Remedy, Docs: f.Docs})
		run.AddResult(sarifResult(f, index[f.Rule]))
	}
	run.AddInvocation(sarifInvocation(d))
	report := sarif.NewReport()
	report.AddRun(run)
	return compact(report)
}

func sarifRule(to *sarif.ReportingDescriptor, r Rule) {
	if r.Title != "" {
		to.WithShortDescription(sarifText(r.Title))
	}
	if r.Description != "" {
		to.WithFullDescription(sarifText(r.Description))
	}
	if r.Remedy != "" {
		to.WithHelp(sarifText(r.Remedy))
	}
	if r.Docs != "" {
		to.WithHelpURI(r.Docs)
	}
	props := sarif.NewPropertyBag().Add("severity", r.Severity)
	score := map[string]string{
		gate.SeverityCritical: "9.5", gate.SeverityHigh: "8.0", gate.SeverityMedium: "5.5", gate.SeverityLow: "2.0",
	}[r.Severity]
	if score != "" {
		props.Add("security-severity", score) // what GitHub sorts by
	}
	props.WithTags(append([]string{"security"}, r.Tags...))
	to.WithProperties(props)
}

func sarifText(s string) *sarif.MultiformatMessageString {
	return &sarif.MultiformatMessageString{Text: ptr(gate.Printable(s))}
}

func ptr[T any](v T) *T { return &v }

func sarifResult(f *gate.Finding, rule int) *sarif.Result {
	message := gate.Printable(subject(f)) + ": " + sentences(f.Message, f.Remedy)
	level := map[string]string{"failure": "error", "warning": "warning"}[level(f)]
	if level == "" {
		level = "note"
	}
	r := sarif.NewRuleResult(f.Rule).WithRuleIndex(rule).WithLevel(level).WithMessage(sarif.NewTextMessage(message))
	if loc := sarifLocation(f.File, f.Line); loc != nil {
		r.AddLocation(loc.WithLogicalLocations([]*sarif.LogicalLocation{sarifName(f)}))
	} else {
		r.AddLocation(sarif.NewLocation().WithLogicalLocations([]*sarif.LogicalLocation{sarifName(f)}))
	}
	switch f.Status {
	case gate.StatusNew:
		r.WithBaselineState("new")
	case gate.StatusWorse:
		r.WithBaselineState("updated")
	case gate.StatusExisting:
		r.WithBaselineState("unchanged")
	case gate.StatusWaived:
		why := ""
		if f.Waiver != nil {
			why = gate.Printable(fmt.Sprintf("%s (%s, until %s)", f.Waiver.Reason, f.Waiver.Owner, f.Waiver.Expires))
		}
		r.AddSuppression(sarif.NewSuppression().WithKind("external").WithJustification(why))
	}
	return r.WithPartialFingerprints(map[string]string{"gatehouse/v1": fingerprint(f)}).
		WithProperties(sarif.NewPropertyBag().Add("severity", f.Severity).Add("status", f.Status).Add("unknown", f.Unknown))
}

func sarifName(f *gate.Finding) *sarif.LogicalLocation {
	name := gate.Printable(subject(f))
	if f.Path != "" {
		return sarif.NewLogicalLocation().WithFullyQualifiedName(name + "#" + gate.Printable(f.Path)).WithKind("resource")
	}
	return sarif.NewLogicalLocation().WithFullyQualifiedName(name).WithKind("resource")
}

// fingerprint stays the same when lines move or the message is reworded.
func fingerprint(f *gate.Finding) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Rule, f.Kind, f.Resource, f.File, f.Path}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// sarifLocation is nil without a file. A whole file is its first line: GitHub wants a region.
func sarifLocation(file string, line int) *sarif.Location {
	if file == "" {
		return nil
	}
	file = gate.Printable(file)
	if strings.HasPrefix(file, "//") { // else a URL of the host after it
		file = "/" + strings.TrimLeft(file, "/")
	}
	parts := strings.Split(file, "/")
	for i := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(parts[i]), ":", "%3A") // else a URL of the scheme before it
	}
	line = max(line, 1)
	return sarif.NewLocationWithPhysicalLocation(sarif.NewPhysicalLocation().
		WithArtifactLocation(sarif.NewSimpleArtifactLocation(strings.Join(parts, "/"))).
		WithRegion(sarif.NewSimpleRegion(line, line)))
}

func sarifInvocation(d *gate.Decision) *sarif.Invocation {
	inv := sarif.NewInvocation().WithExecutionSuccessful(len(d.Errors) == 0)
	for i := range d.Errors {
		e := &d.Errors[i]
		n := sarif.NewNotification().WithLevel("error").WithMessage(sarif.NewTextMessage(sentences(e.Message, e.Remedy)))
		if loc := sarifLocation(e.File, e.Line); loc != nil {
			n.AddLocation(loc)
		}
		inv.AddToolExecutionNotification(n)
	}
	return inv
}

// compact leaves out what the library writes for "not said" (empty lists, -1), which is most of its output. The lists that
// SARIF wants to see even when empty stay.
func compact(report *sarif.Report) ([]byte, error) {
	raw, err := json.Marshal(report)
	if err != nil {
		return nil, fmt.Errorf("writing the SARIF log: %w", err)
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("writing the SARIF log: %w", err)
	}
	prune(tree)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(tree); err != nil {
		return nil, fmt.Errorf("writing the SARIF log: %w", err)
	}
	return b.Bytes(), nil
}

func prune(m map[string]any) {
	for key, v := range m {
		switch v := v.(type) {
		case map[string]any:
			prune(v)
			if len(v) == 0 {
				delete(m, key)
			}
		case []any:
			for _, item := range v {
				if inner, ok := item.(map[string]any); ok {
					prune(inner)
				}
			}
			if len(v) == 0 && key != "results" && key != "rules" {
				delete(m, key)
			}
		case float64:
			if v == -1 {
				delete(m, key)
			}
		}
	}
}
