package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

// localTrees are the files to judge and, when base names a directory or a git revision, the same files before the change.
// Paths are relative to the present directory, or to the one that holds them when they stand elsewhere.
func (w *world) localTrees(ctx context.Context, paths []string, base string) (head, before document.Tree, err error) {
	root, only, err := commonRoot(paths)
	if err != nil {
		return nil, nil, err
	}
	part, err := document.Dir(root, only...)
	if err != nil {
		return nil, nil, err
	}
	head = part
	if len(only) > 0 {
		head = shownPart{part, root}
	}
	if base == "" {
		return head, nil, nil
	}
	if before, err = baseTree(ctx, root, base); err != nil {
		return nil, nil, err
	}
	if _, ok := before.(*revision); !ok {
		before = counterpart(part, before, root, only)
	}
	return head, partOf{before, only}, nil
}

// baseTree is what --base names: a directory, or a git revision as seen from root.
func baseTree(ctx context.Context, root, base string) (document.Tree, error) {
	if info, err := os.Stat(base); err == nil && info.IsDir() {
		return document.Dir(base)
	}
	return revisionTree(ctx, root, base)
}

// counterpart is a base directory with its files where those of head stand. A base is an earlier copy of root, so of k8s/ its files are below
// k8s/, too; or it is an earlier copy of the one directory that was named, as in check new/ --base old/: then it has nothing of that name, and
// files of the same names as that directory.
func counterpart(head, base document.Tree, root string, only []string) document.Tree {
	if len(only) != 1 || only[0] == "." {
		return base
	}
	at := only[0]
	if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(at))); err != nil || !info.IsDir() {
		at = path.Dir(at)
	}
	files := base.Paths()
	if at == "." || slices.ContainsFunc(files, partOf{only: only}.shows) {
		return base
	}
	known := map[string]bool{}
	for _, p := range files {
		known[at+"/"+p] = true
	}
	if !slices.ContainsFunc(head.Paths(), func(p string) bool { return known[p] }) {
		return base
	}
	return below{base, at}
}

// below is a tree whose files stand below a folder.
type below struct {
	document.Tree
	at string
}

// Paths implements document.Tree.
func (t below) Paths() []string {
	files := slices.Clone(t.Tree.Paths())
	for i, p := range files {
		files[i] = t.at + "/" + p
	}
	return files
}

// Blob implements document.Tree.
func (t below) Blob(path string) string { return t.Tree.Blob(strings.TrimPrefix(path, t.at+"/")) }

// Read implements document.Tree.
func (t below) Read(ctx context.Context, paths []string) (map[string][]byte, error) {
	var inside []string
	for _, p := range paths {
		if rest, ok := strings.CutPrefix(p, t.at+"/"); ok {
			inside = append(inside, rest)
		}
	}
	read, err := t.Tree.Read(ctx, inside)
	if err != nil {
		return nil, err
	}
	found := make(map[string][]byte, len(read))
	for p, data := range read {
		found[t.at+"/"+p] = data
	}
	return found, nil
}

// Links tells what its symbolic links and submodules are.
func (t below) Links(ctx context.Context) (map[string]document.Link, error) {
	links, err := linksOf(ctx, t.Tree)
	if err != nil {
		return nil, err
	}
	out := make(map[string]document.Link, len(links))
	for p, l := range links {
		l.Path = t.at + "/" + p
		out[l.Path] = l
	}
	return out, nil
}

// shownPart is a part of a directory on disk. What is rendered may be made of files outside of the part.
type shownPart struct {
	document.Tree
	root string
}

// Size tells document how large a file is before it is read.
func (t shownPart) Size(path string) (int64, bool) {
	if sized, ok := t.Tree.(interface{ Size(string) (int64, bool) }); ok {
		return sized.Size(path)
	}
	return 0, false
}

// Read also finds files outside of the part, which findings about what was rendered may point at.
func (t shownPart) Read(ctx context.Context, paths []string) (map[string][]byte, error) {
	found, err := t.Tree.Read(ctx, paths)
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		if _, ok := found[p]; ok {
			continue
		}
		one, err := document.Dir(t.root, p)
		if err != nil {
			continue // it is nowhere
		}
		more, err := one.Read(ctx, []string{p})
		if err != nil {
			return nil, err
		}
		maps.Copy(found, more)
	}
	return found, nil
}

// Whole implements render.Part.
func (t shownPart) Whole(context.Context) (document.Tree, error) { return document.Dir(t.root) }

// Whole implements render.Part.
func (t partOf) Whole(context.Context) (document.Tree, error) { return t.Tree, nil }

// partOf is a tree cut down to some files and folders, so that what was not asked about does not look deleted.
type partOf struct {
	document.Tree
	only []string
}

// Paths implements document.Tree.
func (t partOf) Paths() []string {
	if len(t.only) == 0 {
		return t.Tree.Paths()
	}
	return slices.DeleteFunc(slices.Clone(t.Tree.Paths()), func(path string) bool { return !t.shows(path) })
}

func (t partOf) shows(path string) bool {
	return len(t.only) == 0 || slices.ContainsFunc(t.only, func(o string) bool {
		return o == "." || path == o || strings.HasPrefix(path, o+"/")
	})
}

