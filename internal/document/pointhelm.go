package document

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

var (
	templateKey    = regexp.MustCompile(`^(\s*)(?:- +)?["']?([A-Za-z0-9_./-]+)["']?:(.*)$`)
	templateValues = regexp.MustCompile(`\.Values\.([A-Za-z0-9_.]+)`)
)

// inChart looks for the line of the template that writes the field, and, when that takes it from one value, for the line that gives the
// value: the last value file that has it, else the chart's own.
func (p *sourcePointer) inChart(set SetSource, f *gate.Finding, w *wanted) (place, bool) {
	lines := strings.Split(string(p.content(f.File)), "\n")
	if f.Line > len(lines) || !strings.Contains(f.File, "templates/") {
		return place{}, false
	}
	end := f.Line
	for end < len(lines) && !strings.HasPrefix(lines[end], "---") {
		end++
	}
	for i := len(w.steps) - 1; i >= 0; i-- {
		if w.steps[i].name == "" {
			continue
		}
		at, ok := onlyLine(lines[f.Line-1:end], w.steps[i].name)
		if !ok {
			continue
		}
		at += f.Line
		if reference := valueOf(lines, at, i < len(w.steps)-1); reference != "" {
			if found, ok := p.inValues(set, f.File, append(valueSteps(reference), w.steps[i+1:]...), w); ok {
				return found, true
			}
		}
		return place{f.File, at}, true
	}
	return place{}, false
}

// onlyLine is the index of the one line that begins with a key; ok is false when none does, or several do.
func onlyLine(lines []string, key string) (at int, ok bool) {
	at = -1
	for i, line := range lines {
		if m := templateKey.FindStringSubmatch(line); m != nil && m[2] == key {
			if at >= 0 {
				return 0, false
			}
			at = i
		}
	}
	return at, at >= 0
}

// valueOf is the one value that the line of a key takes its own from, or, for a key with something below it, the line after; "" when there
// is none or there are several.
func valueOf(lines []string, at int, below bool) string {
	_, text, _ := strings.Cut(lines[at-1], ":")
	if below && strings.TrimSpace(text) == "" && at < len(lines) {
		text = lines[at]
	}
	if !strings.HasPrefix(strings.Trim(text, " \"'"), "{{") || below && !strings.Contains(text, "toYaml") {
		return ""
	}
	found := templateValues.FindAllStringSubmatch(text, 2)
	if len(found) != 1 {
		return ""
	}
	return strings.TrimSuffix(found[0][1], ".")
}

func valueSteps(reference string) []step {
	var out []step
	for _, name := range strings.Split(reference, ".") {
		out = append(out, step{name: name})
	}
	return out
}

// inValues finds the line that gives a value, when it is the value that was rendered. A chart may be held more than once, under different
// aliases: then it is the one use whose value this is.
func (p *sourcePointer) inValues(set SetSource, template string, steps []step, w *wanted) (place, bool) {
	chart, _, _ := strings.Cut(template, "/templates/")
	var found []place
	for _, use := range p.uses(set, chart) {
		if at, ok := p.inFiles(append(use, valueFiles(set, use)...), steps, w); ok && !slices.Contains(found, at) {
			found = append(found, at)
		}
	}
	if len(found) != 1 {
		return place{}, false
	}
	return found[0], true
}

// valueFile is a file of values and where in it those of a chart stand.
type valueFile struct {
	file   string
	prefix []step
}

// valueFiles are the files that a chart is rendered with, seen from a chart inside of it.
func valueFiles(set SetSource, use []valueFile) []valueFile {
	out := make([]valueFile, 0, len(set.Values))
	for _, file := range set.Values {
		out = append(out, valueFile{file, use[len(use)-1].prefix})
	}
	return out
}

// maxUses is how many charts of one release are looked at for the ways in which one of them is used.
const maxUses = 200

// uses are the ways in which a release uses a chart: each time the values.yaml of that chart, of the one that holds it, and so on up to the
// release's own, which have the last word.
func (p *sourcePointer) uses(set SetSource, chart string) [][]valueFile {
	type held struct {
		dir   string
		files []valueFile // from the release's own chart down, without prefixes
		names []string
	}
	var out [][]valueFile
	queue := []held{{dir: set.Chart}}
	for looked := 0; len(queue) > 0 && looked < maxUses; looked++ {
		at := queue[0]
		queue = queue[1:]
		at.files = append(slices.Clip(at.files), valueFile{file: path.Join(at.dir, "values.yaml")})
		if at.dir == chart {
			use := make([]valueFile, 0, len(at.files))
			for depth, f := range slices.Backward(at.files) {
				for _, name := range at.names[depth:] {
					f.prefix = append(f.prefix, step{name: name})
				}
				use = append(use, f)
			}
			out = append(out, use)
			continue
		}
		for _, d := range p.dependencies(at.dir, chart) {
			queue = append(queue, held{d.dir, at.files, append(slices.Clip(at.names), d.name)})
		}
	}
	return out
}

// dependency is a chart that another one holds or refers to, and the name that it goes by there.
type dependency struct{ dir, name string }

// dependencies are the charts of a chart, and of those in its charts folder that it does not name, the one on the way to the wanted one.
func (p *sourcePointer) dependencies(dir, wanted string) []dependency {
	var out []dependency
	named := map[string]bool{}
	for _, file := range []string{"Chart.yaml", "requirements.yaml"} {
		documents := p.documents(path.Join(dir, file))
		if len(documents) == 0 {
			continue
		}
		for _, item := range itemsOf(documents[0].get("dependencies")) {
			name := item.get("name").str()
			d := dependency{path.Join(dir, "charts", name), cmp.Or(item.get("alias").str(), name)}
			named[d.dir] = true
			out = append(out, d)
			if local, ok := strings.CutPrefix(item.get("repository").str(), "file://"); ok {
				out = append(out, dependency{path.Join(dir, local), d.name})
			}
		}
	}
	if rest, ok := strings.CutPrefix(wanted, path.Join(dir, "charts")+"/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		if held := path.Join(dir, "charts", name); !named[held] {
			out = append(out, dependency{held, name})
		}
	}
	return out
}

// inFiles looks for a value in files of values, the last of which has the last word.
func (p *sourcePointer) inFiles(files []valueFile, steps []step, w *wanted) (place, bool) {
	for _, f := range slices.Backward(files) {
		documents := p.documents(f.file)
		if len(documents) == 0 {
			continue
		}
		at := append(slices.Clone(f.prefix), steps...)
		found := follow(documents[0], nil, at)
		if found == nil {
			continue
		}
		if line := lineIn(documents[0], nil, at); line > 0 && (w.same(found) || w.target != nil && found.text != "" && found.text == w.target.text) {
			return place{f.file, line}, true
		}
		return place{}, false
	}
	return place{}, false
}
