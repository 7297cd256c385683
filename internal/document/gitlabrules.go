package document

import (
	"regexp"
	"strings"
)

// Names that stand for branches whose names the pipeline does not say.
const (
	defaultBranch   = "(default)"
	protectedBranch = "(protected)"
)

// jobBranches is where a job runs, as its rules, or only, tell.
func jobBranches(job *value) branchSet {
	if rules := job.get("rules"); rules != nil {
		return rulesOf(rules)
	}
	return onlyOf(job.get("only"))
}

// rulesOf is where rules let a job run. The first rule that holds decides; what a rule turns away does not come to the next. Variables
// that are not GitLab's own may have any value.
func rulesOf(rules *value) branchSet {
	if rules == nil || rules.kind != array || len(rules.items) == 0 {
		return branchSet{}
	}
	var result, left branchSet // left is where no rule so far has held
	first := true
	for _, rule := range rules.items {
		if rule.kind != objectKind {
			return branchSet{unsure: true}
		}
		holds := condition{}
		if expression := rule.get("if"); expression != nil {
			holds = readGitLabCondition(expression.str())
		}
		if rule.get("when").str() != "never" {
			if here := left.and(holds.yes); first {
				result, first = here, false
			} else {
				result = result.or(here)
			}
		}
		if rule.get("changes") == nil && rule.get("exists") == nil {
			if left = left.and(holds.no); rule.get("if") == nil {
				break // it always holds
			}
		}
	}
	if first {
		return branchSet{only: []string{}} // none lets it run
	}
	return result
}

var gitlabRef = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_./-]*$`)

// onlyOf is where the older only lets a job run.
func onlyOf(only *value) branchSet {
	refs := includesOf(only)
	if only != nil && only.kind == objectKind {
		refs = includesOf(only.get("refs"))
		if variables := only.get("variables"); variables != nil && len(refs) == 0 {
			all := branchSet{}
			for i, one := range includesOf(variables) {
				here := readGitLabCondition(one.str()).yes
				if all = all.or(here); i == 0 {
					all = here
				}
			}
			return all
		}
	}
	if len(refs) == 0 {
		return branchSet{}
	}
	out := branchSet{only: []string{}}
	for _, ref := range refs {
		name, _, _ := strings.Cut(ref.str(), "@")
		switch {
		case name == "tags":
			out.tags = true
		case strings.HasPrefix(name, "/"):
			found := gitlabMatches(name).yes
			if !found.bounded() {
				return found
			}
			out = out.or(found)
		case !gitlabRef.MatchString(name), isGitLabSource(name):
			return branchSet{}
		default:
			out.only = append(out.only, name)
		}
	}
	return out
}

// isGitLabSource reports whether a word of only stands for a way in which pipelines start, whatever the branch.
func isGitLabSource(name string) bool {
	switch name {
	case "api", "branches", "chat", "external", "external_pull_requests", "merge_requests", "pipelines", "pushes", "schedules", "triggers", "web":
		return true
	}
	return false
}

// gitlabToken finds the parts of a condition: operators, variables, texts, regular expressions, words.
var gitlabToken = regexp.MustCompile(`^(?:&&|\|\||==|!=|=~|!~|!|\(|\)|\$\{?[A-Za-z_][A-Za-z0-9_]*\}?|"[^"]*"|'[^']*'|/(?:[^/\\]|\\.)*/i?|[A-Za-z_]+)`)

// gitlabCondition reads conditions of rules. It is sure about comparisons of the branch and the tag; other variables may be anything.
type gitlabCondition struct {
	tokens []string
	at     int
	bad    bool
}

func readGitLabCondition(text string) condition {
	c := &gitlabCondition{}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		token := gitlabToken.FindString(rest)
		if token == "" || len(c.tokens) > 1000 {
			return unknownCondition()
		}
		c.tokens, rest = append(c.tokens, token), rest[len(token):]
	}
	out := c.or(0)
	if c.bad || c.at != len(c.tokens) {
		return unknownCondition()
	}
	return out
}

