package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/posture"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// lookBack is how far the overview's numbers go back, in days.
const lookBack = 90

// openRow is a pull request that waits.
type openRow struct {
	store.Decision
	Summary string // the check's title
	For     []string
}

// ruleRow is a rule and what it found.
type ruleRow struct {
	Rule
	store.RuleCount
	Known bool // it is in the catalogue; else it is a repository's own
}

// repositoryRow is a repository on the overview.
type repositoryRow struct {
	store.RepositoryRow
	Open     int
	Bypasses int
	Branches []branchView // how they are protected; none: not looked at yet
}

type overviewView struct {
	Days         int
	Bypasses     []store.Entry
	MoreBypasses bool
	Unposted     []store.Unposted // decisions that GitHub does not take
	MoreUnposted int
	Weak         []branchView // branches that are not protected as they should be
	MoreWeak     int
	Open         []openRow
	MoreOpen     bool
	Chart        chart
	Rules        []ruleRow
	Repositories []repositoryRow
	Size         int64
}

// most is how many rows the overview shows of a thing before it says where the rest is.
const most = 10

func (s *site) overviewPage(w http.ResponseWriter, r *http.Request) {
	v, err := s.overview(r.Context())
	if s.failed(w, r, err) {
		return
	}
	s.page(w, r, "overview.html", "Overview", v)
}

func (s *site) overview(ctx context.Context) (overviewView, error) {
	v := overviewView{Days: lookBack}
	scope, now := looking(ctx).scope, s.Clock()
	since := now.AddDate(0, 0, -lookBack)
	bypasses, _, err := s.Store.Entries(ctx, store.EntryFilter{Type: store.EntryBypass, Since: since, Within: scope}, "", maxPageSize)
	if err != nil {
		return v, err
	}
	v.Bypasses, v.MoreBypasses = bypasses[:min(most, len(bypasses))], len(bypasses) > most
	if err := s.unposted(ctx, &v, now.Add(-unpostedAfter)); err != nil {
		return v, err
	}
	open, _, err := s.Store.Open(ctx, scope, "", maxPageSize)
	if err != nil {
		return v, err
	}
	rows := s.openRows(open[:min(most, len(open))])
	v.Open, v.MoreOpen = rows, len(open) > most
	days, err := s.Store.Days(ctx, scope, "", chartSince(now))
	if err != nil {
		return v, err
	}
	v.Chart = chartOf(days, now)
	counts, err := s.Store.Rules(ctx, scope, "", since)
	if err != nil {
		return v, err
	}
	v.Rules = s.firing(counts, 8)
	head, err := s.Store.Checkpoint(ctx)
	if err != nil {
		return v, err
	}
	v.Size = head.Size
	protected, err := s.branches(ctx, store.PostureFilter{Within: scope})
	if err != nil {
		return v, err
	}
	for _, b := range protected {
		switch {
		case b.State != posture.Problem:
		case len(v.Weak) < most:
			v.Weak = append(v.Weak, b)
		default:
			v.MoreWeak++
		}
	}
	v.Repositories, err = s.repositories(ctx, scope, since, open, bypasses, protected)
	return v, err
}

// unpostedAfter is how long a decision may be on its way to GitHub before the overview says that it has not arrived.
const unpostedAfter = time.Minute

// unposted are the decisions that should be on GitHub since a time and are not.
func (s *site) unposted(ctx context.Context, v *overviewView, since time.Time) error {
	list, err := s.Store.Unposted(ctx, looking(ctx).scope)
	if err != nil {
		return err
	}
	for _, u := range list {
		switch {
		case u.Since.After(since):
		case len(v.Unposted) < most:
			v.Unposted = append(v.Unposted, u)
		default:
			v.MoreUnposted++
		}
	}
	return nil
}

func (s *site) repositories(ctx context.Context, scope *store.Scope, since time.Time, open []store.Decision, bypasses []store.Entry, protected []branchView) ([]repositoryRow, error) {
	list, err := s.Store.Repositories(ctx, scope, since)
	if err != nil {
		return nil, err
	}
	waiting, around := map[int64]int{}, map[string]int{}
	for _, d := range open {
		waiting[d.RepositoryID]++
	}
	for _, e := range bypasses {
		around[e.Repository]++
	}
	branches := map[int64][]branchView{}
	for _, b := range protected {
		branches[b.id] = append(branches[b.id], b)
	}
	var rows []repositoryRow
	for _, r := range list {
		rows = append(rows, repositoryRow{RepositoryRow: r, Open: waiting[r.ID], Bypasses: around[r.Name], Branches: branches[r.ID]})
		delete(branches, r.ID)
	}
	for _, b := range protected { // what was never judged is looked after all the same
		if of := branches[b.id]; of != nil {
			rows = append(rows, repositoryRow{RepositoryRow: store.RepositoryRow{ID: b.id, Name: b.Repository}, Bypasses: around[b.Repository], Branches: of})
			delete(branches, b.id)
		}
	}
	slices.SortStableFunc(rows, func(a, b repositoryRow) int { return strings.Compare(a.Name, b.Name) })
	return rows, nil
}

// openRows says of each pull request what it waits for, and whom.
func (s *site) openRows(list []store.Decision) []openRow {
	rows := make([]openRow, len(list))
	for i, d := range list {
		rows[i] = openRow{Decision: d, For: []string{d.Author}}
		var decision gate.Decision
		if err := json.Unmarshal(d.Decision, &decision); err != nil {
			s.Log.WithError(err).WithField("decision", d.ID).Error("reading a recorded decision")
			continue
		}
		rows[i].Summary = decision.Title
		if who := waitsFor(&decision); len(who) > 0 {
			rows[i].For = who
		}
	}
	return rows
}

// waitsFor is who must act next; nobody means the author.
func waitsFor(d *gate.Decision) []string {
	if d.Verdict != gate.Wait || len(d.ChangesAsked) > 0 || len(d.Missing) > 0 {
		return nil
	}
	var who []string
	for _, a := range d.Asks() {
		switch {
		case len(a.Who.Teams)+len(a.Who.Users) > 0:
			who = append(append(who, a.Who.Teams...), a.Who.Users...)
		case a.Who.Codeowners:
			who = append(who, "the code owners")
		default:
			who = append(who, "anybody who may write")
		}
	}
	return who
}

// firing is the rules that found something, most often first.
func (s *site) firing(counts []store.RuleCount, limit int) []ruleRow {
	known := map[string]Rule{}
	for _, r := range s.Catalogue() {
		known[strings.ToLower(r.ID)] = r
	}
	var rows []ruleRow
	for _, c := range counts {
		if c.Fired+c.Waived == 0 || len(rows) == limit {
			continue
		}
		r, ok := known[c.Rule]
		if !ok {
			r.ID = c.Rule
		}
		rows = append(rows, ruleRow{Rule: r, RuleCount: c, Known: ok})
	}
	return rows
}
