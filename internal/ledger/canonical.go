package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrNotCanonical is what the errors of Canonical and CanonicalJSON wrap when a value has no canonical form: a number that
// a double cannot hold, a key twice in one object, text that is not Unicode.
var ErrNotCanonical = errors.New("no canonical JSON")

// maxDepth bounds nesting; facts nest a few dozen levels.
const maxDepth = 1000

// Digest names content: "sha256:" and the hash in lower-case hexadecimal.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Canonical encodes v with encoding/json and brings it into the one form of RFC 8785 (JCS): no insignificant space, keys
// sorted by UTF-16 code units, shortest strings and numbers. Equal values give equal bytes, so digests can be compared.
//
// It departs from RFC 8785 in one point, to lose nothing: an integer under 1e21 keeps all its digits, where JCS would round
// one beyond 2^53 to a double. A fraction or a larger number that does not survive the round trip through a double is
// refused (ErrNotCanonical), as are duplicate keys, and strings that are not Unicode: two different ones would otherwise
// share a digest.
func Canonical(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok {
		return CanonicalJSON(raw)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding %T as JSON: %w", v, err)
	}
	// The encoder writes what is not UTF-8 as the escape \ufffd, and a real U+FFFD as itself. Only the first is a loss.
	if replaced(b.Bytes()) {
		return nil, fmt.Errorf("%w of %T: a string in it is not valid UTF-8", ErrNotCanonical, v)
	}
	return CanonicalJSON(b.Bytes())
}

// CanonicalJSON brings JSON text into the form that Canonical describes.
func CanonicalJSON(text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%w: the text is not valid UTF-8", ErrNotCanonical)
	}
	if !json.Valid(text) {
		var v any
		return nil, fmt.Errorf("%w: %w", ErrNotCanonical, json.Unmarshal(text, &v))
	}
	c := canonicalizer{text: text, out: make([]byte, 0, len(text))}
	if err := c.value(0); err != nil {
		return nil, err
	}
	return c.out, nil
}

// replaced reports whether JSON text holds the escape \ufffd. In valid JSON a backslash stands only in strings.
func replaced(text []byte) bool {
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if text[i+1] == 'u' && i+6 <= len(text) && strings.EqualFold(string(text[i+2:i+6]), "fffd") {
			return true
		}
		i++ // the escaped character, which may be a backslash itself
	}
	return false
}

// canonicalizer rewrites text, which is known to be valid JSON, so it looks only at what validity leaves open.
type canonicalizer struct {
	text []byte
	pos  int
	out  []byte
}

func (c *canonicalizer) value(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: nested deeper than %d levels", ErrNotCanonical, maxDepth)
	}
	switch c.space(); c.text[c.pos] {
	case '{':
		return c.object(depth)
	case '[':
		return c.array(depth)
	case '"':
		s, err := c.str()
		if err != nil {
			return err
		}
		c.out = appendString(c.out, s)
		return nil
	default:
		return c.scalar()
	}
}

// space skips white space.
func (c *canonicalizer) space() {
	for strings.IndexByte(" \t\r\n", c.text[c.pos]) >= 0 {
		c.pos++
	}
}

func (c *canonicalizer) array(depth int) error {
	c.pos++
	c.out = append(c.out, '[')
	for first := true; ; first = false {
		c.space()
		switch c.text[c.pos] {
		case ']':
			c.pos++
			c.out = append(c.out, ']')
			return nil
		case ',':
			c.pos++
		}
		if !first {
			c.out = append(c.out, ',')
		}
		if err := c.value(depth + 1); err != nil {
			return err
		}
	}
}

// member is one key of an object with where its canonical text stands in out.
type member struct {
	key        string
	begin, end int
}

func (c *canonicalizer) object(depth int) error {
	c.pos++
	c.out = append(c.out, '{')
	begin := len(c.out)
	var members []member
	for {
		c.space()
		if c.text[c.pos] == '}' {
			c.pos++
			break
		}
		if c.text[c.pos] == ',' {
			c.pos++
			c.space()
		}
		key, err := c.str()
		if err != nil {
			return err
		}
		m := member{key: key, begin: len(c.out)}
		c.out = append(appendString(c.out, key), ':')
		c.space()
		c.pos++ // the colon
		if err := c.value(depth + 1); err != nil {
			return err
		}
		m.end = len(c.out)
		members = append(members, m)
		c.out = append(c.out, ',')
	}
	if len(members) > 0 {
		c.out = c.out[:len(c.out)-1]
	}
	if err := c.sort(members, begin); err != nil {
		return err
	}
	c.out = append(c.out, '}')
	return nil
}

// sort puts the members of an object, which stand in out from begin on, into the order of their keys.
func (c *canonicalizer) sort(members []member, begin int) error {
	order := func(a, b member) int { return compareUTF16(a.key, b.key) }
	if !slices.IsSortedFunc(members, order) {
		slices.SortFunc(members, order)
		old := slices.Clone(c.out[begin:])
		c.out = c.out[:begin]
		for i, m := range members {
			if i > 0 {
				c.out = append(c.out, ',')
			}
			c.out = append(c.out, old[m.begin-begin:m.end-begin]...)
		}
	}
	for i := 1; i < len(members); i++ {
		if members[i].key == members[i-1].key {
			return fmt.Errorf("%w: the key %.80q stands twice in one object", ErrNotCanonical, members[i].key)
		}
	}
	return nil
}

