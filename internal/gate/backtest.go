package gate

// Backtest is what the rules that a pull request proposes would have said of other pull requests of its repository: each one's last
// decision, made again from what is on record.
type Backtest struct {
	Days         int          `json:"days"`          // how far back
	PullRequests int          `json:"pull_requests"` // that were looked at
	Same         int          `json:"same"`
	Verdicts     int          `json:"verdicts"`        // that come out with another verdict
	Reasons      int          `json:"reasons"`         // that come out with the same verdict for other reasons
	NotJudged    int          `json:"not_judged"`      // that cannot be judged again
	Different    []Backtested `json:"different"`       // the first of both, those with another verdict before the others
	Limit        string       `json:"limit,omitempty"` // why there are no more
}

// MaxBacktested bounds Backtest.Different, and MaxBacktestReasons what is said of each.
const (
	MaxBacktested      = 20
	MaxBacktestReasons = 5
)

// Backtested is a pull request that comes out differently.
type Backtested struct {
	PullRequest int      `json:"pull_request"`
	Title       string   `json:"title"`
	Before      Verdict  `json:"before"`
	After       Verdict  `json:"after"`
	Reasons     []string `json:"reasons"` // "blocks ACME-01 v1/Pod//a: has no label", "no longer blocks ..."
	More        int      `json:"more,omitempty"`
}
