package gate

import "encoding/json"

// Kinds of documents: the value of [Document.Kind] and the keys of a rule's "inspects".
const (
	KindTerraform     = "terraform"
	KindKubernetes    = "kubernetes"
	KindGitHubActions = "github_actions" // workflows and composite actions
	KindGitLabCI      = "gitlab_ci"
	KindJenkinsfile   = "jenkinsfile"
	KindAnsible       = "ansible" // playbooks, task files and inventories
	KindCodeowners    = "codeowners"
	KindDockerfile    = "dockerfile"
	KindCloudInit     = "cloud_init" // start-up scripts inside planned machines
	KindGate          = "gate"       // the files that say how the gate itself works
)

// A Document is one thing that a change touches, as rules see it: a planned Terraform resource, a Kubernetes object, a
// pipeline. Its values are JSON with every sensitive value already replaced by a token: nothing secret is ever in a Document.
type Document struct {
	Kind      string `json:"kind"`
	Type      string `json:"type"`                // Terraform resource type or Kubernetes Kind
	Group     string `json:"group,omitempty"`     // Kubernetes API group, "" for the core group
	Name      string `json:"name"`                // name in its module, or metadata.name
	Namespace string `json:"namespace,omitempty"` // Kubernetes namespace, "" when the object does not say

	// Resource names the document to people: a Terraform address, or apiVersion/Kind/namespace/name.
	Resource string `json:"resource"`

	// Set names the plan or manifest set that the document belongs to; the documents of one set are each other's context.
	Set string `json:"set"`

	// File and Line are where a finding points: a path in the repository, a line from 1 (0: the whole file).
	File string `json:"file"`
	Line int    `json:"line,omitempty"`

	// BaseFile is the same file at the merge base, when a rename gave it another name.
	BaseFile string `json:"base_file,omitempty"`

	Environment string `json:"environment,omitempty"`

	// Actions is what happens to it in Terraform's words: create, update, delete, no-op, read, forget; a replacement is
	// delete and create in the plan's order.
	Actions []string `json:"actions"`

	After  json.RawMessage `json:"after,omitempty"`  // values after the change; nil: it is gone
	Before json.RawMessage `json:"before,omitempty"` // values before it; nil: it is new
	Change json.RawMessage `json:"change,omitempty"` // a JSON object, the rest of input.change (masks, references...); nil: {}

	// PodPath leads from a workload to its Pod template: nil means that the document makes no Pods, an empty non-nil path
	// that it is a Pod itself.
	PodPath []string `json:"pod_path,omitempty"`
}

// Deleted reports whether the change removes the document.
func (d *Document) Deleted() bool { return d.After == nil }
