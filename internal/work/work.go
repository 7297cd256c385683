// Package work names what there is to do: the kinds of work that webhooks leave in the queue and the pipeline carries out,
// with their arguments. It is the one thing that the receiving end and the pipeline share.
package work

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Kinds of work: the Kind of a store.Work, whose Args are the struct of the same name as JSON.
const (
	KindEvaluate = "evaluate"
	KindSweep    = "sweep"
	KindCommand  = "command"
	KindMerged   = "merged"
	KindRemark   = "remark"  // a comment that may be an approval; Args are an Evaluate
	KindExpire   = "expire"  // evaluate again, at a time: something ends then. Args are an Evaluate
	KindRequest  = "request" // ask for the reviews that a Publication's decision waits for
	KindCheck    = "check"   // write the check run of a head, from a Publication
	KindComment  = "comment" // write the sticky comment of a pull request, from a Publication
	KindPosture  = "posture" // look at how branches are protected
	KindDeploy   = "deploy"  // decide whether a commit may be deployed, from a Deployment
	KindAnswer   = "answer"  // tell GitHub what was decided about a deployment, from a DeploymentAnswer
)

// Target is where the work is to be done.
type Target struct {
	InstallationID int64  `json:"installation_id"` // 0: the payload did not say
	RepositoryID   int64  `json:"repository_id,omitempty"`
	Owner          string `json:"owner,omitempty"`
	Name           string `json:"name,omitempty"`
	Reason         string `json:"reason"`   // the event and its action: pull_request.opened
	Delivery       string `json:"delivery"` // id
}

// Where is the target of whatever holds one.
func (t Target) Where() Target { return t }

// Evaluate asks for one pull request to be evaluated. Key: REPOSITORY-ID/NUMBER.
type Evaluate struct {
	Target
	Number int `json:"number"`

	// Again asks for a fresh record and a fresh check even where nothing has changed.
	Again bool `json:"again,omitempty"`
}

// Key is the same for all works about the pull request.
func (e Evaluate) Key() string { return fmt.Sprintf("%d/%d", e.RepositoryID, e.Number) }

// Work is the work that judges the pull request.
func (e Evaluate) Work() store.Work { return item(KindEvaluate, e.Key(), e) }

// Expire is the work that judges the pull request again at a time.
func (e Evaluate) Expire(at time.Time) store.Work {
	w := item(KindExpire, e.Key()+"/"+at.UTC().Format(time.RFC3339), e)
	w.NotBefore = at
	return w
}

// Publication names a recorded decision that GitHub must be told.
type Publication struct {
	Evaluate
	Head     string `json:"head"`
	Decision string `json:"decision"`
}

// Works are the two that tell GitHub. The check run belongs to the head and the comment to the pull request, so only one at a
// time writes a head's check, whichever pull request asks.
func (p Publication) Works() []store.Work {
	return []store.Work{
		item(KindCheck, fmt.Sprintf("%d/%s", p.RepositoryID, p.Head), p),
		p.Comment(),
	}
}

// Comment is the work that writes the comment alone.
func (p Publication) Comment() store.Work { return item(KindComment, p.Key(), p) }

// Request is the work that asks for the reviews which the decision waits for.
func (p Publication) Request() store.Work { return item(KindRequest, p.Key(), p) }

// What a [Sweep] is about.
const (
	SweepBranch       = "branch"       // Branch moved from Before to After: pull requests into it, and its configuration
	SweepCommit       = "commit"       // something about SHA may count: other checks, statuses, a finished workflow run
	SweepRerequested  = "rerequested"  // a person asked for SHA to be evaluated again
	SweepRequested    = "requested"    // GitHub wants a check on SHA
	SweepMembers      = "members"      // Organization's teams or members changed; with a repository, who may do what in it
	SweepProtection   = "protection"   // the branch protection or rulesets of the repository, or of Organization, changed
	SweepInstallation = "installation" // the App was installed, removed, suspended, or sees other repositories
	SweepMergeGroup   = "merge_group"  // a merge queue wants a check on SHA, which is to go into Branch
)

// Sweep asks to find the pull requests that an event concerns, and to evaluate them. Sweeps about one thing (repository and branch,
// commit, organisation...) fold: what is here is from the newest event, so Before may be later than where the work last looked.
type Sweep struct {
	Target
	What          string `json:"what"`
	Action        string `json:"action,omitempty"`
	Organization  string `json:"organization,omitempty"`
	Branch        string `json:"branch,omitempty"`
	DefaultBranch bool   `json:"default_branch,omitempty"` // Branch is it
	Before        string `json:"before,omitempty"`
	After         string `json:"after,omitempty"`
	SHA           string `json:"sha,omitempty"`
	Ref           string `json:"ref,omitempty"`    // of a merge group's head
	Button        string `json:"button,omitempty"` // identifier of the check run's button that was pressed
	WorkflowRunID int64  `json:"workflow_run_id,omitempty"`
	Actor         string `json:"actor,omitempty"`
}

