package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Kinds of terms that a decision is found by, besides the resources that it changes.
const (
	TermRule   = "rule"   // id of a rule that found something; N is how many new or worse findings it has
	TermFile   = "file"   // changed path, old and new name
	TermPerson = "person" // author, contributor, reviewer or approver
	TermCommit = "commit" // commit of the pull request
)

// A Term is something that a decision can be found by. Rules and people are found whatever the case of their letters.
type Term struct {
	Kind string
	Term string
	N    int
}

// A WaiverUse is a finding that a waiver covered.
type WaiverUse struct {
	Rule     string
	Resource string
	Reason   string
	Owner    string
	Expires  string // YYYY-MM-DD
}

// foldTerm is a term as its column holds it.
func foldTerm(kind, term string) string {
	if kind == TermRule || kind == TermPerson {
		term = strings.ToLower(term)
	}
	return searchable(term)
}

// putTerms stores what a decision is found by, in the decision's transaction.
func (s *Store) putTerms(ctx context.Context, c conn, r Record, index int64) error {
	type term struct {
		Kind string `json:"kind"`
		Term string `json:"term"`
		N    int    `json:"n"`
	}
	terms := make([]term, 0, len(r.Terms))
	for _, t := range r.Terms {
		if t.Term != "" {
			terms = append(terms, term{t.Kind, foldTerm(t.Kind, t.Term), t.N})
		}
	}
	encoded, err := json.Marshal(terms)
	if err != nil {
		return fmt.Errorf("encoding what the decision is found by: %w", err)
	}
	if _, err := c.exec(ctx, s.sql.putTerms, index, string(encoded)); err != nil {
		return fmt.Errorf("storing what the decision is found by: %w", err)
	}
	type waiver struct {
		N        int    `json:"n"`
		Rule     string `json:"rule"`
		Resource string `json:"resource"`
		Reason   string `json:"reason"`
		Owner    string `json:"owner"`
		Expires  string `json:"expires"`
	}
	waivers := make([]waiver, len(r.Waivers))
	for i, w := range r.Waivers {
		waivers[i] = waiver{i, searchable(w.Rule), searchable(w.Resource), searchable(w.Reason), searchable(w.Owner), searchable(w.Expires)}
	}
	if encoded, err = json.Marshal(waivers); err != nil {
		return fmt.Errorf("encoding the waivers: %w", err)
	}
	if _, err := c.exec(ctx, s.sql.putWaivers, index, string(encoded)); err != nil {
		return fmt.Errorf("storing the waivers: %w", err)
	}
	return nil
}

// putNames stores the names of a decision's resources.
func (s *Store) putNames(ctx context.Context, c conn, r Record, index int64) error {
	type row struct {
		Name     string `json:"name"`
		Resource string `json:"resource"`
	}
	var list []row
	for _, res := range r.Resources {
		for _, name := range res.Names {
			list = append(list, row{searchable(name), searchable(res.Resource)})
		}
	}
	if len(list) == 0 {
		return nil
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("encoding the resources' names: %w", err)
	}
	if _, err := c.exec(ctx, s.sql.putDecNames, index, string(encoded)); err != nil {
		return fmt.Errorf("storing the resources' names: %w", err)
	}
	return nil
}
