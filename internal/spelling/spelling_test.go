package spelling_test

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/spelling"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"approvals", "required", "policies", "packs", "path"}
	for _, c := range []struct {
		word   string
		within int
		want   string
	}{
		{"approvals", 2, "approvals"},
		{"aprovals", 2, "approvals"},   // one left out
		{"requiredd", 2, "required"},   // one added
		{"polizies", 2, "policies"},    // one changed
		{"REQUIRED", 0, "required"},    // case says nothing
		{"paths", 1, "path"},           // path is nearer than packs
		{"pachs", 1, "packs"},          // the other way round
		{"polizeien", 2, ""},           // too far
		{"polizeien", 4, "policies"},   // not too far
		{"", 3, ""},                    // every word has more letters
		{"", 4, "path"},                // one has four
		{"pafk", 2, "packs"},           // two equally near: the first
		{"approvälß", 4, "approvals"},  // letters of more bytes count for each of them
		{"nothing at all like", 2, ""}, // longer than all
	} {
		if got := spelling.Nearest(c.word, known, c.within); got != c.want {
			t.Errorf("%q within %d: %q; wanted: %q", c.word, c.within, got, c.want)
		}
	}
	if got := spelling.Nearest("x", nil, 9); got != "" {
		t.Errorf("of no words: %q", got)
	}
}
