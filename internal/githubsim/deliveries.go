package githubsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// deliveryKept is how long GitHub lists deliveries.
const deliveryKept = 3 * 24 * time.Hour

// listDeliveries pages by cursor, newest first, as the real endpoint does: Link carries only rel="next".
func (c *call) listDeliveries() (reply, error) {
	per, err := c.positive("per_page", 30)
	if err != nil {
		return reply{}, err
	}
	per = min(per, 100)
	before := int64(1<<62 - 1)
	if cur := c.query("cursor"); cur != "" {
		if before, err = strconv.ParseInt(cur, 10, 64); err != nil {
			return reply{}, refuse(http.StatusBadRequest, "Invalid cursor")
		}
	}
	items, h := []object{}, http.Header{}
	for _, d := range c.tried() {
		if d.ID >= before || !wantedStatus(c.query("status"), d) {
			continue
		}
		if len(items) == per {
			h.Set("Link", fmt.Sprintf(`<%s%s%s?per_page=%d&cursor=%d>; rel="next"`, c.s.opt.URL, c.prefix, c.path, per, d.ID+1))
			break
		}
		items = append(items, d.json())
	}
	return reply{status: http.StatusOK, body: items, header: h}, nil
}

func wantedStatus(want string, d Delivery) bool {
	good := d.StatusCode >= 200 && d.StatusCode <= 299
	return want == "" || (want == "success") == good
}

// tried lists this App's recent attempts, newest first.
func (c *call) tried() []Delivery {
	all := slices.DeleteFunc(c.s.hooks.Deliveries(), func(d Delivery) bool {
		return d.AppID != c.actor.app.id || d.DeliveredAt.IsZero() || c.s.now().Sub(d.DeliveredAt) > deliveryKept
	})
	slices.SortFunc(all, func(a, b Delivery) int { return int(b.ID - a.ID) })
	return all
}

func (c *call) delivery() (Delivery, error) {
	for _, d := range c.tried() {
		if d.ID == int64(c.num("id")) {
			return d, nil
		}
	}
	return Delivery{}, notFound()
}

func (c *call) getDelivery() (reply, error) {
	d, err := c.delivery()
	if err != nil {
		return reply{}, err
	}
	out := d.json()
	out["url"] = c.actor.app.webhookURL
	out["request"] = object{"headers": flat(d.RequestHeader), "payload": json.RawMessage(d.Payload)}
	out["response"] = object{"headers": flat(d.ResponseHeader), "payload": string(d.ResponseBody)}
	return ok(out)
}

func (c *call) redeliver() (reply, error) {
	d, err := c.delivery()
	if err != nil {
		return reply{}, err
	}
	c.s.hooks.redeliver(d.ID, c.s.id())
	return reply{status: http.StatusAccepted, body: object{}}, nil
}

func (d Delivery) json() object {
	out := object{
		"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.DeliveredAt), "redelivery": d.Redelivery,
		"duration": d.Duration.Seconds(), "status": d.Status, "status_code": d.StatusCode, "event": d.Event,
		"action": orNil(d.Action), "installation_id": d.InstallationID, "repository_id": nil, "throttled_at": nil,
	}
	if d.RepositoryID != 0 {
		out["repository_id"] = d.RepositoryID
	}
	return out
}

func flat(h http.Header) object {
	out := object{}
	for k, v := range h {
		out[k] = v[0]
	}
	return out
}

func (c *call) hookConfig() (reply, error) {
	return ok(object{"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": c.actor.app.webhookURL})
}
