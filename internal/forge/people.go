package forge

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Actor is what somebody may do in the repository. Who is no collaborator has the permission none; a login that GitHub does
// not know has no type. Teams are not asked for here.
func (r *Repo) Actor(ctx context.Context, login string) (gate.Actor, error) {
	none := gate.Actor{Login: login, Type: accountType(login, ""), Permission: gate.PermissionNone, Teams: []string{}}
	if login == "" || len(login) > 100 {
		return none, nil
	}
	var out struct {
		Permission string `json:"permission"`
		RoleName   string `json:"role_name"`
		User       *struct {
			Login       string          `json:"login"`
			Type        string          `json:"type"`
			Permissions map[string]bool `json:"permissions"`
		} `json:"user"`
	}
	c := call{what: "the permission of " + gate.Printable(login), permission: "metadata=read"}
	_, err := r.do(ctx, c, http.MethodGet, "/collaborators/"+url.PathEscape(login)+"/permission", nil, &out)
	if _, ok := err.(NotFound); ok {
		return none, nil
	}
	if err != nil {
		return gate.Actor{}, err
	}
	var may map[string]bool
	if out.User != nil {
		none.Type = accountType(login, out.User.Type)
		may = out.User.Permissions
	}
	none.Permission = permission(out.RoleName, out.Permission, may)
	return none, nil
}

// permission is the strongest of GitHub's five permissions that the answer vouches for. role_name is exact but may be an
// organisation's own word; permission is one of four old words, in which triage is read and maintain is write; the map says
// which of the five are included, whatever the role is called.
func permission(role, old string, may map[string]bool) string {
	switch role {
	case gate.PermissionRead, gate.PermissionTriage, gate.PermissionWrite, gate.PermissionMaintain, gate.PermissionAdmin, gate.PermissionNone:
		return role
	}
	for _, p := range []struct{ name, word string }{
		{"admin", gate.PermissionAdmin}, {"maintain", gate.PermissionMaintain}, {"push", gate.PermissionWrite},
		{"triage", gate.PermissionTriage}, {"pull", gate.PermissionRead},
	} {
		if may[p.name] {
			return p.word
		}
	}
	switch old {
	case gate.PermissionRead, gate.PermissionWrite, gate.PermissionAdmin:
		return old
	}
	return gate.PermissionNone
}

// InTeam reports whether somebody is an active member of a team, or of one below it. A team that GitHub does not show to the
// App has no members; without the permission to ask, the error is [MissingPermission].
func (r *Repo) InTeam(ctx context.Context, org, slug, login string) (bool, error) {
	if err := validName(org, slug); err != nil {
		return false, err
	}
	if login == "" || len(login) > 100 || strings.HasSuffix(login, "[bot]") {
		return false, nil
	}
	var out struct {
		State string `json:"state"`
	}
	c := call{what: "the members of " + org + "/" + slug, permission: "members=read"}
	_, err := r.raw(ctx, c, http.MethodGet, "orgs/"+org+"/teams/"+slug+"/memberships/"+url.PathEscape(login), nil, &out)
	if errors.As(err, new(NotFound)) {
		return false, nil
	}
	return err == nil && out.State == "active", err
}
