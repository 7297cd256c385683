package render

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// argoSpec is as much of an Application's specification as says what is rendered.
type argoSpec struct {
	Source      *argoSource  `yaml:"source"`
	Sources     []argoSource `yaml:"sources"`
	Destination struct {
		Namespace string `yaml:"namespace"`
	} `yaml:"destination"`
}

type argoSource struct {
	RepoURL string `yaml:"repoURL"`
	Path    string `yaml:"path"`
	Chart   string `yaml:"chart"`
	Helm    struct {
		ReleaseName  string         `yaml:"releaseName"`
		Namespace    string         `yaml:"namespace"`
		ValueFiles   []string       `yaml:"valueFiles"`
		Values       string         `yaml:"values"`
		ValuesObject map[string]any `yaml:"valuesObject"`
		Parameters   []struct {
			Name        string `yaml:"name"`
			Value       string `yaml:"value"`
			ForceString bool   `yaml:"forceString"`
		} `yaml:"parameters"`
		FileParameters []any `yaml:"fileParameters"`
		Ignore         bool  `yaml:"ignoreMissingValueFiles"`
	} `yaml:"helm"`
	Kustomize struct {
		NamePrefix        string            `yaml:"namePrefix"`
		NameSuffix        string            `yaml:"nameSuffix"`
		Namespace         string            `yaml:"namespace"`
		Images            []string          `yaml:"images"`
		CommonLabels      map[string]string `yaml:"commonLabels"`
		CommonAnnotations map[string]string `yaml:"commonAnnotations"`
		Replicas          []map[string]any  `yaml:"replicas"`
		Components        []string          `yaml:"components"`
		Patches           []map[string]any  `yaml:"patches"`
	} `yaml:"kustomize"`
}

// application takes the sources of an Application that stand in this repository.
func (d *deployments) application(about deployment, spec *yaml.Node, name string) error {
	var s argoSpec
	if spec == nil {
		return errors.New("it has no spec")
	}
	if err := spec.Decode(&s); err != nil {
		return err
	}
	sources := s.Sources
	if s.Source != nil {
		sources = append(sources, *s.Source)
	}
	for i := range sources {
		source := &sources[i]
		if source.Path == "" || source.Chart != "" || !d.here(source.RepoURL) {
			continue
		}
		one := about
		one.namespace = cmp.Or(source.Helm.Namespace, s.Destination.Namespace)
		one.release = cmp.Or(source.Helm.ReleaseName, name)
		d.argoHelm(&one, source)
		d.argoKustomize(&one, source, s.Destination.Namespace)
		d.add(one, source.Path, d.repository != "" && source.RepoURL != "")
	}
	return nil
}

func (d *deployments) argoHelm(one *deployment, source *argoSource) {
	h := &source.Helm
	for _, name := range h.ValueFiles {
		file := path.Join(source.Path, name)
		if rest, ok := strings.CutPrefix(name, "/"); ok {
			file = rest
		}
		if strings.HasPrefix(name, "$") { // $ref/path: a file of another source, which may be this repository too
			_, file, _ = strings.Cut(name, "/")
		}
		if h.Ignore && !d.files.exists(path.Clean(file)) {
			continue
		}
		one.values = append(one.values, file)
	}
	one.inline = h.ValuesObject
	if h.Values != "" && one.inline == nil {
		if err := yaml.Unmarshal([]byte(h.Values), &one.inline); err != nil {
			d.note(*one, "has values that are no YAML: "+shorten(err.Error()), "Correct helm.values.")
		}
	}
	for _, p := range h.Parameters {
		one.set = append(one.set, setting{p.Name, p.Value, p.ForceString})
	}
	if len(h.FileParameters) > 0 {
		d.note(*one, "sets values from files (helm.fileParameters), which are left out", "Write them into a file of values.")
	}
}

func (d *deployments) argoKustomize(one *deployment, source *argoSource, namespace string) {
	k := &source.Kustomize
	o := map[string]any{}
	for name, value := range map[string]string{"namePrefix": k.NamePrefix, "nameSuffix": k.NameSuffix, "namespace": k.Namespace} {
		if value != "" {
			o[name] = value
		}
	}
	if k.Namespace == "" && namespace != "" {
		// Argo CD creates what names no namespace in that of the destination.
		o["transformers"] = []string{fmt.Sprintf("apiVersion: builtin\nkind: NamespaceTransformer\nmetadata: {name: destination, namespace: %q}\nunsetOnly: true\nsetRoleBindingSubjects: none\n", namespace)}
	}
	var images []any
	for _, override := range k.Images {
		images = append(images, image(override))
	}
	if images != nil {
		o["images"] = images
	}
	if len(k.CommonLabels) > 0 {
		o["commonLabels"] = k.CommonLabels
	}
	if len(k.CommonAnnotations) > 0 {
		o["commonAnnotations"] = k.CommonAnnotations
	}
	if len(k.Replicas) > 0 {
		o["replicas"] = k.Replicas
	}
	if patches := d.patches(*one, k.Patches); patches != nil {
		o["patches"] = patches
	}
	for _, name := range k.Components {
		if dir, ok := inside(source.Path, name); ok {
			one.components = append(one.components, dir)
		}
	}
	one.overlay = o
}

// maxApplications is how many Applications one ApplicationSet may make.
const maxApplications = 200

