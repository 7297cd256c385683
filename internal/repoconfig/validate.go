package repoconfig

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// maxApprovals is GitHub's own limit for required reviews.
const maxApprovals = 6

var (
	teamName = regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9_.-]+$`)
	userName = regexp.MustCompile(`^[A-Za-z0-9-]+(\[bot\])?$`)
)

type validator struct {
	file     string
	data     []byte
	problems []gate.Problem
}

func validate(file string, data []byte, c *Config) []gate.Problem {
	v := &validator{file: file, data: data}
	if c.Version != 1 {
		v.add("version", "must say `version: 1`, the only version there is")
	}
	v.terraform(&c.Terraform)
	v.kubernetes(&c.Kubernetes)
	for kind, patterns := range c.Files.ByKind() {
		v.globs("files."+kind, patterns)
	}
	v.policies(&c.Policies)
	v.approvals(&c.Approvals)
	v.requiredChecks(c.RequiredChecks)
	if c.BreakGlass != nil {
		v.breakGlass(c.BreakGlass)
	}
	slices.SortStableFunc(v.problems, func(a, b gate.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Message, b.Message))
	})
	return v.problems
}

func (v *validator) add(key, format string, args ...any) {
	v.problems = append(v.problems, problem(v.file, lineOf(v.data, key), key+": "+fmt.Sprintf(format, args...)))
}

func (v *validator) terraform(t *Terraform) {
	seen := map[Project]bool{}
	for i, p := range t.Projects {
		key := fmt.Sprintf("terraform.projects.%d", i)
		v.dir(key+".dir", p.Dir)
		if strings.ContainsAny(p.Workspace, "/\\ ") {
			v.add(key+".workspace", "%q is not a workspace name", p.Workspace)
		}
		id := Project{Dir: path.Clean(p.Dir), Workspace: p.Workspace}
		if seen[id] {
			v.add(key, "the project %s, workspace %s, is there twice", p.Dir, p.Workspace)
		}
		seen[id] = true
	}
	if o := t.Plans.OIDC; o != nil && !strings.Contains(o.Workflow, "@") {
		v.add("terraform.plans.oidc.workflow", "wants OWNER/REPO/PATH@REF, as in the token's job_workflow_ref; found %q", o.Workflow)
	}
	if a := t.Plans.Artifact; a != nil {
		v.glob("terraform.plans.artifact.name", a.Name)
		v.dir("terraform.plans.artifact.workflow", a.Workflow)
	}
	if c := t.Plans.Committed; c != nil {
		v.glob("terraform.plans.committed.path", c.Path)
	}
}

func (v *validator) kubernetes(k *Kubernetes) {
	v.globs("kubernetes.paths", k.Paths)
	v.globs("kubernetes.kustomize", k.Kustomize)
	for i, h := range k.Helm {
		key := fmt.Sprintf("kubernetes.helm.%d", i)
		v.dir(key+".chart", h.Chart)
		for j, f := range h.Values {
			v.dir(fmt.Sprintf("%s.values.%d", key, j), f)
		}
	}
}

func (v *validator) policies(p *Policies) {
	if !oneOf(p.Scope, ScopeChanged, ScopeAll) {
		v.add("policies.scope", "is %q; wanted: changed or all", p.Scope)
	}
	for i, dir := range p.Paths {
		key := fmt.Sprintf("policies.paths.%d", i)
		v.dir(key, dir)
		if slices.ContainsFunc(p.Paths[:i], func(other string) bool { return path.Clean(other) == path.Clean(dir) }) {
			v.add(key, "%q is there twice", dir)
		}
	}
	v.bundles(p.Bundles)
	for id, r := range p.Rules {
		if r.Enforcement != "" && !oneOf(r.Enforcement, gate.EnforceDeny, gate.EnforceWarn, gate.EnforceOff) {
			v.add("policies.rules."+id+".enforcement", "is %q; wanted: deny, warn or off", r.Enforcement)
		}
		if r.Unknown != "" && !oneOf(r.Unknown, gate.EnforceDeny, gate.EnforceWarn) {
			v.add("policies.rules."+id+".unknown", "is %q; wanted: deny or warn", r.Unknown)
		}
	}
}

func (v *validator) breakGlass(b *BreakGlass) {
	if len(b.Teams) == 0 {
		v.add("break_glass.teams", "is empty; name the team that may break the glass, or delete break_glass to turn it off")
	}
	v.from("break_glass", From{Teams: b.Teams}, 0)
	v.count("break_glass.approvals", b.Approvals, 1)
	if d := time.Duration(b.Expires); d <= 0 || d > 24*time.Hour {
		v.add("break_glass.expires", "is %s; wanted: more than nothing and at most 24h", d)
	}
}

func (v *validator) count(key string, n, least int) {
	if n < least || n > maxApprovals {
		v.add(key, "is %d; wanted: %d to %d", n, least, maxApprovals)
	}
}

func (v *validator) globs(key string, patterns []string) {
	for i, p := range patterns {
		v.glob(fmt.Sprintf("%s.%d", key, i), p)
	}
}

func (v *validator) glob(key, pattern string) {
	if strings.TrimSpace(pattern) == "" {
		v.add(key, "is empty; a pattern is wanted")
	}
	if expr, ok := gate.RegularExpression(pattern); ok {
		if _, err := regexp.Compile(expr); err != nil {
			v.add(key, "%q is no regular expression: %v", expr, err)
		}
		return
	}
	if strings.HasPrefix(pattern, "/") || strings.HasPrefix(pattern, "./") {
		v.add(key, "%q begins with / or ./; patterns begin at the repository's root", pattern)
	}
}

func (v *validator) dir(key, dir string) {
	clean := path.Clean(dir)
	if dir == "" || path.IsAbs(dir) || clean == ".." || strings.HasPrefix(clean, "../") {
		v.add(key, "%q is not a path inside the repository", dir)
	}
}
