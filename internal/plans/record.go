package plans

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Verdicts of a hand-in.
const (
	Accepted = "accepted"
	Refused  = "refused"
)

// Store is where plans and what is known about them are kept.
type Store interface {
	SaveBlob(ctx context.Context, content []byte) (digest string, err error)
	Append(ctx context.Context, entries []store.Entry, works ...store.Work) (store.Position, error)
	Entries(ctx context.Context, f store.EntryFilter, cursor string, limit int) ([]store.Entry, string, error)
	Facts(ctx context.Context, digest string) ([]byte, error) // any blob
}

// Reader makes of plans what may be kept of them; see [document.Redactor.Plan]. The problem says why one is none.
type Reader interface {
	Plan(ctx context.Context, repository int64, data []byte, file string, limits document.Limits) ([]byte, *gate.Problem, error)
}

// KeptLimit is the size of the largest plan as it is kept: tokens may be longer than what they stand for.
func KeptLimit(limit int64) int64 { return 2 * limit }

// Record is one plan that arrived: the detail of an audit entry of type plan.
type Record struct {
	Source       string `json:"source"` // oidc or artifact
	RepositoryID int64  `json:"repository_id"`
	Dir          string `json:"dir,omitempty"`       // what it was handed in for; "": by File
	Workspace    string `json:"workspace,omitempty"` // "": the project's, or what File says
	File         string `json:"file,omitempty"`      // path inside the artifact
	Digest       string `json:"digest,omitempty"`    // of the plan as it came
	Kept         string `json:"kept,omitempty"`      // digest of what is kept of it
	Bytes        int    `json:"bytes,omitempty"`
	Base         string `json:"base,omitempty"`     // tip of the base branch that the commit was merged with for planning
	Workflow     string `json:"workflow,omitempty"` // job_workflow_ref of the token; file of the artifact's workflow
	Run          int64  `json:"run,omitempty"`
	Artifact     int64  `json:"artifact,omitempty"`
	Name         string `json:"name,omitempty"` // of the artifact
	Reason       string `json:"reason,omitempty"`
	Claims       Claims `json:"claims,omitzero"`

	// What the entry itself says.
	Index   int64     `json:"-"`
	Time    time.Time `json:"-"`
	Verdict string    `json:"-"`
}

// entry is the audit entry of a plan. key makes repeating it harmless.
func (r Record) entry(repository, head string, number int, key ...any) (store.Entry, error) {
	var detail map[string]any
	raw, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(raw, &detail)
	}
	if err != nil {
		return store.Entry{}, fmt.Errorf("write the plan's audit entry: %w", err)
	}
	text, err := json.Marshal(key)
	if err != nil {
		return store.Entry{}, fmt.Errorf("name the plan's audit entry: %w", err)
	}
	return store.Entry{
		Type: store.EntryPlan, Actor: r.Claims.Actor, Repository: repository, PullRequest: number, Commit: head, Verdict: r.Verdict,
		Detail: detail, Key: "plan/" + ledger.Digest(text),
	}, nil
}

// most bounds how many entries about one commit are read; older ones do not count.
const most = 2000

// List is every plan that arrived for a commit of a repository, accepted or not, oldest first.
func List(ctx context.Context, s Store, repositoryID int64, head string) ([]Record, error) {
	var out []Record
	cursor := ""
	for seen := 0; seen < most; {
		page, next, err := s.Entries(ctx, store.EntryFilter{Type: store.EntryPlan, Commit: head}, cursor, 200)
		if err != nil {
			return nil, fmt.Errorf("read the plans for %s: %w", head, err)
		}
		for _, e := range page {
			raw, err := json.Marshal(e.Detail)
			if err != nil {
				return nil, fmt.Errorf("read the plan in entry %d: %w", e.Index, err)
			}
			var r Record
			if json.Unmarshal(raw, &r) != nil || r.RepositoryID != repositoryID || r.Source == "" {
				continue // an entry of another repository, or not about a plan that arrived
			}
			r.Index, r.Time, r.Verdict = e.Index, e.Time, e.Verdict
			out = append(out, r)
		}
		seen += len(page)
		if cursor = next; cursor == "" {
			break
		}
	}
	slices.Reverse(out) // the log gives the newest first
	return out, nil
}
