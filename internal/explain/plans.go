package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// actionRank orders changes by the attention that they deserve.
func actionRank(action string) int {
	i := slices.Index([]string{"delete", "replace", "forget", "update", "create", "read", "no-op"}, action)
	if i < 0 {
		return 0 // a word that nobody knows must not hide at the end
	}
	return i
}

// plans shows each plan and the manifests as one folded list: the counts in its title, what is lost first.
func (p *page) plans(limit int) string {
	var b strings.Builder
	rest := slices.Clone(p.c.Changes)
	for _, plan := range p.c.Plans {
		var mine []gate.Change
		mine, rest = changesOf(plan, rest, len(p.c.Plans) == 1)
		title := "Plan for " + htmlText(cmp.Or(plan.Dir, "."))
		if plan.Workspace != "" && plan.Workspace != "default" {
			title += ", workspace " + htmlText(plan.Workspace)
		}
		b.WriteString(p.changes(title+origin(plan, p.c.Author), mine, limit-b.Len()))
	}
	kinds := map[string][]gate.Change{}
	for _, c := range rest {
		kinds[c.Kind] = append(kinds[c.Kind], c)
	}
	names := make([]string, 0, len(kinds))
	for kind := range kinds {
		names = append(names, kind)
	}
	slices.Sort(names)
	for _, kind := range names {
		b.WriteString(p.changes(kindTitle(kind), kinds[kind], limit-b.Len()))
	}
	return b.String()
}

func kindTitle(kind string) string {
	switch kind {
	case gate.KindKubernetes:
		return "Kubernetes objects"
	case gate.KindTerraform:
		return "Terraform resources"
	}
	return htmlText(kind)
}

// origin says who made a plan: one that the pull request brings along is the author's word, not a workflow's.
func origin(plan gate.Plan, author string) string {
	switch plan.Source {
	case "committed":
		if author != "" {
			return ", written by the author (" + htmlText(author) + ")"
		}
		return ", written by the author"
	case "artifact":
		return ", from a workflow's artifact"
	case "oidc":
		return ", sent by a workflow"
	}
	return ""
}

// changesOf splits the changes into those of a plan and the others: by the plan's file, else by its directory.
func changesOf(plan gate.Plan, all []gate.Change, only bool) (mine, others []gate.Change) {
	dir := strings.TrimSuffix(strings.TrimPrefix(plan.Dir, "./"), "/")
	for _, c := range all {
		under := dir == "" || dir == "." || strings.HasPrefix(c.File, dir+"/")
		sameFile := plan.File != "" && c.File == plan.File
		elsewhere := plan.File != "" && c.File != "" && !sameFile
		if c.Kind == gate.KindTerraform && (only || sameFile || under && !elsewhere) {
			mine = append(mine, c)
		} else {
			others = append(others, c)
		}
	}
	return mine, others
}

// changes is one folded list of changes. The title is HTML.
func (p *page) changes(title string, list []gate.Change, limit int) string {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b gate.Change) int {
		return cmp.Compare(actionRank(gate.Action(a.Actions)), actionRank(gate.Action(b.Actions)))
	})
	if len(list) == 0 {
		return ""
	}
	return p.folded(title+": "+tally(list), len(list), limit, func(i int) string {
		action := gate.Action(list[i].Actions)
		s := cmp.Or(brief(action, 50), "change")
		if action == "delete" || action == "replace" {
			s = "**" + s + "**"
		}
		return "- " + s + " " + code(list[i].Resource) + "\n" + p.values(&list[i])
	})
}

// tally is "2 to add, 1 to change, 1 to replace, 1 to delete".
func tally(list []gate.Change) string {
	n := map[string]int{}
	for _, c := range list {
		n[gate.Action(c.Actions)]++
	}
	var parts []string
	for _, x := range []struct{ action, word string }{
		{"create", "to add"}, {"update", "to change"}, {"replace", "to replace"}, {"delete", "to delete"}, {"forget", "to forget"},
		{"read", "to read"},
	} {
		if n[x.action] > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", thousands(n[x.action]), x.word))
		}
	}
	if len(parts) == 0 {
		return "nothing changes"
	}
	return strings.Join(parts, ", ")
}
