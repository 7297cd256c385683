package render

import (
	"bytes"
	"cmp"
	"context"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	commonutil "helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"helm.sh/helm/v4/pkg/ignore"
	"helm.sh/helm/v4/pkg/strvals"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// kubeVersion is what charts are told of the cluster.
const kubeVersion = "v1.37.0"

// helm renders one chart, as helm template does: hooks and CRDs included, no cluster to look anything up in.
func (j *job) helm() reply {
	places := map[string]string{} // of each chart in the tree, by its full name in Helm: web/charts/redis
	ch, problem := j.chart(j.Dir)
	if problem != nil {
		return reply{Problem: problem}
	}
	j.places(ch, j.Dir, places)
	values := map[string]any{}
	for _, name := range j.Values {
		more, err := loader.LoadValues(bytes.NewReader(j.Files[name]))
		if err != nil {
			return reply{Problem: problemAt(name, 0, "Correct the values.", "cannot be read as values: %s", shorten(err.Error()))}
		}
		values = loader.MergeMaps(values, more)
	}
	if len(j.Inline) > 0 {
		more, err := loader.LoadValues(bytes.NewReader(j.Inline))
		if err != nil {
			return reply{Problem: j.failed(places, err)}
		}
		values = loader.MergeMaps(values, more)
	}
	for _, s := range j.Set {
		parse := strvals.ParseInto
		if s.Text {
			parse = strvals.ParseIntoString
		}
		value := s.Value
		if !strings.HasPrefix(value, "{") { // {a,b} is a list, any other comma is meant as such
			value = strings.ReplaceAll(value, ",", `\,`)
		}
		if err := parse(s.Name+"="+value, values); err != nil {
			return reply{Problem: j.failed(places, err)}
		}
	}
	if err := chartutil.ProcessDependencies(ch, values); err != nil {
		return reply{Problem: j.failed(places, err)}
	}
	held := places // also those that the values switch off
	places = map[string]string{}
	j.places(ch, j.Dir, places)
	version, err := common.ParseKubeVersion(kubeVersion)
	if err != nil {
		return reply{Problem: j.failed(places, err)}
	}
	about := common.DefaultCapabilities.Copy()
	about.KubeVersion = *version
	release := common.ReleaseOptions{Name: j.Release, Namespace: j.Namespace, Revision: 1, IsInstall: true}
	top, err := commonutil.ToRenderValuesWithSchemaValidation(ch, values, release, about, remoteSchema(ch))
	if err != nil {
		return reply{Problem: j.failed(places, err)}
	}
	texts, err := new(engine.Engine).RenderWithContext(context.Background(), ch, top) // the worker is killed when it takes too long
	if err != nil {
		return reply{Problem: j.failed(places, err)}
	}
	answer := reply{Objects: []document.RenderedObject{}}
	for _, crd := range ch.CRDObjects() {
		texts[crd.Filename] = string(crd.File.Data)
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if base := path.Base(name); strings.HasPrefix(base, "_") || strings.HasSuffix(base, "NOTES.txt") {
			continue
		}
		file := j.place(places, name)
		answer.Objects = append(answer.Objects, split(file, j.Files[file], texts[name])...)
	}
	answer.Used = j.used(held, places)
	return answer
}

// chart loads the chart in a directory of the job's files, with the charts that it refers to with file://.
func (j *job) chart(dir string) (*helmchart.Chart, *gate.Problem) {
	file := path.Join(dir, "Chart.yaml")
	rules, err := ignore.Parse(bytes.NewReader(j.Files[path.Join(dir, ".helmignore")]))
	if err != nil {
		return nil, problemAt(path.Join(dir, ".helmignore"), 0, "Correct the file.", "cannot be read: %s", shorten(err.Error()))
	}
	rules.AddDefaults()
	var buffered []*archive.BufferedFile
	for _, name := range slices.Sorted(maps.Keys(j.Files)) {
		inChart, ok := strings.CutPrefix(name, dir+"/")
		if dir == "." {
			inChart, ok = name, true
		}
		if ok && !ignored(rules, inChart) {
			buffered = append(buffered, &archive.BufferedFile{Name: inChart, Data: bytes.TrimPrefix(j.Files[name], []byte("\xef\xbb\xbf"))})
		}
	}
	ch, err := loader.LoadFiles(buffered)
	if err != nil {
		return nil, problemAt(file, 0, "Run helm lint "+dir+" to see it.", "is not a chart that can be loaded: %s", shorten(err.Error()))
	}
	for _, dependency := range ch.Metadata.Dependencies {
		if has(ch, dependency) {
			continue
		}
		linked, ok := j.Links[dir+" "+dependency.Name]
		if !ok {
			return nil, problemAt(file, j.dependencyLine(file, dependency.Name),
				"Run helm dependency build "+dir+", commit the charts folder, and let .gitignore and .helmignore pass it.",
				"depends on %s %s from %s, which is not vendored; nothing is fetched", dependency.Name, dependency.Version, quoted(dependency.Repository))
		}
		other, problem := j.chart(linked)
		if problem != nil {
			return nil, problem
		}
		ch.AddDependency(other)
	}
	return ch, nil
}

func has(ch *helmchart.Chart, dependency *helmchart.Dependency) bool {
	return slices.ContainsFunc(ch.Dependencies(), func(d *helmchart.Chart) bool { return d.Name() == dependency.Name })
}

func (j *job) dependencyLine(file, name string) int {
	return readChart(file, j.Files[file], nil).lines[name]
}

// ignored reports whether .helmignore leaves a file, or a folder that holds it, out of the chart.
func ignored(rules *ignore.Rules, name string) bool {
	for i, c := range name {
		if c == '/' && rules.Ignore(name[:i], entry{name[:i], true}) {
			return true
		}
	}
	return rules.Ignore(name, entry{name, false})
}

// entry is as much of a file as .helmignore asks for.
type entry struct {
	name string
	dir  bool
}

func (e entry) Name() string       { return path.Base(e.name) }
func (e entry) Size() int64        { return 0 }
func (e entry) ModTime() time.Time { return time.Time{} }
func (e entry) IsDir() bool        { return e.dir }
func (e entry) Sys() any           { return nil }
func (e entry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir
	}
	return 0
}

