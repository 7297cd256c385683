package githubsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// parts are the rules of a ruleset in GitHub's form.
func (rs *ruleset) parts() []object {
	sp, out := rs.spec, []object{}
	add := func(on bool, typ string, params object) {
		if !on {
			return
		}
		o := object{"type": typ}
		if params != nil {
			o["parameters"] = params
		}
		out = append(out, o)
	}
	checks := []object{}
	for _, rc := range sp.RequiredChecks {
		o := object{"context": rc.Context}
		if rc.AppID != 0 {
			o["integration_id"] = rc.AppID
		}
		checks = append(checks, o)
	}
	add(sp.BlockDeletion, "deletion", nil)
	add(sp.BlockForcePush, "non_fast_forward", nil)
	add(sp.Linear, "required_linear_history", nil)
	add(sp.RequireSignature, "required_signatures", nil)
	add(sp.RequirePR || sp.RequiredReviews > 0, "pull_request", object{
		"required_approving_review_count": sp.RequiredReviews, "dismiss_stale_reviews_on_push": sp.DismissStale,
		"require_code_owner_review": sp.CodeOwners, "require_last_push_approval": sp.RequireLastPush,
		"required_review_thread_resolution": sp.ResolveThreads, "allowed_merge_methods": []string{"merge", "squash", "rebase"},
	})
	add(len(checks) > 0, "required_status_checks", object{
		"strict_required_status_checks_policy": sp.Strict, "do_not_enforce_on_create": false, "required_status_checks": checks,
	})
	return out
}

// source is the repository or organisation that a ruleset belongs to.
func (rs *ruleset) source() (kind, name string) {
	if rs.org != nil {
		return "Organization", rs.org.account.login
	}
	return "Repository", rs.repo.fullName()
}

// json is the ruleset as a repository shows it (nil: as its organisation does); who may go around it is shown only to those who
// may change it.
func (rs *ruleset) json(r *Repo, full bool) object {
	kind, source := rs.source()
	out := object{
		"id": rs.id, "name": rs.spec.Name, "target": "branch", "source_type": kind, "source": source,
		"enforcement": rs.spec.Enforcement, "node_id": nodeID("RepositoryRuleset", rs.id), "created_at": stamp(rs.made),
		"updated_at": stamp(rs.updated), "current_user_can_bypass": "never",
		"conditions": object{"ref_name": object{"include": orEmpty(rs.spec.Branches), "exclude": orEmpty(rs.spec.Exclude)}},
		"rules":      rs.parts(),
	}
	if r != nil {
		out["_links"] = object{
			"self": object{"href": r.api(fmt.Sprintf("/rulesets/%d", rs.id))},
			"html": object{"href": r.html(fmt.Sprintf("/rules/%d", rs.id))},
		}
	}
	if full {
		actors := []object{}
		for _, b := range rs.spec.Bypass {
			o := object{"actor_type": b.Type, "bypass_mode": b.Mode, "actor_id": b.ID}
			if b.Type == "OrganizationAdmin" {
				o["actor_id"] = nil
			}
			actors = append(actors, o)
		}
		out["bypass_actors"] = actors
	}
	return out
}

// parents tells whether the rulesets of the organisation are asked for, as they are unless the caller says no.
func (c *call) parents() bool { return c.query("includes_parents") != "false" }

func (c *call) listRulesets() (reply, error) {
	items := []object{}
	for _, rs := range c.repo.allRulesets() {
		if rs.org != nil && !c.parents() {
			continue
		}
		o := rs.json(c.repo, false)
		delete(o, "rules")
		delete(o, "conditions")
		delete(o, "current_user_can_bypass")
		items = append(items, o)
	}
	return c.list(items)
}

func (c *call) getRuleset() (reply, error) {
	for _, rs := range c.repo.allRulesets() {
		if rs.id != int64(c.num("id")) || rs.org != nil && !c.parents() {
			continue
		}
		return ok(rs.json(c.repo, c.mayChange(rs)))
	}
	return reply{}, notFound()
}

