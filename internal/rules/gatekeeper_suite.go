package rules

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing/fstest"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// suiteGroup is the API group of Gatekeeper's own test suites: a template and a constraint, and what they must say about objects.
const suiteGroup = "test.gatekeeper.sh"

// suite is a Suite, as https://open-policy-agent.github.io/gatekeeper/website/docs/gator describes it.
type suite struct {
	APIVersion string      `yaml:"apiVersion"`
	Kind       string      `yaml:"kind"`
	Skip       bool        `yaml:"skip"`
	Tests      []suiteTest `yaml:"tests"`

	dir    testBase
	folder string // of the suite's file, from which its paths go
	shown  string
}

type suiteTest struct {
	Name       string      `yaml:"name"`
	Template   string      `yaml:"template"`
	Constraint string      `yaml:"constraint"`
	Expansion  string      `yaml:"expansion"`
	Invalid    bool        `yaml:"invalid"` // the constraint must be refused
	Skip       bool        `yaml:"skip"`
	Cases      []suiteCase `yaml:"cases"`
}

type suiteCase struct {
	Name       string           `yaml:"name"`
	Object     string           `yaml:"object"`
	Inventory  []string         `yaml:"inventory"`
	Skip       bool             `yaml:"skip"`
	Assertions []suiteAssertion `yaml:"assertions"`

	line int
}

// UnmarshalYAML also notes where the case stands.
func (c *suiteCase) UnmarshalYAML(n *yaml.Node) error {
	type plain suiteCase
	c.line = n.Line
	return n.Decode((*plain)(c))
}

type suiteAssertion struct {
	Violations string  `yaml:"violations"` // yes, no or a number; "": yes
	Message    *string `yaml:"message"`    // a regular expression
}

// suites finds the test suites of a folder of rules.
func (b testBase) suites() ([]suite, error) {
	var out []suite
	for _, ext := range []string{".yaml", ".yml"} {
		names, err := b.files(ext)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := readCapped(b.fsys, name)
			if err != nil || !bytes.Contains(text, []byte(suiteGroup)) {
				continue // the loader of rules says what cannot be read of them
			}
			var s suite
			decoder := yaml.NewDecoder(bytes.NewReader(text))
			if err := decoder.Decode(&s); err != nil {
				if strings.HasPrefix(path.Base(name), "suite") {
					return nil, &LoadError{[]gate.Problem{{Code: "rules", File: path.Join(b.prefix, name), Line: yamlLine(err), Message: "the suite cannot be read: " + strings.TrimPrefix(err.Error(), "yaml: "), Remedy: "Correct it."}}}
				}
				continue
			}
			if group, _, _ := strings.Cut(s.APIVersion, "/"); s.Kind != "Suite" || group != suiteGroup {
				continue
			}
			s.dir, s.folder, s.shown = b, path.Dir(name), path.Join(b.prefix, name)
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b suite) int { return strings.Compare(a.shown, b.shown) })
	return out, nil
}

// run runs the cases of a suite.
func (s *suite) run(ctx context.Context) []Case {
	var out []Case
	if s.Skip {
		return nil
	}
	for _, t := range s.Tests {
		if t.Skip {
			continue
		}
		g, problems := s.load(ctx, &t)
		if t.Invalid {
			failure := ""
			if len(problems) == 0 {
				failure = "the constraint is good; wanted: one that is refused"
			}
			out = append(out, Case{File: s.shown, Name: t.Name, Example: true, Failure: failure})
			continue
		}
		for _, test := range t.Cases {
			if test.Skip {
				continue
			}
			failure := strings.Join(problems, "; ")
			if failure == "" {
				failure = s.assert(ctx, g, &test)
			}
			out = append(out, Case{File: s.shown, Line: test.line, Name: t.Name + "/" + test.Name, Example: true, Failure: failure})
		}
	}
	return out
}

// load compiles the template and the constraint of a test; problems say why they cannot be.
func (s *suite) load(ctx context.Context, t *suiteTest) (*gatekeeper, []string) {
	files := fstest.MapFS{}
	named := map[string]string{"template.yaml": t.Template, "constraint.yaml": t.Constraint}
	if t.Expansion != "" {
		named["expansion.yaml"] = t.Expansion
	}
	for name, file := range named {
		text, err := s.read(file)
		if err != nil {
			return nil, []string{err.Error()}
		}
		files[name] = &fstest.MapFile{Data: text, Mode: 0o444}
	}
	e, err := New(ctx, Options{Packs: []string{}, Dirs: []Dir{{Name: "suite", FS: files}}, plainYAML: true})
	var load *LoadError
	switch {
	case errors.As(err, &load):
		var out []string
		for _, p := range load.Problems {
			out = append(out, strings.TrimPrefix(p.String(), "suite/"))
		}
		return nil, out
	case err != nil:
		return nil, []string{err.Error()}
	case e.foreign.gatekeeper == nil || len(e.foreign.gatekeeper.constraints) != 1:
		return nil, []string{"there must be one constraint in " + t.Constraint}
	}
	return e.foreign.gatekeeper, nil
}

// read reads a file that a suite names, which must be inside the folder of rules.
func (s *suite) read(name string) ([]byte, error) {
	if name == "" {
		return nil, errors.New("a file that must be named is not")
	}
	at := path.Join(s.folder, name)
	if !fs.ValidPath(at) {
		return nil, fmt.Errorf("%s is outside of the folder of rules", name)
	}
	text, err := readCapped(s.dir.fsys, at)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	return text, nil
}

