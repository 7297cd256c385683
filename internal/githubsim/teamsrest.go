package githubsim

import (
	"maps"
	"net/http"
	"time"
)

func (c *call) team() (*Team, error) {
	o := c.s.orgs[key(c.params["org"])]
	if o == nil {
		return nil, notFound()
	}
	for _, t := range o.teams {
		if t.slug == c.params["slug"] {
			return t, nil
		}
	}
	return nil, notFound()
}

func (c *call) listTeams() (reply, error) {
	o := c.s.orgs[key(c.params["org"])]
	if o == nil {
		return reply{}, notFound()
	}
	items := []object{}
	for _, t := range o.teams {
		items = append(items, t.json())
	}
	return c.list(items)
}

func (c *call) getTeam() (reply, error) {
	t, err := c.team()
	if err != nil {
		return reply{}, err
	}
	out := t.json()
	out["members_count"], out["repos_count"] = len(t.people()), len(t.repos)
	out["created_at"], out["updated_at"] = stamp(c.s.now()), stamp(c.s.now())
	out["organization"] = t.org.full()
	return ok(out)
}

func (c *call) listTeamMembers() (reply, error) {
	t, err := c.team()
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	for _, u := range t.people() {
		items = append(items, u.json())
	}
	return c.list(items)
}

func (c *call) getTeamMembership() (reply, error) {
	t, err := c.team()
	if err != nil {
		return reply{}, err
	}
	u := c.s.accounts[key(c.params["user"])]
	if u == nil || !t.has(u) {
		return reply{}, notFound()
	}
	role := "member"
	if r := t.members[u]; r != "" {
		role = r
	}
	if t.org.members[u] == "admin" {
		role = "maintainer"
	}
	return ok(object{"url": c.s.api(c.path), "role": role, "state": "active"})
}

func (c *call) getOrg() (reply, error) {
	o := c.s.orgs[key(c.params["org"])]
	if o == nil {
		return reply{}, notFound()
	}
	return ok(o.full())
}

func (c *call) checkOrgMember() (reply, error) {
	o, u := c.s.orgs[key(c.params["org"])], c.s.accounts[key(c.params["user"])]
	if o == nil || u == nil || o.members[u] == "" {
		return reply{}, notFound()
	}
	return noContent()
}

func (c *call) getOrgMembership() (reply, error) {
	o, u := c.s.orgs[key(c.params["org"])], c.s.accounts[key(c.params["user"])]
	if o == nil || u == nil || o.members[u] == "" {
		return reply{}, notFound()
	}
	m := o.membership(u)
	m["organization"] = o.json()
	return ok(m)
}

func (c *call) listOrgMembers() (reply, error) {
	o := c.s.orgs[key(c.params["org"])]
	if o == nil {
		return reply{}, notFound()
	}
	items := []object{}
	for _, u := range o.order {
		if want := c.query("role"); want == "" || want == "all" || want == o.members[u] {
			items = append(items, u.json())
		}
	}
	return c.list(items)
}

func (c *call) getUser() (reply, error) {
	u := c.s.accounts[key(c.params["user"])]
	if u == nil {
		return reply{}, notFound()
	}
	return ok(u.full())
}

func (c *call) getSelf() (reply, error) {
	if c.actor.anonymous() {
		return reply{}, refuse(http.StatusUnauthorized, "Requires authentication")
	}
	if c.actor.inst != nil {
		return reply{}, refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	return ok(c.actor.user.full())
}

func (u *User) full() object {
	out := u.json()
	created := stamp(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	maps.Copy(out, object{
		"name": u.name, "company": nil, "blog": "", "location": nil, "email": nil, "hireable": nil, "bio": nil,
		"twitter_username": nil, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
		"created_at": created, "updated_at": created,
	})
	return out
}