// mayChange tells whether the caller may write a ruleset: one of the organisation's, its owners alone.
func (c *call) mayChange(rs *ruleset) bool {
	if c.actor.inst != nil {
		return rs.org == nil && c.actor.covers(c.repo) && c.actor.may("administration:write")
	}
	if rs.org != nil {
		return rs.org.members[c.actor.user] == "admin"
	}
	return c.repo.roleOf(c.actor.user) == roleAdmin
}

func (c *call) branchRules() (reply, error) {
	items := []object{}
	for _, rs := range c.repo.allRulesets() {
		if !rs.covers(c.repo, c.params["branch"]) {
			continue
		}
		kind, source := rs.source()
		for _, part := range rs.parts() {
			items = append(items, with(part, object{"ruleset_source_type": kind, "ruleset_source": source, "ruleset_id": rs.id}))
		}
	}
	return c.list(items)
}

// rulesetBody is what a client may write.
type rulesetBody struct {
	Name        string `json:"name"`
	Target      string `json:"target"`
	Enforcement string `json:"enforcement"`
	Conditions  struct {
		RefName *struct {
			Include []string `json:"include"`
			Exclude []string `json:"exclude"`
		} `json:"ref_name"`
	} `json:"conditions"`
	Rules []struct {
		Type       string          `json:"type"`
		Parameters json.RawMessage `json:"parameters"`
	} `json:"rules"`
	Bypass []struct {
		ID   int64  `json:"actor_id"`
		Type string `json:"actor_type"`
		Mode string `json:"bypass_mode"`
	} `json:"bypass_actors"`
}

func unprocessable(format string, args ...any) error {
	return &Refusal{Status: http.StatusUnprocessableEntity, Message: "Validation Failed", Errors: []any{fmt.Sprintf(format, args...)}}
}

// wanted reads and checks a ruleset that is to be written.
func (c *call) wanted() (RulesetSpec, error) {
	var in rulesetBody
	if err := c.decode(&in); err != nil {
		return RulesetSpec{}, err
	}
	spec := RulesetSpec{Name: in.Name, Enforcement: in.Enforcement, Branches: []string{}}
	switch {
	case in.Name == "":
		return spec, unprocessable("Name can't be blank")
	case !slices.Contains([]string{"active", "disabled", "evaluate"}, in.Enforcement):
		return spec, unprocessable("Enforcement is not included in the list")
	case in.Target != "" && in.Target != "branch":
		return spec, unprocessable("the simulated GitHub knows rulesets of branches only")
	case in.Conditions.RefName == nil || in.Conditions.RefName.Include == nil || in.Conditions.RefName.Exclude == nil:
		return spec, unprocessable("Conditions must have ref_name with include and exclude")
	}
	spec.Branches, spec.Exclude = in.Conditions.RefName.Include, in.Conditions.RefName.Exclude
	for _, p := range slices.Concat(spec.Branches, spec.Exclude) {
		if p != "~ALL" && p != "~DEFAULT_BRANCH" && !strings.HasPrefix(p, "refs/heads/") {
			return spec, unprocessable("Conditions Invalid target pattern %q", p)
		}
	}
	for _, b := range in.Bypass {
		if !slices.Contains([]string{"Integration", "OrganizationAdmin", "RepositoryRole", "Team", "DeployKey"}, b.Type) ||
			!slices.Contains([]string{"always", "pull_request", "exempt"}, b.Mode) {
			return spec, unprocessable("Invalid bypass actor %s", b.Type)
		}
		spec.Bypass = append(spec.Bypass, BypassActor{Type: b.Type, ID: b.ID, Mode: b.Mode})
	}
	for _, rule := range in.Rules {
		if err := c.addRule(&spec, rule.Type, rule.Parameters); err != nil {
			return spec, err
		}
	}
	return spec, nil
}

