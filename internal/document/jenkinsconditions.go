package document

import (
	"regexp"
	"strings"
)

// branchSet says on which branches something runs, as far as conditions tell. It never names less than there is: what cannot be told
// is every branch.
type branchSet struct {
	only   []string // names and patterns; nil: every branch
	tags   bool     // on tags besides, or alone
	unsure bool     // a condition that could not be understood may narrow it
}

func (b branchSet) bounded() bool { return b.only != nil || b.tags }

// and is where both conditions hold. Of two that bound the branches the shorter list is taken, which is right for every list that holds
// the other, and says too much else.
func (b branchSet) and(other branchSet) branchSet {
	switch {
	case b.bounded() && other.bounded():
		if len(other.only) < len(b.only) {
			return other
		}
		return b
	case other.bounded():
		return other
	case b.bounded():
		return b
	}
	return branchSet{unsure: b.unsure || other.unsure}
}

func (b branchSet) or(other branchSet) branchSet {
	if !b.bounded() || !other.bounded() {
		return branchSet{unsure: b.unsure || other.unsure}
	}
	return branchSet{only: append(append([]string{}, b.only...), other.only...), tags: b.tags || other.tags}
}

// value is {only, tags, unsure}, only being null for every branch.
func (b branchSet) value() *value {
	only := &value{}
	if b.bounded() {
		only = textsValue(b.only)
	}
	return objectValue(0, "only", only, "tags", boolValue(b.tags), "unsure", boolValue(b.unsure))
}

// condition is a Groovy expression that is true or false: where it holds, and where it does not.
type condition struct{ yes, no branchSet }

func unknownCondition() condition {
	return condition{branchSet{unsure: true}, branchSet{unsure: true}}
}

// onBranches is the condition of being on one of the branches. Elsewhere are all others.
func onBranches(names ...string) condition { return condition{yes: branchSet{only: names}} }

var (
	branchVariable = regexp.MustCompile(`^(env\.|params\.env\.)?(BRANCH_NAME|GIT_BRANCH|GIT_LOCAL_BRANCH)$`)
	tagVariable    = regexp.MustCompile(`^(env\.)?TAG_NAME$`)
	changeVariable = regexp.MustCompile(`^(env\.)?CHANGE_(ID|TARGET|BRANCH|URL)$`)
	primeVariable  = regexp.MustCompile(`^(env\.)?BRANCH_IS_PRIMARY$`)
	plainNames     = regexp.MustCompile(`^\^?\(?(?:\?:)?([A-Za-z0-9_/-]+(?:\|[A-Za-z0-9_/-]+)*)\)?\$?$`)
	branchPrefix   = regexp.MustCompile(`^\^?([A-Za-z0-9_-]+/)\.[*+]\$?$`)
)

// primaryBranch is the name that stands for the branch that Jenkins calls primary, whatever it is called.
const primaryBranch = "(primary)"

// readCondition understands comparisons of the branch's name, joined by && and || and negated; everything else it is unsure of.
func readCondition(tokens []groovyToken, depth int) condition {
	tokens = unwrap(tokens)
	if depth > 50 || len(tokens) == 0 || len(tokens) > 2000 {
		return unknownCondition()
	}
	if left, right, ok := splitAt(tokens, "|", "|"); ok {
		a, b := readCondition(left, depth+1), readCondition(right, depth+1)
		return condition{a.yes.or(b.yes), a.no.and(b.no)}
	}
	if left, right, ok := splitAt(tokens, "&", "&"); ok {
		a, b := readCondition(left, depth+1), readCondition(right, depth+1)
		return condition{a.yes.and(b.yes), a.no.or(b.no)}
	}
	if tokens[0].is("!") {
		inner := readCondition(tokens[1:], depth+1)
		return condition{inner.no, inner.yes}
	}
	return comparison(tokens)
}

// unwrap takes off a return, and brackets around everything.
func unwrap(tokens []groovyToken) []groovyToken {
	for {
		switch {
		case len(tokens) > 0 && tokens[0].word("return"):
			tokens = tokens[1:]
		case len(tokens) > 1 && tokens[0].is("(") && closing(tokens, 0) == len(tokens)-1 && tokens[len(tokens)-1].is(")"):
			tokens = tokens[1 : len(tokens)-1]
		default:
			return tokens
		}
	}
}

// splitAt cuts at the first operator of two characters outside brackets.
func splitAt(tokens []groovyToken, a, b string) (left, right []groovyToken, ok bool) {
	depth := 0
	for i := 0; i+1 < len(tokens); i++ {
		switch t := &tokens[i]; {
		case t.is("("), t.is("["):
			depth++
		case t.is(")"), t.is("]"):
			depth--
		case depth == 0 && t.is(a) && tokens[i+1].is(b):
			return tokens[:i], tokens[i+2:], true
		}
	}
	return nil, nil, false
}

