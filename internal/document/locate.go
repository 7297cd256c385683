package document

import (
	"strconv"
	"strings"
)

// Locate is the line of a field, such as spec.template.spec.containers[0].image or metadata.annotations["a.b/c"], of the object
// that starts at startLine of a manifest; 0 when it is not there.
func Locate(data []byte, startLine int, path string) int {
	object := objectAt(parseForLines(data), startLine, 0)
	steps, ok := parsePath(path)
	if object == nil || !ok {
		return 0
	}
	return locate(object, steps, startLine)
}

// objectAt finds the object that starts at a line among documents and the items of lists.
func objectAt(documents []*value, line, depth int) *value {
	var found *value
	for _, v := range documents {
		if v.kind != objectKind {
			continue
		}
		if items := v.get("items"); items != nil && items.kind == array && depth < 20 {
			if item := objectAt(items.items, line, depth+1); item != nil {
				return item
			}
		}
		if v.line == line && found == nil {
			found = v
		}
	}
	return found
}

// step is one step of a path: a key, or an index when name is empty.
type step struct {
	name  string
	index int
}

func parsePath(path string) ([]step, bool) {
	var steps []step
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case strings.HasPrefix(path, `["`):
			quoted, err := strconv.QuotedPrefix(path[1:])
			if err != nil || !strings.HasPrefix(path[1+len(quoted):], "]") {
				return nil, false
			}
			name, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, false
			}
			steps = append(steps, step{name: name})
			path = path[len(quoted)+2:]
		case path[0] == '[':
			inside, rest, ok := strings.Cut(path[1:], "]")
			index, err := strconv.Atoi(inside)
			if !ok || err != nil || index < 0 {
				return nil, false
			}
			steps = append(steps, step{index: index})
			path = rest
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			steps = append(steps, step{name: path[:end]})
			path = path[end:]
		}
	}
	return steps, true
}

// locate follows steps. A key may hold dots itself (kubernetes.io/name), so where one step is no key, more are tried together.
func locate(v *value, steps []step, line int) int {
	if len(steps) == 0 {
		return line
	}
	first := steps[0]
	if first.name == "" {
		if v.kind != array || first.index >= len(v.items) {
			return 0
		}
		return locate(v.items[first.index], steps[1:], v.items[first.index].line)
	}
	if v.kind != objectKind {
		return 0
	}
	name := ""
	for n := 0; n < len(steps) && steps[n].name != ""; n++ {
		if n > 0 {
			name += "."
		}
		name += steps[n].name
		for i := range v.keys {
			if v.keys[i].name == name {
				if at := locate(v.items[i], steps[n+1:], v.keys[i].line); at > 0 {
					return at
				}
			}
		}
	}
	return 0
}
