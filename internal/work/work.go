// Package work names what there is to do: the kinds of work that webhooks leave in the queue and the pipeline carries out,
// with their arguments. It is the one thing that the receiving end and the pipeline share.
package work

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Kinds of work.
const (
	Evaluate = "evaluate" // judge one pull request; key REPOSITORY-ID/NUMBER
	Check    = "check"    // write the check run of a head; key REPOSITORY-ID/SHA
	Comment  = "comment"  // write the sticky comment of a pull request; key REPOSITORY-ID/NUMBER
	Sweep    = "sweep"    // find the pull requests that an event concerns, and judge them
	Command  = "command"  // carry out a comment's command; key COMMENT-ID
	Landed   = "landed"   // look whether what reached a protected branch had passed; key REPOSITORY-ID/SHA
)

// Repository is a repository as the App's installation sees it.
type Repository struct {
	InstallationID int64  `json:"installation_id"`
	RepositoryID   int64  `json:"repository_id"`
	Owner          string `json:"owner"`
	Name           string `json:"name"`
}

// PullRequest names a pull request, and says why it is to be judged.
type PullRequest struct {
	Repository
	Number   int    `json:"number"`
	Reason   string `json:"reason,omitempty"`   // the event: pull_request.synchronize
	Delivery string `json:"delivery,omitempty"` // the webhook that asked

	// Again asks for a fresh record and a fresh check even where nothing has changed.
	Again bool `json:"again,omitempty"`
}

// Key is the same for all works about the pull request.
func (p PullRequest) Key() string { return fmt.Sprintf("%d/%d", p.RepositoryID, p.Number) }

// Evaluation is the work that judges the pull request.
func (p PullRequest) Evaluation() store.Work { return item(Evaluate, p.Key(), p) }

// Publication names a recorded decision that GitHub must be told.
type Publication struct {
	PullRequest
	Head     string `json:"head"`
	Decision string `json:"decision"`
}

// Works are the two that tell GitHub. The check run belongs to the head and the comment to the pull request, so only one at a
// time writes a head's check, whichever pull request asks.
func (p Publication) Works() []store.Work {
	return []store.Work{
		item(Check, fmt.Sprintf("%d/%s", p.RepositoryID, p.Head), p),
		item(Comment, p.Key(), p),
	}
}

// Search says which open pull requests an event concerns: those with this head, those into this branch, or all of the
// repository's. Without a repository it is all of the installation's repositories.
type Search struct {
	Repository
	SHA    string `json:"sha,omitempty"`
	Branch string `json:"branch,omitempty"`
	Reason string `json:"reason,omitempty"`
	Again  bool   `json:"again,omitempty"`
}

// Work is the work that searches. Searches for one thing fold.
func (s Search) Work() store.Work {
	key := strings.Join([]string{fmt.Sprint(s.InstallationID), fmt.Sprint(s.RepositoryID), s.SHA, s.Branch}, "/")
	return item(Sweep, key, s)
}

// Request is a command in a new comment.
type Request struct {
	PullRequest
	CommentID int64  `json:"comment_id"`
	Login     string `json:"login"`
	Line      string `json:"line"` // the comment's first line
}

// Work is the work that carries the command out.
func (r Request) Work() store.Work { return item(Command, fmt.Sprint(r.CommentID), r) }

// Landing is a commit that reached a branch: by a merged pull request, or by a push.
type Landing struct {
	Repository
	SHA    string `json:"sha"`    // now the branch's tip, or the pull request's merge commit
	Branch string `json:"branch"` // without refs/heads/
	Login  string `json:"login"`  // who merged or pushed
	Number int    `json:"number"` // of the merged pull request; 0 for a push
	Head   string `json:"head"`   // the merged pull request's head
	Title  string `json:"title"`
	Forced bool   `json:"forced"`
}

// Work is the work that looks at the landing. A merge and the push that it makes are two.
func (l Landing) Work() store.Work {
	return item(Landed, fmt.Sprintf("%d/%s/%d", l.RepositoryID, l.SHA, l.Number), l)
}

// item encodes the arguments. They are plain structs of this package, which JSON has words for.
func item(kind, key string, args any) store.Work {
	data, err := json.Marshal(args)
	if err != nil {
		panic("work: " + err.Error())
	}
	return store.Work{Kind: kind, Key: key, Args: data}
}
