package githubsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// MergeGroup is what a merge queue has made of some pull requests: a branch of its own, for checks to judge before they land.
type MergeGroup struct {
	repo *Repo
	by   *User
	prs  []*PR
	base string   // branch
	ref  string   // branch of the group
	old  string   // commit that the group is made on
	sha  string   // head of the group
	made []string // what each pull request becomes
}

// Queue puts pull requests into one base branch into a merge group, in order, as the queue does when they are added, and sends
// merge_group.checks_requested. squash makes one commit of each, else there are merge commits. A pull request that does not merge, or
// whose own requirements are not met, is a *Refusal.
func (r *Repo) Queue(by string, squash bool, prs ...*PR) (*MergeGroup, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.queueOn(r.tip(prs[0].baseRef), by, squash, prs)
}

// Queue is [Repo.Queue] while this group is still being judged: the next group is made on this one's head.
func (g *MergeGroup) Queue(by string, squash bool, prs ...*PR) (*MergeGroup, error) {
	g.repo.s.mu.Lock()
	defer g.repo.s.mu.Unlock()
	return g.repo.queueOn(g.sha, by, squash, prs)
}

func (r *Repo) queueOn(at, by string, squash bool, prs []*PR) (*MergeGroup, error) {
	u := r.s.mustUser(by)
	g := &MergeGroup{repo: r, by: u, prs: prs, base: prs[0].baseRef, old: at}
	for _, p := range prs {
		if p.state != "open" || p.baseRef != g.base {
			return nil, refuse(http.StatusUnprocessableEntity, "Pull request is not in a mergeable state")
		}
		for _, need := range r.sources(g.base) {
			if why := p.blockers(need); len(why) > 0 {
				return nil, refuse(http.StatusUnprocessableEntity, "%s", strings.Join(why, " "))
			}
		}
		tree, conflict := r.mergeTree(at, p.headSHA)
		if conflict {
			return nil, refuse(http.StatusUnprocessableEntity, "Pull request is not mergeable")
		}
		if squash {
			at = r.commitTree(tree, fmt.Sprintf("%s (#%d)\n", p.title, p.number), p.author, at)
		} else {
			at = r.commitTree(tree, fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s\n", p.number, p.headRepo.owner.login, p.headRef, p.title), u, at, p.headSHA)
		}
		g.made = append(g.made, at)
	}
	g.announce(at)
	return g, nil
}

// Tamper puts another commit on top of the group, as nobody can on GitHub: a gate must not take a group's word for what it holds.
func (g *MergeGroup) Tamper(spec CommitSpec) {
	g.repo.s.mu.Lock()
	defer g.repo.s.mu.Unlock()
	spec.Parent = g.sha
	if spec.Committer == "" {
		spec.Committer = spec.Author
	}
	sha, err := g.repo.writeCommit(spec)
	if err != nil {
		panic(fmt.Sprintf("githubsim: %v", err))
	}
	g.announce(sha)
}

// announce points the group's branch at a commit and asks for checks.
func (g *MergeGroup) announce(sha string) {
	g.sha = sha
	g.ref = fmt.Sprintf("gh-readonly-queue/%s/pr-%d-%s", g.base, g.prs[len(g.prs)-1].number, g.old)
	g.repo.setRef(g.ref, sha)
	head, _ := g.repo.commit(sha)
	g.repo.s.emit("merge_group", "checks_requested", g.repo, g.by, object{"merge_group": object{
		"head_sha": sha, "head_ref": "refs/heads/" + g.ref, "base_sha": g.old, "base_ref": "refs/heads/" + g.base,
		"head_commit": g.repo.pushedCommit(head),
	}})
}

// HeadSHA is the commit that checks judge.
func (g *MergeGroup) HeadSHA() string {
	g.repo.s.mu.Lock()
	defer g.repo.s.mu.Unlock()
	return g.sha
}

// Land merges the group when the required checks on its head allow it, and is a *Refusal when they do not. Its branch is gone then.
func (g *MergeGroup) Land() error {
	r := g.repo
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	defer r.setRef(g.ref, zeroSHA)
	for _, need := range r.sources(g.base) {
		if why := r.checkBlockers(need.checks, g.sha); len(why) > 0 {
			return refuse(http.StatusMethodNotAllowed, "%s", strings.Join(why, " "))
		}
	}
	if r.tip(g.base) != g.old {
		return refuse(http.StatusConflict, "The base branch was modified.")
	}
	r.setRef(g.base, g.sha)
	for i, p := range slices.Clone(g.prs) {
		p.finishMerge(g.by, g.made[i])
		p.tell("closed", g.by, nil)
	}
	r.landing = true
	r.pushedTo(g.by, g.base, g.old, g.sha)
	r.landing = false
	return nil
}
