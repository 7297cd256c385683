package githubsim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// GitHub's silent caps.
const (
	maxPRFiles   = 3000
	maxPRCommits = 250
)

func (p *PR) sideJSON(r *Repo, ref, sha string) object {
	return object{"label": r.owner.login + ":" + ref, "ref": ref, "sha": sha, "user": r.owner.json(), "repo": r.settingsJSON()}
}

// shortJSON is the pull request as lists have it.
func (p *PR) shortJSON() object {
	api, html := p.repo.api(fmt.Sprintf("/pulls/%d", p.number)), p.repo.html(fmt.Sprintf("/pull/%d", p.number))
	issue := p.repo.api(fmt.Sprintf("/issues/%d", p.number))
	reviewers, teams := []object{}, []object{}
	for _, u := range p.reviewers {
		reviewers = append(reviewers, u.json())
	}
	for _, t := range p.teams {
		teams = append(teams, t.json())
	}
	link := func(h string) object { return object{"href": h} }
	statuses := p.repo.api("/statuses/" + p.headSHA)
	return object{
		"url": api, "id": p.prID, "node_id": nodeID("PullRequest", p.prID), "html_url": html, "diff_url": html + ".diff",
		"patch_url": html + ".patch", "issue_url": issue, "number": p.number, "state": p.state, "locked": false, "title": p.title,
		"user": p.author.json(), "body": orNil(p.body), "created_at": stamp(p.made), "updated_at": stamp(p.updated),
		"closed_at": stamp(p.closed), "merged_at": stamp(p.mergedAt), "merge_commit_sha": orNil(p.mergeCommit()), "assignee": nil,
		"assignees": []object{}, "requested_reviewers": reviewers, "requested_teams": teams, "labels": p.labelsJSON(),
		"milestone": nil, "draft": p.draft, "commits_url": api + "/commits", "review_comments_url": api + "/comments",
		"review_comment_url": p.repo.api("/pulls/comments{/number}"), "comments_url": issue + "/comments", "statuses_url": statuses,
		"head": p.sideJSON(p.headRepo, p.headRef, p.headSHA), "base": p.sideJSON(p.repo, p.baseRef, p.baseSHA),
		"_links": object{
			"self": link(api), "html": link(html), "issue": link(issue), "comments": link(issue + "/comments"),
			"review_comments": link(api + "/comments"), "review_comment": link(p.repo.api("/pulls/comments{/number}")),
			"commits": link(api + "/commits"), "statuses": link(statuses),
		},
		"author_association": p.repo.association(p.author), "auto_merge": nil, "active_lock_reason": nil,
	}
}

func (p *PR) mergeCommit() string {
	if p.merged {
		return p.mergeSHA
	}
	return p.testSHA
}

// fullJSON is the pull request as GET has it.
func (p *PR) fullJSON() object {
	files := p.files()
	add, del := 0, 0
	for _, f := range files {
		add, del = add+f.add, del+f.del
	}
	out := p.shortJSON()
	maps.Copy(out, object{
		"merged": p.merged, "mergeable": nil, "rebaseable": nil, "mergeable_state": "unknown", "merged_by": p.mergedBy.orNull(),
		"comments": len(p.comments), "review_comments": 0, "maintainer_can_modify": false, "commits": len(p.commits()),
		"additions": add, "deletions": del, "changed_files": len(files),
	})
	return out
}

// webhookJSON is the pull request in payloads: GitHub has not worked out yet whether it merges.
func (p *PR) webhookJSON() object {
	out := p.fullJSON()
	if !p.merged {
		out["merge_commit_sha"] = nil
	}
	return out
}

func (p *PR) readJSON() object {
	if p.state != "open" {
		return p.fullJSON()
	}
	if p.s.opt.SlowMergeable && p.fresh {
		p.fresh = false
		return p.fullJSON()
	}
	clean := p.testMerge()
	out := p.fullJSON()
	out["mergeable"], out["rebaseable"], out["mergeable_state"] = clean, clean, p.mergeableState(clean)
	return out
}

