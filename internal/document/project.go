package document

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

const planSuffix = ".tfplan.json"

// cleanDir is a configured directory as the paths of a tree spell it; "" is the root.
func cleanDir(dir string) string {
	dir = strings.Trim(path.Clean("/"+strings.TrimSpace(dir)), "/")
	return dir
}

// workspaceOf is the workspace that a plan's file name NAME.WORKSPACE.tfplan.json says; "" when it says none.
func workspaceOf(file string) string {
	name, ok := strings.CutSuffix(path.Base(file), planSuffix)
	if !ok {
		return ""
	}
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		return name[dot+1:]
	}
	return ""
}

// projectOf is the project that a plan belongs to: the one whose directory is the longest prefix of its path; outside every
// project's directory the only project. Its workspace is what the plan says, else the project's, else default. Without
// configured projects, a plan's own directory is its project.
func projectOf(plan PlanFile, projects []Project) (Project, *gate.Problem) {
	dir, workspace := cleanDir(plan.Dir), plan.Workspace
	if plan.Dir == "" {
		dir = cleanDir(path.Dir(plan.File))
	}
	if workspace == "" {
		workspace = workspaceOf(plan.File)
	}
	if len(projects) == 0 {
		return Project{Dir: dir, Workspace: orDefault(workspace)}, nil
	}
	longest := -1
	for _, project := range projects {
		if d := cleanDir(project.Dir); under(d, dir) {
			longest = max(longest, len(d))
		}
	}
	var candidates []Project
	for _, project := range projects {
		if d := cleanDir(project.Dir); longest < 0 && len(projects) == 1 || under(d, dir) && len(d) == longest {
			project.Dir, project.Workspace = d, orDefault(project.Workspace)
			candidates = append(candidates, project)
		}
	}
	return pick(plan, candidates, workspace)
}

// pick chooses among the workspaces of one directory.
func pick(plan PlanFile, candidates []Project, workspace string) (Project, *gate.Problem) {
	problem := &gate.Problem{Code: "terraform", File: plan.File}
	switch {
	case len(candidates) == 0:
		problem.Message = "is a plan outside every project's directory"
		problem.Remedy = "Put it below the directory of one of terraform.projects, or add its project to the configuration."
		return Project{}, problem
	case len(candidates) == 1:
		if workspace != "" {
			candidates[0].Workspace = workspace
		}
		return candidates[0], nil
	}
	want := orDefault(workspace)
	if i := slices.IndexFunc(candidates, func(p Project) bool { return p.Workspace == want }); i >= 0 {
		return candidates[i], nil
	}
	var names []string
	for _, candidate := range candidates {
		names = append(names, candidate.Workspace)
	}
	problem.Message = fmt.Sprintf("is a plan of %s, whose workspaces are %s, and does not say for which of them",
		orRoot(candidates[0].Dir), strings.Join(names, ", "))
	if workspace != "" {
		problem.Message = fmt.Sprintf("is a plan for the workspace %q of %s, whose workspaces are %s",
			workspace, orRoot(candidates[0].Dir), strings.Join(names, ", "))
	}
	problem.Remedy = "Name the file NAME.WORKSPACE" + planSuffix + "."
	return Project{}, problem
}

func orDefault(workspace string) string {
	if workspace == "" {
		return "default"
	}
	return workspace
}

func orRoot(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}