// applicationSet makes the Applications of an ApplicationSet whose generators are lists or this repository's files and folders.
func (d *deployments) applicationSet(ctx context.Context, about deployment, n *yaml.Node) error {
	generators := field(n, "spec", "generators")
	template := field(n, "spec", "template")
	if generators == nil || generators.Kind != yaml.SequenceNode || template == nil {
		return errors.New("it has no generators, or no template")
	}
	made := 0
	for _, g := range generators.Content {
		sets, err := d.generate(ctx, g)
		if err != nil {
			d.note(about, "has a generator that is not understood: "+err.Error(), "List generators and git generators of this repository are.")
			continue
		}
		for _, params := range sets {
			if made++; made > maxApplications {
				d.notes = append(d.notes, gate.Problem{
					Code: "limit", File: about.file, Line: about.line, Message: fmt.Sprintf("makes more than %d Applications; the others are left out", maxApplications),
					Remedy: "Split it.",
				})
				return nil
			}
			one := fill(template, params, 0)
			name := text(field(one, "metadata", "name"))
			if left := unfilled(one); left != "" {
				d.note(about, "has a template with "+quoted(left)+", which is not filled in; what it deploys there is left out", "Use plain parameters, such as {{path.basename}}.")
				break
			}
			app := about
			app.what = about.what + ": " + name
			if err := d.application(app, field(one, "spec"), name); err != nil {
				return err
			}
		}
	}
	return nil
}

// generate makes the parameters of a generator.
func (d *deployments) generate(ctx context.Context, g *yaml.Node) ([]map[string]string, error) {
	var sets []map[string]string
	if list := field(g, "list", "elements"); list != nil {
		for _, element := range list.Content {
			params := map[string]string{}
			flatten("", element, params, 0)
			sets = append(sets, params)
		}
		return sets, nil
	}
	git := field(g, "git")
	if git == nil {
		return nil, errors.New("it is neither list nor git")
	}
	if !d.here(text(field(git, "repoURL"))) {
		return nil, nil
	}
	var globs []gitGlob
	for _, key := range []string{"directories", "files"} {
		list := field(git, key)
		if list == nil {
			continue
		}
		for _, item := range list.Content {
			globs = append(globs, gitGlob{text(field(item, "path")), text(field(item, "exclude")) == "true", key == "files"})
		}
	}
	matched := d.matching(globs)
	if !slices.ContainsFunc(globs, func(g gitGlob) bool { return g.files }) {
		for _, dir := range matched {
			sets = append(sets, pathParameters(dir))
		}
		return sets, nil
	}
	if err := d.files.load(ctx, matched); err != nil {
		return nil, err
	}
	for _, file := range matched {
		documents, err := nodes(d.files.have[file])
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read", file)
		}
		for _, document := range documents {
			params := pathParameters(path.Dir(file))
			params["path.filename"] = path.Base(file)
			flatten("", document, params, 0)
			sets = append(sets, params)
		}
	}
	return sets, nil
}

type gitGlob struct {
	pattern        string
	exclude, files bool
}

// matching are the files or directories that the patterns of a git generator choose.
func (d *deployments) matching(globs []gitGlob) []string {
	chosen := map[string]bool{}
	for _, exclude := range []bool{false, true} {
		for _, g := range globs {
			if g.exclude != exclude {
				continue
			}
			for _, file := range d.files.paths {
				names := []string{file}
				if !g.files {
					names = nil
					for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
						names = append(names, dir)
					}
				}
				for _, name := range names {
					if gate.Match(g.pattern, name) {
						chosen[name] = !exclude
					}
				}
			}
		}
	}
	maps.DeleteFunc(chosen, func(_ string, keep bool) bool { return !keep })
	return slices.Sorted(maps.Keys(chosen))
}

var notNormal = regexp.MustCompile(`[^a-z0-9-]+`)

func pathParameters(dir string) map[string]string {
	base := path.Base(dir)
	params := map[string]string{
		"path": dir, "path.path": dir, "path.basename": base,
		"path.basenameNormalized": strings.Trim(notNormal.ReplaceAllString(strings.ToLower(base), "-"), "-"),
	}
	for i, segment := range strings.Split(dir, "/") {
		params[fmt.Sprintf("path[%d]", i)] = segment
	}
	return params
}

// flatten makes a.b.c of nested mappings.
func flatten(prefix string, n *yaml.Node, into map[string]string, depth int) {
	if n.Kind == yaml.ScalarNode {
		into[prefix] = n.Value
	}
	if n.Kind != yaml.MappingNode || depth > 10 {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		flatten(strings.TrimPrefix(prefix+"."+n.Content[i].Value, "."), n.Content[i+1], into, depth+1)
	}
}

var placeholder = regexp.MustCompile(`\{\{-?\s*\.?([A-Za-z_][\w.\[\]-]*?)\s*-?\}\}`)

// fill is a copy of a template with the parameters filled in.
func fill(n *yaml.Node, params map[string]string, depth int) *yaml.Node {
	c := *n
	if depth > 50 {
		return &c
	}
	if n.Kind == yaml.ScalarNode {
		c.Value = placeholder.ReplaceAllStringFunc(n.Value, func(found string) string {
			if value, ok := params[placeholder.FindStringSubmatch(found)[1]]; ok {
				return value
			}
			return found
		})
		if c.Value != n.Value {
			c.Tag, c.Style = "!!str", yaml.DoubleQuotedStyle
		}
	}
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = fill(child, params, depth+1)
	}
	return &c
}

// unfilled is the first text that still is a template.
func unfilled(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "{{") {
		return n.Value
	}
	for _, child := range n.Content {
		if left := unfilled(child); left != "" {
			return left
		}
	}
	return ""
}
