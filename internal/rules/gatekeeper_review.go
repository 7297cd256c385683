package rules

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	admission "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// reviewGroup and reviewKind are what an API server asks an admission webhook with. Written down as an object, one says of a request
// what a manifest cannot: who asks, what is done, and what was there before. Gatekeeper's own tests do so.
const (
	reviewGroup = "admission.k8s.io"
	reviewKind  = "AdmissionReview"
)

// request is an admission request that was written down.
type request struct {
	review   *ast.Term
	subjects []subject // the object, and the one before it; a constraint is about the request when it is about either
}

// isReview tells a request that was written down from an object to be judged.
func (s *subject) isReview() bool { return s.kind == reviewKind && s.group == reviewGroup }

// readRequest reads an AdmissionReview as Gatekeeper does.
func readRequest(text []byte, d *decoder, in *cluster) (*request, error) {
	var asked admission.AdmissionReview
	if err := json.Unmarshal(text, &asked); err != nil {
		return nil, fmt.Errorf("an AdmissionReview that cannot be read: %w", err)
	}
	if asked.Request == nil || asked.Request.Object.Raw == nil && asked.Request.OldObject.Raw == nil {
		return nil, errors.New("an AdmissionReview without a request for an object or an oldObject")
	}
	r := &request{}
	if asked.Request.Operation == admission.Delete {
		if asked.Request.OldObject.Raw == nil {
			return nil, errors.New("an AdmissionReview of a DELETE without an oldObject")
		}
		asked.Request.Object = asked.Request.OldObject // templates look at the object alone
	}
	for _, raw := range [][]byte{asked.Request.Object.Raw, asked.Request.OldObject.Raw} {
		if raw == nil || string(raw) == "null" {
			continue
		}
		about, ok := subjectOf(raw)
		if !ok {
			return nil, errors.New("an AdmissionReview whose object has no kind")
		}
		r.subjects = append(r.subjects, about)
	}
	whole, err := json.Marshal(asked.Request)
	if err != nil {
		return nil, fmt.Errorf("an AdmissionReview that cannot be read: %w", err)
	}
	r.review, err = d.decodeObject(whole, nil, [][2]*ast.Term{{ast.StringTerm("namespaceObject"), in.namespaceOf(&r.subjects[0])}})
	return r, err
}

// strictReview refuses what a suite's AdmissionReview may not hold. Gatekeeper's own tool fails such a case: with a misspelt field
// it would be about another request than its author meant.
func strictReview(text []byte) error {
	var whole map[string]any
	if err := json.Unmarshal(text, &whole); err != nil {
		return fmt.Errorf("an AdmissionReview that cannot be read: %w", err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(whole, &admission.AdmissionReview{}, true); err != nil {
		return fmt.Errorf("no valid AdmissionReview: %w", err)
	}
	return nil
}

// matches tells whether a constraint is about the request.
func (r *request) matches(m *match, namespaces map[string]labels.Set) matched {
	answer := no
	for i := range r.subjects {
		answer = max(answer, m.matches(&r.subjects[i], namespaces))
		if answer == yes {
			return yes
		}
	}
	return answer
}

// judgeRequest asks every constraint about a request that was written down.
func (r *gatekeeperRun) judgeRequest(doc *gate.Document, d *decoder, stop *stopper) {
	r.count(doc)
	clusters := r.clusters[doc.Set]
	asked, err := readRequest(doc.After, d, &clusters[0])
	if err != nil {
		// One that nobody touches, and that no cluster would ever hold, is not in the way of everybody else's work.
		if doc.Before == nil || string(doc.Before) != string(doc.After) {
			r.unreadable(doc.File, fmt.Errorf("%s: %w", doc.Resource, err))
		}
		return
	}
	var before *request
	if about, ok := subjectOf(doc.Before); ok && about.isReview() && !r.strictly {
		if before, err = readRequest(doc.Before, d, &clusters[1]); err != nil {
			before = nil // what could not be said about the base counts as new
		}
	}
	var findings []gate.Finding
	for _, c := range r.constraints {
		if r.skip(c.rule) {
			continue
		}
		answer := asked.matches(&c.match, clusters[0].namespaces)
		if answer == no {
			continue
		}
		done := watching(r.watcher, doc.Resource, doc.File, ruleName(c.rule.ID))
		found, err := r.violations(c, &clusters[0], asked.review, stop)
		var old []message
		if err == nil && len(found) > 0 && before != nil && before.matches(&c.match, clusters[1].namespaces) != no {
			if old, err = r.violations(c, &clusters[1], before.review, stop); err != nil {
				old, err = nil, nil
			}
		}
		done()
		if err != nil {
			r.failed(c.rule, doc.Resource, err)
			continue
		}
		findings = append(findings, r.findings(c, doc, found, old, answer, asked.subjects[0].namespace)...)
	}
	r.add(findings)
}
