package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// side is one of the two states that are compared.
type side bool

const (
	head side = false
	base side = true
)

// decoded is a document as Rego values; nil terms are not decoded yet.
type decoded struct {
	after, before, change *ast.Term
}

// names are the keys of input, made once for an evaluation.
type names struct {
	kind, typ, group, name, namespace, address, resource, before, change, plan, objects, pod, podPath,
	environment, file, pullRequest, actions, unknown, sensitive, neighbours *ast.Term

	null, empty, object, noop *ast.Term
}

func newNames() *names {
	t := ast.StringTerm
	return &names{
		kind: t("kind"), typ: t("type"), group: t("group"), name: t("name"), namespace: t("namespace"), address: t("address"),
		resource: t("resource"), before: t("before"), change: t("change"), plan: t("plan"), objects: t("objects"), pod: t("pod"),
		podPath: t("pod_path"), environment: t("environment"), file: t("file"), pullRequest: t("pull_request"),
		actions: t("actions"), unknown: t("unknown"), sensitive: t("sensitive"), neighbours: t("neighbours"),
		null: ast.NullTerm(), empty: t(""), object: ast.ObjectTerm(), noop: ast.ArrayTerm(t("no-op")),
	}
}

// decode fills in what is missing of a document's values.
func (n *names) decode(d *decoder, doc *gate.Document, v *decoded) (err error) {
	if v.after == nil {
		if v.after, err = d.decode(doc.After); err != nil {
			return fmt.Errorf("its values after the change: %w", err)
		}
	}
	if v.before == nil {
		if doc.After != nil && string(doc.After) == string(doc.Before) {
			v.before = v.after
		} else if v.before, err = d.decode(doc.Before); err != nil {
			return fmt.Errorf("its values before the change: %w", err)
		}
	}
	if v.change == nil {
		if v.change, err = n.readChange(d, doc); err != nil {
			return fmt.Errorf("what the plan says about its change: %w", err)
		}
	}
	return nil
}

// readChange makes input.change: what the document says, the actions, and empty masks where it says nothing.
func (n *names) readChange(d *decoder, doc *gate.Document) (*ast.Term, error) {
	actions := make([]*ast.Term, len(doc.Actions))
	for i, action := range doc.Actions {
		actions[i] = ast.InternedTerm(action)
	}
	return d.decodeObject(doc.Change,
		[][2]*ast.Term{{n.unknown, n.object}, {n.sensitive, n.object}}, [][2]*ast.Term{{n.actions, ast.ArrayTerm(actions...)}})
}

// baseChange is input.change of the state before: nothing happens to the document, and all of it is known.
func (n *names) baseChange(change *ast.Term) *ast.Term {
	pairs := [][2]*ast.Term{{n.actions, n.noop}, {n.unknown, n.object}}
	if object, ok := change.Value.(ast.Object); ok {
		object.Foreach(func(k, v *ast.Term) {
			switch name, _ := k.Value.(ast.String); name {
			case "sensitive", "mode", "module", "config_address", "references", "configured", "provisioners":
				pairs = append(pairs, [2]*ast.Term{k, v})
			case "schema_before":
				pairs = append(pairs, [2]*ast.Term{ast.StringTerm("schema"), v})
			}
		})
	}
	return ast.ObjectTerm(pairs...)
}

// input makes what a rule sees of a document on one side. context is input.plan or input.objects, neighbours the shortlist from
// it; nil where no rule reads them. What r does not read is left out; nil: nothing is.
func (n *names) input(doc *gate.Document, v *decoded, s side, context, neighbours, pullRequest *ast.Term, r *reads) *ast.Term {
	resource, change := v.after, v.change
	if s == base {
		resource, change = v.before, n.baseChange(v.change)
	}
	pairs := make([][2]*ast.Term, 0, 16)
	add := func(key, value *ast.Term) {
		if name, ok := key.Value.(ast.String); ok && r.wants(string(name)) {
			pairs = append(pairs, [2]*ast.Term{key, value})
		}
	}
	text := func(key *ast.Term, text string) {
		if name, ok := key.Value.(ast.String); ok && r.wants(string(name)) {
			pairs = append(pairs, [2]*ast.Term{key, ast.StringTerm(text)})
		}
	}
	text(n.kind, doc.Kind)
	text(n.typ, doc.Type)
	text(n.name, doc.Name)
	text(n.address, doc.Resource)
	add(n.resource, resource)
	add(n.before, v.before)
	add(n.change, change)
	text(n.environment, doc.Environment)
	text(n.file, doc.File)
	add(n.pullRequest, pullRequest)
	if context != nil {
		key := n.plan
		if doc.Kind != gate.KindTerraform {
			key = n.objects
		}
		add(key, context)
	}
	if neighbours != nil {
		add(n.neighbours, neighbours)
	}
	if doc.Kind == gate.KindKubernetes {
		text(n.group, doc.Group)
		text(n.namespace, doc.Namespace)
		if doc.PodPath != nil && !resource.Equal(n.null) {
			add(n.pod, n.podOf(resource, doc.PodPath))
			text(n.podPath, strings.Join(doc.PodPath, "."))
		}
	}
	return ast.ObjectTerm(pairs...)
}

// podOf follows the path to a Pod template. A workload without one has an empty template, as its controller would read it.
func (n *names) podOf(resource *ast.Term, path []string) *ast.Term {
	at := resource
	for _, step := range path {
		object, ok := at.Value.(ast.Object)
		if !ok {
			return n.object
		}
		if at = object.Get(ast.StringTerm(step)); at == nil {
			return n.object
		}
	}
	if _, ok := at.Value.(ast.Object); !ok {
		return n.object
	}
	return at
}

// pullRequestTerm is input.pull_request.
func pullRequestTerm(pr *gate.PullRequest) (*ast.Term, []byte, error) {
	if pr == nil {
		return ast.NullTerm(), nil, nil
	}
	labels := slices.Clone(pr.Labels)
	if labels == nil {
		labels = []string{}
	}
	text, err := json.Marshal(map[string]any{
		"number": pr.Number, "title": pr.Title, "author": pr.Author, "base": pr.Base.Branch, "head": pr.Head.Branch,
		"labels": labels, "draft": pr.Draft,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("describing the pull request to rules: %w", err)
	}
	term, err := newDecoder().decode(text)
	if err != nil {
		return nil, nil, fmt.Errorf("describing the pull request to rules: %w", err)
	}
	return term, text, nil
}
