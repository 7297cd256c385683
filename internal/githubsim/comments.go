package githubsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxComment  = 65536
	bodyTooLong = "body is too long (maximum is 65536 characters)"
)

// Comment is a comment on an issue or pull request.
type Comment struct {
	s         *Server
	issue     *Issue
	id        int64
	user      *User
	via       *App
	body      string
	made      time.Time
	updated   time.Time
	reactions []*reaction
	deleted   bool
}

type reaction struct {
	id      int64
	user    *User
	content string
	made    time.Time
}

var reactionNames = []string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}

// Comment writes a comment and sends issue_comment.created.
func (i *Issue) Comment(by, body string) *Comment {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return i.addComment(actor{user: i.s.mustUser(by)}, body)
}

// ID is the comment's number.
func (cm *Comment) ID() int64 { return cm.id }

// Edit changes the text and sends issue_comment.edited.
func (cm *Comment) Edit(by, body string) {
	cm.s.mu.Lock()
	defer cm.s.mu.Unlock()
	cm.edit(cm.s.mustUser(by), body)
}

// Delete removes the comment and sends issue_comment.deleted.
func (cm *Comment) Delete(by string) {
	cm.s.mu.Lock()
	defer cm.s.mu.Unlock()
	cm.remove(cm.s.mustUser(by))
}

func (i *Issue) addComment(by actor, body string) *Comment {
	now := i.s.now()
	cm := &Comment{s: i.s, issue: i, id: i.s.id(), user: by.user, via: by.app, body: body, made: now, updated: now}
	i.comments = append(i.comments, cm)
	i.events = append(i.events, object{"event": "commented", "comment": cm})
	cm.tell("created", by.user, nil)
	return cm
}

func (cm *Comment) edit(by *User, body string) {
	old := cm.body
	cm.body, cm.updated = body, cm.s.now()
	cm.tell("edited", by, object{"changes": object{"body": object{"from": old}}})
}

func (cm *Comment) remove(by *User) {
	i := cm.issue
	cm.deleted = true
	i.comments = slices.DeleteFunc(i.comments, func(x *Comment) bool { return x == cm })
	i.events = slices.DeleteFunc(i.events, func(e object) bool { return e["comment"] == cm })
	cm.tell("deleted", by, nil)
}

func (cm *Comment) tell(action string, by *User, extra object) {
	i := cm.issue
	i.updated = i.s.now()
	i.s.emit("issue_comment", action, i.repo, by, with(object{"issue": i.json(), "comment": cm.json()}, extra))
}

func (cm *Comment) json() object {
	i := cm.issue
	api := i.repo.api(fmt.Sprintf("/issues/comments/%d", cm.id))
	kind := "issues"
	if i.pr != nil {
		kind = "pull"
	}
	return object{
		"id": cm.id, "node_id": nodeID("IssueComment", cm.id), "url": api, "user": cm.user.json(), "body": cm.body,
		"html_url":  i.repo.html(fmt.Sprintf("/%s/%d#issuecomment-%d", kind, i.number, cm.id)),
		"issue_url": i.repo.api(fmt.Sprintf("/issues/%d", i.number)), "created_at": stamp(cm.made), "updated_at": stamp(cm.updated),
		"author_association": i.repo.association(cm.user), "performed_via_github_app": viaJSON(cm.via),
		"reactions": reactionsJSON(api, cm.reactions),
	}
}

func reactionsJSON(api string, list []*reaction) object {
	out := object{"url": api + "/reactions", "total_count": len(list)}
	for _, n := range reactionNames {
		count := 0
		for _, r := range list {
			if r.content == n {
				count++
			}
		}
		out[n] = count
	}
	return out
}

func (r *reaction) json() object {
	return object{
		"id": r.id, "node_id": nodeID("Reaction", r.id), "user": r.user.json(), "content": r.content, "created_at": stamp(r.made),
	}
}

func tooLong(s string, limit int) bool { return utf8.RuneCountInString(s) > limit }

