package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// maxPath is the most characters of an attribute's name; keys are strangers' text.
const maxPath = 200

// tokenLength is that of "token:" and 32 hexadecimal digits, which package document puts in the place of secrets.
const tokenLength = len("token:") + 32

func isToken(v any) bool {
	s, ok := v.(string)
	if !ok || len(s) != tokenLength || !strings.HasPrefix(s, "token:") {
		return false
	}
	return strings.Trim(s[len("token:"):], "0123456789abcdef") == ""
}

// veil puts the word for what is secret in the place of tokens.
func (a *Attribute) veil(v any) any {
	switch v := v.(type) {
	case string:
		if isToken(v) {
			a.Sensitive = true
			return Sensitive
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = a.veil(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			out[name] = a.veil(v[name])
		}
		return out
	}
	return v
}

// focus leaves out what two long texts have in common at their beginning and, where they have lines, at their end.
func (a *Attribute) focus(before, after string, limit int) (any, any) {
	if len(before) <= limit && len(after) <= limit && (!strings.Contains(before, "\n") && !strings.Contains(after, "\n")) {
		return before, after
	}
	if strings.Contains(before, "\n") && strings.Contains(after, "\n") {
		x, y := strings.SplitAfter(before, "\n"), strings.SplitAfter(after, "\n")
		start := 0
		for start < len(x) && start < len(y) && x[start] == y[start] {
			start++
		}
		x, y = x[start:], y[start:]
		for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
			x, y = x[:len(x)-1], y[:len(y)-1]
		}
		a.Line, a.Cut = start+1, true
		return orNothing(strings.Join(x, "")), orNothing(strings.Join(y, ""))
	}
	const context = 40
	same := 0
	for same < len(before) && same < len(after) && before[same] == after[same] {
		same++
	}
	if same -= context; same > 0 {
		for same > 0 && !utf8.RuneStart(before[same]) {
			same--
		}
		a.Cut = true
		return "…" + before[same:], "…" + after[same:]
	}
	return before, after
}

// orNothing is a text, or nothing when it is empty: lines that were only added have none before.
func orNothing(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// value is a value as JSON of about limit characters at most.
func (a *Attribute) value(v any, limit int) json.RawMessage {
	switch v := v.(type) {
	case nil:
		return json.RawMessage("null")
	case string:
		short := shorten(v, limit)
		a.Cut = a.Cut || short != v
		return raw(short)
	case []any:
		out, size := []any{}, 0
		for i, item := range v {
			data := a.value(item, limit)
			if size += len(data); size > limit && i > 0 {
				a.Cut = true
				return raw(append(out, fmt.Sprintf("… and %d more", len(v)-i)))
			}
			out = append(out, data)
		}
		return raw(out)
	}
	data := raw(v)
	if len(data) > limit {
		a.Cut = true
		return raw(shorten(string(data), limit))
	}
	return data
}

func shorten(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n { // bytes are at least as many as characters
		return s
	}
	return gate.Shorten(s, n)
}

// raw is JSON without the escapes for HTML.
func raw(v any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // values that were read from JSON
		return json.RawMessage("null")
	}
	return bytes.TrimSpace(b.Bytes())
}

// Text is a value for people: as JSON, but for the words that stand for what is not shown. "" when it is not there.
func (a *Attribute) Text(value json.RawMessage) string {
	s := string(value)
	if strings.Contains(s, `\u00`) { // encoding/json spells <, > and & like that
		if v, err := decode(value); err == nil {
			s = string(raw(v))
		}
	}
	switch {
	case s == "" || s == "null":
		return ""
	case a.Sensitive:
		return strings.ReplaceAll(s, `"`+Sensitive+`"`, Sensitive)
	case a.Unknown && s == `"`+Unknown+`"`:
		return Unknown
	}
	return s
}

// Lines are a text of several lines that changes, without quotes; nil for any other value.
func (a *Attribute) Lines(value json.RawMessage) []string {
	var s string
	if a.Line == 0 || json.Unmarshal(value, &s) != nil || s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}
