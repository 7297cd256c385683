package document

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// manifest is one file, read. It does not know its own name, so that equal files are read once.
type manifest struct {
	objects []kubeObject
	strange []strange      // documents of the file that are no objects
	err     *manifestError // the file cannot be read
	looks   bool           // it looks like Kubernetes, whether it can be read or not
}

// kubeObject is one Kubernetes object, its secrets already replaced.
type kubeObject struct {
	identity
	version     string // apiVersion
	line        int
	json        json.RawMessage
	schema      []schemaError
	expressions int // values with rules in CEL, which are not evaluated
	podPath     []string
}

// identity is what makes an object the same one at the merge base and at the head.
type identity struct{ group, kind, namespace, name string }

// strange is a document of a manifest that is no Kubernetes object.
type strange struct {
	line  int
	why   string
	meant bool // it has apiVersion and kind, only not as strings
}

// resource names an object to people.
func (o *kubeObject) resource() string {
	return strings.Join([]string{o.version, o.kind, o.namespace, o.name}, "/")
}

// manifestReader reads files. It is safe for concurrent use.
type manifestReader struct {
	limits   Limits
	redactor *Redactor
	schemas  *schemas
}

// read reads one file; json says that its name ends in .json. It does not look at a file that cannot be Kubernetes unless all.
func (r *manifestReader) read(data []byte, json, all bool) *manifest {
	m := &manifest{}
	if int64(len(data)) > r.limits.Manifest {
		if LooksLikePlan(data) && !hasTopLevel(data, "apiVersion") {
			return m // one that nothing names; it is told as such
		}
		m.looks = looksLikeKubernetes(data)
		m.err = &manifestError{
			limit: true, message: fmt.Sprintf("has %d bytes, more than the limit of %d", len(data), r.limits.Manifest),
			remedy: "Split the file.",
		}
		return m
	}
	if isPointer(data) {
		m.looks, m.err = true, pointerError()
		return m
	}
	content, err := checkText(data)
	if err != nil {
		m.looks = looksLikeKubernetes(bytes.TrimLeft(bytes.ReplaceAll(data, []byte{0}, nil), "\xff\xfe"))
		m.err = &manifestError{line: 1, message: "is not valid YAML: " + err.Error(), remedy: "Save the file as UTF-8."}
		return m
	}
	if !all && !mayBeKubernetes(content) {
		return m
	}
	documents, err := r.values(content, json)
	if err != nil {
		m.err, _ = err.(*manifestError) //nolint:errorlint // the readers return nothing else
		m.looks = m.err.looks || looksLikeKubernetes(content)
		return m
	}
	for _, document := range documents {
		r.unpack(m, document, 0, "", "")
	}
	m.looks = len(m.objects) > 0
	if len(m.objects) > r.limits.Objects {
		m.err, _ = tooManyObjects(1, r.limits).(*manifestError) //nolint:errorlint // made here
		m.objects = nil
	}
	return m
}

// values reads JSON or YAML by what the content is, as kubectl does, not by the file's name.
func (r *manifestReader) values(content []byte, json bool) ([]*value, error) {
	if start := bytes.TrimLeft(content, " \t\r\n"); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		values, err := jsonValues(content, r.limits)
		if err == nil || json {
			return values, err
		}
		if found, ok := err.(*manifestError); ok && found.limit { //nolint:errorlint // the readers return nothing else
			return nil, err
		}
	}
	return yamlValues(content, r.limits)
}

// unpack adds the objects of one document: itself, or, as kubectl does with everything that has a list of items, those.
func (r *manifestReader) unpack(m *manifest, v *value, depth int, listVersion, listKind string) {
	if v.kind == null {
		return // an empty document
	}
	if v.kind != objectKind {
		m.strange = append(m.strange, strange{line: v.line, why: "is not a Kubernetes object: it is " + v.kind.String()})
		return
	}
	if v.get("apiVersion") == nil && v.get("kind") == nil && listKind != "" {
		// The API leaves both out in the items of typed lists.
		v = v.with("apiVersion", &value{kind: stringKind, line: v.line, text: listVersion})
		v = v.with("kind", &value{kind: stringKind, line: v.line, text: listKind})
	}
	version, kind := v.get("apiVersion"), v.get("kind")
	for name, field := range map[string]*value{"apiVersion": version, "kind": kind} {
		if other := map[string]*value{"apiVersion": kind, "kind": version}[name]; field.str() == "" {
			why := "it has no " + name
			if field != nil && field.kind != stringKind {
				why = name + " is " + field.kind.String() + "; quote it"
			}
			if field == nil && other == nil {
				why = "it has no apiVersion and no kind"
			}
			m.strange = append(m.strange, strange{v.line, "is not a Kubernetes object: " + why, version != nil && kind != nil})
			return
		}
	}
	items := v.get("items")
	if items == nil || items.kind != array || !strings.HasSuffix(kind.text, "List") && !holdsObjects(items) {
		m.objects = append(m.objects, r.object(v))
		return
	}
	if depth > 20 {
		m.strange = append(m.strange, strange{v.line, "is not a Kubernetes object: lists nest more than 20 deep", true})
		return
	}
	itemVersion, itemKind := "", ""
	if trimmed := strings.TrimSuffix(kind.text, "List"); trimmed != "" && trimmed != kind.text {
		itemVersion, itemKind = version.text, trimmed
	}
	for _, item := range items.items {
		r.unpack(m, item, depth+1, itemVersion, itemKind)
	}
}

