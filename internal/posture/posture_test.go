package posture

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const app = 7

func pinned() []Check { return []Check{{Name: "gatehouse", AppID: app}} }

// closed is a ruleset as `doctor --fix` makes it.
func closed() Ruleset {
	return Ruleset{
		ID: 1, Name: "gate", Source: "acme/infra", Enforcement: "active", Applies: true, Checks: pinned(), PullRequest: true, Reviews: 1,
		DismissStale: true, BlockForce: true, BlockDelete: true, BypassKnown: true,
	}
}

func strict() *Classic {
	return &Classic{Checks: pinned(), EnforceAdmins: true, PullRequest: true, Reviews: 1, DismissStale: true}
}

// TestJudge holds what is not ok against what is wanted: "point=state", in the order of the report.
func TestJudge(t *testing.T) {
	t.Parallel()
	with := func(change func(*Ruleset)) Branch {
		r := closed()
		change(&r)
		return Branch{Rulesets: []Ruleset{r}}
	}
	classic := func(change func(*Classic)) Branch {
		c := strict()
		change(c)
		return Branch{Classic: c}
	}
	team := Actor{Type: "Team", ID: 3, Mode: "always"}
	const everything = "required=problem pinned=problem administrators=problem bypass=problem reviews=problem stale=problem force-push=problem deletion=problem"
	const allUnknown = "required=unknown pinned=unknown administrators=unknown bypass=unknown reviews=unknown stale=unknown force-push=unknown deletion=unknown"
	for name, c := range map[string]struct {
		branch Branch
		want   string
	}{
		"a closed ruleset":                       {with(func(*Ruleset) {}), ""},
		"strict classic protection":              {classic(func(*Classic) {}), ""},
		"nothing":                                {Branch{}, everything},
		"nothing that may be read":               {Branch{Unread: []string{"Grant it."}}, allUnknown},
		"a ruleset that is evaluated only":       {with(func(r *Ruleset) { r.Applies, r.Enforcement = false, "evaluate" }), everything},
		"a ruleset that is disabled":             {with(func(r *Ruleset) { r.Applies, r.Enforcement = false, "disabled" }), everything},
		"a check of any source":                  {with(func(r *Ruleset) { r.Checks[0].AppID = 0 }), "pinned=problem administrators=problem bypass=problem"},
		"a check of another App":                 {with(func(r *Ruleset) { r.Checks[0].AppID = 8 }), "pinned=problem administrators=problem bypass=problem"},
		"another check":                          {with(func(r *Ruleset) { r.Checks[0].Name = "ci" }), "required=problem pinned=problem administrators=problem bypass=problem"},
		"administrators of the repository":       {with(func(r *Ruleset) { r.Bypass = []Actor{{"RepositoryRole", 5, "pull_request"}} }), "administrators=problem"},
		"owners of the organisation":             {with(func(r *Ruleset) { r.Bypass = []Actor{{"OrganizationAdmin", 0, "always"}} }), "administrators=problem"},
		"a team, exempt":                         {with(func(r *Ruleset) { r.Bypass = []Actor{{"Team", 3, "exempt"}} }), "bypass=problem"},
		"exceptions that are not shown":          {with(func(r *Ruleset) { r.BypassKnown = false }), "administrators=unknown bypass=unknown"},
		"classic without administrators":         {classic(func(c *Classic) { c.EnforceAdmins = false }), "administrators=problem"},
		"classic without reviews":                {classic(func(c *Classic) { c.PullRequest, c.Reviews, c.DismissStale = false, 0, false }), "reviews=problem stale=problem"},
		"classic with a pull request alone":      {classic(func(c *Classic) { c.Reviews = 0 }), "reviews=problem"},
		"classic that lets history be rewritten": {classic(func(c *Classic) { c.AllowForce, c.AllowDelete = true, true }), "force-push=problem deletion=problem"},
		"the part of classic that is shown to everybody": {
			Branch{Classic: &Classic{Partial: true, Checks: pinned(), EnforceAdmins: true}}, "reviews=unknown stale=unknown force-push=unknown deletion=unknown"},
		"the shown part lets administrators through": {
			Branch{Classic: &Classic{Partial: true, Checks: pinned()}}, "administrators=unknown reviews=unknown stale=unknown force-push=unknown deletion=unknown"},
		"the shown part lacks the check": {
			Branch{Classic: &Classic{Partial: true}},
			"required=problem pinned=problem administrators=unknown bypass=unknown reviews=unknown stale=unknown force-push=unknown deletion=unknown"},
		"two sources, the strictest wins": {
			Branch{Classic: &Classic{AllowForce: true, AllowDelete: true, Checks: []Check{{Name: "gatehouse"}}}, Rulesets: []Ruleset{closed()}}, ""},
		"each of two sources excepts others": {
			Branch{Classic: &Classic{Checks: pinned(), Reviews: 1, DismissStale: true}, Rulesets: []Ruleset{{Applies: true, Checks: pinned(), BypassKnown: true, Bypass: []Actor{team}}}},
			"bypass=problem"},
		"one of two sources excepts nobody": {
			Branch{Classic: strict(), Rulesets: []Ruleset{{Applies: true, Checks: pinned(), BypassKnown: true, Bypass: []Actor{team}}}}, ""},
		"what could not be read may be stricter": {
			Branch{Classic: &Classic{Checks: pinned(), Reviews: 1}, Unread: []string{"The rulesets."}}, "administrators=unknown stale=unknown"},
		"what could not be read cannot be weaker": {Branch{Classic: strict(), Unread: []string{"The rulesets."}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := Judge(c.branch, app)
			var got []string
			worst := OK
			for _, f := range report.Findings {
				if f.State != OK {
					got = append(got, f.Point+"="+string(f.State))
				}
				if f.Says == "" || (f.Do == "") != (f.State == OK) {
					t.Errorf("a finding that does not say what is and what to do: %+v", f)
				}
				worst = worst.Worse(f.State)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
			if len(report.Findings) != 8 || report.State != worst {
				t.Errorf("%d findings, %s", len(report.Findings), report.State)
			}
		})
	}
}

func TestReportInWords(t *testing.T) {
	t.Parallel()
	rs := closed()
	rs.Source, rs.Bypass = "acme", []Actor{{"RepositoryRole", 5, "always"}, {"Team", 3, "pull_request"}, {"Integration", 9, "always"}, {"DeployKey", 0, "always"}}
	asleep := closed()
	asleep.Name, asleep.Applies, asleep.Enforcement = "trial", false, "evaluate"
	got := Judge(Branch{
		Repository: "acme/infra", Name: "main", Default: true, Rulesets: []Ruleset{rs, asleep},
		Classic: &Classic{Reviews: 2, PullRequest: true, Without: []string{"mei", "the team dba"}},
	}, app)
	want := Report{Repository: "acme/infra", Branch: "main", Default: true, State: Problem, Findings: []Finding{
		{Point: Required, State: OK, Says: `Required by the ruleset "gate" of acme.`},
		{Point: Pinned, State: OK, Says: "Only App 7 can give the check."},
		{Point: Administrators, State: Problem, Says: `Administrators may merge over a failing check: they are excepted from the ruleset "gate" of acme.`, Do: fix},
		{Point: Bypass, State: Problem, Do: fix, Says: `Some may bypass the check: team 3 (pull_request): the ruleset "gate" of acme, ` +
			`App 9 (always): the ruleset "gate" of acme and deploy keys (always): the ruleset "gate" of acme.`},
		{Point: Reviews, State: OK, Says: "2 approving reviews are needed. Branch protection lets mei and the team dba push without a pull request."},
		{Point: Stale, State: OK, Says: `New commits dismiss approvals: the ruleset "gate" of acme.`},
		{Point: ForcePush, State: OK, Says: `Off: branch protection and the ruleset "gate" of acme.`},
		{Point: Deletion, State: OK, Says: `Off: branch protection and the ruleset "gate" of acme.`},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := got.Summary(); got != "not as it should be: administrators, bypass" {
		t.Error(got)
	}
	says := Judge(Branch{Rulesets: []Ruleset{asleep}}, app).Point(Required).Says
	if want := `The check gatehouse is not required: anything can be merged. The ruleset "trial" of acme/infra would require it, but its enforcement is "evaluate".`; says != want {
		t.Error(says)
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	before, after := Judge(Branch{Rulesets: []Ruleset{closed()}}, app), Judge(Branch{}, app)
	if diff := cmp.Diff([]string(nil), Changed(before, before)); diff != "" {
		t.Error(diff)
	}
	if got := Changed(before, after); len(got) != 8 {
		t.Error(got)
	}
	gone := Gone("acme/infra", "main", true, "The App was removed by vic.")
	if got := fmt.Sprint(Changed(before, gone)); got != "[required pinned administrators bypass reviews stale force-push deletion]" {
		t.Error(got)
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		include, exclude string
		branch           string
		isDefault, want  bool
	}{
		{"~ALL", "", "x", false, true},
		{"~DEFAULT_BRANCH", "", "main", true, true},
		{"~DEFAULT_BRANCH", "", "main", false, false},
		{"", "", "main", true, false},
		{"~ALL", "refs/heads/tmp/*", "tmp/x", false, false},
		{"~ALL", "~DEFAULT_BRANCH", "main", true, false},
		{"refs/heads/main", "", "main", false, true},
		{"main", "", "main", false, false}, // patterns are of whole references
		{"refs/heads/release/*", "", "release/1", false, true},
		{"refs/heads/release/*", "", "release/1/2", false, false},
		{"refs/heads/*", "", "release/1", false, false},
		{"refs/heads/**/*", "", "release/1/2", false, true},
		{"refs/heads/**/*", "", "main", false, true},
		{"refs/heads/**", "", "a/b", false, false}, // not before a slash, ** is a star
		{"refs/heads/v[0-9].?", "", "v1.x", false, true},
		{"refs/heads/v[^0-9]", "", "v1", false, false},
		{"refs/heads/v[^0-9]", "", "vx", false, true},
		{`refs/heads/\*`, "", "*", false, true},
		{`refs/heads/\*`, "", "x", false, false},
		{"refs/heads/*a*b*c", "", "xxaxxbxbxc", false, true},
		{"refs/heads/*a*b*c", "", "xxaxxbxbx", false, false},
		{"refs/heads/*", "", ".hidden", false, false},
		{"refs/heads/[", "", "[", false, true},
		{"refs/heads/" + strings.Repeat("*a", 400) + "b", "", strings.Repeat("a", 900), false, false}, // in no time
	} {
		var exclude []string
		if c.exclude != "" {
			exclude = []string{c.exclude}
		}
		if got := Covers([]string{c.include}, exclude, c.branch, c.isDefault); got != c.want {
			t.Errorf("Covers(%.60q, %q, %.60q, %v) = %v", c.include, c.exclude, c.branch, c.isDefault, got)
		}
	}
}

// asRead is the ruleset as GitHub would give it back.
func asRead(r Rules) *Rules {
	out := clone(r)
	out.ID = 5
	return &out
}

func TestFix(t *testing.T) {
	t.Parallel()
	made, changes := Fix(nil, app, 1)
	want := []string{
		`create the ruleset "gatehouse" on the default branch, active`, "require the check gatehouse, from App 7 alone",
		"require a pull request with 1 approving review(s), which new commits dismiss", "forbid force pushes", "forbid deleting the branch",
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Error(diff)
	}
	again, changes := Fix(asRead(made), app, 1)
	if len(changes) != 0 || again.ID != 5 {
		t.Errorf("a second time: %v %+v", changes, again)
	}

	weak := asRead(made)
	weak.Enforcement = "evaluate"
	weak.Conditions.RefName.Include, weak.Conditions.RefName.Exclude = []string{"refs/heads/release/*"}, []string{"~DEFAULT_BRANCH"}
	weak.Bypass = []map[string]any{{"actor_id": 5.0, "actor_type": "RepositoryRole", "bypass_mode": "always"}}
	weak.Rules = []Rule{
		{Type: "required_linear_history"},
		{Type: "pull_request", Parameters: map[string]any{"required_approving_review_count": 2.0, "dismiss_stale_reviews_on_push": false, "require_code_owner_review": true}},
		{Type: "required_status_checks", Parameters: map[string]any{"strict_required_status_checks_policy": true, "required_status_checks": []any{
			map[string]any{"context": "ci"}, map[string]any{"context": "gatehouse"},
		}}},
	}
	before := *asRead(*weak)
	mended, changes := Fix(weak, app, 1)
	want = []string{
		`set its enforcement from "evaluate" to active`, "include the default branch", "exclude no branch", "let nobody bypass it (1 may now)",
		"require the check gatehouse, from App 7 alone", "dismiss approvals on new commits", "forbid force pushes", "forbid deleting the branch",
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Error(diff)
	}
	wanted := Rules{ID: 5, Name: "gatehouse", Target: "branch", Enforcement: "active", Bypass: []map[string]any{}, Rules: []Rule{
		{Type: "required_linear_history"},
		{Type: "pull_request", Parameters: map[string]any{"required_approving_review_count": 2.0, "dismiss_stale_reviews_on_push": true, "require_code_owner_review": true}},
		{Type: "required_status_checks", Parameters: map[string]any{"strict_required_status_checks_policy": true, "required_status_checks": []any{
			map[string]any{"context": "ci"}, map[string]any{"context": "gatehouse", "integration_id": int64(7)},
		}}},
		{Type: "non_fast_forward"}, {Type: "deletion"},
	}}
	wanted.Conditions.RefName.Include, wanted.Conditions.RefName.Exclude = []string{"refs/heads/release/*", "~DEFAULT_BRANCH"}, []string{}
	if diff := cmp.Diff(wanted, mended); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, *weak); diff != "" {
		t.Errorf("what was read was changed: %s", diff)
	}
}
