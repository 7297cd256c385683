package document

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

// customKind is a group and a kind of custom resources.
type customKind struct{ group, kind string }

// definition is what a CustomResourceDefinition of the tree says.
type definition struct {
	cluster  bool
	versions map[string]*value // schemas of those that are served; nil: the version has none
}

// definitions reads the CustomResourceDefinitions among objects. Of two of one kind the last counts, as when they are applied in order.
func definitions(objects []found) map[customKind]*definition {
	out := map[customKind]*definition{}
	for i := range objects {
		o := &objects[i]
		if o.kind != "CustomResourceDefinition" || o.group != "apiextensions.k8s.io" {
			continue
		}
		values, err := jsonValues(o.json, Limits{}.withDefaults())
		if err != nil || len(values) != 1 {
			continue
		}
		spec := values[0].get("spec")
		d := &definition{cluster: spec.get("scope").str() == "Cluster", versions: map[string]*value{}}
		for _, version := range itemsOf(spec.get("versions")) {
			if served := version.get("served"); served != nil && served.kind == boolean && served.text == "false" {
				continue
			}
			d.versions[version.get("name").str()] = version.at("schema", "openAPIV3Schema")
		}
		if group, kind := spec.get("group").str(), spec.at("names", "kind").str(); group != "" && kind != "" && len(d.versions) > 0 {
			out[customKind{group, kind}] = d
		}
	}
	return out
}

// settle completes the objects of one side, now that all of them are known: custom resources are held against the definitions of the tree,
// and objects of a chart that leave out their namespace get the one that the chart is installed into.
// What cannot be told of an object that the pull request changes is told of the first one of its kind, if tell says so.
func (r *kubernetesRun) settle(objects []found, tell bool) {
	defined, told := definitions(objects), map[customKind]bool{}
	for i := range objects {
		o := &objects[i]
		d := defined[customKind{o.group, o.kind}]
		namespaced := d == nil && scheme.Scheme.IsGroupRegistered(o.group) && !ClusterScoped(o.group, o.kind) || d != nil && !d.cluster
		fill := namespaced && !r.options.Kubernetes.AsWritten && o.release != "" && o.namespace == ""
		if d == nil && !fill {
			continue
		}
		settled := r.reader.settled(o.kubeObject, d, fill, o.release)
		if settled == nil {
			continue
		}
		o.kubeObject = settled
		if kind := (customKind{o.group, o.kind}); settled.expressions > 0 && tell && !told[kind] && r.changed(o.file) {
			told[kind] = true
			r.unjudged(o.file, o.line, fmt.Sprintf("has a %s, whose CustomResourceDefinition has rules in CEL (x-kubernetes-validations); whether it keeps them is unknown", o.kind),
				"kubectl apply --dry-run=server asks the API server.", "kubernetes")
		}
	}
}

// settled is an object with its namespace filled in and held against its definition, which may be nil. The object itself is shared with the
// other side and stays as it is.
func (r *manifestReader) settled(o *kubeObject, d *definition, fill bool, namespace string) *kubeObject {
	values, err := jsonValues(o.json, r.limits)
	if err != nil || len(values) != 1 {
		return nil
	}
	out, v := *o, values[0]
	if d != nil {
		out.schema, out.expressions = d.check(r.schemas, o.version, v)
	}
	if metadata := v.get("metadata"); fill && metadata != nil && metadata.kind == objectKind {
		out.namespace = namespace
		out.json = v.with("metadata", metadata.with("namespace", textValue(namespace, 0))).appendJSON(nil)
	}
	return &out
}

// check holds a custom resource against its definition, as the API server does with strict field validation.
func (d *definition) check(s *schemas, apiVersion string, v *value) (errors []schemaError, expressions int) {
	_, version, _ := strings.Cut(apiVersion, "/")
	schema, served := d.versions[version]
	if !served {
		var names []string
		for name := range sorted(d.versions) {
			names = append(names, name)
		}
		return []schemaError{{"apiVersion", fmt.Sprintf("%s is not served by its CustomResourceDefinition; wanted: %s", version, strings.Join(names, " or "))}}, 0
	}
	c := &customCheck{check: check{schemas: s}, work: 200_000}
	if metadata := v.get("metadata"); metadata != nil {
		c.check.value(reflect.TypeFor[metav1.ObjectMeta](), metadata, []string{"metadata"})
	}
	if schema != nil {
		c.value(schema, v, nil, 0, true)
	}
	return c.errors, c.expressions
}

// customCheck is the checking of one custom resource.
type customCheck struct {
	check
	work        int // steps that it may yet take
	expressions int // values whose schema has rules in CEL, which are not evaluated
}

// keep reports whether a schema lets fields pass that it does not name.
func keeps(schema *value) bool { return isTrue(schema.get("x-kubernetes-preserve-unknown-fields")) }

func isTrue(v *value) bool { return v != nil && v.kind == boolean && v.text == "true" }

