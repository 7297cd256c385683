package rules

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// raw is one member of a result set, read and checked, before it is known who it concerns. It is what the cache keeps.
type raw struct {
	Rule     string   `json:"rule"`
	Set      string   `json:"set"`
	Message  string   `json:"message"` // of require_approval: the reason
	Path     string   `json:"path,omitempty"`
	Key      string   `json:"key,omitempty"`      // what makes it the same finding at the merge base; "": the message
	Resource string   `json:"resource,omitempty"` // "" for the document's own
	Line     int      `json:"line,omitempty"`
	Count    int      `json:"count,omitempty"`
	Teams    []string `json:"teams,omitempty"`
	Users    []string `json:"users,omitempty"`
}

const (
	maxPath      = 500
	maxApprovals = 100
	maxApprovers = 100
)

// readSet reads the members of one result set.
func readSet(rule, set string, members ast.Value, limits *Limits) ([]raw, error) {
	list, ok := members.(ast.Set)
	if !ok {
		return nil, fmt.Errorf("%s is %s; wanted: a set, written \"%s contains finding if { ... }\"", set, article(members), set)
	}
	if list.Len() > limits.PerRule {
		return nil, fmt.Errorf("%s has %d findings on one document; at most %d are allowed", set, list.Len(), limits.PerRule)
	}
	result := make([]raw, 0, list.Len())
	err := list.Iter(func(t *ast.Term) error {
		r, err := readMember(set, t.Value, limits)
		r.Rule, r.Set = rule, set
		result = append(result, r)
		return err
	})
	return result, err
}

func readMember(set string, v ast.Value, limits *Limits) (raw, error) {
	if text, ok := v.(ast.String); ok && set != setApproval {
		return raw{Message: clean(string(text), limits.Message)}, nonEmpty(set, string(text))
	}
	object, ok := v.(ast.Object)
	if !ok {
		return raw{}, fmt.Errorf("a member of %s is %s; wanted: a message or an object with one", set, article(v))
	}
	var r raw
	err := object.Iter(func(k, v *ast.Term) error {
		name, ok := k.Value.(ast.String)
		if !ok {
			return fmt.Errorf("a member of %s has a key that is no text", set)
		}
		return r.read(set, string(name), v.Value, limits)
	})
	if err != nil {
		return raw{}, err
	}
	if set == setApproval && r.Count == 0 {
		r.Count = 1
	}
	return r, nonEmpty(set, r.Message)
}

func nonEmpty(set, message string) error {
	if strings.TrimSpace(message) != "" {
		return nil
	}
	key := "message"
	if set == setApproval {
		key = "reason"
	}
	return fmt.Errorf("a member of %s has no %s", set, key)
}

// read takes one key of a finding or of a demand for approvals.
func (r *raw) read(set, name string, v ast.Value, limits *Limits) (err error) {
	approval := set == setApproval
	switch {
	case name == "message" && !approval, name == "reason" && approval:
		r.Message, err = readText(set, name, v, limits.Message)
	case name == "resource":
		r.Resource, err = readText(set, name, v, maxPath)
	case name == "path" && !approval:
		r.Path, err = readText(set, name, v, maxPath)
	case name == "key" && !approval:
		r.Key, err = readText(set, name, v, maxPath)
	case name == "line" && !approval:
		r.Line, err = readInt(set, name, v, 1<<30)
	case name == "count" && approval:
		r.Count, err = readInt(set, name, v, maxApprovals)
	case name == "teams" && approval:
		r.Teams, err = readNames(set, name, v)
		for _, team := range r.Teams {
			if org, slug, ok := strings.Cut(team, "/"); !ok || org == "" || slug == "" || strings.Contains(slug, "/") {
				return fmt.Errorf("%s names the team %q; wanted: org/team", set, team)
			}
		}
	case name == "users" && approval:
		r.Users, err = readNames(set, name, v)
	default:
		return fmt.Errorf("a member of %s has the unknown key %s", set, clean(name, maxPath))
	}
	return err
}

func readText(set, name string, v ast.Value, limit int) (string, error) {
	text, ok := v.(ast.String)
	if !ok {
		return "", fmt.Errorf("%s of a member of %s is %s; wanted: a text", name, set, article(v))
	}
	return clean(string(text), limit), nil
}

func readInt(set, name string, v ast.Value, limit int) (int, error) {
	number, ok := v.(ast.Number)
	if ok {
		if n, whole := number.Int(); whole && n >= 1 && n <= limit {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%s of a member of %s is %s; wanted: a whole number from 1 to %d", name, set, clean(v.String(), 40), limit)
}

// readNames reads a list or set of names.
func readNames(set, name string, v ast.Value) ([]string, error) {
	var names []string
	bad := fmt.Errorf("%s of a member of %s is not a list of at most %d names", name, set, maxApprovers)
	add := func(t *ast.Term) error {
		text, ok := t.Value.(ast.String)
		if !ok || strings.TrimSpace(string(text)) == "" || len(names) == maxApprovers {
			return bad
		}
		names = append(names, clean(string(text), maxPath))
		return nil
	}
	switch v := v.(type) {
	case *ast.Array:
		err := v.Iter(add)
		return names, err
	case ast.Set:
		err := v.Iter(add)
		return names, err
	}
	return nil, bad
}

// article says what a value is, for people.
func article(v ast.Value) string {
	switch v.(type) {
	case ast.Null:
		return "null"
	case ast.Boolean:
		return "true or false"
	case ast.Number:
		return "a number"
	case ast.String:
		return "a text"
	case *ast.Array:
		return "a list"
	case ast.Object:
		return "an object"
	case ast.Set:
		return "a set"
	}
	return "something else"
}

// clean makes a text of a rule, which holds pieces of untrusted documents, safe to pass on: one line, valid UTF-8, no control
// characters and none that reorder the text around them, no longer than limit bytes. Escaping is up to who shows it.
func clean(s string, limit int) string {
	if len(s) > 4*limit {
		s = s[:4*limit]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || r == '\u061c' || r == '\u200e' || r == '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	if len(s) <= limit {
		return s
	}
	end := max(limit-len("…"), 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
