package web

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// kinds are what the search looks in, with their names for people.
func kinds() [][2]string {
	return [][2]string{
		{"", "Everything"}, {store.KindResource, "Resource"}, {store.KindName, "Cloud name or id"}, {store.TermFile, "File"}, {store.TermRule, "Rule"}, {store.TermPerson, "Person"}, {store.TermCommit, "Commit"},
	}
}

type searchView struct {
	Kinds   [][2]string
	Kind    string
	Query   string
	Found   []foundRow
	Next    string
	Newest  bool // the first page
	SoFar   bool // older decisions have not been looked at yet
	Pattern string
}

type foundRow struct {
	store.Found
	Changes []changed
	More    bool
}

type changed struct {
	store.Resource
	Class  string
	Values []valueRow
	More   int // attributes that are not shown
}

// sha is the beginning of a commit, or all of it.
var sha = regexp.MustCompile(`^[0-9a-f]{7,40}$`)

// pattern makes what somebody typed into what the store looks for: the beginning of a commit stands for it, and an @ before a
// person is left out.
func pattern(typed, kind string) (string, []string, bool) {
	typed = strings.TrimSpace(typed)
	if name, ok := strings.CutPrefix(typed, "@"); ok && kind == "" {
		return name, []string{store.TermPerson}, false
	}
	if (kind == "" || kind == store.TermCommit) && sha.MatchString(strings.ToLower(typed)) {
		typed = strings.ToLower(typed)
		if len(typed) < 40 {
			typed += "*"
		}
		return typed, []string{store.TermCommit}, true
	}
	if kind == "" {
		return typed, nil, false
	}
	return typed, []string{kind}, kind == store.TermCommit
}

func (s *site) searchPage(w http.ResponseWriter, r *http.Request) {
	q := ask(r)
	v := searchView{Kinds: kinds(), Kind: q.text("kind"), Query: clean(q.text("q")), Newest: q.text("cursor") == ""}
	if !slices.ContainsFunc(v.Kinds, func(k [2]string) bool { return k[0] == v.Kind }) {
		s.refuse(w, r, http.StatusBadRequest, "kind must be resource, name, file, rule, person or commit.")
		return
	}
	if strings.TrimSpace(v.Query) == "" {
		s.page(w, r, "search.html", "Search", v)
		return
	}
	p, in, all := pattern(q.text("q"), v.Kind)
	found, next, err := s.Store.Find(r.Context(), store.FindFilter{Pattern: p, Kinds: in, Within: looking(r.Context()).scope, All: all}, q.text("cursor"), 25)
	if s.failed(w, r, cursorError(err)) {
		return
	}
	v.Pattern = p
	for _, f := range found {
		row, err := s.foundRow(r, f, p)
		if s.failed(w, r, err) {
			return
		}
		v.Found = append(v.Found, row)
	}
	if next != "" {
		v.Next, v.SoFar = nextPage(r, next), len(found) < 25
	}
	s.page(w, r, "search.html", "Search: "+v.Query, v)
}

// foundRow adds what a decision changes: what was looked for, when that is a resource, else the beginning of all.
func (s *site) foundRow(r *http.Request, f store.Found, pattern string) (foundRow, error) {
	const shown = 5
	row := foundRow{Found: f}
	list, err := s.Store.Changed(r.Context(), f.LogIndex, pattern, shown+1)
	if err == nil && len(list) == 0 {
		list, err = s.Store.Changed(r.Context(), f.LogIndex, "", shown+1)
	}
	if err != nil {
		return row, err
	}
	changes, err := differences(r.Context(), s.Store, f.LogIndex)
	if err != nil {
		return row, err
	}
	row.More = len(list) > shown
	for _, c := range list[:min(shown, len(list))] {
		one := changed{Resource: c, Class: class(c.Actions)}
		if changes != nil {
			attributes, more := changes.Resource(c.Resource)
			one.Values, one.More = valueRows(attributes, more, shown)
		}
		row.Changes = append(row.Changes, one)
	}
	return row, nil
}

type decisionsView struct {
	Repository, Verdict string
	Verdicts            []string
	Open                bool
	Decisions           []store.Decision
	Waiting             []openRow
	Next                string
}

func (s *site) decisionsPage(w http.ResponseWriter, r *http.Request) {
	q := ask(r)
	v := decisionsView{
		Repository: clean(q.text("repository")), Verdict: q.text("verdict"), Verdicts: []string{"pass", "wait", "fail", "error"}, Open: q.text("open") != "",
	}
	scope := looking(r.Context()).scope
	var next string
	var err error
	if v.Open {
		var list []store.Decision
		list, next, err = s.Store.Open(r.Context(), scope, q.text("cursor"), pageSize)
		v.Waiting = s.openRows(list)
	} else {
		filter := store.DecisionFilter{Repository: q.text("repository"), Verdict: v.Verdict, Within: scope}
		v.Decisions, next, err = s.Store.Decisions(r.Context(), filter, q.text("cursor"), pageSize)
	}
	if s.failed(w, r, cursorError(err)) {
		return
	}
	if next != "" {
		v.Next = nextPage(r, next)
	}
	s.page(w, r, "decisions.html", "Decisions", v)
}

type repositoryView struct {
	Name      string
	Chart     chart
	Bypasses  []store.Entry
	Open      []openRow
	Rules     []ruleRow
	Waivers   []waiverRow
	Branches  []branchView
	Drift     []driftView
	Decisions []store.Decision
}

func (s *site) repositoryPage(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("owner") + "/" + r.PathValue("name")
	ctx, now := r.Context(), s.Clock()
	who := looking(ctx)
	scope, since := who.scope, now.AddDate(0, 0, -lookBack)
	v := repositoryView{Name: name}
	latest, _, err := s.Store.Decisions(ctx, store.DecisionFilter{Repository: name, Within: scope}, "", 20)
	if err == nil {
		v.Branches, err = s.branches(ctx, store.PostureFilter{Repository: name, Within: scope})
	}
	id := int64(0)
	switch {
	case err == nil && len(latest) > 0:
		id = latest[0].RepositoryID
	case err == nil && len(v.Branches) > 0:
		id = v.Branches[0].id
	case err == nil:
		err = store.ErrNotFound
	}
	if s.failed(w, r, err) {
		return
	}
	v.Decisions = latest
	steps := []func() error{
		func() (err error) {
			v.Bypasses, _, err = s.Store.Entries(ctx, store.EntryFilter{Type: store.EntryBypass, Repository: name, Since: since, Within: scope}, "", most)
			return err
		},
		func() (err error) {
			entries, _, err := s.Store.Entries(ctx, store.EntryFilter{Type: store.EntryPosture, Repository: name, Within: scope}, "", most)
			v.Drift = driftOf(entries)
			return err
		},
		func() error {
			one := &store.Scope{IDs: []int64{id}}
			open, _, err := s.Store.Open(ctx, one, "", pageSize)
			v.Open = s.openRows(open)
			return err
		},
		func() error {
			days, err := s.Store.Days(ctx, scope, name, chartSince(now))
			v.Chart = chartOf(days, now)
			return err
		},
		func() error {
			counts, err := s.Store.Rules(ctx, scope, name, since)
			v.Rules = s.firing(counts, 8)
			return err
		},
		func() error {
			waivers, err := s.Store.Waivers(ctx, scope, name, since)
			v.Waivers = s.waiverRows(waivers)
			return err
		},
	}
	for _, step := range steps {
		if s.failed(w, r, step()) {
			return
		}
	}
	s.page(w, r, "repository.html", name, v)
}
