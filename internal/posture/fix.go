package posture

import (
	"encoding/json"
	"fmt"
	"slices"
)

// RulesetName is the name of the ruleset that [Fix] writes.
const RulesetName = "gatehouse"

// Rule is a rule of a ruleset, in GitHub's form.
type Rule struct {
	Type       string         `json:"type"`
	Parameters map[string]any `json:"parameters,omitempty"`
}

// Rules is a ruleset as it is written to GitHub.
type Rules struct {
	ID          int64  `json:"-"` // 0: a new one
	Name        string `json:"name"`
	Target      string `json:"target"`
	Enforcement string `json:"enforcement"`
	Conditions  struct {
		RefName struct {
			Include []string `json:"include"`
			Exclude []string `json:"exclude"`
		} `json:"ref_name"`
	} `json:"conditions"`
	Rules  []Rule           `json:"rules"`
	Bypass []map[string]any `json:"bypass_actors"`
}

// Fix is the ruleset that makes the gate binding on the default branch, and what it changes, a line each. existing is the
// ruleset of that name, or nil: what it asks for besides stays, and nothing gets weaker. Without changes there is nothing to
// write. reviews is the least number of approving reviews that GitHub itself is to ask for.
func Fix(existing *Rules, app int64, reviews int) (Rules, []string) {
	f := fixer{}
	if existing == nil {
		f.Rules = Rules{Name: RulesetName, Target: "branch", Enforcement: "active", Bypass: []map[string]any{}}
		f.Conditions.RefName.Include, f.Conditions.RefName.Exclude = []string{"~DEFAULT_BRANCH"}, []string{}
		f.say("create the ruleset %q on the default branch, active", RulesetName)
	} else {
		f.Rules = clone(*existing)
		if f.Enforcement != "active" {
			f.say("set its enforcement from %q to active", f.Enforcement)
			f.Enforcement = "active"
		}
		ref := &f.Conditions.RefName
		if !slices.Contains(ref.Include, "~DEFAULT_BRANCH") && !slices.Contains(ref.Include, "~ALL") {
			f.say("include the default branch")
			ref.Include = append(ref.Include, "~DEFAULT_BRANCH")
		}
		if len(ref.Exclude) > 0 {
			f.say("exclude no branch")
			ref.Exclude = []string{}
		}
		if len(f.Bypass) > 0 {
			f.say("let nobody bypass it (%d may now)", len(f.Bypass))
			f.Bypass = []map[string]any{}
		}
	}
	f.check(app)
	f.pullRequest(reviews)
	f.plain("non_fast_forward", "forbid force pushes")
	f.plain("deletion", "forbid deleting the branch")
	return f.Rules, f.changes
}

type fixer struct {
	Rules
	changes []string
}

func (f *fixer) say(format string, args ...any) {
	f.changes = append(f.changes, fmt.Sprintf(format, args...))
}

// rule finds a rule, or adds one.
func (f *fixer) rule(kind string, parameters map[string]any) (parametersNow map[string]any, added bool) {
	for i := range f.Rules.Rules {
		if r := &f.Rules.Rules[i]; r.Type == kind {
			if r.Parameters == nil && parameters != nil {
				r.Parameters = map[string]any{}
			}
			return r.Parameters, false
		}
	}
	f.Rules.Rules = append(f.Rules.Rules, Rule{Type: kind, Parameters: parameters})
	return parameters, true
}

func (f *fixer) plain(kind, says string) {
	if _, added := f.rule(kind, nil); added {
		f.say("%s", says)
	}
}

func (f *fixer) check(app int64) {
	want := map[string]any{"context": CheckName, "integration_id": app}
	says := fmt.Sprintf("require the check %s, from App %d alone", CheckName, app)
	parameters, added := f.rule("required_status_checks", map[string]any{
		"strict_required_status_checks_policy": false, "do_not_enforce_on_create": false, "required_status_checks": []any{want},
	})
	if added {
		f.say("%s", says)
		return
	}
	checks, _ := parameters["required_status_checks"].([]any)
	kept := []any{}
	for _, c := range checks {
		check, _ := c.(map[string]any)
		if check["context"] == CheckName {
			if number(check["integration_id"]) == app {
				return
			}
			continue // of the name, but from elsewhere: it would never pass, or anybody could give it
		}
		kept = append(kept, c)
	}
	parameters["required_status_checks"] = append(kept, want)
	f.say("%s", says)
}

func (f *fixer) pullRequest(reviews int) {
	parameters, added := f.rule("pull_request", map[string]any{
		"required_approving_review_count": reviews, "dismiss_stale_reviews_on_push": true, "require_code_owner_review": false,
		"require_last_push_approval": false, "required_review_thread_resolution": false,
	})
	if added {
		f.say("require a pull request with %d approving review(s), which new commits dismiss", reviews)
		return
	}
	if now := number(parameters["required_approving_review_count"]); now < int64(reviews) {
		f.say("require %d approving review(s) (%d now)", reviews, now)
		parameters["required_approving_review_count"] = reviews
	}
	if parameters["dismiss_stale_reviews_on_push"] != true {
		f.say("dismiss approvals on new commits")
		parameters["dismiss_stale_reviews_on_push"] = true
	}
}

func number(v any) int64 {
	switch v := v.(type) {
	case float64:
		return int64(v)
	case int:
		return int64(v)
	case int64:
		return v
	}
	return 0
}

// clone copies a ruleset whole, so that the one that was read stays as it is. It holds nothing but what JSON has words for.
func clone(r Rules) Rules {
	text, err := json.Marshal(r)
	out := Rules{}
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic("posture: " + err.Error())
	}
	out.ID = r.ID
	if out.Conditions.RefName.Exclude == nil {
		out.Conditions.RefName.Exclude = []string{} // GitHub takes a list, not null
	}
	if out.Bypass == nil {
		out.Bypass = []map[string]any{}
	}
	return out
}
