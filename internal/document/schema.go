package document

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubeschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
)

// kubernetesMinor is the Kubernetes release (1.x) whose types are compiled in: k8s.io/api v0.x.
const kubernetesMinor = 37

// maxSchemaErrors is how many errors of one object are told.
const maxSchemaErrors = 20

// schemaError is one way in which an object does not match its kind. It never quotes a value, which may be secret.
type schemaError struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// schemas checks objects of built-in kinds against the API's Go types, as strict decoding does, but finds every error and says
// where it is. Other objects, custom resources, have no schema here.
type schemas struct {
	mu     sync.Mutex
	fields map[reflect.Type]map[string]reflect.Type
}

func newSchemas() *schemas { return &schemas{fields: map[reflect.Type]map[string]reflect.Type{}} }

// elsewhere are the groups that every API server has and whose types are not compiled in, and their versions.
var elsewhere = map[string][]string{
	"apiextensions.k8s.io":   {"v1"},
	"apiregistration.k8s.io": {"v1"},
}

func (s *schemas) check(apiVersion, kind string, v *value) []schemaError {
	version, err := kubeschema.ParseGroupVersion(apiVersion)
	if err != nil || version.Version == "" {
		return []schemaError{{"apiVersion", "is not a version such as v1 or apps/v1"}}
	}
	if versions, ok := elsewhere[version.Group]; ok {
		if !slices.Contains(versions, version.Version) {
			return []schemaError{{"apiVersion", fmt.Sprintf("%s is not served by Kubernetes; wanted: %s/%s", apiVersion, version.Group, versions[0])}}
		}
		return nil
	}
	if !scheme.Scheme.IsGroupRegistered(version.Group) {
		return nil
	}
	made, err := scheme.Scheme.New(version.WithKind(kind))
	if err != nil {
		return []schemaError{unknownKind(version, kind)}
	}
	c := &check{schemas: s}
	c.lifecycle(made, apiVersion, kind)
	c.value(reflect.TypeOf(made).Elem(), v, nil)
	metadata := v.get("metadata")
	if !given(metadata.get("name")) && !given(metadata.get("generateName")) {
		c.fail([]string{"metadata", "name"}, "is missing; every object needs a name")
	}
	return c.errors
}

// given reports whether a name is there, whatever it is; that it is no string is another error.
func given(name *value) bool {
	return name != nil && name.kind != null && (name.kind != stringKind || name.text != "")
}

// unknownKind says what is wrong with a version or kind of a built-in group that does not exist.
func unknownKind(version kubeschema.GroupVersion, kind string) schemaError {
	group := scheme.Scheme.VersionsForGroupKind(kubeschema.GroupKind{Group: version.Group, Kind: kind})
	var others []string
	for _, v := range group {
		if v.Version != runtime.APIVersionInternal {
			others = append(others, v.String())
		}
	}
	if len(others) > 0 {
		return schemaError{"apiVersion", fmt.Sprintf("%s has no kind %s in Kubernetes 1.%d; wanted: %s",
			version, kind, kubernetesMinor, strings.Join(others, " or "))}
	}
	return schemaError{"kind", fmt.Sprintf("%s is no kind of %s in Kubernetes 1.%d", kind, version, kubernetesMinor)}
}

// check is the checking of one object.
type check struct {
	schemas *schemas
	errors  []schemaError
}

func (c *check) fail(path []string, message string) {
	if len(c.errors) < maxSchemaErrors {
		c.errors = append(c.errors, schemaError{strings.TrimPrefix(strings.Join(pathText(path), ""), "."), message})
	}
}

// pathText spells the steps of a path: .name, [0], or ["a.b"] for a key that is no word.
func pathText(path []string) []string {
	out := make([]string, len(path))
	for i, step := range path {
		switch {
		case strings.HasPrefix(step, "["):
			out[i] = step
		case strings.ContainsAny(step, ".[]\" "):
			out[i] = "[" + strconv.Quote(step) + "]"
		default:
			out[i] = "." + step
		}
	}
	return out
}

