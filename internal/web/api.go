package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Sizes of a page.
const (
	pageSize    = 50
	maxPageSize = 500
)

func limit(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || n < 1 {
		return pageSize
	}
	return min(n, maxPageSize)
}

// item is a decision in a list.
type item struct {
	ID          string    `json:"id"`
	Repository  string    `json:"repository"`
	PullRequest int       `json:"pull_request"`
	Title       string    `json:"title"`
	Author      string    `json:"author"`
	Approvers   []string  `json:"approvers"`
	Base        string    `json:"base"`
	Head        string    `json:"head"`
	Verdict     string    `json:"verdict"`
	Time        time.Time `json:"time"`
	Policy      string    `json:"policy"`
	Facts       string    `json:"facts"`
	LogIndex    int64     `json:"log_index"`
}

func itemOf(d store.Decision) item {
	return item{
		ID: d.ID, Repository: d.Repository, PullRequest: d.PullRequest, Title: d.Title, Author: d.Author, Approvers: d.Approvers,
		Base: d.Base, Head: d.Head, Verdict: d.Verdict, Time: d.Time, Policy: d.PolicyDigest, Facts: d.FactsDigest, LogIndex: d.LogIndex,
	}
}

func (s *site) decisions(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	list, next, err := s.Store.Decisions(r.Context(), store.DecisionFilter{Repository: q.Get("repository")}, q.Get("cursor"), limit(r))
	if err != nil {
		s.fail(w, err)
		return
	}
	items := make([]item, 0, len(list))
	for _, d := range list {
		items = append(items, itemOf(d))
	}
	s.json(w, map[string]any{"items": items, "next": next})
}

func (s *site) decision(w http.ResponseWriter, r *http.Request) {
	d, err := s.Store.Decision(r.Context(), r.PathValue("id"))
	if err != nil {
		s.fail(w, err)
		return
	}
	s.json(w, struct {
		item
		Decision json.RawMessage `json:"decision"`
	}{itemOf(d), d.Decision})
}

func (s *site) audit(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	list, _, err := s.Store.Entries(r.Context(), store.EntryFilter{Type: q.Get("type"), Repository: q.Get("repository")}, q.Get("cursor"), limit(r))
	if err != nil {
		s.fail(w, err)
		return
	}
	if list == nil {
		list = []store.Entry{}
	}
	s.json(w, list)
}

func (s *site) who(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	list, _, err := s.Store.Who(r.Context(), q.Get("resource"), q.Get("cursor"), limit(r))
	if err != nil {
		s.fail(w, err)
		return
	}
	s.json(w, WhoLines(list))
}

func (s *site) checkpoint(w http.ResponseWriter, r *http.Request) {
	p, err := s.Store.Checkpoint(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	plain(w, http.StatusOK, p.Checkpoint)
}

// WhoLine is a line of the answer to "who changed it?", as the public contract names its fields.
type WhoLine struct {
	Time        time.Time `json:"time"`
	Repository  string    `json:"repository"`
	PullRequest int       `json:"pull_request"`
	Title       string    `json:"title"`
	Author      string    `json:"author"`
	Approvers   []string  `json:"approvers"`
	MergedBy    string    `json:"merged_by"`
	Commit      string    `json:"commit"` // the merge commit once it is merged, else the head
	Resource    string    `json:"resource"`
	Actions     []string  `json:"actions"`
	Verdict     string    `json:"verdict"`
	Decision    string    `json:"decision"`
}

// WhoLines is the store's answer in the words of the contract; never nil.
func WhoLines(list []store.ResourceChange) []WhoLine {
	out := make([]WhoLine, 0, len(list))
	for _, c := range list {
		out = append(out, WhoLine{
			Time: c.Time, Repository: c.Repository, PullRequest: c.PullRequest, Title: c.Title, Author: c.Author,
			Approvers: c.Approvers, MergedBy: c.MergedBy, Commit: cmp.Or(c.MergeCommit, c.Head), Resource: c.Resource,
			Actions: c.Actions, Verdict: c.Verdict, Decision: c.ID,
		})
	}
	return out
}
