package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// intake is what a delivery amounts to.
type intake struct {
	delivery store.Delivery
	works    []store.Work
}

// reading is one payload being read.
type reading struct {
	payload
	event string
	id    string
	appID int64

	received time.Time
	out      intake
}

// readers are the events that lead to something. All others are answered and forgotten.
func readers() map[string]func(*reading) error {
	return map[string]func(*reading) error{
		"pull_request":                    (*reading).pullRequest,
		"pull_request_review":             (*reading).review,
		"issue_comment":                   (*reading).issueComment,
		"check_run":                       (*reading).checkRun,
		"check_suite":                     (*reading).checkSuite,
		"workflow_run":                    (*reading).workflowRun,
		"status":                          (*reading).status,
		"push":                            (*reading).push,
		"merge_group":                     (*reading).mergeGroup,
		"membership":                      (*reading).members,
		"team":                            (*reading).members,
		"team_add":                        (*reading).members,
		"organization":                    (*reading).members,
		"member":                          (*reading).members,
		"installation":                    (*reading).installation,
		"installation_repositories":       (*reading).installation,
		"repository":                      (*reading).repositoryChanged,
		"deployment_protection_rule":      (*reading).deployment,
		"branch_protection_rule":          (*reading).protection,
		"repository_ruleset":              (*reading).protection,
		"branch_protection_configuration": (*reading).protection,
		"custom_property_values":          (*reading).members,
	}
}

// knownEvent is an event's name for a metric: a stranger must not be able to invent label values.
func knownEvent(event string) string {
	if _, ok := readers()[event]; ok {
		return event
	}
	return "other"
}

// interpret works out what a signed payload asks for.
func (h *Handler) interpret(event, id string, body []byte) (intake, error) {
	read, ok := readers()[event]
	if !ok {
		return intake{}, nil
	}
	r := &reading{event: event, id: id, appID: h.options.AppID, received: h.options.Clock().UTC()}
	if err := json.Unmarshal(body, &r.payload); err != nil {
		return intake{}, refuse(http.StatusBadRequest, "the payload is not a %s event: %v", event, err)
	}
	if err := read(r); err != nil {
		return intake{}, refuse(http.StatusBadRequest, "the payload is not a %s event: %v", event, err)
	}
	r.describe()
	return r.out, nil
}

// describe fills in what is kept about the delivery itself.
func (r *reading) describe() {
	d := &r.out.delivery
	d.Action = r.Action
	d.InstallationID = r.Installation.ID
	summary := map[string]any{"sender": r.Sender.Login}
	if r.Repository != nil {
		d.Repository = r.Repository.FullName
		summary["repository_id"] = r.Repository.ID
	}
	if r.PullRequest != nil {
		summary["number"], summary["head"], summary["base"] = r.PullRequest.Number, r.PullRequest.Head.SHA, r.PullRequest.Base.Ref
	}
	if text, err := json.Marshal(summary); err == nil && len(text) <= 4096 {
		d.Summary = text
	}
}

func (r *reading) reason() string {
	if r.Action == "" {
		return r.event
	}
	return r.event + "." + r.Action
}

func (r *reading) target() work.Target {
	t := work.Target{InstallationID: r.Installation.ID, Reason: r.reason(), Delivery: r.id}
	if r.Repository != nil {
		t.RepositoryID, t.Owner, t.Name = r.Repository.ID, r.Repository.Owner.Login, r.Repository.Name
	}
	return t
}

// add puts down work; the parts of its key are joined by slashes.
func (r *reading) add(kind string, priority int, args any, key ...any) error {
	text, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("its fields cannot be kept: %w", err)
	}
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = fmt.Sprint(k)
	}
	joined := strings.Join(parts, "/")
	if len(joined) > 400 {
		return fmt.Errorf("a name in it has more than 400 bytes")
	}
	r.out.works = append(r.out.works, store.Work{Kind: kind, Key: joined, Args: text, Priority: priority})
	return nil
}

// Priorities: a person waits for a command; a sweep can lead to a thousand evaluations and comes after those that are waited for.
const (
	first    = 1
	ordinary = 2
	last     = 3
)

func (r *reading) needRepository() error {
	if r.Repository == nil || r.Repository.ID <= 0 || r.Repository.Name == "" || r.Repository.Owner.Login == "" {
		return fmt.Errorf("it has no repository with id, name and owner")
	}
	return nil
}

func (r *reading) needPullRequest() error {
	if err := r.needRepository(); err != nil {
		return err
	}
	if r.PullRequest == nil || r.PullRequest.Number <= 0 {
		return fmt.Errorf("it has no pull_request with a number")
	}
	return nil
}

