package githubsim

import (
	"fmt"
	"slices"
	"strings"
)

// User is an account: a person, an App's bot, or the account of an organisation.
type User struct {
	s     *Server
	id    int64
	login string
	name  string
	email string
	kind  string // User, Bot, Organization
}

// Login is the account's name.
func (u *User) Login() string { return u.login }

// ID is the account's number.
func (u *User) ID() int64 { return u.id }

// Email is the address that commits made by this account carry.
func (u *User) Email() string { return u.email }

// Org is an organisation.
type Org struct {
	s           *Server
	account     *User
	members     map[*User]string // admin or member
	order       []*User
	teams       []*Team
	rulesets    []*ruleset
	defaultRole role
}

// Team is a team of an organisation.
type Team struct {
	s       *Server
	id      int64
	org     *Org
	name    string
	slug    string
	secret  bool
	parent  *Team
	members map[*User]string // maintainer or member
	order   []*User
	repos   map[*Repo]role
}

// TeamSpec describes a team. Parent nests it; a secret team cannot be nested, on GitHub and here.
type TeamSpec struct {
	Name   string
	Secret bool
	Parent *Team
}

// AddUser adds a person, with the e-mail address LOGIN@example.com on commits.
func (s *Server) AddUser(login string) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addAccount(login, "User", login+"@example.com")
}

// AddBot adds a bot account such as "github-actions[bot]".
func (s *Server) AddBot(login string) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addAccount(login, "Bot", "")
}

// User finds an account that exists already; it panics when there is none.
func (s *Server) User(login string) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mustUser(login)
}

func (s *Server) addAccount(login, kind, email string) *User {
	if s.accounts[key(login)] != nil {
		panic("githubsim: there is already an account " + login)
	}
	u := &User{s: s, id: s.id(), login: login, name: login, email: email, kind: kind}
	if email == "" {
		u.email = fmt.Sprintf("%d+%s@users.noreply.github.com", u.id, login)
	}
	s.accounts[key(login)] = u
	return u
}

func (s *Server) mustUser(login string) *User {
	u := s.accounts[key(login)]
	if u == nil {
		panic("githubsim: there is no account " + login)
	}
	return u
}

func (s *Server) userByEmail(email string) *User {
	var found *User
	for _, u := range s.accounts { // addresses are unique, so the order does not matter
		if strings.EqualFold(u.email, email) && u.kind != "Organization" {
			found = u
		}
	}
	return found
}

// AddOrg adds an organisation with its owners, who must exist.
func (s *Server) AddOrg(login string, owners ...string) *Org {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &Org{s: s, account: s.addAccount(login, "Organization", ""), members: map[*User]string{}, defaultRole: roleRead}
	s.orgs[key(login)] = o
	for _, l := range owners {
		o.join(s.mustUser(l), "admin")
	}
	return o
}

// Login is the organisation's name.
func (o *Org) Login() string { return o.account.login }

// AddMember adds people as ordinary members and sends organization.member_added.
func (o *Org) AddMember(logins ...string) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	for _, l := range logins {
		u := o.s.mustUser(l)
		o.join(u, "member")
		o.s.emitOrg("organization", "member_added", o, o.owner(), object{"membership": o.membership(u)})
	}
}

// RemoveMember takes somebody out of the organisation and all its teams.
func (o *Org) RemoveMember(login string) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	u := o.s.mustUser(login)
	m := o.membership(u)
	delete(o.members, u)
	o.order = slices.DeleteFunc(o.order, func(x *User) bool { return x == u })
	for _, t := range o.teams {
		t.drop(u)
	}
	o.s.emitOrg("organization", "member_removed", o, o.owner(), object{"membership": m})
}

// SetBasePermission sets what members may do in every repository: none, read (the start), write or admin.
func (o *Org) SetBasePermission(permission string) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.defaultRole = parseRole(permission)
}

func (o *Org) join(u *User, roleName string) {
	if _, known := o.members[u]; !known {
		o.order = append(o.order, u)
	}
	o.members[u] = roleName
}

func (o *Org) owner() *User {
	for _, u := range o.order {
		if o.members[u] == "admin" {
			return u
		}
	}
	return o.account
}

// AddTeam adds a team and sends team.created.
func (o *Org) AddTeam(spec TeamSpec) *Team {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if spec.Parent != nil && (spec.Secret || spec.Parent.secret) {
		panic("githubsim: a secret team cannot be nested")
	}
	t := &Team{
		s: o.s, id: o.s.id(), org: o, name: spec.Name, slug: slugOf(spec.Name), secret: spec.Secret, parent: spec.Parent,
		members: map[*User]string{}, repos: map[*Repo]role{},
	}
	o.teams = append(o.teams, t)
	o.s.emitOrg("team", "created", o, o.owner(), object{"team": t.json()})
	return t
}

// Slug is the team's name in addresses.
func (t *Team) Slug() string { return t.slug }

// Add adds people to the team (and to the organisation) and sends membership.added for each.
func (t *Team) Add(logins ...string) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	for _, l := range logins {
		u := t.s.mustUser(l)
		if _, member := t.org.members[u]; !member {
			t.org.join(u, "member")
		}
		t.drop(u)
		t.members[u], t.order = "member", append(t.order, u)
		t.s.emitOrg("membership", "added", t.org, t.org.owner(), object{"scope": "team", "member": u.json(), "team": t.json()})
	}
}

// Remove takes people out of the team and sends membership.removed for each.
func (t *Team) Remove(logins ...string) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	for _, l := range logins {
		u := t.s.mustUser(l)
		t.drop(u)
		t.s.emitOrg("membership", "removed", t.org, t.org.owner(), object{"scope": "team", "member": u.json(), "team": t.json()})
	}
}

// Grant gives the team a permission (pull, triage, push, maintain, admin) on a repository and sends team.added_to_repository.
func (t *Team) Grant(r *Repo, permission string) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	t.repos[r] = parseRole(permission)
	t.s.emit("team", "added_to_repository", r, t.org.owner(), object{"team": t.json()})
}

func (t *Team) drop(u *User) {
	delete(t.members, u)
	t.order = slices.DeleteFunc(t.order, func(x *User) bool { return x == u })
}

// has tells membership, direct or through a child team.
func (t *Team) has(u *User) bool {
	if _, direct := t.members[u]; direct {
		return true
	}
	return slices.ContainsFunc(t.children(), func(c *Team) bool { return c.has(u) })
}

func (t *Team) children() []*Team {
	var out []*Team
	for _, c := range t.org.teams {
		if c.parent == t {
			out = append(out, c)
		}
	}
	return out
}

// people lists the members, those of child teams included, as the REST API does.
func (t *Team) people() []*User {
	out := slices.Clone(t.order)
	for _, c := range t.children() {
		for _, u := range c.people() {
			if !slices.Contains(out, u) {
				out = append(out, u)
			}
		}
	}
	return out
}

func slugOf(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name), "-")
}
