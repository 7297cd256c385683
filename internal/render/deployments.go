package render

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// deployment is what an object of Argo CD or Flux says about a folder of this repository: that it is rendered, and with what.
type deployment struct {
	file string
	line int
	what string // Application shop/web
	dir  string

	// Of a kustomization.
	overlay    map[string]any // fields of a kustomization on top of the folder's own
	components []string       // directories
	substitute map[string]string

	// Of a chart.
	release, namespace string
	values             []string
	inline             map[string]any
	set                []setting
}

// setting is one value by its path, as in helm --set.
type setting struct {
	Name, Value string
	Text        bool // a string, whatever it looks like
}

// altered reports whether a kustomization is rendered otherwise than kustomize build would.
func (d *deployment) altered() bool {
	return len(d.overlay)+len(d.components)+len(d.substitute) > 0
}

// deployments are all of a tree.
type deployments struct {
	files      *files
	repository string
	sources    map[string]string // address of Flux' GitRepositories, by namespace/name
	found      []deployment
	notes      []gate.Problem // what is not understood, and is shown
	failed     []root         // what names something that is not there
}

// maxDeployments is how many folders the objects of Argo CD and Flux may name.
const maxDeployments = maxRoots

// findDeployments reads the objects of Argo CD and Flux among the files shown. repository is OWNER/NAME; "": any is this one.
func findDeployments(ctx context.Context, f *files, shown []string, repository string) (*deployments, error) {
	d := &deployments{files: f, repository: repository, sources: map[string]string{}}
	var candidates []string
	for _, file := range shown {
		if strings.HasSuffix(file, ".yaml") || strings.HasSuffix(file, ".yml") {
			candidates = append(candidates, file)
		}
	}
	contents := map[string][]byte{}
	for batch := range slices.Chunk(candidates, 500) {
		more, err := f.grep(ctx, batch, "argoproj.io/", ".toolkit.fluxcd.io/")
		if err != nil {
			return nil, err
		}
		maps.Copy(contents, more)
	}
	type object struct {
		file string
		node *yaml.Node
	}
	var objects []object
	for _, file := range slices.Sorted(maps.Keys(contents)) {
		documents, _ := nodes(contents[file]) //nolint:errcheck // what cannot be read is told when it is judged
		for _, n := range documents {
			objects = append(objects, object{file, n})
			if group(n) == "source.toolkit.fluxcd.io" && text(field(n, "kind")) == "GitRepository" {
				d.sources[text(field(n, "metadata", "namespace"))+"/"+text(field(n, "metadata", "name"))] = text(field(n, "spec", "url"))
			}
		}
	}
	for _, o := range objects {
		if len(d.found) > maxDeployments {
			break
		}
		d.object(ctx, o.file, o.node)
	}
	return d, nil
}

func group(n *yaml.Node) string {
	name, _, _ := strings.Cut(text(field(n, "apiVersion")), "/")
	return name
}

func (d *deployments) object(ctx context.Context, file string, n *yaml.Node) {
	kind := text(field(n, "kind"))
	about := deployment{file: file, line: n.Line}
	about.what = kind + " " + strings.TrimPrefix(text(field(n, "metadata", "namespace"))+"/"+text(field(n, "metadata", "name")), "/")
	var err error
	switch group(n) + "/" + kind {
	case "argoproj.io/Application":
		err = d.application(about, field(n, "spec"), text(field(n, "metadata", "name")))
	case "argoproj.io/ApplicationSet":
		err = d.applicationSet(ctx, about, n)
	case "kustomize.toolkit.fluxcd.io/Kustomization":
		err = d.fluxKustomization(about, n)
	case "helm.toolkit.fluxcd.io/HelmRelease":
		err = d.helmRelease(about, n)
	}
	if err != nil {
		d.note(about, "is not understood: "+shorten(err.Error()), "What it deploys is rendered as if it were not there.")
	}
}

func (d *deployments) note(about deployment, message, remedy string) {
	d.notes = append(d.notes, gate.Problem{Code: code, File: about.file, Line: about.line, Message: message, Remedy: remedy})
}

// here reports whether an address is that of this repository.
func (d *deployments) here(address string) bool {
	if d.repository == "" || address == "" {
		return true
	}
	address = strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(address), "/"), ".git"))
	return strings.HasSuffix(strings.ReplaceAll(address, ":", "/"), "/"+strings.ToLower(d.repository))
}

