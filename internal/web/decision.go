package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// posting is something that was said on GitHub about a decision.
type posting struct {
	store.Entry
	What string // in words
	URL  string // on GitHub; "" when there is nothing to see
}

type decisionView struct {
	Record   store.Decision
	Decision gate.Decision
	Facts    gate.Facts
	HasFacts bool // retention may have dropped them
	For      []string
	Groups   []findingGroup
	Postings []posting
	State    store.Publication
	Events   []store.Entry // what else the log says about this commit
	Merge    *store.Merge
	Newer    *store.Decision
	Others   []store.Decision // decisions about the same pull request, newest first
	Proof    inclusion
	Chosen   string // where the configuration came from
	Changes  []changeRow
	MoreOf   int // changes that are not shown

	Group     []memberRow // pull requests of a merge group
	Emergency string      // who may break the glass, in a sentence
	Doubt     string      // what is said of unknown values
}

// memberRow is a pull request of a merge group, and why it makes the group fail, if it does.
type memberRow struct {
	Number    int
	Head, Why string
}

// findingGroup is findings of one standing.
type findingGroup struct {
	Title    string
	Open     bool // laid out at once; else folded
	Findings []gate.Finding
}

// changeRow is a change, with what the plan does to it as a class for its colour, and what becomes of its attributes.
type changeRow struct {
	gate.Change
	Class  string
	Values []valueRow
	More   int  // attributes that are not shown
	Open   bool // the values are laid out at once
}

// Bounds of what a page lists; the API has everything.
const (
	maxRows   = 200
	maxValues = 40 // attributes of one resource
	maxOpen   = 10 // resources whose values are laid out at once
)

func (s *site) decisionPage(w http.ResponseWriter, r *http.Request) {
	record, err := s.visible(r, r.PathValue("id"))
	if s.failed(w, r, err) {
		return
	}
	v := decisionView{Record: record}
	err = errors.Join(json.Unmarshal(record.Decision, &v.Decision), s.factsOf(r.Context(), &v))
	if err == nil {
		err = s.story(r.Context(), &v)
	}
	if err == nil {
		v.Proof, _, err = s.include(r, record.LogIndex, 0)
	}
	if s.failed(w, r, err) {
		return
	}
	if v.For = waitsFor(&v.Decision); len(v.For) == 0 {
		v.For = []string{record.Author}
	}
	v.Groups = groups(v.Decision.Findings)
	v.Group, v.Emergency = members(&v.Decision), emergency(&v.Facts)
	v.Doubt = v.Decision.Doubt()
	s.page(w, r, "decision.html", v.Decision.Title, v)
}

func (s *site) factsOf(ctx context.Context, v *decisionView) error {
	data, err := s.Store.Facts(ctx, v.Record.FactsDigest)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &v.Facts); err != nil {
		return fmt.Errorf("reading the facts of %s: %w", v.Record.ID, err)
	}
	v.HasFacts = true
	changes, err := differences(ctx, s.Store, v.Record.LogIndex)
	if err != nil {
		return err
	}
	for i, c := range v.Facts.Changes {
		if i == maxRows {
			v.MoreOf = len(v.Facts.Changes) - maxRows
			break
		}
		row := changeRow{Change: c, Class: class(c.Actions)}
		if changes != nil {
			known, _ := changes.Find(c.Kind, c.Resource, c.File, c.Environment)
			row.Values, row.More = valueRows(known.Attributes, known.More, maxValues)
		}
		row.Open = len(row.Values) > 0 && row.Class != "create" && i < maxOpen
		v.Changes = append(v.Changes, row)
	}
	v.Chosen = "the built-in default"
	if c := v.Facts.Config; c.Repository != "" {
		v.Chosen = fmt.Sprintf("%s in %s at %.7s", c.Path, c.Repository, c.Commit)
	}
	return nil
}

// class is the gravest of what happens to a document.
func class(actions []string) string {
	switch {
	case slices.Contains(actions, "delete") || slices.Contains(actions, "replace") || slices.Contains(actions, "forget"):
		return "delete"
	case slices.Contains(actions, "update"):
		return "update"
	}
	return "create"
}

