package rules

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// constraintSpec is what is read of a constraint.
type constraintSpec struct {
	Metadata struct {
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		EnforcementAction        *string         `json:"enforcementAction"`
		ScopedEnforcementActions []scopedAction  `json:"scopedEnforcementActions"`
		Match                    match           `json:"match"`
		Parameters               json.RawMessage `json:"parameters"`
	} `json:"spec"`
}

type scopedAction struct {
	Action            string `json:"action"`
	EnforcementPoints []struct {
		Name string `json:"name"`
	} `json:"enforcementPoints"`
}

func (l *loader) constraint(o foundObject, templates map[string]*template) *constraint {
	var spec constraintSpec
	if err := json.Unmarshal(o.text, &spec); err != nil {
		l.problem(o.file, o.lineOf("spec"), "the constraint of "+o.kind+" cannot be read: "+err.Error(), "Correct it; Gatekeeper would refuse it too.")
		return nil
	}
	id := o.kind + "/" + spec.Metadata.Name
	t := templates[o.kind]
	switch {
	case spec.Metadata.Name == "":
		l.problem(o.file, o.line, "a constraint of "+o.kind+" without a name", "Set metadata.name.")
		return nil
	case len(spec.Metadata.Name) > validation.DNS1123LabelMaxLength || len(validation.IsDNS1123Subdomain(spec.Metadata.Name)) > 0:
		l.problem(o.file, o.lineOf("metadata", "name"), fmt.Sprintf("the name of the constraint %s is none that a cluster takes", clean(id, 300)),
			fmt.Sprintf("Use lower case letters, digits, - and ., at most %d.", validation.DNS1123LabelMaxLength))
		return nil
	case t == nil:
		l.problem(o.file, o.line, fmt.Sprintf("there is no ConstraintTemplate for the constraint %s", id), "Put the template of the kind "+o.kind+" into a folder of rules too.")
		return nil
	case t.broken:
		return nil
	}
	c := &constraint{template: t, bare: !hasSpec(o.text), match: spec.Spec.Match, key: string(o.text) + t.text, rule: &Rule{
		ID: id, Title: cmp.Or(annotated(spec.Metadata.Annotations, t.annotations, "title", "metadata.gatekeeper.sh/title", maxPath), id),
		Description: annotated(spec.Metadata.Annotations, t.annotations, "description", "metadata.gatekeeper.sh/description", 2000),
		Unknown:     gate.EnforceWarn, Pack: o.origin, Package: o.kind, File: o.file, Line: o.line,
		Inspects: map[string][]string{gate.KindKubernetes: {"*"}},
	}}
	before := len(l.problems)
	if at := constraintKeys().stranger(o.text); at != nil {
		l.problem(o.file, o.lineOf(at...), "the constraint "+id+" has "+shownPath(at)+", which no constraint has", "Correct the key; Gatekeeper would refuse it too.")
	}
	if at := emptyAt(o.text); at != nil {
		l.problem(o.file, o.lineOf(at...), "the constraint "+id+" has nothing at "+shownPath(at), "Write a value there, or take the key out; Gatekeeper would refuse it too.")
	}
	var why string
	c.rule.Enforcement, c.elsewhere, why = l.action(o, id, &spec)
	c.rule.Description = strings.TrimSpace(c.rule.Description + " " + why)
	c.asked, c.rule.Severity = c.rule.Enforcement, severityOf(c.rule.Enforcement)
	if err := c.match.prepare(); err != nil {
		l.problem(o.file, o.lineOf("spec", "match"), "the match of the constraint "+id+" "+err.Error(), "Correct it; Gatekeeper would refuse it too.")
	}
	if problem := c.parametersOf(spec.Spec.Parameters); problem != "" {
		l.problem(o.file, o.lineOf("spec", "parameters"), "the parameters of the constraint "+id+": "+problem, "Correct them; "+t.file+" holds their schema.")
	}
	if len(l.problems) > before {
		return nil
	}
	return c
}

// keys are the keys that an object may have, also those in a list of such objects. Nothing is said about what is nil.
type keys map[string]keys

