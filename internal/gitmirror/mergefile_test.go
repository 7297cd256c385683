package gitmirror

import (
	"testing"
)

func TestMergeFile(t *testing.T) {
	t.Parallel()
	m, err := New(Options{Dir: t.TempDir(), ServerURL: "https://github.example"})
	if err != nil {
		t.Fatal(err)
	}
	const base = "one\ntwo\nthree\nfour\nfive\nsix\n"
	for name, c := range map[string]struct {
		ours, theirs, want string
		clean              bool
	}{
		"different lines":    {"ONE\ntwo\nthree\nfour\nfive\nsix\n", "one\ntwo\nthree\nfour\nfive\nSIX\n", "ONE\ntwo\nthree\nfour\nfive\nSIX\n", true},
		"the same change":    {"ONE\ntwo\nthree\nfour\nfive\nsix\n", "ONE\ntwo\nthree\nfour\nfive\nsix\n", "ONE\ntwo\nthree\nfour\nfive\nsix\n", true},
		"the same line":      {"uno\ntwo\nthree\nfour\nfive\nsix\n", "eins\ntwo\nthree\nfour\nfive\nsix\n", "", false},
		"binary":             {"one\x00", "two\x00", "", false},
		"no newline at last": {"one\ntwo\nthree\nfour\nfive\nsix", "ONE\ntwo\nthree\nfour\nfive\nsix\n", "ONE\ntwo\nthree\nfour\nfive\nsix", true},
	} {
		got, clean, err := m.MergeFile(t.Context(), []byte(base), []byte(c.ours), []byte(c.theirs))
		if err != nil || clean != c.clean || string(got) != c.want {
			t.Errorf("%s: %q, clean %v, error %v; wanted %q, %v", name, got, clean, err, c.want, c.clean)
		}
	}
}
