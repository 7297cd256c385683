package githubsim

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

// RequiredCheck is a status check that must pass. AppID pins it to one App; 0 takes it from anyone.
type RequiredCheck struct {
	Context string
	AppID   int64
}

// Protection is classic protection of a branch.
type Protection struct {
	RequiredChecks []RequiredCheck
	Strict         bool // the head must contain the base branch's tip
	// RequirePR asks for a pull request; RequiredReviews above 0 does so too.
	RequirePR       bool
	RequiredReviews int
	DismissStale    bool
	RequireLastPush bool // somebody other than the last pusher must approve the head
	EnforceAdmins   bool
	Linear          bool
	AllowForcePush  bool
	AllowDeletion   bool
	// PushAllowed restricts pushes to these logins; nil does not.
	PushAllowed []string
}

// BypassActor may go around a ruleset. Type is OrganizationAdmin, RepositoryRole (ID 5 admin, 2 maintain, 4 write), Team or
// Integration (ID of the team or App); Mode is always, pull_request or exempt.
type BypassActor struct {
	Type string
	ID   int64
	Mode string
}

// RulesetSpec is a branch ruleset.
type RulesetSpec struct {
	Name        string
	Enforcement string   // active (when ""), evaluate, disabled
	Branches    []string // "~DEFAULT_BRANCH" (when nil), "~ALL", "refs/heads/release/*"
	Exclude     []string
	Bypass      []BypassActor
	// Repositories are those that an organisation's ruleset is for, by name; nil: all of them.
	Repositories []string

	RequiredChecks   []RequiredCheck
	Strict           bool
	RequirePR        bool
	RequiredReviews  int
	DismissStale     bool
	RequireLastPush  bool
	Linear           bool
	BlockForcePush   bool
	BlockDeletion    bool
	RequireSignature bool // this and the two below are reported, not enforced
	CodeOwners       bool
	ResolveThreads   bool
}

// rules are what one source of protection, or all together, ask of a branch.
type rules struct {
	checks                 []RequiredCheck
	strict, needPR, linear bool
	reviews                int
	dismissStale, lastPush bool
	noForce, noDelete      bool
	pushAllowed            []string
	bypass                 func(a actor, viaPR bool) bool
}

// Protect sets a branch's classic protection; the branch may be a pattern. It sends branch_protection_rule.
func (r *Repo) Protect(branch string, p Protection) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	action := "created"
	if r.protections[branch] != nil {
		action = "edited"
	}
	r.protections[branch] = &p
	r.s.emit("branch_protection_rule", action, r, r.someOwner(), object{"rule": r.ruleJSON(branch, &p), "changes": object{}})
}

// Unprotect removes classic protection and sends branch_protection_rule.deleted.
func (r *Repo) Unprotect(branch string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if p := r.protections[branch]; p != nil {
		delete(r.protections, branch)
		r.s.emit("branch_protection_rule", "deleted", r, r.someOwner(), object{"rule": r.ruleJSON(branch, p)})
	}
}

func (r *Repo) protection(branch string) *Protection {
	if p := r.protections[branch]; p != nil {
		return p
	}
	for _, pattern := range sortedKeys(r.protections) {
		if matched, err := path.Match(pattern, branch); err == nil && matched {
			return r.protections[pattern]
		}
	}
	return nil
}

// sources are the protections of a branch, each with its own way around.
func (r *Repo) sources(branch string) []rules {
	var out []rules
	if p := r.protection(branch); p != nil {
		out = append(out, rules{
			checks: p.RequiredChecks, strict: p.Strict, needPR: p.RequirePR || p.RequiredReviews > 0, linear: p.Linear,
			reviews: p.RequiredReviews, dismissStale: p.DismissStale, lastPush: p.RequireLastPush, noForce: !p.AllowForcePush,
			noDelete: !p.AllowDeletion, pushAllowed: p.PushAllowed,
			bypass: func(a actor, _ bool) bool { return !p.EnforceAdmins && a.inst == nil && r.roleOf(a.user) == roleAdmin },
		})
	}
	for _, rs := range r.allRulesets() {
		if rs.covers(r, branch) {
			sp := rs.spec
			out = append(out, rules{
				checks: sp.RequiredChecks, strict: sp.Strict, needPR: sp.RequirePR || sp.RequiredReviews > 0, linear: sp.Linear,
				reviews: sp.RequiredReviews, dismissStale: sp.DismissStale, lastPush: sp.RequireLastPush, noForce: sp.BlockForcePush,
				noDelete: sp.BlockDeletion,
				bypass:   func(a actor, viaPR bool) bool { return rs.bypassed(r, a, viaPR) },
			})
		}
	}
	return out
}

// rulesFor is everything together, for showing.
func (r *Repo) rulesFor(branch string) rules {
	var all rules
	for _, s := range r.sources(branch) {
		all.checks = append(all.checks, s.checks...)
		all.reviews = max(all.reviews, s.reviews)
		all.strict, all.needPR, all.linear = all.strict || s.strict, all.needPR || s.needPR, all.linear || s.linear
		all.dismissStale, all.lastPush = all.dismissStale || s.dismissStale, all.lastPush || s.lastPush
	}
	return all
}

func (r *Repo) isProtected(branch string) bool { return len(r.sources(branch)) > 0 }

