// Package repoconfig reads what a repository says about its gate: .github/gatehouse.yml and .github/gatehouse-waivers.yml.
// One strict parser serves `gatehouse config lint` and the gate itself, so that what lints clean is what is enforced. The
// caller makes sure that the bytes come from the base branch.
package repoconfig

import "github.com/gatehouse-dev/gatehouse/internal/gate"

// Paths of the two files, in the repository or in the organisation's .github repository.
const (
	Path        = ".github/gatehouse.yml"
	WaiversPath = ".github/gatehouse-waivers.yml"
)

// Scopes of the policies.
const (
	ScopeChanged = "changed" // what the pull request introduces or worsens blocks
	ScopeAll     = "all"     // everything that is wrong blocks
)

// Config is the gate file. docs/configuration.md describes each key.
type Config struct {
	Version    int         `yaml:"version"`
	Terraform  Terraform   `yaml:"terraform"`
	Kubernetes Kubernetes  `yaml:"kubernetes"`
	Policies   Policies    `yaml:"policies"`
	Approvals  Approvals   `yaml:"approvals"`
	BreakGlass *BreakGlass `yaml:"break_glass"`
}

// Terraform says where the projects are and which plans count.
type Terraform struct {
	Projects []Project `yaml:"projects"`
	Plans    Plans     `yaml:"plans"`
}

// Project is one root module, planned in one workspace.
type Project struct {
	Dir         string `yaml:"dir"`
	Workspace   string `yaml:"workspace"`
	Environment string `yaml:"environment"`
}

// Plans are the ways in which a plan may arrive; any of them.
type Plans struct {
	OIDC      *OIDC      `yaml:"oidc"`
	Artifact  *Artifact  `yaml:"artifact"`
	Committed *Committed `yaml:"committed"`
}

// OIDC trusts plans that a workflow hands in with its OpenID Connect token.
type OIDC struct {
	Workflow string `yaml:"workflow"` // job_workflow_ref: owner/repo/path@ref
}

// Artifact trusts plans in artifacts of a workflow that the pull request does not change.
type Artifact struct {
	Name     string `yaml:"name"` // glob
	Workflow string `yaml:"workflow"`
}

// Committed trusts plan files in the tree, which the pull request's author writes.
type Committed struct {
	Path string `yaml:"path"` // glob
}

// Kubernetes says which files are manifests and what is rendered.
type Kubernetes struct {
	Paths     []string `yaml:"paths"`
	Kustomize []string `yaml:"kustomize"`
	Helm      []Helm   `yaml:"helm"`
}

// Helm is one release of a chart of the repository.
type Helm struct {
	Chart     string   `yaml:"chart"`
	Values    []string `yaml:"values"`
	Release   string   `yaml:"release"`
	Namespace string   `yaml:"namespace"`
}

// Policies says which rules are in force.
type Policies struct {
	Packs []string               `yaml:"packs"` // nil: the default packs; empty: none
	Paths []string               `yaml:"paths"`
	Scope string                 `yaml:"scope"`
	Rules map[string]RuleSetting `yaml:"rules"`
}

// RuleSetting changes one rule.
type RuleSetting struct {
	Enforcement string         `yaml:"enforcement"`
	Unknown     string         `yaml:"unknown"`
	Parameters  map[string]any `yaml:"parameters"`
}

// Approvals is who must agree.
type Approvals struct {
	Required    *int           `yaml:"required"`
	From        From           `yaml:"from"`
	CountAuthor bool           `yaml:"count_author"`
	Rules       []ApprovalRule `yaml:"rules"`
}

// ApprovalRule demands approvals when its conditions hold.
type ApprovalRule struct {
	Name     string `yaml:"name"`
	When     When   `yaml:"when"`
	Required int    `yaml:"required"`
	From     From   `yaml:"from"`
}

// When is a set of conditions, all of which must hold.
type When struct {
	Paths        []string `yaml:"paths"`
	Resources    []string `yaml:"resources"`
	Actions      []string `yaml:"actions"`
	Environments []string `yaml:"environments"`
}

// From says who may approve.
type From struct {
	Permission string   `yaml:"permission"`
	Users      []string `yaml:"users"`
	Teams      []string `yaml:"teams"`
	Codeowners bool     `yaml:"codeowners"`
}

func (f From) empty() bool {
	return f.Permission == "" && len(f.Users) == 0 && len(f.Teams) == 0 && !f.Codeowners
}

// BreakGlass lets a team turn the check green in an emergency.
type BreakGlass struct {
	Teams     []string `yaml:"teams"`
	Approvals int      `yaml:"approvals"`
	Expires   Duration `yaml:"expires"`
}

// Default is the configuration of a repository that has none: the default packs, and one approval of somebody with write
// access.
func Default() Config {
	c := Config{Version: 1}
	c.fillDefaults()
	return c
}

func (c *Config) fillDefaults() {
	if c.Policies.Scope == "" {
		c.Policies.Scope = ScopeChanged
	}
	if c.Approvals.Required == nil {
		one := 1
		c.Approvals.Required = &one
	}
	if c.Approvals.From.empty() {
		c.Approvals.From.Permission = gate.PermissionWrite
	}
	for i := range c.Approvals.Rules {
		if c.Approvals.Rules[i].From.empty() {
			c.Approvals.Rules[i].From.Permission = gate.PermissionWrite
		}
	}
	for i := range c.Terraform.Projects {
		if c.Terraform.Projects[i].Workspace == "" {
			c.Terraform.Projects[i].Workspace = "default"
		}
	}
}

// Gate is the approvals part in the core's own types.
func (a Approvals) Gate() gate.Approvals {
	out := gate.Approvals{CountAuthor: a.CountAuthor, From: gate.Who(a.From), Rules: []gate.ApprovalRule{}}
	if a.Required != nil {
		out.Required = *a.Required
	}
	for _, r := range a.Rules {
		out.Rules = append(out.Rules, gate.ApprovalRule{
			Name: r.Name, When: gate.When(r.When), Required: r.Required, From: gate.Who(r.From),
		})
	}
	return out
}

// Teams lists every team that the configuration names, for the look-up of memberships.
func (c Config) Teams() []string {
	out := append([]string{}, c.Approvals.From.Teams...)
	for _, r := range c.Approvals.Rules {
		out = append(out, r.From.Teams...)
	}
	if c.BreakGlass != nil {
		out = append(out, c.BreakGlass.Teams...)
	}
	return out
}
