package githubsim

import (
	"fmt"
	"slices"
	"time"
)

// Issue is an issue, or the issue half of a pull request.
type Issue struct {
	s        *Server
	repo     *Repo
	pr       *PR // nil for a plain issue
	id       int64
	number   int
	title    string
	body     string
	author   *User
	via      *App
	state    string // open, closed
	labels   []string
	comments []*Comment
	events   []object // timeline, without the commits
	made     time.Time
	updated  time.Time
	closed   time.Time
	closedBy *User
}

// OpenIssue opens an issue and sends issues.opened.
func (r *Repo) OpenIssue(by, title, body string) *Issue {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.openIssue(actor{user: r.s.mustUser(by)}, title, body, nil)
}

func (r *Repo) openIssue(by actor, title, body string, labels []string) *Issue {
	i := r.newIssue(by, title, body)
	i.labels = labels
	r.s.emit("issues", "opened", r, by.user, object{"issue": i.json()})
	return i
}

func (r *Repo) newIssue(by actor, title, body string) *Issue {
	r.nextNumber++
	now := r.s.now()
	i := &Issue{
		s: r.s, repo: r, id: r.s.id(), number: r.nextNumber, title: title, body: body, author: by.user, via: by.app,
		state: "open", made: now, updated: now,
	}
	r.issues[i.number] = i
	return i
}

// Number is the number of the issue or pull request.
func (i *Issue) Number() int { return i.number }

// Label adds a label and sends the labeled event.
func (i *Issue) Label(by, label string) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.addLabel(i.s.mustUser(by), label)
}

// Unlabel takes a label off and sends the unlabeled event.
func (i *Issue) Unlabel(by, label string) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.dropLabel(i.s.mustUser(by), label)
}

// SetTitle edits the title.
func (i *Issue) SetTitle(by, title string) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.edit(i.s.mustUser(by), title, i.body)
}

// SetBody edits the description.
func (i *Issue) SetBody(by, body string) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.edit(i.s.mustUser(by), i.title, body)
}

// Close closes without merging.
func (i *Issue) Close(by string) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.close(i.s.mustUser(by))
}

// Reopen opens again what was closed without merging.
func (i *Issue) Reopen(by string) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.reopen(i.s.mustUser(by))
}

func (i *Issue) addLabel(by *User, label string) {
	if slices.Contains(i.labels, label) {
		return
	}
	i.labels = append(i.labels, label)
	i.note("labeled", by, object{"label": object{"name": label, "color": "ededed"}})
	i.tell("labeled", by, object{"label": i.repo.labelJSON(label)})
}

func (i *Issue) dropLabel(by *User, label string) {
	if !slices.Contains(i.labels, label) {
		return
	}
	i.labels = slices.DeleteFunc(i.labels, func(l string) bool { return l == label })
	i.note("unlabeled", by, object{"label": object{"name": label, "color": "ededed"}})
	i.tell("unlabeled", by, object{"label": i.repo.labelJSON(label)})
}

func (i *Issue) edit(by *User, title, body string) {
	changes := object{}
	if title != i.title {
		changes["title"] = object{"from": i.title}
		i.note("renamed", by, object{"rename": object{"from": i.title, "to": title}})
	}
	if body != i.body {
		changes["body"] = object{"from": i.body}
	}
	if len(changes) > 0 {
		i.title, i.body = title, body
		i.tell("edited", by, object{"changes": changes})
	}
}

func (i *Issue) close(by *User) {
	if i.state == "closed" {
		return
	}
	i.state, i.closed, i.closedBy = "closed", i.s.now(), by
	i.note("closed", by, object{"commit_id": nil, "commit_url": nil})
	i.tell("closed", by, nil)
}

func (i *Issue) reopen(by *User) {
	if i.state == "open" || (i.pr != nil && i.pr.merged) {
		return
	}
	i.state, i.closed, i.closedBy = "open", time.Time{}, nil
	i.note("reopened", by, nil)
	if i.pr != nil {
		i.pr.follow()
	}
	i.tell("reopened", by, nil)
}

