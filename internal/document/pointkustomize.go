package document

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// inKustomization looks for the patch or the setting that made the value, in the kustomizations that went into the set. A value that the
// manifest itself has stays with that.
func (p *sourcePointer) inKustomization(set SetSource, f *gate.Finding, w *wanted) (place, bool) {
	base := objectAt(p.documents(f.File), f.Line, 0)
	var was *value
	if base != nil {
		was = follow(base, w.object, w.steps)
	}
	if w.target == nil || w.same(was) || was != nil && !w.scalar() {
		return place{}, false
	}
	var files []string
	for _, file := range set.Inputs {
		if kustomization(file) {
			files = append(files, file)
		}
	}
	slices.SortStableFunc(files, func(a, b string) int { // the outermost has the last word; it is usually the deepest in the tree or the set's own
		own := func(file string) int {
			if path.Dir(file) == w.doc.Set {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(own(a), own(b)), cmp.Compare(b, a))
	})
	for _, file := range files {
		documents := p.documents(file)
		if len(documents) == 0 {
			continue
		}
		if found, ok := p.inPatches(file, documents[0], w); ok {
			return found, true
		}
		if line := settingLine(documents[0], w); line > 0 {
			return place{file, line}, true
		}
	}
	return place{}, false
}

// inPatches looks through the patches of one kustomization, the last one first.
func (p *sourcePointer) inPatches(file string, k *value, w *wanted) (place, bool) {
	for _, key := range []string{"patches", "patchesJson6902", "patchesStrategicMerge"} {
		list := k.get(key)
		if list == nil || list.kind != array {
			continue
		}
		for _, entry := range slices.Backward(list.items) {
			target := entry.get("target")
			if !targets(target, w) {
				continue
			}
			name, inline := cmp.Or(entry.get("path").str(), entry.str()), entry.get("patch")
			if inline == nil && strings.Contains(name, "\n") {
				inline = entry
			}
			if inline != nil {
				if line := patchLine(parseForLines([]byte(inline.str())), target != nil, w); line > 0 {
					return place{file, inline.line + line}, true
				}
				continue
			}
			patch := path.Join(path.Dir(file), name)
			if line := patchLine(p.documents(patch), target != nil, w); line > 0 {
				return place{patch, line}, true
			}
		}
	}
	return place{}, false
}

// targets reports whether a patch's target may be the object: names are regular expressions, of which only plain ones are held against it.
func targets(target *value, w *wanted) bool {
	if target == nil {
		return true
	}
	kind, name := target.get("kind").str(), target.get("name").str()
	plain := !strings.ContainsAny(name, `.*+?()[]|^$\`)
	return (kind == "" || kind == w.doc.Type) && (name == "" || !plain || strings.Contains(w.doc.Name, name))
}

// patchLine is the line at which a patch sets the value, 0 when it does not. targeted: the kustomization says which objects it is for.
func patchLine(documents []*value, targeted bool, w *wanted) int {
	for _, patch := range documents {
		if patch.kind == array {
			if line := operationLine(patch, w); line > 0 {
				return line
			}
			continue
		}
		mine := patch.get("kind").str() == w.doc.Type && strings.Contains(w.doc.Name, cmp.Or(patch.at("metadata", "name").str(), "\x00"))
		if !mine && !targeted {
			continue
		}
		if found := follow(patch, w.object, w.steps); found != nil && (w.same(found) || !w.scalar()) {
			return cmp.Or(lineIn(patch, w.object, w.steps), found.line)
		}
	}
	return 0
}

// operationLine is the line of the operation of a JSON patch that sets the value.
func operationLine(patch *value, w *wanted) int {
	for _, op := range slices.Backward(patch.items) {
		if name := op.get("op").str(); name != "add" && name != "replace" {
			continue
		}
		at := op.get("path").str()
		for n := len(w.steps); n > 0; n-- {
			pointed := pointer(w.steps[:n]) == at
			if head, ok := strings.CutSuffix(at, "/-"); ok && w.steps[n-1].name == "" {
				pointed = pointer(w.steps[:n-1]) == head
			}
			if v := op.get("value"); pointed && v != nil && w.same(follow(v, nil, w.steps[n:])) {
				return op.line
			}
		}
	}
	return 0
}

// settingLine is the line of the setting of a kustomization that makes the value: images, replicas, the namespace, labels and annotations, what is
// put around names.
func settingLine(k *value, w *wanted) int {
	last := w.steps[len(w.steps)-1].name
	switch {
	case last == "image" && w.target.kind == stringKind:
		for _, entry := range itemsOf(k.get("images")) {
			name := cmp.Or(entry.get("newName").str(), entry.get("name").str())
			rest, ok := strings.CutPrefix(w.target.text, name)
			if name != "" && ok && (rest == "" || rest[0] == ':' || rest[0] == '@') {
				return entry.line
			}
		}
	case last == "replicas":
		for _, entry := range itemsOf(k.get("replicas")) {
			if w.same(entry.get("count")) && strings.Contains(w.doc.Name, cmp.Or(entry.get("name").str(), "\x00")) {
				return entry.line
			}
		}
	case pointer(w.steps) == "/metadata/namespace" && w.same(k.get("namespace")):
		return lineIn(k, nil, []step{{name: "namespace"}})
	case pointer(w.steps) == "/metadata/name" && w.target.kind == stringKind:
		if prefix := k.get("namePrefix").str(); prefix != "" && strings.HasPrefix(w.target.text, prefix) {
			return lineIn(k, nil, []step{{name: "namePrefix"}})
		}
		if suffix := k.get("nameSuffix").str(); suffix != "" && strings.HasSuffix(w.target.text, suffix) {
			return lineIn(k, nil, []step{{name: "nameSuffix"}})
		}
	}
	return labelLine(k, w)
}

// labelLine is the line of the label or annotation that a kustomization puts on everything. A key with dots is several steps.
func labelLine(k *value, w *wanted) int {
	from := slices.IndexFunc(w.steps, func(s step) bool {
		return slices.Contains([]string{"labels", "annotations", "matchLabels", "selector"}, s.name)
	})
	if from < 0 || from+1 == len(w.steps) {
		return 0
	}
	key := w.steps[from+1:]
	if w.steps[from].name == "selector" && key[0].name == "matchLabels" {
		key = key[1:]
	}
	pairs := []*value{k.get("commonLabels")}
	if w.steps[from].name == "annotations" {
		pairs = []*value{k.get("commonAnnotations")}
	} else {
		for _, entry := range itemsOf(k.get("labels")) {
			pairs = append(pairs, entry.get("pairs"))
		}
	}
	for _, some := range slices.Backward(pairs) {
		if some == nil || len(key) == 0 {
			continue
		}
		if found := follow(some, nil, key); w.same(found) {
			return cmp.Or(lineIn(some, nil, key), found.line)
		}
	}
	return 0
}

func itemsOf(v *value) []*value {
	if v == nil || v.kind != array {
		return nil
	}
	return v.items
}
