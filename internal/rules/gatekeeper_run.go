package rules

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// cluster is what the objects of one manifest set would make of a cluster, on one side of the change.
type cluster struct {
	store      storage.Store
	namespaces map[string]labels.Set
	objects    map[string]*ast.Term // the Namespaces themselves
	err        error
}

// gatekeeperRun is the judging of all objects by all constraints.
type gatekeeperRun struct {
	*foreignRun
	constraints []*constraint
	clusters    map[string]*[2]cluster // by set; head and base
	strictly    bool                   // everything counts as new
	raw         bool                   // messages are held against a suite's patterns, not shown
}

// gatekeeper judges the Kubernetes objects among the documents.
func (r *foreignRun) gatekeeper(docs []gate.Document) {
	g := r.engine.foreign.gatekeeper
	if g == nil {
		return
	}
	run := &gatekeeperRun{foreignRun: r, clusters: map[string]*[2]cluster{}, strictly: r.engine.options.scope() == ScopeAll}
	inventory := false
	for _, c := range g.constraints {
		if c.rule.Off == "" {
			run.constraints = append(run.constraints, c)
			inventory = inventory || c.template.inventory
		}
	}
	if len(run.constraints) == 0 {
		return
	}
	sets := map[string][]gate.Document{}
	var objects []int
	for i := range docs {
		if docs[i].Kind == gate.KindKubernetes {
			sets[docs[i].Set] = append(sets[docs[i].Set], docs[i])
			objects = append(objects, i)
		}
	}
	for name, set := range sets {
		run.clusters[name] = &[2]cluster{newCluster(set, head, inventory), newCluster(set, base, inventory)}
	}
	type worker struct {
		decoder *decoder
		stop    *stopper
	}
	workers := make([]worker, maxWorkers())
	for i := range workers {
		workers[i] = worker{newGatekeeperDecoder(), newStopper(r.ctx, time.Now, r.limits.Memory)}
	}
	parallel(len(objects), func(w, i int) { run.judge(&docs[objects[i]], workers[w].decoder, workers[w].stop) })
}

// newCluster reads the objects of a set; the inventory only where a template asks for it.
func newCluster(docs []gate.Document, s side, inventory bool) cluster {
	c := cluster{namespaces: namespacesOf(docs, s), objects: map[string]*ast.Term{}}
	d := newGatekeeperDecoder()
	for i := range docs {
		if docs[i].Type != "Namespace" || docs[i].Group != "" {
			continue
		}
		about, ok := subjectOf(sideOf(&docs[i], s))
		if !ok {
			continue
		}
		object, err := d.decode(sideOf(&docs[i], s))
		if err != nil {
			c.err = fmt.Errorf("%s: %w", docs[i].Resource, err)
			continue
		}
		c.objects[about.name] = object
	}
	root := ast.NewObject()
	if inventory {
		value, err := inventoryOf(docs, s)
		if err != nil {
			c.err = err
		} else {
			root.Insert(ast.StringTerm("inventory"), value)
		}
	}
	c.store = inmem.NewFromASTObject(root)
	return c
}

// namespaceOf is the Namespace that an object is in, which a cluster shows with each review; empty when nobody here knows it, or
// the object is in none.
func (c *cluster) namespaceOf(about *subject) *ast.Term {
	if object := c.objects[about.namespace]; object != nil && !about.isNamespace() {
		return object
	}
	return ast.NewTerm(ast.NewObject())
}

