package posture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// source is one protection of the branch. GitHub applies all of them together, each with exceptions of its own: so what one
// source asks of everybody holds, whatever the others allow.
type source struct {
	name          string
	checks        []Check
	pull, stale   bool
	reviews       int
	noForce       bool
	noDelete      bool
	partial       bool // only checks and admins are known
	admins        bool // may bypass it
	others        []string
	exceptUnknown bool
	without       []string
}

type judge struct {
	branch  Branch
	app     int64
	sources []source
	gating  []source // those that require the check of this very App
	dormant []string // rulesets that would require it, were they active
}

func (j *judge) collect() {
	if c := j.branch.Classic; c != nil {
		j.sources = append(j.sources, source{
			name: "branch protection", checks: c.Checks, pull: c.PullRequest, reviews: c.Reviews, stale: c.DismissStale,
			noForce: !c.AllowForce && !c.Partial, noDelete: !c.AllowDelete && !c.Partial, partial: c.Partial, admins: !c.EnforceAdmins, without: c.Without,
		})
	}
	for _, r := range j.branch.Rulesets {
		name := fmt.Sprintf("the ruleset %q", r.Name)
		if r.Source != "" && !strings.EqualFold(r.Source, j.branch.Repository) {
			name += " of " + r.Source
		}
		if !r.Applies {
			if slices.ContainsFunc(r.Checks, j.ours) && r.Enforcement != "active" {
				j.dormant = append(j.dormant, fmt.Sprintf("%s would require it, but its enforcement is %q", name, r.Enforcement))
			}
			continue
		}
		s := source{
			name: name, checks: r.Checks, pull: r.PullRequest, reviews: r.Reviews, stale: r.DismissStale,
			noForce: r.BlockForce, noDelete: r.BlockDelete, exceptUnknown: !r.BypassKnown,
		}
		for _, a := range r.Bypass {
			s.admins = s.admins || a.administrators()
			if !a.administrators() {
				s.others = append(s.others, a.String())
			}
		}
		j.sources = append(j.sources, s)
	}
	for _, s := range j.sources {
		if slices.ContainsFunc(s.checks, j.ours) {
			j.gating = append(j.gating, s)
		}
	}
}

func (j *judge) ours(c Check) bool { return c.Name == CheckName && c.AppID == j.app }

func (a Actor) administrators() bool {
	return a.Type == "OrganizationAdmin" || a.Type == "EnterpriseOwner" || a.Type == "RepositoryRole" && a.ID == 5
}

// String names the actor for people: "team 7 (always)".
func (a Actor) String() string {
	name := a.Type + " " + strconv.FormatInt(a.ID, 10)
	switch a.Type {
	case "RepositoryRole":
		name = map[int64]string{1: "everybody who may read", 2: "everybody who may maintain", 3: "everybody who may triage", 4: "everybody who may write",
			5: "administrators of the repository"}[a.ID]
		if name == "" {
			name = fmt.Sprintf("the custom role %d", a.ID)
		}
	case "OrganizationAdmin":
		name = "owners of the organisation"
	case "EnterpriseOwner":
		name = "owners of the enterprise"
	case "Team":
		name = fmt.Sprintf("team %d", a.ID)
	case "Integration":
		name = fmt.Sprintf("App %d", a.ID)
	case "DeployKey":
		name = "deploy keys"
	case "User":
		name = fmt.Sprintf("user %d", a.ID)
	}
	return fmt.Sprintf("%s (%s)", name, a.Mode)
}

// fix is what to do about most things.
const fix = "An administrator can run `gatehouse doctor --fix`, or set it under Settings, Rules."

// missing is a finding for what no source gives: unknown while something was not read that might give it.
func (j *judge) missing(point, says, do string) Finding {
	unread := slices.Clone(j.branch.Unread)
	if len(unread) == 0 && slices.ContainsFunc(j.sources, func(s source) bool { return s.partial }) && point != Required && point != Pinned {
		unread = []string{grant}
	}
	if len(unread) > 0 {
		return Finding{Point: point, State: Unknown, Says: "Not all of the protection could be read.", Do: strings.Join(unread, " ")}
	}
	return Finding{Point: point, State: Problem, Says: says, Do: do}
}

// grant is what lets the App read classic protection.
const grant = "Grant the App the permission Administration: read, and let an owner accept it."

func (j *judge) required() Finding {
	var where []string
	for _, s := range j.sources {
		if slices.ContainsFunc(s.checks, func(c Check) bool { return c.Name == CheckName }) {
			where = append(where, s.name)
		}
	}
	if len(where) > 0 {
		return Finding{Point: Required, State: OK, Says: "Required by " + list(where) + "."}
	}
	says := "The check gatehouse is not required: anything can be merged."
	if len(j.dormant) > 0 {
		says += " " + capital(list(j.dormant)) + "."
	}
	return j.missing(Required, says, fix)
}

