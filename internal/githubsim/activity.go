package githubsim

import (
	"slices"
	"time"
)

// activity is one move of a branch, as the repository's activity page has it.
type activity struct {
	id            int64
	kind          string // push, force_push, branch_creation, branch_deletion, pr_merge, merge_queue_merge
	ref           string
	before, after string
	by            *User
	at            time.Time
}

// noteActivity puts a move on record.
func (r *Repo) noteActivity(by *User, ref, old, sha string) {
	a := activity{id: r.s.id(), kind: "push", ref: ref, before: old, after: sha, by: by, at: r.s.now()}
	merged := func(pr *PR) bool { return pr.merged && pr.mergeSHA == sha }
	switch {
	case old == zeroSHA:
		a.kind = "branch_creation"
	case sha == zeroSHA:
		a.kind = "branch_deletion"
	case slices.ContainsFunc(r.prs, merged):
		a.kind = "pr_merge"
		if r.landing {
			a.kind = "merge_queue_merge"
		}
	case !r.isAncestor(old, sha):
		a.kind = "force_push"
	}
	r.activities = append(r.activities, a)
}

// listActivity answers GET /repos/{owner}/{repo}/activity, newest first.
func (c *call) listActivity() (reply, error) {
	items := []object{}
	for _, a := range slices.Backward(c.repo.activities) {
		if ref := c.query("ref"); ref != "" && ref != a.ref && "refs/heads/"+ref != a.ref {
			continue
		}
		items = append(items, object{
			"id": a.id, "node_id": nodeID("Activity", a.id), "before": a.before, "after": a.after, "ref": a.ref, "timestamp": stamp(a.at),
			"activity_type": a.kind, "actor": a.by.json(),
		})
	}
	return c.list(items)
}
