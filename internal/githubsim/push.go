package githubsim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Push moves a branch to a commit that exists already, as a push of it would. force allows what is not a fast-forward. A push
// that protection refuses is a *Refusal.
func (r *Repo) Push(by, branch, sha string, force bool) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.pushRef(r.s.mustUser(by), branch, sha, force)
}

// CreateBranch makes a branch at a branch, tag or commit.
func (r *Repo) CreateBranch(by, branch, from string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	sha := r.resolve(from)
	if sha == "" {
		panic("githubsim: there is no " + from + " in " + r.fullName())
	}
	if err := r.pushRef(r.s.mustUser(by), branch, sha, false); err != nil {
		panic(fmt.Sprintf("githubsim: creating branch %s: %v", branch, err))
	}
}

// DeleteBranch deletes a branch; pull requests from or to it are closed.
func (r *Repo) DeleteBranch(by, branch string) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.pushRef(r.s.mustUser(by), branch, zeroSHA, true)
}

// WriteCommit makes a commit object that no branch holds, for Push.
func (r *Repo) WriteCommit(spec CommitSpec) string {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if spec.Committer == "" {
		spec.Committer = spec.Author
	}
	sha, err := r.writeCommit(spec)
	if err != nil {
		panic(fmt.Sprintf("githubsim: %v", err))
	}
	return sha
}

// pushRef checks and carries out the push of one branch. sha may be zeroSHA.
func (r *Repo) pushRef(by *User, branch, sha string, force bool) error {
	old := r.tip(branch)
	if old == "" {
		old = zeroSHA
	}
	if old == sha {
		return nil
	}
	if err := r.mayPush(actor{user: by}, branch, old, sha); err != nil {
		return err
	}
	if !force && old != zeroSHA && sha != zeroSHA && !r.isAncestor(old, sha) {
		return refuse(422, "Update is not a fast forward")
	}
	r.setRef(branch, sha)
	r.pushedTo(by, branch, old, sha)
	return nil
}

func (r *Repo) setRef(branch, sha string) {
	delete(r.tips, branch)
	if sha == zeroSHA {
		r.mustGit("update-ref", "-d", "refs/heads/"+branch)
		return
	}
	r.mustGit("update-ref", "refs/heads/"+branch, sha)
}

// pushedTo does everything that follows from a branch that has moved: events, check suites, pull requests.
func (r *Repo) pushedTo(by *User, branch, old, sha string) {
	r.pushed = r.s.now()
	ref := "refs/heads/" + branch
	r.noteActivity(by, ref, old, sha)
	if old == zeroSHA || sha == zeroSHA {
		event := "create"
		if sha == zeroSHA {
			event = "delete"
		}
		extra := object{"ref": branch, "ref_type": "branch", "pusher_type": "user"}
		if event == "create" {
			extra["master_branch"], extra["description"] = r.defaultBranch, nil
		}
		r.s.emit(event, "", r, by, extra)
	}
	r.s.emit("push", "", r, by, r.pushPayload(by, ref, old, sha))
	if sha != zeroSHA {
		r.requestSuites(by, branch, old, sha)
	}
	for _, other := range r.s.sortedRepos() {
		for _, pr := range slices.Clone(other.prs) {
			if pr.state == "open" && pr.headRepo == r && pr.headRef == branch {
				pr.headMoved(by, old, sha)
			}
		}
	}
	for _, pr := range slices.Clone(r.prs) {
		if pr.state == "open" && pr.baseRef == branch {
			pr.baseMoved(by, sha)
		}
	}
}

func (r *Repo) pushPayload(by *User, ref, old, sha string) object {
	out := object{
		"ref": ref, "before": old, "after": sha, "created": old == zeroSHA, "deleted": sha == zeroSHA, "forced": false,
		"base_ref": nil, "compare": r.html("/compare/" + old[:12] + "..." + sha[:12]), "commits": []object{}, "head_commit": nil,
		"pusher": object{"name": by.login, "email": by.email},
	}
	if sha == zeroSHA {
		return out
	}
	head, _ := r.commit(sha)
	out["head_commit"] = r.pushedCommit(head)
	var list []commitInfo
	if old != zeroSHA {
		out["forced"] = !r.isAncestor(old, sha)
		list = r.between(old, sha)
	} else if tip := r.tip(r.defaultBranch); tip != "" && tip != sha {
		list = r.between(tip, sha)
	}
	commits := []object{}
	for _, ci := range list[:min(len(list), 2048)] {
		commits = append(commits, r.pushedCommit(ci))
	}
	out["commits"] = commits
	return out
}

func (r *Repo) pushedCommit(ci commitInfo) object {
	person := func(name, email string) object {
		o := object{"name": name, "email": email}
		if u := r.s.userByEmail(email); u != nil {
			o["username"] = u.login
		}
		return o
	}
	from := emptyTree
	if len(ci.parents) > 0 {
		from = ci.parents[0]
	}
	lists := map[string][]string{"added": {}, "removed": {}, "modified": {}}
	for _, f := range r.changes(from, ci.sha) {
		switch f.status {
		case "added", "removed", "modified":
			lists[f.status] = append(lists[f.status], f.path)
		case "renamed":
			lists["added"] = append(lists["added"], f.path)
			lists["removed"] = append(lists["removed"], f.previous)
		default:
			lists["modified"] = append(lists["modified"], f.path)
		}
	}
	out := object{
		"id": ci.sha, "tree_id": ci.tree, "distinct": true, "message": ci.message, "timestamp": ci.commitStamp,
		"url": r.html("/commit/" + ci.sha), "author": person(ci.authorName, ci.authorEmail),
		"committer": person(ci.commitName, ci.commitEmail),
	}
	for k, v := range lists {
		out[k] = v
	}
	return out
}

// trim shortens a ref to a branch name.
func trimHeads(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }

func with(o object, more object) object {
	out := maps.Clone(o)
	maps.Copy(out, more)
	return out
}

// Forget is GitHub's clean-up, which comes at a time of its own: commits that no branch and no pull request holds any more are gone.
// The forks of a repository share its objects, so one that has forks forgets nothing.
func (r *Repo) Forget() {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, other := range r.s.repos {
		if other.parent == r {
			panic("githubsim: " + r.fullName() + " has forks, whose objects it shares")
		}
	}
	r.cache = map[string]any{}
	r.mustGit("prune", "--expire=now")
}
