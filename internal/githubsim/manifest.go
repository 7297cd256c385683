package githubsim

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// manifestLife is how long the code of a registration can be exchanged, as on GitHub.
const manifestLife = time.Hour

// registration is an App that somebody made from a manifest, and whose credentials nobody has fetched yet.
type registration struct {
	app     *App
	expires time.Time
}

// manifest is what a page posts to make an App.
// https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
type manifest struct {
	Name        string            `json:"name"`
	URL         string            `json:"url"`
	Description string            `json:"description"`
	Redirect    string            `json:"redirect_url"`
	Callbacks   []string          `json:"callback_urls"`
	Setup       string            `json:"setup_url"`
	Public      bool              `json:"public"`
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
	Hook        struct {
		URL    string `json:"url"`
		Active *bool  `json:"active"`
	} `json:"hook_attributes"`
	RequestOAuth  bool `json:"request_oauth_on_install"`
	SetupOnUpdate bool `json:"setup_on_update"`
}

// appPermissions are the permissions that the simulated GitHub knows, with the highest level of each.
var appPermissions = map[string]string{
	"actions": "write", "administration": "write", "checks": "write", "contents": "write", "deployments": "write", "environments": "write",
	"issues": "write", "members": "write", "merge_queues": "write", "metadata": "read", "organization_custom_properties": "admin",
	"pull_requests": "write", "repository_custom_properties": "write", "statuses": "write", "workflows": "write",
}

// appEvents are the events that an App can subscribe to, each with the permission that it takes.
var appEvents = map[string]string{
	"branch_protection_configuration": "administration", "merge_group": "merge_queues", "repository": "metadata", "issue_comment": "issues",
	"team_add": "members", "deployment": "deployments", "deployment_status": "deployments",
}

// SetRequests changes what the App asks for, as its owner does on its settings page. Installations keep what was accepted.
func (a *App) SetRequests(perms map[string]string, events []string) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.perms, a.events = withMetadata(perms), slices.Clone(events)
}

// Permissions are those that the App asks for.
func (a *App) Permissions() map[string]string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return maps.Clone(a.perms)
}

// AppBySlug finds an App; nil when there is none.
func (s *Server) AppBySlug(slug string) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		if a.slug == slug {
			return a
		}
	}
	return nil
}

// check says what is wrong with a manifest, in one line.
func (m *manifest) check() string {
	for name, address := range map[string]string{"url": m.URL, "redirect_url": m.Redirect, "hook_attributes.url": m.Hook.URL} {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return name + " must be a URL"
		}
	}
	for name, level := range m.Permissions {
		order := []string{"read", "write", "admin"}
		most, known := appPermissions[name]
		if !known || !slices.Contains(order, level) || slices.Index(order, level) > slices.Index(order, most) {
			return fmt.Sprintf("Default permission records resource is not included in the list: %s %s", name, level)
		}
	}
	for _, event := range m.Events {
		needs, known := eventPermission[event]
		if other, also := appEvents[event]; also {
			needs, known = other, true
		}
		if !known {
			return "Default events unsupported: " + event
		}
		if needs != "metadata" && m.Permissions[needs] == "" {
			return "Default events are not supported by permissions: " + event
		}
	}
	switch {
	case m.Name == "" || len(m.Name) > 34:
		return "Name is too long (maximum is 34 characters) or missing"
	case len(m.Callbacks) > 10:
		return "Callback URLs: at most 10"
	}
	return ""
}

// serveManifest answers the pages that make an App of a manifest: /settings/apps/new for oneself, /organizations/ORG/settings/apps/new
// for an organisation. GitHub shows a page where the name can be changed and a button; here whoever is signed in presses it.
func (s *Server) serveManifest(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(status int, why string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(why + "\n"))
	}
	if r.Method != http.MethodPost {
		fail(http.StatusMethodNotAllowed, "A manifest is posted here.")
		return
	}
	if s.login.visitor == nil {
		fail(http.StatusUnauthorized, "Nobody is signed in on this simulated GitHub.")
		return
	}
	owner := s.login.visitor
	if org, found := strings.CutPrefix(r.URL.Path, "/organizations/"); found {
		o := s.orgs[key(strings.TrimSuffix(org, "/settings/apps/new"))]
		if o == nil || o.members[owner] != "admin" {
			fail(http.StatusNotFound, "Not Found")
			return
		}
		owner = o.account
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		fail(http.StatusBadRequest, "Bad Request")
		return
	}
	var m manifest
	if err := json.Unmarshal([]byte(r.PostForm.Get("manifest")), &m); err != nil {
		fail(http.StatusUnprocessableEntity, "Invalid GitHub App configuration: the manifest is not JSON")
		return
	}
	why := m.check()
	if s.accounts[key(slugOf(m.Name)+"[bot]")] != nil {
		why = "Name is already taken"
	}
	if why != "" {
		fail(http.StatusUnprocessableEntity, "Invalid GitHub App configuration: "+why)
		return
	}
	code := s.register(owner, m)
	back, _ := url.Parse(m.Redirect) // it was checked
	q := back.Query()
	q.Set("code", code)
	if state := r.URL.Query().Get("state"); state != "" {
		q.Set("state", state)
	}
	back.RawQuery = q.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// register makes the App and the code that its credentials are fetched with.
func (s *Server) register(owner *User, m manifest) string {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("githubsim: generating an App key: %v", err))
	}
	a := &App{
		s: s, id: s.id(), slug: slugOf(m.Name), key: k, owner: owner, perms: withMetadata(m.Permissions), events: slices.Clone(m.Events), made: s.now(),
		webhookSecret: rand.Text(),
	}
	if m.Hook.Active == nil || *m.Hook.Active {
		a.webhookURL = m.Hook.URL
	}
	if len(m.Callbacks) > 0 {
		a.callback = m.Callbacks[0]
	}
	a.clientID = fmt.Sprintf("Iv23li%014d", a.id)
	a.bot = s.addAccount(a.slug+"[bot]", "Bot", "")
	s.apps = append(s.apps, a)
	code := strings.ToLower(rand.Text() + rand.Text())[:40]
	if s.registrations == nil {
		s.registrations = map[string]registration{}
	}
	s.registrations[code] = registration{app: a, expires: s.now().Add(manifestLife)}
	return code
}

// convertManifest gives out the credentials of an App that was made from a manifest: once, and within the hour.
func (c *call) convertManifest() (reply, error) {
	found, ok := c.s.registrations[c.params["code"]]
	delete(c.s.registrations, c.params["code"])
	if !ok || !c.s.now().Before(found.expires) {
		return reply{}, notFound()
	}
	a := found.app
	out := a.json()
	out["client_secret"], out["webhook_secret"], out["pem"] = a.ClientSecret(), a.webhookSecret, string(a.PrivateKeyPEM())
	return created(out)
}
