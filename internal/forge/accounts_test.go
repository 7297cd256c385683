package forge

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	accounts := func() []Account {
		t.Helper()
		list, err := w.app.Accounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if diff := cmp.Diff([]Account{{Login: "acme", Organization: true}}, accounts()); diff != "" {
		t.Error(diff)
	}
	w.in.Uninstall()
	if got := accounts(); len(got) != 0 {
		t.Errorf("nobody has it installed any more, but %v", got)
	}
}
