package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// walker goes through two values side by side and notes where they differ.
type walker struct {
	limits  Limits
	forcing []string
	found   []Attribute
}

// walk compares two values; nil is one that is not there. unknown is Terraform's mask of what is known only after apply.
func (w *walker) walk(path string, before, after, unknown any) {
	a, b := unpacked(before, after)
	objectA, isA := a.(map[string]any)
	objectB, isB := b.(map[string]any)
	mask, _ := unknown.(map[string]any)
	switch {
	case unknown == true && !isToken(after):
		w.note(path, before, Unknown, true)
	case (isA || a == nil) && (isB || b == nil) && len(objectA)+len(objectB)+len(mask) > 0:
		for _, name := range keysOf(objectA, objectB, mask) {
			w.walk(field(path, name), objectA[name], objectB[name], mask[name])
		}
	case isList(a) || isList(b):
		listA, okA := a.([]any)
		listB, okB := b.([]any)
		masks, _ := unknown.([]any)
		if (okA || a == nil) && (okB || b == nil) {
			w.list(path, listA, listB, masks)
			return
		}
		w.differ(path, a, b)
	default:
		w.differ(path, before, after)
	}
}

func (w *walker) differ(path string, before, after any) {
	nothing := before == nil && empty(after) || after == nil && empty(before)
	if !nothing && !reflect.DeepEqual(before, after) {
		w.note(path, before, after, false)
	}
}

