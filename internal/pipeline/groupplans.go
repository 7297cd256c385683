package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// afterLanding is what to do about a plan that knows nothing of what is queued before it.
const afterLanding = "Once what is queued before it has landed, hand in a new plan and queue it again."

// plansOf takes the plans of a pull request of a merge group for the group's, and holds it to account for those that it lacks. A plan
// is of one state of the source. So whoever changes a project, as the group has it, needs a plan that was made with everything that is
// queued before it; of two plans of a project the one of who lands last is then the one that tells what will happen.
func (g *gatherer) plansOf(ctx context.Context, s step, m *gatherer, member *gate.Member) error {
	if err := g.queuedPlans(ctx, s, m); err != nil {
		return err
	}
	d := gate.Decide(m.facts)
	member.Verdict, member.Title = d.Verdict, d.Title
	for _, x := range m.facts.Missing {
		x.For = fmt.Sprintf("%s (#%d)", x.For, member.Number)
		g.handed.missing = append(g.handed.missing, x)
	}
	for _, file := range m.handed.files {
		g.handed.files = slices.DeleteFunc(g.handed.files, func(f document.PlanFile) bool {
			return f.Dir == file.Dir && f.Workspace == file.Workspace
		})
		g.handed.files = append(g.handed.files, file)
	}
	return nil
}

// queuedPlans notes what only the queue shows: a pull request changes a module which one before it has brought into a project. Alone it
// does not touch that project, and has no plan of it.
func (g *gatherer) queuedPlans(ctx context.Context, s step, m *gatherer) error {
	made, err := g.tree(ctx, g.mirror, s.made)
	if err != nil {
		return err
	}
	touches := map[string]bool{} // by directory: workspaces share it
	for _, project := range m.config.Terraform.Projects {
		dir := projectDir(project.Dir)
		if m.plansFor(dir, cmp.Or(project.Workspace, "default")) {
			continue
		}
		if _, known := touches[dir]; !known {
			if touches[dir], err = m.touchedBetween(ctx, s.onto, s.made, dir, []*tree{m.onto.tree, made}); err != nil {
				return err
			}
		}
		if touches[dir] {
			m.facts.Missing = append(m.facts.Missing, gate.Missing{
				What: "plan", For: dir,
				Remedy: "What is queued before it makes this project use what it changes, and no plan was made of the two together. " + afterLanding,
			})
		}
	}
	return nil
}

// plansFor reports whether the pull request brings a plan of a project's workspace, or is known to lack it.
func (g *gatherer) plansFor(dir, workspace string) bool {
	changed := func(file string) bool {
		return slices.ContainsFunc(g.facts.Files, func(f gate.FileChange) bool { return f.Path == file })
	}
	return slices.ContainsFunc(g.facts.Plans, func(p gate.Plan) bool {
		return p.Dir == dir && p.Workspace == workspace && (p.Source != document.SourceCommitted || changed(p.File))
	}) || slices.ContainsFunc(g.facts.Missing, func(m gate.Missing) bool {
		return m.What == "plan" && (m.For == dir || m.For == fmt.Sprintf("%s (workspace %s)", dir, workspace))
	})
}

// groupMissing puts what the pull requests of the group lack in place of what the group lacks for it.
func (g *gatherer) groupMissing() {
	g.facts.Missing = slices.DeleteFunc(g.facts.Missing, func(m gate.Missing) bool {
		return slices.ContainsFunc(g.handed.missing, func(x gate.Missing) bool { return strings.HasPrefix(x.For, m.For+" (") })
	})
	g.facts.Missing = append(g.facts.Missing, g.handed.missing...)
}

// projectDir is a configured directory as plans name it; "." is the root.
func projectDir(dir string) string {
	if dir = strings.Trim(path.Clean("/"+strings.TrimSpace(dir)), "/"); dir == "" {
		return "."
	}
	return dir
}
