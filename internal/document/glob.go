package document

import "strings"

// match reports whether a slash-separated path matches a pattern: * and ? stay within a segment, ** spans any number of
// segments, a pattern that names a directory with a slash at its end matches everything below. A leading ./ does not count.
func match(pattern, path string) bool {
	pattern = strings.TrimPrefix(pattern, "./")
	if strings.HasSuffix(pattern, "/") {
		pattern += "**"
	}
	return matchSegments(strings.Split(pattern, "/"), strings.Split(path, "/"))
}

func matchSegments(pattern, path []string) bool {
	// reach[j]: the segments of the pattern so far can match the first j of the path. Linear for each segment, so that a
	// pattern of many ** cannot be made slow.
	reach := make([]bool, len(path)+1)
	reach[0] = true
	for _, segment := range pattern {
		next := make([]bool, len(path)+1)
		if segment == "**" {
			open := false
			for j := range next {
				open = open || reach[j]
				next[j] = open
			}
		} else {
			for j, name := range path {
				next[j+1] = reach[j] && matchSegment(segment, name)
			}
		}
		reach = next
	}
	return reach[len(path)]
}

func matchSegment(pattern, name string) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func matchAny(patterns []string, path string) bool {
	for _, pattern := range patterns {
		if match(pattern, path) {
			return true
		}
	}
	return false
}
