package document

import (
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

// inValues finds the line that gives a value, when it is the value that was rendered.
func (p *sourcePointer) inValues(set SetSource, template string, steps []step, w *wanted) (place, bool) {
	chart, _, _ := strings.Cut(template, "/templates/")
	var prefix []step // of a chart's values in the files of those that hold it
	type source struct {
		file   string
		prefix []step
	}
	sources := []source{{path.Join(chart, "values.yaml"), nil}}
	for dir := chart; dir != set.Chart; {
		parent := path.Dir(path.Dir(dir))
		if path.Base(path.Dir(dir)) != "charts" || len(prefix) > 20 {
			return place{}, false // it stands elsewhere, under a name that cannot be told here
		}
		prefix = append([]step{{name: path.Base(dir)}}, prefix...)
		dir = parent
		sources = append(sources, source{path.Join(dir, "values.yaml"), slices.Clone(prefix)})
	}
	for _, file := range set.Values {
		sources = append(sources, source{file, prefix})
	}
	for _, s := range slices.Backward(sources) {
		documents := p.documents(s.file)
		if len(documents) == 0 {
			continue
		}
		at := append(slices.Clone(s.prefix), steps...)
		found := follow(documents[0], nil, at)
		if found == nil {
			continue
		}
		if line := lineIn(documents[0], nil, at); line > 0 && (w.same(found) || w.target != nil && found.text != "" && found.text == w.target.text) {
			return place{s.file, line}, true
		}
		return place{}, false
	}
	return place{}, false
}
