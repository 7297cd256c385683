package githubsim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// AppSpec describes a GitHub App.
type AppSpec struct {
	Slug  string
	Owner string // login of an account that exists; "" makes the owner an account of its own
	// Key signs the App's JWTs; one is generated when nil (which takes a moment).
	Key           *rsa.PrivateKey
	WebhookURL    string // "" sends nothing
	WebhookSecret string
	// Permissions are name to read, write or admin; metadata:read is always there.
	Permissions map[string]string
	// Events are the subscribed events. check_run, check_suite (with checks:write) and installation events come without.
	Events []string
}

// App is a registered GitHub App.
type App struct {
	s             *Server
	id            int64
	clientID      string
	slug          string
	owner         *User
	key           *rsa.PrivateKey
	bot           *User
	webhookURL    string
	webhookSecret string
	callback      string // of the login; see SetCallback
	perms         map[string]string
	events        []string
	installs      []*Installation
	made          time.Time
}

// Installation is an App on an account.
type Installation struct {
	s         *Server
	id        int64
	app       *App
	account   *User
	repos     []*Repo // nil: all of the account
	perms     map[string]string
	events    []string
	suspended bool
	deleted   bool
	made      time.Time
}

// AddApp registers an App.
func (s *Server) AddApp(spec AppSpec) *App {
	k := spec.Key
	if k == nil {
		var err error
		if k, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(fmt.Sprintf("githubsim: generating an App key: %v", err))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &App{
		s: s, id: s.id(), slug: spec.Slug, key: k, webhookURL: spec.WebhookURL, webhookSecret: spec.WebhookSecret,
		perms: withMetadata(spec.Permissions), events: slices.Clone(spec.Events), made: s.now(),
	}
	a.clientID = fmt.Sprintf("Iv23li%014d", a.id)
	a.bot = s.addAccount(spec.Slug+"[bot]", "Bot", "")
	if spec.Owner != "" {
		a.owner = s.mustUser(spec.Owner)
	} else {
		a.owner = s.addAccount(spec.Slug+"-publisher", "Organization", "")
	}
	s.apps = append(s.apps, a)
	return a
}

// ID is the App's number, the `iss` of its JWTs.
func (a *App) ID() int64 { return a.id }

// Slug is the App's name in addresses; its bot is called Slug()+"[bot]".
func (a *App) Slug() string { return a.slug }

// ClientID is the other accepted `iss`.
func (a *App) ClientID() string { return a.clientID }

// PrivateKeyPEM is the key in the form that GitHub hands out (PKCS #1).
func (a *App) PrivateKeyPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(a.key)})
}

// SetWebhook changes where events go and how they are signed.
func (a *App) SetWebhook(url, secret string) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.webhookURL, a.webhookSecret = url, secret
}

// Install puts the App on an account, on all its repositories or on the given ones, and sends installation.created.
func (a *App) Install(account string, repos ...*Repo) *Installation {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	in := &Installation{
		s: a.s, id: a.s.id(), app: a, account: a.s.mustUser(account), repos: slices.Clone(repos),
		perms: maps.Clone(a.perms), events: slices.Clone(a.events), made: a.s.now(),
	}
	a.installs = append(a.installs, in)
	a.s.emitInstallation("installation", "created", in, object{"repositories": shortRepos(in.list()), "requester": nil})
	return in
}

// ID is the installation's number.
func (in *Installation) ID() int64 { return in.id }

// AddRepos adds repositories to an installation on selected repositories and sends installation_repositories.added. It panics for
// an installation on all repositories, which has nothing to add.
func (in *Installation) AddRepos(repos ...*Repo) {
	in.s.mu.Lock()
	defer in.s.mu.Unlock()
	if in.repos == nil {
		panic("githubsim: the installation covers all repositories already")
	}
	in.repos = append(in.repos, repos...)
	in.s.emitInstallation("installation_repositories", "added", in, object{
		"repository_selection": in.selection(), "repositories_added": shortRepos(repos), "repositories_removed": []object{},
		"requester": nil,
	})
}

