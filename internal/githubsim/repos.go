package githubsim

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"
)

type role int

const (
	roleNone role = iota
	roleRead
	roleTriage
	roleWrite
	roleMaintain
	roleAdmin
)

var roleNames = []string{"none", "read", "triage", "write", "maintain", "admin"}

// parseRole reads a role under either of GitHub's two namings; "" is read.
func parseRole(name string) role {
	switch name {
	case "", "pull":
		return roleRead
	case "push":
		return roleWrite
	}
	i := slices.Index(roleNames, name)
	if i < 0 {
		panic("githubsim: there is no permission " + name)
	}
	return role(i)
}

// RepoSpec describes a repository.
type RepoSpec struct {
	Owner, Name   string
	Private       bool
	DefaultBranch string // "main" when ""
	// Files are committed to the default branch at once; without any, the repository starts with a README.md. Empty leaves it
	// without a commit.
	Files map[string]string
	Empty bool
}

// Repo is a repository with its pull requests, issues, checks and statuses.
type Repo struct {
	s             *Server
	id            int64
	owner         *User
	name          string
	private       bool
	defaultBranch string
	dir           string
	parent        *Repo // a fork's
	made          time.Time
	pushed        time.Time
	noMerge       map[string]bool // merge methods that are switched off

	grants      map[*User]role
	grantOrder  []*User
	protections map[string]*Protection
	rulesets    []*ruleset

	nextNumber int
	issues     map[int]*Issue
	prs        []*PR
	suites     []*suite
	runs       []*CheckRun
	statuses   []*status
	labels     map[string]int64
	verified   map[string]bool
	cache      map[string]any // answers about immutable git objects
}

// CreateRepo makes a repository.
func (s *Server) CreateRepo(spec RepoSpec) *Repo {
	s.mu.Lock()
	r := s.addRepo(spec, nil)
	s.mu.Unlock()
	if !spec.Empty {
		files := spec.Files
		if len(files) == 0 {
			files = map[string]string{"README.md": "# " + spec.Name + "\n"}
		}
		r.Commit(r.defaultBranch, CommitSpec{Files: files, Message: "Initial commit"})
	}
	return r
}

// Fork makes a fork in a person's or an organisation's account; objects are shared as on GitHub.
func (r *Repo) Fork(owner string) *Repo {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	f := r.s.addRepo(RepoSpec{Owner: owner, Name: r.name, Private: r.private, DefaultBranch: r.defaultBranch}, r)
	for name, sha := range r.refs("refs/heads/") {
		f.mustGit("update-ref", name, sha)
	}
	return f
}

func (s *Server) addRepo(spec RepoSpec, parent *Repo) *Repo {
	owner := s.mustUser(spec.Owner)
	if s.repos[key(owner.login, spec.Name)] != nil {
		panic("githubsim: there is already a repository " + spec.Owner + "/" + spec.Name)
	}
	r := &Repo{
		s: s, id: s.id(), owner: owner, name: spec.Name, private: spec.Private, defaultBranch: spec.DefaultBranch, parent: parent,
		made: s.now(), pushed: s.now(), noMerge: map[string]bool{}, grants: map[*User]role{}, protections: map[string]*Protection{},
		issues: map[int]*Issue{}, labels: map[string]int64{}, verified: map[string]bool{}, cache: map[string]any{},
	}
	if r.defaultBranch == "" {
		r.defaultBranch = "main"
	}
	r.dir = s.newRepoDir(spec.Name)
	r.initBare()
	s.repos[key(r.owner.login, r.name)] = r
	return r
}

// Repo finds a repository by "owner/name"; it panics when there is none.
func (s *Server) Repo(fullName string) *Repo {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[key(fullName)]
	if r == nil {
		panic("githubsim: there is no repository " + fullName)
	}
	return r
}

func (s *Server) sortedRepos() []*Repo {
	list := slices.Collect(maps.Values(s.repos))
	slices.SortFunc(list, func(a, b *Repo) int { return int(a.id - b.id) })
	return list
}

// FullName is owner/name.
func (r *Repo) FullName() string { return r.fullName() }

// ID is the repository's number.
func (r *Repo) ID() int64 { return r.id }

