package render

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// closure is everything that one kustomization may be made of, and the first thing in it that is refused.
type closure struct {
	all     *kustomizations
	top     *kustomization
	names   map[string]bool // files of the tree that are named
	plugins map[string]string
	problem *gate.Problem
}

// closure walks from a kustomization through all that it includes.
func (k *kustomizations) closure(dir string) *closure {
	c := &closure{all: k, top: k.byDir[dir], names: map[string]bool{}, plugins: map[string]string{}}
	c.enter(c.top, map[string]bool{}, []string{dir})
	return c
}

// components are what a deployment adds to the kustomization.
func (c *closure) components(d *deployment) {
	for _, dir := range d.components {
		if part := c.all.byDir[dir]; part != nil {
			c.enter(part, map[string]bool{}, []string{c.top.dir, dir})
		} else {
			c.refuse(problemAt(d.file, d.line, "Correct the path, or remove it.", "(%s) adds the component %s, which is not in the repository", d.what, quoted(dir)))
		}
	}
}

func (c *closure) refuse(p *gate.Problem) {
	if c.problem == nil {
		c.problem = p
	}
}

// maxNesting is how deep kustomizations may include each other.
const maxNesting = 50

func (c *closure) enter(k *kustomization, seen map[string]bool, way []string) {
	if k.problem != nil {
		c.refuse(k.problem)
	}
	for _, name := range kustomizationNames {
		if file := path.Join(k.dir, name); c.all.files.exists(file) {
			c.names[file] = true
		}
	}
	if seen[k.dir] {
		return
	}
	seen[k.dir] = true
	for _, r := range k.refs {
		if problem := refusal(k.file, r); problem != nil {
			c.refuse(problem)
			continue
		}
		if !loads(r) || strings.ContainsRune(r.value, '\n') {
			if runs(r.top) && strings.ContainsRune(r.value, '\n') {
				c.plugin(k.file, k.dir, r.line, []byte(r.value))
			}
			continue
		}
		c.reference(k, r, seen, way)
	}
}

// reference follows one text that names something to load.
func (c *closure) reference(k *kustomization, r ref, seen map[string]bool, way []string) {
	name := r.value
	if _, file, ok := strings.Cut(name, "="); ok && r.key == "files" {
		name = file
	}
	target, ok := inside(k.dir, name)
	if !ok {
		c.refuse(problemAt(k.file, r.line, "Name something inside the repository.", "names %s, which lies outside of the repository", quoted(name)))
		return
	}
	next := c.all.byDir[target]
	switch {
	case next != nil && (includes(r.top) || runs(r.top)):
		if slices.Contains(way, target) {
			c.refuse(problemAt(k.file, r.line, "Take one of them out of the circle.", "includes itself: %s", strings.Join(append(way[slices.Index(way, target):], target), " includes ")))
			return
		}
		if len(way) >= maxNesting {
			c.refuse(&gate.Problem{
				Code: "limit", File: k.file, Line: r.line, Remedy: "Flatten them.",
				Message: fmt.Sprintf("is one of more than %d kustomizations that include one another", maxNesting),
			})
			return
		}
		c.enter(next, seen, append(slices.Clone(way), target))
	case c.all.files.exists(target):
		c.names[target] = true
		if runs(r.top) {
			c.plugins[target] = k.dir
		}
	case includes(r.top) && remoteLike(name):
		c.refuse(problemAt(k.file, r.line, vendor, "asks for the remote resource %s; nothing is fetched", quoted(name)))
	case includes(r.top):
		c.refuse(problemAt(k.file, r.line, "Correct the name, or add what it names; symbolic links and submodules are not followed.",
			"names %s, which is not in the repository", quoted(name)))
	}
}

// follow looks into the files, now loaded, that configure generators and transformers.
func (c *closure) follow() {
	for _, file := range slices.Sorted(maps.Keys(c.plugins)) {
		if data, ok := c.all.files.have[file]; ok {
			dir := c.plugins[file]
			delete(c.plugins, file)
			c.plugin(file, dir, 0, data)
		}
	}
}

