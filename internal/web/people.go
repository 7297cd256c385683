package web

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// errNotTaken says that GitHub does not take a token (any more).
var errNotTaken = errors.New("GitHub does not take the token")

// Bounds of what is asked and remembered.
const (
	rememberFor  = 3 * time.Minute // what GitHub said about somebody
	maxPeople    = 1000
	maxAnswer    = 8 << 20
	maxPages     = 100
	maxSingle    = 100 // repositories that are asked for one by one
	userTimeout  = 20 * time.Second
	perPageQuery = "per_page=100&page="
)

// person is what GitHub said about the owner of a token.
type person struct {
	login  string
	id     int64
	reader bool
	scope  *store.Scope
	asked  time.Time
}

// people asks GitHub who somebody is, whether they are a reader, and which repositories they may read, and remembers it for a
// few minutes: who loses access on GitHub loses it here.
type people struct {
	http       *http.Client
	api        string
	readers    []string
	installers func(context.Context) ([]Installer, error)
	names      func(context.Context) (map[string]int64, error)
	clock      func() time.Time

	mu    sync.Mutex
	known map[[32]byte]*remembered
}

// remembered is one token's person. Its lock lets only one request ask GitHub.
type remembered struct {
	mu sync.Mutex
	p  *person
}

func newPeople(o Options) *people {
	return &people{
		http: &http.Client{
			Timeout: userTimeout,
			// The token belongs to this GitHub alone; its API does not send people elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		api: o.APIURL, readers: o.Readers, installers: o.Installers, names: o.Store.RepositoryNames, clock: o.Clock, known: map[[32]byte]*remembered{},
	}
}

// of returns the owner of a token.
func (p *people) of(ctx context.Context, token string) (*person, error) {
	key := sha256.Sum256([]byte(token))
	p.mu.Lock()
	slot := p.known[key]
	if slot == nil {
		if len(p.known) >= maxPeople {
			clear(p.known)
		}
		slot = &remembered{}
		p.known[key] = slot
	}
	p.mu.Unlock()
	slot.mu.Lock()
	defer slot.mu.Unlock()
	if slot.p != nil && p.clock().Before(slot.p.asked.Add(rememberFor)) {
		return slot.p, nil
	}
	slot.p = nil
	who, err := p.ask(ctx, token)
	if err != nil {
		p.forget(token)
		return nil, err
	}
	slot.p = who
	return who, nil
}

func (p *people) forget(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, sha256.Sum256([]byte(token)))
}

func (p *people) ask(ctx context.Context, token string) (*person, error) {
	var user struct {
		Login string `json:"login"`
		ID    int64  `json:"id"`
		Type  string `json:"type"`
	}
	asked := p.clock()
	status, err := p.get(ctx, token, "/user", &user)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK || user.Login == "" || user.Type != "User" {
		return nil, errNotTaken // a token of a bot or an installation is nobody's
	}
	who := &person{login: user.Login, id: user.ID, asked: asked}
	if who.reader, err = p.isReader(ctx, token, user.Login); err != nil || !who.reader {
		return who, err
	}
	who.scope, err = p.readable(ctx, token)
	return who, err
}

// isReader reports whether somebody is among the readers.
func (p *people) isReader(ctx context.Context, token, login string) (bool, error) {
	for _, reader := range p.readers {
		org, team, isTeam := strings.Cut(reader, "/")
		if !isTeam {
			if strings.EqualFold(reader, login) {
				return true, nil
			}
			continue
		}
		path := "/orgs/" + url.PathEscape(org) + "/teams/" + url.PathEscape(team) + "/memberships/" + url.PathEscape(login)
		if in, err := p.member(ctx, token, path); in || err != nil {
			return in, err
		}
	}
	if len(p.readers) > 0 || p.installers == nil {
		return false, nil
	}
	accounts, err := p.installers(ctx)
	if err != nil {
		return false, fmt.Errorf("who installed the App: %w", err)
	}
	for _, account := range accounts {
		if !account.Organization {
			if strings.EqualFold(account.Login, login) {
				return true, nil
			}
			continue
		}
		if in, err := p.member(ctx, token, "/user/memberships/orgs/"+url.PathEscape(account.Login)); in || err != nil {
			return in, err
		}
	}
	return false, nil
}