func (r *reading) pullRequest() error {
	if err := r.needPullRequest(); err != nil {
		return err
	}
	pr := r.PullRequest
	switch r.Action {
	case "synchronize":
		r.pushed(pr.Head.SHA)
	case "closed":
		if pr.Merged {
			merged := work.Merged{Target: r.target(), Number: pr.Number, Head: pr.Head.SHA, Commit: pr.MergeCommitSHA, Branch: pr.Base.Ref,
				DefaultBranch: pr.Base.Ref == r.Repository.DefaultBranch, Actor: r.Sender.Login}
			if pr.MergedBy != nil && pr.MergedBy.Login != "" {
				merged.Actor = pr.MergedBy.Login
			}
			if err := r.add(work.KindMerged, ordinary, merged, r.Repository.ID, pr.Number); err != nil {
				return err
			}
		}
	case "opened", "reopened", "edited", "ready_for_review", "converted_to_draft", "labeled", "unlabeled":
	default:
		return nil // assigned, locked, review_requested...: nothing that a decision looks at
	}
	return r.evaluate(pr.Number)
}

// evaluate has the pull request of the payload judged, and keeps where it stands.
func (r *reading) evaluate(number int) error {
	pr := r.PullRequest
	if commitPattern.MatchString(pr.Head.SHA) && !strings.ContainsRune(pr.Base.Ref, 0) {
		at, _ := time.Parse(time.RFC3339, pr.UpdatedAt) // without one it counts for older than any that has one
		r.out.delivery.Told = &store.Told{
			RepositoryID: r.Repository.ID, PullRequest: number, Head: pr.Head.SHA, Base: pr.Base.Ref, Open: pr.State != "closed" && r.Action != "closed",
			Updated: at, Received: r.received,
		}
	}
	return r.add(work.KindEvaluate, ordinary, work.Evaluate{Target: r.target(), Number: number}, r.Repository.ID, number)
}

// pushed records who made a commit a head. Nobody does when a branch is deleted.
func (r *reading) pushed(sha string) {
	if r.Sender.Login != "" && sha != "" && strings.Trim(sha, "0") != "" && len(sha) <= 64 {
		r.out.delivery.Pushes = append(r.out.delivery.Pushes, store.Push{RepositoryID: r.Repository.ID, SHA: sha, Login: r.Sender.Login})
	}
}

func (r *reading) review() error {
	if err := r.needPullRequest(); err != nil {
		return err
	}
	switch r.Action {
	case "submitted", "edited", "dismissed":
		return r.evaluate(r.PullRequest.Number)
	}
	return nil
}

// issueComment takes commands from new comments only: an edited one could put words into somebody's mouth, for whoever may edit
// is not who wrote.
func (r *reading) issueComment() error {
	if err := r.needRepository(); err != nil {
		return err
	}
	if r.Issue == nil || r.Issue.Number <= 0 || r.Comment == nil || r.Comment.ID <= 0 {
		return fmt.Errorf("it has no issue and comment with their ids")
	}
	ours := r.Comment.App != nil && r.Comment.App.ID == r.appID
	if r.Issue.PullRequest == nil || ours {
		return nil
	}
	command, err := r.command()
	if command || err != nil {
		return err
	}
	// It may be an approval, or have been one, where the repository's configuration says that comments can be.
	return r.add(work.KindRemark, last, work.Evaluate{Target: r.target(), Number: r.Issue.Number}, r.Repository.ID, r.Issue.Number)
}

// command puts down the command that a new comment gives, if it gives one. An edited one gives none; where that would have broken the
// glass, its author is told and it is put on record.
func (r *reading) command() (bool, error) {
	edited := r.Action == "edited"
	if r.Action != "created" && !edited {
		return false, nil
	}
	line, _, _ := strings.Cut(r.Comment.Body, "\n")
	line = strings.TrimSpace(line)
	word, _, _ := strings.Cut(line, " ")
	if word != "/gatehouse" {
		return false, nil
	}
	if len(line) > 1000 {
		line = strings.ToValidUTF8(line[:1000], "")
	}
	command := work.Command{Target: r.target(), Number: r.Issue.Number, CommentID: r.Comment.ID, Login: r.Comment.User.Login, Line: line}
	if edited {
		if !strings.Contains(line, "break-glass") {
			return false, nil
		}
		command.Edited, command.Login = true, r.Sender.Login
		return true, r.add(work.KindCommand, first, command, r.Repository.ID, r.Issue.Number, r.Comment.ID, "edited")
	}
	return true, r.add(work.KindCommand, first, command, r.Repository.ID, r.Issue.Number, r.Comment.ID)
}

// sweepCommit asks about a commit. The pull requests that check events list are not used: for forks there are none.
func (r *reading) sweepCommit(what string, priority int, sha string, more work.Sweep) error {
	if err := r.needRepository(); err != nil {
		return err
	}
	if sha == "" || len(sha) > 64 {
		return fmt.Errorf("it has no commit")
	}
	more.Target, more.What, more.SHA, more.Action, more.Actor = r.target(), what, sha, r.Action, r.Sender.Login
	return r.add(work.KindSweep, priority, more, r.Repository.ID, what, sha)
}

func (r *reading) own(c *check) bool { return c.App != nil && c.App.ID == r.appID }