// empty reports whether a value is a list or an object of nothing, which providers also write as null.
func empty(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func isList(v any) bool { _, ok := v.([]any); return ok }

func keysOf(objects ...map[string]any) []string {
	all := map[string]bool{}
	for _, o := range objects {
		for name := range o {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// unpacked reads texts that are JSON, as policies are: what differs inside them is what people look for.
func unpacked(before, after any) (any, any) {
	a, okA := packed(before)
	b, okB := packed(after)
	if okA && okB {
		return a, b
	}
	return before, after
}

// packed reads one; nothing counts as JSON, too. false: it is something else.
func packed(v any) (any, bool) {
	text, ok := v.(string)
	if !ok {
		return nil, v == nil
	}
	if text == "" || text[0] != '{' && text[0] != '[' {
		return nil, false
	}
	inner, err := decode([]byte(text))
	if err != nil {
		return nil, false
	}
	return inner, true
}

// list compares two lists. Elements that have names are compared by them, equal ones are passed over wherever they stand, and the
// others are compared in their order.
func (w *walker) list(path string, before, after, masks []any) {
	if len(masks) == 0 && scalars(before) && scalars(after) {
		w.scalarList(path, before, after)
		return
	}
	if name := namedBy(before, after); name != "" {
		w.named(path, name, before, after, masks)
		return
	}
	mask := func(i int) any {
		if i < len(masks) {
			return masks[i]
		}
		return nil
	}
	left := map[string][]int{} // elements of before, by their text
	for i, v := range before {
		left[text(v)] = append(left[text(v)], i)
	}
	var fresh []int
	paired := make([]bool, len(before))
	for i, v := range after {
		same := left[text(v)]
		if len(same) > 0 && !marked(mask(i)) {
			paired[same[0]], left[text(v)] = true, same[1:]
			continue
		}
		fresh = append(fresh, i)
	}
	var gone []int
	for i := range before {
		if !paired[i] {
			gone = append(gone, i)
		}
	}
	for n := range max(len(fresh), len(gone)) {
		switch {
		case n >= len(fresh):
			w.walk(at(path, gone[n]), before[gone[n]], nil, nil)
		case n >= len(gone):
			w.walk(at(path, fresh[n]), nil, after[fresh[n]], mask(fresh[n]))
		default:
			w.walk(at(path, fresh[n]), before[gone[n]], after[fresh[n]], mask(fresh[n]))
		}
	}
	for i := len(after); i < len(masks); i++ { // an element of which nothing is known
		w.walk(at(path, i), nil, nil, masks[i])
	}
}

// scalarList is one attribute. Of a long list only what differs is shown.
func (w *walker) scalarList(path string, before, after []any) {
	if len(before)+len(after) == 0 || reflect.DeepEqual(before, after) {
		return
	}
	var a, b any // a list that is not there stays so
	if before != nil {
		a = before
	}
	if after != nil {
		b = after
	}
	if before != nil && after != nil && (len(text(before)) > w.limits.Value || len(text(after)) > w.limits.Value) {
		gone, fresh := without(before, after), without(after, before)
		if len(gone)+len(fresh) > 0 {
			path, a, b = path+"[*]", gone, fresh
		}
	}
	w.note(path, a, b, false)
}

// without is what is in a and not in b, counting.
func without(a, b []any) []any {
	n := map[string]int{}
	for _, v := range b {
		n[text(v)]++
	}
	out := []any{}
	for _, v := range a {
		if n[text(v)] > 0 {
			n[text(v)]--
			continue
		}
		out = append(out, v)
	}
	return out
}

// named compares elements that have the same name, and says who came and went.
func (w *walker) named(path, name string, before, after, masks []any) {
	byName := map[string]any{}
	for _, v := range before {
		byName[v.(map[string]any)[name].(string)] = v
	}
	for i, v := range after {
		of := v.(map[string]any)[name].(string)
		var mask any
		if i < len(masks) {
			mask = masks[i]
		}
		w.walk(element(path, of), byName[of], v, mask)
		delete(byName, of)
	}
	for _, of := range slices.Sorted(maps.Keys(byName)) {
		w.walk(element(path, of), byName[of], nil, nil)
	}
}

// namedBy is the key by which all elements of both lists have names, each its own; "" when there is none.
func namedBy(lists ...[]any) string {
	for _, name := range []string{"name", "key", "id", "sid", "Sid", "mountPath"} {
		ok := true
		for _, list := range lists {
			seen := map[string]bool{}
			for _, v := range list {
				object, _ := v.(map[string]any)
				of, isText := object[name].(string)
				if !isText || of == "" || len(of) > 100 || seen[of] || isToken(of) {
					ok = false
					break
				}
				seen[of] = true
			}
		}
		if ok {
			return name
		}
	}
	return ""
}

func scalars(list []any) bool {
	for _, v := range list {
		switch v.(type) {
		case map[string]any, []any:
			return false
		}
	}
	return true
}

// marked reports whether a mask marks anything.
func marked(mask any) bool {
	switch mask := mask.(type) {
	case bool:
		return mask
	case map[string]any:
		for _, m := range mask {
			if marked(m) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(mask, marked)
	}
	return false
}

// text is a value as JSON, the same for equal values.
func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

// plainName is a key that needs no quotes in a path.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func field(path, name string) string {
	switch {
	case !plainName.MatchString(name):
		return path + "[" + strconv.Quote(name) + "]"
	case path == "":
		return name
	}
	return path + "." + name
}

func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func element(path, name string) string {
	if plainName.MatchString(name) {
		return path + "[" + name + "]"
	}
	return path + "[" + strconv.Quote(name) + "]"
}

// note adds an attribute.
func (w *walker) note(path string, before, after any, unknown bool) {
	if before == nil && after == nil {
		return
	}
	a := Attribute{Attribute: shorten(cmp.Or(path, "(everything)"), maxPath), Unknown: unknown}
	for _, p := range w.forcing {
		if rest, ok := strings.CutPrefix(path, p); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			a.Forces = true
		}
	}
	before, after = a.veil(before), a.veil(after)
	if s, ok := before.(string); ok {
		if t, ok := after.(string); ok && !a.Sensitive && !unknown {
			before, after = a.focus(s, t, w.limits.Value)
		}
	}
	a.Before, a.After = a.value(before, w.limits.Value), a.value(after, w.limits.Value)
	w.found = append(w.found, a)
}
