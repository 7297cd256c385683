package web

import (
	"cmp"
	"context"
	"errors"
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