func (p *PR) mergeableState(clean bool) string {
	if !clean {
		return "dirty"
	}
	if p.draft {
		return "draft"
	}
	rules := p.repo.rulesFor(p.baseRef)
	if rules.strict && !p.repo.isAncestor(p.repo.tip(p.baseRef), p.headSHA) {
		return "behind"
	}
	if len(p.blockers(rules)) > 0 {
		return "blocked"
	}
	if p.repo.anyFailing(p.headSHA) {
		return "unstable"
	}
	return "clean"
}

func (c *call) pull() (*PR, error) {
	if i := c.repo.issues[c.num("number")]; i != nil && i.pr != nil {
		return i.pr, nil
	}
	return nil, notFound()
}

func (c *call) getPull() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	return ok(p.readJSON())
}

// listPulls filters by state, head (owner:branch) and base, newest first unless asked otherwise.
func (c *call) listPulls() (reply, error) {
	want, head, base := c.query("state"), c.query("head"), c.query("base")
	var list []*PR
	for _, p := range c.repo.prs {
		if want != "all" && p.state != orState(want) {
			continue
		}
		if (base != "" && p.baseRef != base) || (strings.Contains(head, ":") && key(p.headRepo.owner.login+":"+p.headRef) != key(head)) {
			continue
		}
		list = append(list, p)
	}
	if by := c.query("sort"); by == "updated" {
		slices.SortStableFunc(list, func(a, b *PR) int { return a.updated.Compare(b.updated) })
	}
	if c.query("direction") == "desc" || (c.query("direction") == "" && orDefaultString(c.query("sort"), "created") == "created") {
		slices.Reverse(list)
	}
	items := []object{}
	for _, p := range list {
		items = append(items, p.shortJSON())
	}
	return c.list(items)
}

func orDefaultString(v, def string) string {
	if v == "" {
		return def
	}
	return v
}

func (c *call) createPull() (reply, error) {
	var req struct {
		Title string `json:"title"`
		Body  string `json:"body"`
		Head  string `json:"head"`
		Base  string `json:"base"`
		Draft bool   `json:"draft"`
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	if req.Head == "" || req.Base == "" {
		return reply{}, badRequest(`"head", "base" weren't supplied.`)
	}
	spec := PRSpec{Title: req.Title, Body: req.Body, Head: req.Head, Base: req.Base, Draft: req.Draft}
	if owner, branch, found := strings.Cut(req.Head, ":"); found {
		spec.Head = branch
		for _, r := range c.s.sortedRepos() {
			if r.root() == c.repo.root() && key(r.owner.login) == key(owner) {
				spec.HeadRepo = r
			}
		}
		if spec.HeadRepo == nil {
			return reply{}, invalid("PullRequest", "head", "invalid", "")
		}
	}
	p, err := c.repo.openPR(c.actor, spec)
	if err != nil {
		return reply{}, err
	}
	return created(p.fullJSON())
}

func (c *call) editPull() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var req struct{ Title, Body, State, Base *string }
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	if req.Base != nil && *req.Base != p.baseRef {
		if err := p.retarget(c.actor.user, *req.Base); err != nil {
			return reply{}, err
		}
	}
	title, body := p.title, p.body
	if req.Title != nil {
		title = *req.Title
	}
	if req.Body != nil {
		body = *req.Body
	}
	p.edit(c.actor.user, title, body)
	if req.State != nil && *req.State == "closed" {
		p.close(c.actor.user)
	} else if req.State != nil {
		p.reopen(c.actor.user)
	}
	return ok(p.readJSON())
}

func (c *call) pullFiles() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	files := p.files()
	return c.list(p.repo.filesJSON(files[:min(len(files), maxPRFiles)], p.headSHA))
}

func (c *call) pullCommits() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	list := p.commits()
	for _, ci := range list[:min(len(list), maxPRCommits)] {
		items = append(items, p.repo.commitJSON(ci))
	}
	return c.list(items)
}

