package render

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

// treeDir is where the tree stands in the worker's file system in memory, so that no path of it is the file system's root.
const treeDir = "/tree"

// overlayDir is where the overlay of a job stands.
const overlayDir = "/overlay"

// recording notes which files were read.
type recording struct {
	filesys.FileSystem
	used map[string]bool
}

// ReadFile implements filesys.FileSystem.
func (r recording) ReadFile(name string) ([]byte, error) {
	data, err := r.FileSystem.ReadFile(name)
	if err == nil {
		r.used[strings.TrimPrefix(path.Clean(name), treeDir+"/")] = true
	}
	return data, err
}

// kustomize builds one kustomization.
func (j *job) kustomize() reply {
	fs := recording{filesys.MakeFsInMemory(), map[string]bool{}}
	for name, data := range j.Files {
		if name == j.File {
			data = withOrigins(data)
		}
		if err := fs.WriteFile(path.Join(treeDir, name), data); err != nil {
			return reply{Problem: problemAt(j.File, 0, "Rename the file.", "cannot be rendered: %s", shorten(err.Error()))}
		}
	}
	dir := path.Join(treeDir, j.Dir)
	if j.Overlay != nil {
		dir = overlayDir
		if err := fs.WriteFile(path.Join(dir, "kustomization.yaml"), withOrigins(j.Overlay)); err != nil {
			return reply{Problem: problemAt(j.File, 0, "Rename the file.", "cannot be rendered: %s", shorten(err.Error()))}
		}
	}
	options := krusty.MakeDefaultOptions() // no plugins, files below the kustomization only
	made, err := krusty.MakeKustomizer(options).Run(fs, dir)
	if err != nil {
		return reply{Problem: problemAt(j.File, 0, "Run kustomize build "+j.Dir+" to see it.", "cannot be rendered: %s", shorten(err.Error()))}
	}
	lines := map[string][]*yaml.Node{}
	answer := reply{Used: []string{}}
	for _, res := range made.Resources() {
		o := document.RenderedObject{}
		o.File, o.Line = j.origin(dir, res, lines)
		if o.Data, err = withoutOrigin(res); err == nil && len(j.Substitute) > 0 {
			if o.Data, err = res.AsYAML(); err == nil { // values are filled into the text, as Flux does it
				o.Data = substituted(o.Data, j.Substitute)
			}
		}
		if err != nil {
			return reply{Problem: problemAt(j.File, 0, "Simplify it.", "cannot be rendered: %s", shorten(err.Error()))}
		}
		answer.Objects = append(answer.Objects, o)
	}
	for _, name := range slices.Sorted(maps.Keys(fs.used)) {
		if _, ok := j.Files[name]; ok {
			answer.Used = append(answer.Used, name)
		}
	}
	return answer
}

// withOrigins is a kustomization that also notes where each object comes from. One that cannot be read stays as it is, so that
// kustomize can say what is wrong with it.
func withOrigins(data []byte) []byte {
	documents, err := nodes(data)
	if err != nil || len(documents) != 1 || documents[0].Kind != yaml.MappingNode {
		return data
	}
	top := documents[0]
	wanted := &yaml.Node{Kind: yaml.ScalarNode, Value: types.OriginAnnotations}
	if list := field(top, "buildMetadata"); list != nil {
		if list.Kind != yaml.SequenceNode {
			return data
		}
		list.Content = append(list.Content, wanted)
	} else {
		top.Content = append(top.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "buildMetadata"},
			&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{wanted}})
	}
	out, err := yaml.Marshal(top)
	if err != nil {
		return data
	}
	return out
}

const originAnnotation = "config.kubernetes.io/origin"

func withoutOrigin(res *resource.Resource) ([]byte, error) {
	annotations := res.GetAnnotations()
	delete(annotations, originAnnotation)
	if err := res.SetAnnotations(annotations); err != nil {
		return nil, err
	}
	data, err := res.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if len(annotations) > 0 {
		return data, nil
	}
	// An empty map of annotations may stay behind.
	return bytes.Replace(data, []byte(`"annotations":{},`), nil, 1), nil
}

