package githubsim

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

const zeroSHA = "0000000000000000000000000000000000000000"

// gitEnv is a git that reads nobody's configuration and asks nobody for a password.
func gitEnv(extra ...string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C", "TZ=UTC", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_TERMINAL_PROMPT=0", "GIT_AUTHOR_NAME=GitHub", "GIT_AUTHOR_EMAIL=noreply@github.com",
		"GIT_COMMITTER_NAME=GitHub", "GIT_COMMITTER_EMAIL=noreply@github.com",
	}
	return append(env, extra...)
}

// gitError is a git command that failed, with what it printed.
type gitError struct {
	args   []string
	code   int
	stdout string
	stderr string
}

func (e *gitError) Error() string {
	return fmt.Sprintf("git %s: exit status %d: %s", strings.Join(e.args, " "), e.code, strings.TrimSpace(e.stderr))
}

func runGit(dir string, stdin io.Reader, env []string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin, cmd.Env = dir, stdin, gitEnv(env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		code := -1
		if cmd.ProcessState != nil {
			code = cmd.ProcessState.ExitCode()
		}
		if errOut.Len() == 0 {
			errOut.WriteString(err.Error())
		}
		return out.String(), &gitError{args: args, code: code, stdout: out.String(), stderr: errOut.String()}
	}
	return out.String(), nil
}

// git runs a command in the repository and returns its output without the last line end.
func (r *Repo) git(args ...string) (string, error) {
	out, err := runGit(r.dir, nil, nil, args...)
	return strings.TrimSuffix(out, "\n"), err
}

// mustGit is git for what cannot fail unless the disk or this package is broken.
func (r *Repo) mustGit(args ...string) string {
	out, err := r.git(args...)
	if err != nil {
		panic("githubsim: " + err.Error())
	}
	return out
}

