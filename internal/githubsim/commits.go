package githubsim

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// CommitSpec describes a commit to make and push.
type CommitSpec struct {
	// Author and Committer are logins, or "Name <mail>" for somebody GitHub may not know. The committer is the author when "",
	// and the author is Pusher or the repository's owner.
	Author, Committer string
	// Pusher is the login that pushes; the committer's when "", else the author's.
	Pusher  string
	Message string // "Update files" when ""
	// Files are path to content; Delete are paths to remove; Links are path to the target of a symbolic link; Submodules are path to a
	// commit of another repository; Executable makes files of Files executable.
	Files      map[string]string
	Delete     []string
	Links      map[string]string
	Submodules map[string]string
	Executable []string
	// Parent is the commit to build on (SHA or branch); the branch's tip when "", or the default branch's for a new branch.
	Parent string
	// MergeParents makes it a merge: further parents (SHAs or branches). The tree is the first parent's with Files applied.
	MergeParents []string
	// Date is when; the server's clock when zero.
	Date time.Time
	// Signed shows the commit as verified.
	Signed bool
	// Force pushes even where the branch does not contain it: with Parent, a rewritten history.
	Force bool
}

// Commit makes a commit, pushes it to a branch (made when missing), and returns its SHA. It panics where TryCommit fails.
func (r *Repo) Commit(branch string, spec CommitSpec) string {
	sha, err := r.TryCommit(branch, spec)
	if err != nil {
		panic(fmt.Sprintf("githubsim: commit to %s of %s: %v", branch, r.fullName(), err))
	}
	return sha
}

// TryCommit is Commit where the push may be refused (*Refusal), by branch protection for one. The commit exists all the same.
func (r *Repo) TryCommit(branch string, spec CommitSpec) (string, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	old := r.tip(branch)
	if spec.Parent == "" {
		spec.Parent = branch
		if old == "" {
			spec.Parent = r.defaultBranch
		}
	}
	if spec.Author == "" {
		spec.Author = spec.Pusher
	}
	if spec.Author == "" {
		spec.Author = r.someOwner().login
	}
	if spec.Committer == "" {
		spec.Committer = spec.Author
	}
	sha, err := r.writeCommit(spec)
	if err != nil {
		return "", err
	}
	by := r.s.pusher(spec)
	if by == nil {
		by = r.someOwner()
	}
	return sha, r.pushRef(by, branch, sha, spec.Force)
}

func (s *Server) pusher(spec CommitSpec) *User {
	for _, who := range []string{spec.Pusher, spec.Committer, spec.Author} {
		if u := s.accounts[key(who)]; u != nil {
			return u
		}
	}
	return nil
}

// someOwner is who acts where a test names nobody: the owner, or an owner of the organisation.
func (r *Repo) someOwner() *User {
	if o := r.s.orgs[key(r.owner.login)]; o != nil {
		return o.owner()
	}
	return r.owner
}

// identity turns "login" or "Name <mail>" into git's form.
func (s *Server) identity(who string) (name, email string) {
	if u := s.accounts[key(who)]; u != nil {
		return u.name, u.email
	}
	name, rest, found := strings.Cut(who, "<")
	if !found {
		panic("githubsim: there is no account " + who + "; for a stranger write \"Name <mail>\"")
	}
	return strings.TrimSpace(name), strings.TrimSuffix(strings.TrimSpace(rest), ">")
}

