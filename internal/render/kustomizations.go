package render

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// kustomization is one kustomization file, read as far as needed to know what it is made of.
type kustomization struct {
	file, dir string
	component bool
	foreign   bool // another kind of object in a file of that name, such as Flux's
	refs      []ref
	problem   *gate.Problem
}

// kustomizations are all of a tree, by directory.
type kustomizations struct {
	files *files
	byDir map[string]*kustomization
}

func findKustomizations(ctx context.Context, f *files) (*kustomizations, error) {
	k := &kustomizations{files: f, byDir: map[string]*kustomization{}}
	found := named(f.paths, kustomizationNames...)
	if err := f.load(ctx, found); err != nil {
		return nil, err
	}
	for _, file := range found {
		dir := path.Dir(file)
		read := readKustomization(file, f.have[file])
		if other := k.byDir[dir]; other != nil {
			other.problem = &gate.Problem{
				Code: code, File: file, Message: "stands beside " + path.Base(other.file) + "; a folder has one kustomization",
				Remedy: "Remove one of the two.",
			}
			continue
		}
		if !read.foreign {
			k.byDir[dir] = read
		}
	}
	return k, nil
}

func readKustomization(file string, data []byte) *kustomization {
	k := &kustomization{file: file, dir: path.Dir(file)}
	documents, err := nodes(data)
	if err != nil {
		line, message := syntax(err)
		k.problem = &gate.Problem{Code: code, File: file, Line: line, Message: "is not valid YAML: " + message, Remedy: "Correct the kustomization."}
		return k
	}
	if len(documents) == 0 {
		return k
	}
	top := documents[0]
	if top.Kind != yaml.MappingNode {
		k.problem = &gate.Problem{Code: code, File: file, Line: top.Line, Message: "is not a kustomization: it is no mapping", Remedy: "Correct the kustomization."}
		return k
	}
	k.component = text(field(top, "kind")) == "Component"
	version := text(field(top, "apiVersion"))
	k.foreign = version != "" && !strings.HasPrefix(version, "kustomize.config.k8s.io/")
	refs("", "", top, func(r ref) {
		if r.value != "" {
			k.refs = append(k.refs, r)
		}
	})
	return k
}

// includes are the keys whose entries are directories or files of resources.
func includes(key string) bool { return key == "resources" || key == "bases" || key == "components" }

// runs are the keys whose entries configure generators and transformers.
func runs(key string) bool {
	return key == "generators" || key == "transformers" || key == "validators"
}

// loads reports whether kustomize would read the file, or fetch the address, that a text names.
func loads(r ref) bool {
	switch r.top {
	case "resources", "bases", "components", "crds", "configurations", "openapi", "patchesStrategicMerge", "generators", "transformers", "validators":
		return true
	}
	return r.key == "path" || r.key == "files" || r.key == "envs" || r.key == "env"
}

// roots are the kustomizations to render: those whose directory matches a pattern; or those that nothing else includes, and those
// that Argo CD or Flux deploys, as they do it.
func (k *kustomizations) roots(ctx context.Context, shown, patterns []string, found []deployment, keep map[string]bool) ([]root, []gate.Problem, error) {
	var dirs []string
	var problems []gate.Problem
	var altered []deployment
	if len(patterns) > 0 {
		dirs, problems = k.configured(patterns)
	} else {
		var plain, covered map[string]bool
		altered, plain, covered = k.deployed(found)
		dirs = slices.DeleteFunc(k.topmost(shown), func(dir string) bool { return covered[dir] || plain[dir] })
		dirs = append(dirs, slices.Sorted(maps.Keys(plain))...)
		for _, dir := range slices.Sorted(maps.Keys(k.byDir)) {
			if keep[kindKustomize+" "+dir] && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	if len(dirs) > maxRoots {
		dirs = dirs[:maxRoots+1] // what follows says that these are too many
	}
	// Three rounds of reading, whatever there is: what kustomizations name, and what the files that configure generators name.
	closures := make([]*closure, 0, len(dirs)+len(altered))
	for _, dir := range dirs {
		closures = append(closures, k.closure(dir))
	}
	for i := range altered {
		c := k.closure(altered[i].dir)
		c.components(&altered[i])
		closures = append(closures, c)
	}
	for range 3 {
		var wanted []string
		for _, c := range closures {
			wanted = append(wanted, slices.Collect(maps.Keys(c.names))...)
		}
		if err := k.files.load(ctx, wanted); err != nil {
			return nil, nil, err
		}
		for _, c := range closures {
			c.follow()
		}
	}
	out := make([]root, 0, len(dirs))
	for i, dir := range dirs {
		r := closures[i].root(dir, len(patterns) > 0)
		r.found = !r.configured
		out = append(out, r)
	}
	for i := range altered {
		r := closures[len(dirs)+i].root(altered[i].dir, false)
		if err := r.alter(&altered[i]); err != nil {
			return nil, nil, err
		}
		out = append(out, r)
	}
	return out, problems, nil
}

func (k *kustomizations) configured(patterns []string) (dirs []string, problems []gate.Problem) {
	found := map[string]bool{}
	for _, pattern := range patterns {
		matched := false
		for dir := range k.byDir {
			if gate.Match(strings.TrimSuffix(path.Clean(pattern), "/"), dir) {
				found[dir], matched = true, true
			}
		}
		if !matched {
			problems = append(problems, gate.Problem{
				Code: "config", File: pattern, Message: "is named in kubernetes.kustomize, and no folder with a kustomization matches it",
				Remedy: "Correct kubernetes.kustomize in .github/gatehouse.yml.",
			})
		}
	}
	return slices.Sorted(maps.Keys(found)), problems
}

// topmost are the kustomizations, among the files shown, that nothing includes. Of those that only include each other, the first.
func (k *kustomizations) topmost(shown []string) []string {
	candidates, visible := map[string]bool{}, map[string]bool{}
	for _, file := range shown {
		if one := k.byDir[path.Dir(file)]; one != nil {
			candidates[one.dir], visible[one.dir] = !one.component, true
		}
	}
	edges := map[string][]string{}
	for dir, one := range k.byDir {
		for _, r := range one.refs {
			if target, ok := inside(dir, r.value); ok && (includes(r.top) || runs(r.top)) && k.byDir[target] != nil {
				edges[dir] = append(edges[dir], target)
			}
		}
	}
	return topmost(candidates, visible, edges)
}

func problemAt(file string, line int, remedy, format string, args ...any) *gate.Problem {
	return &gate.Problem{Code: code, File: file, Line: line, Message: fmt.Sprintf(format, args...), Remedy: remedy}
}
