package cli

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document/plangen"
)

// checker runs check on one plan file that changes between runs.
type checker struct {
	plan, policy string
}

func newChecker(t *testing.T) checker {
	t.Helper()
	dir := t.TempDir()
	c := checker{filepath.Join(dir, "plan.json"), filepath.Join(dir, "policy")}
	if err := os.Mkdir(c.policy, 0o700); err != nil {
		t.Fatal(err)
	}
	c.rule(t, "alone", "X-1", `deny contains message if {
	input.resource.size > 22
	message := sprintf("%s has the size %v and the password %v", [input.address, input.resource.size, object.get(input.resource, "password", "none")])
}

warn contains {"message": "the version is odd", "path": "tags.Version"} if to_number(input.resource.tags.Version) % 2 == 1

require_approval contains {"reason": "a bucket goes", "count": 2} if {
	input.type == "aws_s3_bucket"
	"delete" in input.change.actions
}`)
	return c
}

func (c *checker) rule(t *testing.T, name, id, body string) {
	t.Helper()
	text := "# METADATA\n# title: A rule\n# custom:\n#   id: " + id + "\n#   severity: high\n#   remedy: Correct it.\n" +
		"#   inspects: {terraform: [aws_s3_bucket, aws_instance]}\npackage example." + name + "\n\n" + body + "\n"
	if err := os.WriteFile(filepath.Join(c.policy, name+".rego"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var tokens = regexp.MustCompile(`token:[0-9a-f]{32}`)

// marked finds the passwords that the generated plan marks as sensitive: every tenth.
var marked = regexp.MustCompile(`secret-[0-9]*3\b`)

// run gives the report, without the tokens' digits, which are another user's in another folder.
func (c *checker) run(t *testing.T, cache string, plan []byte, args ...string) string {
	t.Helper()
	if err := os.WriteFile(c.plan, plan, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := &world{in: bytes.NewReader(nil), out: &out, err: &out, environ: []string{"GATEHOUSE_CACHE=" + cache}, clock: time.Now}
	status := w.run(t.Context(), append([]string{"check", "-o", "json", "--plan", c.plan}, args...))
	if status == exitOutside {
		t.Fatal(out.String())
	}
	return string(rune('0'+status)) + tokens.ReplaceAllString(out.String(), "token:X")
}

// Whatever the last run left, the report is that of a run that remembers nothing.
func TestCheckSaysTheSameWithItsMemory(t *testing.T) {
	t.Parallel()
	plan := plangen.Plan(120)
	plans := [][]byte{
		plan, plan, bytes.Replace(plan, []byte(`"size":20`), []byte(`"size":99`), 1), plan,
		bytes.Replace(plan, []byte(`"resource-60"`), []byte("\"resource-60-and-more\"\n\n"), 2),
		bytes.ReplaceAll(plan, []byte(`"size":21`), []byte(`"size":33`)),
		bytes.ReplaceAll(plan, []byte(`v1.2.3`), []byte(`v1.2.4`)), plan[:len(plan)/2], plan, plangen.Plan(80), plangen.Plan(121),
		[]byte(`{"format_version":"1.2","resource_changes":[]}`), plan,
	}
	for name, args := range map[string][]string{
		"own rules":      {"--pack", "none", "--policy"},
		"built-in packs": {"--pack", "all"},
		"both":           {"--pack", "immutable", "--policy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, cache := newChecker(t), t.TempDir()
			if args[len(args)-1] == "--policy" {
				args = append(slices.Clone(args), c.policy)
			}
			for i, plan := range plans {
				want := c.run(t, "off", plan, args...)
				if diff := cmp.Diff(want, c.run(t, cache, plan, args...)); diff != "" {
					t.Errorf("plan %d:\n%s", i, diff)
				}
			}
		})
	}
}

// Another rule, another setting or another file has a memory of its own, and a memory that was tampered with does not count.
func TestCheckRemembersForOneSetOfRules(t *testing.T) {
	t.Parallel()
	c, cache, plan := newChecker(t), t.TempDir(), plangen.Plan(60)
	args := []string{"--pack", "none", "--policy", c.policy}
	both := func(what string) {
		t.Helper()
		if diff := cmp.Diff(c.run(t, "off", plan, args...), c.run(t, cache, plan, args...)); diff != "" {
			t.Errorf("%s:\n%s", what, diff)
		}
	}
	both("first")
	both("again")
	if n := len(memories(t, cache)); n != 1 {
		t.Fatalf("there are %d memories; wanted: 1", n)
	}
	for _, file := range memories(t, cache) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !marked.Match(plan) || marked.Match(data) || !bytes.Contains(data, []byte("token:")) {
			t.Error("a secret is in the memory")
		}
		forged := bytes.ReplaceAll(data, []byte(`"X-1"`), []byte(`"Y-1"`))
		if bytes.Equal(forged, data) {
			t.Fatal("the memory holds no findings")
		}
		if err := os.WriteFile(file, forged, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	both("tampered with")
	c.rule(t, "second", "X-2", `deny contains "no" if input.resource.size > 20`)
	both("a second rule")
	c.rule(t, "neighbours", "X-3", `warn contains "has a sibling" if count(input.plan.aws_instance) > 1`)
	both("a rule that looks at neighbours")
	both("a rule that looks at neighbours, again")
	c.rule(t, "broken", "X-4", `deny contains "no" if nobody.knows`)
	both("a broken rule")
	both("a broken rule, again")
	if n := len(memories(t, cache)); n != 2 {
		t.Errorf("there are %d memories; wanted: 2", n)
	}
}

func TestCheckKeepsNothingWhereItMustNot(t *testing.T) {
	t.Parallel()
	c := newChecker(t)
	args := []string{"check", "-o", "json", "--pack", "none", "--policy", c.policy, "--plan", c.plan}
	if err := os.WriteFile(c.plan, plangen.Plan(10), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, one := range map[string]struct {
		environ []string // HOME is added
		args    []string
		kept    int
	}{
		"by default":               {nil, nil, 1},
		"in a CI system":           {[]string{"CI=true"}, nil, 0},
		"when told not to":         {[]string{"GATEHOUSE_CACHE=off"}, nil, 0},
		"with --no-cache":          {nil, []string{"--no-cache"}, 0},
		"of a plan and a tree":     {nil, []string{c.policy}, 0},
		"of a plan against a tree": {nil, []string{"--base", c.policy}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			var out bytes.Buffer
			w := &world{in: bytes.NewReader(nil), out: &out, err: &out, environ: append(one.environ, "HOME="+home), clock: time.Now}
			w.run(t.Context(), append(slices.Clone(args), one.args...))
			if n := len(memories(t, home)); n != one.kept {
				t.Errorf("%d memories were kept; wanted: %d\n%s", n, one.kept, out.String())
			}
		})
	}
}

// A plan that is named as a path, as conftest's users do, is remembered, too, and goes by the name that files of a tree have.
func TestAPlanByItsPathIsRemembered(t *testing.T) {
	t.Parallel()
	c, cache := newChecker(t), t.TempDir()
	run := func(cache string, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		w := &world{in: bytes.NewReader(nil), out: &out, err: &out, environ: []string{"GATEHOUSE_CACHE=" + cache}, clock: time.Now}
		w.run(t.Context(), append([]string{"check", "-o", "json", "--pack", "none", "--policy", c.policy}, args...))
		return tokens.ReplaceAllString(out.String(), "token:X")
	}
	for i, plan := range [][]byte{plangen.Plan(60), plangen.Plan(60), bytes.Replace(plangen.Plan(60), []byte(`"size":20`), []byte(`"size":99`), 1), []byte(`{"planned_values": 1, "format_version"`)} {
		if err := os.WriteFile(c.plan, plan, 0o600); err != nil {
			t.Fatal(err)
		}
		want := run("off", filepath.Dir(c.plan))
		if got := run(cache, c.plan); !strings.Contains(got, `"plan.json"`) || cmp.Diff(want, got) != "" {
			t.Errorf("plan %d (-in its folder +by its path):\n%s", i, cmp.Diff(want, got))
		}
	}
	if n := len(memories(t, cache)); n != 1 {
		t.Errorf("%d memories were kept; wanted: 1", n)
	}
}

// memories are the files of plans anywhere below a folder.
func memories(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Base(filepath.Dir(name)) == "plans" {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
