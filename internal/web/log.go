package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

type logView struct {
	Types                           []string
	Type, Actor, Repository, Commit string
	Entries                         []store.Entry
	Next                            string
	Size                            int64
	Root, Checkpoint, Key           string
	Filtered                        bool
}

func (s *site) logPage(w http.ResponseWriter, r *http.Request) {
	q := ask(r)
	filter := s.entryFilter(r, q)
	if s.failed(w, r, q.err) {
		return
	}
	list, next, err := s.Store.Entries(r.Context(), filter, q.text("cursor"), pageSize)
	if s.failed(w, r, cursorError(err)) {
		return
	}
	head, err := s.Store.Checkpoint(r.Context())
	if s.failed(w, r, err) {
		return
	}
	v := logView{
		Types: store.EntryTypes(),
		Type:  filter.Type, Actor: clean(filter.Actor), Repository: clean(filter.Repository), Commit: clean(filter.Commit), Entries: list,
		Size: head.Size, Root: head.Root, Checkpoint: head.Checkpoint, Key: s.Key(),
		Filtered: filter.Type+filter.Actor+filter.Repository+filter.Commit != "",
	}
	if next != "" {
		v.Next = nextPage(r, next)
	}
	s.page(w, r, "log.html", "Log", v)
}

type entryView struct {
	Entry  store.Entry
	Proof  inclusion
	Key    string
	Detail [][2]string
}

func (s *site) entryPage(w http.ResponseWriter, r *http.Request) {
	index, err := strconv.ParseInt(r.PathValue("index"), 10, 64)
	if err != nil || index < 0 {
		s.refuse(w, r, http.StatusNotFound, "An entry of the log has a number, from 0.")
		return
	}
	proof, entry, err := s.include(r, index, 0)
	if s.failed(w, r, err) {
		return
	}
	v := entryView{Entry: entry, Proof: proof, Key: s.Key()}
	for key, value := range entry.Detail {
		text, isText := value.(string)
		if !isText {
			encoded, err := json.Marshal(value)
			if s.failed(w, r, err) {
				return
			}
			text = string(encoded)
		}
		v.Detail = append(v.Detail, [2]string{key, clean(text)})
	}
	slices.SortFunc(v.Detail, func(a, b [2]string) int {
		if a[0] < b[0] {
			return -1
		}
		return 1
	})
	s.page(w, r, "entry.html", fmt.Sprintf("Log entry %d", index), v)
}

// leaf is an entry that the viewer may see, as it was hashed.
func (s *site) leaf(r *http.Request, index int64) ([]byte, store.Entry, error) {
	leaf, err := s.Store.Leaf(r.Context(), index)
	if err != nil {
		return nil, store.Entry{}, err
	}
	var e store.Entry
	if err := json.Unmarshal(leaf, &e); err != nil {
		return nil, e, fmt.Errorf("reading entry %d: %w", index, err)
	}
	if !s.seesEntry(r.Context(), e) {
		return nil, store.Entry{}, store.ErrNotFound
	}
	return leaf, e, nil
}

func (s *site) seesEntry(ctx context.Context, e store.Entry) bool {
	return looking(ctx).seesName(e.Repository)
}
