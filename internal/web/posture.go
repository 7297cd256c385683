package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/posture"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// branchView is how a branch is protected, as it is shown.
type branchView struct {
	posture.Report
	id      int64 // of the repository
	Changed time.Time
	Checked time.Time
}

// branches reads how branches are protected: by repository, the default branch first.
func (s *site) branches(ctx context.Context, f store.PostureFilter) ([]branchView, error) {
	list, err := s.Store.Postures(ctx, f)
	if err != nil {
		return nil, err
	}
	var out []branchView
	for _, p := range list {
		v := branchView{id: p.RepositoryID, Changed: p.Changed, Checked: p.Checked}
		if err := json.Unmarshal(p.Report, &v.Report); err != nil {
			return nil, fmt.Errorf("read how %s of %s is protected: %w", p.Branch, p.Repository, err)
		}
		v.Repository, v.Branch, v.Default = p.Repository, p.Branch, p.Default
		out = append(out, v)
	}
	return out, nil
}

// First is what is wrong with the branch first of all.
func (b branchView) First() string {
	for _, f := range b.Findings {
		if f.State == b.State {
			return f.Says
		}
	}
	return ""
}

// Words is the state in words: the points that are not as they should be, or not known.
func (b branchView) Words() string {
	var titles []string
	for _, p := range b.Points() {
		if p.State == b.State {
			titles = append(titles, strings.ToLower(p.Title))
		}
	}
	switch b.State {
	case posture.OK:
		return "binds everybody"
	case posture.Unknown:
		return "unknown: " + strings.Join(titles, ", ")
	}
	return "missing: " + strings.Join(titles, ", ")
}

// Class and Icon are how the state looks.
func (b branchView) Class() string { return stateClass(b.State) }

// Icon is a mark that says the same without colour.
func (b branchView) Icon() string { return stateIcon(b.State) }

// pointView is one point of a branch's report.
type pointView struct {
	posture.Finding
	Title, Class, Icon string
}

// Points are the findings under names for people.
func (b branchView) Points() []pointView {
	var out []pointView
	for _, f := range b.Findings {
		out = append(out, pointView{Finding: f, Title: pointTitle(f.Point), Class: stateClass(f.State), Icon: stateIcon(f.State)})
	}
	return out
}

func pointTitle(point string) string {
	title := map[string]string{
		posture.Required: "Check required", posture.Pinned: "Pinned to this App", posture.Administrators: "Administrators bound",
		posture.Bypass: "Nobody excepted", posture.Reviews: "Approving review", posture.Stale: "New commits end approvals",
		posture.ForcePush: "No force push", posture.Deletion: "No deletion",
	}[point]
	if title == "" {
		return clean(point)
	}
	return title
}

func stateClass(s posture.State) string {
	return map[posture.State]string{posture.OK: "good", posture.Unknown: "unknown", posture.Problem: "fail"}[s]
}

func stateIcon(s posture.State) string {
	return map[posture.State]string{posture.OK: "✓", posture.Unknown: "?", posture.Problem: "!"}[s]
}

// driftView is a change of a branch's protection.
type driftView struct {
	Index  int64
	Time   time.Time
	Who    string
	Branch string
	Words  string
}

// driftOf words the entries about protection. The record is read as it stands: what an entry lacks is left out.
func driftOf(entries []store.Entry) []driftView {
	var out []driftView
	for _, e := range entries {
		d := driftView{Index: e.Index, Time: e.Time, Who: e.Actor}
		d.Branch, _ = e.Detail["branch"].(string)
		before, _ := e.Detail["before"].(map[string]any)
		after, _ := e.Detail["after"].(map[string]any)
		var parts []string
		for _, point := range []string{
			posture.Required, posture.Pinned, posture.Administrators, posture.Bypass, posture.Reviews, posture.Stale, posture.ForcePush, posture.Deletion,
		} {
			from, to := before[point], after[point]
			if before != nil && from != to && to != nil {
				parts = append(parts, fmt.Sprintf("%s %v → %v", strings.ToLower(pointTitle(point)), orDash(from), to))
			}
		}
		switch {
		case before == nil:
			d.Words = "first looked at"
			d.Who = "gatehouse"
		case len(parts) == 0:
			d.Words = "changed, with the same result"
		default:
			d.Words = strings.Join(parts, ", ")
		}
		out = append(out, d)
	}
	return out
}

func orDash(v any) any {
	if v == nil {
		return "–"
	}
	return v
}

// apiPosture serves how branches are protected.
func (s *site) apiPosture(w http.ResponseWriter, r *http.Request) {
	list, err := s.branches(r.Context(), store.PostureFilter{Repository: r.URL.Query().Get("repository"), Within: looking(r.Context()).scope})
	if s.failed(w, r, err) {
		return
	}
	type item struct {
		posture.Report
		Changed time.Time `json:"changed"`
		Checked time.Time `json:"checked"`
	}
	items := make([]item, 0, len(list))
	for _, b := range list {
		items = append(items, item{b.Report, b.Changed, b.Checked})
	}
	s.json(w, r, "", map[string]any{"items": items})
}