func holdsObjects(items *value) bool {
	for _, item := range items.items {
		if item.get("apiVersion").str() != "" && item.get("kind").str() != "" {
			return true
		}
	}
	return false
}

func (r *manifestReader) object(v *value) kubeObject {
	version, kind := v.get("apiVersion").str(), v.get("kind").str()
	group, _, found := strings.Cut(version, "/")
	if !found {
		group = ""
	}
	metadata := v.get("metadata")
	o := kubeObject{
		identity: identity{
			group: group, kind: kind, namespace: metadata.get("namespace").str(),
			name: cmp.Or(metadata.get("name").str(), metadata.get("generateName").str()),
		},
		version: version, line: v.line, podPath: podPath(group, kind, v),
	}
	o.schema = r.schemas.check(version, kind, v)
	o.json = r.redactor.object(v, kind).appendJSON(nil)
	return o
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// object is the object with its secrets replaced: the data of a Secret, the copy of a whole object that kubectl leaves in an
// annotation, and the keys of an API server's encryption configuration.
func (r *Redactor) object(v *value, kind string) *value {
	if strings.EqualFold(kind, "Secret") {
		for _, field := range []string{"data", "stringData"} {
			if data := v.get(field); data != nil {
				v = v.with(field, r.leaves(data))
			}
		}
	}
	if kind == "EncryptionConfiguration" || kind == "EncryptionConfig" {
		v = r.named(v, "secret")
	}
	if copied := v.at("metadata", "annotations", lastApplied); copied != nil {
		metadata := v.get("metadata")
		annotations := metadata.get("annotations").with(lastApplied, r.value(copied))
		v = v.with("metadata", metadata.with("annotations", annotations))
	}
	return v
}

// leaves is an object with each of its values replaced, or anything else replaced as a whole.
func (r *Redactor) leaves(v *value) *value {
	if v.kind != objectKind {
		return r.value(v)
	}
	c := *v
	c.items = make([]*value, len(v.items))
	for i, item := range v.items {
		c.items[i] = r.value(item)
	}
	return &c
}

// named is a value with all values of one key replaced, however deep.
func (r *Redactor) named(v *value, name string) *value {
	c := *v
	c.items = make([]*value, len(v.items))
	for i, item := range v.items {
		if v.kind == objectKind && v.keys[i].name == name {
			c.items[i] = r.value(item)
		} else {
			c.items[i] = r.named(item, name)
		}
	}
	return &c
}

func (r *Redactor) value(v *value) *value {
	if v.kind == null {
		return v
	}
	return &value{kind: stringKind, line: v.line, text: r.token(v.appendJSON(nil))}
}

var (
	versionLine = regexp.MustCompile(`(?m)^(?:- )?["']?apiVersion["']?[ \t]*:`)
	kindLine    = regexp.MustCompile(`(?m)^(?:- |  )?["']?kind["']?[ \t]*:`)
)

// looksLikeKubernetes judges text that could not be read.
func looksLikeKubernetes(data []byte) bool {
	if start := bytes.TrimLeft(data, " \t\r\n\ufeff"); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		return bytes.Contains(data, []byte("apiVersion")) && bytes.Contains(data, []byte("kind"))
	}
	return versionLine.Match(data) && kindLine.Match(data)
}

// hasTopLevel reports whether a JSON object has a key; anything that is not a JSON object may have it.
func hasTopLevel(data []byte, name string) bool {
	s := scanner{data: data, depth: 200}
	found := false
	start := s.space(0)
	if start >= len(data) || data[start] != '{' {
		return true
	}
	_, err := s.object(start, 0, func(key, keyEnd, _, _ int) error {
		found = found || isKey(data[key:keyEnd], name)
		return nil
	})
	return found || err != nil
}

// mayBeKubernetes tells quickly that a file certainly is not Kubernetes. The words can be written with escapes or as binary, so a
// file that holds any is read.
func mayBeKubernetes(data []byte) bool {
	if bytes.Contains(data, []byte("apiVersion")) && bytes.Contains(data, []byte("kind")) {
		return true
	}
	for _, disguise := range []string{`\u`, `\U`, `\x`, "\\\n", "\\\r", "!"} {
		if bytes.Contains(data, []byte(disguise)) {
			return true
		}
	}
	return false
}

// kustomization reports whether a file drives kustomize.
func kustomization(file string) bool {
	switch path.Base(file) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return false
}

// problem is the error of a file as a problem.
func (e *manifestError) problem(file string) gate.Problem {
	code := "kubernetes"
	if e.limit {
		code = "limit"
	}
	return gate.Problem{Code: code, File: file, Line: e.line, Message: e.message, Remedy: e.remedy}
}
