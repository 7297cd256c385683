package cli

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

// linked is a tree that knows of its symbolic links and submodules.
type linked interface {
	Links(ctx context.Context) (map[string]document.Link, error)
}

// linksOf are the links of a tree, none where it does not know of them.
func linksOf(ctx context.Context, tree document.Tree) (map[string]document.Link, error) {
	if l, ok := tree.(linked); ok {
		return l.Links(ctx)
	}
	return nil, nil
}

// Links tells of those in the part.
func (t shownPart) Links(ctx context.Context) (map[string]document.Link, error) {
	return linksOf(ctx, t.Tree)
}

// Links tells of those in the part.
func (t partOf) Links(ctx context.Context) (map[string]document.Link, error) {
	all, err := linksOf(ctx, t.Tree)
	out := maps.Clone(all)
	maps.DeleteFunc(out, func(path string, _ document.Link) bool { return !t.shows(path) })
	return out, err
}

// localLinks says of symbolic links and submodules what the server says of them. Without a base nothing is known to be new, so that one out
// of the repository is only mentioned.
func localLinks(ctx context.Context, paths []string, head, base document.Tree, options document.Options, result *document.Result) error {
	links, err := linksOf(ctx, head)
	if err != nil {
		return err
	}
	root, only, err := commonRoot(paths)
	if err != nil {
		return err
	}
	top, prefix := repositoryOf(root)
	changed := maps.Clone(links)
	if _, err := os.Lstat(filepath.Join(top, ".gitmodules")); err == nil && changed != nil {
		maps.Copy(changed, submodules(ctx, root, only))
	}
	if len(changed) == 0 {
		return nil
	}
	if base != nil {
		before, err := linksOf(ctx, base)
		if err != nil {
			return err
		}
		maps.DeleteFunc(changed, func(path string, l document.Link) bool { return before[path] == l })
	}
	dropIgnored(ctx, root, changed)
	var list []document.Link
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		list = append(list, changed[name])
	}
	there := func(name string) bool {
		repository, err := os.OpenRoot(top)
		if err != nil {
			return false
		}
		defer repository.Close() //nolint:errcheck // only looked at
		_, err = repository.Lstat(filepath.FromSlash(name))
		return err == nil
	}
	problems, unjudged := document.Links(list, options, func(name string) string { return path.Join(prefix, name) }, there)
	if base == nil {
		problems, unjudged = nil, append(unjudged, problems...)
	}
	result.Problems, result.Unjudged = append(result.Problems, problems...), append(result.Unjudged, unjudged...)
	return nil
}

// submodules are those that git knows of, which need not be checked out. Where git says nothing, there are none.
func submodules(ctx context.Context, dir string, only []string) map[string]document.Link {
	out, err := localGit(ctx, dir, nil, append([]string{"ls-files", "--stage", "-z", "--"}, only...)...)
	if err != nil {
		return nil
	}
	found := map[string]document.Link{}
	for _, line := range strings.Split(string(out), "\x00") {
		if about, name, ok := strings.Cut(line, "\t"); ok && strings.HasPrefix(about, "160000 ") {
			found[name] = document.Link{Path: name, Submodule: true}
		}
	}
	return found
}

// repositoryOf is the directory of the git repository that holds a directory, and the way from the one to the other; the directory itself
// when no repository does.
func repositoryOf(dir string) (top, prefix string) {
	at, err := filepath.Abs(dir)
	if err != nil {
		return dir, ""
	}
	for top = at; ; top = filepath.Dir(top) {
		if _, err := os.Lstat(filepath.Join(top, ".git")); err == nil {
			rel, err := filepath.Rel(top, at)
			if err != nil {
				return dir, ""
			}
			return top, filepath.ToSlash(rel)
		}
		if filepath.Dir(top) == top {
			return dir, ""
		}
	}
}

// dropIgnored takes out what git ignores: links of tools and build results, which are in no commit. Where git says nothing, all stay.
func dropIgnored(ctx context.Context, dir string, links map[string]document.Link) {
	names := slices.Sorted(maps.Keys(links))
	out, err := localGit(ctx, dir, bytes.NewBufferString(strings.Join(names, "\x00")), "check-ignore", "-z", "--stdin")
	if err != nil {
		return
	}
	for _, name := range strings.Split(string(out), "\x00") {
		delete(links, name)
	}
}