// value checks one value against a structural schema. Null is allowed where a field may be left out: the API server drops it.
func (c *customCheck) value(schema, v *value, path []string, depth int, root bool) {
	if c.work--; schema == nil || schema.kind != objectKind || v.kind == null || c.work < 0 || depth > 100 || len(c.errors) >= maxSchemaErrors {
		return
	}
	c.junctors(schema, v, path, depth)
	if len(itemsOf(schema.get("x-kubernetes-validations"))) > 0 {
		c.expressions++
	}
	if isTrue(schema.get("x-kubernetes-int-or-string")) {
		if v.kind != stringKind && !wholeNumber(v) {
			c.fail(path, "is neither a whole number nor a string")
		}
		return
	}
	if !c.typed(schema.get("type").str(), v, path) {
		return
	}
	c.limits(schema, v, path)
	switch v.kind {
	case array:
		for i, item := range v.items {
			c.value(schema.get("items"), item, append(slices.Clip(path), "["+strconv.Itoa(i)+"]"), depth+1, false)
		}
	case objectKind:
		c.object(schema, v, path, root)
		properties, more := schema.get("properties"), schema.get("additionalProperties")
		for i, key := range v.keys {
			at := append(slices.Clip(path), key.name)
			if property := properties.get(key.name); property != nil {
				c.value(property, v.items[i], at, depth+1, false)
			} else if more != nil && more.kind == objectKind {
				c.value(more, v.items[i], at, depth+1, false)
			}
		}
	}
}

// object reports the fields of an object that its schema does not have, and those that it asks for.
func (c *customCheck) object(schema, v *value, path []string, root bool) {
	if schema == nil || v.kind != objectKind {
		return
	}
	properties, more := schema.get("properties"), schema.get("additionalProperties")
	embedded := root || isTrue(schema.get("x-kubernetes-embedded-resource"))
	if open := keeps(schema) || more != nil && (more.kind == objectKind || isTrue(more)) || properties == nil && schema.get("type") == nil; !open {
		for _, key := range v.keys {
			if properties.get(key.name) == nil && !(embedded && slices.Contains([]string{"apiVersion", "kind", "metadata"}, key.name)) {
				c.unknown(properties, append(slices.Clip(path), key.name))
			}
		}
	}
	c.required(schema, v, path)
}

// required reports the fields that an object must have and has not.
func (c *customCheck) required(schema, v *value, path []string) {
	properties := schema.get("properties")
	for _, name := range itemsOf(schema.get("required")) {
		if field := v.get(name.str()); name.str() != "" && (field == nil || field.kind == null && !isTrue(properties.get(name.str()).get("nullable"))) {
			c.fail(append(slices.Clip(path), name.text), "is missing; its CustomResourceDefinition requires it")
		}
	}
}

func (c *customCheck) unknown(properties *value, path []string) {
	message, name := "is not a field of its kind", path[len(path)-1]
	if properties != nil {
		for _, key := range properties.keys {
			if strings.EqualFold(key.name, name) || len(name) > 3 && oneOff(key.name, name) {
				message += "; did you mean " + key.name + "?"
				break
			}
		}
	}
	c.fail(path, message)
}

func (c *customCheck) typed(name string, v *value, path []string) bool {
	switch name {
	case "object":
		return c.want(v, objectKind, path)
	case "array":
		return c.want(v, array, path)
	case "string":
		return c.want(v, stringKind, path)
	case "boolean":
		return c.want(v, boolean, path)
	case "number":
		return c.want(v, number, path)
	case "integer":
		if c.want(v, number, path) && !wholeNumber(v) {
			c.fail(path, "is not a whole number")
			return false
		}
		return v.kind == number
	}
	return true
}

func wholeNumber(v *value) bool {
	_, err := strconv.ParseInt(v.text, 10, 64)
	return v.kind == number && err == nil
}

// limits checks what a schema says about the value alone.
func (c *customCheck) limits(schema, v *value, path []string) {
	if allowed := schema.get("enum"); allowed != nil && !slices.ContainsFunc(itemsOf(allowed), func(a *value) bool { return a.kind == v.kind && string(a.appendJSON(nil)) == string(v.appendJSON(nil)) }) {
		c.fail(path, "is none of the values that its CustomResourceDefinition allows")
	}
	switch v.kind {
	case number:
		c.bound(schema, "minimum", "is less than %s, the least that its CustomResourceDefinition allows", v, path, func(n, limit float64) bool { return n < limit })
		c.bound(schema, "maximum", "is more than %s, the most that its CustomResourceDefinition allows", v, path, func(n, limit float64) bool { return n > limit })
		if isTrue(schema.get("exclusiveMinimum")) {
			c.bound(schema, "minimum", "is %s; its CustomResourceDefinition allows only more", v, path, func(n, limit float64) bool { return n == limit })
		}
		if isTrue(schema.get("exclusiveMaximum")) {
			c.bound(schema, "maximum", "is %s; its CustomResourceDefinition allows only less", v, path, func(n, limit float64) bool { return n == limit })
		}
		c.bound(schema, "multipleOf", "is no multiple of %s, as its CustomResourceDefinition asks for", v, path, func(n, unit float64) bool {
			return unit > 0 && math.Abs(n/unit-math.Round(n/unit)) > 1e-9
		})
	case stringKind:
		c.size(schema, "minLength", "maxLength", utf8.RuneCountInString(v.text), path)
		if pattern := schema.get("pattern").str(); pattern != "" && len(pattern) < 1000 {
			c.work -= 100
			if expression, err := regexp.Compile(pattern); err == nil && !expression.MatchString(v.text) {
				c.fail(path, "does not match the pattern that its CustomResourceDefinition asks for")
			}
		}
	case array:
		c.size(schema, "minItems", "maxItems", len(v.items), path)
		c.distinct(schema, v, path)
	case objectKind:
		c.size(schema, "minProperties", "maxProperties", len(v.keys), path)
	}
}

