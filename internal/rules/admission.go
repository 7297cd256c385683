package rules

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// match says which objects a constraint is about, as https://open-policy-agent.github.io/gatekeeper/website/docs/howto describes it.
type match struct {
	Given *string `json:"source"` // nil: all
	Kinds []struct {
		APIGroups []string `json:"apiGroups"`
		Kinds     []string `json:"kinds"`
	} `json:"kinds"`
	Scope              string            `json:"scope"`
	Namespaces         []string          `json:"namespaces"`
	ExcludedNamespaces []string          `json:"excludedNamespaces"`
	LabelSelector      *v1.LabelSelector `json:"labelSelector"`
	NamespaceSelector  *v1.LabelSelector `json:"namespaceSelector"`
	Name               string            `json:"name"`

	source                  string // All, Original or Generated
	labels, namespaceLabels labels.Selector
}

// globPattern is what Gatekeeper takes for names: a star stands at an end, or nowhere.
var globPattern = regexp.MustCompile(`^\*?[-:a-z0-9]*\*?$`)

// prepare checks the match and compiles its selectors.
func (m *match) prepare() (err error) {
	if m.LabelSelector != nil {
		if m.labels, err = v1.LabelSelectorAsSelector(m.LabelSelector); err != nil {
			return fmt.Errorf("has a labelSelector that cannot be used: %w", err)
		}
	}
	if m.NamespaceSelector != nil {
		if m.namespaceLabels, err = v1.LabelSelectorAsSelector(m.NamespaceSelector); err != nil {
			return fmt.Errorf("has a namespaceSelector that cannot be used: %w", err)
		}
	}
	for _, pattern := range slices.Concat(m.Namespaces, m.ExcludedNamespaces) {
		if !globPattern.MatchString(pattern) {
			return fmt.Errorf("has the namespace %q; wanted: a name, which may begin and end with *", pattern)
		}
	}
	if !globPattern.MatchString(m.Name) {
		return fmt.Errorf("has the name %q; wanted: a name in lower case, which may begin and end with *", m.Name)
	}
	if m.source = "All"; m.Given != nil {
		m.source = *m.Given
	}
	if !slices.Contains([]string{"All", "Original", "Generated"}, m.source) {
		return fmt.Errorf("has the source %q; wanted: All, Original or Generated", m.source)
	}
	return nil
}

// subject is what a match looks at of an object.
type subject struct {
	group, version, kind, name, generateName, namespace string
	labels                                              labels.Set
	generated                                           bool // what another object makes
	literal                                             bool // without a namespace it is in none, as Gatekeeper's own tool has it
}

func (s *subject) isNamespace() bool { return s.kind == "Namespace" && s.group == "" }

// answer of a match: it may hang on labels of a namespace that nobody here knows.
type matched int

const (
	no matched = iota
	yes
	perhaps
)

// matches tells whether the constraint is about the object. namespaces are the labels of the Namespace objects at hand.
func (m *match) matches(s *subject, namespaces map[string]labels.Set) matched {
	switch {
	case m.source == "Generated" && !s.generated, m.source == "Original" && s.generated,
		!m.kindMatches(s), !m.scopeMatches(s), !m.namespaceMatches(s),
		m.labels != nil && !m.labels.Matches(s.labels),
		m.Name != "" && !globbed(m.Name, s.name) && !generated(m.Name, s.generateName):
		return no
	}
	if m.namespaceLabels == nil {
		return yes
	}
	set, known := namespaces[s.namespace]
	switch {
	case s.isNamespace():
		set = s.labels
	case s.namespace == "":
		return yes // cluster-scoped, or of a namespace that is chosen elsewhere
	case !known:
		if m.namespaceLabels.Empty() && !s.literal {
			return yes
		}
		return perhaps
	}
	if m.namespaceLabels.Matches(set) {
		return yes
	}
	return no
}

