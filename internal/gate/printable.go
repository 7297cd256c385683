package gate

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable makes text from a pull request safe to show on one line, whatever shows it: line breaks, tabs and runs of spaces
// become one space, and what a reader cannot see or what would steer a terminal or reorder a line (control characters,
// zero-width characters, bidirectional overrides, bytes that are not UTF-8) is spelled out, \u202e, so that it is seen.
func Printable(s string) string {
	if printable(s) {
		return s
	}
	var b strings.Builder
	space := false
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
			space = false
		case unicode.IsSpace(r):
			if !space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = true
		case hidden(r):
			b.WriteString(spelled(r))
			space = false
		default:
			b.WriteRune(r)
			space = false
		}
		i += size
	}
	return strings.TrimRight(b.String(), " ")
}

// printable reports whether Printable has nothing to do: the common case, which should cost nothing.
func printable(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c >= 0x7f || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// hidden reports whether a rune has no glyph of its own: controls, formats (zero-width, bidirectional, tags), variation
// selectors, separators, surrogates, private use, and code points that are nobody's.
func hidden(r rune) bool {
	return !unicode.IsPrint(r) || unicode.Is(unicode.Variation_Selector, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

func spelled(r rune) string {
	if r < 0x80 {
		return fmt.Sprintf(`\x%02x`, r)
	}
	if r <= 0xffff {
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// Shorten is s cut to at most n runes; a cut is marked with an ellipsis, which counts.
func Shorten(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	for i := range s {
		if n--; n == 0 {
			return s[:i] + "…"
		}
	}
	return s
}