// story adds what came after the decision.
func (s *site) story(ctx context.Context, v *decisionView) error {
	d := v.Record
	var err error
	if v.State, err = s.Store.Publication(ctx, d.RepositoryID, d.PullRequest, d.Head); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	group := "" // a merge group has no number, and what there is to tell is about its commit
	if d.PullRequest == 0 {
		group = d.Head
	}
	about := store.EntryFilter{Repository: d.Repository, PullRequest: d.PullRequest, Commit: group, Within: looking(ctx).scope}
	entries, _, err := s.Store.Entries(ctx, about, "", maxPageSize)
	if err != nil {
		return err
	}
	slices.Reverse(entries) // as it happened
	for _, e := range entries {
		switch {
		case e.Type == store.EntryPublication && e.Detail["decision"] == d.ID:
			v.Postings = append(v.Postings, s.posting(e))
		case e.Type != store.EntryPublication && e.Type != store.EntryDecision:
			v.Events = append(v.Events, e)
		}
	}
	merge, err := s.Store.Merge(ctx, d.RepositoryID, d.PullRequest)
	if err == nil {
		v.Merge = &merge
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	others, _, err := s.Store.Decisions(ctx, store.DecisionFilter{RepositoryID: d.RepositoryID, PullRequest: d.PullRequest, Head: group}, "", pageSize)
	if err != nil {
		return err
	}
	v.Others = others
	if len(others) > 0 && others[0].ID != d.ID {
		v.Newer = &others[0]
	}
	return nil
}

// posting puts a publication into words.
func (s *site) posting(e store.Entry) posting {
	p := posting{Entry: e}
	text := func(key string) string { t, _ := e.Detail[key].(string); return t }
	id := func(key string) string {
		n, ok := e.Detail[key].(float64)
		if !ok || n <= 0 {
			return ""
		}
		return fmt.Sprintf("%.0f", n)
	}
	base := s.GitHub + "/" + e.Repository
	switch {
	case text("outcome") == store.Superseded:
		p.What = "not posted: " + text("reason")
	case text("refused") != "":
		p.What = "GitHub refused the comment: " + text("refused")
	case text("what") == "check":
		p.What = "check run: " + text("title")
		if n := id("check_run"); n != "" {
			p.URL = base + "/runs/" + n
		}
	case text("what") == "comment":
		p.What = "comment on the pull request"
		if n := id("comment"); n != "" {
			p.URL = fmt.Sprintf("%s/pull/%d#issuecomment-%s", base, e.PullRequest, n)
		}
	default:
		p.What = text("what") + " " + text("outcome")
	}
	return p
}

// groups sorts findings by what they mean for the reader.
func groups(findings []gate.Finding) []findingGroup {
	out := []findingGroup{{Title: "Blocking", Open: true}, {Title: "Warnings", Open: true}, {Title: "Waived", Open: true}, {Title: "Older, not introduced here"}}
	for i := range findings {
		f := findings[i]
		n := 1
		switch {
		case f.Blocks():
			n = 0
		case f.Status == gate.StatusWaived:
			n = 2
		case f.Status == gate.StatusExisting:
			n = 3
		}
		out[n].Findings = append(out[n].Findings, f)
	}
	return slices.DeleteFunc(out, func(g findingGroup) bool { return len(g.Findings) == 0 })
}

func members(d *gate.Decision) []memberRow {
	var out []memberRow
	for _, m := range d.Members {
		row := memberRow{Number: m.Number, Head: m.Head}
		if at := slices.IndexFunc(d.Blame, func(b gate.Blame) bool { return b.Number == m.Number }); at >= 0 {
			row.Why = d.Blame[at].Why
		}
		out = append(out, row)
	}
	return out
}

// emergency says who may break the glass: the teams, and their members as far as the facts have them.
func emergency(f *gate.Facts) string {
	if f.Emergency == nil || len(f.Emergency.Teams) == 0 {
		return ""
	}
	var teams []string
	for _, name := range f.Emergency.Teams {
		for _, t := range f.Teams {
			if strings.EqualFold(t.Name, name) {
				listed := t.Members[:min(len(t.Members), maxListed)]
				if name += " (" + strings.Join(listed, ", "); len(listed) < len(t.Members) {
					name += fmt.Sprintf(" and %d more", len(t.Members)-len(listed))
				}
				name += ")"
			}
		}
		teams = append(teams, name)
	}
	others := "another of them confirms"
	if n := f.Emergency.Approvals; n > 1 {
		others = fmt.Sprintf("%d others of them confirm", n)
	}
	return fmt.Sprintf("In an emergency a member of %s can break the glass, when %s.", strings.Join(teams, " or "), others)
}

// maxListed is how many members of a team are named.
const maxListed = 20

// because says why approvals are asked for: the reason, and the rule that gives it.
func because(r gate.RequirementResult) string {
	if r.Rule != "" && r.Rule != r.Name {
		return "because of " + r.Rule + ": " + r.Reason
	}
	return "because " + r.Reason
}