// Dir is the bare repository on disk, for looking only.
func (r *Repo) Dir() string { return r.dir }

// CloneURL is the address for git.
func (r *Repo) CloneURL() string { return r.s.opt.URL + "/" + r.fullName() + ".git" }

// Head is the commit at the tip of a branch; "" when there is no such branch.
func (r *Repo) Head(branch string) string {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.tip(branch)
}

// File is a file's content at a branch or commit, and whether it is there.
func (r *Repo) File(ref, path string) (string, bool) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	sha := r.resolve(ref)
	if sha == "" {
		return "", false
	}
	out, err := runGit(r.dir, nil, nil, "cat-file", "blob", sha+":"+path)
	return out, err == nil
}

// AddCollaborator gives a person a permission (pull, triage, push, maintain, admin; "none" takes it away) and sends the member event.
func (r *Repo) AddCollaborator(login, permission string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	u, action := r.s.mustUser(login), "added"
	if permission == "none" {
		delete(r.grants, u)
		r.grantOrder = slices.DeleteFunc(r.grantOrder, func(x *User) bool { return x == u })
		r.s.emit("member", "removed", r, r.someOwner(), object{"member": u.json()})
		return
	}
	extra := object{"member": u.json()}
	if old, known := r.grants[u]; known {
		action = "edited"
		extra["changes"] = object{"permission": object{"from": roleNames[old], "to": permission}}
	} else {
		r.grantOrder = append(r.grantOrder, u)
		extra["changes"] = object{"permission": object{"to": permission}}
	}
	r.grants[u] = parseRole(permission)
	r.s.emit("member", action, r, r.someOwner(), extra)
}

// AllowMergeMethods leaves only the given merge methods (merge, squash, rebase) switched on.
func (r *Repo) AllowMergeMethods(methods ...string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, m := range []string{"merge", "squash", "rebase"} {
		r.noMerge[m] = !slices.Contains(methods, m)
	}
}

// roleOf is a person's highest role: ownership, grant, teams (a child team has what its parents have), organisation, public.
func (r *Repo) roleOf(u *User) role {
	if u == nil {
		return r.publicRole()
	}
	if u == r.owner {
		return roleAdmin
	}
	best := max(r.grants[u], r.publicRole())
	o := r.s.orgs[key(r.owner.login)]
	if o == nil || o.members[u] == "" {
		return best
	}
	if o.members[u] == "admin" {
		return roleAdmin
	}
	best = max(best, o.defaultRole)
	for _, t := range o.teams {
		if t.has(u) {
			best = max(best, t.repos[r])
		}
	}
	return best
}

func (r *Repo) publicRole() role {
	if r.private {
		return roleNone
	}
	return roleRead
}

func (r *Repo) fullName() string { return r.owner.login + "/" + r.name }

func (r *Repo) root() *Repo {
	for r.parent != nil {
		r = r.parent
	}
	return r
}

func (s *Server) api(path string) string { return s.opt.URL + apiPrefix + path }

func (r *Repo) api(path string) string { return r.s.api("/repos/" + r.fullName() + path) }

func (r *Repo) html(path string) string { return r.s.opt.URL + "/" + r.fullName() + path }

func nodeID(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%03d:%s%d", len(kind), kind, id))
}

// repoLinks are the addresses of a repository: field to path under its API address.
var repoLinks = map[string]string{
	"forks_url": "/forks", "keys_url": "/keys{/key_id}", "collaborators_url": "/collaborators{/collaborator}", "teams_url": "/teams",
	"hooks_url": "/hooks", "issue_events_url": "/issues/events{/number}", "events_url": "/events", "assignees_url": "/assignees{/user}",
	"branches_url": "/branches{/branch}", "tags_url": "/tags", "blobs_url": "/git/blobs{/sha}", "git_tags_url": "/git/tags{/sha}",
	"git_refs_url": "/git/refs{/sha}", "trees_url": "/git/trees{/sha}", "statuses_url": "/statuses/{sha}", "languages_url": "/languages",
	"stargazers_url": "/stargazers", "contributors_url": "/contributors", "subscribers_url": "/subscribers",
	"subscription_url": "/subscription", "commits_url": "/commits{/sha}", "git_commits_url": "/git/commits{/sha}",
	"comments_url": "/comments{/number}", "issue_comment_url": "/issues/comments{/number}", "contents_url": "/contents/{+path}",
	"compare_url": "/compare/{base}...{head}", "merges_url": "/merges", "archive_url": "/{archive_format}{/ref}",
	"downloads_url": "/downloads", "issues_url": "/issues{/number}", "pulls_url": "/pulls{/number}",
	"milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
	"labels_url": "/labels{/name}", "releases_url": "/releases{/id}", "deployments_url": "/deployments",
}