// constraintKeys are those of a constraint's spec. A misspelt one under match would let the constraint be about everything.
func constraintKeys() keys {
	selector := keys{"matchLabels": nil, "matchExpressions": {"key": nil, "operator": nil, "values": nil}}
	return keys{
		"apiVersion": nil, "kind": nil, "metadata": nil, "status": nil,
		"spec": {
			"enforcementAction": nil, "parameters": nil,
			"scopedEnforcementActions": {"action": nil, "enforcementPoints": {"name": nil}},
			"match": {
				"source": nil, "kinds": {"apiGroups": nil, "kinds": nil}, "scope": nil, "namespaces": nil, "excludedNamespaces": nil,
				"labelSelector": selector, "namespaceSelector": selector, "name": nil,
			},
		},
	}
}

// stranger is where the first key stands that may not be there; nil when there is none.
func (k keys) stranger(text []byte) []any {
	var whole any
	if json.Unmarshal(text, &whole) != nil {
		return nil // which is said elsewhere
	}
	return k.strangerIn(whole)
}

func (k keys) strangerIn(value any) []any {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			below, known := k[name]
			if !known {
				return []any{name}
			}
			if below == nil {
				continue
			}
			if at := below.strangerIn(v[name]); at != nil {
				return append([]any{name}, at...)
			}
		}
	case []any:
		for i, item := range v {
			if at := k.strangerIn(item); at != nil {
				return append([]any{i}, at...)
			}
		}
	}
	return nil
}

// emptyAt is where a constraint's spec has a key without a value; nil when there is none. A label that must be nothing would let the
// constraint be about no object at all, and kinds that are nothing about every one. What parameters may hold is for their schema to say.
func emptyAt(text []byte) []any {
	var whole struct {
		Spec json.RawMessage `json:"spec"`
	}
	var spec any
	if !hasSpec(text) || json.Unmarshal(text, &whole) != nil || json.Unmarshal(whole.Spec, &spec) != nil {
		return nil // which is said elsewhere, or there is no spec
	}
	return emptyIn(spec, []any{"spec"})
}

func hasSpec(text []byte) bool {
	var keys map[string]json.RawMessage
	return json.Unmarshal(text, &keys) == nil && len(keys["spec"]) > 0
}

func emptyIn(value any, at []any) []any {
	switch v := value.(type) {
	case nil:
		return at
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == "parameters" && len(at) == 1 {
				continue
			}
			if found := emptyIn(v[name], append(slices.Clone(at), name)); found != nil {
				return found
			}
		}
	case []any:
		for i, item := range v {
			if found := emptyIn(item, append(slices.Clone(at), i)); found != nil {
				return found
			}
		}
	}
	return nil
}

// shownPath writes a path of keys and list places for people: spec.match.kinds[0].kind.
func shownPath(at []any) string {
	out := ""
	for _, step := range at {
		if i, ok := step.(int); ok {
			out += fmt.Sprintf("[%d]", i)
		} else {
			out = join(out, fmt.Sprint(step))
		}
	}
	return clean(out, 300)
}

// annotated is what the constraint, or else its template, says of itself under one of two names. Libraries keep titles and
// descriptions with their templates; a team that writes its own into a constraint means that one.
func annotated(constraint, template map[string]string, name, long string, limit int) string {
	return clean(cmp.Or(constraint[name], constraint[long], template[name], template[long]), limit)
}

// gatorPoint is the enforcement point that stands for checks before anything reaches a cluster.
const gatorPoint = "gator.gatekeeper.sh"

// enforcementOf is what an enforcementAction of Gatekeeper is here; "" when it is none.
func enforcementOf(action string) string {
	switch action {
	case "deny":
		return gate.EnforceDeny
	case "warn", "dryrun":
		return gate.EnforceWarn
	}
	return ""
}

func severityOf(enforcement string) string {
	if enforcement == gate.EnforceDeny {
		return foreignDeny
	}
	return foreignWarn
}

