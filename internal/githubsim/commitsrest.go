package githubsim

import (
	"net/http"
	"strings"
)

// commitJSON is the commit as GET /commits shows it, without stats and files.
func (r *Repo) commitJSON(ci commitInfo) object {
	api := r.api("/commits/" + ci.sha)
	parents := []object{}
	for _, p := range ci.parents {
		parents = append(parents, object{"sha": p, "url": r.api("/commits/" + p), "html_url": r.html("/commit/" + p)})
	}
	out := object{
		"sha": ci.sha, "node_id": nodeID("Commit:"+ci.sha, r.id), "url": api, "html_url": r.html("/commit/" + ci.sha),
		"comments_url": api + "/comments", "parents": parents, "author": nil, "committer": nil,
		"commit": object{
			"author":    object{"name": ci.authorName, "email": ci.authorEmail, "date": stamp(ci.authorDate)},
			"committer": object{"name": ci.commitName, "email": ci.commitEmail, "date": stamp(ci.commitDate)},
			"message":   ci.message, "tree": object{"sha": ci.tree, "url": r.api("/git/trees/" + ci.tree)},
			"url": r.api("/git/commits/" + ci.sha), "comment_count": 0, "verification": r.verification(ci.sha),
		},
	}
	if u := r.s.userByEmail(ci.authorEmail); u != nil { // an unknown address stays null
		out["author"] = u.json()
	}
	if ci.commitEmail == "noreply@github.com" {
		out["committer"] = r.s.webFlow().json()
	} else if u := r.s.userByEmail(ci.commitEmail); u != nil {
		out["committer"] = u.json()
	}
	return out
}

// webFlow is the account behind commits that GitHub makes itself.
func (s *Server) webFlow() *User {
	return &User{s: s, id: 19864447, login: "web-flow", name: "GitHub", email: "noreply@github.com", kind: "User"}
}

func (r *Repo) verification(sha string) object {
	if r.verified[sha] {
		return object{
			"verified": true, "reason": "valid", "signature": "-----BEGIN PGP SIGNATURE-----\n\nsimulated\n-----END PGP SIGNATURE-----",
			"payload": "tree", "verified_at": stamp(r.s.now()),
		}
	}
	return object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}
}

func (r *Repo) filesJSON(files []fileChange, head string) []object {
	out := []object{}
	for _, f := range files {
		o := object{
			"sha": f.blob, "filename": f.path, "status": f.status, "additions": f.add, "deletions": f.del, "changes": f.add + f.del,
			"blob_url": r.html("/blob/" + head + "/" + f.path), "raw_url": r.html("/raw/" + head + "/" + f.path),
			"contents_url": r.api("/contents/" + f.path + "?ref=" + head),
		}
		if f.patch != "" {
			o["patch"] = f.patch
		}
		if f.previous != "" {
			o["previous_filename"] = f.previous
		}
		out = append(out, o)
	}
	return out
}

func (c *call) commitParam(name string) (commitInfo, error) {
	sha := c.repo.resolve(c.params[name])
	if sha == "" {
		return commitInfo{}, refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", c.params[name])
	}
	ci, _ := c.repo.commit(sha)
	return ci, nil
}

func (c *call) getCommit() (reply, error) {
	ci, err := c.commitParam("ref")
	if err != nil {
		return reply{}, err
	}
	if c.r.Header.Get("Accept") == "application/vnd.github.sha" {
		return reply{status: http.StatusOK, raw: []byte(ci.sha), typ: "application/vnd.github.sha; charset=utf-8"}, nil
	}
	from := emptyTree
	if len(ci.parents) > 0 {
		from = ci.parents[0]
	}
	files := c.repo.diff(from, ci.sha)
	out := c.repo.commitJSON(ci)
	add, del := 0, 0
	for _, f := range files {
		add, del = add+f.add, del+f.del
	}
	out["stats"] = object{"total": add + del, "additions": add, "deletions": del}
	return c.page(c.repo.filesJSON(files[:min(len(files), 3000)], ci.sha), func(_ int, cut []object) any {
		out["files"] = cut
		return out
	})
}

func (c *call) listCommits() (reply, error) {
	start := c.query("sha")
	if start == "" {
		start = c.repo.defaultBranch
	}
	sha := c.repo.resolve(start)
	if sha == "" {
		if len(c.repo.refs("refs/heads/")) == 0 {
			return reply{}, refuse(http.StatusConflict, "Git Repository is empty.")
		}
		return reply{}, notFound()
	}
	args := []string{sha}
	for param, flag := range map[string]string{"since": "--since=", "until": "--until=", "author": "--author="} {
		if v := c.query(param); v != "" {
			args = append([]string{flag + v}, args...)
		}
	}
	args = append(args, "--")
	if p := c.query("path"); p != "" {
		args = append(args, ":(literal)"+p)
	}
	list, err := c.repo.log(args...)
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	for _, ci := range list {
		items = append(items, c.repo.commitJSON(ci))
	}
	return c.list(items)
}

// compare answers base...head: the merge base, the commits, and at most 300 files on the first page.
func (c *call) compare() (reply, error) {
	baseName, headName, found := strings.Cut(c.params["basehead"], "...")
	if !found {
		return reply{}, notFound()
	}
	base, head := c.repo.resolveAcross(baseName), c.repo.resolveAcross(headName)
	if base == "" || head == "" {
		return reply{}, notFound()
	}
	mb := c.repo.mergeBase(base, head)
	if mb == "" {
		return reply{}, refuse(http.StatusNotFound, "No common ancestor between %s and %s.", baseName, headName)
	}
	ahead, behind := c.repo.between(base, head), c.repo.between(head, base)
	status := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		status = "diverged"
	case len(ahead) > 0:
		status = "ahead"
	case len(behind) > 0:
		status = "behind"
	}
	files := c.repo.diff(mb, head)
	baseInfo, _ := c.repo.commit(base)
	mbInfo, _ := c.repo.commit(mb)
	api := c.repo.api("/compare/" + c.params["basehead"])
	html := c.repo.html("/compare/" + c.params["basehead"])
	out := object{
		"url": api, "html_url": html, "permalink_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch",
		"base_commit": c.repo.commitJSON(baseInfo), "merge_base_commit": c.repo.commitJSON(mbInfo), "status": status,
		"ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead),
		"files": c.repo.filesJSON(files[:min(len(files), 300)], head),
	}
	items := []object{}
	for _, ci := range ahead {
		items = append(items, c.repo.commitJSON(ci))
	}
	if c.query("page") == "" && c.query("per_page") == "" {
		out["commits"] = items[:min(len(items), 250)]
		return ok(out)
	}
	return c.page(items, func(_ int, cut []object) any {
		out["commits"] = cut
		if page, _ := c.positive("page", 1); page > 1 {
			out["files"] = []object{}
		}
		return out
	})
}

// resolveAcross also understands owner:branch of a fork in the same network.
func (r *Repo) resolveAcross(name string) string {
	owner, branch, found := strings.Cut(name, ":")
	if !found {
		return r.resolve(name)
	}
	for _, other := range r.s.sortedRepos() {
		if other.root() == r.root() && key(other.owner.login) == key(owner) {
			return other.resolve(branch)
		}
	}
	return ""
}
