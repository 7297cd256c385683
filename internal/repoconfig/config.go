// Package repoconfig reads what a repository says about its gate: .github/gatehouse.yml and .github/gatehouse-waivers.yml.
// One strict parser serves `gatehouse config lint` and the gate itself, so that what lints clean is what is enforced. The
// caller makes sure that the bytes come from the base branch.
package repoconfig

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

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
	Files      Files       `yaml:"files"`
	Policies   Policies    `yaml:"policies"`
	Approvals  Approvals   `yaml:"approvals"`
	BreakGlass *BreakGlass `yaml:"break_glass"`

	RequiredChecks []RequiredCheck `yaml:"required_checks"`
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

// Files names, as patterns, what must be readable as what it is. Files of these kinds are also found by their content; of one that is
// named here it is an error not to be of its kind.
type Files struct {
	Ansible       []string `yaml:"ansible"`
	CloudInit     []string `yaml:"cloud_init"`
	Codeowners    []string `yaml:"codeowners"`
	Dockerfile    []string `yaml:"dockerfile"`
	GitHubActions []string `yaml:"github_actions"`
	GitLabCI      []string `yaml:"gitlab_ci"`
	Jenkinsfile   []string `yaml:"jenkinsfile"`
}

// ByKind are the patterns by the kind of document that they name.
func (f Files) ByKind() map[string][]string {
	return map[string][]string{
		gate.KindAnsible: f.Ansible, gate.KindCloudInit: f.CloudInit, gate.KindCodeowners: f.Codeowners, gate.KindDockerfile: f.Dockerfile,
		gate.KindGitHubActions: f.GitHubActions, gate.KindGitLabCI: f.GitLabCI, gate.KindJenkinsfile: f.Jenkinsfile,
	}
}

// Policies says which rules are in force.
type Policies struct {
	Packs   []string               `yaml:"packs"` // nil: the default packs; empty: none
	Paths   []string               `yaml:"paths"`
	Bundles []Bundle               `yaml:"bundles"`
	Scope   string                 `yaml:"scope"`
	Rules   map[string]RuleSetting `yaml:"rules"`
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
	Count       []string       `yaml:"count"`    // whose approvals count although they would not
	Comments    []string       `yaml:"comments"` // texts that are an approval, as a comment's first line
	Request     *Request       `yaml:"request"`
	Rules       []ApprovalRule `yaml:"rules"`
}

// Request says who is asked for a review when approvals are missing.
type Request struct {
	Teams  bool `yaml:"teams"`  // the teams that requirements name, as a whole
	People int  `yaml:"people"` // this many of those who can still approve, those with the fewest open requests first
}

// ApprovalRule demands approvals when its conditions hold.
type ApprovalRule struct {
	Name     string    `yaml:"name"`
	When     When      `yaml:"when"`
	Unless   *When     `yaml:"unless"`
	Required int       `yaml:"required"`
	From     From      `yaml:"from"`
	Count    *[]string `yaml:"count"` // nil: as for every change
}

// When is a set of conditions, all of which must hold.
type When struct {
	Paths            []string            `yaml:"paths"`
	OnlyPaths        []string            `yaml:"only_paths"`
	Kinds            []string            `yaml:"kinds"`
	Resources        []string            `yaml:"resources"`
	Actions          []string            `yaml:"actions"`
	Environments     []string            `yaml:"environments"`
	Findings         *FindingCondition   `yaml:"findings"`
	Labels           []string            `yaml:"labels"`
	Title            []string            `yaml:"title"`
	BaseBranch       []string            `yaml:"base_branch"`
	HeadBranch       []string            `yaml:"head_branch"`
	Fork             *bool               `yaml:"fork"`
	Draft            *bool               `yaml:"draft"`
	Author           *People             `yaml:"author"`
	Contributor      *People             `yaml:"contributor"`
	ContributorsOnly *People             `yaml:"contributors_only"`
	Size             *Size               `yaml:"size"`
	Signed           *bool               `yaml:"signed"`
	Checks           map[string][]string `yaml:"checks"`
	Workflows        map[string][]string `yaml:"workflows"`
	Properties       map[string][]string `yaml:"properties"`
}

// FindingCondition chooses findings.
type FindingCondition struct {
	Rules      []string `yaml:"rules"`
	Severities []string `yaml:"severities"`
}

// People are some of those who work on the repository.
type People struct {
	Permission string   `yaml:"permission"`
	Users      []string `yaml:"users"`
	Teams      []string `yaml:"teams"`
}

// Size is how large a change must be.
type Size struct {
	FilesOver   *int `yaml:"files_over"`
	LinesOver   *int `yaml:"lines_over"`
	AddedOver   *int `yaml:"added_over"`
	RemovedOver *int `yaml:"removed_over"`
}

// RequiredCheck is a check of another App that must have succeeded. A name alone may stand for it.
type RequiredCheck struct {
	Name string `yaml:"name"`
	App  string `yaml:"app"`
}

// UnmarshalYAML reads a name, or a mapping with name and app.
func (r *RequiredCheck) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		r.Name = n.Value
		return nil
	}
	wrong := &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: a check's name is wanted, or {name: NAME, app: SLUG}", n.Line)}}
	if n.Kind != yaml.MappingNode {
		return wrong
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		into := map[string]*string{"name": &r.Name, "app": &r.App}[n.Content[i].Value]
		if into == nil || n.Content[i+1].Kind != yaml.ScalarNode {
			return wrong
		}
		*into = n.Content[i+1].Value
	}
	return nil
}

// From says who may approve: anyone who is one of those given; or, with And and Or, groups each of which approves.
type From struct {
	Permission string   `yaml:"permission"`
	Users      []string `yaml:"users"`
	Teams      []string `yaml:"teams"`
	Codeowners bool     `yaml:"codeowners"`
	Required   int      `yaml:"required"`
	And        []From   `yaml:"and"`
	Or         []From   `yaml:"or"`
}

func (f From) empty() bool {
	return f.Permission == "" && len(f.Users) == 0 && len(f.Teams) == 0 && !f.Codeowners && len(f.And)+len(f.Or) == 0
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
