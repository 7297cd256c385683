package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Delivery is one attempt of GitHub's to deliver a webhook to the App.
type Delivery struct {
	ID          int64     `json:"id"`
	GUID        string    `json:"guid"` // the same for all attempts at one event
	DeliveredAt time.Time `json:"delivered_at"`
	StatusCode  int       `json:"status_code"` // the receiver's answer; 0 when there was none
	Event       string    `json:"event"`
}

// Arrived reports whether the receiver took it.
func (d Delivery) Arrived() bool { return d.StatusCode >= 200 && d.StatusCode < 300 }

// Refused reports whether the receiver will never take it, as often as it is sent: it is no webhook that it understands, or too large.
func (d Delivery) Refused() bool {
	return d.StatusCode == http.StatusBadRequest || d.StatusCode == http.StatusRequestEntityTooLarge
}

// maxDeliveries is how many pages of deliveries are read: 100,000 of them.
const maxDeliveries = 1000

// Deliveries lists the attempts since a time, newest first. GitHub keeps them for about three days.
// https://docs.github.com/rest/apps/webhooks#list-deliveries-for-an-app-webhook
func (a *App) Deliveries(ctx context.Context, since time.Time) ([]Delivery, error) {
	c := call{what: "the webhook deliveries of the App"}
	var out []Delivery
	cursor := ""
	for range maxDeliveries {
		var page []Delivery
		path := fmt.Sprintf("app/hook/deliveries?per_page=%d", perPage)
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		resp, err := a.do(ctx, c, http.MethodGet, path, nil, &page)
		if err != nil {
			return nil, err
		}
		for _, d := range page {
			if d.DeliveredAt.Before(since) {
				return out, nil
			}
			out = append(out, d)
		}
		if cursor = resp.Cursor; cursor == "" {
			return out, nil
		}
	}
	return out, nil
}

// Redeliver asks GitHub to deliver a webhook again.
func (a *App) Redeliver(ctx context.Context, id int64) error {
	c := call{what: fmt.Sprintf("another attempt at delivery %d", id)}
	resp, err := a.do(ctx, c, http.MethodPost, fmt.Sprintf("app/hook/deliveries/%d/attempts", id), nil, nil)
	if resp != nil && resp.StatusCode == http.StatusAccepted {
		return nil // the client library takes 202 for "not ready yet"; here it is the answer
	}
	return err
}

// Installations lists the ids of the App's installations that are not suspended.
func (a *App) Installations(ctx context.Context) ([]int64, error) {
	c := call{what: "the installations of the App"}
	var out []int64
	for page := 1; page <= maxPages; page++ {
		var in []struct {
			ID          int64      `json:"id"`
			SuspendedAt *time.Time `json:"suspended_at"`
		}
		resp, err := a.do(ctx, c, http.MethodGet, "app/installations?"+pageQuery(page), nil, &in)
		if err != nil {
			return nil, err
		}
		for _, x := range in {
			if x.SuspendedAt == nil {
				out = append(out, x.ID)
			}
		}
		if resp.NextPage == 0 {
			return out, nil
		}
	}
	return nil, Unprocessable{What: c.what, Message: "there are more than 10,000 of them"}
}

// Heads maps the number of each open pull request to the commit at its head.
func (r *Repo) Heads(ctx context.Context) (map[int]string, error) {
	type pull struct {
		Number int    `json:"number"`
		State  string `json:"state"`
		Head   struct {
			SHA string `json:"sha"`
		} `json:"head"`
	}
	out := map[int]string{}
	c := call{what: "the open pull requests", permission: "pull_requests=read"}
	err := pages(ctx, r, c, "/pulls?state=open", func(in pull) bool {
		if in.State == "open" {
			out[in.Number] = gate.Printable(in.Head.SHA)
		}
		return true
	})
	return out, err
}
