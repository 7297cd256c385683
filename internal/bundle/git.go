package bundle

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
)

// Git reads other repositories; *[gitmirror.Mirrors] is one.
type Git interface {
	Resolve(ctx context.Context, repo gitmirror.Repo, token gitmirror.TokenSource, ref string) (string, error)
	Sync(ctx context.Context, repo gitmirror.Repo, token gitmirror.TokenSource, wants []gitmirror.Want) error
	Tree(ctx context.Context, repo gitmirror.Repo, commit string) (*gitmirror.Tree, error)
	Blobs(ctx context.Context, repo gitmirror.Repo, shas []string, limits gitmirror.Limits) (map[string][]byte, error)
}

// Repository names a folder of rules in another repository.
type Repository struct {
	Owner, Name string
	Ref         string // a branch, or a full ref; "" with Commit
	Commit      string // that pins it
	Path        string // of the folder; "": everything
}

// String is OWNER/NAME/PATH.
func (r Repository) String() string { return path.Join(r.Owner, r.Name, r.Path) }

// OpenRepository reads rules from another repository, at a commit or at what a ref is now. What it gives stands in a mirror, so only a
// ref needs the network again. An *[Error] says why there are none; another error is of git's server, and another attempt may mend it.
func OpenRepository(ctx context.Context, git Git, token gitmirror.TokenSource, r Repository, limits Limits) (*Bundle, error) {
	orDefault(&limits.Unpacked, 64<<20)
	orDefault(&limits.Files, 5000)
	repo := gitmirror.Repo{Owner: r.Owner, Name: r.Name}
	ref := r.Ref
	if ref != "" && !strings.HasPrefix(ref, "refs/") {
		ref = "refs/heads/" + ref
	}
	fail := func(err error) error {
		lasting := errors.As(err, new(*gitmirror.AccessError)) || errors.As(err, new(*gitmirror.MissingError)) ||
			errors.As(err, new(*gitmirror.LimitError)) || errors.As(err, new(*gitmirror.PathError)) || errors.As(err, new(*gitmirror.BlobLimitError))
		return &Error{Bundle: r.String(), Temporary: !lasting && temporary(err), Err: err}
	}
	commit := r.Commit
	if commit == "" {
		var err error
		if commit, err = git.Resolve(ctx, repo, token, ref); err != nil {
			return nil, fail(err)
		}
	}
	if err := git.Sync(ctx, repo, token, []gitmirror.Want{{SHA: commit, Ref: ref}}); err != nil {
		return nil, fail(err)
	}
	tree, err := git.Tree(ctx, repo, commit)
	if err != nil {
		return nil, fail(err)
	}
	blobs := map[string]string{}
	prefix := ""
	if p := path.Clean(r.Path); r.Path != "" && p != "." {
		prefix = p + "/"
	}
	var shas []string
	for _, e := range tree.Entries {
		if name, ok := strings.CutPrefix(e.Path, prefix); ok && e.Mode.Regular() && e.Unsafe == "" && isRuleFile(name) {
			blobs[name] = e.Blob
			shas = append(shas, e.Blob)
		}
	}
	switch {
	case len(blobs) == 0:
		return nil, fail(wrong("there are no rules in %q at %s", r.Path, commit))
	case len(blobs) > limits.Files:
		return nil, fail(wrong("it holds more than %d files", limits.Files))
	}
	slices.Sort(shas)
	contents, err := git.Blobs(ctx, repo, slices.Compact(shas), gitmirror.Limits{PerBlob: limits.Unpacked, Total: limits.Unpacked})
	if err != nil {
		return nil, fail(err)
	}
	b := &Bundle{Name: r.String(), Commit: commit, Files: map[string][]byte{}}
	for name, sha := range blobs {
		b.Files[name] = contents[sha]
	}
	b.Rules = b.Files
	return b, nil
}

// isRuleFile keeps what the loader of rules reads.
func isRuleFile(name string) bool {
	return slices.Contains([]string{".rego", ".yaml", ".yml", ".json"}, path.Ext(name))
}
