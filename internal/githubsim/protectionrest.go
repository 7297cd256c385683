package githubsim

import (
	"fmt"
	"net/http"
	"net/url"
)

func (r *Repo) ruleJSON(branch string, p *Protection) object {
	contexts := []string{}
	for _, rc := range p.RequiredChecks {
		contexts = append(contexts, rc.Context)
	}
	level := func(on bool) string {
		if on {
			return "everyone"
		}
		return "off"
	}
	non := "non_admins"
	if p.EnforceAdmins {
		non = "everyone"
	}
	return object{
		"id": r.id, "repository_id": r.id, "name": branch, "created_at": stamp(r.s.now()), "updated_at": stamp(r.s.now()),
		"pull_request_reviews_enforcement_level": level(p.RequirePR || p.RequiredReviews > 0),
		"required_approving_review_count":        p.RequiredReviews, "dismiss_stale_reviews_on_push": p.DismissStale,
		"require_code_owner_review": false, "authorized_dismissal_actors_only": false, "ignore_approvals_from_contributors": false,
		"required_status_checks": contexts, "required_status_checks_enforcement_level": non,
		"strict_required_status_checks_policy": p.Strict, "signature_requirement_enforcement_level": "off",
		"linear_history_requirement_enforcement_level": level(p.Linear), "admin_enforced": p.EnforceAdmins,
		"allow_force_pushes_enforcement_level": level(p.AllowForcePush), "allow_deletions_enforcement_level": level(p.AllowDeletion),
		"merge_queue_enforcement_level": "off", "required_deployments_enforcement_level": "off",
		"required_conversation_resolution_level": "off", "authorized_actors_only": p.PushAllowed != nil,
		"authorized_actor_names": orEmpty(p.PushAllowed), "create_protected": false, "require_last_push_approval": p.RequireLastPush,
	}
}

func checksJSON(list []RequiredCheck) (contexts []string, checks []object) {
	contexts, checks = []string{}, []object{}
	for _, rc := range list {
		contexts = append(contexts, rc.Context)
		o := object{"context": rc.Context, "app_id": nil}
		if rc.AppID != 0 {
			o["app_id"] = rc.AppID
		}
		checks = append(checks, o)
	}
	return contexts, checks
}

// protectionSummary is the part of classic protection that GET branch shows to everyone.
func (r *Repo) protectionSummary(branch string) object {
	p := r.protection(branch)
	if p == nil {
		return object{"enabled": false, "required_status_checks": object{"enforcement_level": "off", "contexts": []string{}, "checks": []object{}}}
	}
	contexts, checks := checksJSON(p.RequiredChecks)
	level := "non_admins"
	if p.EnforceAdmins {
		level = "everyone"
	}
	return object{"enabled": true, "required_status_checks": object{"enforcement_level": level, "contexts": contexts, "checks": checks}}
}

func (c *call) getProtection() (reply, error) {
	branch := c.params["branch"]
	if c.repo.tip(branch) == "" {
		return reply{}, refuse(http.StatusNotFound, "Branch not found")
	}
	p := c.repo.protection(branch)
	if p == nil {
		return reply{}, refuse(http.StatusNotFound, "Branch not protected")
	}
	api := c.repo.api("/branches/" + url.PathEscape(branch) + "/protection")
	on := func(v bool) object { return object{"enabled": v} }
	out := object{
		"url": api, "enforce_admins": object{"url": api + "/enforce_admins", "enabled": p.EnforceAdmins},
		"required_signatures":     object{"url": api + "/required_signatures", "enabled": false},
		"required_linear_history": on(p.Linear), "allow_force_pushes": on(p.AllowForcePush), "allow_deletions": on(p.AllowDeletion),
		"block_creations": on(false), "required_conversation_resolution": on(false), "lock_branch": on(false),
		"allow_fork_syncing": on(false),
	}
	if len(p.RequiredChecks) > 0 || p.Strict {
		contexts, checks := checksJSON(p.RequiredChecks)
		out["required_status_checks"] = object{
			"url": api + "/required_status_checks", "strict": p.Strict, "contexts": contexts, "checks": checks,
			"contexts_url": api + "/required_status_checks/contexts",
		}
	}
	if p.RequirePR || p.RequiredReviews > 0 {
		out["required_pull_request_reviews"] = object{
			"url": api + "/required_pull_request_reviews", "dismiss_stale_reviews": p.DismissStale, "require_code_owner_reviews": false,
			"require_last_push_approval": p.RequireLastPush, "required_approving_review_count": p.RequiredReviews,
		}
	}
	if p.PushAllowed != nil {
		users := []object{}
		for _, l := range p.PushAllowed {
			users = append(users, c.s.mustUser(l).json())
		}
		out["restrictions"] = object{
			"url": api + "/restrictions", "users_url": api + "/restrictions/users", "teams_url": api + "/restrictions/teams",
			"apps_url": api + "/restrictions/apps", "users": users, "teams": []object{}, "apps": []object{},
		}
	}
	return ok(out)
}

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
		"require_code_owner_review": false, "require_last_push_approval": sp.RequireLastPush,
		"required_review_thread_resolution": false, "allowed_merge_methods": []string{"merge", "squash", "rebase"},
	})
	add(len(checks) > 0, "required_status_checks", object{
		"strict_required_status_checks_policy": sp.Strict, "do_not_enforce_on_create": false, "required_status_checks": checks,
	})
	return out
}

// json is the ruleset; who may go around it is shown only to those who may change it.
func (rs *ruleset) json(full bool) object {
	out := object{
		"id": rs.id, "name": rs.spec.Name, "target": "branch", "source_type": "Repository", "source": rs.repo.fullName(),
		"enforcement": rs.spec.Enforcement, "node_id": nodeID("RepositoryRuleset", rs.id), "created_at": stamp(rs.repo.made),
		"updated_at": stamp(rs.repo.made), "current_user_can_bypass": "never",
		"_links": object{
			"self": object{"href": rs.repo.api(fmt.Sprintf("/rulesets/%d", rs.id))},
			"html": object{"href": rs.repo.html(fmt.Sprintf("/rules/%d", rs.id))},
		},
		"conditions": object{"ref_name": object{"include": orEmpty(rs.spec.Branches), "exclude": orEmpty(rs.spec.Exclude)}},
		"rules":      rs.parts(),
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

func (c *call) listRulesets() (reply, error) {
	items := []object{}
	for _, rs := range c.repo.rulesets {
		o := rs.json(false)
		delete(o, "rules")
		delete(o, "conditions")
		delete(o, "current_user_can_bypass")
		items = append(items, o)
	}
	return c.list(items)
}

func (c *call) getRuleset() (reply, error) {
	for _, rs := range c.repo.rulesets {
		if rs.id != int64(c.num("id")) {
			continue
		}
		full := c.actor.inst == nil && c.repo.roleOf(c.actor.user) == roleAdmin
		if c.actor.inst != nil {
			full = c.actor.covers(c.repo) && c.actor.may("administration:write")
		}
		return ok(rs.json(full))
	}
	return reply{}, notFound()
}

func (c *call) branchRules() (reply, error) {
	items := []object{}
	for _, rs := range c.repo.rulesets {
		if !rs.covers(c.params["branch"]) {
			continue
		}
		for _, part := range rs.parts() {
			items = append(items, with(part, object{
				"ruleset_source_type": "Repository", "ruleset_source": c.repo.fullName(), "ruleset_id": rs.id,
			}))
		}
	}
	return c.list(items)
}