func (r *Repo) json() object {
	open := 0
	for _, i := range r.issues {
		if i.state == "open" {
			open++
		}
	}
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	out := object{
		"id": r.id, "node_id": nodeID("Repository", r.id), "name": r.name, "full_name": r.fullName(), "private": r.private,
		"owner": r.owner.json(), "html_url": r.html(""), "description": nil, "fork": r.parent != nil, "url": r.api(""),
		"created_at": stamp(r.made), "updated_at": stamp(r.made), "pushed_at": stamp(r.pushed),
		"git_url": "git://" + strings.TrimPrefix(r.html(".git"), "http://"), "ssh_url": "git@github.invalid:" + r.fullName() + ".git",
		"clone_url": r.CloneURL(), "svn_url": r.html(""), "homepage": nil, "size": 0, "stargazers_count": 0, "watchers_count": 0,
		"language": nil, "has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": true, "has_pages": false,
		"has_discussions": false, "forks_count": 0, "mirror_url": nil, "archived": false, "disabled": false,
		"open_issues_count": open, "license": nil, "allow_forking": true, "is_template": false, "web_commit_signoff_required": false,
		"topics": []string{}, "visibility": visibility, "forks": 0, "open_issues": open, "watchers": 0,
		"default_branch": r.defaultBranch, "custom_properties": object{},
	}
	for field, path := range repoLinks {
		out[field] = r.api(path)
	}
	return out
}

// pushJSON is the repository as push payloads have it: with times as numbers.
func (r *Repo) pushJSON() object {
	out := r.json()
	out["created_at"], out["pushed_at"], out["master_branch"] = r.made.Unix(), r.pushed.Unix(), r.defaultBranch
	owner := r.owner.json()
	owner["name"], owner["email"] = r.owner.login, r.owner.email
	out["owner"] = owner
	return out
}

// settingsJSON is the repository inside a pull request's head and base, and in GET.
func (r *Repo) settingsJSON() object {
	out := r.json()
	out["allow_merge_commit"], out["allow_squash_merge"] = !r.noMerge["merge"], !r.noMerge["squash"]
	out["allow_rebase_merge"], out["allow_auto_merge"] = !r.noMerge["rebase"], false
	out["delete_branch_on_merge"], out["allow_update_branch"] = false, false
	out["use_squash_pr_title_as_default"] = false
	out["squash_merge_commit_message"], out["squash_merge_commit_title"] = "COMMIT_MESSAGES", "COMMIT_OR_PR_TITLE"
	out["merge_commit_message"], out["merge_commit_title"] = "PR_TITLE", "MERGE_MESSAGE"
	return out
}

func (c *call) getRepo() (reply, error) {
	out := c.repo.settingsJSON()
	out["network_count"], out["subscribers_count"] = 0, 0
	if o := c.s.orgs[key(c.repo.owner.login)]; o != nil {
		out["organization"] = o.account.json()
	}
	if c.repo.parent != nil {
		out["parent"], out["source"] = c.repo.parent.json(), c.repo.root().json()
	}
	if c.actor.inst == nil && c.actor.user != nil {
		out["permissions"] = rolePermissions(c.repo.roleOf(c.actor.user))
	}
	return ok(out)
}

func rolePermissions(r role) object {
	return object{
		"admin": r >= roleAdmin, "maintain": r >= roleMaintain, "push": r >= roleWrite, "triage": r >= roleTriage, "pull": r >= roleRead,
	}
}

