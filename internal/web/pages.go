package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

//go:embed templates/*.html style.css
var assets embed.FS

func style(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, assets, "style.css")
}

// page fills a template whole before it answers, so that a failure is never half a page.
func (s *site) page(w http.ResponseWriter, name string, data any) {
	t, err := template.New("").Funcs(template.FuncMap{
		"short": func(sha string) string { return sha[:min(7, len(sha))] },
		"when":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"word": func(v any) string {
			return map[string]string{"pass": "passed", "fail": "blocked", "wait": "waiting", "error": "could not be judged"}[toString(v)]
		},
	}).ParseFS(assets, "templates/layout.html", "templates/"+name)
	if err != nil {
		s.fail(w, err)
		return
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout.html", data); err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = b.WriteTo(w)
}

func toString(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case gate.Verdict:
		return string(v)
	}
	return ""
}

func (s *site) overviewPage(w http.ResponseWriter, r *http.Request) {
	list, next, err := s.Store.Decisions(r.Context(), store.DecisionFilter{Resource: r.URL.Query().Get("q")}, r.URL.Query().Get("cursor"), pageSize)
	if err != nil {
		s.fail(w, err)
		return
	}
	bypasses, _, err := s.Store.Entries(r.Context(), store.EntryFilter{Type: store.EntryBypass, Since: time.Now().AddDate(0, 0, -90)}, "", pageSize)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.page(w, "overview.html", map[string]any{
		"Title": "Decisions", "Decisions": list, "Next": next, "Bypasses": bypasses, "Query": r.URL.Query().Get("q"),
	})
}

func (s *site) decisionPage(w http.ResponseWriter, r *http.Request) {
	d, err := s.Store.Decision(r.Context(), r.PathValue("id"))
	if err != nil {
		s.fail(w, err)
		return
	}
	var decision gate.Decision
	if err := json.Unmarshal(d.Decision, &decision); err != nil {
		s.fail(w, err)
		return
	}
	var facts gate.Facts // retention may have dropped them: the page does without
	if data, err := s.Store.Facts(r.Context(), d.FactsDigest); err == nil {
		if err := json.Unmarshal(data, &facts); err != nil {
			s.fail(w, err)
			return
		}
	}
	head, err := s.Store.Checkpoint(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	s.page(w, "decision.html", map[string]any{
		"Title": decision.Title, "Record": d, "Decision": decision, "Facts": facts, "Head": head, "GitHub": s.GitHub,
	})
}