func (m *match) kindMatches(s *subject) bool {
	if len(m.Kinds) == 0 {
		return true
	}
	has := func(list []string, value string) bool {
		return len(list) == 0 || slices.Contains(list, "*") || slices.Contains(list, value)
	}
	for _, k := range m.Kinds {
		if has(k.Kinds, s.kind) && has(k.APIGroups, s.group) {
			return true
		}
	}
	return false
}

// scopeMatches goes by the object's kind where it does not say its namespace, which is then chosen when it is applied. A custom
// resource without one may be of either scope.
func (m *match) scopeMatches(s *subject) bool {
	cluster, namespaced := s.namespace == "", s.namespace != ""
	switch {
	case s.literal:
		cluster, namespaced = cluster || s.isNamespace(), namespaced && !s.isNamespace()
	case document.ClusterScoped(s.group, s.kind):
		cluster, namespaced = true, false
	case s.namespace == "" && builtinGroup(s.group):
		cluster, namespaced = false, true
	case s.namespace == "":
		namespaced = true
	}
	switch m.Scope {
	case "Cluster":
		return cluster
	case "Namespaced":
		return namespaced
	}
	return true
}

// builtinGroup tells Kubernetes' own API groups from those of custom resources.
func builtinGroup(group string) bool {
	return !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
}

// namespaceMatches looks at both lists. An object that does not say its namespace is not left out by them.
func (m *match) namespaceMatches(s *subject) bool {
	namespace := s.namespace
	if s.isNamespace() {
		namespace = s.name
	}
	if namespace == "" {
		return true
	}
	hit := func(pattern string) bool { return globbed(pattern, namespace) }
	return (len(m.Namespaces) == 0 || slices.ContainsFunc(m.Namespaces, hit)) && !slices.ContainsFunc(m.ExcludedNamespaces, hit)
}

// globbed matches a name that may begin and end with a star, and a star nowhere else.
func globbed(pattern, name string) bool {
	rest, front := strings.CutPrefix(pattern, "*")
	rest, back := strings.CutSuffix(rest, "*")
	switch {
	case front && (back || pattern == "*"):
		return strings.Contains(name, rest)
	case front:
		return strings.HasSuffix(name, rest)
	case back:
		return strings.HasPrefix(name, rest)
	}
	return pattern == name
}

// generated matches the beginning of a name that the cluster will complete.
func generated(pattern, prefix string) bool {
	return prefix != "" && strings.HasSuffix(pattern, "*") && globbed(pattern, prefix)
}

// subjectOf reads what a match looks at; false when the text is no object of Kubernetes.
func subjectOf(text []byte) (subject, bool) {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name         string         `json:"name"`
			GenerateName string         `json:"generateName"`
			Namespace    string         `json:"namespace"`
			Labels       map[string]any `json:"labels"`
		} `json:"metadata"`
	}
	if json.Unmarshal(text, &head) != nil || head.Kind == "" {
		return subject{}, false
	}
	s := subject{
		kind: head.Kind, name: head.Metadata.Name, generateName: head.Metadata.GenerateName, namespace: head.Metadata.Namespace,
		labels: labels.Set{},
	}
	s.version = head.APIVersion
	if group, version, ok := strings.Cut(head.APIVersion, "/"); ok {
		s.group, s.version = group, version
	}
	for name, value := range head.Metadata.Labels {
		s.labels[name] = fmt.Sprint(value)
	}
	return s, true
}

// apiVersion is group and version as an object writes them.
func (s *subject) apiVersion() string {
	if s.group == "" {
		return s.version
	}
	return s.group + "/" + s.version
}

// namespacesOf are the labels of the Namespace objects among the documents on one side.
func namespacesOf(docs []gate.Document, s side) map[string]labels.Set {
	found := map[string]labels.Set{}
	for i := range docs {
		d := &docs[i]
		if d.Kind != gate.KindKubernetes || d.Type != "Namespace" || d.Group != "" {
			continue
		}
		if about, ok := subjectOf(sideOf(d, s)); ok {
			found[about.name] = about.labels
		}
	}
	return found
}

func sideOf(d *gate.Document, s side) []byte {
	if s == base {
		return d.Before
	}
	return d.After
}