// getPermission answers the legacy permission (maintain is write, triage is read) and the real role.
func (c *call) getPermission() (reply, error) {
	u := c.s.accounts[key(c.params["user"])]
	if u == nil || u.kind == "Organization" {
		return reply{}, notFound()
	}
	got := c.repo.roleOf(u)
	legacy := map[role]string{roleNone: "none", roleTriage: "read", roleMaintain: "write"}[got]
	if legacy == "" {
		legacy = roleNames[got]
	}
	user := u.json()
	user["permissions"], user["role_name"] = rolePermissions(got), roleNames[got]
	return ok(object{"permission": legacy, "role_name": roleNames[got], "user": user})
}

func (c *call) checkCollaborator() (reply, error) {
	u := c.s.accounts[key(c.params["user"])]
	if u == nil || c.repo.roleOf(u) <= c.repo.publicRole() {
		return reply{}, notFound()
	}
	return noContent()
}

func (c *call) listCollaborators() (reply, error) {
	seen := slices.Clone(c.repo.grantOrder)
	if o := c.s.orgs[key(c.repo.owner.login)]; o != nil {
		for _, u := range o.order {
			if !slices.Contains(seen, u) {
				seen = append(seen, u)
			}
		}
	} else {
		seen = append(seen, c.repo.owner)
	}
	items := []object{}
	for _, u := range seen {
		if got := c.repo.roleOf(u); got > roleNone {
			o := u.json()
			o["permissions"], o["role_name"] = rolePermissions(got), roleNames[got]
			items = append(items, o)
		}
	}
	return c.list(items)
}

func (c *call) listRepoTeams() (reply, error) {
	items := []object{}
	if o := c.s.orgs[key(c.repo.owner.login)]; o != nil {
		for _, t := range o.teams {
			if got := t.repos[c.repo]; got > roleNone {
				j := t.json()
				j["permission"] = map[role]string{roleRead: "pull", roleWrite: "push"}[got]
				if j["permission"] == "" {
					j["permission"] = roleNames[got]
				}
				j["permissions"] = rolePermissions(got)
				items = append(items, j)
			}
		}
	}
	return c.list(items)
}

func (c *call) listBranches() (reply, error) {
	refs := c.repo.refs("refs/heads/")
	names := sortedKeys(refs)
	items := []object{}
	for _, full := range names {
		name := strings.TrimPrefix(full, "refs/heads/")
		protected := c.repo.isProtected(name)
		if want := c.query("protected"); want != "" && (want == "true") != protected {
			continue
		}
		items = append(items, object{
			"name": name, "protected": protected, "commit": object{"sha": refs[full], "url": c.repo.api("/commits/" + refs[full])},
			"protection_url": c.repo.api("/branches/" + url.PathEscape(name) + "/protection"),
		})
	}
	return c.list(items)
}

func (c *call) getBranch() (reply, error) {
	name := c.params["branch"]
	sha := c.repo.tip(name)
	if sha == "" {
		return reply{}, refuse(http.StatusNotFound, "Branch not found")
	}
	ci, _ := c.repo.commit(sha)
	api := c.repo.api("/branches/" + url.PathEscape(name))
	return ok(object{
		"name": name, "commit": c.repo.commitJSON(ci), "_links": object{"self": api, "html": c.repo.html("/tree/" + name)},
		"protected": c.repo.isProtected(name), "protection": c.repo.protectionSummary(name), "protection_url": api + "/protection",
	})
}

func (r *Repo) refJSON(name, sha string) object {
	typ := strings.TrimSpace(r.mustGit("cat-file", "-t", sha))
	return object{
		"ref": name, "node_id": nodeID("Ref:"+name, r.id), "url": r.api("/git/" + name),
		"object": object{"type": typ, "sha": sha, "url": r.api("/git/" + typ + "s/" + sha)},
	}
}

func (c *call) getRef() (reply, error) {
	name := "refs/" + c.params["ref"]
	sha, found := c.repo.refs(name)[name]
	if !found {
		return reply{}, notFound()
	}
	return ok(c.repo.refJSON(name, sha))
}

func (c *call) matchingRefs() (reply, error) {
	refs := c.repo.refs("refs/")
	items := []object{}
	for _, name := range sortedKeys(refs) {
		if strings.HasPrefix(name, "refs/"+c.params["ref"]) {
			items = append(items, c.repo.refJSON(name, refs[name]))
		}
	}
	return c.list(items)
}

