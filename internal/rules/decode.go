package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// decoder reads JSON straight into Rego values. Plans repeat the same keys and short texts thousands of times, so those are
// kept and shared: values never change. One worker uses it for one document after the other.
type decoder struct {
	keys   map[string]*key
	texts  map[string]*ast.Term
	fields []field
	items  []*ast.Term
	pairs  [][2]*ast.Term
	object uint64
	floats bool // numbers are written as Gatekeeper writes them

	null, empty *ast.Term
	src         []byte
	pos         int
}

// key is an object key that was seen before.
type key struct {
	term   *ast.Term
	object uint64 // the last object that it was found in, to find keys that occur twice
	place  int
}

type field struct {
	key   *key
	value *ast.Term
}

// Bounds on what is kept between documents.
const (
	maxKeys     = 1 << 14
	maxTexts    = 1 << 13
	maxTextSize = 48
)

func newDecoder() *decoder {
	return &decoder{
		keys: map[string]*key{}, texts: map[string]*ast.Term{},
		null: ast.NullTerm(), empty: ast.NewTerm(ast.NewObject()),
	}
}

// newGatekeeperDecoder makes a decoder for what a template sees. Gatekeeper reads all of it with floating numbers of 64 bits: what a
// template says of 1000000, and compares as a text, is 1e+06.
func newGatekeeperDecoder() *decoder {
	d := newDecoder()
	d.floats = true
	return d
}

var errJSON = errors.New("not JSON")

// decode gives the value of a JSON text; no text at all is null.
func (d *decoder) decode(src []byte) (*ast.Term, error) {
	if len(src) == 0 {
		return d.null, nil
	}
	d.begin(src)
	v, err := d.value(0)
	if err == nil {
		err = d.end()
	}
	return v, err
}

// decodeObject gives the value of a JSON object with some fields more: defaults where the text has none of that name, and fixed
// ones whatever it has. No text at all is an empty object.
func (d *decoder) decodeObject(src []byte, defaults, fixed [][2]*ast.Term) (*ast.Term, error) {
	d.begin(src)
	d.add(defaults) // of a key that occurs twice the last value counts
	if len(src) > 0 {
		if d.next() != '{' {
			return nil, d.fail("not an object")
		}
		if err := d.readFields(0); err != nil {
			return nil, err
		}
		if err := d.end(); err != nil {
			return nil, err
		}
	}
	d.add(fixed)
	return d.finish(0), nil
}

func (d *decoder) add(fields [][2]*ast.Term) {
	for _, f := range fields {
		if name, ok := f[0].Value.(ast.String); ok {
			d.fields = append(d.fields, field{d.key([]byte(name)), f[1]})
		}
	}
}

func (d *decoder) begin(src []byte) {
	if len(d.keys) > maxKeys {
		clear(d.keys)
	}
	if len(d.texts) > maxTexts {
		clear(d.texts)
	}
	d.src, d.pos = src, 0
	d.fields, d.items = d.fields[:0], d.items[:0]
}

// end makes sure that nothing follows the value.
func (d *decoder) end() error {
	d.space()
	if d.pos != len(d.src) {
		return d.fail("something follows the value")
	}
	return nil
}

func (d *decoder) fail(what string) error {
	return fmt.Errorf("%w at byte %d: %s", errJSON, d.pos, what)
}

