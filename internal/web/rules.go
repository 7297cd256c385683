package web

import (
	"net/http"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

type rulePack struct {
	Name  string
	Rules []ruleRow
}

type rulesView struct {
	Days  int
	Packs []rulePack
	Total int
}

func (s *site) rulesPage(w http.ResponseWriter, r *http.Request) {
	counts, err := s.Store.Rules(r.Context(), looking(r.Context()).scope, "", s.Clock().AddDate(0, 0, -lookBack))
	if s.failed(w, r, err) {
		return
	}
	v := rulesView{Days: lookBack}
	found := map[string]store.RuleCount{}
	for _, c := range counts {
		found[c.Rule] = c
	}
	add := func(pack string, row ruleRow) {
		if n := len(v.Packs); n == 0 || v.Packs[n-1].Name != pack {
			v.Packs = append(v.Packs, rulePack{Name: pack})
		}
		last := &v.Packs[len(v.Packs)-1]
		last.Rules = append(last.Rules, row)
		v.Total++
	}
	for _, rule := range s.Catalogue() {
		id := strings.ToLower(rule.ID)
		add(rule.Pack, ruleRow{Rule: rule, RuleCount: found[id], Known: true})
		delete(found, id)
	}
	for _, c := range counts {
		if _, own := found[c.Rule]; own {
			add("repositories' own", ruleRow{Rule: Rule{ID: c.Rule}, RuleCount: c})
		}
	}
	s.page(w, r, "rules.html", "Rules", v)
}

type ruleView struct {
	ruleRow
	Days  int
	Found []store.Found
	Next  string
}

func (s *site) rulePage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	v := ruleView{Days: lookBack, ruleRow: ruleRow{Rule: Rule{ID: clean(id)}}}
	for _, rule := range s.Catalogue() {
		if strings.EqualFold(rule.ID, id) {
			v.Rule, v.Known = rule, true
		}
	}
	scope := looking(r.Context()).scope
	counts, err := s.Store.Rules(r.Context(), scope, "", s.Clock().AddDate(0, 0, -lookBack))
	if s.failed(w, r, err) {
		return
	}
	for _, c := range counts {
		if strings.EqualFold(c.Rule, id) {
			v.RuleCount = c
		}
	}
	exact := strings.NewReplacer("*", "?").Replace(id) // an id has no star; a star must not list other rules
	found, next, err := s.Store.Find(r.Context(), store.FindFilter{Pattern: exact, Kinds: []string{store.TermRule}, Within: scope}, ask(r).text("cursor"), 25)
	if err == nil && !v.Known && len(found) == 0 {
		err = store.ErrNotFound
	}
	if s.failed(w, r, cursorError(err)) {
		return
	}
	v.Found = found
	if next != "" {
		v.Next = nextPage(r, next)
	}
	s.page(w, r, "rule.html", v.ID, v)
}

// waiverRow is a waiver, with how long it still holds.
type waiverRow struct {
	store.WaiverRow
	Ends  string
	Class string // soon, ended or ""
}

func (s *site) waiverRows(list []store.WaiverRow) []waiverRow {
	now := s.Clock().UTC()
	rows := make([]waiverRow, len(list))
	for i, w := range list {
		rows[i] = waiverRow{WaiverRow: w, Ends: day(w.Expires, now)}
		switch {
		case w.Expires < now.Format("2006-01-02"):
			rows[i].Class = "ended"
		case w.Expires < now.AddDate(0, 0, 14).Format("2006-01-02"):
			rows[i].Class = "soon"
		}
	}
	return rows
}

func (s *site) waiversPage(w http.ResponseWriter, r *http.Request) {
	list, err := s.Store.Waivers(r.Context(), looking(r.Context()).scope, "", s.Clock().AddDate(0, 0, -lookBack))
	if s.failed(w, r, err) {
		return
	}
	s.page(w, r, "waivers.html", "Waivers", map[string]any{"Days": lookBack, "Waivers": s.waiverRows(list)})
}