// inventoryOf is data.inventory: cluster[version][kind][name] and namespace[namespace][version][kind][name].
func inventoryOf(docs []gate.Document, s side) (*ast.Term, error) {
	root, namespaced := ast.NewObject(), ast.NewObject()
	tree := map[string]map[string]map[string]map[string]*ast.Term{} // namespace, version, kind, name
	d := newGatekeeperDecoder()
	for i := range docs {
		text := sideOf(&docs[i], s)
		about, ok := subjectOf(text)
		if !ok || about.name == "" {
			continue
		}
		term, err := d.decode(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", docs[i].Resource, err)
		}
		at := tree
		if at[about.namespace] == nil {
			at[about.namespace] = map[string]map[string]map[string]*ast.Term{}
		}
		versions := at[about.namespace]
		if versions[about.apiVersion()] == nil {
			versions[about.apiVersion()] = map[string]map[string]*ast.Term{}
		}
		kinds := versions[about.apiVersion()]
		if kinds[about.kind] == nil {
			kinds[about.kind] = map[string]*ast.Term{}
		}
		kinds[about.kind][about.name] = term
	}
	// Inserted from the inside out: a Rego object hashes what it holds when it is put in.
	for namespace, versions := range tree {
		byVersion := ast.NewObject()
		for version, kinds := range versions {
			byKind := ast.NewObject()
			for kind, names := range kinds {
				byName := ast.NewObject()
				for name, object := range names {
					byName.Insert(ast.StringTerm(name), object)
				}
				byKind.Insert(ast.StringTerm(kind), ast.NewTerm(byName))
			}
			byVersion.Insert(ast.StringTerm(version), ast.NewTerm(byKind))
		}
		if namespace == "" {
			root.Insert(ast.StringTerm("cluster"), ast.NewTerm(byVersion))
		} else {
			namespaced.Insert(ast.StringTerm(namespace), ast.NewTerm(byVersion))
		}
	}
	root.Insert(ast.StringTerm("namespace"), ast.NewTerm(namespaced))
	return ast.NewTerm(root), nil
}

// judge asks every constraint that is about the object.
func (r *gatekeeperRun) judge(doc *gate.Document, d *decoder, stop *stopper) {
	if len(doc.After) == 0 {
		return // deleted: a constraint speaks about what comes into a cluster
	}
	about, ok := subjectOf(doc.After)
	if !ok {
		// No match can be told of it. One that was so before is not in the way of everybody else's work.
		if string(doc.Before) != string(doc.After) {
			r.unreadable(doc.File, fmt.Errorf("%s: its metadata are not those of an object of Kubernetes", doc.Resource))
		}
		return
	}
	if about.isReview() {
		r.judgeRequest(doc, d, stop)
		return
	}
	r.count(doc)
	clusters := r.clusters[doc.Set]
	var after, before *ast.Term
	var findings []gate.Finding
	for _, c := range r.constraints {
		if r.skip(c.rule) {
			continue
		}
		answer := c.match.matches(&about, clusters[0].namespaces)
		if answer == no {
			continue
		}
		if after == nil {
			var err error
			if after, err = d.decode(doc.After); err == nil {
				before, err = d.decode(doc.Before)
			}
			if err != nil {
				r.unreadable(doc.File, fmt.Errorf("%s: %w", doc.Resource, err))
				return
			}
		}
		done := watching(r.watcher, doc.Resource, doc.File, ruleName(c.rule.ID))
		found, old, err := r.ask(c, doc, &about, after, before, stop)
		done()
		if err != nil {
			r.failed(c.rule, doc.Resource, err)
			continue
		}
		findings = append(findings, r.findings(c, doc, found, old, answer, about.namespace)...)
	}
	if generated, err := r.generated(doc, d, stop); err != nil {
		r.unreadable(doc.File, fmt.Errorf("%s: %w", doc.Resource, err))
	} else {
		findings = append(findings, generated...)
	}
	if r.engine.foreign.gatekeeper.repeated {
		findings = distinct(findings)
	}
	r.add(findings)
}

// ask gives what one constraint says about one object, and what it said about it before the change. The object is judged as the audit of a running cluster would judge it,
// and, when it was there before, also as the admission of its update: templates may look at only one of the two.
func (r *gatekeeperRun) ask(c *constraint, doc *gate.Document, about *subject, after, before *ast.Term, stop *stopper) (found, old []message, err error) {
	clusters := r.clusters[doc.Set]
	if found, err = r.violations(c, &clusters[0], review(about, "CREATE", after, nil, &clusters[0]), stop); err != nil {
		return nil, nil, err
	}
	changed := doc.Before != nil && string(doc.Before) != string(doc.After)
	if changed {
		update, err := r.violations(c, &clusters[0], review(about, "UPDATE", after, before, &clusters[0]), stop)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range update {
			if !slices.ContainsFunc(found, func(o message) bool { return o.text == m.text }) {
				found = append(found, m)
			}
		}
	}
	if len(found) > 0 && doc.Before != nil && !r.strictly {
		switch was, ok := subjectOf(doc.Before); {
		case !ok:
		case !changed && !c.template.inventory:
			old = found
		case c.match.matches(&was, clusters[1].namespaces) != no:
			if old, err = r.violations(c, &clusters[1], review(&was, "CREATE", before, nil, &clusters[1]), stop); err != nil {
				old, err = nil, nil // what could not be said about the base counts as new
			}
		}
	}
	return found, old, err
}

