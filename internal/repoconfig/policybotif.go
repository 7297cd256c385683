package repoconfig

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var over = regexp.MustCompile(`^>\s*(\d+)$`)

// conditions turns the predicates of a rule into when.
func (m *migration) conditions(r *policyRule) (out map[string]any, whole bool) {
	out, whole = map[string]any{}, true
	for _, name := range names(r.If) {
		node := r.If[name]
		if !m.condition(out, name, &node) {
			whole = false
			m.leave("%q: the condition %s, without which the rule asks more often", r.Name, name)
		}
	}
	return out, whole
}

// condition reports whether a predicate has an equivalent, which it puts down.
func (m *migration) condition(out map[string]any, name string, node *yaml.Node) bool {
	var v struct {
		Paths         []string `yaml:"paths"`
		Ignore        []string `yaml:"ignore"`
		Users         []string `yaml:"users"`
		Teams         []string `yaml:"teams"`
		Organizations []string `yaml:"organizations"`
		Pattern       string   `yaml:"pattern"`
		Additions     string   `yaml:"additions"`
		Deletions     string   `yaml:"deletions"`
		Total         string   `yaml:"total"`
		Matches       []string `yaml:"matches"`
		NotMatches    []string `yaml:"not_matches"`
		Conclusions   []string `yaml:"conclusions"`
		Statuses      []string `yaml:"statuses"`
		Workflows     []string `yaml:"workflows"`
	}
	if node.Kind == yaml.MappingNode && node.Decode(&v) != nil {
		return false
	}
	switch name {
	case "changed_files":
		out["paths"] = expressions(v.Paths)
		return len(v.Paths) > 0 && len(v.Ignore) == 0
	case "only_changed_files":
		out["only_paths"] = expressions(v.Paths)
		return len(v.Paths) > 0
	case "has_author_in", "has_contributor_in", "only_has_contributors_in":
		who := map[string]any{}
		if len(v.Users) > 0 {
			who["users"] = v.Users
		}
		if len(v.Teams) > 0 {
			who["teams"] = v.Teams
		}
		if len(who) == 0 || len(v.Organizations) > 0 {
			return false
		}
		out[map[string]string{"has_author_in": "author", "has_contributor_in": "contributor", "only_has_contributors_in": "contributors_only"}[name]] = who
		return true
	case "targets_branch", "from_branch":
		out[map[string]string{"targets_branch": "base_branch", "from_branch": "head_branch"}[name]] = expressions([]string{v.Pattern})
		return v.Pattern != ""
	case "modified_lines":
		size, given := map[string]any{}, 0
		for key, text := range map[string]string{"added_over": v.Additions, "removed_over": v.Deletions, "lines_over": v.Total} {
			if text != "" {
				given++
			}
			if n := over.FindStringSubmatch(strings.TrimSpace(text)); n != nil {
				size[key], _ = strconv.Atoi(n[1])
			}
		}
		if given != 1 || len(size) != 1 { // any of several is enough there, all of them here
			return false
		}
		out["size"] = size
		return true
	case "title":
		out["title"] = expressions(v.Matches)
		return len(v.Matches) > 0 && len(v.NotMatches) == 0
	case "has_labels":
		var labels []string
		if node.Decode(&labels) != nil || len(labels) != 1 { // all of them there, any here
			return false
		}
		out["labels"] = labels
		return true
	case "has_valid_signatures":
		out["signed"] = node.Value == "true"
		return true
	case "has_successful_status":
		var list []string
		return node.Decode(&list) == nil && concluded(out, "checks", list, []string{"success"})
	case "has_status":
		return concluded(out, "checks", v.Statuses, v.Conclusions)
	case "has_workflow_result":
		return concluded(out, "workflows", v.Workflows, v.Conclusions)
	}
	return false
}

func concluded(out map[string]any, key string, list, conclusions []string) bool {
	if len(list) == 0 {
		return false
	}
	if len(conclusions) == 0 {
		conclusions = []string{"success"}
	}
	wanted := map[string]any{}
	for _, name := range list {
		wanted[name] = conclusions
	}
	out[key] = wanted
	return true
}

// expressions marks regular expressions as such.
func expressions(list []string) []string {
	var out []string
	for _, e := range list {
		out = append(out, "/"+e+"/")
	}
	return out
}
