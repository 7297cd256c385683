package githubsim

import (
	"fmt"
	"time"
)

func (u *User) json() object {
	if u == nil {
		return nil
	}
	api := u.s.api("/users/" + u.login)
	o := object{
		"login": u.login, "id": u.id, "node_id": nodeID("User", u.id), "gravatar_id": "", "type": u.kind, "site_admin": false,
		"avatar_url": fmt.Sprintf("%s/avatars/u/%d?v=4", u.s.opt.URL, u.id), "url": api, "html_url": u.s.opt.URL + "/" + u.login,
		"followers_url": api + "/followers", "following_url": api + "/following{/other_user}",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}",
		"subscriptions_url": api + "/subscriptions", "organizations_url": api + "/orgs", "repos_url": api + "/repos",
		"events_url": api + "/events{/privacy}", "received_events_url": api + "/received_events", "user_view_type": "public",
	}
	return o
}

func (o *Org) json() object {
	api := o.s.api("/orgs/" + o.account.login)
	return object{
		"login": o.account.login, "id": o.account.id, "node_id": nodeID("Organization", o.account.id), "url": api,
		"repos_url": api + "/repos", "events_url": api + "/events", "hooks_url": api + "/hooks", "issues_url": api + "/issues",
		"members_url": api + "/members{/member}", "public_members_url": api + "/public_members{/member}",
		"avatar_url": fmt.Sprintf("%s/avatars/u/%d?v=4", o.s.opt.URL, o.account.id), "description": "",
	}
}

func (o *Org) membership(u *User) object {
	return object{
		"url":   o.s.api("/orgs/" + o.account.login + "/memberships/" + u.login),
		"state": "active", "role": o.members[u], "organization_url": o.s.api("/orgs/" + o.account.login), "user": u.json(),
	}
}

func (t *Team) json() object {
	api := t.s.api(fmt.Sprintf("/organizations/%d/team/%d", t.org.account.id, t.id))
	privacy := "closed"
	if t.secret {
		privacy = "secret"
	}
	out := object{
		"id": t.id, "node_id": nodeID("Team", t.id), "name": t.name, "slug": t.slug, "description": "", "privacy": privacy,
		"notification_setting": "notifications_enabled", "permission": "pull", "url": api,
		"html_url":    t.s.opt.URL + "/orgs/" + t.org.account.login + "/teams/" + t.slug,
		"members_url": api + "/members{/member}", "repositories_url": api + "/repos", "parent": nil, "type": "organization",
	}
	if t.parent != nil {
		parent := t.parent.json()
		delete(parent, "parent")
		out["parent"] = parent
	}
	return out
}

// full is the organisation as GET /orgs/{org} has it.
func (o *Org) full() object {
	created := stamp(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	return with(o.json(), object{
		"type": "Organization", "html_url": o.s.opt.URL + "/" + o.account.login, "name": o.account.login,
		"has_organization_projects": true, "has_repository_projects": true, "public_repos": 0, "public_gists": 0, "followers": 0,
		"following": 0, "created_at": created, "updated_at": created, "archived_at": nil,
	})
}
