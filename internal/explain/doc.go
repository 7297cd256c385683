// Package explain turns a decision into words: the check run, the sticky comment, the terminal, and the formats that other
// tools read. It is pure: the same decision gives the same bytes, and nothing is fetched or looked up.
//
// Whatever comes from a pull request, a plan or a manifest is hostile until printed here: names, paths and messages cannot
// become Markdown, HTML, links, mentions, terminal codes or workflow commands. Only the people that the configuration on the
// base branch asks for an approval are mentioned.
package explain

import (
	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Context is what surrounds a decision: where it was recorded and where its parts can be looked at. Every field may be
// empty; then the text does without it.
type Context struct {
	DecisionID   string
	PolicyDigest string // sha256:HEX; empty: the decision's own

	// The witness: the decision's entry in the audit log, and the tree that holds it. TreeSize 0 means that there is none.
	LogIndex, TreeSize int64
	Root               string // the tree's root hash, base64

	DecisionURL string // the decision's page on the dashboard
	HelpURL     string
	RepoURL     string // https://github.com/acme/shop, without a slash at the end: where files are linked to

	Superseded bool // a newer decision exists, or is being made

	Unposted string // why the check run could not be posted, as a clause; "" when it could, or nobody has tried yet

	Author  string // the pull request's author, a login
	Changes []gate.Change
	Files   []gate.FileChange
	Plans   []gate.Plan
	Bundles []gate.Bundle // rules from elsewhere that were in force
	Diff    *diff.Changes // what the changes do to each attribute

	Backtest *gate.Backtest // of the rules that the pull request proposes
}

// policyDigest is the digest of the rules that judged.
func (c *Context) policyDigest(d *gate.Decision) string {
	if c.PolicyDigest != "" {
		return c.PolicyDigest
	}
	return d.Policy.Digest
}

// environments maps each changed resource to its environment.
func (c *Context) environments() map[string]string {
	out := map[string]string{}
	for i := range c.Changes {
		if ch := &c.Changes[i]; ch.Environment != "" {
			out[ch.Kind+"\x00"+ch.Resource] = ch.Environment
		}
	}
	return out
}