// objectsIn are the objects of a file, as JSON.
func (s *suite) objectsIn(name string) ([][]byte, error) {
	text, err := s.read(name)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for range 1000 {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", name, err)
		}
		object, err := plainJSON(&node)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", name, err)
		}
		if string(object) != "null" {
			out = append(out, object)
		}
	}
	return out, nil
}

// assert judges the object of a case as Gatekeeper's own tool does, and holds the messages against the assertions.
func (s *suite) assert(ctx context.Context, g *gatekeeper, test *suiteCase) string {
	if len(test.Assertions) == 0 {
		return "the case asserts nothing"
	}
	messages, err := s.messages(ctx, g, test)
	if err != nil {
		return err.Error()
	}
	for _, a := range test.Assertions {
		if failure := a.compare(messages); failure != "" {
			return failure
		}
	}
	return ""
}

// messages is what a constraint says about the object of a case. An object that was not asked about is no operation and nobody's.
func (s *suite) messages(ctx context.Context, g *gatekeeper, test *suiteCase) ([]string, error) {
	objects, err := s.objectsIn(test.Object)
	if err != nil {
		return nil, err
	}
	if len(objects) != 1 {
		return nil, fmt.Errorf("%s holds %d objects; wanted: one", test.Object, len(objects))
	}
	var inventory []gate.Document
	for _, name := range test.Inventory {
		more, err := s.objectsIn(name)
		if err != nil {
			return nil, err
		}
		for _, object := range more {
			about, ok := subjectOf(object)
			if !ok {
				return nil, fmt.Errorf("%s holds something that is no object of Kubernetes", name)
			}
			inventory = append(inventory, gate.Document{Kind: gate.KindKubernetes, Type: about.kind, Group: about.group, Resource: name, After: object})
		}
	}
	about, ok := subjectOf(objects[0])
	if !ok {
		return nil, fmt.Errorf("%s is no object of Kubernetes", test.Object)
	}
	limits := DefaultLimits()
	run := &gatekeeperRun{foreignRun: &foreignRun{ctx: ctx, limits: &limits}, raw: true}
	in := newCluster(inventory, head, true)
	about.literal = true
	asked := &request{subjects: []subject{about}}
	var children []made
	d := newGatekeeperDecoder()
	nowhere := &cluster{} // Gatekeeper's own tool shows no Namespace with a case's object
	if about.isReview() {
		if err = strictReview(objects[0]); err == nil {
			asked, err = readRequest(objects[0], d, nowhere)
		}
	} else {
		var object *ast.Term
		if object, err = d.decode(objects[0]); err == nil {
			asked.review = review(&about, "", object, nil, nowhere)
			children, err = g.expand(objects[0])
		}
	}
	if err != nil {
		return nil, err
	}
	stop := newStopper(ctx, time.Now, limits.Memory)
	found, err := run.said(g.constraints[0], &in, asked, stop)
	for i := range asked.subjects {
		asked.subjects[i].literal = true
	}
	for _, child := range children {
		child.about.literal = true
		object, bad := d.decode(child.text)
		if err = cmp.Or(err, bad); err != nil {
			break
		}
		var more []message
		more, err = run.said(g.constraints[0], &in, &request{review(&child.about, "", object, nil, nowhere), []subject{child.about}}, stop)
		found = append(found, child.by.implied(more)...)
	}
	if err != nil {
		return nil, err
	}
	messages := make([]string, len(found))
	for i, m := range found {
		messages[i] = m.text
	}
	return messages, nil
}

// unmatched is what Gatekeeper's own tool says, as a violation, when a namespaceSelector looks for a Namespace that no inventory has.
const unmatched = "unable to match constraints: error matching the requested object: %s :failed to run Match criteria: " +
	"namespace selector for namespace-scoped object but missing Namespace"

// said is what a constraint says about a request, nothing when it is not about it or meant for other places.
func (r *gatekeeperRun) said(c *constraint, in *cluster, asked *request, stop *stopper) ([]message, error) {
	switch answer := asked.matches(&c.match, in.namespaces); {
	case c.elsewhere || answer == no:
		return nil, nil
	case answer == perhaps:
		return []message{{text: fmt.Sprintf(unmatched, asked.subjects[0].name)}}, nil
	}
	found, err := r.violations(c, in, asked.review, stop)
	var located *topdown.Error
	if r.raw && errors.As(err, &located) {
		// Gatekeeper's own tool counts a rule that fails as a violation that says of what, and suites rely on it. What meets a
		// limit is no such error.
		return []message{{text: err.Error()}}, nil
	}
	return found, err
}

// compare says how the messages differ from what the assertion wants, "" when they do not.
func (a *suiteAssertion) compare(messages []string) string {
	matching := messages
	if a.Message != nil {
		expr, err := regexp.Compile(*a.Message)
		if err != nil {
			return fmt.Sprintf("%q is no regular expression: %s", *a.Message, err)
		}
		matching = nil
		for _, m := range messages {
			if expr.MatchString(m) {
				matching = append(matching, m)
			}
		}
	}
	n, want := len(matching), a.Violations
	good := false
	switch want {
	case "", "yes", "true":
		good, want = n > 0, "some"
	case "no", "false":
		good, want = n == 0, "none"
	default:
		count, err := strconv.Atoi(want)
		if err != nil || count < 0 {
			return fmt.Sprintf("violations is %q; wanted: yes, no or a number", want)
		}
		good = n == count
	}
	if good {
		return ""
	}
	which := ""
	if a.Message != nil {
		which = fmt.Sprintf(" that match %q", *a.Message)
	}
	return fmt.Sprintf("there are %d violations%s; wanted: %s; all messages: %q", n, which, want, messages)
}
