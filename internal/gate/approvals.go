package gate

// Approvals is who must agree, as the configuration on the base branch says.
type Approvals struct {
	Required    int            `json:"required"`
	From        Who            `json:"from"`
	CountAuthor bool           `json:"count_author"`
	Count       []string       `json:"count,omitempty"` // whose approvals count although they would not; see CountAuthor and the like
	Rules       []ApprovalRule `json:"rules"`

	Comments []string        `json:"comments,omitempty"` // texts that, as a comment's first line, are an approval
	Checks   []RequiredCheck `json:"checks,omitempty"`   // of other Apps, that must have succeeded
	Request  *Request        `json:"request,omitempty"`  // nil: nobody is asked for a review
}

// Request says who is asked for a review when approvals are missing.
type Request struct {
	Teams  bool `json:"teams,omitempty"`  // the teams that requirements name
	People int  `json:"people,omitempty"` // this many of those who can still approve
}

// Those whose approval counts only where the configuration says so.
const (
	CountAuthor       = "author"       // who opened the pull request, also for their own commits and pushes
	CountContributors = "contributors" // authors, committers and co-authors of its commits
	CountLastPusher   = "last_pusher"  // who pushed the head
	CountBots         = "bots"         // Apps and bots
	CountReaders      = "readers"      // people without write access
)

// ApprovalRule demands approvals when the change is of a certain kind.
type ApprovalRule struct {
	Name     string    `json:"name"`
	When     When      `json:"when"`
	Unless   *When     `json:"unless,omitempty"` // not when all of these hold
	Required int       `json:"required"`
	From     Who       `json:"from"`
	Count    *[]string `json:"count,omitempty"` // nil: as Approvals.Count
}

// When is a set of conditions; all that are given must hold, and one match within a list is enough. Patterns are globs as of
// [Match], or regular expressions between slashes.
type When struct {
	Paths        []string `json:"paths,omitempty"`        // of changed files, both names of a rename
	OnlyPaths    []string `json:"only_paths,omitempty"`   // of every changed file, both names of a rename
	Kinds        []string `json:"kinds,omitempty"`        // of their change: added, modified, removed, renamed, changed
	Resources    []string `json:"resources,omitempty"`    // that change
	Actions      []string `json:"actions,omitempty"`      // create, update, delete, replace
	Environments []string `json:"environments,omitempty"` // of the resources that change

	Findings   *FindingCondition   `json:"findings,omitempty"`
	Labels     []string            `json:"labels,omitempty"`
	Title      []string            `json:"title,omitempty"`
	Base       []string            `json:"base_branch,omitempty"`
	Head       []string            `json:"head_branch,omitempty"`
	Fork       *bool               `json:"fork,omitempty"`
	Draft      *bool               `json:"draft,omitempty"`
	Author     *Who                `json:"author,omitempty"`
	AnyOf      *Who                `json:"contributor,omitempty"`       // at least one contributor is one of them
	AllOf      *Who                `json:"contributors_only,omitempty"` // every contributor is one of them
	Size       *Size               `json:"size,omitempty"`
	Signed     *bool               `json:"signed,omitempty"`     // GitHub has verified a signature on every commit
	Checks     map[string][]string `json:"checks,omitempty"`     // name to conclusions
	Workflows  map[string][]string `json:"workflows,omitempty"`  // path to conclusions
	Properties map[string][]string `json:"properties,omitempty"` // the repository's custom property to values
}

// FindingCondition holds when a finding that the change introduces or worsens, waived or not, matches what is given.
type FindingCondition struct {
	Rules      []string `json:"rules,omitempty"` // patterns
	Severities []string `json:"severities,omitempty"`
}

// Size holds when the change is larger than each number that is given.
type Size struct {
	Files   *int `json:"files_over,omitempty"`
	Lines   *int `json:"lines_over,omitempty"` // added and removed
	Added   *int `json:"added_over,omitempty"`
	Removed *int `json:"removed_over,omitempty"`
}

// Who may approve: anyone who satisfies any of the fields that are given. Permission is a floor for everybody besides. And and Or
// join groups, each of which needs approvals of its own; where they are given, the other fields are not.
type Who struct {
	Permission string   `json:"permission,omitempty"` // read, triage, write, maintain, admin
	Users      []string `json:"users,omitempty"`
	Teams      []string `json:"teams,omitempty"` // org/slug
	Codeowners bool     `json:"codeowners,omitempty"`
	Required   int      `json:"required,omitempty"` // approvals of this group; 0: as many as the rule asks for
	And        []Who    `json:"and,omitempty"`
	Or         []Who    `json:"or,omitempty"`
}

// Nested reports whether w is made of groups.
func (w Who) Nested() bool { return len(w.And)+len(w.Or) > 0 }

// Each calls f with every group that is not made of others.
func (w Who) Each(f func(Who)) {
	if !w.Nested() {
		f(w)
		return
	}
	for _, g := range w.And {
		g.Each(f)
	}
	for _, g := range w.Or {
		g.Each(f)
	}
}

// RequiredCheck is a check or commit status that must have succeeded on the head.
type RequiredCheck struct {
	Name string `json:"name"`
	App  string `json:"app,omitempty"` // slug of the App that must have made it; "": anyone
}

// Signal is what another App or workflow said about the head.
type Signal struct {
	Name       string `json:"name"`          // of the check or status, or the workflow's path
	App        string `json:"app,omitempty"` // slug; "" for a status, which anybody who can write may post
	Conclusion string `json:"conclusion"`    // success, failure, neutral...; "" while it runs
}

// Team is a team and its members, as far as they were asked for.
type Team struct {
	Name    string   `json:"name"` // org/slug
	Members []string `json:"members"`
}

// Absent is somebody whose approval is asked for and who cannot give it: a team or user that GitHub does not know, or a team without members.
type Absent struct {
	Name   string `json:"name"`   // org/slug or login
	Why    string `json:"why"`    // a clause after the name
	Remedy string `json:"remedy"` // a sentence
}

// Requirement is a demand for approvals by a rule, before it is known who gave them.
type Requirement struct {
	Count    int      `json:"count"`
	Teams    []string `json:"teams,omitempty"`
	Users    []string `json:"users,omitempty"`
	Reason   string   `json:"reason"`
	Rule     string   `json:"rule,omitempty"`
	Resource string   `json:"resource,omitempty"`
}