// comparison is one condition without && and ||.
func comparison(tokens []groovyToken) condition {
	if left, right, ok := splitAt(tokens, "=", "="); ok {
		if len(right) == 2 && right[0].is("~") {
			return matches(left, right[1:])
		}
		return equal(left, right)
	}
	if left, right, ok := splitAt(tokens, "!", "="); ok {
		c := equal(left, right)
		return condition{c.no, c.yes}
	}
	first := tokens[0].text
	switch {
	case len(tokens) == 1 && tagVariable.MatchString(first), len(tokens) == 3 && tokens[0].word("buildingTag"):
		return condition{yes: branchSet{tags: true}}
	case len(tokens) == 1 && primeVariable.MatchString(first):
		return onBranches(primaryBranch)
	case len(tokens) == 1 && changeVariable.MatchString(first), len(tokens) == 3 && tokens[0].word("changeRequest"):
		return condition{}
	case len(tokens) > 2 && isBranch(tokens[:1]) && tokens[1].word("in"):
		return oneOf(tokens[2:])
	}
	return called(tokens)
}

// called is a condition that a method tells: env.BRANCH_NAME.startsWith('release/'), ['main'].contains(env.BRANCH_NAME).
func called(tokens []groovyToken) condition {
	if len(tokens) == 4 && tokens[0].kind == groovyWord && tokens[1].is("(") && tokens[2].kind == groovyText && !tokens[2].dynamic {
		object, method, _ := cutLast(tokens[0].text)
		switch {
		case !branchVariable.MatchString(object):
		case method == "equals":
			return onBranches(branchName(tokens[2].text))
		case method == "startsWith" && strings.HasSuffix(tokens[2].text, "/"):
			return onBranches(branchName(tokens[2].text) + "*")
		case method == "matches":
			return matches([]groovyToken{{kind: groovyWord, text: object}}, tokens[2:3])
		}
	}
	if n := len(tokens); n > 5 && tokens[0].is("[") && closing(tokens, 0) == n-6 && tokens[n-5].is(".") && tokens[n-4].word("contains") && isBranch(tokens[n-2:n-1]) {
		return oneOf(tokens[:n-5])
	}
	return unknownCondition()
}

func cutLast(name string) (object, method string, ok bool) {
	at := strings.LastIndexByte(name, '.')
	if at < 0 {
		return "", name, false
	}
	return name[:at], name[at+1:], true
}

func isBranch(tokens []groovyToken) bool {
	return len(tokens) == 1 && tokens[0].kind == groovyWord && branchVariable.MatchString(tokens[0].text) ||
		len(tokens) == 1 && tokens[0].kind == groovyText && (tokens[0].text == "${env.BRANCH_NAME}" || tokens[0].text == "${BRANCH_NAME}")
}

// branchName is a name without the remote before it, which GIT_BRANCH has.
func branchName(name string) string { return strings.TrimPrefix(name, "origin/") }

func equal(left, right []groovyToken) condition {
	if len(right) == 1 && right[0].kind == groovyWord || isBranch(right) {
		left, right = right, left // 'main' == env.BRANCH_NAME
	}
	if len(left) != 1 || len(right) != 1 {
		return unknownCondition()
	}
	name, to := left[0].text, &right[0]
	none := to.kind == groovyWord && to.text == "null"
	if left[0].word("null") {
		name, none = to.text, true
	}
	switch {
	case isBranch(left) && to.kind == groovyText && !to.dynamic:
		return onBranches(branchName(to.text))
	case primeVariable.MatchString(name) && to.text == "true":
		return onBranches(primaryBranch)
	case tagVariable.MatchString(name) && none:
		return condition{no: branchSet{tags: true}}
	case changeVariable.MatchString(name) && none:
		return condition{} // no pull request, which says nothing about the branch
	}
	return unknownCondition()
}

// matches is a comparison with a regular expression that is no more than a list of names, or a prefix.
func matches(left, right []groovyToken) condition {
	if !isBranch(left) || len(right) != 1 || right[0].kind != groovyText || right[0].dynamic {
		return unknownCondition()
	}
	return matchesText(right[0].text)
}

func matchesText(expression string) condition {
	if found := plainNames.FindStringSubmatch(expression); found != nil {
		return onBranches(strings.Split(found[1], "|")...)
	}
	if found := branchPrefix.FindStringSubmatch(expression); found != nil {
		return onBranches(found[1] + "*")
	}
	return unknownCondition()
}

// oneOf is a condition on a list of names.
func oneOf(list []groovyToken) condition {
	if len(list) < 3 || !list[0].is("[") || !list[len(list)-1].is("]") {
		return unknownCondition()
	}
	var names []string
	for i := range list[1 : len(list)-1] {
		switch t := &list[i+1]; {
		case t.kind == groovyText && !t.dynamic:
			names = append(names, branchName(t.text))
		case !t.is(","):
			return unknownCondition()
		}
	}
	if len(names) == 0 {
		return unknownCondition()
	}
	return onBranches(names...)
}
