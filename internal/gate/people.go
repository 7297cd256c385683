package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Permissions on a repository, as GitHub names them.
const (
	PermissionNone     = "none"
	PermissionRead     = "read"
	PermissionTriage   = "triage"
	PermissionWrite    = "write"
	PermissionMaintain = "maintain"
	PermissionAdmin    = "admin"
)

var permissions = [...]string{
	PermissionNone, PermissionRead, PermissionTriage, PermissionWrite, PermissionMaintain, PermissionAdmin,
}

// AtLeast reports whether permission p includes q. A word that GitHub does not use includes nothing.
func AtLeast(p, q string) bool {
	have, want := slices.Index(permissions[:], p), slices.Index(permissions[:], q)
	return have >= 0 && want >= 0 && have >= want
}

// people answers who may speak for a change, and what they said.
type people struct {
	facts  *Facts
	actors map[string]*Actor
	latest []Review            // one for each reviewer: the last that states an opinion
	wrote  map[string][]string // login -> what they wrote, for the explanation
	extra  int                 // contributors whom GitHub does not know
}

func peopleOf(f *Facts) *people {
	p := &people{facts: f, actors: map[string]*Actor{}, wrote: map[string][]string{}}
	for i := range f.Actors {
		p.actors[fold(f.Actors[i].Login)] = &f.Actors[i]
	}
	unknown := map[string]bool{}
	for _, c := range f.Commits {
		if c.BaseMerge {
			continue
		}
		for _, by := range c.Contributors {
			if by.Login == "" {
				unknown[by.Name] = true
				continue
			}
			p.wrote[fold(by.Login)] = append(p.wrote[fold(by.Login)], wrote(by.Role, c.SHA))
		}
	}
	p.extra = len(unknown)
	p.latest = Opinions(f.Reviews)
	return p
}

// fold makes logins comparable: GitHub's are case-insensitive.
func fold(login string) string { return strings.ToLower(login) }

func wrote(role, sha string) string {
	switch role {
	case "committer":
		return "committed " + short(sha)
	case "co-author":
		return "is a co-author of commit " + short(sha)
	}
	return "wrote commit " + short(sha)
}

func short(sha string) string {
	if len(sha) > 7 {
		return sha[:7]
	}
	return sha
}

