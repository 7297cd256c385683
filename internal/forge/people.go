package forge

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// KnownActor is what [Repo.Actor] last said, while that is remembered.
func (r *Repo) KnownActor(login string) (gate.Actor, bool) {
	known, ok := r.app.members.get("actor", r.owner, r.name, login)
	if !ok {
		return gate.Actor{}, false
	}
	return known.(gate.Actor), true
}

// Actor asks what somebody may do in the repository, and remembers the answer for [Repo.KnownActor]. Who is no collaborator has the permission none; a login that GitHub does
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
	asked, drops := r.app.members.now()
	_, err := r.do(ctx, c, http.MethodGet, "/collaborators/"+url.PathEscape(login)+"/permission", nil, &out)
	if _, ok := err.(NotFound); !ok {
		if err != nil {
			return gate.Actor{}, err
		}
		var may map[string]bool
		if out.User != nil {
			none.Type = accountType(login, out.User.Type)
			may = out.User.Permissions
		}
		none.Permission = permission(out.RoleName, out.Permission, may)
	}
	r.app.members.keep(r.owner, asked, drops, none, "actor", r.owner, r.name, login)
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

// KnownInTeam is what [Repo.InTeam] last said, while that is remembered.
func (r *Repo) KnownInTeam(org, slug, login string) (in, known bool) {
	answer, known := r.app.members.get("team", org, slug, login)
	return known && answer.(bool), known
}

// InTeam asks whether somebody is an active member of a team, or of one below it, and remembers the answer for [Repo.KnownInTeam]. The
// team may be of another organisation that has the App. A team that GitHub does not show to the App has no members; without the
// permission to ask, the error is [MissingPermission].
func (r *Repo) InTeam(ctx context.Context, org, slug, login string) (bool, error) {
	if err := validName(org, slug); err != nil {
		return false, err
	}
	if login == "" || len(login) > 100 || strings.HasSuffix(login, "[bot]") {
		return false, nil
	}
	there, err := r.teamsOf(ctx, org)
	if err != nil {
		return false, err
	}
	var out struct {
		State string `json:"state"`
	}
	c := call{what: "the members of " + org + "/" + slug, permission: "members=read"}
	asked, drops := r.app.members.now()
	_, err = there.raw(ctx, c, http.MethodGet, "orgs/"+org+"/teams/"+slug+"/memberships/"+url.PathEscape(login), nil, &out)
	if err != nil && !errors.As(err, new(NotFound)) {
		return false, err
	}
	in := err == nil && out.State == "active"
	r.app.members.keep(org, asked, drops, in, "team", org, slug, login)
	return in, nil
}

// maxWriters is how many people with write access are listed; it takes a request for every hundred.
const maxWriters = 2000

// Writers are the logins, in lower case, of those who may write to the repository, by whatever way they came to it. whole is false where
// there are more of them than are listed, or GitHub does not list them. What was listed a short while ago is taken from memory, unless
// it must be fresh.
func (r *Repo) Writers(ctx context.Context, fresh bool) (logins map[string]bool, whole, remembered bool, err error) {
	asked, drops := r.app.members.now()
	if known, ok := r.app.members.get("writers", r.owner, r.name); ok && !fresh {
		return known.(map[string]bool), true, true, nil
	}
	logins = map[string]bool{}
	c := call{what: "the collaborators of the repository", permission: "metadata=read"}
	err = pages(ctx, r, c, "/collaborators?permission=push", func(in github.User) bool {
		if may := in.GetPermissions(); may["push"] || may["maintain"] || may["admin"] { // asked for and checked
			logins[strings.ToLower(in.GetLogin())] = true
		}
		return len(logins) <= maxWriters
	})
	switch {
	case errors.As(err, new(NotFound)), errors.As(err, new(MissingPermission)):
		return nil, false, false, nil
	case err != nil:
		return nil, false, false, err
	case len(logins) > maxWriters:
		return nil, false, false, nil
	}
	r.app.members.keep(r.owner, asked, drops, logins, "writers", r.owner, r.name)
	return logins, true, false, nil
}
