package explain

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBypassIssue(t *testing.T) {
	t.Parallel()
	b := Bypass{RepoURL: "https://github.com/acme/shop", Commit: head, Branch: "main", Number: 12, Actor: "octo", Why: "the decision was fail"}
	golden(t, "bypass.md", []byte(b.Issue()))
}

func TestBypassIssueDoesNothingButSay(t *testing.T) {
	t.Parallel()
	commit := "https://github.com/acme/shop/commit/" + head
	for _, piece := range pieces() {
		b := Bypass{RepoURL: "https://github.com/acme/shop", Commit: head, Branch: piece, Actor: piece, Why: piece}
		want := []string{fmt.Sprintf("link to %q", commit), fmt.Sprintf("link to %q", commit)} // the two that are meant
		if diff := cmp.Diff(want, harmful(b.Issue())); diff != "" {
			t.Errorf("%q: %s", piece, diff)
		}
	}
}
