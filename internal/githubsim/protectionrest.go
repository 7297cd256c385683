package githubsim

import (
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
