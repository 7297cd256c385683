package gate

import (
	"fmt"
	"slices"
	"strings"
)

// Shown is a change as a decision shows it to people: what an approval is an approval of.
type Shown struct {
	Head      string `json:"head"`
	Branch    string `json:"branch"` // that it is to be merged into
	MergeBase string `json:"merge_base"`
	Documents string `json:"documents"` // digest of what happens to each document: plans, rendered objects

	// Digest is that of the change: the branch, the content that every changed file will have, and Documents. "" when the change
	// could not be evaluated.
	Digest string `json:"digest"`
}

// A Sighting says what one approval was given for, and what has become of that since.
type Sighting struct {
	Review  int64 `json:"review"`            // id
	Comment bool  `json:"comment,omitempty"` // the approval is a comment, and Review its id
	Shown

	// Carried is the digest of the change that was approved, carried over to the present merge base as git would by a merge: what
	// a rebase or a merge of the base branch, done cleanly, makes of it. It equals the present change's digest exactly when nothing
	// else was done. "" when it cannot be carried over.
	Carried string `json:"carried"`

	Files   []string `json:"files,omitempty"`   // that differ from what was approved, at most [MaxSince]
	Changes []Change `json:"changes,omitempty"` // to documents that were not approved in this form, at most [MaxSince]
	Dropped []string `json:"dropped,omitempty"` // resources that were to change when it was approved, at most [MaxSince]
	Reason  string   `json:"reason,omitempty"`  // why it cannot be told, as a clause after the login

	// Facts is the digest of facts that show the documents as they were approved; "" when none have been recorded yet.
	Facts string `json:"facts,omitempty"`
}

// MaxSince bounds each list of what has changed since an approval.
const MaxSince = 20

// stale says why an approval is not one of the present change, or "". Where it is known what people saw, that decides, and
// nothing else: neither times nor commit ids. Facts without it fall back to the commit.
func (p *people) stale(r Review) string {
	head := p.facts.PullRequest.Head.SHA
	if p.facts.Shown.Digest == "" {
		if r.CommitID != head {
			return fmt.Sprintf("approved %s, but the head is now %s", short(r.CommitID), short(head))
		}
		return ""
	}
	for i := range p.facts.Sightings {
		if s := &p.facts.Sightings[i]; s.Review == r.ID && s.Comment == r.Comment {
			return p.changedSince(s)
		}
	}
	if r.Comment {
		return "approved by a comment, and nobody can tell what that was for"
	}
	return "approved " + short(r.CommitID) + ", and nobody can tell what that was"
}

func (p *people) changedSince(s *Sighting) string {
	now := &p.facts.Shown
	switch {
	case s.Reason != "":
		return s.Reason
	case s.Carried != "" && s.Carried == now.Digest:
		return ""
	case s.Branch != now.Branch:
		return fmt.Sprintf("approved a merge into %s; it is now to be merged into %s", s.Branch, now.Branch)
	}
	var parts []string
	if len(s.Files) > 0 {
		parts = append(parts, list(s.Files, 3)+" changed")
	}
	var does []string
	for _, c := range s.Changes {
		does = append(does, verb(c.Actions)+" "+Shorten(Printable(c.Resource), maxName))
	}
	if len(does) > 0 {
		does = []string{"it now " + list(does, 3)}
	}
	if len(s.Dropped) > 0 {
		does = append(does, "it leaves "+list(s.Dropped, 3)+" alone")
	}
	switch {
	case len(does) > 0:
		parts = append(parts, "the outcome changed: "+strings.Join(does, ", and "))
	case len(parts) == 0 && slices.ContainsFunc(p.facts.Missing, func(m Missing) bool { return m.What == MissingPlan }):
		return fmt.Sprintf("approved %s, which can only be compared with %s when its plan is there", short(s.Head), short(now.Head))
	case len(parts) == 0:
		parts = append(parts, "the outcome changed")
	}
	return fmt.Sprintf("approved %s, but since then %s", short(s.Head), strings.Join(parts, ", and "))
}

// list is "a, b and 4 more".
func list(names []string, most int) string {
	var out []string
	for i, n := range names {
		if i == most {
			out = append(out, fmt.Sprintf("%d more", len(names)-i))
			break
		}
		out = append(out, Shorten(Printable(n), maxName))
	}
	return join(out, "and")
}
