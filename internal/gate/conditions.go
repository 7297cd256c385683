package gate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Matches reports whether name matches a pattern: a glob as of [Match], or a regular expression between slashes, which may match
// anywhere. An expression that does not compile matches nothing; the parser refuses it.
func Matches(pattern, name string) bool {
	if expr, ok := RegularExpression(pattern); ok {
		re, err := regexp.Compile(expr)
		return err == nil && re.MatchString(name)
	}
	return Match(pattern, name)
}

// RegularExpression is what stands between the slashes of such a pattern.
func RegularExpression(pattern string) (string, bool) {
	if len(pattern) > 2 && pattern[0] == '/' && pattern[len(pattern)-1] == '/' {
		return pattern[1 : len(pattern)-1], true
	}
	return "", false
}

// matcher compiles a list of patterns once, for many names.
func matcher(patterns []string) func(name string) bool {
	var expressions []*regexp.Regexp
	var globs []string
	for _, p := range patterns {
		if expr, ok := RegularExpression(p); !ok {
			globs = append(globs, p)
		} else if re, err := regexp.Compile(expr); err == nil {
			expressions = append(expressions, re)
		}
	}
	return func(name string) bool {
		return matchAny(globs, name) || slices.ContainsFunc(expressions, func(re *regexp.Regexp) bool { return re.MatchString(name) })
	}
}

// asked is one look at the facts for a set of conditions.
type asked struct {
	*people
	facts *Facts
	// doubt is the answer where the facts cannot tell: a rule applies in doubt, and its exception does not.
	doubt bool
}

// holds reports whether all the conditions hold, and says which part of the change made them.
func (w When) holds(a asked) (why string, ok bool) {
	var reasons []string
	for _, condition := range []func(asked) (string, bool){
		w.files, w.only, w.resources, w.findings, w.described, w.branches, w.byWhom, w.large, w.signals,
	} {
		reason, ok := condition(a)
		if !ok {
			return "", false
		}
		if reason != "" {
			reasons = append(reasons, reason)
		}
	}
	if len(reasons) == 0 {
		return everyChange, true
	}
	return strings.Join(reasons, " and "), true
}

const everyChange = "every change needs it"

// files: one changed file must be of the kind and have the name.
func (w When) files(a asked) (string, bool) {
	if len(w.Paths)+len(w.Kinds) == 0 {
		return "", true
	}
	match := matcher(w.Paths)
	for _, f := range a.facts.Files {
		if len(w.Kinds) > 0 && !slices.Contains(w.Kinds, f.Status) {
			continue
		}
		for _, path := range []string{f.Path, f.OldPath} {
			if path != "" && (len(w.Paths) == 0 || match(path)) {
				return kindVerb(w.Kinds, f.Status) + " " + path, true
			}
		}
	}
	return "", false
}

// only: every changed file must have such a name. A change without files has none that differs, and none that matches.
func (w When) only(a asked) (string, bool) {
	if len(w.OnlyPaths) == 0 {
		return "", true
	}
	match := matcher(w.OnlyPaths)
	for _, f := range a.facts.Files {
		if !match(f.Path) || f.OldPath != "" && !match(f.OldPath) {
			return "", false
		}
	}
	return "it changes such files only", len(a.facts.Files) > 0
}

// kindVerb says what is done to a file, in as many words as the condition cares for.
func kindVerb(kinds []string, status string) string {
	verbs := map[string]string{"added": "it adds", "removed": "it removes", "renamed": "it renames"}
	if v := verbs[status]; v != "" && len(kinds) > 0 {
		return v
	}
	return "it changes"
}

func (w When) resources(a asked) (string, bool) {
	if len(w.Resources)+len(w.Actions)+len(w.Environments) == 0 {
		return "", true
	}
	i := slices.IndexFunc(a.facts.Changes, w.matches(matcher(w.Resources)))
	if i < 0 {
		return "", false
	}
	c := a.facts.Changes[i]
	reason := fmt.Sprintf("it %s %s", verb(c.Actions), c.Resource)
	if c.Environment != "" {
		reason += " in " + c.Environment
	}
	return reason, true
}

// matches reports whether one change meets the conditions on resources, actions and environments together.
func (w When) matches(name func(string) bool) func(Change) bool {
	return func(c Change) bool {
		if len(w.Resources) > 0 && !name(c.Resource) && !name(WithoutModule(c.Resource)) {
			return false
		}
		if len(w.Environments) > 0 && !slices.Contains(w.Environments, c.Environment) {
			return false
		}
		return len(w.Actions) == 0 || slices.Contains(w.Actions, Action(c.Actions))
	}
}

func (w When) findings(a asked) (string, bool) {
	if w.Findings == nil {
		return "", true
	}
	match := matcher(w.Findings.Rules)
	for i := range a.facts.Evaluation.Findings {
		f := &a.facts.Evaluation.Findings[i]
		if f.Status != StatusExisting && (len(w.Findings.Rules) == 0 || match(f.Rule)) &&
			(len(w.Findings.Severities) == 0 || slices.Contains(w.Findings.Severities, f.Severity)) {
			return "it has the finding " + f.Rule, true
		}
	}
	return "", false
}

