package gate

import (
	"fmt"
	"slices"
	"strings"
)

// requirements collects who must agree: the floor for every change, the configured rules whose conditions hold, and what
// the Rego rules demand.
func requirements(f *Facts) []RequirementResult {
	out := []RequirementResult{}
	if f.Approvals.Required > 0 {
		out = append(out, RequirementResult{
			Name: "every change", Reason: "every change needs it", Count: f.Approvals.Required, From: f.Approvals.From,
		})
	}
	for _, rule := range f.Approvals.Rules {
		if why, ok := rule.When.holds(f); ok && rule.Required > 0 {
			out = append(out, RequirementResult{Name: rule.Name, Reason: why, Count: rule.Required, From: rule.From})
		}
	}
	return append(out, demanded(f.Evaluation.Requirements)...)
}

// demanded folds the demands of one rule on the same people into one: the highest count, every reason.
func demanded(reqs []Requirement) []RequirementResult {
	var out []RequirementResult
	for _, r := range reqs {
		reason := r.Reason
		if r.Resource != "" {
			reason = r.Resource + ": " + r.Reason
		}
		same := func(o RequirementResult) bool {
			return o.Rule == r.Rule && slices.Equal(o.From.Teams, r.Teams) && slices.Equal(o.From.Users, r.Users)
		}
		if i := slices.IndexFunc(out, same); i >= 0 {
			out[i].Count = max(out[i].Count, r.Count)
			out[i].Reason += "; " + reason
			continue
		}
		from := Who{Teams: r.Teams, Users: r.Users}
		if len(r.Teams) == 0 && len(r.Users) == 0 {
			from.Permission = PermissionWrite
		}
		out = append(out, RequirementResult{Name: r.Rule, Reason: reason, Count: max(r.Count, 1), From: from, Rule: r.Rule})
	}
	return out
}

// holds reports whether all the conditions hold, and says which part of the change made them.
func (w When) holds(f *Facts) (why string, ok bool) {
	var reasons []string
	if len(w.Paths) > 0 {
		path, ok := firstPath(w.Paths, f.Files)
		if !ok {
			return "", false
		}
		reasons = append(reasons, "it changes "+path)
	}
	if len(w.Resources)+len(w.Actions)+len(w.Environments) > 0 {
		i := slices.IndexFunc(f.Changes, w.matches)
		if i < 0 {
			return "", false
		}
		c := f.Changes[i]
		reason := fmt.Sprintf("it %s %s", verb(c.Actions), c.Resource)
		if c.Environment != "" {
			reason += " in " + c.Environment
		}
		reasons = append(reasons, reason)
	}
	if len(reasons) == 0 {
		return "every change needs it", true
	}
	return strings.Join(reasons, " and "), true
}

// matches reports whether one change meets the conditions on resources, actions and environments together.
func (w When) matches(c Change) bool {
	if len(w.Resources) > 0 && !matchAny(w.Resources, c.Resource) && !matchAny(w.Resources, WithoutModule(c.Resource)) {
		return false
	}
	if len(w.Environments) > 0 && !slices.Contains(w.Environments, c.Environment) {
		return false
	}
	return len(w.Actions) == 0 || slices.Contains(w.Actions, Action(c.Actions))
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

// firstPath is the first changed path, under its old or new name, that one of the globs matches.
func firstPath(globs []string, files []FileChange) (string, bool) {
	for _, f := range files {
		if matchAny(globs, f.Path) {
			return f.Path, true
		}
		if f.OldPath != "" && matchAny(globs, f.OldPath) {
			return f.OldPath, true
		}
	}
	return "", false
}

func unknownVersion(v int) Problem {
	return Problem{
		Code:    "internal",
		Message: fmt.Sprintf("the facts have version %d; this program reads version %d", v, FactsVersion),
		Remedy:  "Decide them with the Gatehouse version that recorded them.",
	}
}
