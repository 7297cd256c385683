package document

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// Plain reports whether data is JSON whose keys and words are spelled out, so that they can be looked for as text: it has no escapes but
// those that encoders write.
func Plain(data []byte) bool { return plainEscapes(data) && isJSON(data) }

// isJSON is json.Valid, in a third of its time.
func isJSON(data []byte) bool {
	s := scanner{data: data, depth: 10_000}
	end, err := s.value(s.space(0), 0)
	return err == nil && s.space(end) == len(data)
}

// plainEscapes reports whether no character is escaped that need not be; encoding/json and Terraform escape <, > and &, too.
func plainEscapes(data []byte) bool {
	for {
		i := bytes.IndexByte(data, '\\')
		if i < 0 {
			return true
		}
		if data = data[i+1:]; len(data) == 0 {
			return false
		}
		switch data[0] {
		case '/':
			return false
		case 'u':
			if len(data) < 5 || data[1] == '0' && data[2] == '0' && data[3] >= '2' && data[3] <= '7' &&
				!slices.Contains([]string{"3c", "3e", "26"}, strings.ToLower(string(data[3:5]))) {
				return false
			}
		}
		data = data[1:]
	}
}

// quiet reports whether a part of a plan has no secrets in it: it marks nothing as sensitive, and holds no Secret of Kubernetes. It may
// say no of a part that has none.
func quiet(part []byte) bool {
	if bytes.Contains(part, []byte(lastApplied)) {
		return false
	}
	for rest := part; ; {
		_, after, found := bytes.Cut(rest, []byte("sensitive"))
		if !found {
			break
		}
		rest = after
		// Of sensitive, after_sensitive and sensitive_values the key ends here. Anything else may be in the middle of a text, and what
		// follows its quote (which may be escaped) no JSON.
		if end := bytes.TrimPrefix(after, []byte("_values")); len(end) > 0 && end[0] == '"' && hasTrue(valueAfter(end[1:])) {
			return false
		}
	}
	for rest := part; ; {
		_, after, found := bytes.Cut(rest, []byte(`"kind"`))
		if !found {
			return true
		}
		kind := text(valueAfter(after))
		if strings.EqualFold(kind, "Secret") || strings.EqualFold(kind, "SecretList") || strings.HasPrefix(kind, "Encryption") {
			return false
		}
		rest = after
	}
}

// valueAfter is the value that follows the end of a key in checked JSON; nil when it was no key.
func valueAfter(rest []byte) []byte {
	i := skipSpace(rest, 0)
	if i >= len(rest) || rest[i] != ':' {
		return nil
	}
	i = skipSpace(rest, i+1)
	return rest[i:skip(rest, i)]
}

// plan is a plan without its secrets. The parts that have none, which is nearly everything of a large plan, stay as they are. ok is false
// when it must be done at once: for what is no object, or has a kind itself.
func (r *Redactor) plan(data []byte) (out []byte, ok bool) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || data[0] != '{' {
		return nil, false
	}
	parts := map[string][]byte{}
	fields(data, func(key, value []byte) { parts[text(key)] = value })
	if parts["kind"] != nil {
		return nil, false
	}
	m := planMasker{redactor: r, secrets: map[string]bool{}}
	for name, part := range parts {
		switch name {
		case "resource_changes", "resource_drift", "deferred_changes":
			parts[name] = m.list(name, part)
		case "variables", "configuration":
		default:
			parts[name] = m.alone(name, part)
		}
	}
	m.variables(parts)
	out = append(out, '{')
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(appendString(out, name), ':'), parts[name]...)
	}
	return r.withoutSpelled(append(out, '}'), m.secrets), true
}

// planMasker replaces the secrets of a plan's parts.
type planMasker struct {
	redactor *Redactor
	secrets  map[string]bool // the texts that were replaced
}

// list goes through a list item by item.
func (m *planMasker) list(name string, part []byte) []byte {
	if len(part) == 0 || part[0] != '[' || quiet(part) {
		return part
	}
	out := make([]byte, 0, len(part))
	out = append(out, '[')
	elements(part, func(item []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		if quiet(item) {
			out = append(out, item...)
			return
		}
		one := decodeAny(slices.Concat([]byte{'['}, item, []byte{']'}))
		m.redactor.maskPlan(map[string]any{name: one}, m.secrets)
		if list, ok := one.([]any); ok && len(list) == 1 {
			out = append(out, marshal(m.redactor.maskSecrets(list[0]))...)
		}
	})
	return append(out, ']')
}

// alone masks a part that needs no other.
func (m *planMasker) alone(name string, part []byte) []byte {
	if quiet(part) {
		return part
	}
	plan := map[string]any{name: decodeAny(part)}
	m.redactor.maskPlan(plan, m.secrets)
	return marshal(m.redactor.maskSecrets(plan[name]))
}

// variables masks the variables, of which the configuration says which are secret; those that it does not know are.
func (m *planMasker) variables(parts map[string][]byte) {
	if parts["variables"] == nil && (parts["configuration"] == nil || quiet(parts["configuration"])) {
		return
	}
	plan := map[string]any{}
	for _, name := range []string{"variables", "configuration"} {
		if parts[name] != nil {
			plan[name] = decodeAny(parts[name])
		}
	}
	m.redactor.maskPlan(plan, m.secrets)
	for name, v := range plan {
		if parts[name] != nil {
			parts[name] = marshal(m.redactor.maskSecrets(v))
		}
	}
}

// withoutSpelled is without for JSON in which one text may be spelled in more than one way.
func (r *Redactor) withoutSpelled(value []byte, secrets map[string]bool) []byte {
	if len(secrets) == 0 {
		return value
	}
	out := make([]byte, 0, len(value))
	done := 0
	eachString(value, func(at int, quoted []byte) {
		spelled := quoted
		if bytes.IndexByte(quoted, '\\') >= 0 {
			spelled = appendString(nil, text(quoted))
		}
		if secrets[string(spelled)] {
			out = append(append(out, value[done:at]...), r.Token(spelled)...)
			done = at + len(quoted)
		}
	})
	return append(out, value[done:]...)
}