func (r *reading) checkRun() error {
	if r.CheckRun == nil {
		return fmt.Errorf("it has no check_run")
	}
	switch {
	case r.Action == "completed" && !r.own(r.CheckRun):
		return r.sweepCommit(work.SweepCommit, last, r.CheckRun.HeadSHA, work.Sweep{})
	case r.Action == "rerequested" && r.own(r.CheckRun):
		return r.sweepCommit(work.SweepRerequested, first, r.CheckRun.HeadSHA, work.Sweep{})
	case r.Action == "requested_action" && r.own(r.CheckRun):
		if r.RequestedAction == nil {
			return fmt.Errorf("it has no requested_action")
		}
		return r.sweepCommit(work.SweepRerequested, first, r.CheckRun.HeadSHA, work.Sweep{Button: clip(r.RequestedAction.Identifier)})
	}
	return nil
}

func (r *reading) checkSuite() error {
	if r.CheckSuite == nil {
		return fmt.Errorf("it has no check_suite")
	}
	switch { // completed says nothing that the runs' own events did not say
	case r.Action == "requested" && r.own(r.CheckSuite):
		return r.sweepCommit(work.SweepRequested, ordinary, r.CheckSuite.HeadSHA, work.Sweep{})
	case r.Action == "rerequested" && r.own(r.CheckSuite):
		return r.sweepCommit(work.SweepRerequested, first, r.CheckSuite.HeadSHA, work.Sweep{})
	}
	return nil
}

func (r *reading) workflowRun() error {
	if r.WorkflowRun == nil {
		return fmt.Errorf("it has no workflow_run")
	}
	if r.Action != "completed" {
		return nil
	}
	return r.sweepCommit(work.SweepCommit, ordinary, r.WorkflowRun.HeadSHA, work.Sweep{WorkflowRunID: r.WorkflowRun.ID})
}

func (r *reading) status() error { return r.sweepCommit(work.SweepCommit, last, r.SHA, work.Sweep{}) }

// push looks at branches: who pushed, whether it went around the gate, and what it means for pull requests into the branch.
// Whether a branch is protected is not in the payload, so the handler of [work.Merged] has to see.
func (r *reading) push() error {
	if err := r.needRepository(); err != nil {
		return err
	}
	name, ok := strings.CutPrefix(r.Ref, "refs/heads/")
	if !ok {
		return nil // a tag
	}
	isDefault := name == r.Repository.DefaultBranch
	r.pushed(r.After)
	landed := work.Merged{Target: r.target(), Commit: r.After, Before: r.Before, Branch: name, DefaultBranch: isDefault, Forced: r.Forced,
		Deleted: r.Deleted, Actor: r.Sender.Login}
	if err := r.add(work.KindMerged, last, landed, r.Repository.ID, "push", name, r.After); err != nil {
		return err
	}
	if r.Deleted {
		return nil
	}
	moved := work.Sweep{Target: r.target(), What: work.SweepBranch, Branch: name, DefaultBranch: isDefault, Before: r.Before, After: r.After, Actor: r.Sender.Login}
	if err := r.add(work.KindSweep, last, moved, r.Repository.ID, work.SweepBranch, name); err != nil {
		return err
	}
	if isDefault && r.Repository.Name == ".github" { // the organisation's default configuration may live here
		moved.Organization = r.Repository.Owner.Login
		return r.add(work.KindSweep, last, moved, "org", strings.ToLower(moved.Organization), work.SweepBranch)
	}
	return nil
}

func (r *reading) mergeGroup() error {
	if r.MergeGroup == nil {
		return fmt.Errorf("it has no merge_group")
	}
	if r.Action != "checks_requested" {
		return nil
	}
	g := r.MergeGroup
	return r.sweepCommit(work.SweepMergeGroup, first, g.HeadSHA, work.Sweep{Branch: strings.TrimPrefix(g.BaseRef, "refs/heads/"), Before: g.BaseSHA, After: g.HeadSHA, Ref: g.HeadRef})
}

// members: who belongs to what, or may do what, has changed.
func (r *reading) members() error {
	s := work.Sweep{Target: r.target(), What: work.SweepMembers, Action: r.Action, Organization: r.Organization.Login, Actor: r.Sender.Login}
	if r.Repository != nil && r.event != "organization" && r.event != "membership" {
		if err := r.needRepository(); err != nil {
			return err
		}
		return r.add(work.KindSweep, last, s, r.Repository.ID, work.SweepMembers)
	}
	if s.Organization == "" {
		return fmt.Errorf("it has neither repository nor organization")
	}
	return r.add(work.KindSweep, last, s, "org", strings.ToLower(s.Organization), work.SweepMembers)
}

func (r *reading) installation() error {
	if r.Installation.ID <= 0 {
		return fmt.Errorf("it has no installation with an id")
	}
	r.posture(work.Target{InstallationID: r.Installation.ID, Reason: r.reason(), Delivery: r.id})
	s := work.Sweep{Target: r.target(), What: work.SweepInstallation, Action: r.Action, Organization: r.Installation.Account.Login, Actor: r.Sender.Login}
	return r.add(work.KindSweep, ordinary, s, "installation", strconv.FormatInt(r.Installation.ID, 10))
}

// clip bounds what is carried along.
func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "")
	}
	return s
}
