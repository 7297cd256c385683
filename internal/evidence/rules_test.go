package evidence

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func seal(t *testing.T, key string) *Seal {
	t.Helper()
	s, err := NewSeal([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What comes out is what has a part in judging, and the same folder is the same blob.
func TestRulesRoundTrip(t *testing.T) {
	t.Parallel()
	folder := Rules{Name: "ghcr.io/acme/policies:v3", Files: map[string][]byte{
		"a/team.rego": []byte("package a # <&>\n"), "a/team_test.rego": []byte("package a_test"), "a/team.examples.yaml": []byte("good: []"),
		"data.json": []byte(`{"token":"hunter2"}`), "empty.rego": {}, "odd.rego": {0xff, 0xfe}, "empty.json": {},
	}}
	want := Rules{Name: folder.Name, Files: map[string][]byte{}}
	for name, content := range folder.Files {
		if Judges(name) {
			want.Files[name] = content
		}
	}
	for name, s := range map[string]*Seal{"sealed": seal(t, "key"), "open": nil} {
		data, err := PackRules(folder, s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := OpenRules(data, s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		again, err := PackRules(folder, s)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: packed again it is another blob (%v)", name, err)
		}
		if s != nil && (bytes.Contains(data, []byte("hunter2")) || bytes.Contains(data, []byte("token"))) {
			t.Errorf("the data of a bundle can be read:\n%s", data)
		}
	}
	builtin := Rules{Name: "built-in packs", Builtin: true, Program: "v1.2.3", Packs: []string{"audit"}, Files: map[string][]byte{"audit/a.rego": []byte("package a")}}
	data, err := PackRules(builtin, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenRules(data, nil)
	if diff := cmp.Diff(builtin, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Files change places, and keys; blobs are of another program.
func TestRulesThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	key := seal(t, "key")
	data, err := PackRules(Rules{Name: "b", Files: map[string][]byte{"one.json": []byte("1"), "two.json": []byte("2")}}, key)
	if err != nil {
		t.Fatal(err)
	}
	swapped := strings.NewReplacer(`"one.json"`, `"two.json"`, `"two.json"`, `"one.json"`).Replace(string(data))
	for name, c := range map[string]struct {
		data string
		seal *Seal
	}{
		"no key":                   {string(data), nil},
		"another key":              {string(data), seal(t, "other")},
		"names that were swapped":  {swapped, key},
		"a seal that was cut away": {`{"version":1,"name":"b","files":[{"path":"one.json","sealed":"AAAA"}]}`, key},
	} {
		if got, err := OpenRules([]byte(c.data), c.seal); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for text, want := range map[string]string{
		`{"version":2,"name":"b","files":[]}`:            "format 2, this program reads 1",
		`{"version":1,"name":"b","files":[],"future":1}`: "unknown field",
		`{`: "read the rules",
	} {
		if _, err := OpenRules([]byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
