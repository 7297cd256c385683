package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// syntaxError says where JSON stops being JSON. It never quotes the input, which may be secret.
type syntaxError struct {
	offset int
	what   string
	depth  bool // nested too deep, which is a limit and not a mistake
}

func (e *syntaxError) Error() string { return e.what }

// scanner walks JSON text without building values: the sub-slices of a plan are handed on as they are, and a plan of many
// megabytes is read once. Its methods return the offset after what they read.
type scanner struct {
	data  []byte
	depth int // how deep values may nest

	// list, where given, reads the values of the outermost object's fields that it knows, and says so.
	list func(key []byte, start int) (end int, known bool, err error)
}

func (s *scanner) fail(at int, what string) error {
	if at >= len(s.data) {
		return &syntaxError{offset: len(s.data), what: "it ends in the middle of a value"}
	}
	return &syntaxError{offset: at, what: what}
}

// space skips white space.
func (s *scanner) space(i int) int {
	for i < len(s.data) && (s.data[i] == ' ' || s.data[i] == '\n' || s.data[i] == '\t' || s.data[i] == '\r') {
		i++
	}
	return i
}

// value checks the value that starts at i and returns where it ends.
func (s *scanner) value(i, depth int) (int, error) {
	if i >= len(s.data) {
		return i, s.fail(i, "")
	}
	switch c := s.data[i]; {
	case c == '"':
		return s.str(i)
	case c == '{':
		return s.object(i, depth, nil)
	case c == '[':
		return s.array(i, depth, nil)
	case c == '-' || c >= '0' && c <= '9':
		return s.number(i)
	case c == 't':
		return s.word(i, "true")
	case c == 'f':
		return s.word(i, "false")
	case c == 'n':
		return s.word(i, "null")
	}
	return i, s.fail(i, "a value is expected")
}

func (s *scanner) word(i int, want string) (int, error) {
	end := i + len(want)
	if end > len(s.data) {
		return i, s.fail(len(s.data), "")
	}
	if string(s.data[i:end]) != want {
		return i, s.fail(i, "a value is expected")
	}
	return end, nil
}

func (s *scanner) number(i int) (int, error) {
	if s.data[i] == '-' {
		i++
	}
	switch {
	case i < len(s.data) && s.data[i] == '0':
		i++
	case i < len(s.data) && s.data[i] >= '1' && s.data[i] <= '9':
		i = s.digits(i)
	default:
		return i, s.fail(i, "a digit is expected")
	}
	if i < len(s.data) && s.data[i] == '.' {
		if next := s.digits(i + 1); next > i+1 {
			i = next
		} else {
			return i, s.fail(i+1, "a digit is expected")
		}
	}
	if i < len(s.data) && (s.data[i] == 'e' || s.data[i] == 'E') {
		i++
		if i < len(s.data) && (s.data[i] == '+' || s.data[i] == '-') {
			i++
		}
		next := s.digits(i)
		if next == i {
			return i, s.fail(i, "a digit is expected")
		}
		i = next
	}
	return i, nil
}

func (s *scanner) digits(i int) int {
	for i < len(s.data) && s.data[i] >= '0' && s.data[i] <= '9' {
		i++
	}
	return i
}

// str checks the string that starts at i.
func (s *scanner) str(i int) (int, error) {
	data := s.data
	for i++; i < len(data); i++ {
		c := data[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		switch c {
		case '"':
			return i + 1, nil
		case '\\':
			i++
			if i >= len(data) {
				return i, s.fail(i, "")
			}
			switch data[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					i++
					if i >= len(data) || !hex(data[i]) {
						return i, s.fail(i, "a string holds a broken escape")
					}
				}
			default:
				return i, s.fail(i, "a string holds a broken escape")
			}
		default:
			return i, s.fail(i, "a string holds a control character")
		}
	}
	return i, s.fail(i, "")
}

func hex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// object checks the object that starts at i and calls field, when given, with the offsets of each key and value.
func (s *scanner) object(i, depth int, field func(key, keyEnd, value, end int) error) (int, error) {
	if depth >= s.depth {
		return i, &syntaxError{offset: i, what: "it nests too deep", depth: true}
	}
	i = s.space(i + 1)
	if i < len(s.data) && s.data[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(s.data) || s.data[i] != '"' {
			return i, s.fail(i, "a key in quotes is expected")
		}
		key := i
		keyEnd, err := s.str(i)
		if err != nil {
			return i, err
		}
		if i = s.space(keyEnd); i >= len(s.data) || s.data[i] != ':' {
			return i, s.fail(i, "a colon is expected")
		}
		start := s.space(i + 1)
		end, err := s.field(s.data[key:keyEnd], start, depth)
		if err != nil {
			return end, err
		}
		if field != nil {
			if err := field(key, keyEnd, start, end); err != nil {
				return end, err
			}
		}
		i = s.space(end)
		if i >= len(s.data) {
			return i, s.fail(i, "")
		}
		if s.data[i] == '}' {
			return i + 1, nil
		}
		if s.data[i] != ',' {
			return i, s.fail(i, "a comma is expected")
		}
		i = s.space(i + 1)
	}
}

