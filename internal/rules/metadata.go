package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// metadataReader checks one METADATA comment against the schema of docs/writing-rules.md and collects everything that is wrong
// with it.
type metadataReader struct {
	file     string
	offset   int // added to a line of the YAML to get one of the file
	rule     *Rule
	problems []gate.Problem
}

var ruleID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)+$`)
var parameterName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// yamlErrorLine finds the line in an error of the YAML library, which has no other way to tell it.
var yamlErrorLine = regexp.MustCompile(`line (\d+): `)

// readMetadata gives the rule that a header describes. Without problems it is complete: id, title, severity, remedy and
// inspects are there and make sense.
func readMetadata(file string, h header) (*Rule, []gate.Problem) {
	r := &metadataReader{
		file: file, offset: h.line - 1,
		rule: &Rule{File: file, Line: h.pkgLine, Package: h.pkg, Inspects: map[string][]string{}},
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(h.metadata, &doc); err != nil {
		line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
		if m := yamlErrorLine.FindStringSubmatchIndex(text); m != nil {
			line, _ = strconv.Atoi(text[m[2]:m[3]])
			text = text[:m[0]] + text[m[1]:]
		}
		r.problem(line, "the METADATA comment is not YAML: "+text, "Indent with spaces and quote a text that has \": \" in it.")
		return r.rule, r.problems
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		r.problem(1, "the METADATA comment is not a YAML mapping", "Start with \"# title: ...\".")
		return r.rule, r.problems
	}
	r.top(doc.Content[0])
	r.missing(doc.Content[0])
	return r.rule, r.problems
}

func (r *metadataReader) problem(line int, message, remedy string) {
	r.problems = append(r.problems, gate.Problem{
		Code: "rules", File: r.file, Line: r.offset + line, Message: message, Remedy: remedy,
	})
}

func (r *metadataReader) top(m *yaml.Node) {
	r.each(m, "METADATA", func(key string, k, v *yaml.Node) bool {
		switch key {
		case "title":
			r.rule.Title = r.text(key, v)
			if strings.HasSuffix(r.rule.Title, ".") {
				r.problem(v.Line, "title ends with a full stop", "Write the wanted state as a sentence without one.")
			}
		case "description":
			r.rule.Description = r.text(key, v)
		case "related_resources":
			r.related(v)
		case "custom":
			r.custom(v)
		case "scope":
			if v.Value != "package" {
				r.problem(v.Line, "scope is "+v.Value+"; wanted: package", "Leave scope out.")
			}
		case "authors", "organizations", "entrypoint", "schemas":
		default:
			return false
		}
		return true
	}, "title", "description", "related_resources", "custom", "scope", "authors", "organizations", "entrypoint", "schemas")
}

func (r *metadataReader) custom(m *yaml.Node) {
	r.each(m, "custom", func(key string, k, v *yaml.Node) bool {
		switch key {
		case "id":
			r.rule.ID = r.text(key, v)
			if r.rule.ID != "" && !ruleID.MatchString(r.rule.ID) {
				r.problem(v.Line, fmt.Sprintf("custom.id is %q; wanted: letters and digits joined by hyphens", r.rule.ID),
					"Write an id like ACME-01.")
			}
		case "severity":
			r.rule.Severity = r.word(key, v, severities()...)
		case "remedy":
			r.rule.Remedy = r.text(key, v)
		case "inspects":
			r.inspects(v)
		case "references":
			r.rule.References = r.texts(key, v)
		case "parameters":
			r.parameters(v)
		case "enforcement":
			r.rule.Enforcement = r.word(key, v, gate.EnforceDeny, gate.EnforceWarn, gate.EnforceOff)
		case "unknown":
			r.rule.Unknown = r.word(key, v, gate.EnforceDeny, gate.EnforceWarn)
		default:
			return false
		}
		return true
	}, "id", "severity", "remedy", "inspects", "references", "parameters", "enforcement", "unknown")
}

// each walks a mapping, refusing what is not one, keys that occur twice and keys that use does not know.
func (r *metadataReader) each(m *yaml.Node, where string, use func(key string, k, v *yaml.Node) bool, known ...string) {
	if m.Kind != yaml.MappingNode {
		r.problem(m.Line, where+" is not a mapping", "Write its keys below it, indented.")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := m.Content[i], m.Content[i+1]
		switch {
		case seen[k.Value]:
			r.problem(k.Line, fmt.Sprintf("%s has %s twice", where, k.Value), "Keep one of them.")
		case !use(k.Value, k, v):
			r.problem(k.Line, fmt.Sprintf("%s has an unknown key %s%s", where, k.Value, suggest(k.Value, known)),
				"Correct or delete it; docs/writing-rules.md lists the keys.")
		}
		seen[k.Value] = true
	}
}

func (r *metadataReader) text(key string, v *yaml.Node) string {
	if v.Kind != yaml.ScalarNode || v.Tag == "!!null" || strings.TrimSpace(v.Value) == "" {
		r.problem(v.Line, key+" is not a text", "Write one after \""+key+":\".")
		return ""
	}
	return strings.TrimSpace(v.Value)
}

func (r *metadataReader) word(key string, v *yaml.Node, allowed ...string) string {
	// YAML reads a bare off as a boolean in its older version; the text is what counts.
	if v.Kind != yaml.ScalarNode || !slices.Contains(allowed, v.Value) {
		is := strconv.Quote(v.Value)
		if v.Kind != yaml.ScalarNode {
			is = "no text"
		}
		r.problem(v.Line, fmt.Sprintf("custom.%s is %s; wanted: %s", key, is, strings.Join(allowed, ", ")),
			"Use one of these words.")
		return ""
	}
	return v.Value
}

func (r *metadataReader) texts(key string, v *yaml.Node) []string {
	if v.Kind != yaml.SequenceNode {
		r.problem(v.Line, key+" is not a list", "Write ["+v.Value+"].")
		return nil
	}
	var list []string
	for _, item := range v.Content {
		if text := r.text("an item of "+key, item); text != "" {
			list = append(list, text)
		}
	}
	return list
}

func (r *metadataReader) related(v *yaml.Node) {
	if v.Kind != yaml.SequenceNode {
		r.problem(v.Line, "related_resources is not a list", "Write one \"- ref: https://...\" a line.")
		return
	}
	for _, item := range v.Content {
		if item.Kind == yaml.ScalarNode {
			r.rule.Related = append(r.rule.Related, Related{Ref: r.text("an item of related_resources", item)})
			continue
		}
		var related Related
		r.each(item, "an item of related_resources", func(key string, k, v *yaml.Node) bool {
			switch key {
			case "ref":
				related.Ref = r.text(key, v)
			case "description":
				related.Description = r.text(key, v)
			default:
				return false
			}
			return true
		}, "ref", "description")
		if related.Ref == "" {
			r.problem(item.Line, "an item of related_resources has no ref", "Add \"ref: https://...\".")
		}
		r.rule.Related = append(r.rule.Related, related)
	}
}

// kinds are the kinds of documents that a rule can inspect.
func kinds() []string {
	return []string{
		gate.KindTerraform, gate.KindKubernetes, gate.KindGitHubActions, gate.KindGitLabCI, gate.KindJenkinsfile, gate.KindAnsible,
		gate.KindCodeowners, gate.KindDockerfile, gate.KindCloudInit, gate.KindGate,
	}
}

func (r *metadataReader) inspects(v *yaml.Node) {
	r.each(v, "custom.inspects", func(kind string, k, v *yaml.Node) bool {
		if !slices.Contains(kinds(), kind) {
			return false
		}
		types := r.texts("custom.inspects."+kind, v)
		for _, t := range types {
			if kind != gate.KindKubernetes && strings.Contains(t, "/") || strings.Count(t, "/") > 1 || strings.HasSuffix(t, "/") {
				r.problem(v.Line, fmt.Sprintf("custom.inspects.%s has %q, which is no type", kind, t),
					"Write a Terraform type, a Kubernetes Kind or group/Kind, or \"*\".")
			}
		}
		if len(types) > 0 {
			r.rule.Inspects[kind] = types
		}
		return true
	}, kinds()...)
}

func (r *metadataReader) parameters(v *yaml.Node) {
	r.each(v, "custom.parameters", func(name string, k, v *yaml.Node) bool {
		p := Parameter{Name: name}
		if !parameterName.MatchString(name) {
			r.problem(k.Line, fmt.Sprintf("the parameter %q is not a lower-case name", name), "Write it like max_days.")
		}
		where := "the parameter " + name
		r.each(v, where, func(key string, k, v *yaml.Node) bool {
			switch key {
			case "default":
				p.Default = r.value(where, v)
			case "description":
				p.Description = r.text(key, v)
			case "required":
				p.Required = v.Value == "true"
				if v.Tag != "!!bool" {
					r.problem(v.Line, where+": required is not true or false", "Write true or false.")
				}
			default:
				return false
			}
			return true
		}, "default", "description", "required")
		if p.Description == "" {
			r.problem(k.Line, where+" has no description", "Add \"description:\" and say what a repository would set it to.")
		}
		if p.Required && p.Default != nil {
			r.problem(k.Line, where+" is required and has a default", "Keep one of the two.")
		}
		p.Value = p.Default
		r.rule.Parameters = append(r.rule.Parameters, p)
		return true
	})
}

func (r *metadataReader) value(where string, v *yaml.Node) any {
	var raw any
	if err := v.Decode(&raw); err != nil {
		r.problem(v.Line, where+": the default cannot be read: "+err.Error(), "Write a JSON value.")
		return nil
	}
	value, err := normalize(raw, 0)
	if err != nil {
		r.problem(v.Line, where+": the default "+err.Error(), "Write a JSON value.")
	}
	return value
}

// missing reports what a rule cannot do without.
func (r *metadataReader) missing(m *yaml.Node) {
	for _, need := range []struct {
		missing bool
		key     string
		remedy  string
	}{
		{r.rule.ID == "", "custom.id", "Add a unique id: \"id: ACME-01\"."},
		{r.rule.Title == "", "title", "Add the wanted state as a sentence: \"title: ...\"."},
		{r.rule.Severity == "", "custom.severity", "Add one of " + strings.Join(severities(), ", ") + "."},
		{r.rule.Remedy == "", "custom.remedy", "Say what to do, in words that can be pasted."},
		{len(r.rule.Inspects) == 0, "custom.inspects", "Name kinds and types: \"inspects: {kubernetes: [Deployment]}\"."},
	} {
		if need.missing && !r.reported(need.key) {
			r.problem(m.Line, "the rule's METADATA has no "+need.key, need.remedy)
		}
	}
	if r.rule.Enforcement == "" {
		r.rule.Enforcement = recommended(r.rule.Severity)
	}
	if r.rule.Unknown == "" {
		r.rule.Unknown = recommendedUnknown(r.rule.Severity)
	}
}

// reported spares the reader a second complaint about a key that is there but wrong.
func (r *metadataReader) reported(key string) bool {
	short := strings.TrimPrefix(key, "custom.")
	return slices.ContainsFunc(r.problems, func(p gate.Problem) bool {
		return strings.HasPrefix(p.Message, key+" ") || strings.HasPrefix(p.Message, key+".") ||
			strings.HasPrefix(p.Message, short+" ")
	})
}