func (c *call) gitCommit() (reply, error) {
	ci, found := commitInfo{}, false
	if isSHA(c.params["sha"]) {
		ci, found = c.repo.commit(c.params["sha"])
	}
	if !found {
		return reply{}, notFound()
	}
	full := c.repo.commitJSON(ci)
	inner := full["commit"].(object)
	delete(inner, "comment_count")
	inner["sha"], inner["node_id"], inner["html_url"], inner["parents"] = ci.sha, full["node_id"], full["html_url"], full["parents"]
	return ok(inner)
}

// getContents answers a file (up to 1 MB in the answer; above that, content is empty as on GitHub) or a directory at a ref.
func (c *call) getContents() (reply, error) {
	path := strings.Trim(c.params["path"], "/")
	ref := c.query("ref")
	if ref == "" {
		ref = c.repo.defaultBranch
	}
	sha := c.repo.resolve(ref)
	if sha == "" {
		return reply{}, refuse(http.StatusNotFound, "No commit found for the ref %s", ref)
	}
	out, err := c.repo.git("ls-tree", "-z", "-l", sha, "--", ":(literal)"+path)
	if path == "" {
		out, err = "040000 tree "+sha+" -\t", nil
	}
	if err != nil || out == "" {
		return reply{}, notFound()
	}
	entry := strings.TrimSuffix(out, "\x00")
	if strings.HasPrefix(entry, "040000 ") {
		return c.directory(sha, path, ref)
	}
	file := c.entryJSON(entry, ref)
	blob := strings.Fields(entry)[2]
	text, err := runGit(c.repo.dir, nil, nil, "cat-file", "blob", blob)
	if err != nil {
		return reply{}, notFound()
	}
	if strings.Contains(c.r.Header.Get("Accept"), "raw") {
		return reply{status: http.StatusOK, raw: []byte(text), typ: "application/vnd.github.v3.raw; charset=utf-8"}, nil
	}
	file["content"], file["encoding"] = "", "none"
	if len(text) <= 1<<20 {
		file["content"], file["encoding"] = base64Lines(text), "base64"
	}
	return ok(file)
}

func (c *call) directory(sha, path, ref string) (reply, error) {
	tree := sha + ":" + path
	out, err := c.repo.git("ls-tree", "-z", "-l", tree)
	if err != nil {
		return reply{}, notFound()
	}
	items := []object{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		meta, name, found := strings.Cut(entry, "\t")
		if !found {
			continue
		}
		full := strings.TrimPrefix(path+"/"+name, "/")
		items = append(items, c.entryJSON(meta+"\t"+full, ref))
	}
	sort.SliceStable(items, func(i, j int) bool { return items[i]["path"].(string) < items[j]["path"].(string) })
	return ok(items[:min(len(items), 1000)])
}

// entryJSON reads a line of ls-tree -l.
func (c *call) entryJSON(entry, ref string) object {
	meta, path, _ := strings.Cut(entry, "\t")
	f := strings.Fields(meta)
	typ, kind := "file", "blob"
	switch {
	case f[1] == "tree":
		typ, kind = "dir", "tree"
	case f[1] == "commit":
		typ, kind = "submodule", "tree"
	case f[0] == "120000":
		typ = "symlink"
	}
	size := 0
	_, _ = fmt.Sscan(f[3], &size) // "-" for what has no size
	api := c.repo.api("/contents/" + path + "?ref=" + url.QueryEscape(ref))
	html, git := c.repo.html("/"+kind+"/"+ref+"/"+path), c.repo.api("/git/"+kind+"s/"+f[2])
	out := object{
		"type": typ, "size": size, "name": path[strings.LastIndex(path, "/")+1:], "path": path, "sha": f[2], "url": api,
		"html_url": html, "git_url": git, "download_url": nil, "_links": object{"self": api, "git": git, "html": html},
	}
	if kind == "blob" {
		out["download_url"] = c.repo.html("/raw/" + ref + "/" + path)
	}
	return out
}

func base64Lines(text string) string {
	enc := base64.StdEncoding.EncodeToString([]byte(text))
	var b strings.Builder
	for len(enc) > 0 {
		n := min(60, len(enc))
		b.WriteString(enc[:n] + "\n")
		enc = enc[n:]
	}
	return b.String()
}