// note adds a timeline event.
func (i *Issue) note(event string, by *User, extra object) {
	i.updated = i.s.now()
	id := i.s.id()
	i.events = append(i.events, with(object{
		"id": id, "node_id": nodeID("Event", id), "url": i.repo.api(fmt.Sprintf("/issues/events/%d", id)), "actor": by.json(),
		"event": event, "commit_id": nil, "commit_url": nil, "created_at": stamp(i.updated), "performed_via_github_app": nil,
	}, extra))
}

// tell sends the pull_request or issues event.
func (i *Issue) tell(action string, by *User, extra object) {
	i.updated = i.s.now()
	if i.pr != nil {
		i.s.emit("pull_request", action, i.repo, by, with(object{"number": i.number, "pull_request": i.pr.webhookJSON()}, extra))
		return
	}
	i.s.emit("issues", action, i.repo, by, with(object{"issue": i.json()}, extra))
}

func (r *Repo) labelJSON(name string) object {
	if r.labels[name] == 0 {
		r.labels[name] = r.s.id()
	}
	id := r.labels[name]
	return object{
		"id": id, "node_id": nodeID("Label", id), "url": r.api("/labels/" + name), "name": name, "color": "ededed", "default": false,
		"description": "",
	}
}

func (i *Issue) labelsJSON() []object {
	out := []object{}
	for _, l := range i.labels {
		out = append(out, i.repo.labelJSON(l))
	}
	return out
}

func (r *Repo) association(u *User) string {
	if u == r.owner {
		return "OWNER"
	}
	if o := r.s.orgs[key(r.owner.login)]; o != nil && o.members[u] != "" {
		return "MEMBER"
	}
	if _, invited := r.grants[u]; invited {
		return "COLLABORATOR"
	}
	if slices.ContainsFunc(r.prs, func(p *PR) bool { return p.author == u && p.merged }) {
		return "CONTRIBUTOR"
	}
	return "NONE"
}

func (i *Issue) json() object {
	api := i.repo.api(fmt.Sprintf("/issues/%d", i.number))
	out := object{
		"id": i.id, "node_id": nodeID("Issue", i.id), "url": api, "repository_url": i.repo.api(""), "labels_url": api + "/labels{/name}",
		"comments_url": api + "/comments", "events_url": api + "/events", "html_url": i.repo.html(fmt.Sprintf("/issues/%d", i.number)),
		"number": i.number, "state": i.state, "state_reason": nil, "title": i.title, "body": orNil(i.body), "user": i.author.json(),
		"labels": i.labelsJSON(), "assignee": nil, "assignees": []object{}, "milestone": nil, "locked": false,
		"active_lock_reason": nil, "comments": len(i.comments), "closed_at": stamp(i.closed), "created_at": stamp(i.made),
		"updated_at": stamp(i.updated), "closed_by": i.closedBy.orNull(), "author_association": i.repo.association(i.author),
		"timeline_url": api + "/timeline", "reactions": reactionsJSON(api, nil), "performed_via_github_app": viaJSON(i.via),
	}
	if i.pr != nil {
		p := i.repo.html(fmt.Sprintf("/pull/%d", i.number))
		out["html_url"], out["draft"] = p, i.pr.draft
		out["pull_request"] = object{
			"url": i.repo.api(fmt.Sprintf("/pulls/%d", i.number)), "html_url": p, "diff_url": p + ".diff", "patch_url": p + ".patch",
			"merged_at": stamp(i.pr.mergedAt),
		}
	}
	return out
}

// orNull is json for a user that may be missing, as an untyped nil.
func (u *User) orNull() any {
	if u == nil {
		return nil
	}
	return u.json()
}

func viaJSON(a *App) any {
	if a == nil {
		return nil
	}
	return a.json()
}
