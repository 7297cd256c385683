package render

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// chart is a Chart.yaml, read as far as needed.
type chart struct {
	file, dir string
	name      string
	library   bool
	links     map[string]link   // dependencies with file://, by name
	lines     map[string]int    // of the dependencies, by name
	aliases   map[string]string // names of dependencies by their aliases
	problem   *gate.Problem
}

type link struct {
	dir  string
	line int
}

// charts are all of a tree, by directory.
type charts struct {
	files *files
	byDir map[string]*chart
}

func findCharts(ctx context.Context, f *files) (*charts, error) {
	c := &charts{files: f, byDir: map[string]*chart{}}
	found := named(f.paths, "Chart.yaml")
	if len(found) == 0 {
		return c, nil
	}
	// Charts of Helm 2 keep their dependencies in a file of their own.
	if err := f.load(ctx, append(named(f.paths, "requirements.yaml"), found...)); err != nil {
		return nil, err
	}
	for _, file := range found {
		dir := path.Dir(file)
		c.byDir[dir] = readChart(file, f.have[file], f.have[path.Join(dir, "requirements.yaml")])
	}
	return c, nil
}

func readChart(file string, data, requirements []byte) *chart {
	c := &chart{file: file, dir: path.Dir(file), links: map[string]link{}, lines: map[string]int{}, aliases: map[string]string{}}
	documents, err := nodes(data)
	if err == nil && len(documents) == 0 {
		err = fmt.Errorf("it is empty")
	}
	if err != nil {
		line, message := syntax(err)
		c.problem = &gate.Problem{Code: code, File: file, Line: line, Message: "is not valid YAML: " + message, Remedy: "Correct the chart."}
		return c
	}
	c.name = text(field(documents[0], "name"))
	c.library = text(field(documents[0], "type")) == "library"
	lists := []*yaml.Node{field(documents[0], "dependencies")}
	if old, err := nodes(requirements); err == nil && len(old) > 0 {
		lists = append(lists, field(old[0], "dependencies"))
	}
	for i, list := range lists {
		if list == nil || list.Kind != yaml.SequenceNode {
			continue
		}
		for _, item := range list.Content {
			name := text(field(item, "name"))
			if i == 0 {
				c.lines[name] = item.Line
			}
			if alias := text(field(item, "alias")); alias != "" {
				c.aliases[alias] = name
			}
			if local, ok := strings.CutPrefix(text(field(item, "repository")), "file://"); ok {
				dir, inTree := inside(c.dir, local)
				if !inTree {
					c.problem = problemAt(file, item.Line, "Name a chart inside the repository.", "depends on %s, which lies outside of the repository", quoted("file://"+local))
					continue
				}
				c.links[name] = link{dir, item.Line}
			}
		}
	}
	return c
}

// roots are the releases that are configured, or every chart that stands on its own.
func (c *charts) roots(ctx context.Context, shown []string, configured []document.HelmRelease, deployed []deployment, keep map[string]bool) ([]root, []gate.Problem, error) {
	out, problems := c.named(configured)
	if len(configured) == 0 {
		var err error
		if out, err = c.discovered(shown, deployed, keep); err != nil {
			return nil, nil, err
		}
	}
	if len(out) > maxRoots {
		out = out[:maxRoots+1] // what follows says that these are too many
	}
	var wanted []string
	for i := range out {
		wanted = append(wanted, out[i].inputs...)
	}
	if err := c.files.load(ctx, wanted); err != nil {
		return nil, nil, err
	}
	for i := range out {
		for _, name := range out[i].inputs {
			if data, ok := c.files.have[name]; ok {
				out[i].job.Files[name] = data
			} else if c.files.large[name] && out[i].problem == nil {
				out[i].problem = &gate.Problem{Code: "limit", File: name, Message: "is too large to be part of a chart", Remedy: "Keep it outside of the chart."}
			}
		}
	}
	return out, problems, nil
}

// named are the releases that the configuration names.
func (c *charts) named(configured []document.HelmRelease) (out []root, problems []gate.Problem) {
	for _, release := range configured {
		release.Chart = path.Clean(release.Chart)
		if one := c.byDir[release.Chart]; one != nil {
			out = append(out, c.root(one, release, true))
			continue
		}
		problems = append(problems, gate.Problem{
			Code: "config", File: release.Chart, Message: "is named in kubernetes.helm and holds no Chart.yaml",
			Remedy: "Correct kubernetes.helm in .github/gatehouse.yml.",
		})
	}
	return out, problems
}

