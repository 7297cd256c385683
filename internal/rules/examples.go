package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Examples are the good and bad examples of one rule, from its NAME.examples.yaml.
type Examples struct {
	Good []Example `yaml:"good"`
	Bad  []Example `yaml:"bad"`
}

// Example is one change and what the rule must say about it: nothing, for a good one.
type Example struct {
	Name       string             `yaml:"name"`
	Terraform  []TerraformExample `yaml:"terraform"`
	Kubernetes string             `yaml:"kubernetes"`
	Base       string             `yaml:"base"`
	Schema     []any              `yaml:"schema"`     // input.change.schema of the objects in Kubernetes
	Files      map[string]string  `yaml:"files"`      // path to content: pipelines, playbooks, lists of owners
	BaseFiles  map[string]string  `yaml:"base_files"` // the same at the merge base
	Parameters map[string]any     `yaml:"parameters"`
	Findings   []ExampleFinding   `yaml:"findings"`
}

// TerraformExample is one resource of a plan.
type TerraformExample struct {
	Address      string         `yaml:"address"`
	After        any            `yaml:"after"`
	Before       any            `yaml:"before"`
	Actions      []string       `yaml:"actions"`
	Unknown      any            `yaml:"unknown"`
	Sensitive    any            `yaml:"sensitive"`
	References   map[string]any `yaml:"references"`
	Configured   []string       `yaml:"configured"`
	Provisioners []any          `yaml:"provisioners"`
	Environment  string         `yaml:"environment"`
}

// ExampleFinding is a finding, or with a Reason a demand for approvals, as an example writes it. Path and Line are compared
// where they are given.
type ExampleFinding struct {
	Resource string   `yaml:"resource" json:"resource"`
	Message  string   `yaml:"message" json:"message,omitempty"`
	Path     string   `yaml:"path" json:"path,omitempty"`
	Line     int      `yaml:"line" json:"line,omitempty"`
	Unknown  bool     `yaml:"unknown" json:"unknown,omitempty"`
	Reason   string   `yaml:"reason" json:"reason,omitempty"`
	Count    int      `yaml:"count" json:"count,omitempty"`
	Teams    []string `yaml:"teams" json:"teams,omitempty"`
	Users    []string `yaml:"users" json:"users,omitempty"`
}

// ParseExamples reads an examples file strictly.
func ParseExamples(text []byte) (*Examples, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var e Examples
	if err := decoder.Decode(&e); err != nil {
		return nil, fmt.Errorf("reading examples: %w", err)
	}
	names := map[string]bool{}
	for i, each := range slices.Concat(e.Good, e.Bad) {
		good := i < len(e.Good)
		switch {
		case each.Name == "":
			return nil, fmt.Errorf("example %d has no name", i+1)
		case names[each.Name]:
			return nil, fmt.Errorf("two examples are named %q", each.Name)
		case len(each.Terraform) == 0 && each.Kubernetes == "" && each.Base == "" && len(each.Files) == 0 && len(each.BaseFiles) == 0:
			return nil, fmt.Errorf("the example %q has neither terraform, kubernetes nor files", each.Name)
		case good && len(each.Findings) > 0:
			return nil, fmt.Errorf("the good example %q has findings", each.Name)
		case !good && len(each.Findings) == 0:
			return nil, fmt.Errorf("the bad example %q has no findings", each.Name)
		}
		names[each.Name] = true
	}
	return &e, nil
}

// Documents are what the engine would be given for the example.
func (e *Example) Documents(ctx context.Context) ([]gate.Document, error) {
	var docs []gate.Document
	for _, item := range e.Terraform {
		doc, err := item.document()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", item.Address, err)
		}
		docs = append(docs, doc)
	}
	docs, err := document.Examples(ctx, e.Files, e.BaseFiles, docs)
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	objects, err := kubernetesExample(e.Kubernetes, e.Base)
	if err != nil {
		return nil, err
	}
	for i := range objects {
		if len(e.Schema) == 0 || objects[i].After == nil {
			continue
		}
		if objects[i].Change, err = exampleJSON(map[string]any{"mode": "managed", "schema": e.Schema}); err != nil {
			return nil, err
		}
	}
	return append(docs, objects...), nil
}

var (
	addressIndex  = regexp.MustCompile(`\[(?:"(?:[^"\\]|\\.)*"|[0-9]+)\]`)
	addressModule = regexp.MustCompile(`^(?:module\.[^.\[]+(?:\[(?:"(?:[^"\\]|\\.)*"|[0-9]+)\])?\.)+`)
)