// initBare makes the bare repository; a fork shares the object store of its network, as on GitHub.
func (r *Repo) initBare() {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		panic(fmt.Sprintf("githubsim: making a repository: %v", err))
	}
	r.mustGit("init", "--quiet", "--bare", "--template=", "--initial-branch="+r.defaultBranch, ".")
	config := "[uploadpack]\nallowFilter = true\nallowAnySHA1InWant = true\n[receive]\nautogc = false\nhideRefs = refs/pull\n" +
		"[gc]\nauto = 0\n[core]\nhooksPath = " + os.DevNull + "\nlogAllRefUpdates = false\n[http]\nreceivepack = true\n"
	f, err := os.OpenFile(r.dir+"/config", os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(config)
		err = firstError(err, f.Close())
	}
	if err == nil && r.parent != nil {
		if err = os.RemoveAll(r.dir + "/objects"); err == nil {
			err = os.Symlink(r.parent.dir+"/objects", r.dir+"/objects")
		}
	}
	if err != nil {
		panic(fmt.Sprintf("githubsim: setting up a repository: %v", err))
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// refs lists the refs under a prefix, by name.
func (r *Repo) refs(prefix string) map[string]string {
	out := map[string]string{}
	for line := range strings.SplitSeq(r.mustGit("for-each-ref", "--format=%(objectname) %(refname)", prefix), "\n") {
		if sha, name, found := strings.Cut(line, " "); found {
			out[name] = sha
		}
	}
	return out
}

// tip is the commit of a branch, or "". Whoever moves a branch behind setRef's back must clear r.tips.
func (r *Repo) tip(branch string) string {
	sha, known := r.tips[branch]
	if !known {
		sha = r.ref("refs/heads/" + branch)
		r.tips[branch] = sha
	}
	return sha
}

func (r *Repo) ref(name string) string {
	out, err := r.git("rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil {
		return ""
	}
	return out
}

// resolve finds the commit of a full SHA, an unambiguous short one, a branch, a tag or a full ref name; "" when there is none.
func (r *Repo) resolve(name string) string {
	if strings.HasPrefix(name, "-") || strings.ContainsAny(name, " ~^:?*[\\@{\n") || name == "" {
		return ""
	}
	if isSHA(name) {
		return r.ref(name)
	}
	if sha := r.tip(trimHeads(name)); sha != "" {
		return sha
	}
	for _, full := range []string{"refs/tags/" + name, "refs/" + name} {
		if sha := r.ref(full); sha != "" {
			return sha
		}
	}
	if len(name) >= 7 && strings.Trim(name, "0123456789abcdef") == "" {
		return r.ref(name)
	}
	return ""
}

func isSHA(s string) bool { return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == "" }

func (r *Repo) isAncestor(a, b string) bool {
	k := "ancestor " + a + " " + b
	if v, known := r.cache[k]; known {
		return v.(bool)
	}
	_, err := r.git("merge-base", "--is-ancestor", a, b)
	r.cache[k] = err == nil
	return err == nil
}

func (r *Repo) mergeBase(a, b string) string {
	k := "mb " + a + " " + b
	if v, known := r.cache[k]; known {
		return v.(string)
	}
	out, err := r.git("merge-base", a, b)
	if err != nil {
		out = ""
	}
	r.cache[k] = out
	return out
}

// commitInfo is a parsed commit.
type commitInfo struct {
	sha, tree                string
	parents                  []string
	authorName, authorEmail  string
	commitName, commitEmail  string
	authorDate, commitDate   time.Time
	message                  string
	authorStamp, commitStamp string
}

const logFormat = "--format=tformat:%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"

// log lists commits, newest first, with git log's own arguments.
func (r *Repo) log(args ...string) ([]commitInfo, error) {
	out, err := r.git(append([]string{"log", "-z", logFormat}, args...)...)
	if err != nil {
		return nil, err
	}
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	var list []commitInfo
	for ; len(fields) >= 10; fields = fields[10:] {
		ci := commitInfo{
			sha: fields[0], tree: fields[1], parents: strings.Fields(fields[2]), authorName: fields[3], authorEmail: fields[4],
			authorStamp: fields[5], commitName: fields[6], commitEmail: fields[7], commitStamp: fields[8],
			message: strings.TrimRight(fields[9], "\n"),
		}
		ci.authorDate, _ = time.Parse(time.RFC3339, ci.authorStamp) // git printed it
		ci.commitDate, _ = time.Parse(time.RFC3339, ci.commitStamp)
		list = append(list, ci)
	}
	return list, nil
}

// commit reads one commit; the answer never changes, so it is kept.
func (r *Repo) commit(sha string) (commitInfo, bool) {
	k := "commit " + sha
	if v, known := r.cache[k]; known {
		return v.(commitInfo), true
	}
	list, err := r.log("-1", sha, "--")
	if err != nil || len(list) != 1 {
		return commitInfo{}, false
	}
	r.cache[k] = list[0]
	return list[0], true
}

// between lists the commits of head that base does not have, oldest first; cached, for two SHAs.
func (r *Repo) between(base, head string) []commitInfo {
	k := "log " + base + " " + head
	if v, known := r.cache[k]; known {
		return v.([]commitInfo)
	}
	list, err := r.log("--topo-order", "--reverse", base+".."+head, "--")
	if err != nil {
		panic("githubsim: " + err.Error())
	}
	r.cache[k] = list
	return list
}

// fileChange is one row of a diff.
type fileChange struct {
	path, previous string
	status         string
	blob           string
	add, del       int
	patch          string // "" for binary and oversized files
}

// maxPatchLines is where GitHub stops giving patches and counts.
const maxPatchLines = 20000

var statusNames = map[byte]string{'A': "added", 'D': "removed", 'M': "modified", 'R': "renamed", 'C': "copied", 'T': "changed"}

const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// changes lists what differs between two commits or trees, with renames but without counts and patches.
func (r *Repo) changes(from, to string) []fileChange {
	k := "changes " + from + " " + to
	if v, known := r.cache[k]; known {
		return v.([]fileChange)
	}
	raw := strings.Split(r.mustGit("diff-tree", "-r", "-M", "-l0", "--full-index", "-z", "--raw", from, to), "\x00")
	var list []fileChange
	for len(raw) > 1 && raw[0] != "" {
		meta := strings.Fields(raw[0]) // :100644 100644 old new M
		f := fileChange{status: statusNames[meta[4][0]], path: raw[1], blob: meta[3]}
		raw = raw[2:]
		if f.status == "renamed" || f.status == "copied" {
			f.previous, f.path = f.path, raw[0]
			raw = raw[1:]
		}
		if f.status == "removed" {
			f.blob = meta[2]
		}
		list = append(list, f)
	}
	r.cache[k] = list
	return list
}

// diff compares two commits or trees file by file, as the REST API shows it.
func (r *Repo) diff(from, to string) []fileChange {
	k := "diff " + from + " " + to
	if v, known := r.cache[k]; known {
		return v.([]fileChange)
	}
	args := []string{"diff-tree", "-r", "-M", "-l0", "--full-index"}
	stat := strings.Split(r.mustGit(append(args, "-z", "--numstat", from, to)...), "\x00")
	patch := patches(r.mustGit(append(args, "-p", from, to)...))
	list := slices.Clone(r.changes(from, to))
	lines := 0
	for i := range list {
		f := &list[i]
		counts := strings.SplitN(stat[0], "\t", 3)
		stat = stat[1:]
		if f.previous != "" {
			stat = stat[2:] // both names follow
		}
		f.add, _ = strconv.Atoi(counts[0]) // "-" for a binary file is 0 on GitHub
		f.del, _ = strconv.Atoi(counts[1])
		f.patch = patch[f.path]
		if lines += f.add + f.del; lines > maxPatchLines {
			f.patch, f.add, f.del = "", 0, 0
		}
	}
	r.cache[k] = list
	return list
}

// patches cuts git's patch text by file. A line of content begins with a space, +, - or \, so the headers cannot be forged.
func patches(text string) map[string]string {
	out := map[string]string{}
	for chunk := range strings.SplitSeq("\n"+text, "\ndiff --git ") {
		at := strings.Index(chunk, "\n@@")
		if at < 0 {
			continue
		}
		var name string
		for line := range strings.SplitSeq(chunk[:at], "\n") {
			if p, found := strings.CutPrefix(line, "+++ "); found && p != os.DevNull {
				name = p
			} else if p, found := strings.CutPrefix(line, "--- "); found {
				name = p
			}
		}
		out[unquotePath(name)] = strings.TrimSuffix(chunk[at+1:], "\n")
	}
	return out
}

// unquotePath undoes git's a/ and b/ prefixes and its C-style quoting.
func unquotePath(p string) string {
	p = strings.TrimSuffix(p, "\t")
	if strings.HasPrefix(p, `"`) {
		if u, err := strconv.Unquote(p); err == nil {
			p = u
		}
	}
	if len(p) > 2 && (p[:2] == "a/" || p[:2] == "b/") {
		p = p[2:]
	}
	return p
}

// hasCommit tells whether a commit is in the repository or its network of forks.
func (r *Repo) hasCommit(sha string) bool {
	if !isSHA(sha) {
		return false
	}
	_, found := r.commit(sha)
	return found
}

// branchesAt lists the branches whose tip is the commit, by name.
func (r *Repo) branchesAt(sha string) []string {
	var out []string
	for name, tip := range r.refs("refs/heads/") {
		if tip == sha {
			out = append(out, strings.TrimPrefix(name, "refs/heads/"))
		}
	}
	slices.Sort(out)
	return out
}