// SetPermissions is the owner's acceptance of another set of permissions and events; tokens made before keep theirs. It sends
// installation.new_permissions_accepted.
func (in *Installation) SetPermissions(perms map[string]string, events []string) {
	in.s.mu.Lock()
	defer in.s.mu.Unlock()
	in.perms, in.events = withMetadata(perms), slices.Clone(events)
	in.s.emitInstallation("installation", "new_permissions_accepted", in, nil)
}

// Suspend and Unsuspend switch the installation off and on.
func (in *Installation) Suspend() { in.setSuspended(true, "suspend") }

// Unsuspend switches a suspended installation on again.
func (in *Installation) Unsuspend() { in.setSuspended(false, "unsuspend") }

func (in *Installation) setSuspended(v bool, action string) {
	in.s.mu.Lock()
	defer in.s.mu.Unlock()
	in.suspended = v
	in.s.emitInstallation("installation", action, in, nil)
}

// Uninstall takes the App off the account and sends installation.deleted.
func (in *Installation) Uninstall() {
	in.s.mu.Lock()
	defer in.s.mu.Unlock()
	in.deleted = true
	in.app.installs = slices.DeleteFunc(in.app.installs, func(x *Installation) bool { return x == in })
	in.s.emitInstallation("installation", "deleted", in, object{"repositories": shortRepos(in.list())})
}

// Token makes an installation token with everything the installation may, as POST access_tokens does.
func (in *Installation) Token() string {
	in.s.mu.Lock()
	defer in.s.mu.Unlock()
	return in.mint(in.perms, nil).value
}

func (in *Installation) mint(perms map[string]string, repos []*Repo) *token {
	t := &token{
		value: fmt.Sprintf("ghs_%036d", in.s.id()), inst: in, perms: maps.Clone(perms), repos: repos,
		expires: in.s.now().Add(tokenLife),
	}
	in.s.tokens[t.value] = t
	return t
}

func (in *Installation) covers(r *Repo) bool {
	if in.deleted || r.owner != in.account {
		return false
	}
	return in.repos == nil || slices.Contains(in.repos, r)
}

func (in *Installation) list() []*Repo {
	out := []*Repo{}
	for _, r := range in.s.sortedRepos() {
		if in.covers(r) {
			out = append(out, r)
		}
	}
	return out
}

func (in *Installation) selection() string {
	if in.repos == nil {
		return "all"
	}
	return "selected"
}

func withMetadata(perms map[string]string) map[string]string {
	out := maps.Clone(perms)
	if out == nil {
		out = map[string]string{}
	}
	out["metadata"] = "read"
	return out
}

func shortRepos(repos []*Repo) []object {
	out := []object{}
	for _, r := range repos {
		out = append(out, object{
			"id": r.id, "node_id": nodeID("Repository", r.id), "name": r.name, "full_name": r.fullName(), "private": r.private,
		})
	}
	return out
}

func (a *App) json() object {
	return object{
		"id": a.id, "client_id": a.clientID, "slug": a.slug, "node_id": nodeID("Integration", a.id), "owner": a.owner.json(),
		"name": a.slug, "description": "", "external_url": a.s.opt.URL + "/apps/" + a.slug,
		"html_url": a.s.opt.URL + "/apps/" + a.slug, "created_at": stamp(a.made), "updated_at": stamp(a.made),
		"permissions": a.perms, "events": orEmpty(a.events),
	}
}