// commitPulls lists the pull requests that hold or merged a commit.
func (c *call) commitPulls() (reply, error) {
	ci, err := c.commitParam("ref")
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	for _, p := range c.repo.prs {
		holds := slices.ContainsFunc(p.commits(), func(x commitInfo) bool { return x.sha == ci.sha })
		if holds || (p.merged && p.mergeSHA == ci.sha) {
			items = append(items, p.shortJSON())
		}
	}
	return c.list(items)
}

func (c *call) isMerged() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	if !p.merged {
		return reply{}, notFound()
	}
	return noContent()
}

func (c *call) listReviewers() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	j := p.shortJSON()
	return ok(object{"users": j["requested_reviewers"], "teams": j["requested_teams"]})
}

type reviewersRequest struct {
	Reviewers     []string `json:"reviewers"`
	TeamReviewers []string `json:"team_reviewers"`
}

func (c *call) requestReviewers() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var req reviewersRequest
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	if err := p.request(c.actor.user, req); err != nil {
		return reply{}, err
	}
	return created(p.shortJSON())
}

func (c *call) removeReviewers() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var req reviewersRequest
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	for _, l := range req.Reviewers {
		p.reviewers = slices.DeleteFunc(p.reviewers, func(u *User) bool {
			gone := key(u.login) == key(l)
			if gone {
				p.note("review_request_removed", c.actor.user, object{"requested_reviewer": u.json()})
				p.tell("review_request_removed", c.actor.user, object{"requested_reviewer": u.json()})
			}
			return gone
		})
	}
	for _, slug := range req.TeamReviewers {
		p.teams = slices.DeleteFunc(p.teams, func(t *Team) bool { return t.slug == slug })
	}
	return ok(p.shortJSON())
}

// RequestReview asks people (logins) and teams (org/slug) for a review and sends review_requested for each.
func (p *PR) RequestReview(by string, who ...string) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var req reviewersRequest
	for _, w := range who {
		if _, slug, isTeam := strings.Cut(w, "/"); isTeam {
			req.TeamReviewers = append(req.TeamReviewers, slug)
		} else {
			req.Reviewers = append(req.Reviewers, w)
		}
	}
	if err := p.request(p.s.mustUser(by), req); err != nil {
		panic(fmt.Sprintf("githubsim: requesting a review: %v", err))
	}
}

func (p *PR) request(by *User, req reviewersRequest) error {
	for _, l := range req.Reviewers {
		u := p.s.accounts[key(l)]
		if u == p.author {
			return refuse(http.StatusUnprocessableEntity, "Review cannot be requested from pull request author.")
		}
		if u == nil || (p.repo.roleOf(u) <= p.repo.publicRole() && p.repo.association(u) == "NONE") {
			return refuse(http.StatusUnprocessableEntity, "Reviews may only be requested from collaborators. One or more of the users or "+
				"teams you specified is not a collaborator of the %s repository.", p.repo.fullName())
		}
		if !slices.Contains(p.reviewers, u) {
			p.reviewers = append(p.reviewers, u)
			p.note("review_requested", by, object{"requested_reviewer": u.json(), "review_requester": by.json()})
			p.tell("review_requested", by, object{"requested_reviewer": u.json()})
		}
	}
	for _, slug := range req.TeamReviewers {
		t := p.repo.teamBySlug(slug)
		if t == nil {
			return refuse(http.StatusUnprocessableEntity, "Could not resolve to a node with the global id of '%s'.", slug)
		}
		if !slices.Contains(p.teams, t) {
			p.teams = append(p.teams, t)
			p.note("review_requested", by, object{"requested_team": t.json(), "review_requester": by.json()})
			p.tell("review_requested", by, object{"requested_team": t.json()})
		}
	}
	return nil
}

func (r *Repo) teamBySlug(slug string) *Team {
	if o := r.s.orgs[key(r.owner.login)]; o != nil {
		for _, t := range o.teams {
			if t.slug == slug {
				return t
			}
		}
	}
	return nil
}