// discovered are the charts that Argo CD or Flux installs, as they do it, and the others that stand on their own.
func (c *charts) discovered(shown []string, deployed []deployment, keep map[string]bool) ([]root, error) {
	var out []root
	covered := map[string]bool{}
	for i := range deployed {
		d := &deployed[i]
		one := c.byDir[d.dir]
		if one == nil {
			continue
		}
		covered[d.dir] = true
		r := c.root(one, document.HelmRelease{Chart: d.dir, Values: d.values, Release: d.release, Namespace: d.namespace}, false)
		r.inputs = append(r.inputs, d.file)
		slices.Sort(r.inputs)
		r.job.Set = d.set
		if len(d.inline) > 0 {
			var err error
			if r.job.Inline, err = yaml.Marshal(d.inline); err != nil {
				return nil, fmt.Errorf("write down the values of %s: %w", d.what, err)
			}
		}
		out = append(out, r)
	}
	alone := c.topmost(shown)
	for _, file := range shown {
		one := c.byDir[path.Dir(file)]
		if path.Base(file) != "Chart.yaml" || one == nil {
			continue
		}
		if alone[one.dir] && !covered[one.dir] || keep[kindHelm+" "+one.dir] {
			r := c.root(one, document.HelmRelease{Chart: one.dir}, false)
			r.found = true
			out = append(out, r)
		}
	}
	return out, nil
}

// topmost are the charts, among the files shown, that are no libraries and that no other chart holds or refers to.
func (c *charts) topmost(shown []string) map[string]bool {
	candidates, visible, edges := map[string]bool{}, map[string]bool{}, map[string][]string{}
	for _, file := range shown {
		if one := c.byDir[path.Dir(file)]; one != nil && one.file == file {
			candidates[one.dir], visible[one.dir] = !one.library, true
		}
	}
	for dir, one := range c.byDir {
		if parent := path.Dir(dir); path.Base(parent) == "charts" && c.byDir[path.Dir(parent)] != nil {
			edges[path.Dir(parent)] = append(edges[path.Dir(parent)], dir)
		}
		for _, l := range one.links {
			if c.byDir[l.dir] != nil {
				edges[dir] = append(edges[dir], l.dir)
			}
		}
	}
	out := map[string]bool{}
	for _, dir := range topmost(candidates, visible, edges) {
		out[dir] = true
	}
	return out
}

func (c *charts) root(one *chart, release document.HelmRelease, configured bool) root {
	r := root{name: one.dir, file: one.file, configured: configured, problem: one.problem}
	if release.Release != "" {
		r.name += " as " + release.Release
	}
	if release.Namespace != "" {
		r.name += " in " + release.Namespace
	}
	r.job = job{
		Kind: kindHelm, Dir: one.dir, File: one.file, Files: map[string][]byte{}, Links: map[string]string{},
		Release: release.Release, Namespace: release.Namespace,
	}
	if r.job.Release == "" {
		r.job.Release = one.name
	}
	if r.job.Namespace == "" {
		r.job.Namespace = "default"
	}
	names := map[string]bool{}
	c.collect(one, &r, names, []string{one.dir})
	for _, values := range release.Values {
		values = path.Clean(values)
		if !c.files.exists(values) {
			if r.problem == nil {
				r.problem = problemAt(one.file, 0, "Add the file, or correct kubernetes.helm in .github/gatehouse.yml.",
					"is to be rendered with the values of %s, which is not in the repository", quoted(values))
			}
			continue
		}
		names[values] = true
		r.job.Values = append(r.job.Values, values)
	}
	r.inputs = slices.Sorted(maps.Keys(names))
	return r
}

// collect takes the files of a chart, and of the charts that it refers to with file:// and does not vendor.
func (c *charts) collect(one *chart, r *root, names map[string]bool, way []string) {
	for _, file := range c.files.below(one.dir) {
		names[file] = true
	}
	for name, l := range one.links {
		target := c.byDir[l.dir]
		switch {
		case r.problem != nil:
		case target == nil:
			r.problem = problemAt(one.file, l.line, "Correct the repository of the dependency.", "depends on the chart in %s, where there is none", quoted(l.dir))
		case slices.Contains(way, l.dir) || len(way) > 20:
			r.problem = problemAt(one.file, l.line, "Take the dependency out.", "depends on itself: %s", strings.Join(append(slices.Clone(way), l.dir), " depends on "))
		default:
			r.job.Links[one.dir+" "+name] = l.dir
			c.collect(target, r, names, append(slices.Clone(way), l.dir))
		}
	}
}
