package gate

import "time"

// FactsVersion is the version of the Facts format that this program writes.
const FactsVersion = 1

// Facts are everything that a decision is made from, and nothing else. They are stored as canonical JSON under their digest.
type Facts struct {
	Version     int         `json:"version"`
	Time        time.Time   `json:"time"` // when they were gathered, UTC: the only clock that a decision knows
	Repository  Repository  `json:"repository"`
	PullRequest PullRequest `json:"pull_request"`
	Commits     []Commit    `json:"commits"` // merge base to head, oldest first
	Reviews     []Review    `json:"reviews"` // oldest first, as GitHub lists them
	Actors      []Actor     `json:"actors"`  // everyone named in the pull request, its commits and reviews

	// Pushers are the logins that pushed the present head or, where merges of the base branch came after it, what was merged into.
	// Empty: nobody can tell, and all contributors count as pushers.
	Pushers []string `json:"pushers"`

	// The rest is gathered only where the configuration or a requirement asks for it.
	Checks     []Signal            `json:"checks,omitempty"`    // of other Apps on the head, and commit statuses
	Workflows  []Signal            `json:"workflows,omitempty"` // runs on the head, the latest of each workflow
	Properties map[string][]string `json:"properties,omitempty"`
	Teams      []Team              `json:"teams,omitempty"`  // of requirements that are not met
	Absent     []Absent            `json:"absent,omitempty"` // whom they name in vain; it tells people, and decides nothing

	Shown     Shown      `json:"shown"`     // the change as this decision shows it to people
	Sightings []Sighting `json:"sightings"` // what each approval was given for; one for each that may count

	Files      []FileChange `json:"files"`     // merge base to head
	Changes    []Change     `json:"changes"`   // what happens to each document that is not left alone
	Approvals  Approvals    `json:"approvals"` // from the configuration on the base branch
	Scope      string       `json:"scope"`     // changed or all
	Config     ConfigSource `json:"config"`
	Waivers    []Waiver     `json:"waivers"`
	Plans      []Plan       `json:"plans"`             // the plans that were judged
	Missing    []Missing    `json:"missing"`           // what must still arrive before the change can be judged
	Unjudged   []Problem    `json:"unjudged"`          // files that look like documents and that nothing judges, and why; shown, not blocking
	Bundles    []Bundle     `json:"bundles,omitempty"` // rules from elsewhere that were in force
	Evaluation Evaluation   `json:"evaluation"`
	Problems   []Problem    `json:"problems"` // what went wrong while gathering

	Backtest *Backtest `json:"backtest,omitempty"` // of the rules that the pull request proposes; shown, not judged
	Evidence *Evidence `json:"evidence,omitempty"` // what the rules saw; nil: nothing was judged, or an older version recorded it

	Group []Member `json:"group,omitempty"` // the pull requests of the merge group that the facts are about

	BreakGlass *BreakGlass `json:"break_glass,omitempty"` // as it was confirmed; whether it is in force is for Decide to say
	Emergency  *Emergency  `json:"emergency,omitempty"`   // who may break the glass; nil: nobody. It tells people, and decides nothing
}

// Evidence names what the rules saw, which is kept beside the facts so that other rules can judge it again.
type Evidence struct {
	Digest  string `json:"digest"`            // sha256:HEX of its manifest
	Omitted string `json:"omitted,omitempty"` // why the documents are not among it; "" when they are

	Rules        []KeptRules `json:"rules,omitempty"`         // the text of the rules that judged: the program's, the repository's own, bundles
	RulesOmitted string      `json:"rules_omitted,omitempty"` // why it is not kept; "" when it is, or an older version recorded it
}

// KeptRules names the text of a folder of rules, as it judged.
type KeptRules struct {
	Name   string `json:"name"`   // .gatehouse/policies, or ghcr.io/acme/policies:v3
	Digest string `json:"digest"` // sha256:HEX of what is kept
}

// Bundle is rules from elsewhere, as they were when they judged.
type Bundle struct {
	Name   string `json:"name"`             // ghcr.io/acme/policies:v3, or acme/policies/rego
	Digest string `json:"digest,omitempty"` // sha256:HEX of what is in a registry or on a web server
	Commit string `json:"commit,omitempty"` // of a repository
}

// Repository is where the pull request wants to merge.
type Repository struct {
	ID            int64  `json:"id"`
	Owner         string `json:"owner"`
	Name          string `json:"name"`
	DefaultBranch string `json:"default_branch"`
	Private       bool   `json:"private"`
}

// FullName is owner/name.
func (r Repository) FullName() string { return r.Owner + "/" + r.Name }

// PullRequest is the pull request as read afresh from GitHub.
type PullRequest struct {
	Number    int      `json:"number"`
	Title     string   `json:"title"`
	Author    string   `json:"author"` // login
	State     string   `json:"state"`  // open or closed
	Merged    bool     `json:"merged"`
	Draft     bool     `json:"draft"`
	Labels    []string `json:"labels"`
	URL       string   `json:"url"`
	Base      Ref      `json:"base"`
	Head      Ref      `json:"head"`
	MergeBase string   `json:"merge_base"`
	Fork      bool     `json:"fork"`
	Additions int      `json:"additions,omitempty"` // lines, as GitHub counts them
	Deletions int      `json:"deletions,omitempty"`
}