// Opinions keeps each person's last opinion. Comments are none; a dismissal takes the opinion away, and does not bring
// an older one back: GitHub forgot it when the newer one came.
func Opinions(reviews []Review) []Review {
	sorted := slices.Clone(reviews)
	slices.SortStableFunc(sorted, func(a, b Review) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
	})
	last := map[string]Review{}
	for _, r := range sorted {
		switch r.State {
		case ReviewApproved, ReviewChangesRequested, ReviewDismissed:
			last[fold(r.Login)] = r
		}
	}
	var out []Review
	for _, r := range last {
		if r.State != ReviewDismissed {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Review) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// changesAsked lists those whose request for changes stands. As on GitHub, one from somebody who cannot write to the
// repository does not block; else any stranger could.
func (p *people) changesAsked() []string {
	out := []string{}
	for _, r := range p.latest {
		if r.State != ReviewChangesRequested {
			continue
		}
		a := p.actors[fold(r.Login)]
		if a == nil || a.Unasked || a.Type != ActorUser || AtLeast(a.Permission, PermissionWrite) {
			out = append(out, r.Login)
		}
	}
	return out
}

// judge counts the approvals towards each requirement, and says of every other approval why it does not count.
func (p *people) judge(reqs []demand) ([]RequirementResult, []Discounted) {
	out, discounted := []RequirementResult{}, []Discounted{}
	counted := make([][]string, len(reqs)) // those whose approval stands, whoever is asked
	why := map[string]string{}
	note := func(login, reason string) { why[login] = cmp.Or(why[login], reason) }
	for _, r := range p.latest {
		if r.State != ReviewApproved {
			continue
		}
		if len(reqs) == 0 {
			note(r.Login, p.discount(r, p.counts(nil)))
		}
		for i := range reqs {
			reason := p.discount(r, reqs[i].counts)
			if reason == "" {
				counted[i] = append(counted[i], r.Login)
			}
			note(r.Login, reason)
		}
	}
	for i := range reqs {
		r := &reqs[i]
		if !slices.Contains(r.counts, CountContributors) {
			r.Extra = p.extra
		}
		t := tally{people: p, req: r, stand: counted[i], note: note}
		r.Met, r.Short = t.count(r.From)
		r.ApprovedBy = orEmpty(t.by)
		if !r.From.Nested() {
			r.Short = 0 // Missing tells
		}
		if !r.Met {
			r.Absent = p.absent(r.From)
			r.Can = p.candidates(r)
		}
		out = append(out, r.RequirementResult)
	}
	for _, r := range p.latest {
		used := slices.ContainsFunc(out, func(q RequirementResult) bool { return slices.Contains(q.ApprovedBy, r.Login) })
		if reason := why[r.Login]; r.State == ReviewApproved && reason != "" && !used {
			discounted = append(discounted, Discounted{Login: r.Login, Reason: reason})
		}
	}
	return out, discounted
}

// tally counts the approvals of one requirement.
type tally struct {
	*people
	req   *demand
	stand []string                   // whose approvals stand
	by    []string                   // whose approvals count towards some group
	note  func(login, reason string) // why somebody's does not
}

// count reports whether a group has agreed, and how many approvals are missing at least.
func (t *tally) count(who Who) (met bool, missing int) {
	switch {
	case len(who.And) > 0:
		met = true
		for _, g := range who.And {
			ok, n := t.count(g)
			met, missing = met && ok, missing+n
		}
		return met, missing
	case len(who.Or) > 0:
		missing = -1
		for _, g := range who.Or {
			ok, n := t.count(g)
			if met = met || ok; missing < 0 || n < missing {
				missing = n
			}
		}
		return met, missing
	}
	var by []string
	for _, login := range t.stand {
		if reason := t.lacks(login, who, t.req.counts); reason != "" {
			t.note(login, reason)
			continue
		}
		by = append(by, login)
		if !slices.Contains(t.by, login) {
			t.by = append(t.by, login)
		}
	}
	need := cmp.Or(who.Required, t.req.Count) + t.req.Extra
	missing = max(need-len(by), 0)
	if missing > 0 {
		return false, missing
	}
	if !t.ownersAgree(who, by) {
		return false, 0
	}
	return true, 0
}

// absent are those of whom a requirement asks in vain.
func (p *people) absent(from Who) []Absent {
	var out []Absent
	for _, a := range p.facts.Absent {
		named := false
		from.Each(func(who Who) {
			named = named || containsFold(who.Teams, a.Name) || containsFold(who.Users, a.Name) || who.Codeowners && p.ownsAny(a.Name)
		})
		if named {
			out = append(out, a)
		}
	}
	return out
}

func (p *people) ownsAny(name string) bool {
	return slices.ContainsFunc(p.facts.Files, func(f FileChange) bool { return containsFold(f.Owners, name) })
}

// maxCandidates bounds the list of those who can still approve.
const maxCandidates = 20

// candidates are those who are known to be asked and can still approve.
func (p *people) candidates(r *demand) []string {
	var out []string
	r.From.Each(func(who Who) {
		names := slices.Clone(who.Users)
		teams := slices.Clone(who.Teams)
		if who.Codeowners {
			for _, f := range p.facts.Files {
				names = append(names, f.Owners...)
				teams = append(teams, f.Owners...)
			}
		}
		for _, t := range p.facts.Teams {
			if containsFold(teams, t.Name) {
				names = append(names, t.Members...)
			}
		}
		for _, login := range names {
			if strings.Contains(login, "/") || containsFold(out, login) || containsFold(r.ApprovedBy, login) || missing(r.Absent, login) || p.conflicted(login, r.counts) != "" {
				continue
			}
			out = append(out, login)
		}
	})
	slices.Sort(out)
	return out[:min(len(out), maxCandidates)]
}

func missing(list []Absent, name string) bool {
	return slices.ContainsFunc(list, func(a Absent) bool { return strings.EqualFold(a.Name, name) })
}

// discount says why an approval counts towards nothing, whoever is asked, or "".
func (p *people) discount(r Review, counts []string) string {
	switch a := p.actors[fold(r.Login)]; {
	case r.Login == "":
		return "has no account any more"
	case a == nil:
		return "could not be looked up on GitHub"
	case a.Unasked:
		return "was not looked up, for too many others have reviewed this; dismiss the reviews of strangers"
	case a.Type != ActorUser && !slices.Contains(counts, CountBots):
		return "is a bot; only people approve"
	}
	if why := p.conflicted(r.Login, counts); why != "" {
		return why
	}
	return p.stale(r)
}

// conflicted says what keeps somebody from judging this change, because they had a hand in it, or "".
func (p *people) conflicted(name string, counts []string) string {
	pr, login := &p.facts.PullRequest, fold(name)
	author := login == fold(pr.Author)
	wrote := p.wrote[login]
	switch {
	case author && !slices.Contains(counts, CountAuthor):
		return "opened this pull request"
	case author:
		return "" // the author speaks for their own commits and pushes
	case len(wrote) > 0 && !slices.Contains(counts, CountContributors):
		return wrote[0] + " of this pull request"
	case slices.Contains(counts, CountLastPusher):
		return ""
	case slices.ContainsFunc(p.facts.Pushers, func(by string) bool { return fold(by) == login }):
		return "pushed " + short(pr.Head.SHA) + ", the commit that is to be approved"
	case len(p.facts.Pushers) == 0 && len(wrote) > 0:
		return "may have pushed " + short(pr.Head.SHA) + "; nobody can tell who did"
	}
	return ""
}

// lacks says what keeps somebody from being one of those who are asked, or "".
func (p *people) lacks(login string, who Who, counts []string) string {
	a := p.actors[fold(login)]
	if who.Codeowners && !p.anyOwners() {
		who.Codeowners = false // nobody owns what changes, so everybody with write access may speak for it
	}
	floor := PermissionWrite
	if who.Permission != "" && AtLeast(PermissionWrite, who.Permission) {
		floor = who.Permission
	}
	named := containsFold(who.Users, login)
	if a.Type != ActorUser && named || slices.Contains(counts, CountReaders) {
		floor = PermissionNone // a bot that is named has no permission of its own to look at
	}
	if !AtLeast(cmp.Or(a.Permission, PermissionNone), floor) {
		return fmt.Sprintf("has %s access to the repository; %s is needed", cmp.Or(a.Permission, PermissionNone), floor)
	}
	if who.Permission == "" && len(who.Users)+len(who.Teams) == 0 && !who.Codeowners {
		return ""
	}
	var missing []string
	if who.Permission != "" {
		if AtLeast(a.Permission, who.Permission) || floor == PermissionNone && who.Permission == PermissionWrite {
			return ""
		}
		missing = append(missing, fmt.Sprintf("has no %s access", who.Permission))
	}
	if len(who.Users) > 0 {
		if named {
			return ""
		}
		missing = append(missing, "is not one of the users asked")
	}
	if len(who.Teams) > 0 {
		if slices.ContainsFunc(a.Teams, func(t string) bool { return containsFold(who.Teams, t) }) {
			return ""
		}
		missing = append(missing, "is not a member of "+strings.Join(who.Teams, " or "))
	}
	if who.Codeowners {
		if slices.ContainsFunc(p.facts.Files, func(f FileChange) bool { return p.owns(a, f) }) {
			return ""
		}
		missing = append(missing, "owns none of the changed files")
	}
	return strings.Join(missing, " and ")
}

// ownersAgree reports whether, where code owners are asked and nobody else would do, every path that has owners has one of
// them among the approvers.
func (p *people) ownersAgree(who Who, by []string) bool {
	if !who.Codeowners || who.Permission != "" || len(who.Users)+len(who.Teams) > 0 {
		return true
	}
	for _, f := range p.facts.Files {
		if len(f.Owners) == 0 {
			continue
		}
		agreed := slices.ContainsFunc(by, func(login string) bool { return p.owns(p.actors[fold(login)], f) })
		if !agreed {
			return false
		}
	}
	return true
}

func (p *people) anyOwners() bool {
	return slices.ContainsFunc(p.facts.Files, func(f FileChange) bool { return len(f.Owners) > 0 })
}

func (p *people) owns(a *Actor, f FileChange) bool {
	return slices.ContainsFunc(f.Owners, func(o string) bool {
		return strings.EqualFold(o, a.Login) || containsFold(a.Teams, o)
	})
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(x string) bool { return strings.EqualFold(x, s) })
}