func (c *gitlabCondition) next() string {
	if c.at < len(c.tokens) {
		return c.tokens[c.at]
	}
	return ""
}

func (c *gitlabCondition) take() string {
	token := c.next()
	c.at++
	return token
}

func (c *gitlabCondition) or(depth int) condition {
	left := c.and(depth)
	for c.next() == "||" {
		c.at++
		right := c.and(depth)
		left = condition{left.yes.or(right.yes), left.no.and(right.no)}
	}
	return left
}

func (c *gitlabCondition) and(depth int) condition {
	left := c.one(depth)
	for c.next() == "&&" {
		c.at++
		right := c.one(depth)
		left = condition{left.yes.and(right.yes), left.no.or(right.no)}
	}
	return left
}

func (c *gitlabCondition) one(depth int) condition {
	token := c.take()
	switch {
	case token == "" || depth > 50:
		c.bad = true
		return condition{}
	case token == "!":
		inner := c.one(depth + 1)
		return condition{inner.no, inner.yes}
	case token == "(":
		inner := c.or(depth + 1)
		c.bad = c.bad || c.take() != ")"
		return inner
	}
	switch operator := c.next(); operator {
	case "==", "!=", "=~", "!~":
		c.at++
		compared := gitlabCompare(token, c.take(), operator[1] == '~')
		if operator[0] == '!' {
			return condition{compared.no, compared.yes}
		}
		return compared
	}
	if variable(token) == "CI_COMMIT_TAG" {
		return condition{yes: branchSet{tags: true}}
	}
	return condition{}
}

// variable is a variable's name, "" for anything else.
func variable(token string) string {
	if name, ok := strings.CutPrefix(token, "$"); ok {
		return strings.Trim(name, "{}")
	}
	return ""
}

// gitlabCompare is a comparison for equality, or with a regular expression.
func gitlabCompare(left, right string, expression bool) condition {
	if variable(left) == "" && !expression {
		left, right = right, left
	}
	name, to := variable(left), strings.Trim(right, `"'`)
	switch name {
	case "CI_COMMIT_BRANCH", "CI_COMMIT_REF_NAME", "CI_COMMIT_REF_SLUG":
		switch {
		case expression:
			return gitlabMatches(right)
		case variable(right) == "CI_DEFAULT_BRANCH":
			return onBranches(defaultBranch)
		case variable(right) != "" || to == "null" || to == "":
			return condition{}
		}
		return onBranches(to)
	case "CI_COMMIT_REF_PROTECTED":
		if to == "true" && !expression {
			return onBranches(protectedBranch)
		}
		if to == "false" && !expression {
			return condition{no: branchSet{only: []string{protectedBranch}}}
		}
	case "CI_COMMIT_TAG":
		if to == "null" || to == "" {
			return condition{no: branchSet{tags: true}}
		}
		return condition{yes: branchSet{tags: true}}
	}
	return condition{}
}

// gitlabMatches is a comparison with /.../, which holds when it is found anywhere, so that only anchored ones tell the whole name.
func gitlabMatches(expression string) condition {
	text, ok := strings.CutPrefix(strings.TrimSuffix(expression, "i"), "/")
	text = strings.ReplaceAll(strings.TrimSuffix(text, "/"), `\/`, "/")
	if !ok {
		return unknownCondition()
	}
	if !strings.HasPrefix(text, "^") {
		return condition{} // anybody may have a branch with that in its name
	}
	if body, whole := strings.CutSuffix(text, "$"); whole && (strings.HasPrefix(body, "^(") == strings.HasSuffix(body, ")")) {
		if inner := strings.Trim(body, "^()"); strings.HasPrefix(body, "^(") || !strings.Contains(inner, "|") {
			return matchesText(inner)
		}
		return unknownCondition()
	}
	if prefix := strings.TrimSuffix(text[1:], ".*"); strings.HasSuffix(prefix, "/") && gitlabRef.MatchString(prefix) {
		return onBranches(prefix + "*")
	}
	return unknownCondition()
}
