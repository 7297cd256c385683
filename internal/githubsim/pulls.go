package githubsim

import (
	"fmt"
	"slices"
	"time"
)

// PRSpec describes a pull request to open.
type PRSpec struct {
	By    string
	Title string // the head branch when ""
	Body  string
	// Head is the branch with the changes; HeadRepo the fork it is in, nil for the same repository.
	Head     string
	HeadRepo *Repo
	Base     string // the default branch when ""
	Draft    bool
}

// PR is a pull request. It is an Issue too: comments, labels, title, closing and reopening are the Issue's methods.
type PR struct {
	*Issue
	prID       int64
	draft      bool
	baseRef    string
	baseSHA    string // the base branch's tip when the head last moved, as GitHub reports it
	headRepo   *Repo
	headRef    string
	headSHA    string
	lastPusher *User
	reviews    []*Review
	reviewers  []*User
	teams      []*Team
	merged     bool
	mergedAt   time.Time
	mergedBy   *User
	mergeSHA   string
	testSHA    string // refs/pull/N/merge
	testOf     string // base and head that testSHA was made of
	fresh      bool   // changed since it was last read, for SlowMergeable
}

// OpenPR opens a pull request and sends pull_request.opened.
func (r *Repo) OpenPR(spec PRSpec) *PR {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	by := r.s.mustUser(spec.By)
	p, err := r.openPR(actor{user: by}, spec)
	if err != nil {
		panic(fmt.Sprintf("githubsim: opening a pull request: %v", err))
	}
	return p
}

func (r *Repo) openPR(by actor, spec PRSpec) (*PR, error) {
	if spec.HeadRepo == nil {
		spec.HeadRepo = r
	}
	if spec.Base == "" {
		spec.Base = r.defaultBranch
	}
	if spec.Title == "" {
		spec.Title = spec.Head
	}
	head, base := spec.HeadRepo.tip(spec.Head), r.tip(spec.Base)
	switch {
	case head == "":
		return nil, invalid("PullRequest", "head", "invalid", "")
	case base == "":
		return nil, invalid("PullRequest", "base", "invalid", "")
	case r.mergeBase(base, head) == "" || len(r.between(base, head)) == 0:
		return nil, customError("PullRequest", fmt.Sprintf("No commits between %s and %s", spec.Base, spec.Head))
	}
	for _, p := range r.prs {
		if p.state == "open" && p.headRepo == spec.HeadRepo && p.headRef == spec.Head && p.baseRef == spec.Base {
			return nil, customError("PullRequest", fmt.Sprintf("A pull request already exists for %s:%s.", spec.HeadRepo.owner.login, spec.Head))
		}
	}
	p := &PR{
		Issue: r.newIssue(by, spec.Title, spec.Body), prID: r.s.id(), draft: spec.Draft, baseRef: spec.Base, baseSHA: base,
		headRepo: spec.HeadRepo, headRef: spec.Head, headSHA: head, lastPusher: by.user,
	}
	p.Issue.pr = p
	r.prs = append(r.prs, p)
	p.noteCommits()
	p.setRefs()
	p.tell("opened", by.user, nil)
	return p, nil
}

func customError(resource, message string) *Refusal {
	return &Refusal{Status: 422, Message: "Validation Failed", Errors: []any{object{
		"resource": resource, "code": "custom", "message": message,
	}}}
}

// HeadSHA is the commit at the head.
func (p *PR) HeadSHA() string {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.headSHA
}

// Repo is the repository that the pull request is in.
func (p *PR) Repo() *Repo { return p.repo }

// Push makes a commit on the pull request's branch, by the pull request's author when spec names nobody.
func (p *PR) Push(spec CommitSpec) string {
	if spec.Author == "" && spec.Pusher == "" {
		spec.Author = p.author.login
	}
	return p.headRepo.Commit(p.headRef, spec)
}

// ForcePush replaces the branch by one new commit on top of the base branch.
func (p *PR) ForcePush(spec CommitSpec) string {
	p.s.mu.Lock()
	spec.Force, spec.Parent = true, p.repo.tip(p.baseRef)
	p.s.mu.Unlock()
	return p.Push(spec)
}

// Retarget changes the base branch: only pull_request.edited with changes.base is sent, and the head stays.
func (p *PR) Retarget(by, base string) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if err := p.retarget(p.s.mustUser(by), base); err != nil {
		panic(fmt.Sprintf("githubsim: retargeting: %v", err))
	}
}

func (p *PR) retarget(by *User, base string) error {
	tip := p.repo.tip(base)
	if tip == "" {
		return customError("PullRequest", fmt.Sprintf("Proposed base branch '%s' was not found", base))
	}
	if len(p.repo.between(tip, p.headSHA)) == 0 {
		return customError("PullRequest", fmt.Sprintf("There are no new commits between base branch '%s' and head branch '%s'", base, p.headRef))
	}
	old, oldSHA := p.baseRef, p.baseSHA
	p.baseRef, p.baseSHA = base, tip
	p.note("base_ref_changed", by, nil)
	p.setRefs()
	p.tell("edited", by, object{"changes": object{"base": object{
		"ref": object{"from": old}, "sha": object{"from": oldSHA},
	}}})
	return nil
}