// checkState is success, expected, pending or failing for one required check on a commit. All statuses and check runs of that
// name count; a pinned one only from its App. Neutral and skipped pass, as on GitHub.
func (r *Repo) checkState(rc RequiredCheck, sha string) string {
	state := "expected"
	see := func(passed, done bool) {
		switch {
		case done && !passed:
			state = "failing"
		case !done && state != "failing":
			state = "pending"
		case passed && state == "expected":
			state = "success"
		}
	}
	for _, cr := range latestRuns(r.runsAt(sha)) {
		if cr.name == rc.Context && (rc.AppID == 0 || rc.AppID == cr.suite.app.id) {
			see(slices.Contains([]string{"success", "neutral", "skipped"}, cr.conclusion), cr.status == "completed")
		}
	}
	for _, st := range r.statusesAt(sha, true) {
		if st.context == rc.Context && (rc.AppID == 0 || (st.creator.app != nil && rc.AppID == st.creator.app.id)) {
			see(st.state == "success", st.state != "pending")
		}
	}
	return state
}

func (r *Repo) anyFailing(sha string) bool {
	for _, cr := range latestRuns(r.runsAt(sha)) {
		if r.checkState(RequiredCheck{Context: cr.name}, sha) != "success" {
			return true
		}
	}
	return slices.ContainsFunc(r.statusesAt(sha, true), func(st *status) bool { return st.state != "success" })
}

// checkBlockers says in GitHub's words which required checks are not there.
func (r *Repo) checkBlockers(checks []RequiredCheck, sha string) []string {
	var names, states []string
	for _, rc := range checks {
		if st := r.checkState(rc, sha); st != "success" {
			names, states = append(names, rc.Context), append(states, st)
		}
	}
	words := map[string]string{"expected": "is expected", "pending": "is in progress", "failing": "is failing"}
	switch {
	case len(names) == 0:
		return nil
	case len(names) == 1:
		return []string{fmt.Sprintf("Required status check %q %s.", names[0], words[states[0]])}
	}
	failing := 0
	for _, st := range states {
		if st == "failing" {
			failing++
		}
	}
	if failing > 0 {
		return []string{fmt.Sprintf("%d of %d required status checks have not succeeded: %d failing.", len(names), len(checks), failing)}
	}
	return []string{fmt.Sprintf("%d of %d required status checks are expected.", len(names), len(checks))}
}

// reviewBlockers counts the latest state of each reviewer with write access, as branch protection does.
func (p *PR) reviewBlockers(need rules) []string {
	if need.reviews == 0 {
		return nil
	}
	latest := map[*User]*Review{}
	for _, rv := range p.reviews {
		if rv.state != Commented && p.repo.roleOf(rv.user) >= roleWrite {
			latest[rv.user] = rv
		}
	}
	approved, fresh, changes := 0, false, false
	for u, rv := range latest { // only counted, so the order does not matter
		switch rv.state {
		case Approved:
			approved++
			fresh = fresh || (rv.commit == p.headSHA && u != p.lastPusher)
		case ChangesRequested:
			changes = true
		}
	}
	switch {
	case changes:
		return []string{"Changes have been requested by a reviewer with write access."}
	case approved < need.reviews && need.reviews == 1:
		return []string{"At least 1 approving review is required by reviewers with write access."}
	case approved < need.reviews:
		return []string{fmt.Sprintf("At least %d approving reviews are required by reviewers with write access.", need.reviews)}
	case need.lastPush && !fresh:
		return []string{"New changes require approval from someone other than the last pusher."}
	}
	return nil
}

// blockers says what one source of rules still asks of a pull request.
func (p *PR) blockers(need rules) []string {
	out := p.reviewBlockers(need)
	if need.strict && len(need.checks) > 0 && !p.repo.isAncestor(p.repo.tip(p.baseRef), p.headSHA) {
		return append(out, fmt.Sprintf("%d of %d required status checks are expected.", len(need.checks), len(need.checks)))
	}
	return append(out, p.repo.checkBlockers(need.checks, p.headSHA)...)
}

// mayPush checks a push of one branch, new commits included, against access and protection.
func (r *Repo) mayPush(a actor, branch, old, sha string) error {
	if a.inst == nil && r.roleOf(a.user) < roleWrite {
		return refuse(http.StatusForbidden, "Permission to %s denied to %s.", r.fullName(), a.user.login)
	}
	for _, need := range r.sources(branch) {
		if old == zeroSHA || need.bypass(a, false) {
			continue
		}
		why := r.pushBlockers(need, a, old, sha)
		if len(why) > 0 {
			return refuse(http.StatusUnprocessableEntity, "GH006: Protected branch update failed for refs/heads/%s.\n\n- %s",
				branch, strings.Join(why, "\n\n- "))
		}
	}
	return nil
}

func (r *Repo) pushBlockers(need rules, a actor, old, sha string) []string {
	if sha == zeroSHA {
		if need.noDelete {
			return []string{"Cannot delete this branch"}
		}
		return nil
	}
	var why []string
	if need.noForce && !r.isAncestor(old, sha) {
		why = append(why, "Cannot force-push to this branch")
	}
	if need.needPR {
		why = append(why, "Changes must be made through a pull request.")
	}
	if need.pushAllowed != nil && !slices.ContainsFunc(need.pushAllowed, func(l string) bool { return key(l) == key(a.user.login) }) {
		why = append(why, "You're not authorized to push to this branch.")
	}
	return append(why, r.checkBlockers(need.checks, sha)...)
}
