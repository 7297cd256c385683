package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

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

	// Resources are what the decision changes, at most 20, where it was found otherwise than by a resource, which is then "".
	Resources []string `json:"resources,omitempty"`

	// Changes are what became of its attributes, without secrets; null when that is not on record, or was dropped by age.
	Changes []diff.Attribute `json:"changes"`
	More    int              `json:"more_changes,omitempty"` // attributes that are not listed
}

// Differences reads what decisions do to resources, as package diff writes it.
type Differences interface {
	Changes(ctx context.Context, logIndex int64) ([]byte, error)
}

// WhoLines is the store's answer in the words of the contract; never nil.
func WhoLines(ctx context.Context, from Differences, list []store.ResourceChange) ([]WhoLine, error) {
	out := make([]WhoLine, 0, len(list))
	known := map[int64]*diff.Changes{} // one decision can have many of the lines
	for _, c := range list {
		changes, ok := known[c.LogIndex]
		if !ok {
			var err error
			if changes, err = differences(ctx, from, c.LogIndex); err != nil {
				return nil, err
			}
			known[c.LogIndex] = changes
		}
		out = append(out, WhoLine{
			Time: c.Time, Repository: c.Repository, PullRequest: c.PullRequest, Title: c.Title, Author: c.Author,
			Approvers: c.Approvers, MergedBy: c.MergedBy, Commit: cmp.Or(c.MergeCommit, c.Head), Resource: c.Resource,
			Actions: c.Actions, Verdict: c.Verdict, Decision: c.ID,
		})
		if changes != nil {
			line := &out[len(out)-1]
			line.Changes, line.More = changes.Resource(c.Resource)
		}
	}
	return out, nil
}

// differences are what a decision does to each attribute; nil when that is not on record (any more).
func differences(ctx context.Context, from Differences, logIndex int64) (*diff.Changes, error) {
	data, err := from.Changes(ctx, logIndex)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return diff.Decode(data)
}

// Searched is what [Who] looks in.
type Searched interface {
	Differences
	WhoWithin(ctx context.Context, pattern string, scope *store.Scope, cursor string, limit int) ([]store.ResourceChange, string, error)
	Find(ctx context.Context, f store.FindFilter, cursor string, limit int) ([]store.Found, string, error)
	Changed(ctx context.Context, logIndex int64, pattern string, limit int) ([]store.Resource, error)
}

// whoResources is how many resources a line names that is not about one.
const whoResources = 20

// WhoKinds are the kinds of things that [Who] finds, "" for all of them.
func WhoKinds() []string {
	var out []string
	for _, k := range kinds() {
		out = append(out, k[0])
	}
	return out
}

// Who answers "who changed it?" for whatever somebody has in hands: a resource, a name or id of the cloud, a file, a rule, a person
// (@login), a commit or its beginning, or a pattern of one of those. Resources come with a line each, what is found otherwise with a line a
// decision; newest first, at most limit (up to 1,000) of them. A pattern that begins with a wildcard is looked for in the newest decisions
// first, for as long as patience says, or in all of them when that is 0.
func Who(ctx context.Context, in Searched, typed, kind string, scope *store.Scope, limit int, patience time.Duration) ([]WhoLine, error) {
	if !slices.Contains(WhoKinds(), kind) {
		return nil, badParameter{"the kind must be resource, name, file, rule, person or commit."}
	}
	pattern, of, all := pattern(typed, kind)
	began := time.Now()
	over := func() bool { return patience > 0 && time.Since(began) > patience }
	out := []WhoLine{}
	told := map[string]bool{} // decisions
	if of == nil || slices.Contains(of, store.KindResource) || slices.Contains(of, store.KindName) {
		list, err := whoPages(limit, over, func(cursor string, n int) ([]store.ResourceChange, string, error) {
			return in.WhoWithin(ctx, pattern, scope, cursor, n)
		})
		if err != nil {
			return nil, err
		}
		if out, err = WhoLines(ctx, in, list); err != nil {
			return nil, err
		}
		for i := range out {
			told[out[i].Decision] = true
		}
	}
	if of == nil {
		of = []string{store.TermFile, store.TermRule, store.TermPerson, store.TermCommit}
	}
	of = slices.DeleteFunc(slices.Clone(of), func(k string) bool { return k == store.KindResource || k == store.KindName })
	if len(of) == 0 {
		return out, nil
	}
	found, err := whoPages(limit, over, func(cursor string, n int) ([]store.Found, string, error) {
		return in.Find(ctx, store.FindFilter{Pattern: pattern, Kinds: of, Within: scope, All: all}, cursor, n)
	})
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if told[f.ID] {
			continue
		}
		line, err := whoDecision(ctx, in, f)
		if err != nil {
			return nil, err
		}
		out = append(out, line)
	}
	slices.SortStableFunc(out, func(a, b WhoLine) int { return b.Time.Compare(a.Time) })
	return out[:min(len(out), limit)], nil
}

// whoPages reads pages until there are limit rows, no more, or it is over.
func whoPages[T any](limit int, over func() bool, page func(cursor string, n int) ([]T, string, error)) ([]T, error) {
	var out []T
	for cursor := ""; ; {
		rows, next, err := page(cursor, limit-len(out))
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
		if cursor = next; next == "" || len(out) == limit || over() {
			return out, nil
		}
	}
}

// whoDecision is a line about a decision as a whole; of one resource alone it is that one's.
func whoDecision(ctx context.Context, in Searched, f store.Found) (WhoLine, error) {
	list, err := in.Changed(ctx, f.LogIndex, "", whoResources)
	if err != nil {
		return WhoLine{}, fmt.Errorf("reading what %s changes: %w", f.ID, err)
	}
	if len(list) == 1 {
		lines, err := WhoLines(ctx, in, []store.ResourceChange{{
			Decision: f.Decision, Resource: list[0].Resource, Actions: list[0].Actions, MergedBy: f.MergedBy, MergeCommit: f.MergeCommit,
		}})
		if err != nil {
			return WhoLine{}, err
		}
		return lines[0], nil
	}
	line := WhoLine{
		Time: f.Time, Repository: f.Repository, PullRequest: f.PullRequest, Title: f.Title, Author: f.Author, Approvers: f.Approvers,
		MergedBy: f.MergedBy, Commit: cmp.Or(f.MergeCommit, f.Head), Actions: []string{}, Verdict: f.Verdict, Decision: f.ID,
	}
	for _, r := range list {
		line.Resources = append(line.Resources, r.Resource)
	}
	return line, nil
}
