package cli

import (
	"context"
	"net/http"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/web"
)

// pageOptions wires the dashboard and the API.
func pageOptions(s *config.Server, record web.Record, github *forge.App, catalogue func() []rules.Rule, clock func() time.Time, log *logrus.Entry) web.Options {
	return web.Options{
		Store: record, Metrics: http.NotFoundHandler(), GitHub: s.ServerURL, APIURL: s.APIURL, PublicURL: s.PublicURL, Clock: clock, Log: log,
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, Readers: s.ReaderList,
		Catalogue: func() []web.Rule { return catalogueForPages(catalogue()) },
		Installers: func(ctx context.Context) ([]web.Installer, error) {
			accounts, err := github.Accounts(ctx)
			out := make([]web.Installer, len(accounts))
			for i, a := range accounts {
				out[i] = web.Installer(a)
			}
			return out, err
		},
	}
}

func catalogueForPages(catalogue []rules.Rule) []web.Rule {
	var out []web.Rule
	for _, r := range catalogue {
		out = append(out, web.Rule{
			ID: r.ID, Title: r.Title, Description: r.Description, Severity: r.Severity, Enforcement: r.Enforcement, Pack: r.Pack, Remedy: r.Remedy,
			Docs: r.Docs, Off: r.Off, References: r.References,
		})
	}
	return out
}