func (j *judge) pinned() Finding {
	if len(j.gating) > 0 {
		return Finding{Point: Pinned, State: OK, Says: fmt.Sprintf("Only App %d can give the check.", j.app)}
	}
	for _, s := range j.sources {
		for _, c := range s.checks {
			switch {
			case c.Name != CheckName:
			case c.AppID != 0:
				return j.missing(Pinned, fmt.Sprintf("%s wants the check from App %d, which is not this one (%d): nothing can pass, or another decides.", capital(s.name), c.AppID, j.app), fix)
			default:
				return j.missing(Pinned, fmt.Sprintf("%s takes the check from any source: everybody with write access can post a status of that name.", capital(s.name)), fix)
			}
		}
	}
	return j.missing(Pinned, "Nothing is pinned to the App, as the check is not required.", fix)
}

// showBypass is what to do where GitHub does not say who may bypass a ruleset.
const showBypass = "GitHub shows who may bypass a ruleset only to those who may change it: run `gatehouse doctor` with an administrator's GITHUB_TOKEN."

func (j *judge) administrators() Finding {
	var may []string
	unknown := false
	for _, s := range j.gating {
		switch {
		case s.exceptUnknown:
			unknown = true
		case s.admins:
			may = append(may, s.name)
		default:
			return Finding{Point: Administrators, State: OK, Says: "Bound by " + s.name + "."}
		}
	}
	switch {
	case unknown:
		return Finding{Point: Administrators, State: Unknown, Says: "It could not be read whether administrators are excepted.", Do: showBypass}
	case len(may) > 0:
		return j.missing(Administrators, "Administrators may merge over a failing check: they are excepted from "+list(may)+".", fix)
	}
	return j.missing(Administrators, "Administrators are not bound, as the check of this App is not required.", fix)
}

func (j *judge) bypass() Finding {
	var who []string
	unknown := false
	for _, s := range j.gating {
		if !s.exceptUnknown && !s.admins && len(s.others) == 0 {
			return Finding{Point: Bypass, State: OK, Says: "Nobody may bypass " + s.name + "."}
		}
		unknown = unknown || s.exceptUnknown
		for _, o := range s.others {
			who = append(who, fmt.Sprintf("%s: %s", o, s.name))
		}
	}
	switch {
	case len(who) > 0:
		return j.missing(Bypass, "Some may bypass the check: "+list(who)+".", fix)
	case unknown:
		return Finding{Point: Bypass, State: Unknown, Says: "It could not be read who may bypass the check.", Do: showBypass}
	case len(j.gating) > 0:
		return Finding{Point: Bypass, State: OK, Says: "Nobody but administrators may bypass the check."}
	}
	return j.missing(Bypass, "Nothing has to be bypassed, as the check of this App is not required.", fix)
}

func (j *judge) reviews() Finding {
	most, pull := 0, false
	var without []string
	for _, s := range j.sources {
		most, pull = max(most, s.reviews), pull || s.pull || s.reviews > 0
		without = append(without, s.without...)
	}
	switch {
	case most > 0:
		says := fmt.Sprintf("%d approving review is needed.", most)
		if most > 1 {
			says = fmt.Sprintf("%d approving reviews are needed.", most)
		}
		if len(without) > 0 {
			says += " Branch protection lets " + list(without) + " push without a pull request."
		}
		return Finding{Point: Reviews, State: OK, Says: says}
	case pull:
		return j.missing(Reviews, "A pull request is needed, but GitHub itself asks for no approving review.", fix)
	}
	return j.missing(Reviews, "No pull request is needed: whoever may write can push to the branch.", fix)
}

func (j *judge) stale() Finding {
	return j.any(Stale, func(s source) bool { return s.stale }, "New commits dismiss approvals", "New commits leave old approvals standing on GitHub; Gatehouse does not count them.")
}

func (j *judge) forcePush() Finding {
	return j.any(ForcePush, func(s source) bool { return s.noForce }, "Off", "History can be rewritten by a force push.")
}

func (j *judge) deletion() Finding {
	return j.any(Deletion, func(s source) bool { return s.noDelete }, "Off", "The branch can be deleted.")
}

// any is a finding that is fine when one source gives it.
func (j *judge) any(point string, gives func(source) bool, fine, says string) Finding {
	var where []string
	for _, s := range j.sources {
		if gives(s) {
			where = append(where, s.name)
		}
	}
	if len(where) > 0 {
		return Finding{Point: point, State: OK, Says: fine + ": " + list(where) + "."}
	}
	return j.missing(point, says, fix)
}

func list(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
