package posture

import (
	"slices"
	"strings"
)

// Covers reports whether the conditions of a ruleset name a branch: one of include does, and none of exclude. ~ALL is every
// branch and ~DEFAULT_BRANCH the default one; everything else is a pattern of full reference names, as fnmatch reads them with
// its flag for path names.
//
// https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/creating-rulesets-for-a-repository
func Covers(include, exclude []string, branch string, isDefault bool) bool {
	names := func(pattern string) bool {
		switch pattern {
		case "~ALL":
			return true
		case "~DEFAULT_BRANCH":
			return isDefault
		}
		return fnmatch(pattern, "refs/heads/"+branch)
	}
	return slices.ContainsFunc(include, names) && !slices.ContainsFunc(exclude, names)
}

// maxPattern bounds what a pattern may cost; GitHub's own are far shorter.
const maxPattern = 1000

// fnmatch is Ruby's File.fnmatch with FNM_PATHNAME: * and ? do not pass a slash, **/ is any number of folders, [a-z] and [^a-z]
// are sets, a backslash takes the next character as it stands. A hidden segment is matched by no wildcard.
func fnmatch(pattern, name string) bool {
	if len(pattern) > maxPattern || len(name) > maxPattern {
		return false
	}
	return segments(strings.Split(pattern, "/"), strings.Split(name, "/"))
}

// segments matches folder by folder.
func segments(pattern, name []string) bool {
	// reach[i]: the first i folders of the pattern can have matched what has been read of the name.
	reach := make([]bool, len(pattern)+1)
	reach[0] = true
	deep := func(i int) bool { return i < len(pattern)-1 && pattern[i] == "**" }
	skip := func(reach []bool) {
		for i := range pattern {
			if reach[i] && deep(i) {
				reach[i+1] = true
			}
		}
	}
	skip(reach)
	for _, part := range name {
		next := make([]bool, len(pattern)+1)
		for i := range pattern {
			if !reach[i] {
				continue
			}
			if deep(i) {
				next[i] = next[i] || !strings.HasPrefix(part, ".")
			} else if segment(pattern[i], part) {
				next[i+1] = true
			}
		}
		skip(next)
		reach = next
	}
	return reach[len(pattern)]
}

// segment matches one folder's name, going back to the last star where the rest does not fit.
func segment(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && pattern != "" && strings.ContainsRune("*?[", rune(pattern[0])) {
		return false
	}
	p, n := 0, 0
	star, again := -1, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, again = p, n
			p++
			continue
		}
		if width, ok := one(pattern[p:], name[n]); ok {
			p, n = p+width, n+1
			continue
		}
		if star < 0 {
			return false
		}
		again++
		p, n = star+1, again
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// one matches one byte against the beginning of a pattern, and says how much of the pattern that was.
func one(pattern string, b byte) (width int, ok bool) {
	if pattern == "" {
		return 0, false
	}
	switch pattern[0] {
	case '?':
		return 1, true
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == b
		}
	case '[':
		if end := strings.IndexByte(pattern[1:], ']'); end > 0 {
			return end + 2, set(pattern[1:1+end], b)
		}
	}
	return 1, pattern[0] == b
}

// set reports whether a set such as a-z or ^0-9 holds a byte.
func set(s string, b byte) bool {
	negated := s[0] == '^' || s[0] == '!'
	if negated {
		s = s[1:]
	}
	in := false
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i+1] == '-' {
			in = in || s[i] <= b && b <= s[i+2]
			i += 2
			continue
		}
		in = in || s[i] == b
	}
	return in != negated
}
