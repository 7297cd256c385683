package rules

import (
	"io/fs"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Scopes of an evaluation.
const (
	ScopeChanged = "changed" // only what the change introduces or worsens blocks
	ScopeAll     = "all"     // everything blocks
)

// DefaultPacks are the built-in packs that are on when the configuration names none. The restricted Pod Security pack asks for
// more than most clusters can give at once and is left to choice.
func DefaultPacks() []string {
	return []string{
		"audit", "least-privilege", "gitops", "immutable", "zero-trust", "pod-security-baseline", "terraform-cloud",
		"kubernetes-workloads",
	}
}

// Options say which rules are in force and how.
type Options struct {
	// Builtin holds the built-in packs, one folder each, and the folder lib; nil: there are none.
	Builtin fs.FS

	// Packs are the built-in packs in force. nil: [DefaultPacks]; empty or "none": no pack; "all": every pack.
	Packs []string

	// Dirs are folders of the repository's own rules.
	Dirs []Dir

	// Conftest says how rules of conftest's dialect are run.
	Conftest Conftest

	// Parse is conftest's parse_config for its rules and their unit tests; nil: there is none. It must be safe for concurrent use.
	Parse Parse

	// TestFile reads files outside of Dirs that unit tests name with parse_config_file; nil: none can be read.
	TestFile func(name string) ([]byte, error)

	// Only leaves nothing but the rules with these ids in force.
	Only []string

	// Rules are settings by rule id.
	Rules map[string]Setting

	// Scope is [ScopeChanged] (also when empty) or [ScopeAll].
	Scope string

	// Limits bound every evaluation; zero fields take the values of [DefaultLimits].
	Limits Limits

	// Cache keeps results between evaluations; nil: nothing is kept. [NewMemoryCache] makes one.
	Cache Cache

	// Sound reports whether rules of a digest ([Engine.Digest]) are known to compile, by this very program; those of Dirs are then
	// compiled only as documents need them. It is asked once, before anything is
	// compiled. nil: nothing is known, and all of them are.
	Sound func(digest string) bool

	// Version is the program's version. It enters the digest: another engine may judge differently.
	Version string

	// IgnoreExisting leaves out what the change did not introduce, which saves the work of looking for it. Only with
	// ScopeChanged.
	IgnoreExisting bool

	withoutGatekeeper bool // templates and constraints are passed over: test suites load them two by two
	plainYAML         bool // the files are read as Gatekeeper's own tool reads those of a suite
}

// Dir is a folder of rules outside the built-in packs.
type Dir struct {
	Name string // where it is, for people: .gatehouse/policies
	FS   fs.FS
}

// Setting is what a repository's configuration says about one rule. Empty fields leave the rule as its author made it.
type Setting struct {
	Enforcement string         // deny, warn or off
	Unknown     string         // deny or warn: what a value unknown until apply does
	Parameters  map[string]any // values as decoded from JSON or YAML
}

// Limits keep rules, which may come from anybody who can merge, from taking the server down.
type Limits struct {
	RuleTime time.Duration // one rule on one document
	RunTime  time.Duration // a whole evaluation
	PerRule  int           // findings of one rule on one document
	Total    int           // findings of an evaluation
	Message  int           // bytes of a message; longer ones are cut
	Memory   uint64        // bytes of heap, of the whole process, at which a running rule is stopped
}

// DefaultLimits are far above what a sound rule needs.
func DefaultLimits() Limits {
	return Limits{
		RuleTime: 5 * time.Second, RunTime: 2 * time.Minute,
		PerRule: 1000, Total: 100_000, Message: 2000, Memory: 4 << 30,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.RuleTime <= 0 {
		l.RuleTime = d.RuleTime
	}
	if l.RunTime <= 0 {
		l.RunTime = d.RunTime
	}
	if l.PerRule <= 0 {
		l.PerRule = d.PerRule
	}
	if l.Total <= 0 {
		l.Total = d.Total
	}
	if l.Message <= 0 {
		l.Message = d.Message
	}
	if l.Memory == 0 {
		l.Memory = d.Memory
	}
	return l
}

// LoadError says everything that is wrong with a set of rules and its settings, each with file and line.
type LoadError struct {
	Problems []gate.Problem
}

// Error is one line a problem.
func (e *LoadError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
