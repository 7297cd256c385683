package gate

import "fmt"

// Verdict is the one word of a decision.
type Verdict string

// The verdicts, from best to worst; see [Verdict.Worse].
const (
	Pass  Verdict = "pass"  // the change may merge
	Wait  Verdict = "wait"  // nothing is wrong, but somebody or something is missing
	Fail  Verdict = "fail"  // a rule denies it
	Error Verdict = "error" // it could not be judged, so it may not merge
)

// Worse reports whether v is a worse verdict than w. A word that is not a verdict is worse than all.
func (v Verdict) Worse(w Verdict) bool { return v.rank() > w.rank() }

func (v Verdict) rank() int {
	switch v {
	case Pass:
		return 0
	case Wait:
		return 1
	case Fail:
		return 2
	case Error:
		return 3
	}
	return 4
}

// Decision is the answer to a pull request, with everything needed to explain it.
type Decision struct {
	Verdict      Verdict             `json:"verdict"`
	Title        string              `json:"title"` // one line, at most 255 characters; the check run's title
	Repository   string              `json:"repository"`
	PullRequest  int                 `json:"pull_request"`
	Base         string              `json:"base"` // SHA
	Head         string              `json:"head"` // SHA: the only commit that the decision is for
	Summary      Summary             `json:"summary"`
	Findings     []Finding           `json:"findings"` // worst first
	Requirements []RequirementResult `json:"requirements"`
	Discounted   []Discounted        `json:"discounted"`        // approvals that do not count, and why
	ChangesAsked []string            `json:"changes_requested"` // logins whose request for changes stands
	Missing      []Missing           `json:"missing"`
	Waivers      []WaiverNote        `json:"waivers,omitempty"` // that somebody should look at
	Unjudged     []Problem           `json:"unjudged"`
	Errors       []Problem           `json:"errors"`
	Policy       Policy              `json:"policy"`

	Members []Member `json:"members,omitempty"` // of the merge group that it is about
	Blame   []Blame  `json:"blame,omitempty"`   // which of them make it fail

	// BreakGlass is why the verdict is pass although it would have been Instead.
	BreakGlass *BreakGlass `json:"break_glass,omitempty"`
	Instead    Verdict     `json:"instead,omitempty"`
}

// Summary counts. The JSON names are part of the public contract.
type Summary struct {
	Documents int `json:"documents"`
	Rules     int `json:"rules"`
	Deny      int `json:"deny"`     // findings that block
	Warn      int `json:"warn"`     // findings that do not block
	Waived    int `json:"waived"`   // findings that a waiver covers
	Existing  int `json:"existing"` // findings that the change did not introduce
	Unknown   int `json:"unknown"`  // findings about values that are known only after apply
}

// RequirementResult is a demand for approvals and how far it is met.
type RequirementResult struct {
	Name       string   `json:"name"`   // the configured rule's name, or the id of the rule that demands it
	Reason     string   `json:"reason"` // why the change needs it
	Count      int      `json:"count"`
	Extra      int      `json:"extra,omitempty"` // more than Count, because that many contributors are unknown to GitHub
	From       Who      `json:"from"`
	ApprovedBy []string `json:"approved_by"`
	Met        bool     `json:"met"`
	Rule       string   `json:"rule,omitempty"`
	Short      int      `json:"short,omitempty"`  // of a requirement made of groups: how many approvals are missing at least
	Absent     []Absent `json:"absent,omitempty"` // those who are asked in vain
	Can        []string `json:"can,omitempty"`    // those who are known to be asked and can still approve
}

// Missing is how many approvals must still come.
func (r *RequirementResult) Missing() int {
	if r.From.Nested() {
		return r.Short
	}
	if n := r.Count + r.Extra - len(r.ApprovedBy); n > 0 {
		return n
	}
	return 0
}

// Discounted is an approval that does not count towards anything.
type Discounted struct {
	Login  string `json:"login"`
	Reason string `json:"reason"` // a clause after the login: "wrote commit 9b1d0e2 of this pull request"
}

func position(file string, line int) string {
	switch {
	case file == "":
		return ""
	case line > 0:
		return fmt.Sprintf("%s:%d ", file, line)
	}
	return file + " "
}
