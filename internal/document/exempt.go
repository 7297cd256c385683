package document

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
)

// exempted are files that are not plain manifests.
type exempted struct {
	rendered map[string]bool // of the head: parts of a root that was rendered
	helm     map[string]bool // of the head: templates of other charts
	patches  map[string]bool // of the head: what other kustomizations are made of
	fixtures map[string]bool // of the head: what tests rules
	base     map[string]bool // of the merge base, for any of these reasons
}

// exempt are the files that are not plain manifests: what was rendered, the templates of Helm charts, what kustomizations are
// made of and what tests rules. A file that was a plain manifest at the merge base stays one, whatever the pull request lays beside it; otherwise a new
// Chart.yaml or kustomization would take manifests out of judgement.
func (r *kubernetesRun) exempt(ctx context.Context, made *rendered) exempted {
	e := exempted{
		rendered: made.headUsed, helm: helmTemplates(r.head), patches: r.patches(ctx, r.head), fixtures: r.fixtures(ctx, r.head),
		base: map[string]bool{},
	}
	if r.base == nil {
		return e
	}
	for _, files := range []map[string]bool{helmTemplates(r.base), r.patches(ctx, r.base), r.fixtures(ctx, r.base), made.baseUsed} {
		maps.Copy(e.base, files)
	}
	for _, file := range r.base.Paths() {
		if e.base[file] {
			continue
		}
		for _, files := range []map[string]bool{e.rendered, e.helm, e.patches, e.fixtures} {
			delete(files, file)
		}
	}
	return e
}

// helmTemplates are the files below the templates folder of a chart.
func helmTemplates(tree Tree) map[string]bool {
	paths := tree.Paths()
	charts := map[string]bool{}
	for _, file := range paths {
		if path.Base(file) == "Chart.yaml" {
			charts[cleanDir(path.Dir(file))] = true
		}
	}
	found := map[string]bool{}
	if len(charts) == 0 {
		return found
	}
	for _, file := range paths {
		parts := strings.Split(file, "/")
		for i := len(parts) - 2; i >= 0; i-- {
			if parts[i] == "templates" && charts[strings.Join(parts[:i], "/")] {
				found[file] = true
			}
		}
	}
	return found
}

// patches are the files that a kustomization below or beside which they lie uses as anything but a resource.
func (r *kubernetesRun) patches(ctx context.Context, tree Tree) map[string]bool {
	var files []string
	for _, file := range tree.Paths() {
		if kustomization(file) {
			files = append(files, file)
		}
	}
	used, resources := map[string]bool{}, map[string]bool{}
	if len(files) == 0 {
		return used
	}
	contents, _, _ := r.read(ctx, tree, files)
	for _, file := range files {
		if int64(len(contents[file])) > r.limits.Manifest {
			continue // then what it names is judged as manifests
		}
		documents, err := yamlValues(contents[file], r.limits)
		if err != nil || len(documents) == 0 {
			continue
		}
		dir := path.Dir(file)
		note := func(into map[string]bool, name string) {
			joined := path.Join(dir, name)
			if name != "" && !strings.ContainsAny(name, ":\n") && under(cleanDir(dir), joined) {
				into[joined] = true
			}
		}
		for i, key := range documents[0].keys {
			into := used
			switch key.name {
			case "resources", "bases", "components":
				into = resources
			case "patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "transformers", "generators", "validators",
				"configurations", "configMapGenerator", "secretGenerator", "openapi", "crds", "helmCharts":
			default:
				continue
			}
			visitStrings(documents[0].items[i], func(s string) {
				if _, file, ok := strings.Cut(s, "="); ok {
					note(into, file) // configMapGenerator: KEY=FILE
				}
				note(into, s)
			})
		}
	}
	for file := range resources {
		delete(used, file)
	}
	return used
}

// visitStrings visits every string inside a value.
func visitStrings(v *value, visit func(string)) {
	if v.kind == stringKind {
		visit(v.text)
	}
	for item := range slices.Values(v.items) {
		visitStrings(item, visit)
	}
}