// add takes a deployment whose folder is there. One that names a folder of this repository that is not there cannot be rendered.
func (d *deployments) add(one deployment, dir string, certain bool) {
	target, ok := inside(".", strings.TrimPrefix(dir, "/"))
	if ok {
		one.dir = target
		if len(d.files.below(target)) > 0 {
			d.found = append(d.found, one)
			return
		}
	}
	if !certain {
		return // another repository's, perhaps
	}
	d.failed = append(d.failed, root{
		name: one.what + " in " + one.file, file: one.file, inputs: []string{one.file},
		problem: problemAt(one.file, one.line, "Correct the path, or remove it.", "(%s) deploys %s, which is not in the repository", one.what, quoted(dir)),
	})
}

// grep reads files and returns those that hold one of the words.
func (f *files) grep(ctx context.Context, names []string, words ...string) (map[string][]byte, error) {
	kept := maps.Clone(f.have)
	if err := f.load(ctx, names); err != nil {
		return nil, err
	}
	found := map[string][]byte{}
	for _, name := range names {
		data := f.have[name]
		if slices.ContainsFunc(words, func(word string) bool { return bytes.Contains(data, []byte(word)) }) && len(data) <= 1<<20 {
			found[name] = data
		}
		if _, ok := kept[name]; !ok {
			delete(f.have, name)
		}
	}
	return found, nil
}

// deployed sorts the deployments of kustomizations: altered are those that change what they deploy, plain the directories that are
// deployed as they stand. covered are the directories that are rendered that way only, not
// as they stand.
func (k *kustomizations) deployed(found []deployment) (altered []deployment, plain, covered map[string]bool) {
	plain, covered = map[string]bool{}, map[string]bool{}
	for i := range found {
		switch {
		case k.byDir[found[i].dir] == nil:
		case found[i].altered():
			altered = append(altered, found[i])
			covered[found[i].dir] = true
		default:
			plain[found[i].dir] = true
		}
	}
	for dir := range plain {
		delete(covered, dir)
	}
	return altered, plain, covered
}

// alter puts what a deployment says on top of a kustomization.
func (r *root) alter(d *deployment) error {
	r.name += " by " + d.what
	r.inputs = append(r.inputs, d.file)
	slices.Sort(r.inputs)
	overlay := map[string]any{}
	maps.Copy(overlay, d.overlay)
	overlay["resources"] = []string{path.Join("..", treeDir, r.job.Dir)}
	var components []string
	for _, dir := range d.components {
		components = append(components, path.Join("..", treeDir, dir))
	}
	if components != nil {
		overlay["components"] = components
	}
	data, err := yaml.Marshal(overlay)
	if err != nil {
		return fmt.Errorf("write down the overlay of %s: %w", d.what, err)
	}
	r.job.Overlay, r.job.Substitute = data, d.substitute
	return nil
}

// image is an image override as Argo CD writes it: [OLD=]NEW[:TAG|@DIGEST].
func image(override string) map[string]any {
	old, now, renamed := strings.Cut(override, "=")
	if !renamed {
		now = old
	}
	out := map[string]any{}
	name, digest, hasDigest := strings.Cut(now, "@")
	if hasDigest {
		out["digest"] = digest
	}
	if at := strings.LastIndex(name, ":"); at > strings.LastIndex(name, "/") {
		if !hasDigest {
			out["newTag"] = name[at+1:]
		}
		name = name[:at]
	}
	out["name"] = name
	if renamed {
		out["name"] = old
		out["newName"] = cmp.Or(name, old)
	}
	return out
}

// patches keeps the patches that stand in the object itself; those in files have no place to be loaded from.
func (d *deployments) patches(about deployment, list []map[string]any) []any {
	var out []any
	for _, patch := range list {
		if inline, ok := patch["patch"].(string); ok && patch["path"] == nil {
			kept := map[string]any{"patch": inline}
			if patch["target"] != nil {
				kept["target"] = patch["target"]
			}
			out = append(out, kept)
			continue
		}
		d.note(about, "names a patch in a file, which is not applied", "Write the patch into the kustomization that it is for.")
	}
	return out
}