// places notes where in the tree each chart stands; one inside an archive has no place. A chart that its dependents call by an alias has
// that name once Helm has looked through the dependencies, and stands where it did.
func (j *job) places(ch *helmchart.Chart, dir string, into map[string]string) {
	into[ch.ChartFullPath()] = dir
	file := path.Join(dir, "Chart.yaml")
	aliases := readChart(file, j.Files[file], j.Files[path.Join(dir, "requirements.yaml")]).aliases
	for _, sub := range ch.Dependencies() {
		name := cmp.Or(aliases[sub.Name()], sub.Name())
		for _, candidate := range []string{path.Join(dir, "charts", name), j.Links[dir+" "+name]} {
			if _, ok := j.Files[path.Join(candidate, "Chart.yaml")]; ok && candidate != "" {
				j.places(sub, candidate, into)
				break
			}
		}
	}
}

// place is the file of the tree that a template's full name stands for; the chart itself for a template inside an archive.
func (j *job) place(places map[string]string, name string) string {
	for prefix := name; prefix != "." && prefix != "/"; prefix = path.Dir(prefix) {
		if dir, ok := places[prefix]; ok {
			if file := path.Join(dir, strings.TrimPrefix(name, prefix+"/")); j.Files[file] != nil {
				return file
			}
		}
	}
	return j.File
}

// used are the files that are parts of the chart and not manifests of their own: all but what stands in folders that Helm does not
// read manifests from, and the templates of charts that are held and that the values switch off, so that nothing is rendered of them.
func (j *job) used(held, places map[string]string) []string {
	used, on, off := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, dir := range places {
		on[dir] = true
	}
	for _, dir := range held {
		off[dir] = !on[dir]
	}
	for _, name := range j.Values {
		used[name] = true
	}
	for _, dir := range held {
		for name := range j.Files {
			inChart, ok := strings.CutPrefix(name, dir+"/")
			if dir == "." {
				inChart, ok = name, true
			}
			if !ok {
				continue
			}
			folder, _, nested := strings.Cut(inChart, "/")
			switch {
			case nested && (folder == "templates" || folder == "crds" || folder == "charts"),
				!nested && (strings.HasPrefix(inChart, "values") || strings.HasPrefix(inChart, "Chart.") || strings.HasPrefix(inChart, "requirements.")):
				used[name] = true
			}
		}
	}
	maps.DeleteFunc(used, func(name string, _ bool) bool {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if path.Base(dir) == "templates" && off[path.Dir(dir)] {
				return true
			}
		}
		return false
	})
	return slices.Sorted(maps.Keys(used))
}

