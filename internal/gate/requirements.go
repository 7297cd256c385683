package gate

import (
	"fmt"
	"slices"
	"strings"
)

// demand is a requirement, and whose approvals count for it although they would not.
type demand struct {
	counts []string
	RequirementResult
}

// requirements collects who must agree: the floor for every change, the configured rules whose conditions hold, and what
// the Rego rules demand.
func (p *people) requirements() []demand {
	f := p.facts
	var out []demand
	if f.Approvals.Required > 0 {
		out = append(out, demand{p.counts(nil), RequirementResult{
			Name: "every change", Reason: everyChange, Count: f.Approvals.Required, From: f.Approvals.From,
		}})
	}
	for _, rule := range f.Approvals.Rules {
		why, ok := rule.When.holds(asked{people: p, facts: f, doubt: true})
		if !ok || rule.Required < 1 {
			continue
		}
		if rule.Unless != nil {
			if _, excepted := rule.Unless.holds(asked{people: p, facts: f}); excepted {
				continue
			}
		}
		out = append(out, demand{p.counts(rule.Count), RequirementResult{Name: rule.Name, Reason: why, Count: rule.Required, From: rule.From}})
	}
	for _, r := range demanded(f.Evaluation.Requirements) {
		out = append(out, demand{p.counts(nil), r})
	}
	return out
}

// counts is whose approvals count for a rule although they would not.
func (p *people) counts(own *[]string) []string {
	if own != nil {
		return *own
	}
	if p.facts.Approvals.CountAuthor {
		return append([]string{CountAuthor}, p.facts.Approvals.Count...)
	}
	return p.facts.Approvals.Count
}

// demanded folds the demands of one rule on the same people into one: the highest count, every reason.
func demanded(reqs []Requirement) []RequirementResult {
	var out []RequirementResult
	var why [][]Requirement
	for _, r := range reqs {
		same := func(o RequirementResult) bool {
			return o.Rule == r.Rule && slices.Equal(o.From.Teams, r.Teams) && slices.Equal(o.From.Users, r.Users)
		}
		if i := slices.IndexFunc(out, same); i >= 0 {
			out[i].Count = max(out[i].Count, r.Count)
			why[i] = append(why[i], r)
			continue
		}
		from := Who{Teams: r.Teams, Users: r.Users}
		if len(r.Teams) == 0 && len(r.Users) == 0 {
			from.Permission = PermissionWrite
		}
		out = append(out, RequirementResult{Name: r.Rule, Count: max(r.Count, 1), From: from, Rule: r.Rule})
		why = append(why, []Requirement{r})
	}
	for i := range out {
		out[i].Reason = reasons(why[i])
	}
	return out
}

// namedResources is how many resources are named with a reason that more of them share: a library of rules that a pull request brings has
// hundreds of files, and each of them is new.
const namedResources = 3

// reasons says why demands are made, each with the resource that it is about.
func reasons(demands []Requirement) string {
	about := map[string][]string{} // by reason
	for _, d := range demands {
		if d.Resource != "" {
			about[d.Reason] = append(about[d.Reason], d.Resource)
		}
	}
	var parts []string
	told := map[string]bool{}
	for _, d := range demands {
		names := about[d.Reason]
		switch {
		case d.Resource == "":
			parts = append(parts, d.Reason)
		case len(names) <= namedResources:
			parts = append(parts, d.Resource+": "+d.Reason)
		case !told[d.Reason]:
			told[d.Reason] = true
			parts = append(parts, fmt.Sprintf("%s and %d more: %s", strings.Join(names[:namedResources], ", "), len(names)-namedResources, d.Reason))
		}
	}
	return strings.Join(parts, "; ")
}

// WithoutModule is a Terraform address without its module path, so that a condition on aws_db_instance.* also holds for one
// that a module makes. Any other name comes back as it is.
func WithoutModule(address string) string {
	for strings.HasPrefix(address, "module.") {
		rest := address[len("module."):]
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			return address
		}
		if rest[end] == '[' {
			close := closingBracket(rest, end)
			if close < 0 || close+1 >= len(rest) || rest[close+1] != '.' {
				return address
			}
			end = close + 1
		}
		address = rest[end+1:]
	}
	return address
}

// closingBracket finds the end of an index such as [0] or ["a.b]\"c"], or -1.
func closingBracket(s string, open int) int {
	quoted := false
	for i := open + 1; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ']' && !quoted:
			return i
		}
	}
	return -1
}

// Action is Terraform's list of actions as one word: replace for delete and create in either order.
func Action(actions []string) string {
	switch len(actions) {
	case 0:
		return "no-op"
	case 1:
		return actions[0]
	}
	return "replace"
}

func verb(actions []string) string {
	switch a := Action(actions); a {
	case "create", "update", "delete", "replace":
		return a + "s"
	case "no-op":
		return "leaves alone"
	default:
		return a + "s"
	}
}

func unknownVersion(v int) Problem {
	return Problem{
		Code:    "internal",
		Message: fmt.Sprintf("the facts have version %d; this program reads version %d", v, FactsVersion),
		Remedy:  "Decide them with the Gatehouse version that recorded them.",
	}
}
