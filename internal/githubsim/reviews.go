package githubsim

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Review states.
const (
	Approved         = "APPROVED"
	ChangesRequested = "CHANGES_REQUESTED"
	Commented        = "COMMENTED"
	Dismissed        = "DISMISSED"
)

// ReviewSpec describes a review to submit.
type ReviewSpec struct {
	By, State, Body string
	Commit          string // the head when ""; an older commit of the pull request is accepted, as on GitHub
}

// Review is a submitted review.
type Review struct {
	s      *Server
	pr     *PR
	id     int64
	user   *User
	state  string
	body   string
	commit string
	made   time.Time
}

// Approve submits an approval of the head.
func (p *PR) Approve(by string) *Review { return p.Review(by, Approved, "") }

// RequestChanges submits a review that asks for changes.
func (p *PR) RequestChanges(by, body string) *Review { return p.Review(by, ChangesRequested, body) }

// Review submits a review of the head and sends pull_request_review.submitted. It panics where TryReview fails.
func (p *PR) Review(by, state, body string) *Review {
	if body == "" && state != Approved {
		body = "See above."
	}
	rv, err := p.TryReview(ReviewSpec{By: by, State: state, Body: body})
	if err != nil {
		panic(fmt.Sprintf("githubsim: review by %s: %v", by, err))
	}
	return rv
}

// TryReview is Review where GitHub may refuse it (*Refusal), for one an author's approval.
func (p *PR) TryReview(spec ReviewSpec) (*Review, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.submit(p.s.mustUser(spec.By), spec.State, spec.Body, spec.Commit)
}

// ID is the review's number.
func (rv *Review) ID() int64 { return rv.id }

// Dismiss dismisses an approval or a request for changes and sends pull_request_review.dismissed.
func (rv *Review) Dismiss(by, message string) {
	rv.s.mu.Lock()
	defer rv.s.mu.Unlock()
	rv.dismiss(rv.s.mustUser(by), message)
}

// Edit changes the text of a review and sends pull_request_review.edited.
func (rv *Review) Edit(by, body string) {
	rv.s.mu.Lock()
	defer rv.s.mu.Unlock()
	old := rv.body
	rv.body = body
	rv.tell("edited", rv.s.mustUser(by), object{"changes": object{"body": object{"from": old}}})
}

func (p *PR) submit(by *User, state, body, commit string) (*Review, error) {
	unprocessable := func(why string) error {
		return &Refusal{Status: http.StatusUnprocessableEntity, Message: "Unprocessable Entity", Errors: []any{why}}
	}
	switch {
	case by == p.author && state == Approved:
		return nil, unprocessable("Can not approve your own pull request")
	case by == p.author && state == ChangesRequested:
		return nil, unprocessable("Can not request changes on your own pull request")
	case state != Approved && body == "":
		return nil, unprocessable("Could not create review: body is required for this event")
	case p.repo.roleOf(by) < roleRead && by.kind != "Bot":
		return nil, notFound()
	}
	if commit == "" {
		commit = p.headSHA
	}
	if !slices.ContainsFunc(p.commits(), func(ci commitInfo) bool { return ci.sha == commit }) && !p.knew(commit) {
		return nil, unprocessable("The commit ID is not part of the pull request")
	}
	rv := &Review{s: p.s, pr: p, id: p.s.id(), user: by, state: state, body: body, commit: commit, made: p.s.now()}
	p.reviews = append(p.reviews, rv)
	p.reviewers = slices.DeleteFunc(p.reviewers, func(u *User) bool { return u == by })
	p.events = append(p.events, object{"event": "reviewed", "review": rv})
	rv.tell("submitted", by, nil)
	return rv, nil
}

// knew tells whether a commit was once part of the pull request.
func (p *PR) knew(sha string) bool {
	return slices.ContainsFunc(p.events, func(e object) bool { return e["event"] == "committed" && e["sha"] == sha })
}

func (rv *Review) dismiss(by *User, message string) {
	was := rv.state
	rv.state = Dismissed
	rv.pr.note("review_dismissed", by, object{"dismissed_review": object{
		"state": lower(was), "review_id": rv.id, "dismissal_message": orNil(message),
	}})
	rv.tell("dismissed", by, nil)
}

// dismissStale ends approvals on a push where protection asks for it.
func (p *PR) dismissStale(by *User) {
	if !p.repo.rulesFor(p.baseRef).dismissStale {
		return
	}
	for _, rv := range p.reviews {
		if rv.state == Approved && rv.commit != p.headSHA {
			rv.dismiss(by, "")
		}
	}
}

func (rv *Review) tell(action string, by *User, extra object) {
	rv.pr.updated = rv.s.now()
	j := rv.json()
	j["state"] = lower(rv.state) // lower case in payloads, upper case over REST
	rv.s.emit("pull_request_review", action, rv.pr.repo, by, with(object{"review": j, "pull_request": rv.pr.shortJSON()}, extra))
}

func (rv *Review) json() object {
	html := rv.pr.repo.html(fmt.Sprintf("/pull/%d#pullrequestreview-%d", rv.pr.number, rv.id))
	api := rv.pr.repo.api(fmt.Sprintf("/pulls/%d", rv.pr.number))
	return object{
		"id": rv.id, "node_id": nodeID("PullRequestReview", rv.id), "user": rv.user.json(), "body": rv.body, "state": rv.state,
		"html_url": html, "pull_request_url": api, "author_association": rv.pr.repo.association(rv.user),
		"_links":       object{"html": object{"href": html}, "pull_request": object{"href": api}},
		"submitted_at": stamp(rv.made), "commit_id": rv.commit,
	}
}

func (c *call) listReviews() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	for _, rv := range p.reviews {
		items = append(items, rv.json())
	}
	return c.list(items)
}

func (c *call) review() (*Review, error) {
	p, err := c.pull()
	if err != nil {
		return nil, err
	}
	for _, rv := range p.reviews {
		if rv.id == int64(c.num("id")) {
			return rv, nil
		}
	}
	return nil, notFound()
}

func (c *call) getReview() (reply, error) {
	rv, err := c.review()
	if err != nil {
		return reply{}, err
	}
	return ok(rv.json())
}

func (c *call) createReview() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var req struct {
		Event    string `json:"event"`
		Body     string `json:"body"`
		CommitID string `json:"commit_id"`
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	events := map[string]string{"APPROVE": Approved, "REQUEST_CHANGES": ChangesRequested, "COMMENT": Commented}
	state, known := events[req.Event]
	if !known {
		return reply{}, badRequest(notMember(req.Event, []string{"APPROVE", "REQUEST_CHANGES", "COMMENT"}))
	}
	rv, err := p.submit(c.actor.user, state, req.Body, req.CommitID)
	if err != nil {
		return reply{}, err
	}
	return ok(rv.json())
}

func (c *call) dismissReview() (reply, error) {
	rv, err := c.review()
	if err != nil {
		return reply{}, err
	}
	var req struct {
		Message string `json:"message"`
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	if req.Message == "" {
		return reply{}, badRequest(`"message" wasn't supplied.`)
	}
	if rv.state != Approved && rv.state != ChangesRequested {
		return reply{}, refuse(http.StatusUnprocessableEntity, "Can not dismiss a %s pull request review", lower(rv.state))
	}
	rv.dismiss(c.actor.user, req.Message)
	return ok(rv.json())
}
