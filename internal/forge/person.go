package forge

import (
	"context"
	"net/http"

	"github.com/google/go-github/v60/github"
)

// As is a repository as the owner of a token sees it: for what a person does on the command line, with their own rights. The
// token goes to this GitHub alone. It asks GitHub nothing.
func (a *App) As(token, owner, name string) *Repo {
	guarded := newGuard(a.opts.Transport, a.api.Host, a.opts.Clock)
	return &Repo{app: a, person: a.client(bearer{next: guarded, token: token}), owner: owner, name: name}
}

// bearer adds a person's token to requests.
type bearer struct {
	next  *guard
	token string
}

// RoundTrip sends the request with the token, or refuses it where it would leave GitHub.
func (b bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	if !b.next.mine(req) {
		return nil, errElsewhere
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(req)
}

// Administers reports whether the owner of the token that the repository is read with may administer it.
func (r *Repo) Administers(ctx context.Context) (bool, error) {
	var repo github.Repository
	_, err := r.do(ctx, call{what: "the repository " + r.owner + "/" + r.name}, http.MethodGet, "", nil, &repo)
	return repo.GetPermissions()["admin"], err
}
