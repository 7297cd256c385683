package webhook

import "encoding/json"

// payload holds the fields that are read of any event, and no others.
type payload struct {
	Action  string `json:"action"`
	Ref     string `json:"ref"`
	Before  string `json:"before"`
	After   string `json:"after"`
	Deleted bool   `json:"deleted"`
	Forced  bool   `json:"forced"`
	SHA     string `json:"sha"` // of a status

	Installation struct {
		ID      int64   `json:"id"`
		Account account `json:"account"`
	} `json:"installation"`
	Repository      *repository      `json:"repository"`
	Organization    account          `json:"organization"`
	Sender          account          `json:"sender"`
	PullRequest     *pullRequest     `json:"pull_request"`
	Issue           *issue           `json:"issue"`
	Comment         *comment         `json:"comment"`
	CheckRun        *check           `json:"check_run"`
	CheckSuite      *check           `json:"check_suite"`
	WorkflowRun     *check           `json:"workflow_run"`
	MergeGroup      *mergeGroup      `json:"merge_group"`
	RequestedAction *requestedAction `json:"requested_action"`
	Changes         struct {
		DefaultBranch json.RawMessage `json:"default_branch"` // of repository.edited
	} `json:"changes"`

	// of deployment_protection_rule
	Environment string      `json:"environment"`
	Callback    string      `json:"deployment_callback_url"`
	Deployment  *deployment `json:"deployment"`
}

type account struct {
	Login string `json:"login"`
	Type  string `json:"type"`
}

type repository struct {
	ID            int64   `json:"id"`
	Name          string  `json:"name"`
	FullName      string  `json:"full_name"`
	DefaultBranch string  `json:"default_branch"`
	Owner         account `json:"owner"`
}

type pullRequest struct {
	Number         int      `json:"number"`
	State          string   `json:"state"`
	UpdatedAt      string   `json:"updated_at"`
	Merged         bool     `json:"merged"`
	MergeCommitSHA string   `json:"merge_commit_sha"`
	MergedBy       *account `json:"merged_by"`
	Head           branch   `json:"head"`
	Base           branch   `json:"base"`
}

type branch struct {
	Ref string `json:"ref"`
	SHA string `json:"sha"`
}

type issue struct {
	Number      int       `json:"number"`
	PullRequest *struct{} `json:"pull_request"` // there when the issue is a pull request
}

type comment struct {
	ID   int64   `json:"id"`
	Body string  `json:"body"`
	User account `json:"user"`
	App  *app    `json:"performed_via_github_app"`
}

type check struct {
	ID      int64  `json:"id"`
	HeadSHA string `json:"head_sha"`
	App     *app   `json:"app"`
}

type app struct {
	ID int64 `json:"id"`
}

type mergeGroup struct {
	HeadSHA string `json:"head_sha"`
	HeadRef string `json:"head_ref"`
	BaseSHA string `json:"base_sha"`
	BaseRef string `json:"base_ref"`
}

type requestedAction struct {
	Identifier string `json:"identifier"`
}

type deployment struct {
	ID  int64  `json:"id"`
	SHA string `json:"sha"`
	Ref string `json:"ref"`
}
