package gitmirror

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScrub(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("line\n", 1000)
	cut := strings.Repeat("x", maxOutput-5) + testToken[:5]
	for name, test := range map[string]struct{ in, want string }{
		"plain":             {"fatal: no\n", "fatal: no"},
		"token":             {"a " + testToken + " b " + basic(testToken), "a [token] b [token]"},
		"token in pieces":   {testToken[:7] + "\x00\x1b\u200b" + testToken[7:], "[token]"},
		"control":           {"\x1b[31mred\x07\r\n\tnext\u202e", "[31mred next"},
		"not UTF-8":         {"a\xffb", "a?b"},
		"capped at the end": {long, "... " + strings.TrimSpace(strings.Repeat("line ", 1000))[5000-1-maxSaid:]},
		"token cut in two":  {cut, "... " + strings.Repeat("x", maxSaid)},
	} {
		if diff := cmp.Diff(test.want, scrub(test.in, testToken)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestCacheKeepsWithinItsBound(t *testing.T) {
	t.Parallel()
	c := newCache(100)
	key := func(of string) cacheKey { return cacheKey{"dir", "kind", of} }
	c.put(key("huge"), 0, 26)
	for i, of := range []string{"a", "b", "c", "d"} {
		c.put(key(of), i, 25)
	}
	c.get(key("a"))
	c.put(key("e"), 4, 25)
	c.put(key("e"), 5, 25)
	got := map[string]any{}
	for _, of := range []string{"huge", "a", "b", "c", "d", "e"} {
		if v, ok := c.get(key(of)); ok {
			got[of] = v
		}
	}
	if diff := cmp.Diff(map[string]any{"a": 0, "c": 2, "d": 3, "e": 4}, got); diff != "" || c.used != 100 {
		t.Errorf("%d bytes: %s", c.used, diff)
	}
}

func TestPairRenames(t *testing.T) {
	t.Parallel()
	del := func(path, blob string, mode Mode) FileChange {
		return FileChange{Status: Deleted, Path: path, OldBlob: blob, OldMode: mode}
	}
	add := func(path, blob string, mode Mode) FileChange {
		return FileChange{Status: Added, Path: path, NewBlob: blob, NewMode: mode}
	}
	got := pairRenames([]FileChange{
		add("a/moved", "1", ModeExecutable), add("another", "1", ModeFile), add("b/third", "1", ModeFile), del("c/moved", "1", ModeFile),
		del("d/odd\n", "1", ModeFile), add("empty", emptyBlob, ModeFile), del("gone", emptyBlob, ModeFile),
		add("link", "2", ModeSymlink), del("plain", "2", ModeFile), add("sub", "3", ModeSubmodule), del("sub2", "3", ModeSubmodule),
	})
	want := []FileChange{
		{Status: Renamed, Path: "a/moved", OldPath: "c/moved", OldBlob: "1", NewBlob: "1", OldMode: ModeFile, NewMode: ModeExecutable},
		{Status: Renamed, Path: "another", OldPath: "d/odd\n", OldBlob: "1", NewBlob: "1", OldMode: ModeFile, NewMode: ModeFile},
		add("b/third", "1", ModeFile), add("empty", emptyBlob, ModeFile), del("gone", emptyBlob, ModeFile),
		add("link", "2", ModeSymlink), del("plain", "2", ModeFile), add("sub", "3", ModeSubmodule), del("sub2", "3", ModeSubmodule),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := pairRenames(nil); len(got) != 0 {
		t.Error(got)
	}
}

func TestParsePerson(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Person{
		"Ann <ann@example.org> 1 +0000":  {"Ann", "ann@example.org"},
		"Ann ann@example.org 1 +0000":    {"Ann ann@example.org 1 +0000", ""},
		"Ann <ann@example.org 1 +0000":   {"Ann", ""},
		"<> 1 +0000":                     {"", ""},
		"A <a@x> <b@x> 1 +0000":          {"A", "a@x"},
		"A\x07 \xff <a\x00@x> 1 +0000":   {"A \uFFFD", "a@x"},
		" spaces  <  s@example.org > 1 ": {"spaces", "s@example.org"},
	} {
		if got, _ := parsePerson(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