// described looks at what people say about the pull request: labels, title, draft.
func (w When) described(a asked) (string, bool) {
	pr := &a.facts.PullRequest
	var reasons []string
	if len(w.Labels) > 0 {
		i := slices.IndexFunc(pr.Labels, matcher(w.Labels))
		if i < 0 {
			return "", false
		}
		reasons = append(reasons, "it has the label "+pr.Labels[i])
	}
	if len(w.Title) > 0 {
		if !matcher(w.Title)(pr.Title) {
			return "", false
		}
		reasons = append(reasons, "of its title")
	}
	if w.Draft != nil && *w.Draft != pr.Draft {
		return "", false
	}
	return strings.Join(reasons, " and "), true
}

func (w When) branches(a asked) (string, bool) {
	pr := &a.facts.PullRequest
	var reasons []string
	for _, b := range []struct {
		patterns     []string
		word, branch string
	}{{w.Base, "it goes into ", pr.Base.Branch}, {w.Head, "it comes from ", pr.Head.Branch}} {
		if len(b.patterns) == 0 {
			continue
		}
		if !matcher(b.patterns)(b.branch) {
			return "", false
		}
		reasons = append(reasons, b.word+b.branch)
	}
	if w.Fork != nil {
		if *w.Fork != pr.Fork {
			return "", false
		}
		if pr.Fork {
			reasons = append(reasons, "it comes from a fork")
		}
	}
	return strings.Join(reasons, " and "), true
}

func (w When) byWhom(a asked) (string, bool) {
	pr := &a.facts.PullRequest
	var reasons []string
	if w.Author != nil {
		if !a.isOne(pr.Author, *w.Author) {
			return "", false
		}
		reasons = append(reasons, pr.Author+" opened it")
	}
	if w.AnyOf != nil {
		i := slices.IndexFunc(a.contributors(), func(c Contributor) bool { return a.isOne(c.Login, *w.AnyOf) })
		if i < 0 {
			return "", false
		}
		c := a.contributors()[i]
		reasons = append(reasons, "of commits by "+strings.TrimSpace(c.Login+c.Name))
	}
	if w.AllOf != nil && slices.ContainsFunc(a.contributors(), func(c Contributor) bool { return !a.isOne(c.Login, *w.AllOf) }) {
		return "", false
	}
	return strings.Join(reasons, " and "), true
}

// contributors are the author and everybody who had a hand in a commit, other than by merging the base branch. GitHub itself, which
// commits what is edited on its pages, is nobody.
func (p *people) contributors() []Contributor {
	out := []Contributor{{Role: "author", Login: p.facts.PullRequest.Author}}
	for _, c := range p.facts.Commits {
		for _, by := range c.Contributors {
			if !c.BaseMerge && by.Login != "web-flow" && !slices.Contains(out, by) {
				out = append(out, by)
			}
		}
	}
	return out
}

// isOne reports whether somebody is one of a group, in conditions.
func (a asked) isOne(login string, who Who) bool {
	if login == "" {
		return a.doubt
	}
	if containsFold(who.Users, login) {
		return true
	}
	actor := a.actors[fold(login)]
	if actor == nil || actor.Unasked {
		return a.doubt && len(who.Teams)+len(who.Permission) > 0
	}
	return slices.ContainsFunc(actor.Teams, func(t string) bool { return containsFold(who.Teams, t) }) ||
		who.Permission != "" && AtLeast(actor.Permission, who.Permission)
}

func (w When) large(a asked) (string, bool) {
	if w.Size == nil {
		return "", true
	}
	pr := &a.facts.PullRequest
	var reasons []string
	for _, s := range []struct {
		over *int
		n    int
		noun string
	}{
		{w.Size.Files, len(a.facts.Files), "changed file"}, {w.Size.Lines, pr.Additions + pr.Deletions, "changed line"},
		{w.Size.Added, pr.Additions, "added line"}, {w.Size.Removed, pr.Deletions, "removed line"},
	} {
		if s.over == nil {
			continue
		}
		if s.n <= *s.over {
			return "", false
		}
		reasons = append(reasons, "it has "+count(s.n, s.noun))
	}
	return strings.Join(reasons, " and "), true
}

// signals looks at what machines say: signatures, other checks and workflows, properties of the repository.
func (w When) signals(a asked) (string, bool) {
	f := a.facts
	var reasons []string
	if w.Signed != nil {
		unsigned := slices.IndexFunc(f.Commits, func(c Commit) bool { return !c.Verified })
		if *w.Signed != (unsigned < 0) {
			return "", false
		}
		if unsigned >= 0 {
			reasons = append(reasons, "nobody has signed commit "+short(f.Commits[unsigned].SHA))
		}
	}
	for _, s := range []struct {
		wanted map[string][]string
		have   []Signal
	}{{w.Checks, f.Checks}, {w.Workflows, f.Workflows}} {
		for _, name := range sortedKeys(s.wanted) {
			i := slices.IndexFunc(s.have, func(x Signal) bool {
				return x.Name == name && x.Conclusion != "" && slices.Contains(s.wanted[name], x.Conclusion)
			})
			if i < 0 {
				return "", false
			}
			reasons = append(reasons, fmt.Sprintf("%s ended as %s", name, s.have[i].Conclusion))
		}
	}
	for _, name := range sortedKeys(w.Properties) {
		i := slices.IndexFunc(f.Properties[name], matcher(w.Properties[name]))
		if i < 0 {
			return "", false
		}
		reasons = append(reasons, fmt.Sprintf("the repository's %s is %s", name, f.Properties[name][i]))
	}
	return strings.Join(reasons, " and "), true
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
