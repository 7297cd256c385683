package bundle_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/bundle"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
)

// fakeGit is a repository with one commit, under a few refs.
type fakeGit struct {
	refs  map[string]string
	files map[string]string
	down  error
	wants []gitmirror.Want
}

const someCommit = "0123456789abcdef0123456789abcdef01234567"

func (g *fakeGit) Resolve(_ context.Context, repo gitmirror.Repo, _ gitmirror.TokenSource, ref string) (string, error) {
	if g.down != nil {
		return "", g.down
	}
	if commit := g.refs[ref]; commit != "" {
		return commit, nil
	}
	return "", &gitmirror.MissingError{Repo: repo, SHAs: []string{ref}}
}

func (g *fakeGit) Sync(_ context.Context, _ gitmirror.Repo, _ gitmirror.TokenSource, wants []gitmirror.Want) error {
	g.wants = append(g.wants, wants...)
	return nil
}

func (g *fakeGit) Tree(_ context.Context, _ gitmirror.Repo, commit string) (*gitmirror.Tree, error) {
	t := &gitmirror.Tree{Commit: commit}
	for path := range g.files {
		mode := gitmirror.ModeFile
		if strings.HasSuffix(path, "link.rego") {
			mode = gitmirror.ModeSymlink
		}
		t.Entries = append(t.Entries, gitmirror.Entry{Path: path, Mode: mode, Blob: path})
	}
	return t, nil
}

func (g *fakeGit) Blobs(_ context.Context, _ gitmirror.Repo, shas []string, _ gitmirror.Limits) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, sha := range shas {
		out[sha] = []byte(g.files[sha])
	}
	return out, nil
}

func TestRulesOfARepository(t *testing.T) {
	t.Parallel()
	git := func() *fakeGit {
		return &fakeGit{
			refs:  map[string]string{"refs/heads/main": someCommit, "refs/tags/v1": someCommit},
			files: map[string]string{"a.rego": "a", "rego/b.rego": "b", "rego/data.json": "{}", "rego/README.md": "r", "rego/link.rego": "a.rego", "regox/c.rego": "c"},
		}
	}
	at := func(ref, commit, path string) bundle.Repository {
		return bundle.Repository{Owner: "acme", Name: "policies", Ref: ref, Commit: commit, Path: path}
	}
	below := map[string][]byte{"b.rego": []byte("b"), "data.json": []byte("{}")}
	for name, c := range map[string]struct {
		repository bundle.Repository
		want       gitmirror.Want
	}{
		"a branch": {at("main", "", "rego"), gitmirror.Want{SHA: someCommit, Ref: "refs/heads/main"}},
		"a tag":    {at("refs/tags/v1", "", "rego/"), gitmirror.Want{SHA: someCommit, Ref: "refs/tags/v1"}},
		"a commit": {at("", someCommit, "./rego"), gitmirror.Want{SHA: someCommit}},
	} {
		g := git()
		b, err := bundle.OpenRepository(t.Context(), g, nil, c.repository, bundle.Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := &bundle.Bundle{Name: "acme/policies/rego", Commit: someCommit, Files: below, Rules: below}
		if diff := cmp.Diff(want, b); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff([]gitmirror.Want{c.want}, g.wants); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	down := git()
	down.down = errors.New("connection refused")
	for name, c := range map[string]struct {
		git        *fakeGit
		repository bundle.Repository
		limits     bundle.Limits
		temporary  bool
		want       string
	}{
		"no such branch": {git(), at("dev", "", ""), bundle.Limits{}, false, "the bundle acme/policies cannot be used: acme/policies does not have refs/heads/dev (pushed over, deleted, or not for this token to see)"},
		"no such folder": {git(), at("main", "", "none"), bundle.Limits{}, false, `the bundle acme/policies/none cannot be used: there are no rules in "none" at ` + someCommit},
		"too many":       {git(), at("main", "", ""), bundle.Limits{Files: 2}, false, "the bundle acme/policies cannot be used: it holds more than 2 files"},
		"git is down":    {down, at("main", "", ""), bundle.Limits{}, true, "the bundle acme/policies cannot be used: connection refused"},
	} {
		_, err := bundle.OpenRepository(t.Context(), c.git, nil, c.repository, c.limits)
		var e *bundle.Error
		if !errors.As(err, &e) || e.Temporary != c.temporary || err.Error() != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
