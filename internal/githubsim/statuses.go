package githubsim

import (
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

const (
	maxStatuses          = 1000
	maxStatusDescription = 140
)

var statusStates = []string{"error", "failure", "pending", "success"}

// status is a commit status. Anyone with write access can post one under any name.
type status struct {
	id          int64
	sha         string
	state       string
	context     string
	description string
	targetURL   string
	creator     actor
	made        time.Time
}

// SetStatus posts a commit status as a person with write access would.
func (r *Repo) SetStatus(by, sha, context, state string) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	u := r.s.mustUser(by)
	if r.roleOf(u) < roleWrite {
		return notFound()
	}
	_, err := r.addStatus(status{sha: sha, state: state, context: context, creator: actor{user: u}})
	return err
}

func (r *Repo) addStatus(st status) (*status, error) {
	if !slices.Contains(statusStates, st.state) {
		return nil, invalid("Status", "state", "custom", "state is not included in the list")
	}
	if utf8.RuneCountInString(st.description) > maxStatusDescription {
		return nil, invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	if !r.hasCommit(st.sha) {
		return nil, refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", st.sha)
	}
	n := 0
	for _, x := range r.statuses {
		if x.sha == st.sha && x.context == st.context {
			n++
		}
	}
	if n >= maxStatuses {
		return nil, customError("Status", "This SHA and context has reached the maximum number of statuses.")
	}
	st.id, st.made = r.s.id(), r.s.now()
	r.statuses = append(r.statuses, &st)
	ci, _ := r.commit(st.sha)
	branches := []object{}
	for _, b := range r.branchesAt(st.sha) {
		branches = append(branches, object{
			"name": b, "protected": r.isProtected(b), "commit": object{"sha": st.sha, "url": r.api("/commits/" + st.sha)},
		})
	}
	r.s.emit("status", "", r, st.creator.user, object{
		"id": st.id, "sha": st.sha, "name": r.fullName(), "avatar_url": nil, "target_url": orNil(st.targetURL), "context": st.context,
		"description": orNil(st.description), "state": st.state, "commit": r.commitJSON(ci), "branches": branches,
		"created_at": stamp(st.made), "updated_at": stamp(st.made),
	})
	return &st, nil
}

// statusesAt lists the statuses of a commit, newest first; latest keeps one of each context.
func (r *Repo) statusesAt(sha string, latest bool) []*status {
	var out []*status
	for _, st := range slices.Backward(r.statuses) {
		if st.sha != sha {
			continue
		}
		if latest && slices.ContainsFunc(out, func(o *status) bool { return o.context == st.context }) {
			continue
		}
		out = append(out, st)
	}
	return out
}

func (st *status) json(r *Repo) object {
	return object{
		"url": r.api("/statuses/" + st.sha), "avatar_url": nil, "id": st.id, "node_id": nodeID("StatusContext", st.id), "state": st.state,
		"description": orNil(st.description), "target_url": orNil(st.targetURL), "context": st.context, "created_at": stamp(st.made),
		"updated_at": stamp(st.made), "creator": st.creator.user.json(),
	}
}

func (c *call) createStatus() (reply, error) {
	var req struct {
		State       string  `json:"state"`
		Context     *string `json:"context"`
		Description string  `json:"description"`
		TargetURL   string  `json:"target_url"`
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	st := status{
		sha: c.params["sha"], state: req.State, context: "default", description: req.Description, targetURL: req.TargetURL, creator: c.actor,
	}
	if req.Context != nil {
		st.context = *req.Context
	}
	made, err := c.repo.addStatus(st)
	if err != nil {
		return reply{}, err
	}
	return created(made.json(c.repo))
}

func (c *call) listStatuses() (reply, error) {
	ci, err := c.commitParam("ref")
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	for _, st := range c.repo.statusesAt(ci.sha, false) {
		items = append(items, st.json(c.repo))
	}
	return c.list(items)
}

func (c *call) combinedStatus() (reply, error) {
	ci, err := c.commitParam("ref")
	if err != nil {
		return reply{}, err
	}
	state, items := "success", []object{}
	latest := c.repo.statusesAt(ci.sha, true)
	if len(latest) == 0 {
		state = "pending"
	}
	for _, st := range latest {
		items = append(items, st.json(c.repo))
		switch {
		case st.state == "failure" || st.state == "error":
			state = "failure"
		case st.state == "pending" && state != "failure":
			state = "pending"
		}
	}
	return c.page(items, func(total int, cut []object) any {
		return object{
			"state": state, "statuses": cut, "sha": ci.sha, "total_count": total, "repository": c.repo.json(),
			"commit_url": c.repo.api("/commits/" + ci.sha), "url": c.repo.api("/commits/" + ci.sha + "/status"),
		}
	})
}
