package documents

import (
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

const (
	badChart = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
	badPod   = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
	badApp   = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
)

// aliases is YAML of a few lines, each of which repeats the one before it ten times.
func aliases(indent string) string {
	out := indent + "x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
	for i := range 9 {
		repeated := strings.Repeat(fmt.Sprintf(", *x%d", i), 10)[2:]
		out += fmt.Sprintf("%sx%d: &x%d [%s]\n", indent, i+1, i+1, repeated)
	}
	return out
}

// Documents that loop, explode, lie or lead elsewhere: each one is a check that blocks, with one sentence that names the file, on its own
// pull request; and what mends it passes on the same server.
func TestBadDocuments(t *testing.T) {
	chart := func(template string) map[string]string {
		return map[string]string{"web/Chart.yaml": badChart, "web/templates/a.yaml": template}
	}
	overlay := func(text string, more ...string) map[string]string {
		files := map[string]string{"o/kustomization.yaml": text, "o/web.yaml": badApp}
		for i := 0; i+1 < len(more); i += 2 {
			files[more[i]] = more[i+1]
		}
		return files
	}
	manifest := func(text string) map[string]string { return map[string]string{"k8s/a.yaml": text} }
	type row struct {
		files map[string]string
		want  string
	}
	for topic, rows := range map[string]map[string]row{
		"charts": {
			"template-of-itself": {chart(`{{ define "x" }}{{ include "x" . }}{{ end }}x: {{ include "x" . }}`), "web/templates/a.yaml:1 cannot be rendered: rendering template has a nested reference name: x"},
			"tpl-of-itself":      {map[string]string{"web/Chart.yaml": badChart, "web/values.yaml": "a: '{{ tpl .Values.a . }}'\n", "web/templates/a.yaml": "x: {{ tpl .Values.a . }}"}, "web/Chart.yaml cannot be rendered: the worker process took more than 512 MiB of memory"},
			"repeat":             {chart(`x: {{ repeat 2000000000 "a" }}`), "web/Chart.yaml cannot be rendered: the worker process took more than 512 MiB of memory"},
			"until":              {chart(`x: {{ until 1000000000 | len }}`), "web/Chart.yaml cannot be rendered: the worker process took more than 512 MiB of memory"},
			"printf":             {chart(badPod + `spec: {nodeName: {{ printf "%1000000000d" 1 }}}`), `web/templates/a.yaml:1 renders, for web, to text that is not valid YAML`},
			"charts-in-a-circle": {map[string]string{"a/Chart.yaml": strings.Replace(badChart, "web", "a", 1) + "dependencies: [{name: b, version: 0.1.0, repository: 'file://../b'}]\n", "b/Chart.yaml": strings.Replace(badChart, "web", "b", 1) + "dependencies: [{name: a, version: 0.1.0, repository: 'file://../a'}]\n"}, "b/Chart.yaml:4 depends on itself: a depends on b depends on a"},
			"values-of-aliases":  {map[string]string{"web/Chart.yaml": badChart, "web/values.yaml": aliases(""), "web/templates/a.yaml": badPod}, "web/Chart.yaml is not a chart that can be loaded: cannot load values.yaml"},
		},
		"overlays": {
			"itself":               {overlay("resources: [web.yaml, ../o]\n"), "o/kustomization.yaml:1 includes itself: o includes o"},
			"circle":               {overlay("resources: [../p]\n", "p/kustomization.yaml", "resources: [../o]\n"), "p/kustomization.yaml:1 includes itself: o includes p includes o"},
			"out-of-the-tree":      {overlay("resources: [web.yaml, ../../../etc]\n"), `o/kustomization.yaml:1 names "../../../etc", which lies outside of the repository`},
			"generator-of-passwd":  {overlay("configMapGenerator: [{name: x, files: [/etc/passwd]}]\n"), `o/kustomization.yaml:1 names "/etc/passwd", which lies outside of the repository`},
			"huge-generator":       {overlay("configMapGenerator: [{name: x, files: [big]}]\n", "o/big", strings.Repeat("a", 65<<20)), "o/big is too large to be part of a kustomization"},
			"many-huge-generators": {overlay("configMapGenerator:\n"+strings.Repeat("- {name: x, behavior: merge, files: [big]}\n", 3), "o/big", strings.Repeat("a", 3<<20)), "o/kustomization.yaml cannot be rendered: "},
			"patch-of-aliases":     {overlay("resources: [web.yaml]\npatches: [{path: p.yaml}]\n", "o/p.yaml", badApp+"spec:\n"+aliases("  ")), "o/kustomization.yaml cannot be rendered: the worker process took more than 512 MiB of memory"},
		},
		"manifests": {
			"aliases":         {manifest(badPod + aliases("")), "k8s/a.yaml:4 repeats more than 100000 values through aliases"},
			"alias-in-itself": {manifest(badPod + "x: &x [*x]\n"), "k8s/a.yaml:4 is not valid YAML: an alias stands inside what it repeats"},
			"deep":            {manifest(badPod + "x: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "\n"), "k8s/a.yaml:4 is not valid YAML: it nests too deep"},
			"a-key-twice":     {manifest(badPod + "metadata: {name: b}\n"), `k8s/a.yaml:4 is not valid YAML: the key "metadata" stands twice in one object`},
			"many-documents":  {manifest(strings.Repeat(badPod+"---\n", 10_001)), "k8s/a.yaml:40000 holds more than 10000 documents"},
		},
		"files": {
			"nul":                {manifest(strings.Replace(badPod, "name: a", "name: \"a\x00b\"", 1)), "k8s/a.yaml:1 is not valid YAML: it holds a control character"},
			"not-utf-8":          {manifest(strings.Replace(badPod, "name: a", "name: \"a\xff\"", 1)), "k8s/a.yaml:1 is not valid YAML: it is not UTF-8"},
			"utf-16":             {manifest("\xff\xfe" + strings.Join(strings.Split(badPod, ""), "\x00") + "\x00"), "k8s/a.yaml:1 is not valid YAML: it is UTF-16; save it as UTF-8"},
			"too-large":          {manifest(badPod + "# " + strings.Repeat("x", 9<<20) + "\n"), "k8s/a.yaml has 9437232 bytes, more than the limit of 8388608"},
			"byte-order-mark":    {manifest("\ufeff" + badPod), ""},
			"windows-line-ends":  {manifest(strings.ReplaceAll(badPod, "\n", "\r\n")), ""},
			"old-macs-line-ends": {manifest(strings.ReplaceAll(badPod, "\n", "\r")), ""},
		},
	} {
		t.Run(topic, func(t *testing.T) {
			s := newPlace(t, site.Setup{Files: map[string]string{".github/gatehouse.yml": site.GateFile("approvals: {required: 0}\n")}})
			for name, c := range rows {
				pr := s.Open("ann", name, c.files)
				s.Settle()
				got := s.State(pr.HeadSHA())
				if c.want == "" {
					if !strings.HasPrefix(got, "completed/success: Passed with 1 warning") {
						t.Errorf("%s: the check shows %.300q", name, got)
					}
					continue
				}
				if !strings.HasPrefix(got, site.CouldNot+c.want) {
					t.Errorf("%s: the check shows %.300q; wanted %s", name, got, c.want)
				}
				s.Blocked(pr, got)
				pr.Push(githubsim.CommitSpec{Delete: slices.Collect(maps.Keys(c.files)), Files: map[string]string{"notes.md": name + "\n"}})
				s.Settle()
				if got := s.State(pr.HeadSHA()); !strings.HasPrefix(got, "completed/success") {
					t.Errorf("%s, mended: the check shows %.300q", name, got)
				}
			}
			s.Up()
		})
	}
}

// Trees that git itself would never make, and that GitHub refuses when they are pushed: should one come through, its pull request is
// blocked, and no file is read by a name that leads elsewhere.
func TestTreesThatLeadElsewhere(t *testing.T) {
	s := newPlace(t, site.Setup{})
	dirs, err := filepath.Glob(filepath.Join(s.Dir, "github", "*", "HEAD"))
	if more, err := filepath.Glob(filepath.Join(s.Dir, "github", "*", "*", "HEAD")); err == nil {
		dirs = append(dirs, more...)
	}
	if err != nil || len(dirs) != 1 {
		t.Fatalf("where is the repository? %v %v", dirs, err)
	}
	git := func(in string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", filepath.Dir(dirs[0])}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=ann", "GIT_COMMITTER_EMAIL=ann@example.com")
		cmd.Stdin = strings.NewReader(in)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	tree := func(entries ...string) string { // MODE NAME<tab>SHA
		var raw strings.Builder
		for _, e := range entries {
			about, sha, _ := strings.Cut(e, "\t")
			binary, err := hex.DecodeString(sha)
			if err != nil {
				t.Fatal(err)
			}
			raw.WriteString(about + "\x00" + string(binary))
		}
		return git(raw.String(), "hash-object", "-t", "tree", "-w", "--stdin", "--literally")
	}
	file := git(badPod, "hash-object", "-w", "--stdin")
	inner := tree("100644 a.yaml\t" + file)
	for name, c := range map[string]struct{ tree, want string }{
		"above":  {tree("40000 ..\t" + inner), `holds the path "..": a path that leads elsewhere`},
		"git":    {tree("40000 .git\t" + inner), `holds the path ".git": git's own directory`},
		"slash":  {tree("100644 ../../etc/cron.d/x\t" + file), `the name "../../etc/cron.d/x" in it holds a slash`},
		"double": {tree("100644 a.yaml\t"+file, "100644 a.yaml\t"+inner), `the name "a.yaml" stands in it twice`},
	} {
		commit := git("", "commit-tree", "-m", name, "-p", s.Repo.Head("main"), c.tree)
		s.Repo.CreateBranch("ann", name, "main")
		if err := s.Repo.Push("ann", name, commit, false); err != nil {
			t.Fatal(err)
		}
		pr := s.Repo.OpenPR(githubsim.PRSpec{By: "ann", Title: name, Head: name})
		s.Settle()
		got := s.State(pr.HeadSHA())
		if !strings.HasPrefix(got, site.CouldNot+"the head "+pr.HeadSHA()[:7]) || !strings.Contains(got, c.want) {
			t.Errorf("%s: the check shows %q, and the comment:\n%s", name, got, s.Comment(pr))
		}
		s.Blocked(pr, got)
	}
	s.Up()
	s.Shows(s.Open("mei", "fine", map[string]string{"notes.md": "x\n"}), "in_progress: Waiting for 1 approval")
}
