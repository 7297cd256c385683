package githubsim

import (
	"net/http"
	"slices"
)

func (c *call) issue() (*Issue, error) {
	if i := c.repo.issues[c.num("number")]; i != nil {
		return i, nil
	}
	return nil, notFound()
}

func (c *call) getIssue() (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	return ok(i.json())
}

func (c *call) listIssues() (reply, error) {
	want, items := c.query("state"), []object{}
	for n := c.repo.nextNumber; n > 0; n-- {
		i := c.repo.issues[n]
		if i == nil || (want != "all" && i.state != orState(want)) {
			continue
		}
		if l := c.query("labels"); l != "" && !slices.Contains(i.labels, l) {
			continue
		}
		if by := c.query("creator"); by != "" && key(by) != key(i.author.login) {
			continue
		}
		items = append(items, i.json())
	}
	return c.list(items)
}

func orState(v string) string {
	if v == "" {
		return "open"
	}
	return v
}

func (c *call) createIssue() (reply, error) {
	var req struct {
		Title  string   `json:"title"`
		Body   string   `json:"body"`
		Labels []string `json:"labels"`
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	if req.Title == "" {
		return reply{}, badRequest(`"title" wasn't supplied.`)
	}
	if tooLong(req.Title, 256) {
		return reply{}, invalid("Issue", "title", "custom", "title is too long (maximum is 256 characters)")
	}
	if tooLong(req.Body, maxComment) {
		return reply{}, invalid("Issue", "body", "custom", bodyTooLong)
	}
	return created(c.repo.openIssue(c.actor, req.Title, req.Body, req.Labels).json())
}

func (c *call) editIssue() (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	var req struct {
		Title, Body, State *string
		Labels             *[]string
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	title, body := i.title, i.body
	if req.Title != nil {
		title = *req.Title
	}
	if req.Body != nil {
		body = *req.Body
	}
	if tooLong(body, maxComment) {
		return reply{}, invalid("Issue", "body", "custom", bodyTooLong)
	}
	i.edit(c.actor.user, title, body)
	if req.Labels != nil {
		for _, l := range slices.Clone(i.labels) {
			if !slices.Contains(*req.Labels, l) {
				i.dropLabel(c.actor.user, l)
			}
		}
		for _, l := range *req.Labels {
			i.addLabel(c.actor.user, l)
		}
	}
	if req.State != nil && *req.State == "closed" {
		i.close(c.actor.user)
	} else if req.State != nil {
		i.reopen(c.actor.user)
	}
	return ok(i.json())
}

func (c *call) listLabels() (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	return c.list(i.labelsJSON())
}

func (c *call) addLabels() (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	var req struct {
		Labels []string `json:"labels"`
	}
	if err := c.decode(&req); err != nil {
		if err := c.decode(&req.Labels); err != nil { // a bare list is accepted too
			return reply{}, err
		}
	}
	for _, l := range req.Labels {
		i.addLabel(c.actor.user, l)
	}
	return ok(i.labelsJSON())
}

func (c *call) removeLabel() (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	if !slices.Contains(i.labels, c.params["label"]) {
		return reply{}, refuse(http.StatusNotFound, "Label does not exist")
	}
	i.dropLabel(c.actor.user, c.params["label"])
	return ok(i.labelsJSON())
}

// timeline merges what happened with the commits that are still part of the pull request.
func (c *call) timeline() (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	current := map[string]commitInfo{}
	if i.pr != nil {
		for _, ci := range i.pr.commits() {
			current[ci.sha] = ci
		}
	}
	items := []object{}
	for _, e := range i.events {
		if e["event"] == "committed" {
			ci, still := current[e["sha"].(string)]
			if !still {
				continue
			}
			full := i.repo.commitJSON(ci)
			items = append(items, with(full["commit"].(object), object{
				"event": "committed", "sha": ci.sha, "node_id": full["node_id"], "html_url": full["html_url"], "parents": full["parents"],
				"url": i.repo.api("/git/commits/" + ci.sha),
			}))
			continue
		}
		if cm, isComment := e["comment"].(*Comment); isComment {
			items = append(items, with(cm.json(), object{"event": "commented", "actor": cm.user.json()}))
			continue
		}
		if rv, isReview := e["review"].(*Review); isReview {
			items = append(items, with(rv.json(), object{"event": "reviewed", "state": lower(rv.state)}))
			continue
		}
		items = append(items, e)
	}
	return c.list(items)
}