// commonRoot splits paths into one directory and what is meant below it.
func commonRoot(paths []string) (root string, only []string, err error) {
	if len(paths) == 0 {
		return ".", nil, nil
	}
	if len(paths) == 1 {
		if info, err := os.Stat(paths[0]); err == nil && info.IsDir() && !filepath.IsLocal(paths[0]) {
			return paths[0], nil, nil
		}
	}
	if !slices.ContainsFunc(paths, func(p string) bool { return !filepath.IsLocal(p) }) {
		root = "."
	} else if root, err = sharedDir(paths); err != nil {
		return "", nil, err
	}
	for _, p := range paths {
		rel := p
		if root != "." {
			abs, err := filepath.Abs(p)
			if err != nil {
				return "", nil, err
			}
			if rel, err = filepath.Rel(root, abs); err != nil {
				return "", nil, err
			}
		}
		if _, err := os.Stat(p); err != nil {
			return "", nil, fmt.Errorf("%s cannot be read: no such file or directory", p)
		}
		only = append(only, filepath.ToSlash(filepath.Clean(rel)))
	}
	return root, only, nil
}

// foldersBelow gives the folders that the trees of the paths hold, as those call them.
func foldersBelow(paths, folders []string) ([]string, error) {
	root, _, err := commonRoot(paths)
	if err != nil {
		return nil, err
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	var out []string
	for _, folder := range folders {
		abs, err := filepath.Abs(folder)
		if err != nil {
			return nil, err
		}
		if rel, err := filepath.Rel(root, abs); err == nil && filepath.IsLocal(rel) {
			out = append(out, filepath.ToSlash(rel))
		}
	}
	return out, nil
}

// sharedDir is the deepest directory that holds all the paths.
func sharedDir(paths []string) (string, error) {
	shared := ""
	for i, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		dir := filepath.Dir(abs)
		if i == 0 {
			shared = dir
		}
		for shared != dir && !strings.HasPrefix(dir, strings.TrimSuffix(shared, "/")+"/") {
			shared = filepath.Dir(shared)
		}
	}
	return shared, nil
}

// revision is the files of a git commit, below the directory that git was asked from.
type revision struct {
	dir   string
	blobs map[string]string
	links map[string]string // blobs of symbolic links, "" for submodules
}

func revisionTree(ctx context.Context, dir, rev string) (*revision, error) {
	if strings.HasPrefix(rev, "-") {
		return nil, fmt.Errorf("--base is %q: neither a directory nor a git revision", rev)
	}
	commit, err := localGit(ctx, dir, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil {
		return nil, fmt.Errorf("--base is %q: neither a directory nor a git revision here", rev)
	}
	listing, err := localGit(ctx, dir, nil, "ls-tree", "-r", "-z", strings.TrimSpace(string(commit)))
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", rev, err)
	}
	t := &revision{dir: dir, blobs: map[string]string{}, links: map[string]string{}}
	for _, line := range strings.Split(string(listing), "\x00") {
		about, path, ok := strings.Cut(line, "\t")
		fields := strings.Fields(about)
		if !ok || len(fields) != 3 {
			continue
		}
		switch fields[0] {
		case "100644", "100755":
			t.blobs[path] = fields[2]
		case "120000":
			t.links[path] = fields[2]
		case "160000":
			t.links[path] = ""
		}
	}
	return t, nil
}

// Paths implements document.Tree.
func (t *revision) Paths() []string {
	out := make([]string, 0, len(t.blobs))
	for p := range t.blobs {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// Blob implements document.Tree. Files on disk have no git identity, so neither have these: the two cannot be compared.
func (t *revision) Blob(string) string { return "" }

// Links tells what its symbolic links and submodules are.
func (t *revision) Links(ctx context.Context) (map[string]document.Link, error) {
	var wanted []string
	for path, blob := range t.links {
		if blob != "" {
			wanted = append(wanted, path)
		}
	}
	targets, err := t.contents(ctx, wanted, t.links)
	if err != nil {
		return nil, err
	}
	out := make(map[string]document.Link, len(t.links))
	for path, blob := range t.links {
		out[path] = document.Link{Path: path, Target: string(targets[path]), Submodule: blob == ""}
	}
	return out, nil
}

// Read implements document.Tree.
func (t *revision) Read(ctx context.Context, paths []string) (map[string][]byte, error) {
	return t.contents(ctx, slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return t.blobs[p] == "" }), t.blobs)
}

// contents reads the blobs of paths, with one git process for all of them.
func (t *revision) contents(ctx context.Context, wanted []string, blobs map[string]string) (map[string][]byte, error) {
	var ask bytes.Buffer
	for _, p := range wanted {
		ask.WriteString(blobs[p] + "\n")
	}
	out, err := localGit(ctx, t.dir, &ask, "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	found := make(map[string][]byte, len(wanted))
	for _, p := range wanted {
		header, rest, _ := bytes.Cut(out, []byte("\n"))
		fields := strings.Fields(string(header))
		if len(fields) != 3 {
			return nil, fmt.Errorf("git does not have %s: %s", p, header)
		}
		size, err := strconv.Atoi(fields[2])
		if err != nil || size+1 > len(rest) {
			return nil, fmt.Errorf("git's answer for %s is not whole", p)
		}
		found[p], out = rest[:size], rest[size+1:]
	}
	return found, nil
}

func localGit(ctx context.Context, dir string, stdin *bytes.Buffer, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(exit.Stderr)))
	}
	return out, err
}
