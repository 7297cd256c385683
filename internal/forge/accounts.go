package forge

import (
	"context"
	"fmt"
	"net/http"
)

// Account is somebody who has installed the App.
type Account struct {
	Login        string
	Organization bool
}

// Accounts lists who has installed the App. Installations that are suspended count: their record is still theirs.
func (a *App) Accounts(ctx context.Context) ([]Account, error) {
	var all []Account
	for page := 1; ; page++ {
		if page > maxPages {
			return nil, Unprocessable{What: "the App's installations", Message: "there are more than 10,000 of them"}
		}
		var items []struct {
			Account struct {
				Login string `json:"login"`
				Type  string `json:"type"`
			} `json:"account"`
		}
		resp, err := a.do(ctx, call{what: "the App's installations"}, http.MethodGet, fmt.Sprintf("app/installations?%s", pageQuery(page)), nil, &items)
		if err != nil {
			return nil, err
		}
		for _, in := range items {
			if in.Account.Login != "" {
				all = append(all, Account{Login: in.Account.Login, Organization: in.Account.Type == "Organization"})
			}
		}
		if !more(resp, len(items)) {
			return all, nil
		}
	}
}
