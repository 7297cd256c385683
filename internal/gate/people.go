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
		if a == nil || a.Type != ActorUser || AtLeast(a.Permission, PermissionWrite) {
			out = append(out, r.Login)
		}
	}
	return out
}

// judge counts the approvals towards each requirement, and says of every other approval why it does not count.
func (p *people) judge(reqs []RequirementResult) ([]RequirementResult, []Discounted) {
	discounted := []Discounted{}
	for i := range reqs {
		reqs[i].ApprovedBy = []string{}
		reqs[i].Extra = p.extra
	}
	for _, r := range p.latest {
		if r.State != ReviewApproved {
			continue
		}
		if why := p.discount(r); why != "" {
			discounted = append(discounted, Discounted{Login: r.Login, Reason: why})
			continue
		}
		counted, why := false, ""
		for i := range reqs {
			if reason := p.lacks(r.Login, reqs[i].From); reason != "" {
				why = cmp.Or(why, reason)
				continue
			}
			reqs[i].ApprovedBy = append(reqs[i].ApprovedBy, r.Login)
			counted = true
		}
		if !counted && why != "" {
			discounted = append(discounted, Discounted{Login: r.Login, Reason: why})
		}
	}
	for i := range reqs {
		reqs[i].Met = reqs[i].Missing() == 0 && p.ownersAgree(&reqs[i])
	}
	return reqs, discounted
}

// discount says why an approval counts towards nothing, whoever is asked, or "".
func (p *people) discount(r Review) string {
	pr, login := &p.facts.PullRequest, fold(r.Login)
	author := login == fold(pr.Author)
	switch a := p.actors[login]; {
	case login == "":
		return "has no account any more"
	case a == nil:
		return "could not be looked up on GitHub"
	case a.Type != ActorUser:
		return "is a bot; only people approve"
	case author && !p.facts.Approvals.CountAuthor:
		return "opened this pull request"
	case author:
		// count_author lets the author speak for their own commits and pushes.
	case len(p.wrote[login]) > 0:
		return p.wrote[login][0] + " of this pull request"
	case slices.ContainsFunc(p.facts.Pushers, func(by string) bool { return fold(by) == login }):
		return "pushed " + short(pr.Head.SHA) + ", the commit that is to be approved"
	}
	return p.stale(r)
}

// lacks says what keeps somebody from being one of those who are asked, or "".
func (p *people) lacks(login string, who Who) string {
	a := p.actors[fold(login)]
	if who.Codeowners && !p.anyOwners() {
		who.Codeowners = false // nobody owns what changes, so everybody with write access may speak for it
	}
	floor := PermissionWrite
	if who.Permission != "" && AtLeast(PermissionWrite, who.Permission) {
		floor = who.Permission
	}
	if !AtLeast(a.Permission, floor) {
		return fmt.Sprintf("has %s access to the repository; %s is needed", cmp.Or(a.Permission, PermissionNone), floor)
	}
	if who.Permission == "" && len(who.Users)+len(who.Teams) == 0 && !who.Codeowners {
		return ""
	}
	var missing []string
	if who.Permission != "" {
		if AtLeast(a.Permission, who.Permission) {
			return ""
		}
		missing = append(missing, fmt.Sprintf("has no %s access", who.Permission))
	}
	if len(who.Users) > 0 {
		if containsFold(who.Users, login) {
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
func (p *people) ownersAgree(r *RequirementResult) bool {
	if !r.From.Codeowners || r.From.Permission != "" || len(r.From.Users)+len(r.From.Teams) > 0 {
		return true
	}
	for _, f := range p.facts.Files {
		if len(f.Owners) == 0 {
			continue
		}
		agreed := slices.ContainsFunc(r.ApprovedBy, func(login string) bool { return p.owns(p.actors[fold(login)], f) })
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