// field checks the value of a field of an object at a depth.
func (s *scanner) field(key []byte, start, depth int) (int, error) {
	if depth == 0 && s.list != nil && start < len(s.data) && s.data[start] == '[' {
		if end, known, err := s.list(key, start); known {
			return end, err
		}
	}
	return s.value(start, depth+1)
}

// array checks the array that starts at i and calls item, when given, with the offsets of each element.
func (s *scanner) array(i, depth int, item func(start, end int) error) (int, error) {
	if depth >= s.depth {
		return i, &syntaxError{offset: i, what: "it nests too deep", depth: true}
	}
	i = s.space(i + 1)
	if i < len(s.data) && s.data[i] == ']' {
		return i + 1, nil
	}
	for {
		start := i
		end, err := s.value(start, depth+1)
		if err != nil {
			return end, err
		}
		if item != nil {
			if err := item(start, end); err != nil {
				return end, err
			}
		}
		i = s.space(end)
		if i >= len(s.data) {
			return i, s.fail(i, "")
		}
		if s.data[i] == ']' {
			return i + 1, nil
		}
		if s.data[i] != ',' {
			return i, s.fail(i, "a comma is expected")
		}
		i = s.space(i + 1)
	}
}

// skip returns where the value at i of JSON that was checked before ends. It only looks at quotes and brackets.
func skip(data []byte, i int) int {
	switch data[i] {
	case '"':
		return skipString(data, i)
	case '{', '[':
		for level := 0; ; {
			switch data[i] {
			case '"':
				i = skipString(data, i)
				continue
			case '{', '[':
				level++
			case '}', ']':
				if level--; level == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for i < len(data) {
		switch data[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return i
		}
		i++
	}
	return i
}

func skipString(data []byte, i int) int {
	for i++; ; i++ {
		switch data[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
}

func skipSpace(data []byte, i int) int {
	s := scanner{data: data}
	return s.space(i)
}

// fields calls f with every key, still in quotes and escaped, and value of a checked JSON object, and does nothing for other
// values. A key that is given twice is seen twice.
func fields(object []byte, f func(key, value []byte)) {
	if len(object) > 0 && object[0] == '{' {
		fieldsFrom(object, 0, "", f, nil)
	}
}

// fieldsWithin is fields, with the fields of the field of one name, where that is an object, handed to within, after an empty key
// that says that they begin. So everything is looked at once.
func fieldsWithin(object []byte, name string, f, within func(key, value []byte)) {
	if len(object) > 0 && object[0] == '{' {
		fieldsFrom(object, 0, name, f, within)
	}
}

// fieldsFrom does it for the object that starts at a place, and returns where it ends.
func fieldsFrom(data []byte, at int, name string, f, within func(key, value []byte)) int {
	i := skipSpace(data, at+1)
	for data[i] != '}' {
		keyEnd := skipString(data, i)
		key := data[i:keyEnd]
		start := skipSpace(data, skipSpace(data, keyEnd)+1)
		var end int
		if within != nil && isExactly(key, name) {
			within(nil, nil)
			if data[start] == '{' {
				end = fieldsFrom(data, start, "", within, nil)
			} else {
				end = skip(data, start)
			}
		} else {
			end = skip(data, start)
			f(key, data[start:end:end])
		}
		if i = skipSpace(data, end); data[i] == ',' {
			i = skipSpace(data, i+1)
		}
	}
	return i + 1
}

// isExactly reports whether a key in quotes is the name, spelled without escapes.
func isExactly(quoted []byte, name string) bool {
	return len(quoted) == len(name)+2 && string(quoted[1:len(quoted)-1]) == name
}

// elements calls f with every element of a checked JSON array, and does nothing for other values.
func elements(array []byte, f func(value []byte)) {
	if len(array) == 0 || array[0] != '[' {
		return
	}
	i := skipSpace(array, 1)
	for array[i] != ']' {
		end := skip(array, i)
		f(array[i:end:end])
		if i = skipSpace(array, end); array[i] == ',' {
			i = skipSpace(array, i+1)
		}
	}
}

// text is the Go string of a checked JSON string, "" for other values.
func text(quoted []byte) string {
	if len(quoted) < 2 || quoted[0] != '"' {
		return ""
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return ""
	}
	return s
}

// isKey reports whether a key in quotes is the name.
func isKey(quoted []byte, name string) bool {
	if len(quoted) == len(name)+2 {
		return string(quoted[1:len(quoted)-1]) == name
	}
	return bytes.IndexByte(quoted, '\\') >= 0 && text(quoted) == name
}

// checkText refuses encodings that are not UTF-8 and strips the byte order mark, which Windows editors leave.
func checkText(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) || utf16(data) {
		return nil, fmt.Errorf("it is UTF-16; save it as UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte{0xef, 0xbb, 0xbf})
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("it is not UTF-8")
	}
	return data, nil
}

// utf16 recognises UTF-16 without a byte order mark: every other byte of plain text is zero.
func utf16(data []byte) bool {
	return len(data) >= 4 && (data[0] == 0 && data[1] != 0 && data[2] == 0 || data[0] != 0 && data[1] == 0 && data[3] == 0)
}

// lineAt is the line, from 1, of an offset.
func lineAt(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(offset, len(data))], []byte{'\n'})
}