// findings makes findings of what a constraint says. Where it hangs on a namespace that nobody here knows, they say so.
func (r *gatekeeperRun) findings(c *constraint, doc *gate.Document, found, old []message, answer matched, namespace string) []gate.Finding {
	findings := make([]gate.Finding, len(found))
	for i, status := range messageStatuses(found, old) {
		m := found[i]
		findings[i] = gate.Finding{
			Rule: c.rule.ID, Title: c.rule.Title, Severity: c.rule.Severity, Enforcement: c.rule.Enforcement, Status: status,
			Resource: doc.Resource, Kind: gate.KindKubernetes, File: doc.File, Line: doc.Line, Message: m.text, Remedy: c.rule.Description,
		}
		if f := &findings[i]; answer == perhaps {
			f.Unknown, f.Enforcement = true, gate.EnforceWarn
			f.Message = clean(f.Message+"; it depends on labels of the namespace "+namespace+", which is not in the repository", r.limits.Message)
		}
	}
	return findings
}

// violations runs a template's rule.
func (r *gatekeeperRun) violations(c *constraint, in *cluster, review *ast.Term, stop *stopper) ([]message, error) {
	if in.err != nil {
		return nil, in.err
	}
	input := ast.ObjectTerm(
		[2]*ast.Term{ast.StringTerm("review"), review},
		[2]*ast.Term{ast.StringTerm("parameters"), c.parameters},
	)
	var out []message
	var bad error
	err := c.template.query.run(r.ctx, in.store, input, stop, r.limits.RuleTime, func(v ast.Value) {
		set, ok := v.(ast.Set)
		if !ok {
			bad = errors.New("violation is no set; wanted: violation[{\"msg\": msg}] { ... }")
			return
		}
		if set.Len() > r.limits.PerRule {
			bad = fmt.Errorf("it has %d violations on one object; at most %d are allowed", set.Len(), r.limits.PerRule)
			return
		}
		for _, member := range set.Slice() {
			object, ok := member.Value.(ast.Object)
			if !ok {
				bad = errors.New("a violation is no object with a text \"msg\"")
				return
			}
			text, ok := textAt(object, "msg")
			if !ok {
				bad = errors.New("a violation has no text \"msg\"")
				return
			}
			if !r.raw {
				text = clean(text, r.limits.Message)
			}
			out = append(out, message{text: text})
		}
	})
	if err == nil {
		err = bad
	}
	return out, err
}

// review is the admission review of an object, as far as one can be known before there is a cluster: nobody asks for it.
func review(about *subject, operation string, object, old *ast.Term, in *cluster) *ast.Term {
	t := ast.StringTerm
	pairs := [][2]*ast.Term{
		{t("uid"), t("")},
		{t("kind"), ast.ObjectTerm([2]*ast.Term{t("group"), t(about.group)}, [2]*ast.Term{t("version"), t(about.version)}, [2]*ast.Term{t("kind"), t(about.kind)})},
		{t("resource"), ast.ObjectTerm([2]*ast.Term{t("group"), t("")}, [2]*ast.Term{t("version"), t("")}, [2]*ast.Term{t("resource"), t("")})},
		{t("name"), t(about.name)},
		{t("operation"), t(operation)},
		{t("userInfo"), ast.ObjectTerm()},
		{t("object"), object},
		{t("options"), ast.NullTerm()},
		{t("namespaceObject"), in.namespaceOf(about)},
	}
	if about.namespace != "" {
		pairs = append(pairs, [2]*ast.Term{t("namespace"), t(about.namespace)})
	}
	if old == nil {
		old = ast.NullTerm()
	}
	pairs = append(pairs, [2]*ast.Term{t("oldObject"), old})
	return ast.ObjectTerm(pairs...)
}