// plugin looks into the configuration of generators and transformers: programs are refused, and the files that it names are parts.
func (c *closure) plugin(file, dir string, line int, data []byte) {
	documents, err := nodes(data)
	if err != nil {
		return // kustomize says so
	}
	for _, document := range documents {
		at := document.Line
		if line > 0 {
			at = line
		}
		kind := text(field(document, "kind"))
		annotations := field(document, "metadata", "annotations")
		switch {
		case text(field(document, "apiVersion")) != "builtin", field(annotations, "config.kubernetes.io/function") != nil,
			field(annotations, "config.k8s.io/function") != nil:
			c.refuse(problemAt(file, at, "Use kustomize's own generators and transformers, or commit what the program makes.",
				"asks kustomize to run a program (%s); programs of a pull request are not run", quoted(kind)))
		case kind == "HelmChartInflationGenerator":
			c.refuse(problemAt(file, at, helmRemedy, "asks kustomize to inflate a Helm chart, which Gatehouse does not do"))
		}
		refs("", "", document, func(r ref) {
			if (r.key == "path" || r.key == "files" || r.key == "envs" || r.key == "env") && strings.Contains(r.value, "://") {
				c.refuse(problemAt(file, at, vendor, "asks for %s; nothing is fetched", quoted(r.value)))
			}
			name := r.value
			if _, after, ok := strings.Cut(name, "="); ok {
				name = after
			}
			if target, ok := inside(dir, name); ok && c.all.files.exists(target) {
				c.names[target] = true
			}
		})
	}
}

const (
	vendor     = "Copy it into the repository and name it there."
	helmRemedy = "Name the chart in kubernetes.helm of .github/gatehouse.yml, or commit the rendered manifests."
)

// refusal is why a text in a kustomization ends it; nil when it does not.
func refusal(file string, r ref) *gate.Problem {
	switch {
	case r.top == "helmCharts", r.top == "helmChartInflationGenerator":
		return problemAt(file, r.line, helmRemedy, "asks kustomize to inflate a Helm chart, which Gatehouse does not do")
	case loads(r) && !strings.ContainsRune(r.value, '\n') && remote.MatchString(r.value):
		return problemAt(file, r.line, vendor, "asks for the remote resource %s; nothing is fetched", quoted(r.value))
	}
	return nil
}

var remote = regexp.MustCompile(`(?i)^(git::|[a-z][a-z0-9+.-]*://|git@|[^/\s]+@[^/\s]+:)|[?&](ref|version|timeout|submodules)=`)

// remoteLike reports whether a name that is not in the tree is meant for another place: github.com/org/repo//path.
func remoteLike(name string) bool {
	host, rest, _ := strings.Cut(name, "/")
	return strings.Contains(name, "//") || rest != "" && strings.Contains(host, ".") && strings.Trim(host, ".") != ""
}

// quoted shows a text of the pull request inside a sentence, shortened.
func quoted(s string) string {
	if r := []rune(s); len(r) > 120 {
		s = string(r[:120]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

// root is what the worker gets, or why it gets nothing.
func (c *closure) root(dir string, configured bool) root {
	out := root{name: dir, file: c.top.file, configured: configured, problem: c.problem, inputs: slices.Sorted(maps.Keys(c.names))}
	out.job = job{Kind: kindKustomize, Dir: dir, File: c.top.file, Files: map[string][]byte{}}
	for _, name := range out.inputs {
		if c.all.files.large[name] && out.problem == nil {
			out.problem = &gate.Problem{Code: "limit", File: name, Message: "is too large to be part of a kustomization", Remedy: "Split the file."}
		}
		if data, ok := c.all.files.have[name]; ok {
			out.job.Files[name] = data
		}
	}
	return out
}
