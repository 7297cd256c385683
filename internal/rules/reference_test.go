package rules_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/policies"
)

var update = flag.Bool("update", false, "write docs/rules.md anew")

// TestReference fails when docs/rules.md does not say what the rules' metadata and examples say.
func TestReference(t *testing.T) {
	t.Parallel()
	want, err := rules.Reference(t.Context(), policies.FS)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", "rules.md")
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil { //nolint:gosec // a page of the documentation
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/rules.md is out of date; make it anew: go test ./internal/rules -run TestReference -update")
	}
}

// TestShippedMetadata holds the shipped rules to more than a team's own: an id of its pack, a description, a link to read on, and
// text that people can act on.
func TestShippedMetadata(t *testing.T) {
	t.Parallel()
	e, err := rules.New(t.Context(), rules.Options{Builtin: policies.FS, Packs: []string{"all"}})
	if err != nil {
		t.Fatal(err)
	}
	shape := map[string]*regexp.Regexp{
		"audit": regexp.MustCompile(`^AUD-\d\d$`), "least-privilege": regexp.MustCompile(`^LP-\d\d$`), "gitops": regexp.MustCompile(`^GO-\d\d$`),
		"immutable": regexp.MustCompile(`^IM-\d\d$`), "zero-trust": regexp.MustCompile(`^ZT-\d\d$`), "terraform-cloud": regexp.MustCompile(`^TF-\d\d$`),
		"kubernetes-workloads": regexp.MustCompile(`^K8S-\d\d$`), "pod-security-baseline": regexp.MustCompile(`^PSS-B-[A-Za-z]+$`),
		"pod-security-restricted": regexp.MustCompile(`^PSS-R-[A-Za-z]+$`),
	}
	for _, r := range e.Rules() {
		if shape[r.Pack] == nil || !shape[r.Pack].MatchString(r.ID) {
			t.Errorf("%s: the id %s is not one of the pack %s", r.File, r.ID, r.Pack)
		}
		if r.Description == "" || len(r.Related)+len(r.References) == 0 {
			t.Errorf("%s: a shipped rule needs a description, and a reference or a related resource", r.File)
		}
		if strings.HasSuffix(r.Title, ".") {
			t.Errorf("%s: the title is a sentence without its full stop", r.File)
		}
		for _, link := range r.Related {
			if !strings.HasPrefix(link.Ref, "https://") {
				t.Errorf("%s: %q is no https link", r.File, link.Ref)
			}
		}
		name := strings.TrimSuffix(strings.TrimPrefix(r.File, "policies/"), ".rego")
		for _, suffix := range []string{".examples.yaml", "_test.rego"} {
			if _, err := fs.Stat(policies.FS, name+suffix); err != nil {
				t.Errorf("%s has no %s", r.File, name+suffix)
			}
		}
	}
}
