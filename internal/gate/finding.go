package gate

// Severities of a rule, worst first.
const (
	SeverityCritical = "critical"
	SeverityHigh     = "high"
	SeverityMedium   = "medium"
	SeverityLow      = "low"
)

// Enforcements of a rule.
const (
	EnforceDeny = "deny"
	EnforceWarn = "warn"
	EnforceOff  = "off"
)

// Statuses of a finding against the merge base.
const (
	StatusNew      = "new"      // the change introduces it
	StatusWorse    = "worse"    // it was there, and the change makes it differ
	StatusExisting = "existing" // the change did not touch it
	StatusWaived   = "waived"   // a waiver in force covers it
)

// A Finding is what one rule says about one document. The JSON names are part of the public contract.
type Finding struct {
	Rule        string `json:"rule"`
	Title       string `json:"title"`
	Severity    string `json:"severity"`
	Enforcement string `json:"enforcement"`
	Status      string `json:"status"`
	Resource    string `json:"resource"`
	Kind        string `json:"kind"`
	File        string `json:"file,omitempty"`
	Line        int    `json:"line,omitempty"`
	Path        string `json:"path,omitempty"` // inside the resource: ingress[0].cidr_blocks
	Message     string `json:"message"`
	Remedy      string `json:"remedy,omitempty"`
	Docs        string `json:"docs,omitempty"`

	// Unknown says that the value cannot be told before apply.
	Unknown bool `json:"unknown,omitempty"`

	// Waiver is the waiver that covers (status waived) or used to cover (expired) the finding.
	Waiver *WaiverUse `json:"waiver,omitempty"`
}

// Blocks reports whether the finding alone makes the verdict fail.
func (f *Finding) Blocks() bool {
	return f.Enforcement == EnforceDeny && (f.Status == StatusNew || f.Status == StatusWorse)
}

// severityRank orders severities, worst first; an unknown word ranks with the worst, for it must not hide.
func severityRank(s string) int {
	switch s {
	case SeverityHigh:
		return 1
	case SeverityMedium:
		return 2
	case SeverityLow:
		return 3
	}
	return 0
}

// A Problem is a reason why the pull request could not be evaluated in full. One is enough for the verdict error.
type Problem struct {
	// Code is a stable word for machines: config, terraform, kubernetes, rules, git, github, limit, internal.
	Code    string `json:"code"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`          // what is wrong, without file and line
	Remedy  string `json:"remedy,omitempty"` // what the reader can do
}

// String is "file:line message", as far as they are known.
func (p Problem) String() string {
	return position(p.File, p.Line) + p.Message
}

// Evaluation is what the rules said about a set of documents.
type Evaluation struct {
	Documents    int           `json:"documents"` // judged
	Rules        int           `json:"rules"`     // in force
	Findings     []Finding     `json:"findings"`
	Requirements []Requirement `json:"requirements"` // approvals that rules demand
	Problems     []Problem     `json:"problems"`
	Policy       Policy        `json:"policy"`
}

// Policy names the rules that judged, so that they can be found again.
type Policy struct {
	Digest string `json:"digest"` // sha256:HEX over every rule and parameter in force
}

// Doubt says in a few words why an unknown value is not known: a plan knows it once it is applied, a file never will.
func (f *Finding) Doubt() string {
	if f.Kind == KindTerraform {
		return "unknown until apply"
	}
	return "the files do not tell"
}

// Doubt is what is said of all unknown findings of a decision together.
func (d *Decision) Doubt() string {
	for i := range d.Findings {
		if f := &d.Findings[i]; f.Unknown && f.Status != StatusExisting && f.Kind != KindTerraform {
			return "unknown"
		}
	}
	return "unknown until apply"
}