func lower(s string) string { return strings.ToLower(s) }

func (c *call) commentBody() (string, error) {
	var req struct {
		Body *string `json:"body"`
	}
	if err := c.decode(&req); err != nil {
		return "", err
	}
	if req.Body == nil {
		return "", badRequest(`"body" wasn't supplied.`)
	}
	if strings.TrimSpace(*req.Body) == "" {
		return "", invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
	}
	if tooLong(*req.Body, maxComment) {
		return "", invalid("IssueComment", "data", "unprocessable", "Body is too long (maximum is 65536 characters)")
	}
	return *req.Body, nil
}

func (c *call) createComment() (reply, error) {
	i, err := c.issueOrPR()
	if err != nil {
		return reply{}, err
	}
	body, err := c.commentBody()
	if err != nil {
		return reply{}, err
	}
	return created(i.addComment(c.actor, body).json())
}

// issueOrPR refuses an App that may write only the other kind.
func (c *call) issueOrPR() (*Issue, error) {
	i, err := c.issue()
	if err != nil || c.actor.inst == nil {
		return i, err
	}
	level := "write"
	if c.r.Method == http.MethodGet {
		level = "read"
	}
	if i.pr == nil && !c.actor.may("issues:"+level) {
		return nil, c.requireApp(need{app: "issues:" + level}, false)
	}
	return i, nil
}

func (c *call) listComments() (reply, error) {
	i, err := c.issueOrPR()
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	since, _ := time.Parse(time.RFC3339, c.query("since"))
	for _, cm := range i.comments {
		if !cm.updated.Before(since) {
			items = append(items, cm.json())
		}
	}
	return c.list(items)
}

func (c *call) comment() (*Comment, error) {
	for _, i := range c.repo.issues {
		for _, cm := range i.comments {
			if cm.id == int64(c.num("id")) {
				return cm, nil
			}
		}
	}
	return nil, notFound()
}

func (c *call) getComment() (reply, error) {
	cm, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	return ok(cm.json())
}

// ownComment finds a comment that the caller may change: its own, or any with write access.
func (c *call) ownComment() (*Comment, error) {
	cm, err := c.comment()
	if err != nil {
		return nil, err
	}
	if cm.user != c.actor.user && c.actor.inst == nil && c.repo.roleOf(c.actor.user) < roleWrite {
		return nil, refuse(http.StatusForbidden, "Must have admin rights to Repository.")
	}
	return cm, nil
}

func (c *call) editComment() (reply, error) {
	cm, err := c.ownComment()
	if err != nil {
		return reply{}, err
	}
	body, err := c.commentBody()
	if err != nil {
		return reply{}, err
	}
	cm.edit(c.actor.user, body)
	return ok(cm.json())
}

func (c *call) deleteComment() (reply, error) {
	cm, err := c.ownComment()
	if err != nil {
		return reply{}, err
	}
	cm.remove(c.actor.user)
	return noContent()
}

func (c *call) createReaction() (reply, error) {
	cm, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	var req struct {
		Content string `json:"content"`
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	if !slices.Contains(reactionNames, req.Content) {
		return reply{}, badRequest(notMember(req.Content, reactionNames))
	}
	for _, r := range cm.reactions {
		if r.user == c.actor.user && r.content == req.Content {
			return ok(r.json())
		}
	}
	r := &reaction{id: c.s.id(), user: c.actor.user, content: req.Content, made: c.s.now()}
	cm.reactions = append(cm.reactions, r)
	return created(r.json())
}

func (c *call) listReactions() (reply, error) {
	cm, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	for _, r := range cm.reactions {
		items = append(items, r.json())
	}
	return c.list(items)
}

// badRequest is the 422 of a body that does not fit GitHub's schema.
func badRequest(lines ...string) *Refusal {
	return refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n%s", strings.Join(lines, "\n"))
}

func notMember(got string, want []string) string {
	return fmt.Sprintf("%q is not a possible value. Must be one of the following: %s.", got, strings.Join(want, ", "))
}
