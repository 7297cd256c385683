package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Sizes of a page.
const (
	pageSize    = 50
	maxPageSize = 500
)

// badParameter is what is wrong with a request's query.
type badParameter struct{ message string }

func (e badParameter) Error() string { return e.message }

// query reads a request's parameters and collects what is wrong with them.
type query struct {
	values url.Values
	err    error
}

func ask(r *http.Request) *query { return &query{values: r.URL.Query()} }

func (q *query) text(name string) string { return q.values.Get(name) }

func (q *query) number(name string, least, most int64) (int64, bool) {
	v := q.values.Get(name)
	if v == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if (err != nil || n < least || n > most) && q.err == nil {
		q.err = badParameter{fmt.Sprintf("%s must be a number from %d to %d.", name, least, most)}
	}
	return n, true
}

func (q *query) limit() int {
	n, ok := q.number("limit", 1, maxPageSize)
	if !ok {
		return pageSize
	}
	return int(n)
}

// time reads RFC 3339, a day, or a number of days ago such as 90d.
func (q *query) time(name string, now time.Time) time.Time {
	v := q.values.Get(name)
	if v == "" {
		return time.Time{}
	}
	if t, ok := Moment(v, now); ok {
		return t
	}
	if q.err == nil {
		q.err = badParameter{name + " must be a time such as 2026-11-23T21:00:00Z, a day such as 2026-11-23, or an age such as 90d."}
	}
	return time.Time{}
}

// Moment reads a time (2026-11-23T21:00:00Z), a day (2026-11-23) or an age (90d), which counts from now; false: it is none of them.
func Moment(v string, now time.Time) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		return t.UTC(), true
	}
	if t, err := time.Parse(time.DateOnly, v); err == nil {
		return t.UTC(), true
	}
	days, ok := strings.CutSuffix(v, "d")
	if n, err := strconv.Atoi(days); ok && err == nil && n >= 0 && n < 100000 {
		return now.UTC().AddDate(0, 0, -n), true
	}
	return time.Time{}, false
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

func (s *site) apiDecisions(w http.ResponseWriter, r *http.Request) {
	q := ask(r)
	number, _ := q.number("pull_request", 1, 1<<31)
	filter := store.DecisionFilter{
		Repository: q.text("repository"), PullRequest: int(number), Head: q.text("commit"), Verdict: q.text("verdict"), Author: q.text("author"),
		Resource: q.text("resource"), Since: q.time("since", s.Clock()), Within: looking(r.Context()).scope,
	}
	limit := q.limit()
	if s.failed(w, r, q.err) {
		return
	}
	list, next, err := s.Store.Decisions(r.Context(), filter, q.text("cursor"), limit)
	if s.failed(w, r, cursorError(err)) {
		return
	}
	items := make([]item, 0, len(list))
	for _, d := range list {
		items = append(items, itemOf(d))
	}
	s.json(w, r, next, map[string]any{"items": items, "next": next})
}

func (s *site) apiDecision(w http.ResponseWriter, r *http.Request) {
	d, err := s.visible(r, r.PathValue("id"))
	if s.failed(w, r, err) {
		return
	}
	s.json(w, r, "", struct {
		item
		Decision json.RawMessage `json:"decision"`
	}{itemOf(d), d.Decision})
}

// visible is a decision that the viewer may see; others are not found.
func (s *site) visible(r *http.Request, id string) (store.Decision, error) {
	d, err := s.Store.Decision(r.Context(), id)
	if err == nil && !looking(r.Context()).sees(d.RepositoryID) {
		err = store.ErrNotFound
	}
	return d, err
}

// json answers with a value, and tells where the next page is.
func (s *site) json(w http.ResponseWriter, r *http.Request, next string, v any) {
	data, err := json.MarshalIndent(v, "", "  ")
	if s.failed(w, r, err) {
		return
	}
	if next != "" {
		w.Header().Set("Link", "<"+s.PublicURL+nextPage(r, next)+`>; rel="next"`)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(data, '\n')) // nobody is left to tell
}

// nextPage is a request's own address with another cursor.
func nextPage(r *http.Request, cursor string) string {
	values := r.URL.Query()
	values.Set("cursor", cursor)
	return r.URL.Path + "?" + values.Encode()
}

// cursorError tells a reader's bad cursor from a database's trouble.
func cursorError(err error) error {
	if errors.Is(err, store.ErrCursor) {
		return badParameter{"The cursor is not one that an earlier page returned."}
	}
	return err
}

// failed answers an error, if there is one. What went wrong inside is for the log; the reader gets what they can act on.
func (s *site) failed(w http.ResponseWriter, r *http.Request, err error) bool {
	if err == nil {
		return false
	}
	s.fail(w, r, err)
	return true
}

func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	var bad badParameter
	switch {
	case errors.As(err, &bad):
		s.refuse(w, r, http.StatusBadRequest, bad.message)
	case errors.Is(err, store.ErrNotFound):
		s.refuse(w, r, http.StatusNotFound, "There is no such record, or you may not read it.")
	case r.Context().Err() != nil: // the reader is gone
	default:
		s.Log.WithError(err).WithField("path", r.URL.Path).Error("answering a request")
		s.refuse(w, r, http.StatusInternalServerError, "The record could not be read; the server's log says why.")
	}
}

// refuse says no: as JSON to programs, as a page to people.
func (s *site) refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	if !isAPI(r) {
		s.refusePage(w, r, status, message)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message}) // nobody is left to tell
}