// origin is the file and the line that an object comes from: its own manifest, or the generator in a kustomization.
func (j *job) origin(dir string, res *resource.Resource, read map[string][]*yaml.Node) (file string, line int) {
	origin, err := res.GetOrigin()
	if err != nil || origin == nil {
		return j.File, 0
	}
	name := origin.Path
	if name == "" {
		name = origin.ConfiguredIn
	}
	file = strings.TrimPrefix(path.Join(dir, name), treeDir+"/")
	data, ok := j.Files[file]
	if !ok {
		return j.File, 0
	}
	documents, known := read[file]
	if !known {
		documents, _ = nodes(data)
		read[file] = documents
	}
	kind, now := res.GetKind(), res.GetName()
	if origin.Path != "" {
		return file, bestLine(objectNodes(documents, kind, 0), now)
	}
	for _, d := range documents {
		for i := 0; d.Kind == yaml.MappingNode && i+1 < len(d.Content); i += 2 {
			if strings.EqualFold(d.Content[i].Value, origin.ConfiguredBy.Kind) {
				items := map[int]string{}
				for _, item := range d.Content[i+1].Content {
					items[item.Line] = text(field(item, "name"))
				}
				return file, cmp.Or(bestLine(items, now), d.Content[i].Line)
			}
		}
		if text(field(d, "kind")) == origin.ConfiguredBy.Kind && text(field(d, "metadata", "name")) == origin.ConfiguredBy.Name {
			return file, d.Line
		}
	}
	return file, 0
}

// bestLine is the line of the thing that became known under a name, which may have been given a prefix, a suffix and a hash: the
// one of exactly that name, else the one whose name is most of it, else the only one.
func bestLine(names map[int]string, now string) int {
	best, line := -1, 0
	for _, at := range slices.Sorted(maps.Keys(names)) {
		name := names[at]
		switch {
		case name == now:
			return at
		case name != "" && strings.Contains(now, name) && len(name) > best:
			best, line = len(name), at
		case len(names) == 1:
			line = at
		}
	}
	return line
}

// objectNodes are the lines and the names of the objects of a kind in a file, the items of lists among them.
func objectNodes(documents []*yaml.Node, kind string, depth int) map[int]string {
	found := map[int]string{}
	for _, n := range documents {
		if text(field(n, "kind")) == kind {
			found[n.Line] = text(field(n, "metadata", "name"))
		}
		if items := field(n, "items"); items != nil && items.Kind == yaml.SequenceNode && depth < 5 {
			maps.Copy(found, objectNodes(items.Content, kind, depth+1))
		}
	}
	return found
}

// nesting is how kustomize tells each kustomization on the way to what is wrong; the innermost one says it all.
var nesting = regexp.MustCompile(`^.*recursed (?:accumulation of|merging from) path '([^']*)': (?:accumulating resources: accumulation err='[^']*'?)?`)

var spaces = regexp.MustCompile(`\s+`)

// shorten makes one readable line of a library's error.
func shorten(message string) string {
	message = spaces.ReplaceAllString(strings.ReplaceAll(message, treeDir+"/", ""), " ")
	message = nesting.ReplaceAllString(message, "in $1: ")
	message = strings.TrimSuffix(strings.TrimSpace(message), ".")
	if r := []rune(message); len(r) > 400 {
		message = string(r[:200]) + " ... " + string(r[len(r)-200:])
	}
	return message
}

// jsonTexts visits every text in a JSON document by the key that holds it.
func jsonTexts(data []byte, visit func(key, value string)) {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return
	}
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case string:
			visit(key, v)
		case []any:
			for _, item := range v {
				walk(key, item)
			}
		case map[string]any:
			for k, item := range v {
				walk(k, item)
			}
		}
	}
	walk("", v)
}