// str reads a string literal.
func (c *canonicalizer) str() (string, error) {
	begin := c.pos
	escaped := false
	for c.pos++; c.text[c.pos] != '"'; c.pos++ {
		if c.text[c.pos] == '\\' {
			escaped = true
			c.pos++
		}
	}
	c.pos++
	literal := c.text[begin:c.pos]
	if !escaped {
		return string(literal[1 : len(literal)-1]), nil
	}
	if err := checkSurrogates(literal); err != nil {
		return "", err
	}
	var s string
	if err := json.Unmarshal(literal, &s); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotCanonical, err)
	}
	return s, nil
}

// checkSurrogates refuses half of a surrogate pair, which encoding/json would replace in silence.
func checkSurrogates(literal []byte) error {
	unit := func(i int) rune { // of the escape at i, or -1
		if i+6 > len(literal) || literal[i] != '\\' || literal[i+1] != 'u' {
			return -1
		}
		n, _ := strconv.ParseUint(string(literal[i+2:i+6]), 16, 16)
		return rune(n)
	}
	for i := 0; i < len(literal); i++ {
		if literal[i] != '\\' {
			continue
		}
		u := unit(i)
		if !utf16.IsSurrogate(u) {
			i++
			continue
		}
		if utf16.DecodeRune(u, unit(i+6)) == utf8.RuneError {
			return fmt.Errorf("%w: a string holds half of a surrogate pair", ErrNotCanonical)
		}
		i += 11
	}
	return nil
}

// scalar copies true, false and null, and rewrites a number.
func (c *canonicalizer) scalar() error {
	begin := c.pos
	for c.pos < len(c.text) && strings.IndexByte(",]} \t\r\n", c.text[c.pos]) < 0 {
		c.pos++
	}
	literal := string(c.text[begin:c.pos])
	if literal[0] != '-' && (literal[0] < '0' || literal[0] > '9') {
		c.out = append(c.out, literal...)
		return nil
	}
	number, err := canonicalNumber(literal)
	if err != nil {
		return err
	}
	c.out = append(c.out, number...)
	return nil
}

// canonicalNumber writes a JSON number in its one form.
func canonicalNumber(literal string) (string, error) {
	sign, digits, exp := decimal(literal)
	if digits == "" {
		return "0", nil
	}
	// An integer below 1e21 is written out, by JCS too.
	if exp >= 0 && len(digits)+exp <= 21 {
		return sign + digits + strings.Repeat("0", exp), nil
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.IsInf(f, 0) {
		return "", fmt.Errorf("%w: the number %.60s is out of range", ErrNotCanonical, literal)
	}
	out := formatES6(f)
	if s, d, e := decimal(out); s != sign || d != digits || e != exp {
		return "", fmt.Errorf("%w: the number %.60s has more digits than a double keeps (%s); write it as a string", ErrNotCanonical, literal, out)
	}
	return out, nil
}

// decimal takes a JSON number apart: sign, digits without zeros at either end, and the power of ten they are multiplied by.
// Zero has no digits. An exponent too large for any number that matters comes back as a huge one.
func decimal(literal string) (sign, digits string, exp int) {
	mantissa := literal
	if i := strings.IndexAny(literal, "eE"); i >= 0 {
		mantissa = literal[:i]
		e, err := strconv.Atoi(strings.TrimPrefix(literal[i+1:], "+"))
		if err != nil || e > 1<<20 || e < -1<<20 {
			e = 1 << 20
			if strings.HasPrefix(literal[i+1:], "-") {
				e = -e
			}
		}
		exp = e
	}
	if rest, ok := strings.CutPrefix(mantissa, "-"); ok {
		sign, mantissa = "-", rest
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exp -= len(fraction)
	digits = strings.TrimLeft(whole+fraction, "0")
	short := strings.TrimRight(digits, "0")
	exp += len(digits) - len(short)
	if short == "" {
		return "", "", 0
	}
	return sign, short, exp
}

// formatES6 writes a double as ECMAScript's Number.prototype.toString does, which RFC 8785 prescribes.
func formatES6(f float64) string {
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	out := strconv.FormatFloat(f, 'e', -1, 64)
	// Go writes at least two digits of exponent, ECMAScript as few as it takes.
	out = strings.Replace(out, "e-0", "e-", 1)
	return strings.Replace(out, "e+0", "e+", 1)
}

// appendString writes a string with the escapes of RFC 8785 and no others.
func appendString(out []byte, s string) []byte {
	out = append(out, '"')
	for i := range len(s) {
		switch ch := s[i]; ch {
		case '"', '\\':
			out = append(out, '\\', ch)
		case '\b':
			out = append(out, `\b`...)
		case '\t':
			out = append(out, `\t`...)
		case '\n':
			out = append(out, `\n`...)
		case '\f':
			out = append(out, `\f`...)
		case '\r':
			out = append(out, `\r`...)
		default:
			if ch < 0x20 {
				out = fmt.Appendf(out, `\u%04x`, ch)
				continue
			}
			out = append(out, ch)
		}
	}
	return append(out, '"')
}

// compareUTF16 orders strings by UTF-16 code units. That differs from the order of bytes only where a character beyond
// U+FFFF meets one from U+E000 on.
func compareUTF16(a, b string) int {
	for a != "" && b != "" {
		ra, na := utf8.DecodeRuneInString(a)
		rb, nb := utf8.DecodeRuneInString(b)
		if ra != rb {
			return slices.Compare(utf16.AppendRune(nil, ra), utf16.AppendRune(nil, rb))
		}
		a, b = a[na:], b[nb:]
	}
	return len(a) - len(b)
}
