package forge

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"
)

// Manifest describes an App that is yet to be made: GitHub makes it when somebody posts this from a browser.
// https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
type Manifest struct {
	Name        string            `json:"name"`
	URL         string            `json:"url"`
	Description string            `json:"description"`
	Hook        ManifestHook      `json:"hook_attributes"`
	Redirect    string            `json:"redirect_url"` // where the browser brings the code
	Callbacks   []string          `json:"callback_urls"`
	Public      bool              `json:"public"`
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
}

// ManifestHook is the webhook of a [Manifest].
type ManifestHook struct {
	URL    string `json:"url"`
	Active bool   `json:"active"`
}

// NewManifest describes the gate's App for a server at publicURL: with the permissions and events that it needs, and no others.
// redirect is where the browser is to bring the code for [Convert].
func NewManifest(name, publicURL, redirect string, public bool) Manifest {
	m := Manifest{
		Name: name, URL: publicURL, Redirect: redirect, Public: public, Callbacks: []string{publicURL + "/login/callback"},
		Description: "Judges what each pull request would do to the infrastructure, and blocks the merge until it passes.",
		Hook:        ManifestHook{URL: publicURL + "/webhooks/github", Active: true}, Permissions: map[string]string{},
	}
	for _, n := range Needs() {
		m.Permissions[n.Name] = n.Level
		m.Events = append(m.Events, n.Events...)
	}
	slices.Sort(m.Events)
	return m
}

// Credentials are what an App that was just made proves itself with. GitHub gives them out once.
type Credentials struct {
	ID            int64  `json:"id"`
	Slug          string `json:"slug"`
	Name          string `json:"name"`
	URL           string `json:"html_url"`
	ClientID      string `json:"client_id"`
	ClientSecret  string `json:"client_secret"`
	WebhookSecret string `json:"webhook_secret"`
	PrivateKey    string `json:"pem"`
}

// Made when they are first wanted: counted repetitions are large machines, and the program starts often.
var (
	manifestCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`) })
	plainValue   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\x21-\x7e]{1,500}$`) })
)

// Convert exchanges the code that the browser brought for the credentials of the new App. It works once, and within the hour.
// apiURL is as in [Options]; transport may be nil.
func Convert(ctx context.Context, apiURL, userAgent, code string, transport http.RoundTripper) (Credentials, error) {
	if !manifestCode().MatchString(code) {
		return Credentials{}, Unprocessable{Message: "what the browser brought is not a code of GitHub's"}
	}
	api, err := baseURL(apiURL)
	if err != nil {
		return Credentials{}, fmt.Errorf("the GitHub API's URL %q: %w", apiURL, err)
	}
	if transport == nil {
		transport = http.DefaultTransport
	}
	client := github.NewClient(&http.Client{Transport: newGuard(transport, api.Host, time.Now), Timeout: callTimeout})
	client.BaseURL, client.UserAgent = api, userAgent
	var out Credentials
	c := call{what: "the credentials of the new App"}
	if _, err := send(ctx, client, Options{Clock: time.Now}, c, http.MethodPost, "app-manifests/"+code+"/conversions", nil, &out); err != nil {
		return Credentials{}, err
	}
	return out, out.check()
}

// check makes sure that nothing in the answer can be taken for another line of a file that it is written to.
func (c Credentials) check() error {
	for _, v := range []string{c.Slug, c.URL, c.ClientID, c.ClientSecret, c.WebhookSecret} {
		if !plainValue().MatchString(v) || strings.ContainsAny(v, `'"\`+"`$") {
			return errors.New("GitHub's answer about the new App lacks something, or holds what it should not")
		}
	}
	block, rest := pem.Decode([]byte(c.PrivateKey))
	if c.ID <= 0 || block == nil || len(strings.TrimSpace(string(rest))) > 0 {
		return errors.New("GitHub's answer about the new App holds no private key")
	}
	return nil
}