func (p *people) member(ctx context.Context, token, path string) (bool, error) {
	var membership struct {
		State string `json:"state"`
	}
	status, err := p.get(ctx, token, path, &membership)
	return status == http.StatusOK && membership.State == "active", err
}

// readable is what a person may read of the repositories in the record.
func (p *people) readable(ctx context.Context, token string) (*store.Scope, error) {
	recorded, err := p.names(ctx)
	if err != nil {
		return nil, err
	}
	allowed, err := p.installed(ctx, token)
	if err != nil {
		return nil, err
	}
	// A public repository, or any when the token is not one of the App's, is in no such list: it is asked for itself.
	single := 0
	for name, id := range recorded {
		if _, known := allowed[id]; known || single == maxSingle {
			continue
		}
		single++
		now, err := p.repository(ctx, token, name)
		if err != nil {
			return nil, err
		}
		if now.ID == id {
			allowed[id] = now.FullName
		}
	}
	scope := &store.Scope{IDs: []int64{}, Names: []string{""}}
	for id, name := range allowed {
		scope.IDs = append(scope.IDs, id)
		if _, known := recorded[name]; !known {
			scope.Names = append(scope.Names, name)
		}
	}
	for name, id := range recorded {
		if _, ok := allowed[id]; ok {
			scope.Names = append(scope.Names, name)
		}
	}
	return scope, nil
}

type repository struct {
	ID       int64  `json:"id"`
	FullName string `json:"full_name"`
}

// repository is a repository as the person sees it; zero when they do not.
func (p *people) repository(ctx context.Context, token, name string) (repository, error) {
	owner, repo, ok := strings.Cut(name, "/")
	if !ok {
		return repository{}, nil
	}
	var out repository
	status, err := p.get(ctx, token, "/repos/"+url.PathEscape(owner)+"/"+url.PathEscape(repo), &out)
	if status != http.StatusOK {
		out = repository{}
	}
	return out, err
}

// installed lists the repositories on which the App is installed and for which the person has a permission.
func (p *people) installed(ctx context.Context, token string) (map[int64]string, error) {
	out := map[int64]string{}
	var installations []int64
	for page := 1; page <= maxPages; page++ {
		var answer struct {
			Installations []struct {
				ID int64 `json:"id"`
			} `json:"installations"`
		}
		status, err := p.get(ctx, token, fmt.Sprintf("/user/installations?%s%d", perPageQuery, page), &answer)
		if err != nil || status != http.StatusOK { // a token that is not one of the App's
			return out, err
		}
		for _, in := range answer.Installations {
			installations = append(installations, in.ID)
		}
		if len(answer.Installations) < 100 {
			break
		}
	}
	for _, in := range installations {
		for page := 1; page <= maxPages; page++ {
			var answer struct {
				Repositories []repository `json:"repositories"`
			}
			if _, err := p.get(ctx, token, fmt.Sprintf("/user/installations/%d/repositories?%s%d", in, perPageQuery, page), &answer); err != nil {
				return nil, err
			}
			for _, r := range answer.Repositories {
				out[r.ID] = r.FullName
			}
			if len(answer.Repositories) < 100 {
				break
			}
		}
	}
	return out, nil
}

// get asks GitHub with a person's token. Refusals (403, 404) come back as the status; a token that is not taken, a rate limit
// and a server that fails are errors.
func (p *people) get(ctx context.Context, token, path string, out any) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.api+path, nil)
	if err != nil {
		return 0, errors.New("a request to GitHub cannot be made")
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("User-Agent", "gatehouse")
	resp, err := p.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("asking GitHub: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read as far as it is needed
	switch {
	case resp.StatusCode == http.StatusOK:
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
			return 0, fmt.Errorf("reading GitHub's answer to %s: %w", path, err)
		}
	case resp.StatusCode == http.StatusUnauthorized:
		return resp.StatusCode, errNotTaken
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests,
		resp.Header.Get("Retry-After") != "", resp.StatusCode == http.StatusForbidden && resp.Header.Get("X-RateLimit-Remaining") == "0":
		return resp.StatusCode, fmt.Errorf("GitHub answered %s with %s", path, resp.Status)
	}
	return resp.StatusCode, nil
}
