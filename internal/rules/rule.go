package rules

import (
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Rule is a rule of the catalogue: its metadata as its author wrote it, with the settings applied.
type Rule struct {
	ID          string              `json:"id"`
	Title       string              `json:"title"`
	Description string              `json:"description,omitempty"`
	Severity    string              `json:"severity"`
	Enforcement string              `json:"enforcement"` // deny, warn or off
	Unknown     string              `json:"unknown"`     // deny or warn
	Remedy      string              `json:"remedy"`
	Pack        string              `json:"pack"`    // built-in pack, or the name of the folder it comes from
	Package     string              `json:"package"` // Rego package
	File        string              `json:"file"`
	Line        int                 `json:"line"`     // of the package declaration
	Inspects    map[string][]string `json:"inspects"` // document kind to types
	References  []string            `json:"references,omitempty"`
	Related     []Related           `json:"related,omitempty"`
	Parameters  []Parameter         `json:"parameters,omitempty"`
	Docs        string              `json:"docs,omitempty"`

	// Off says why the rule is not in force; "" when it is.
	Off string `json:"off,omitempty"`
}

// Related is a link of a rule.
type Related struct {
	Ref         string `json:"ref"`
	Description string `json:"description,omitempty"`
}

// Parameter is a value that a rule leaves to the repository.
type Parameter struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Required    bool   `json:"required,omitempty"`
	Default     any    `json:"default,omitempty"`
	Value       any    `json:"value,omitempty"` // in force: the default or what was set; nil: nothing
}

// docsURL is the page of the built-in rules; a rule's anchor is its id.
const docsURL = "https://github.com/gatehouse-dev/gatehouse/blob/main/docs/rules.md#"

func severities() []string {
	return []string{gate.SeverityCritical, gate.SeverityHigh, gate.SeverityMedium, gate.SeverityLow}
}

// recommended is the enforcement of a rule whose author named none.
func recommended(severity string) string {
	if severity == gate.SeverityCritical || severity == gate.SeverityHigh {
		return gate.EnforceDeny
	}
	return gate.EnforceWarn
}

func recommendedUnknown(severity string) string {
	if severity == gate.SeverityCritical {
		return gate.EnforceDeny
	}
	return gate.EnforceWarn
}

func compareRules(a, b *Rule) int {
	if c := strings.Compare(a.Pack, b.Pack); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// clone copies what a caller could reach and change.
func (r *Rule) clone() Rule {
	c := *r
	c.Inspects = make(map[string][]string, len(r.Inspects))
	for kind, types := range r.Inspects {
		c.Inspects[kind] = slices.Clone(types)
	}
	c.References = slices.Clone(r.References)
	c.Related = slices.Clone(r.Related)
	c.Parameters = slices.Clone(r.Parameters)
	return c
}
