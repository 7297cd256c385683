package forge

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Hook is where GitHub sends the App's events. GitHub does not show whether it is switched on.
type Hook struct {
	URL         string `json:"url"`
	ContentType string `json:"content_type"`
	InsecureSSL any    `json:"insecure_ssl"` // "0", or 0; anything else means that certificates are not checked
}

// Secure reports whether GitHub checks the server's certificate.
func (h Hook) Secure() bool { return fmt.Sprint(h.InsecureSSL) == "0" }

// Hook asks GitHub where it sends the App's events.
// https://docs.github.com/rest/apps/webhooks#get-a-webhook-configuration-for-an-app
func (a *App) Hook(ctx context.Context) (Hook, error) {
	var out Hook
	_, err := a.do(ctx, call{what: "the App's webhook"}, http.MethodGet, "app/hook/config", nil, &out)
	return out, err
}

// LastDeliveries are the newest attempts to deliver events, a hundred at most, newest first.
func (a *App) LastDeliveries(ctx context.Context) ([]Delivery, error) {
	var out []Delivery
	c := call{what: "the webhook deliveries of the App"}
	_, err := a.do(ctx, c, http.MethodGet, fmt.Sprintf("app/hook/deliveries?per_page=%d", perPage), nil, &out)
	return out, err
}

// Installed is an installation of the App, as GitHub has it now.
type Installed struct {
	ID      int64
	Account Account
	URL     string // its settings page

	// Permissions and Events are those that an owner has accepted, which may be fewer than the App asks for.
	Permissions map[string]string
	Events      []string
	Suspended   bool
}

// Installed lists the App's installations, suspended ones too.
// https://docs.github.com/rest/apps/apps#list-installations-for-the-authenticated-app
func (a *App) Installed(ctx context.Context) ([]Installed, error) {
	c := call{what: "the installations of the App"}
	var out []Installed
	for page := 1; page <= maxPages; page++ {
		var in []struct {
			ID      int64  `json:"id"`
			HTMLURL string `json:"html_url"`
			Account struct {
				Login string `json:"login"`
				Type  string `json:"type"`
			} `json:"account"`
			Permissions map[string]string `json:"permissions"`
			Events      []string          `json:"events"`
			SuspendedAt *time.Time        `json:"suspended_at"`
		}
		resp, err := a.do(ctx, c, http.MethodGet, "app/installations?"+pageQuery(page), nil, &in)
		if err != nil {
			return nil, err
		}
		for _, x := range in {
			out = append(out, Installed{
				ID: x.ID, URL: x.HTMLURL, Account: Account{Login: x.Account.Login, Organization: x.Account.Type == "Organization"},
				Permissions: x.Permissions, Events: x.Events, Suspended: x.SuspendedAt != nil,
			})
		}
		if !more(resp, len(in)) {
			return out, nil
		}
	}
	return nil, Unprocessable{What: c.what, Message: "there are more than 10,000 of them"}
}