func (in *Installation) json() object {
	api := in.s.api("/app/installations/" + fmt.Sprint(in.id))
	out := object{
		"id": in.id, "account": in.account.json(), "repository_selection": in.selection(), "access_tokens_url": api + "/access_tokens",
		"repositories_url": in.s.api("/installation/repositories"), "html_url": fmt.Sprintf("%s/settings/installations/%d", in.s.opt.URL, in.id),
		"app_id": in.app.id, "client_id": in.app.clientID, "app_slug": in.app.slug, "target_id": in.account.id,
		"target_type": in.account.kind, "permissions": in.perms, "events": orEmpty(in.events), "created_at": stamp(in.made),
		"updated_at": stamp(in.made), "single_file_name": nil, "has_multiple_single_files": false, "single_file_paths": []string{},
		"suspended_by": nil, "suspended_at": nil,
	}
	if in.suspended {
		out["suspended_at"], out["suspended_by"] = stamp(in.s.now()), in.account.json()
	}
	return out
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (c *call) getApp() (reply, error) {
	out := c.actor.app.json()
	out["installations_count"] = len(c.actor.app.installs)
	return ok(out)
}

func (c *call) listInstallations() (reply, error) {
	items := []object{}
	for _, in := range c.actor.app.installs {
		items = append(items, in.json())
	}
	return c.list(items)
}

func (c *call) installation() (*Installation, error) {
	for _, in := range c.actor.app.installs {
		if in.id == int64(c.num("id")) {
			return in, nil
		}
	}
	return nil, notFound()
}

func (c *call) getInstallation() (reply, error) {
	in, err := c.installation()
	if err != nil {
		return reply{}, err
	}
	return ok(in.json())
}

// findInstallation answers /repos/{owner}/{name}/installation, /orgs/{org}/installation and /users/{user}/installation.
func (c *call) findInstallation() (reply, error) {
	account := c.params["account"]
	for _, in := range c.actor.app.installs {
		if name, perRepo := c.params["name"]; perRepo {
			r := c.s.repos[key(account, name)]
			if r != nil && in.covers(r) {
				return ok(in.json())
			}
		} else if key(in.account.login) == key(account) {
			return ok(in.json())
		}
	}
	return reply{}, notFound()
}

func (c *call) createToken() (reply, error) {
	in, err := c.installation()
	if err != nil {
		return reply{}, err
	}
	if in.suspended {
		return reply{}, refuse(http.StatusForbidden, "This installation has been suspended")
	}
	var req struct {
		Repositories  []string          `json:"repositories"`
		RepositoryIDs []int64           `json:"repository_ids"`
		Permissions   map[string]string `json:"permissions"`
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	repos, err := in.subset(req.Repositories, req.RepositoryIDs)
	if err != nil {
		return reply{}, err
	}
	perms := in.perms
	if len(req.Permissions) > 0 {
		for name, level := range req.Permissions {
			if !permits(in.perms, name, level) {
				return reply{}, refuse(http.StatusUnprocessableEntity,
					"The permissions requested are not granted to this installation.")
			}
		}
		perms = withMetadata(req.Permissions)
	}
	t := in.mint(perms, repos)
	out := object{
		"token": t.value, "expires_at": stamp(t.expires), "permissions": t.perms, "repository_selection": in.selection(),
	}
	if repos != nil {
		list := []object{}
		for _, r := range repos {
			list = append(list, r.json())
		}
		out["repositories"], out["repository_selection"] = list, "selected"
	}
	return created(out)
}

func (in *Installation) subset(names []string, ids []int64) ([]*Repo, error) {
	if len(names)+len(ids) == 0 {
		return nil, nil
	}
	var out []*Repo
	for _, r := range in.list() {
		if slices.ContainsFunc(names, func(n string) bool { return key(n) == key(r.name) }) || slices.Contains(ids, r.id) {
			out = append(out, r)
		}
	}
	if len(out) != len(names)+len(ids) {
		return nil, refuse(http.StatusUnprocessableEntity,
			"There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	return out, nil
}

func (c *call) listInstallationRepos() (reply, error) {
	if c.actor.inst == nil {
		return reply{}, refuse(http.StatusForbidden, "Resource not accessible by personal access token")
	}
	items := []object{}
	for _, r := range c.actor.inst.list() {
		if c.actor.covers(r) {
			items = append(items, r.json())
		}
	}
	return c.page(items, func(total int, cut []object) any {
		return object{"total_count": total, "repository_selection": c.actor.inst.selection(), "repositories": cut}
	})
}

func (c *call) revokeToken() (reply, error) {
	if c.actor.inst == nil {
		return reply{}, refuse(http.StatusForbidden, "Resource not accessible by personal access token")
	}
	delete(c.s.tokens, c.actor.tok.value)
	return noContent()
}
