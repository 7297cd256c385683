package githubsim

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

type role int

const (
	roleNone role = iota
	roleRead
	roleTriage
	roleWrite
	roleMaintain
	roleAdmin
)

var roleNames = []string{"none", "read", "triage", "write", "maintain", "admin"}

// parseRole reads a role under either of GitHub's two namings; "" is read.
func parseRole(name string) role {
	switch name {
	case "", "pull":
		return roleRead
	case "push":
		return roleWrite
	}
	i := slices.Index(roleNames, name)
	if i < 0 {
		panic("githubsim: there is no permission " + name)
	}
	return role(i)
}

// RepoSpec describes a repository.
type RepoSpec struct {
	Owner, Name   string
	Private       bool
	DefaultBranch string // "main" when ""
	// Files are committed to the default branch at once; without any, the repository starts with a README.md. Empty leaves it
	// without a commit.
	Files map[string]string
	Empty bool
}

// Repo is a repository with its pull requests, issues, checks and statuses.
type Repo struct {
	s             *Server
	id            int64
	owner         *User
	name          string
	private       bool
	defaultBranch string
	dir           string
	parent        *Repo // a fork's
	workflowRuns  []*WorkflowRun
	made          time.Time
	pushed        time.Time
	noMerge       map[string]bool // merge methods that are switched off

	grants      map[*User]role
	grantOrder  []*User
	protections map[string]*Protection
	rulesets    []*ruleset

	environments map[string][]*App
	deployments  []*Deployment
	activities   []activity
	landing      bool // a merge queue moves the branch

	nextNumber int
	issues     map[int]*Issue
	prs        []*PR
	suites     []*suite
	runs       []*CheckRun
	statuses   []*status
	labels     map[string]int64
	verified   map[string]bool
	properties map[string][]string // custom ones
	tips       map[string]string   // what is known of the branches
	cache      map[string]any      // answers about immutable git objects
}

// CreateRepo makes a repository.
func (s *Server) CreateRepo(spec RepoSpec) *Repo {
	s.mu.Lock()
	r := s.addRepo(spec, nil)
	s.mu.Unlock()
	if !spec.Empty {
		files := spec.Files
		if len(files) == 0 {
			files = map[string]string{"README.md": "# " + spec.Name + "\n"}
		}
		r.Commit(r.defaultBranch, CommitSpec{Files: files, Message: "Initial commit"})
	}
	return r
}

// Fork makes a fork in a person's or an organisation's account; objects are shared as on GitHub.
func (r *Repo) Fork(owner string) *Repo {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	f := r.s.addRepo(RepoSpec{Owner: owner, Name: r.name, Private: r.private, DefaultBranch: r.defaultBranch}, r)
	for name, sha := range r.refs("refs/heads/") {
		f.mustGit("update-ref", name, sha)
	}
	return f
}

func (s *Server) addRepo(spec RepoSpec, parent *Repo) *Repo {
	owner := s.mustUser(spec.Owner)
	if s.repos[key(owner.login, spec.Name)] != nil {
		panic("githubsim: there is already a repository " + spec.Owner + "/" + spec.Name)
	}
	r := &Repo{
		s: s, id: s.id(), owner: owner, name: spec.Name, private: spec.Private, defaultBranch: spec.DefaultBranch, parent: parent,
		made: s.now(), pushed: s.now(), noMerge: map[string]bool{}, grants: map[*User]role{}, protections: map[string]*Protection{},
		issues: map[int]*Issue{}, labels: map[string]int64{}, verified: map[string]bool{}, properties: map[string][]string{}, tips: map[string]string{}, cache: map[string]any{},
	}
	if r.defaultBranch == "" {
		r.defaultBranch = "main"
	}
	r.dir = s.newRepoDir(spec.Name)
	r.initBare()
	s.repos[key(r.owner.login, r.name)] = r
	return r
}

// Repo finds a repository by "owner/name"; it panics when there is none.
func (s *Server) Repo(fullName string) *Repo {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[key(fullName)]
	if r == nil {
		panic("githubsim: there is no repository " + fullName)
	}
	return r
}

func (s *Server) sortedRepos() []*Repo {
	list := slices.Collect(maps.Values(s.repos))
	slices.SortFunc(list, func(a, b *Repo) int { return int(a.id - b.id) })
	return list
}

// FullName is owner/name.
func (r *Repo) FullName() string { return r.fullName() }

// ID is the repository's number.
func (r *Repo) ID() int64 { return r.id }

// Dir is the bare repository on disk, for looking only.
func (r *Repo) Dir() string { return r.dir }

// CloneURL is the address for git.
func (r *Repo) CloneURL() string { return r.s.opt.URL + "/" + r.fullName() + ".git" }

// Head is the commit at the tip of a branch; "" when there is no such branch.
func (r *Repo) Head(branch string) string {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.tip(branch)
}

// File is a file's content at a branch or commit, and whether it is there.
func (r *Repo) File(ref, path string) (string, bool) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	sha := r.resolve(ref)
	if sha == "" {
		return "", false
	}
	out, err := runGit(r.dir, nil, nil, "cat-file", "blob", sha+":"+path)
	return out, err == nil
}

