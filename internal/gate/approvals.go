package gate

// Approvals is who must agree, as the configuration on the base branch says.
type Approvals struct {
	Required    int            `json:"required"`
	From        Who            `json:"from"`
	CountAuthor bool           `json:"count_author"`
	Rules       []ApprovalRule `json:"rules"`
}

// ApprovalRule demands approvals when the change is of a certain kind.
type ApprovalRule struct {
	Name     string `json:"name"`
	When     When   `json:"when"`
	Required int    `json:"required"`
	From     Who    `json:"from"`
}

// When is a set of conditions; all that are given must hold, and one match within a list is enough.
type When struct {
	Paths        []string `json:"paths,omitempty"`        // globs on changed paths, both names of a rename
	Resources    []string `json:"resources,omitempty"`    // globs on the resources that change
	Actions      []string `json:"actions,omitempty"`      // create, update, delete, replace
	Environments []string `json:"environments,omitempty"` // of the resources that change
}

// Who may approve: anyone who satisfies any of the fields that are given. Permission is a floor for everybody besides.
type Who struct {
	Permission string   `json:"permission,omitempty"` // read, triage, write, maintain, admin
	Users      []string `json:"users,omitempty"`
	Teams      []string `json:"teams,omitempty"` // org/slug
	Codeowners bool     `json:"codeowners,omitempty"`
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