// distinct reports items that stand twice in a list that is a set, or a map by some of their fields.
func (c *customCheck) distinct(schema, v *value, path []string) {
	kind := schema.get("x-kubernetes-list-type").str()
	if kind != "set" && kind != "map" {
		return
	}
	seen := map[string]int{}
	for i, item := range v.items {
		key := string(item.appendJSON(nil))
		if kind == "map" {
			key = ""
			for _, name := range itemsOf(schema.get("x-kubernetes-list-map-keys")) {
				if field := item.get(name.str()); field != nil {
					key += string(field.appendJSON(nil))
				}
				key += "\x00"
			}
		}
		if first, twice := seen[key]; twice {
			c.fail(append(slices.Clip(path), "["+strconv.Itoa(i)+"]"), fmt.Sprintf("is there already, as [%d]; its CustomResourceDefinition allows each once", first))
			continue
		}
		seen[key] = i
	}
}

// junctors checks what a schema says by way of other schemas.
func (c *customCheck) junctors(schema, v *value, path []string, depth int) {
	for _, part := range itemsOf(schema.get("allOf")) {
		c.validations(part, v, path, depth+1)
	}
	if some := itemsOf(schema.get("anyOf")); len(some) > 0 {
		if n, known := c.matching(some, v, depth); known && n == 0 {
			c.fail(path, "is none of the alternatives that its CustomResourceDefinition allows")
		}
	}
	if some := itemsOf(schema.get("oneOf")); len(some) > 0 {
		if n, known := c.matching(some, v, depth); known && n != 1 {
			c.fail(path, fmt.Sprintf("is %d of the alternatives of which its CustomResourceDefinition wants exactly one", n))
		}
	}
	if not := schema.get("not"); not != nil {
		if n, known := c.matching([]*value{not}, v, depth); known && n == 1 {
			c.fail(path, "is what its CustomResourceDefinition excludes")
		}
	}
}

// matching counts the schemas that hold for a value; known is false when that took too long to tell.
func (c *customCheck) matching(schemas []*value, v *value, depth int) (n int, known bool) {
	for _, schema := range schemas {
		one := &customCheck{check: check{schemas: c.schemas}, work: c.work}
		one.validations(schema, v, nil, depth+1)
		if c.work = one.work; c.work < 0 {
			return 0, false
		}
		if len(one.errors) == 0 {
			n++
		}
	}
	return n, true
}

// validations checks a schema inside of another one, which says something about values and nothing about which fields there are.
func (c *customCheck) validations(schema, v *value, path []string, depth int) {
	if c.work--; schema == nil || schema.kind != objectKind || c.work < 0 || depth > 100 || len(c.errors) >= maxSchemaErrors {
		return
	}
	c.junctors(schema, v, path, depth)
	if !c.typed(schema.get("type").str(), v, path) {
		return
	}
	c.limits(schema, v, path)
	switch v.kind {
	case array:
		for i, item := range v.items {
			c.validations(schema.get("items"), item, append(slices.Clip(path), "["+strconv.Itoa(i)+"]"), depth+1)
		}
	case objectKind:
		c.required(schema, v, path)
		for i, key := range v.keys {
			part := schema.at("properties", key.name)
			if part == nil {
				part = schema.get("additionalProperties")
			}
			c.validations(part, v.items[i], append(slices.Clip(path), key.name), depth+1)
		}
	}
}

func (c *customCheck) bound(schema *value, key, message string, v *value, path []string, broken func(n, limit float64) bool) {
	limit := schema.get(key)
	if limit == nil || limit.kind != number {
		return
	}
	n, err := strconv.ParseFloat(v.text, 64)
	most, errLimit := strconv.ParseFloat(limit.text, 64)
	if err == nil && errLimit == nil && broken(n, most) {
		c.fail(path, fmt.Sprintf(message, limit.text))
	}
}

func (c *customCheck) size(schema *value, least, most string, n int, path []string) {
	if limit := schema.get(least); limit != nil && limit.kind == number {
		if at, err := strconv.Atoi(limit.text); err == nil && n < at {
			c.fail(path, fmt.Sprintf("is shorter than %d, the least that its CustomResourceDefinition allows", at))
		}
	}
	if limit := schema.get(most); limit != nil && limit.kind == number {
		if at, err := strconv.Atoi(limit.text); err == nil && n > at {
			c.fail(path, fmt.Sprintf("is longer than %d, the most that its CustomResourceDefinition allows", at))
		}
	}
}
