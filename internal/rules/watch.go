package rules

import (
	"fmt"
	"strings"
)

// Watcher is told what is judged, so that work which does not end can be put down to something. Its methods are called by several
// goroutines at once, often.
type Watcher interface {
	// Begin says that rules are about to judge a resource, or a whole file, which is in file. The number is for End.
	Begin(resource, file string, rules fmt.Stringer) (task int)
	End(task int)
}

// ruleNames lists rules for people, who find the right one among three.
type ruleNames []*compiledRule

// String implements fmt.Stringer.
func (n ruleNames) String() string {
	var names []string
	for _, r := range n[:min(3, len(n))] {
		names = append(names, r.rule.ID)
	}
	if more := len(n) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// ruleName is a rule of another dialect.
type ruleName string

// String implements fmt.Stringer.
func (n ruleName) String() string { return string(n) }

// watching tells a watcher, if there is one, of one piece of work; what it returns ends it.
func watching(w Watcher, resource, file string, rules fmt.Stringer) func() {
	if w == nil {
		return func() {}
	}
	task := w.Begin(resource, file, rules)
	return func() { w.End(task) }
}