// ReadyForReview ends the draft state and sends pull_request.ready_for_review.
func (p *PR) ReadyForReview(by string) { p.setDraft(by, false, "ready_for_review", "ready_for_review") }

// ConvertToDraft makes it a draft and sends pull_request.converted_to_draft.
func (p *PR) ConvertToDraft(by string) {
	p.setDraft(by, true, "converted_to_draft", "convert_to_draft")
}

func (p *PR) setDraft(by string, draft bool, action, event string) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.draft == draft {
		return
	}
	p.draft = draft
	u := p.s.mustUser(by)
	p.note(event, u, nil)
	p.tell(action, u, nil)
}

// commits are those of the pull request, oldest first.
func (p *PR) commits() []commitInfo { return p.repo.between(p.base(), p.headSHA) }

// base is the commit that the pull request is compared with: the base branch's tip, and after a merge the one before it.
func (p *PR) base() string {
	if p.state == "open" {
		if tip := p.repo.tip(p.baseRef); tip != "" {
			return tip
		}
	}
	return p.baseSHA
}

// files is the diff against the merge base.
func (p *PR) files() []fileChange {
	mb := p.repo.mergeBase(p.base(), p.headSHA)
	if mb == "" {
		mb = emptyTree
	}
	return p.repo.diff(mb, p.headSHA)
}

// noteCommits adds the commits that the timeline does not have yet.
func (p *PR) noteCommits() {
	for _, ci := range p.commits() {
		if !slices.ContainsFunc(p.events, func(e object) bool { return e["event"] == "committed" && e["sha"] == ci.sha }) {
			p.events = append(p.events, object{"event": "committed", "sha": ci.sha})
		}
	}
}

// setRefs keeps refs/pull/N/head and refs/pull/N/merge. As on GitHub, a conflict leaves the last test merge where it was.
func (p *PR) setRefs() {
	p.fresh = true
	p.repo.mustGit("update-ref", fmt.Sprintf("refs/pull/%d/head", p.number), p.headSHA)
	p.testMerge()
}

// testMerge makes the test merge commit when base or head moved; it tells whether they merge.
func (p *PR) testMerge() bool {
	base := p.base()
	tree, conflict := p.repo.mergeTree(base, p.headSHA)
	if conflict {
		return false
	}
	if of := base + p.headSHA; p.testOf != of {
		msg := fmt.Sprintf("Merge %s into %s", p.headSHA, base)
		p.testSHA, p.testOf = p.repo.commitTree(tree, msg, p.author, base, p.headSHA), of
		p.repo.mustGit("update-ref", fmt.Sprintf("refs/pull/%d/merge", p.number), p.testSHA)
	}
	return true
}

// headMoved follows a push to the head branch.
func (p *PR) headMoved(by *User, old, sha string) {
	if sha == zeroSHA {
		p.note("head_ref_deleted", by, nil)
		p.close(by)
		return
	}
	if !p.repo.isAncestor(old, sha) {
		p.note("head_ref_force_pushed", by, object{"commit_id": sha, "commit_url": p.repo.api("/commits/" + sha)})
	}
	p.headSHA, p.lastPusher, p.baseSHA = sha, by, p.base()
	p.noteCommits()
	p.setRefs()
	p.dismissStale(by)
	p.tell("synchronize", by, object{"before": old, "after": sha})
}

// baseMoved follows a push to the base branch; a push that brings in all of the pull request merges it.
func (p *PR) baseMoved(by *User, sha string) {
	p.fresh = true
	if sha == zeroSHA {
		p.close(by)
		return
	}
	if p.repo.isAncestor(p.headSHA, sha) {
		p.finishMerge(by, sha)
		p.tell("closed", by, nil)
	}
}

// follow catches up with a head branch that moved while the pull request was closed.
func (p *PR) follow() {
	if tip := p.headRepo.tip(p.headRef); tip != "" {
		p.headSHA = tip
	}
	p.baseSHA = p.base()
	p.noteCommits()
	p.setRefs()
}

func (p *PR) finishMerge(by *User, sha string) {
	now := p.s.now()
	p.baseSHA = p.baseBefore(sha)
	p.state, p.closed, p.closedBy = "closed", now, by
	p.merged, p.mergedAt, p.mergedBy, p.mergeSHA = true, now, by, sha
	p.note("merged", by, object{"commit_id": sha, "commit_url": p.repo.api("/commits/" + sha)})
	p.note("closed", by, nil)
}

// baseBefore keeps the recorded base unless that already holds the head, so that a merged pull request keeps its diff.
func (p *PR) baseBefore(merge string) string {
	if ci, found := p.repo.commit(merge); found && len(ci.parents) > 1 && !p.repo.isAncestor(p.headSHA, ci.parents[0]) {
		return ci.parents[0]
	}
	return p.baseSHA
}