// AddCollaborator gives a person a permission (pull, triage, push, maintain, admin; "none" takes it away) and sends the member event.
func (r *Repo) AddCollaborator(login, permission string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	u, action := r.s.mustUser(login), "added"
	if permission == "none" {
		delete(r.grants, u)
		r.grantOrder = slices.DeleteFunc(r.grantOrder, func(x *User) bool { return x == u })
		r.s.emit("member", "removed", r, r.someOwner(), object{"member": u.json()})
		return
	}
	extra := object{"member": u.json()}
	if old, known := r.grants[u]; known {
		action = "edited"
		extra["changes"] = object{"permission": object{"from": roleNames[old], "to": permission}}
	} else {
		r.grantOrder = append(r.grantOrder, u)
		extra["changes"] = object{"permission": object{"to": permission}}
	}
	r.grants[u] = parseRole(permission)
	r.s.emit("member", action, r, r.someOwner(), extra)
}

// AllowMergeMethods leaves only the given merge methods (merge, squash, rebase) switched on.
func (r *Repo) AllowMergeMethods(methods ...string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, m := range []string{"merge", "squash", "rebase"} {
		r.noMerge[m] = !slices.Contains(methods, m)
	}
}

// roleOf is a person's highest role: ownership, grant, teams (a child team has what its parents have), organisation, public.
func (r *Repo) roleOf(u *User) role {
	if u == nil {
		return r.publicRole()
	}
	if u == r.owner {
		return roleAdmin
	}
	best := max(r.grants[u], r.publicRole())
	o := r.s.orgs[key(r.owner.login)]
	if o == nil || o.members[u] == "" {
		return best
	}
	if o.members[u] == "admin" {
		return roleAdmin
	}
	best = max(best, o.defaultRole)
	for _, t := range o.teams {
		if t.has(u) {
			best = max(best, t.repos[r])
		}
	}
	return best
}

func (r *Repo) publicRole() role {
	if r.private {
		return roleNone
	}
	return roleRead
}

func (r *Repo) fullName() string { return r.owner.login + "/" + r.name }

func (r *Repo) root() *Repo {
	for r.parent != nil {
		r = r.parent
	}
	return r
}

func (s *Server) api(path string) string { return s.opt.URL + apiPrefix + path }

func (r *Repo) api(path string) string { return r.s.api("/repos/" + r.fullName() + path) }

func (r *Repo) html(path string) string { return r.s.opt.URL + "/" + r.fullName() + path }

func nodeID(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%03d:%s%d", len(kind), kind, id))
}

func (c *call) getRepo() (reply, error) {
	out := c.repo.settingsJSON()
	out["network_count"], out["subscribers_count"] = 0, 0
	if o := c.s.orgs[key(c.repo.owner.login)]; o != nil {
		out["organization"] = o.account.json()
	}
	if c.repo.parent != nil {
		out["parent"], out["source"] = c.repo.parent.json(), c.repo.root().json()
	}
	if c.actor.inst == nil && c.actor.user != nil {
		out["permissions"] = rolePermissions(c.repo.roleOf(c.actor.user))
	}
	return ok(out)
}

func rolePermissions(r role) object {
	return object{
		"admin": r >= roleAdmin, "maintain": r >= roleMaintain, "push": r >= roleWrite, "triage": r >= roleTriage, "pull": r >= roleRead,
	}
}

// getPermission answers the legacy permission (maintain is write, triage is read) and the real role.
func (c *call) getPermission() (reply, error) {
	u := c.s.accounts[key(c.params["user"])]
	if u == nil || u.kind == "Organization" {
		return reply{}, notFound()
	}
	if u.kind == "Bot" {
		return reply{}, refuse(http.StatusNotFound, "%s is not a user", u.login)
	}
	got := c.repo.roleOf(u)
	legacy := map[role]string{roleNone: "none", roleTriage: "read", roleMaintain: "write"}[got]
	if legacy == "" {
		legacy = roleNames[got]
	}
	user := u.json()
	user["permissions"], user["role_name"] = rolePermissions(got), roleNames[got]
	return ok(object{"permission": legacy, "role_name": roleNames[got], "user": user})
}

func (c *call) checkCollaborator() (reply, error) {
	u := c.s.accounts[key(c.params["user"])]
	if u == nil || c.repo.roleOf(u) <= c.repo.publicRole() {
		return reply{}, notFound()
	}
	return noContent()
}

func (c *call) listCollaborators() (reply, error) {
	seen := slices.Clone(c.repo.grantOrder)
	if o := c.s.orgs[key(c.repo.owner.login)]; o != nil {
		for _, u := range o.order {
			if !slices.Contains(seen, u) {
				seen = append(seen, u)
			}
		}
	} else {
		seen = append(seen, c.repo.owner)
	}
	items := []object{}
	for _, u := range seen {
		if got := c.repo.roleOf(u); got > roleNone {
			o := u.json()
			o["permissions"], o["role_name"] = rolePermissions(got), roleNames[got]
			items = append(items, o)
		}
	}
	return c.list(items)
}

func (c *call) listRepoTeams() (reply, error) {
	items := []object{}
	if o := c.s.orgs[key(c.repo.owner.login)]; o != nil {
		for _, t := range o.teams {
			if got := t.repos[c.repo]; got > roleNone {
				j := t.json()
				j["permission"] = map[role]string{roleRead: "pull", roleWrite: "push"}[got]
				if j["permission"] == "" {
					j["permission"] = roleNames[got]
				}
				j["permissions"] = rolePermissions(got)
				items = append(items, j)
			}
		}
	}
	return c.list(items)
}