// writeCommit makes the commit object with git fast-import: one process for any number of files.
func (r *Repo) writeCommit(spec CommitSpec) (string, error) {
	date := spec.Date
	if date.IsZero() {
		date = r.s.now()
	}
	ref := fmt.Sprintf("refs/sim/%d", r.s.id())
	var b strings.Builder
	fmt.Fprintf(&b, "commit %s\nmark :1\n", ref)
	for _, line := range [][2]string{{"author", spec.Author}, {"committer", spec.Committer}} {
		name, email := r.s.identity(line[1])
		fmt.Fprintf(&b, "%s %s <%s> %d +0000\n", line[0], name, email, date.Unix())
	}
	msg := spec.Message
	if msg == "" {
		msg = "Update files"
	}
	fmt.Fprintf(&b, "data %d\n%s\n", len(msg), msg)
	if parent := r.resolve(spec.Parent); parent != "" {
		fmt.Fprintf(&b, "from %s\n", parent)
	}
	for _, p := range spec.MergeParents {
		sha := r.resolve(p)
		if sha == "" {
			return "", fmt.Errorf("there is no commit %q in %s", p, r.fullName())
		}
		fmt.Fprintf(&b, "merge %s\n", sha)
	}
	for _, path := range spec.Delete {
		fmt.Fprintf(&b, "D %s\n", gitQuote(path))
	}
	for _, path := range sortedKeys(spec.Files) {
		mode := "100644"
		if slices.Contains(spec.Executable, path) {
			mode = "100755"
		}
		fmt.Fprintf(&b, "M %s inline %s\ndata %d\n%s\n", mode, gitQuote(path), len(spec.Files[path]), spec.Files[path])
	}
	for _, path := range sortedKeys(spec.Links) {
		fmt.Fprintf(&b, "M 120000 inline %s\ndata %d\n%s\n", gitQuote(path), len(spec.Links[path]), spec.Links[path])
	}
	for _, path := range sortedKeys(spec.Submodules) {
		fmt.Fprintf(&b, "M 160000 %s %s\n", spec.Submodules[path], gitQuote(path))
	}
	b.WriteString("done\n")
	if _, err := runGit(r.dir, strings.NewReader(b.String()), nil, "fast-import", "--quiet", "--done"); err != nil {
		return "", fmt.Errorf("writing a commit: %w", err)
	}
	sha := r.ref(ref)
	if sha == "" {
		return "", fmt.Errorf("writing a commit to %s: git left no ref", r.fullName())
	}
	r.mustGit("update-ref", "-d", ref)
	if spec.Signed {
		r.verified[sha] = true
	}
	return sha, nil
}

// gitQuote is a path as fast-import reads it: bytes as they are, whatever they mean, but for those that would end it.
func gitQuote(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		if c < ' ' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return `"` + b.String() + `"`
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// mergeTree merges two commits and returns the tree, or conflict.
func (r *Repo) mergeTree(base, head string) (tree string, conflict bool) {
	k := "tree " + base + " " + head
	if v, known := r.cache[k]; known {
		return v.(string), v == ""
	}
	out, err := r.git("merge-tree", "--write-tree", "--no-messages", base, head)
	tree, _, _ = strings.Cut(out, "\n")
	if err != nil {
		tree = ""
	}
	r.cache[k] = tree
	return tree, tree == ""
}

// commitTree writes a commit of a known tree; GitHub itself is the committer.
func (r *Repo) commitTree(tree, message string, author *User, parents ...string) string {
	args := []string{"commit-tree", tree}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	date := fmt.Sprintf("%d +0000", r.s.now().Unix())
	out, err := runGit(r.dir, strings.NewReader(message), []string{
		"GIT_AUTHOR_NAME=" + author.name, "GIT_AUTHOR_EMAIL=" + author.email, "GIT_AUTHOR_DATE=" + date, "GIT_COMMITTER_DATE=" + date,
	}, args...)
	if err != nil {
		panic("githubsim: " + err.Error())
	}
	sha := strings.TrimSpace(out)
	r.verified[sha] = true
	return sha
}

// rebase replays the commits of head on base in a throw-away work tree; conflict when they do not apply.
func (r *Repo) rebase(base, head string, by *User) (sha string, conflict bool) {
	dir := filepath.Join(r.s.opt.Dir, fmt.Sprintf("rebase-%d", r.s.id()))
	r.mustGit("worktree", "add", "--quiet", "--detach", dir, head)
	defer func() {
		r.mustGit("worktree", "remove", "--force", dir)
		_ = os.RemoveAll(dir) // git removed it already
	}()
	// GitHub's rebase always makes new commits. In the second in which their committer made the old ones, these would be the same.
	date := r.s.now().Unix()
	if made, err := strconv.ParseInt(strings.TrimSpace(r.mustGit("show", "-s", "--format=%ct", head)), 10, 64); err == nil {
		date = max(date, made+1)
	}
	env := []string{
		"GIT_COMMITTER_NAME=" + by.name, "GIT_COMMITTER_EMAIL=" + by.email, fmt.Sprintf("GIT_COMMITTER_DATE=%d +0000", date),
	}
	if _, err := runGit(dir, nil, env, "rebase", "--quiet", "--force-rebase", base); err != nil {
		return "", true
	}
	out, err := runGit(dir, nil, nil, "rev-parse", "HEAD")
	if err != nil {
		panic("githubsim: " + err.Error())
	}
	return strings.TrimSpace(out), false
}

// FirstParents is the line of first parents that ends at a branch's tip, newest first, at most n commits of it.
func (r *Repo) FirstParents(branch string, n int) []string {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	var out []string
	for at := r.tip(branch); at != "" && len(out) < n; {
		out = append(out, at)
		ci, found := r.commit(at)
		if !found || len(ci.parents) == 0 {
			break
		}
		at = ci.parents[0]
	}
	return out
}