func (t *TerraformExample) document() (doc gate.Document, err error) {
	prefix := addressModule.FindString(t.Address)
	own := t.Address[len(prefix):]
	plain := addressIndex.ReplaceAllString(own, "")
	mode := "managed"
	if rest, ok := strings.CutPrefix(plain, "data."); ok {
		plain, mode = rest, "data"
	}
	parts := strings.Split(plain, ".")
	doc = gate.Document{Kind: gate.KindTerraform, Set: "example", Resource: t.Address, File: "tfplan.json", Environment: t.Environment}
	switch {
	case len(parts) == 3 && parts[2] == "provisioner":
		doc.Type = "provisioner"
	case len(parts) == 2 && parts[0] == "var":
		doc.Type, doc.Name = "variable", parts[1]
	case len(parts) == 2:
		doc.Type, doc.Name = parts[0], parts[1]
	default:
		return doc, errors.New("the address is not [module.NAME.]TYPE.NAME")
	}
	if doc.After, err = exampleJSON(t.After); err != nil {
		return doc, err
	}
	if doc.Before, err = exampleJSON(t.Before); err != nil {
		return doc, err
	}
	if doc.Actions = t.Actions; doc.Actions == nil {
		doc.Actions = actionsOf(doc.Before, doc.After)
	}
	doc.Change, err = exampleJSON(map[string]any{
		"unknown": orEmpty(t.Unknown), "sensitive": orEmpty(t.Sensitive), "mode": mode, "module": strings.TrimSuffix(prefix, "."),
		"config_address": addressIndex.ReplaceAllString(t.Address, ""), "references": orEmpty(t.References), "configured": append([]string{}, t.Configured...),
		"provisioners": append([]any{}, t.Provisioners...), "replace_paths": []any{}, "reason": "",
	})
	return doc, err
}

func orEmpty(v any) any {
	if m, ok := v.(map[string]any); v == nil || ok && m == nil {
		return map[string]any{}
	}
	return v
}

// exampleJSON writes a value from YAML as JSON; nil stays nil.
func exampleJSON(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	n, err := normalize(v, 0)
	if err != nil {
		return nil, fmt.Errorf("a value %w", err)
	}
	return json.Marshal(n)
}

func actionsOf(before, after json.RawMessage) []string {
	switch {
	case before == nil && after == nil, bytes.Equal(before, after):
		return []string{"no-op"}
	case before == nil:
		return []string{"create"}
	case after == nil:
		return []string{"delete"}
	}
	return []string{"update"}
}

// podPaths leads from each of Kubernetes' own workloads to its Pod template.
func podPaths() map[string][]string {
	template := []string{"spec", "template"}
	return map[string][]string{
		"Pod": {}, "PodTemplate": {"template"}, "CronJob": {"spec", "jobTemplate", "spec", "template"},
		"Deployment": template, "ReplicaSet": template, "StatefulSet": template, "DaemonSet": template, "Job": template,
		"ReplicationController": template,
	}
}

func kubernetesExample(head, base string) ([]gate.Document, error) {
	after, err := objectsOf(head)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	before, err := objectsOf(base)
	if err != nil {
		return nil, fmt.Errorf("base: %w", err)
	}
	for _, old := range before {
		i := slices.IndexFunc(after, func(d gate.Document) bool { return d.Resource == old.Resource })
		if i < 0 {
			after = append(after, old)
			i = len(after) - 1
			after[i].After = nil
		}
		after[i].Before = old.After
	}
	for i := range after {
		after[i].Actions = actionsOf(after[i].Before, after[i].After)
	}
	return after, nil
}

func objectsOf(text string) ([]gate.Document, error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	paths := podPaths()
	var docs []gate.Document
	for {
		var object map[string]any
		switch err := decoder.Decode(&object); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, err
		case object == nil:
			continue
		}
		version, _ := object["apiVersion"].(string)
		kind, _ := object["kind"].(string)
		if version == "" || kind == "" {
			return nil, errors.New("an object has no apiVersion or kind")
		}
		metadata, _ := object["metadata"].(map[string]any)
		name, _ := metadata["name"].(string)
		namespace, _ := metadata["namespace"].(string)
		group, _, ok := strings.Cut(version, "/")
		if !ok {
			group = ""
		}
		after, err := exampleJSON(object)
		if err != nil {
			return nil, err
		}
		docs = append(docs, gate.Document{
			Kind: gate.KindKubernetes, Type: kind, Group: group, Name: name, Namespace: namespace, Set: "example", After: after,
			Resource: strings.Join([]string{version, kind, namespace, name}, "/"), File: "manifest.yaml", PodPath: paths[kind],
			Change: json.RawMessage(`{"mode":"managed"}`),
		})
	}
}