var (
	templatePlace = regexp.MustCompile(`(?:\(|template: )([^\s():]+):(\d+)`)
	requiredText  = regexp.MustCompile(`error calling (?:include|required|fail)[^:]*: |execution error at \([^)]*\): `)
)

// failed is why a chart cannot be rendered, at the template and the line that Helm names last.
func (j *job) failed(places map[string]string, err error) *gate.Problem {
	message := err.Error()
	file, line := j.File, 0
	for _, m := range templatePlace.FindAllStringSubmatch(message, -1) {
		if found := j.place(places, m[1]); found != j.File {
			file = found
			line, _ = strconv.Atoi(m[2])
		}
	}
	if all := requiredText.FindAllStringIndex(message, -1); len(all) > 0 {
		message = message[all[len(all)-1][1]:]
	}
	remedy := "Run helm template " + j.Dir + " to see it."
	if len(j.Values) == 0 {
		remedy = "Run helm template " + j.Dir + " to see it; name the values that it is installed with in kubernetes.helm of .github/gatehouse.yml."
	}
	return problemAt(file, line, remedy, "cannot be rendered: %s", shorten(message))
}

// remoteSchema reports whether a chart's schema of its values refers to another address. Helm would fetch it; here such values are
// not validated, which only means that an error of theirs is found later.
func remoteSchema(ch *helmchart.Chart) bool {
	found := false
	jsonTexts(ch.Schema, func(key, value string) {
		if strings.HasPrefix(key, "$") && key != "$id" && strings.Contains(value, ":") && !strings.Contains(value, "//json-schema.org/") {
			found = true
		}
	})
	return found || slices.ContainsFunc(ch.Dependencies(), remoteSchema)
}

var separator = regexp.MustCompile(`(?m)^---(?:[ \t].*)?\r?$`)

// split takes the documents of one rendered template apart and finds the line of the template that each one begins at.
func split(file string, template []byte, rendered string) []document.RenderedObject {
	var out []document.RenderedObject
	counts := map[string]int{}
	var kinds []string
	for _, part := range separator.Split(rendered, -1) {
		if empty(part) {
			continue
		}
		kind := ""
		if m := kindLine.FindStringSubmatch(part); m != nil {
			kind = m[1]
		}
		kinds = append(kinds, kind)
		counts[kind]++
		out = append(out, document.RenderedObject{File: file, Data: []byte(part)})
	}
	lines := templateLines(template)
	seen := map[string]int{}
	for i, kind := range kinds {
		switch places := lines[kind]; {
		case len(places) == 1:
			out[i].Line = places[0]
		case len(places) == counts[kind] && len(places) > 0: // as many in the template as came out of it
			out[i].Line = places[seen[kind]]
		}
		seen[kind]++
	}
	return out
}

func empty(part string) bool {
	for line := range strings.Lines(part) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

var kindLine = regexp.MustCompile(`(?m)^kind:[ \t]*["']?([A-Za-z0-9]+)`)

// templateLines are the lines at which objects of each kind begin in a template: that of their apiVersion, or of their kind.
func templateLines(template []byte) map[string][]int {
	found := map[string][]int{}
	version := 0
	for i, line := range strings.Split(string(template), "\n") {
		switch {
		case strings.HasPrefix(line, "---"):
			version = 0
		case strings.HasPrefix(line, "apiVersion:"):
			version = i + 1
		}
		if m := kindLine.FindStringSubmatch(line); m != nil {
			at := i + 1
			if version > 0 {
				at = version
			}
			found[m[1]] = append(found[m[1]], at)
			version = 0
		}
	}
	return found
}
