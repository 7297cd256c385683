package rules

import (
	"bytes"
	"encoding/json"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// eachField hands the fields of a JSON object to use, keys without quotes and escapes, values as they stand. false: it is no
// object, or not whole. What is passed over is cut out, not checked: documents are checked when they are made.
func eachField(text []byte, use func(key, value []byte)) bool {
	i := skipSpace(text, 0)
	if i >= len(text) || text[i] != '{' {
		return false
	}
	i = skipSpace(text, i+1)
	if i < len(text) && text[i] == '}' {
		return true
	}
	for i < len(text) && text[i] == '"' {
		end := skipText(text, i)
		if end < 0 {
			return false
		}
		key := text[i+1 : end-1]
		if bytes.IndexByte(key, '\\') >= 0 {
			var s string
			if json.Unmarshal(text[i:end], &s) != nil {
				return false
			}
			key = []byte(s)
		}
		i = skipSpace(text, end)
		if i >= len(text) || text[i] != ':' {
			return false
		}
		i = skipSpace(text, i+1)
		end = skipValue(text, i)
		if end <= i {
			return false
		}
		use(key, text[i:end])
		i = skipSpace(text, end)
		if i >= len(text) {
			return false
		}
		if text[i] == '}' {
			return true
		}
		if text[i] != ',' {
			return false
		}
		i = skipSpace(text, i+1)
	}
	return false
}

// eachItem hands the items of a JSON list to use, as they stand. false: it is no list, or not whole.
func eachItem(text []byte, use func(item []byte)) bool {
	i := skipSpace(text, 0)
	if i >= len(text) || text[i] != '[' {
		return false
	}
	i = skipSpace(text, i+1)
	if i < len(text) && text[i] == ']' {
		return true
	}
	for {
		end := skipValue(text, i)
		if end <= i {
			return false
		}
		use(text[i:end])
		i = skipSpace(text, end)
		if i >= len(text) || text[i] != ',' {
			return i < len(text) && text[i] == ']'
		}
		i = skipSpace(text, i+1)
	}
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// skipText gives the place after the string that begins at i; -1: it does not end.
func skipText(text []byte, i int) int {
	for i++; i < len(text); i++ {
		next := bytes.IndexByte(text[i:], '"')
		if next < 0 {
			return -1
		}
		escape := bytes.IndexByte(text[i:i+next], '\\')
		if escape < 0 {
			return i + next + 1
		}
		i += escape + 1 // the escaped character; the loop goes on behind it
	}
	return -1
}

// skipValue gives the place after the value that begins at i; -1: there is none, or it does not end.
func skipValue(text []byte, i int) int {
	if i >= len(text) {
		return -1
	}
	switch text[i] {
	case '"':
		return skipText(text, i)
	case '{', '[':
		depth := 0
		for i < len(text) {
			switch text[i] {
			case '"':
				if i = skipText(text, i); i < 0 {
					return -1
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return -1
	}
	start := i
	for i < len(text) && text[i] != ',' && text[i] != '}' && text[i] != ']' && text[i] > ' ' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

// decodePart fills in of a document's values what r reads; the rest is left out or null, which a rule that does not read it cannot
// tell.
func (n *names) decodePart(d *decoder, doc *gate.Document, v *decoded, r *reads) (err error) {
	if v.after == nil {
		if v.after, err = d.part(doc.After, r.keys["resource"]); err != nil {
			return err
		}
	}
	if v.before == nil {
		if v.before, err = d.part(doc.Before, r.keys["before"]); err != nil {
			return err
		}
	}
	if v.change == nil {
		v.change = n.object
		if r.keys["change"] != nil {
			v.change, err = n.readChange(d, doc)
		}
	}
	return err
}

// part decodes what r reads of a JSON text.
func (d *decoder) part(text []byte, r *reads) (*ast.Term, error) {
	if r == nil {
		return d.null, nil
	}
	if r.whole || len(text) == 0 || text[0] != '{' {
		return d.decode(text)
	}
	var pairs [][2]*ast.Term
	var failed error
	ok := eachField(text, func(key, value []byte) {
		child := r.keys[string(key)]
		if child == nil {
			return
		}
		term, err := d.part(value, child)
		if err != nil {
			failed = err
			return
		}
		name := d.key(key).term
		for i := range pairs {
			if pairs[i][0] == name {
				pairs[i][1] = term
				return
			}
		}
		pairs = append(pairs, [2]*ast.Term{name, term})
	})
	if !ok {
		return nil, errJSON
	}
	if failed != nil {
		return nil, failed
	}
	return ast.ObjectTerm(pairs...), nil
}