// Within is the same sweep of one repository, all of its open pull requests. Key: REPOSITORY-ID/all.
func (s Sweep) Within(t Target) Sweep {
	return Sweep{Target: t, What: s.What, Action: s.Action, Branch: s.Branch, DefaultBranch: s.DefaultBranch, Actor: s.Actor}
}

// Rerequested is the work that has the pull requests with a head evaluated again.
func Rerequested(t Target, head string) store.Work {
	return item(KindSweep, fmt.Sprintf("%d/%s/%s", t.RepositoryID, SweepRerequested, head), Sweep{Target: t, What: SweepRerequested, SHA: head})
}

// Work is the work that sweeps one repository, see [Sweep.Within].
func (s Sweep) Work() store.Work {
	w := item(KindSweep, fmt.Sprintf("%d/all", s.RepositoryID), s)
	w.Priority = 3
	return w
}

// Command is a comment that begins with /gatehouse. Key: REPOSITORY-ID/NUMBER/COMMENT-ID, so that none folds into another.
type Command struct {
	Target
	Number    int    `json:"number"`
	CommentID int64  `json:"comment_id"`
	Login     string `json:"login"`
	Line      string `json:"line"` // the comment's first line, at most 1,000 bytes
	Edited    bool   `json:"edited,omitempty"`
}

// Merged says that commits landed on a branch: by a pull request (Number is set), or by a push, which may turn out to be one.
// Keys: REPOSITORY-ID/NUMBER and REPOSITORY-ID/push/BRANCH/SHA.
type Merged struct {
	Target
	Number        int    `json:"number,omitempty"`
	Head          string `json:"head,omitempty"` // of the pull request
	Commit        string `json:"commit"`         // now on the branch
	Before        string `json:"before,omitempty"`
	Branch        string `json:"branch"`
	DefaultBranch bool   `json:"default_branch,omitempty"`
	Forced        bool   `json:"forced,omitempty"`
	Deleted       bool   `json:"deleted,omitempty"`
	Found         bool   `json:"found,omitempty"`     // by looking at the branch: no event told, or none was carried out yet
	Uncertain     bool   `json:"uncertain,omitempty"` // several pushes may have brought it: nobody tells how many
	Actor         string `json:"actor"`               // who merged or pushed
}

// Work is the work that holds a landing against the record which was found by looking at the branch.
func (m Merged) Work() store.Work {
	w := item(KindMerged, fmt.Sprintf("%d/found/%s", m.RepositoryID, m.Commit), m)
	w.Priority = 4
	return w
}

// Posture asks to look at how the branches of a repository are protected; without a repository, those of all repositories of the
// installation. Actor is who changed it, as the event says; "" when nobody is known to have.
type Posture struct {
	Target
	Action string `json:"action,omitempty"`
	Actor  string `json:"actor,omitempty"`
}

// Work is the work that looks. Different actors have works of their own, so that the record names the right one.
func (p Posture) Work() store.Work {
	about := fmt.Sprintf("%d", p.RepositoryID)
	if p.RepositoryID == 0 {
		about = fmt.Sprintf("installation/%d", p.InstallationID)
	}
	who := p.Actor
	if who == "" {
		who = p.Reason
	}
	w := item(KindPosture, about+"/"+who, p)
	w.Priority = 4
	return w
}

// Deployment is a run of GitHub Actions that waits to deploy a commit to an environment.
// Key: REPOSITORY-ID/DEPLOYMENT-ID.
type Deployment struct {
	Target
	DeploymentID int64     `json:"deployment_id"`
	RunID        int64     `json:"run_id"`
	Environment  string    `json:"environment"`
	Commit       string    `json:"commit"`
	Ref          string    `json:"ref,omitempty"`
	Actor        string    `json:"actor,omitempty"`
	Asked        time.Time `json:"asked"` // when the event arrived
}

// DeploymentAnswer is what was decided about a deployment.
type DeploymentAnswer struct {
	Deployment
	Approved bool   `json:"approved"`
	Comment  string `json:"comment"`
}

// Work is the work that tells GitHub.
func (a DeploymentAnswer) Work() store.Work {
	w := item(KindAnswer, fmt.Sprintf("%d/%d", a.RepositoryID, a.DeploymentID), a)
	w.Priority = 1
	return w
}

// item encodes the arguments. They are plain structs of this package, which JSON has words for.
func item(kind, key string, args any) store.Work {
	data, err := json.Marshal(args)
	if err != nil {
		panic("work: " + err.Error())
	}
	return store.Work{Kind: kind, Key: key, Args: data}
}
