package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// What old decisions were made from is dropped, and that is on record; the log verifies, a decision that was dropped says so, and a pull
// request that is still open is judged as before.
func TestE2ERetention(t *testing.T) {
	s := newSite(t, setup{})
	merged := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	merged.Approve("mei")
	s.merges(merged, clear1)
	open := s.open("sam", "open", map[string]string{"a.txt": "one\n"})
	open.Approve("mei")
	s.shows(open, clear1)
	s.settle()
	ids := map[int]string{}
	for _, e := range slices.Backward(s.entries(store.EntryDecision)) { // the newest one of each last
		ids[e.PullRequest], _ = e.Detail["decision"].(string)
	}
	s.stop()
	// The clock cannot be moved, so the decisions are: the rows, the entries, and the whole tree above them.
	storetest.Exec(t, s.database(), "UPDATE decisions SET time = time - 500 * 86400000000")
	s.rewrite(func(_ int64, e map[string]any) []map[string]any {
		e["time"] = strings.Replace(e["time"].(string), "2026-", "2024-", 1)
		return []map[string]any{e}
	})
	if status, out, log := s.gatehouse("audit", "continue", "--reason", "GitHub knows the log as it was"); status != exitPass {
		t.Fatalf("status %d: %s%s", status, out, log)
	}
	s.more = append(s.more, "GATEHOUSE_RETENTION=400d")
	s.start()
	s.until("the drop to be on record", func() bool { return len(s.entries(store.EntryRetention)) == 1 })
	s.until("it to be gone", func() bool {
		status, _, log := s.gatehouse("replay", ids[merged.Number()])
		return status == exitUsage && strings.Contains(log, "were dropped by age: entry ")
	})
	if status, _, log := s.gatehouse("replay", ids[open.Number()]); status != exitPass {
		t.Errorf("the open pull request: status %d: %s", status, log)
	}
	if status, out, log := s.gatehouse("audit", "verify"); status != exitPass {
		t.Errorf("status %d: %s%s", status, out, log)
	}
	s.merges(open, clear1)
	s.settle()
	if issues := s.repo.Issues(); len(issues) > 0 {
		t.Errorf("a bypass where there was none: %v", issues)
	}
}
