package repoconfig

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// maxGroups is how deep groups of approvers may nest.
const maxGroups = 5

func (v *validator) approvals(a *Approvals) {
	v.count("approvals.required", *a.Required, 0)
	v.from("approvals.from", a.From, 0)
	v.counted("approvals.count", a.Count)
	for i, c := range a.Comments {
		if strings.TrimSpace(c) == "" || strings.Contains(c, "\n") || strings.HasPrefix(c, "/gatehouse") {
			v.add(fmt.Sprintf("approvals.comments.%d", i), "%q cannot be the first line of a comment that approves", c)
		}
	}
	if r := a.Request; r != nil && (!r.Teams && r.People == 0 || r.People < 0 || r.People > 15) {
		v.add("approvals.request", "wants teams: true, or people: 1 to 15")
	}
	for i, r := range a.Rules {
		key := fmt.Sprintf("approvals.rules.%d", i)
		if strings.TrimSpace(r.Name) == "" {
			v.add(key+".name", "is missing; the comment tells people which rule asks them by it")
		}
		v.count(key+".required", r.Required, 1)
		v.from(key+".from", r.From, 0)
		if r.Count != nil {
			v.counted(key+".count", *r.Count)
		}
		v.when(key+".when", r.When)
		if r.Unless != nil {
			v.when(key+".unless", *r.Unless)
			if r.Unless.none() {
				v.add(key+".unless", "has no condition, so that the rule would never apply")
			}
		}
	}
}

// counted checks a list of those whose approvals count although they would not.
func (v *validator) counted(key string, list []string) {
	for _, c := range list {
		v.word(key, c, gate.CountAuthor, gate.CountContributors, gate.CountLastPusher, gate.CountBots, gate.CountReaders)
	}
}

// word checks that a value is one of a few.
func (v *validator) word(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		last := len(allowed) - 1
		v.add(key, "%q is not known here; wanted: %s or %s", value, strings.Join(allowed[:last], ", "), allowed[last])
	}
}

// none reports whether there is no condition at all.
func (w When) none() bool {
	return len(w.Paths)+len(w.OnlyPaths)+len(w.Kinds)+len(w.Resources)+len(w.Actions)+len(w.Environments)+len(w.Labels)+len(w.Title)+
		len(w.BaseBranch)+len(w.HeadBranch)+len(w.Checks)+len(w.Workflows)+len(w.Properties) == 0 &&
		w.Findings == nil && w.Fork == nil && w.Draft == nil && w.Author == nil && w.Contributor == nil &&
		w.ContributorsOnly == nil && w.Size == nil && w.Signed == nil
}

// conclusions are GitHub's words for how a check or workflow ended.
var conclusions = [...]string{
	"success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required", "stale", "startup_failure", "error",
}

func (v *validator) when(key string, w When) {
	for name, patterns := range map[string][]string{
		"paths": w.Paths, "only_paths": w.OnlyPaths, "resources": w.Resources, "labels": w.Labels, "title": w.Title,
		"base_branch": w.BaseBranch, "head_branch": w.HeadBranch,
	} {
		v.globs(key+"."+name, patterns)
	}
	for _, kind := range w.Kinds {
		v.word(key+".kinds", kind, "added", "modified", "removed", "renamed", "changed")
	}
	for _, action := range w.Actions {
		if !oneOf(action, "create", "update", "delete", "replace", "read", "forget") {
			v.add(key+".actions", "%q is no action; wanted: create, update, delete, replace, read or forget", action)
		}
	}
	if f := w.Findings; f != nil {
		v.globs(key+".findings.rules", f.Rules)
		for _, s := range f.Severities {
			v.word(key+".findings.severities", s, gate.SeverityCritical, gate.SeverityHigh, gate.SeverityMedium, gate.SeverityLow)
		}
	}
	for name, p := range map[string]*People{"author": w.Author, "contributor": w.Contributor, "contributors_only": w.ContributorsOnly} {
		if p != nil {
			v.from(key+"."+name, From{Permission: p.Permission, Users: p.Users, Teams: p.Teams}, 0)
			if len(p.Users)+len(p.Teams) == 0 && p.Permission == "" {
				v.add(key+"."+name, "names nobody; give users, teams or a permission")
			}
		}
	}
	if s := w.Size; s != nil {
		for name, n := range map[string]*int{"files_over": s.FilesOver, "lines_over": s.LinesOver, "added_over": s.AddedOver, "removed_over": s.RemovedOver} {
			if n != nil && *n < 0 {
				v.add(key+".size."+name, "is %d; wanted: 0 or more", *n)
			}
		}
	}
	for name, wanted := range map[string]map[string][]string{"checks": w.Checks, "workflows": w.Workflows} {
		for check, list := range wanted {
			if len(list) == 0 {
				v.add(key+"."+name+"."+check, "lists no conclusion; wanted: for example [success]")
			}
			for _, c := range list {
				v.word(key+"."+name+"."+check, c, conclusions[:]...)
			}
		}
	}
	for property, values := range w.Properties {
		v.globs(key+".properties."+property, values)
	}
}

func (v *validator) requiredChecks(list []RequiredCheck) {
	for i, c := range list {
		if key := fmt.Sprintf("required_checks.%d", i); strings.TrimSpace(c.Name) == "" {
			v.add(key, "has no name")
		} else if c.Name == "gatehouse" {
			v.add(key, "is Gatehouse's own check, which would wait for itself")
		}
	}
}

func (v *validator) from(key string, f From, depth int) {
	if f.Permission != "" && (!gate.AtLeast(f.Permission, gate.PermissionRead)) {
		v.add(key+".permission", "is %q; wanted: read, triage, write, maintain or admin", f.Permission)
	}
	for _, t := range f.Teams {
		if !teamName.MatchString(t) {
			v.add(key+".teams", "%q is not a team; write ORGANISATION/TEAM", t)
		}
	}
	for _, u := range f.Users {
		if !userName.MatchString(u) {
			v.add(key+".users", "%q is not a login; write it without @", u)
		}
	}
	if f.Required != 0 {
		v.count(key+".required", f.Required, 1)
		if depth == 0 {
			v.add(key+".required", "belongs beside from; within from it is for the groups of and, or")
		}
	}
	groups := len(f.And) + len(f.Or)
	switch leaf := f.Permission != "" || len(f.Users)+len(f.Teams) > 0 || f.Codeowners || f.Required != 0; {
	case groups > 0 && leaf, len(f.And) > 0 && len(f.Or) > 0:
		v.add(key, "has and or or beside something else; put the other into a group of its own")
	case groups == 0 && !leaf && depth > 0:
		v.add(key, "names nobody")
	case depth > maxGroups:
		v.add(key, "nests groups more than %d deep", maxGroups)
		return
	}
	for i, g := range f.And {
		v.from(fmt.Sprintf("%s.and.%d", key, i), g, depth+1)
	}
	for i, g := range f.Or {
		v.from(fmt.Sprintf("%s.or.%d", key, i), g, depth+1)
	}
}
