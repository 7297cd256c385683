package githubsim

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// ruleset belongs to a repository or to an organisation.
type ruleset struct {
	id            int64
	repo          *Repo
	org           *Org
	spec          RulesetSpec
	made, updated time.Time
}

func (s *Server) newRuleset(spec RulesetSpec) *ruleset {
	if spec.Enforcement == "" {
		spec.Enforcement = "active"
	}
	if spec.Branches == nil {
		spec.Branches = []string{"~DEFAULT_BRANCH"}
	}
	return &ruleset{id: s.id(), spec: spec, made: s.now(), updated: s.now()}
}

// AddRuleset adds a ruleset, sends repository_ruleset.created, and returns its number.
func (r *Repo) AddRuleset(spec RulesetSpec) int64 {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.addRuleset(spec, r.someOwner()).id
}

func (r *Repo) addRuleset(spec RulesetSpec, by *User) *ruleset {
	rs := r.s.newRuleset(spec)
	rs.repo = r
	r.rulesets = append(r.rulesets, rs)
	r.s.emit("repository_ruleset", "created", r, by, object{"repository_ruleset": rs.json(r, true)})
	return rs
}

// EditRuleset replaces a ruleset and sends repository_ruleset.edited, by somebody.
func (r *Repo) EditRuleset(by string, id int64, spec RulesetSpec) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, rs := range r.rulesets {
		if rs.id == id {
			r.editRuleset(r.s.mustUser(by), rs, spec)
			return
		}
	}
	panic(fmt.Sprintf("githubsim: there is no ruleset %d", id))
}

func (r *Repo) editRuleset(by *User, rs *ruleset, spec RulesetSpec) {
	fresh := r.s.newRuleset(spec)
	rs.spec, rs.updated = fresh.spec, fresh.updated
	r.s.emit("repository_ruleset", "edited", r, by, object{"repository_ruleset": rs.json(r, true), "changes": object{}})
}

// DeleteRuleset removes a ruleset and sends repository_ruleset.deleted.
func (r *Repo) DeleteRuleset(id int64) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for i, rs := range r.rulesets {
		if rs.id == id {
			r.rulesets = slices.Delete(r.rulesets, i, i+1)
			r.s.emit("repository_ruleset", "deleted", r, r.someOwner(), object{"repository_ruleset": rs.json(r, true)})
			return
		}
	}
}

// AddRuleset adds a ruleset of the organisation, which holds in its repositories besides their own, and sends
// repository_ruleset.created without a repository.
func (o *Org) AddRuleset(spec RulesetSpec) int64 {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	rs := o.s.newRuleset(spec)
	rs.org = o
	o.rulesets = append(o.rulesets, rs)
	o.s.emitOrg("repository_ruleset", "created", o, o.owner(), object{"repository_ruleset": rs.json(nil, true)})
	return rs.id
}

// DeleteRuleset removes a ruleset of the organisation and sends repository_ruleset.deleted.
func (o *Org) DeleteRuleset(id int64) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	for i, rs := range o.rulesets {
		if rs.id == id {
			o.rulesets = slices.Delete(o.rulesets, i, i+1)
			o.s.emitOrg("repository_ruleset", "deleted", o, o.owner(), object{"repository_ruleset": rs.json(nil, true)})
			return
		}
	}
}

// allRulesets are the repository's own and those of its organisation that are for it.
func (r *Repo) allRulesets() []*ruleset {
	out := slices.Clone(r.rulesets)
	if o := r.s.orgs[key(r.owner.login)]; o != nil {
		for _, rs := range o.rulesets {
			if rs.spec.Repositories == nil || slices.Contains(rs.spec.Repositories, r.name) {
				out = append(out, rs)
			}
		}
	}
	return out
}

// covers tells whether an active ruleset is about a branch of a repository.
func (rs *ruleset) covers(r *Repo, branch string) bool {
	hit := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			switch p {
			case "~ALL":
				return true
			case "~DEFAULT_BRANCH":
				return branch == r.defaultBranch
			}
			return matchRef(strings.Split(p, "/"), strings.Split("refs/heads/"+branch, "/"))
		})
	}
	return rs.spec.Enforcement == "active" && hit(rs.spec.Branches) && !hit(rs.spec.Exclude)
}

// matchRef matches folder by folder; ** is any number of folders.
func matchRef(pattern, name []string) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case pattern[0] == "**" && len(pattern) > 1:
		return matchRef(pattern[1:], name) || len(name) > 0 && matchRef(pattern, name[1:])
	case len(name) == 0:
		return false
	}
	matched, err := path.Match(pattern[0], name[0])
	return err == nil && matched && matchRef(pattern[1:], name[1:])
}

// bypassed tells whether somebody is excepted from a ruleset in a repository.
func (rs *ruleset) bypassed(r *Repo, a actor, viaPR bool) bool {
	return slices.ContainsFunc(rs.spec.Bypass, func(b BypassActor) bool {
		if b.Mode == "pull_request" && !viaPR {
			return false
		}
		o := r.s.orgs[key(r.owner.login)]
		switch b.Type {
		case "Integration":
			return a.app != nil && a.app.id == b.ID
		case "OrganizationAdmin":
			return a.inst == nil && o != nil && o.members[a.user] == "admin"
		case "RepositoryRole":
			least := map[int64]role{5: roleAdmin, 2: roleMaintain, 4: roleWrite}[b.ID]
			return a.inst == nil && least > roleNone && r.roleOf(a.user) >= least
		case "Team":
			return o != nil && slices.ContainsFunc(o.teams, func(t *Team) bool { return t.id == b.ID && t.has(a.user) })
		}
		return false
	})
}

// SetDefaultBranch makes another branch the default one and sends repository.edited.
func (r *Repo) SetDefaultBranch(by, branch string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if r.tip(branch) == "" {
		panic("githubsim: there is no branch " + branch + " in " + r.fullName())
	}
	before := r.defaultBranch
	r.defaultBranch = branch
	r.s.emit("repository", "edited", r, r.s.mustUser(by), object{"changes": object{"default_branch": object{"from": before}}})
}
