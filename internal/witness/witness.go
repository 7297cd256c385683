// Package witness holds the audit log against the copies of its tree head that GitHub has: every check run says which entry of
// which tree it is about. Whoever has the database and the signing key can write another log that is sound in itself; they cannot
// change what GitHub has been told.
package witness

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// Posted is a check run of the gate's on GitHub, with what its text says of the log.
type Posted struct {
	Repository, Commit string
	CheckRun           int64
	URL                string
	Status, Conclusion string
	Blocked            bool // it says that nothing can be recorded, and keeps an older text: its conclusion is no decision's

	Decision    string // id
	Index, Size int64  // of the decision's entry, and of the tree
	Root        string // of the tree, base64
}

// Publication is an entry of the log that says that a check run was posted: the last one about a check run.
type Publication struct {
	Index              int64
	Time               time.Time
	Repository, Commit string
	CheckRun           int64
	Conclusion         string
}

// Decision is an entry of the log about a decision.
type Decision struct {
	Index   int64
	Verdict string
}

// Log is the log that is held against GitHub.
type Log struct {
	Size      int64
	Root      func(size int64) (ledger.Hash, error) // of its first entries
	Decisions map[string]Decision                   // by id
	Published []Publication
}

// Contradiction is something that GitHub and the log do not agree on. Entries before Index agree with all that was compared; what
// does not lies in Index to End-1.
type Contradiction struct {
	Index  int64  `json:"index"`
	End    int64  `json:"end"`
	Reason string `json:"reason"`
	URL    string `json:"url"` // of the check run, where there is one
}

func (c Contradiction) String() string {
	if c.End <= c.Index+1 {
		return fmt.Sprintf("entry %d: %s", c.Index, c.Reason)
	}
	return fmt.Sprintf("entry %d (or another before %d): %s", c.Index, c.End, c.Reason)
}

// Compare holds check runs against the log, and the log's publications against the check runs. asked are the commits,
// OWNER/NAME@SHA, of which GitHub has listed all check runs. The contradictions are in the order of the log. An error means that
// the log could not be read.
func Compare(log Log, posted []Posted, asked map[string]bool) ([]Contradiction, error) {
	posted = slices.Clone(posted)
	slices.SortStableFunc(posted, func(a, b Posted) int { return int(a.Size - b.Size) })
	c := comparison{log: log}
	for _, p := range posted {
		if err := c.tree(p); err != nil {
			return nil, err
		}
	}
	c.publications(posted, asked)
	slices.SortStableFunc(c.found, func(a, b Contradiction) int { return int(a.Index - b.Index) })
	return c.found, nil
}

type comparison struct {
	log   Log
	good  int64 // the largest tree so far that agrees
	found []Contradiction
}

func (c *comparison) add(begin, end int64, p Posted, format string, args ...any) {
	c.found = append(c.found, Contradiction{Index: begin, End: max(end, begin+1), Reason: fmt.Sprintf(format, args...), URL: p.URL})
}

// tree compares a check run with the tree that it names, and then with the decision.
func (c *comparison) tree(p Posted) error {
	where := fmt.Sprintf("the check run %d on %s@%s", p.CheckRun, p.Repository, short(p.Commit))
	if p.Size > c.log.Size {
		c.add(c.log.Size, p.Size, p, "%s knows of %d entries, and the log has %d: entries were removed, or this is another log%s",
			where, p.Size, c.log.Size, c.culprit(p))
		return nil
	}
	root, err := c.log.Root(p.Size)
	if err != nil {
		return err
	}
	if root.String() != p.Root {
		c.add(c.good, p.Size, p, "%s says that the first %d entries have the root %s; now they have %s: they were rewritten, or this is another log%s",
			where, p.Size, p.Root, root, c.culprit(p))
		return nil
	}
	c.good = p.Size
	d, ok := c.log.Decisions[p.Decision]
	switch {
	case !ok || d.Index != p.Index:
		c.add(p.Index, p.Index+1, p, "%s says that it is decision %s, which it is not", where, p.Decision)
	case !p.Blocked && (lets(p.Conclusion) != (d.Verdict == "pass") || d.Verdict == "pass" && p.Conclusion != "success"):
		c.add(p.Index, p.Index+1, p, "%s is %q, and the log's verdict %q", where, strings.TrimSuffix(p.Status+"/"+p.Conclusion, "/"), d.Verdict)
	}
	return nil
}

// culprit names the entry that the check run is about, when it is not in the log where it should be.
func (c *comparison) culprit(p Posted) string {
	if d, ok := c.log.Decisions[p.Decision]; ok && d.Index == p.Index {
		return ""
	}
	return fmt.Sprintf("; entry %d should be decision %s", p.Index, p.Decision)
}

// lets reports whether GitHub merges with a check of this conclusion.
func lets(conclusion string) bool {
	return conclusion == "success" || conclusion == "neutral" || conclusion == "skipped"
}

// Kept is how long GitHub keeps check runs: those older than 400 days are archived, and deleted ten days later. What the log says
// about older ones cannot be compared.
const Kept = 390 * 24 * time.Hour

// publications looks for the check runs that the log says were posted.
func (c *comparison) publications(posted []Posted, asked map[string]bool) {
	on := map[string]map[int64]Posted{}
	for _, p := range posted {
		at := p.Repository + "@" + p.Commit
		if on[at] == nil {
			on[at] = map[int64]Posted{}
		}
		on[at][p.CheckRun] = p
	}
	for _, e := range c.log.Published {
		at := e.Repository + "@" + e.Commit
		if !asked[at] {
			continue
		}
		p, ok := on[at][e.CheckRun]
		switch {
		case !ok:
			c.add(e.Index, e.Index+1, Posted{}, "it says that the check run %d was posted on %s@%s, and GitHub has none of the gate's that says so", e.CheckRun, e.Repository, short(e.Commit))
		case p.Blocked, p.Size > e.Index: // its text is newer than what the log says: the entry about it is still to come
		case lets(p.Conclusion) != lets(e.Conclusion):
			c.add(e.Index, e.Index+1, p, "it says that the check run %d was posted on %s@%s as %q, and GitHub shows %q", e.CheckRun, e.Repository, short(e.Commit), e.Conclusion, p.Conclusion)
		}
	}
}

func short(sha string) string { return sha[:min(len(sha), 12)] }