// needs checks that the parameters of a rule are there.
func needs(rule string, raw json.RawMessage, names ...string) error {
	var have map[string]json.RawMessage
	if json.Unmarshal(raw, &have) != nil {
		return unprocessable("Invalid rule '%s': Missing parameters", rule)
	}
	for _, name := range names {
		if _, found := have[name]; !found {
			return unprocessable("Invalid rule '%s': Missing parameter '%s'", rule, name)
		}
	}
	return nil
}

func (c *call) addRule(spec *RulesetSpec, rule string, raw json.RawMessage) error {
	switch rule {
	case "deletion":
		spec.BlockDeletion = true
	case "non_fast_forward":
		spec.BlockForcePush = true
	case "required_linear_history":
		spec.Linear = true
	case "required_signatures":
		spec.RequireSignature = true
	case "pull_request":
		return pullRequestRule(spec, raw)
	case "required_status_checks":
		return c.checksRule(spec, raw)
	default:
		return unprocessable("Invalid rule '%s'", rule)
	}
	return nil
}

func pullRequestRule(spec *RulesetSpec, raw json.RawMessage) error {
	err := needs("pull_request", raw, "dismiss_stale_reviews_on_push", "require_code_owner_review", "require_last_push_approval",
		"required_approving_review_count", "required_review_thread_resolution")
	if err != nil {
		return err
	}
	var p struct {
		Stale   bool `json:"dismiss_stale_reviews_on_push"`
		Owners  bool `json:"require_code_owner_review"`
		Last    bool `json:"require_last_push_approval"`
		Count   int  `json:"required_approving_review_count"`
		Threads bool `json:"required_review_thread_resolution"`
	}
	if json.Unmarshal(raw, &p) != nil || p.Count < 0 || p.Count > 10 {
		return unprocessable("Invalid rule 'pull_request': Invalid parameters")
	}
	spec.RequirePR, spec.RequiredReviews, spec.DismissStale = true, p.Count, p.Stale
	spec.CodeOwners, spec.RequireLastPush, spec.ResolveThreads = p.Owners, p.Last, p.Threads
	return nil
}

func (c *call) checksRule(spec *RulesetSpec, raw json.RawMessage) error {
	if err := needs("required_status_checks", raw, "required_status_checks", "strict_required_status_checks_policy"); err != nil {
		return err
	}
	var p struct {
		Strict bool `json:"strict_required_status_checks_policy"`
		Checks []struct {
			Context string `json:"context"`
			AppID   int64  `json:"integration_id"`
		} `json:"required_status_checks"`
	}
	if json.Unmarshal(raw, &p) != nil {
		return unprocessable("Invalid rule 'required_status_checks': Invalid parameters")
	}
	spec.Strict = p.Strict
	for _, rc := range p.Checks {
		known := slices.ContainsFunc(c.s.apps, func(a *App) bool { return a.id == rc.AppID })
		if rc.Context == "" || rc.AppID != 0 && !known {
			return unprocessable("Invalid rule 'required_status_checks': Invalid parameters")
		}
		spec.RequiredChecks = append(spec.RequiredChecks, RequiredCheck{Context: rc.Context, AppID: rc.AppID})
	}
	return nil
}

func (c *call) createRuleset() (reply, error) {
	spec, err := c.wanted()
	if err != nil {
		return reply{}, err
	}
	if slices.ContainsFunc(c.repo.rulesets, func(rs *ruleset) bool { return rs.spec.Name == spec.Name }) {
		return reply{}, unprocessable("Name must be unique")
	}
	return created(c.repo.addRuleset(spec, c.actor.user).json(c.repo, true))
}

func (c *call) updateRuleset() (reply, error) {
	for _, rs := range c.repo.rulesets {
		if rs.id != int64(c.num("id")) {
			continue
		}
		spec, err := c.wanted()
		if err != nil {
			return reply{}, err
		}
		c.repo.editRuleset(c.actor.user, rs, spec)
		return ok(rs.json(c.repo, true))
	}
	return reply{}, notFound()
}
