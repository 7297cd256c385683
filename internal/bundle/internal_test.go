package bundle

import "testing"

// TestTLSIsLeftOutOnlyWhereItMay: the names of registries in a private network need not look private.
func TestTLSIsLeftOutOnlyWhereItMay(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Dir: t.TempDir(), Hosts: []string{"registry.internal:5000", "other.internal", "plain.internal:443"}})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"registry.internal:5000": 2, "registry.internal:5001": 1, "registry.internal": 1, "other.internal": 2, "Other.Internal:8080": 2,
		"plain.internal": 2, "ghcr.io": 1,
	} {
		if got := len(s.named(location{host: host})); got != want {
			t.Errorf("%s: %d options; wanted: %d", host, got, want)
		}
	}
}