// Ref is one side of a pull request.
type Ref struct {
	Branch     string `json:"branch"`
	SHA        string `json:"sha"`
	Repository string `json:"repository"` // owner/name; "" when a fork was deleted
}

// Commit is one commit of the pull request.
type Commit struct {
	SHA          string        `json:"sha"`
	Verified     bool          `json:"verified,omitempty"` // GitHub has verified its signature
	Contributors []Contributor `json:"contributors"`

	// BaseMerge says that it merges the base branch, exactly as git does by itself: whoever made it has written nothing.
	BaseMerge bool `json:"base_merge,omitempty"`
}

// Contributor had a hand in a commit. GitHub may not know who it is: then Login is empty and the person counts against.
type Contributor struct {
	Role  string `json:"role"` // author, committer or co-author
	Login string `json:"login,omitempty"`
	Name  string `json:"name,omitempty"` // what the commit says, when there is no login
}

// Actor types, as GitHub names them.
const (
	ActorUser = "User"
	ActorBot  = "Bot"
)

// Actor is what was known about somebody when the facts were gathered.
type Actor struct {
	Login      string   `json:"login"`
	Type       string   `json:"type"`       // User, Bot, Organization, Mannequin
	Permission string   `json:"permission"` // none, read, triage, write, maintain, admin
	Teams      []string `json:"teams"`      // org/slug, those that some requirement names

	// Unasked says that too many people have spoken for this one to be looked up. Nothing is known of what they may do: their approval
	// does not count, and their request for changes stands.
	Unasked bool `json:"unasked,omitempty"`
}

// Review states, as GitHub names them.
const (
	ReviewApproved         = "APPROVED"
	ReviewChangesRequested = "CHANGES_REQUESTED"
	ReviewCommented        = "COMMENTED"
	ReviewDismissed        = "DISMISSED"
	ReviewPending          = "PENDING"
)

// Review is one submitted review.
type Review struct {
	ID       int64     `json:"id"`
	Login    string    `json:"login"` // "" when the account is gone
	State    string    `json:"state"`
	CommitID string    `json:"commit_id"`
	Time     time.Time `json:"time"`

	// Comment says that it is a comment on the pull request which the configuration takes for an approval.
	Comment bool `json:"comment,omitempty"`
}

// FileChange is one path that the pull request touches. A rename names both paths.
type FileChange struct {
	Status  string `json:"status"` // added, modified, removed, renamed, changed (its mode or type)
	Path    string `json:"path"`
	OldPath string `json:"old_path,omitempty"`

	// Owners are the path's code owners on the base branch: logins and org/slug. Empty when CODEOWNERS names nobody.
	Owners []string `json:"owners,omitempty"`
}

// Change is what happens to one document.
type Change struct {
	Kind        string   `json:"kind"`
	Type        string   `json:"type"`
	Resource    string   `json:"resource"`
	File        string   `json:"file"`
	Environment string   `json:"environment,omitempty"`
	Actions     []string `json:"actions"`
	Digest      string   `json:"digest,omitempty"` // of what happens to it, value by value
	Names       []string `json:"names,omitempty"`  // and ids that the cloud knows it by; they serve to find it, and decide nothing
}

// Plan is one Terraform plan that was judged.
type Plan struct {
	Dir         string `json:"dir"`
	Workspace   string `json:"workspace"`
	Environment string `json:"environment,omitempty"`
	Source      string `json:"source"` // committed, artifact or oidc
	File        string `json:"file,omitempty"`
	Digest      string `json:"digest"`
}

// Missing is a thing that must still arrive.
type Missing struct {
	What   string `json:"what"`   // [MissingPlan] or [MissingCheck]
	For    string `json:"for"`    // the project's directory, or the check's name
	Remedy string `json:"remedy"` // how to send it
}

// MissingPlan is Missing.What of a plan of a Terraform project.
const MissingPlan = "plan"

// MissingCheck is Missing.What of a check of another App that has not succeeded.
const MissingCheck = "successful check"

// ConfigSource says which configuration was in force.
type ConfigSource struct {
	Repository string `json:"repository,omitempty"` // owner/name it came from; "" for the built-in default
	Path       string `json:"path,omitempty"`
	Commit     string `json:"commit,omitempty"`
	Digest     string `json:"digest,omitempty"`
}

// Waiver excuses findings of one rule on some resources until a day.
type Waiver struct {
	Rule     string `json:"rule"`
	Resource string `json:"resource"` // a glob
	Reason   string `json:"reason"`
	Owner    string `json:"owner"`
	Expires  string `json:"expires"` // YYYY-MM-DD; the waiver still holds on that day, UTC
	Line     int    `json:"line,omitempty"`

	// Judged says that the resource was looked at: it is one that changes, or nothing that could have it was left out.
	Judged bool `json:"judged,omitempty"`
}

// WaiverUse is a waiver as it met a finding.
type WaiverUse struct {
	Reason  string `json:"reason"`
	Owner   string `json:"owner"`
	Expires string `json:"expires"`
	Expired bool   `json:"expired,omitempty"`
}