// lifecycle reports a version that API servers no longer serve.
func (c *check) lifecycle(made runtime.Object, apiVersion, kind string) {
	removed, ok := made.(interface{ APILifecycleRemoved() (major, minor int) })
	if !ok {
		return
	}
	major, minor := removed.APILifecycleRemoved()
	if major != 1 || minor > kubernetesMinor {
		return
	}
	message := fmt.Sprintf("%s %s is gone since Kubernetes 1.%d", apiVersion, kind, minor)
	if replaced, ok := made.(interface {
		APILifecycleReplacement() kubeschema.GroupVersionKind
	}); ok {
		by := replaced.APILifecycleReplacement()
		message += fmt.Sprintf("; wanted: %s %s", by.GroupVersion(), by.Kind)
	}
	c.fail([]string{"apiVersion"}, message)
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// value checks one value against the Go type that it decodes into. Null is always allowed: it leaves the field out.
func (c *check) value(t reflect.Type, v *value, path []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v.kind == null || len(c.errors) >= maxSchemaErrors {
		return
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		c.custom(t, v, path)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		c.structure(t, v, path)
	case reflect.Map:
		if c.want(v, objectKind, path) {
			for i, item := range v.items {
				c.value(t.Elem(), item, append(slices.Clip(path), v.keys[i].name))
			}
		}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			if c.want(v, stringKind, path) {
				if _, err := base64.StdEncoding.DecodeString(v.text); err != nil {
					c.fail(path, "is not base64")
				}
			}
			return
		}
		if c.want(v, array, path) {
			for i, item := range v.items {
				c.value(t.Elem(), item, append(slices.Clip(path), "["+strconv.Itoa(i)+"]"))
			}
		}
	case reflect.String:
		c.want(v, stringKind, path)
	case reflect.Bool:
		c.want(v, boolean, path)
	case reflect.Float32, reflect.Float64:
		c.want(v, number, path)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if c.want(v, number, path) {
			c.integer(t, v, path)
		}
	}
}

func (c *check) want(v *value, k kind, path []string) bool {
	if v.kind != k {
		c.fail(path, fmt.Sprintf("is %s; wanted: %s", v.kind, k))
		return false
	}
	return true
}

func (c *check) integer(t reflect.Type, v *value, path []string) {
	n, err := strconv.ParseInt(v.text, 10, 64)
	switch {
	case err != nil && t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		if u, err := strconv.ParseUint(v.text, 10, 64); err == nil && !reflect.Zero(t).OverflowUint(u) {
			return
		}
		c.fail(path, "is not a whole number in range")
	case err != nil:
		c.fail(path, "is not a whole number in range")
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		if n < 0 || reflect.Zero(t).OverflowUint(uint64(n)) {
			c.fail(path, "is out of range")
		}
	case reflect.Zero(t).OverflowInt(n):
		c.fail(path, fmt.Sprintf("is out of range; wanted: at most %d", maxInt(t)))
	}
}

func maxInt(t reflect.Type) int64 { return math.MaxInt64 >> (64 - t.Bits()) }

// custom checks a type that decodes itself, by letting it.
func (c *check) custom(t reflect.Type, v *value, path []string) {
	err := json.Unmarshal(v.appendJSON(nil), reflect.New(t).Interface())
	if err == nil {
		return
	}
	switch t {
	case reflect.TypeFor[resource.Quantity]():
		c.fail(path, "is not a quantity such as 100m or 1Gi")
	case reflect.TypeFor[intstr.IntOrString]():
		c.fail(path, "is neither a whole number nor a string")
	case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime]():
		c.fail(path, "is not a time such as 2006-01-02T15:04:05Z")
	case reflect.TypeFor[metav1.Duration]():
		c.fail(path, "is not a duration such as 1h30m")
	default:
		c.fail(path, "is not what "+t.Name()+" takes")
	}
}

func (c *check) structure(t reflect.Type, v *value, path []string) {
	if !c.want(v, objectKind, path) {
		return
	}
	known := c.schemas.fieldsOf(t)
	for i, key := range v.keys {
		at := append(slices.Clip(path), key.name)
		field, ok := known[key.name]
		if !ok {
			message := "is not a field of its kind"
			if near := nearest(known, key.name); near != "" {
				message += "; did you mean " + near + "?"
			}
			c.fail(at, message)
			continue
		}
		c.value(field, v.items[i], at)
	}
}

// nearest is the field that differs in case, or in one letter.
func nearest(known map[string]reflect.Type, name string) string {
	for field := range sorted(known) {
		if strings.EqualFold(field, name) {
			return field
		}
	}
	for field := range sorted(known) {
		if len(name) > 3 && oneOff(field, name) {
			return field
		}
	}
	return ""
}

// oneOff reports whether one letter more, less or other makes a into b.
func oneOff(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a)-len(b) > 1 {
		return false
	}
	i := 0
	for i < len(b) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i < len(a) && a[i+1:] == b[i+1:]
	}
	return a[i+1:] == b[i:]
}

// fieldsOf are the JSON fields of a struct with their types, those of structs that it takes in included.
func (s *schemas) fieldsOf(t reflect.Type) map[string]reflect.Type {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fieldsLocked(t)
}

func (s *schemas) fieldsLocked(t reflect.Type) map[string]reflect.Type {
	if known, ok := s.fields[t]; ok {
		return known
	}
	known := map[string]reflect.Type{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-" || !field.IsExported() && !field.Anonymous:
		case name == "" && field.Anonymous:
			inner := field.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			for name, t := range s.fieldsLocked(inner) {
				known[name] = t
			}
		case name != "":
			known[name] = field.Type
		}
	}
	s.fields[t] = known
	return known
}