func (d *decoder) space() {
	for d.pos < len(d.src) {
		switch d.src[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// next skips white space and gives the next byte without taking it; 0 at the end.
func (d *decoder) next() byte {
	d.space()
	if d.pos < len(d.src) {
		return d.src[d.pos]
	}
	return 0
}

func (d *decoder) value(depth int) (*ast.Term, error) {
	if depth > maxDepth {
		return nil, d.fail(fmt.Sprintf("it nests deeper than %d levels", maxDepth))
	}
	switch c := d.next(); c {
	case '{':
		return d.readObject(depth)
	case '[':
		return d.readArray(depth)
	case '"':
		text, err := d.text()
		if err != nil {
			return nil, err
		}
		return d.textTerm(text), nil
	case 't':
		return d.word("true", ast.InternedTerm(true))
	case 'f':
		return d.word("false", ast.InternedTerm(false))
	case 'n':
		return d.word("null", d.null)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return d.number()
	default:
		return nil, d.fail("a value is missing")
	}
}

func (d *decoder) word(word string, term *ast.Term) (*ast.Term, error) {
	if len(d.src)-d.pos < len(word) || string(d.src[d.pos:d.pos+len(word)]) != word {
		return nil, d.fail("a value is missing")
	}
	d.pos += len(word)
	return term, nil
}

func (d *decoder) number() (*ast.Term, error) {
	start := d.pos
	if d.src[d.pos] == '-' {
		d.pos++
	}
	if d.pos < len(d.src) && d.src[d.pos] == '0' {
		d.pos++
	} else if d.digits() == 0 {
		return nil, d.fail("a number has no digits")
	}
	if d.pos < len(d.src) && d.src[d.pos] == '.' {
		d.pos++
		if d.digits() == 0 {
			return nil, d.fail("a number has no digits after its point")
		}
	}
	if d.pos < len(d.src) && (d.src[d.pos] == 'e' || d.src[d.pos] == 'E') {
		d.pos++
		if d.pos < len(d.src) && (d.src[d.pos] == '+' || d.src[d.pos] == '-') {
			d.pos++
		}
		if n := d.digits(); n == 0 || n > 5 { // a larger exponent makes arithmetic endless
			return nil, d.fail("a number has a bad exponent")
		}
	}
	text := string(d.src[start:d.pos])
	if d.floats {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			text = strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	if term := ast.InternedIntNumberTermFromString(text); term != nil {
		return term, nil
	}
	return ast.NumberTerm(json.Number(text)), nil
}

func (d *decoder) digits() int {
	start := d.pos
	for d.pos < len(d.src) && d.src[d.pos] >= '0' && d.src[d.pos] <= '9' {
		d.pos++
	}
	return d.pos - start
}

// text takes a string and gives its bytes without escapes; they are only good until the next document.
func (d *decoder) text() ([]byte, error) {
	start := d.pos
	d.pos++
	plain := true
	for d.pos < len(d.src) {
		switch c := d.src[d.pos]; {
		case c == '"':
			d.pos++
			if plain {
				return d.src[start+1 : d.pos-1], nil
			}
			return d.unescape(d.src[start:d.pos])
		case c == '\\':
			plain = false
			d.pos += 2
		case c < 0x20:
			return nil, d.fail("a control character in a string")
		case c >= utf8.RuneSelf && plain:
			r, size := utf8.DecodeRune(d.src[d.pos:])
			if r == utf8.RuneError && size == 1 {
				plain = false // encoding/json puts the replacement character there
			}
			d.pos += size
		default:
			d.pos++
		}
	}
	d.pos = len(d.src)
	return nil, d.fail("a string does not end")
}

func (d *decoder) unescape(quoted []byte) ([]byte, error) {
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return nil, d.fail("a string with a bad escape")
	}
	return []byte(s), nil
}

func (d *decoder) textTerm(text []byte) *ast.Term {
	if len(text) > maxTextSize {
		return ast.StringTerm(string(text))
	}
	if term := d.texts[string(text)]; term != nil {
		return term
	}
	term := ast.StringTerm(string(text))
	d.texts[string(text)] = term
	return term
}

func (d *decoder) readArray(depth int) (*ast.Term, error) {
	d.pos++
	base := len(d.items)
	for first := true; ; first = false {
		c := d.next()
		if c == ']' && first {
			d.pos++
			break
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		d.items = append(d.items, v)
		c = d.next()
		d.pos++
		if c == ']' {
			break
		}
		if c != ',' {
			d.pos--
			return nil, d.fail("a list goes on without a comma")
		}
	}
	items := append([]*ast.Term(nil), d.items[base:]...)
	d.items = d.items[:base]
	return ast.ArrayTerm(items...), nil
}

func (d *decoder) readObject(depth int) (*ast.Term, error) {
	base := len(d.fields)
	if err := d.readFields(depth); err != nil {
		return nil, err
	}
	object := d.finish(base)
	d.fields = d.fields[:base]
	return object, nil
}

// readFields puts the fields of an object on d.fields.
func (d *decoder) readFields(depth int) error {
	d.pos++
	for first := true; ; first = false {
		c := d.next()
		if c == '}' && first {
			d.pos++
			return nil
		}
		if c != '"' {
			return d.fail("an object key is missing")
		}
		text, err := d.text()
		if err != nil {
			return err
		}
		name := d.key(text)
		if d.next() != ':' {
			return d.fail("a key without a colon")
		}
		d.pos++
		v, err := d.value(depth + 1)
		if err != nil {
			return err
		}
		d.fields = append(d.fields, field{name, v})
		c = d.next()
		d.pos++
		if c == '}' {
			return nil
		}
		if c != ',' {
			d.pos--
			return d.fail("an object goes on without a comma")
		}
	}
}

// key finds or makes the key of a name.
func (d *decoder) key(name []byte) *key {
	k := d.keys[string(name)]
	if k == nil {
		k = &key{term: ast.StringTerm(string(name))}
		d.keys[string(name)] = k
	}
	return k
}

// finish makes an object of the fields from base on. Of a key that occurs twice the last value counts, as in encoding/json.
func (d *decoder) finish(base int) *ast.Term {
	if len(d.fields) == base {
		return d.empty
	}
	d.object++
	fields := d.fields[base:]
	n := 0
	for _, f := range fields {
		if f.key.object == d.object {
			fields[f.key.place].value = f.value
			continue
		}
		f.key.object, f.key.place = d.object, n
		fields[n] = f
		n++
	}
	d.pairs = d.pairs[:0]
	for _, f := range fields[:n] {
		d.pairs = append(d.pairs, [2]*ast.Term{f.key.term, f.value})
	}
	return ast.ObjectTerm(d.pairs...)
}
