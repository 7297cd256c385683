package cli

import (
	"bytes"
	"testing"
	"time"
)

// TestTheShippedRulesByTheirFolder: who works on the shipped rules names their folder, and they are not there twice.
func TestTheShippedRulesByTheirFolder(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	w := &world{in: &bytes.Buffer{}, out: &out, err: &log, clock: time.Now}
	if status := w.run(t.Context(), []string{"rules", "lint", "../../policies"}); status != exitPass {
		t.Errorf("exit status %d\n%s", status, log.String())
	}
}
