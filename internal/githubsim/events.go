package githubsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// eventPermission is the permission that an App needs to be sent an event.
var eventPermission = map[string]string{
	"pull_request": "pull_requests", "pull_request_review": "pull_requests", "check_run": "checks", "check_suite": "checks",
	"status": "statuses", "push": "contents", "workflow_run": "actions", "create": "contents", "delete": "contents", "issues": "issues",
	"branch_protection_rule": "administration", "repository_ruleset": "administration", "deployment_protection_rule": "deployments",
	"team": "members", "membership": "members", "organization": "members", "member": "members",
	"custom_property_values": "organization_custom_properties",
}

// emit sends an event about a repository to every App that is installed on it, subscribed, and permitted to see it.
// s.mu is held; the payload is a snapshot.
func (s *Server) emit(event, action string, r *Repo, sender *User, extra object) {
	for _, a := range s.apps {
		s.emitTo(a, event, action, r, sender, extra)
	}
}

// emitTo is emit for one App.
func (s *Server) emitTo(a *App, event, action string, r *Repo, sender *User, extra object) {
	for _, in := range a.installs {
		if !in.covers(r) || !in.wants(event, action) {
			continue
		}
		p := object{"repository": r.json(), "sender": sender.json()}
		if o := s.orgs[key(r.owner.login)]; o != nil {
			p["organization"] = o.json()
		}
		if event == "push" {
			p["repository"] = r.pushJSON()
		}
		maps.Copy(p, extra)
		s.send(in, event, action, p, r.id)
	}
}

// emitOrg sends an event about an organisation.
func (s *Server) emitOrg(event, action string, o *Org, sender *User, extra object) {
	for _, a := range s.apps {
		for _, in := range a.installs {
			if in.account == o.account && in.wants(event, action) {
				p := object{"organization": o.json(), "sender": sender.json()}
				maps.Copy(p, extra)
				s.send(in, event, action, p, 0)
			}
		}
	}
}

// emitInstallation tells the App about its own installation.
func (s *Server) emitInstallation(event, action string, in *Installation, extra object) {
	full := in.json()
	full["created_at"], full["updated_at"] = in.made.Unix(), in.made.Unix() // numbers in these payloads
	p := object{"installation": full, "sender": in.installer().json()}
	maps.Copy(p, extra)
	s.send(in, event, action, p, 0)
}

func (in *Installation) installer() *User {
	if o := in.s.orgs[key(in.account.login)]; o != nil {
		return o.owner()
	}
	return in.account
}

func (in *Installation) wants(event, action string) bool {
	if in.suspended || in.deleted {
		return false
	}
	switch event {
	case "check_run", "check_suite": // sent to every App that may write checks, subscribed or not
		if permits(in.perms, "checks", "write") {
			return true
		}
		if action != "created" && action != "completed" {
			return false
		}
	case "issue_comment":
		if !permits(in.perms, "issues", "read") && !permits(in.perms, "pull_requests", "read") {
			return false
		}
	}
	if p := eventPermission[event]; p != "" && !permits(in.perms, p, "read") {
		return false
	}
	return slices.Contains(in.events, event)
}

func (s *Server) send(in *Installation, event, action string, payload object, repoID int64) {
	if in.app.webhookURL == "" {
		return
	}
	if action != "" {
		payload["action"] = action
	}
	if _, full := payload["installation"]; !full {
		payload["installation"] = object{"id": in.id, "node_id": nodeID("IntegrationInstallation", in.id)}
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		panic(fmt.Sprintf("githubsim: encoding a %s payload: %v", event, err)) // maps of plain values always encode
	}
	s.hooks.enqueue(&delivery{
		Delivery: Delivery{
			ID: s.id(), GUID: newUUID(), Event: event, Action: action, Payload: raw, InstallationID: in.id, RepositoryID: repoID,
			AppID: in.app.id, QueuedAt: s.now(),
		},
		url: in.app.webhookURL, secret: in.app.webhookSecret,
	})
}
