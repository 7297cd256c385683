package gate

// Match reports whether name matches the glob pattern as a whole. "*" is any run of characters other than "/", "**" any run
// at all, "**/" also nothing, "?" one character other than "/"; everything else, brackets included, stands for itself, since
// Terraform addresses are full of them. The time is proportional to len(pattern) * len(name), whatever the pattern is.
func Match(pattern, name string) bool {
	tokens := globTokens(pattern)
	// reach[i]: the first i tokens can have consumed what has been read of name so far.
	reach := make([]bool, len(tokens)+1)
	reach[0] = true
	closeGlob(tokens, reach, true)
	next := make([]bool, len(tokens)+1)
	for i := range len(name) {
		c := name[i]
		clear(next)
		for t, tok := range tokens {
			if !reach[t] {
				continue
			}
			switch tok {
			case globStar:
				next[t] = next[t] || c != '/'
			case globAny, globDirs:
				next[t] = true
			case globOne:
				next[t+1] = next[t+1] || c != '/'
			default:
				next[t+1] = next[t+1] || byte(tok) == c
			}
		}
		closeGlob(tokens, next, c == '/')
		reach, next = next, reach
	}
	return reach[len(tokens)]
}

// Tokens below 256 are literal bytes.
const (
	globStar = 256 + iota // *
	globAny               // **
	globDirs              // **/ : nothing, or anything that ends in a slash
	globOne               // ?
)

func globTokens(pattern string) []int {
	var tokens []int
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '*' && i+1 < len(pattern) && pattern[i+1] == '*':
			i++
			if i+1 < len(pattern) && pattern[i+1] == '/' && (i < 2 || pattern[i-2] == '/') {
				i++
				tokens = append(tokens, globDirs)
				continue
			}
			tokens = append(tokens, globAny)
		case pattern[i] == '*':
			tokens = append(tokens, globStar)
		case pattern[i] == '?':
			tokens = append(tokens, globOne)
		default:
			tokens = append(tokens, int(pattern[i]))
		}
	}
	return tokens
}

// closeGlob adds what can be reached by matching nothing. A "**/" is left only at a slash (or at the very start).
func closeGlob(tokens []int, reach []bool, atSlash bool) {
	for t, tok := range tokens {
		if reach[t] && (tok == globStar || tok == globAny || tok == globDirs && atSlash) {
			reach[t+1] = true
		}
	}
}

// matchAny reports whether one of the patterns matches name.
func matchAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if Match(p, name) {
			return true
		}
	}
	return false
}