// action is how the constraint's findings are enforced. Of scoped actions those count that are meant for this stage, before anything
// reaches a cluster (gator.gatekeeper.sh, or every point); where none is, those meant for the cluster, the strictest of them: what
// the cluster would refuse should not be merged, and elsewhere is true. dryrun reports and does not block. why tells people what they may
// wonder at, "" when there is nothing of that kind.
func (l *loader) action(o foundObject, id string, spec *constraintSpec) (enforcement string, elsewhere bool, why string) {
	action := "deny"
	if spec.Spec.EnforcementAction != nil && *spec.Spec.EnforcementAction != "" {
		action = *spec.Spec.EnforcementAction
	}
	switch enforcement = enforcementOf(action); {
	case action == "scoped":
		return l.scopedAction(o, id, spec)
	case enforcement == "":
		l.problem(o.file, o.lineOf("spec", "enforcementAction"), fmt.Sprintf("enforcementAction of the constraint %s is %q; wanted: deny, warn, dryrun or scoped", id, action), "Correct it.")
	case action == "dryrun":
		why = "The constraint says dryrun: a cluster reports this and lets it pass."
	}
	return enforcement, false, why
}

func (l *loader) scopedAction(o foundObject, id string, spec *constraintSpec) (enforcement string, elsewhere bool, why string) {
	var here, others, points []string
	for i, scoped := range spec.Spec.ScopedEnforcementActions {
		if enforcementOf(scoped.Action) == "" || len(scoped.EnforcementPoints) == 0 {
			l.problem(o.file, o.lineOf("spec", "scopedEnforcementActions", i),
				fmt.Sprintf("a scoped action of the constraint %s is %q for %d points; wanted: deny, warn or dryrun for one or more", id, scoped.Action, len(scoped.EnforcementPoints)), "Correct it.")
			continue
		}
		for _, point := range scoped.EnforcementPoints {
			if point.Name == gatorPoint || point.Name == "*" {
				here = append(here, scoped.Action)
			} else {
				others, points = append(others, scoped.Action), append(points, point.Name)
			}
		}
	}
	if elsewhere = len(here) == 0; elsewhere {
		here = others
	}
	if len(here) == 0 {
		l.problem(o.file, o.lineOf("spec", "scopedEnforcementActions"), "the constraint "+id+" is scoped and has no scopedEnforcementActions", "List them.")
		return gate.EnforceDeny, elsewhere, ""
	}
	action := here[0] // deny before warn before dryrun
	for _, other := range here {
		if other == "deny" || other == "warn" && action == "dryrun" {
			action = other
		}
	}
	why = fmt.Sprintf("Of the constraint's scoped actions that for %s counts here: %s.", gatorPoint, action)
	if elsewhere {
		slices.Sort(points)
		why = fmt.Sprintf("The constraint's scoped actions are for %s; here the strictest of them counts: %s. One for %s would count instead.",
			clean(strings.Join(slices.Compact(points), ", "), 200), action, gatorPoint)
	}
	return enforcementOf(action), elsewhere, why
}

// parametersOf are the constraint's parameters with the defaults of the template's schema. It says what is wrong with them.
func (c *constraint) parametersOf(text json.RawMessage) string {
	var values any = map[string]any{} // a template sees parameters that are not there as none
	t := c.template
	switch {
	case t.schema == nil, c.bare:
	case len(text) == 0, string(text) == "null" && !t.schema.Nullable && len(t.schema.Default) > 0:
		text = t.schema.Default
	case string(text) == "null" && !t.schema.Nullable && t.schema.Type != "":
		return "they are nothing; wanted: " + t.schema.Type
	}
	if string(text) == "null" {
		text = nil
	}
	if len(text) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&values); err != nil {
			return "they cannot be read: " + err.Error()
		}
		if problem := t.complete(values); problem != "" {
			return problem
		}
	}
	whole, err := json.Marshal(values)
	if err == nil {
		c.parameters, err = newGatekeeperDecoder().decode(whole)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// complete fills in the defaults of the schema, and says what of the parameters does not fit it.
func (t *template) complete(values any) string {
	if t.schema != nil {
		if problem := t.schema.complete(values, "", 0); problem != "" {
			return problem
		}
	}
	if !t.open {
		if _, fields := values.(map[string]any); !fields && t.schema == nil {
			return "the template has no schema, which stands for no parameters"
		}
		if problem := t.schema.unknown(values, "", 0); problem != "" {
			return problem
		}
	}
	return facetsMissed(t.facets, "spec.parameters", values)
}
