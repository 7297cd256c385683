package githubsim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// tokenLife is how long an installation token lives.
const tokenLife = time.Hour

// token is an installation's or a person's token.
type token struct {
	value   string
	user    *User
	inst    *Installation
	perms   map[string]string
	repos   []*Repo // nil: all of the installation
	expires time.Time
	via     *App // the App that a person's token was made for; nil: none
}

// actor is who asks: nobody, a person, an App with its JWT, or an installation.
type actor struct {
	user *User // the person, or the App's bot
	app  *App
	inst *Installation
	tok  *token
}

func (a actor) anonymous() bool { return a.user == nil }

func (a actor) key() string {
	switch {
	case a.inst != nil:
		return fmt.Sprintf("installation:%d", a.inst.id)
	case a.app != nil:
		return fmt.Sprintf("app:%d", a.app.id)
	case a.user != nil:
		return "user:" + a.user.login
	}
	return "anonymous"
}

func (a actor) limitName() string {
	switch {
	case a.inst != nil:
		return fmt.Sprintf("installation ID %d", a.inst.id)
	case a.user != nil:
		return fmt.Sprintf("user ID %d", a.user.id)
	}
	return "127.0.0.1"
}

// AddUserToken makes a personal token with all scopes for REST and git.
func (s *Server) AddUserToken(login string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &token{value: fmt.Sprintf("ghp_%036d", s.id()), user: s.mustUser(login)}
	s.tokens[t.value] = t
	return t.value
}

func (s *Server) authenticate(r *http.Request) (actor, error) {
	h := r.Header.Get("Authorization")
	if h == "" {
		return actor{}, nil
	}
	scheme, value, _ := strings.Cut(h, " ")
	value = strings.TrimSpace(value)
	switch strings.ToLower(scheme) {
	case "bearer", "token":
	case "basic":
		_, pass, found := r.BasicAuth()
		if !found {
			return actor{}, badCredentials()
		}
		value = pass
	default:
		return actor{}, badCredentials()
	}
	if strings.Count(value, ".") == 2 {
		app, err := s.verifyJWT(value)
		if err != nil {
			return actor{}, err
		}
		return actor{user: app.bot, app: app}, nil
	}
	return s.actorOf(value)
}

func (s *Server) actorOf(value string) (actor, error) {
	t := s.tokens[value]
	if t == nil || (!t.expires.IsZero() && !s.now().Before(t.expires)) {
		return actor{}, badCredentials()
	}
	if t.inst == nil {
		return actor{user: t.user, tok: t}, nil
	}
	if t.inst.deleted {
		return actor{}, badCredentials()
	}
	if t.inst.suspended {
		return actor{}, refuse(http.StatusForbidden, "This installation has been suspended")
	}
	return actor{user: t.inst.app.bot, app: t.inst.app, inst: t.inst, tok: t}, nil
}

func badCredentials() *Refusal { return refuse(http.StatusUnauthorized, "Bad credentials") }

// verifyJWT checks an App's token as GitHub does: RS256, issued by an App that exists, not from the future, at most ten
// minutes ahead.
func (s *Server) verifyJWT(raw string) (*App, error) {
	undecodable := refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
	parts := strings.Split(raw, ".")
	var head struct{ Alg string }
	var claims struct {
		Iss any
		Iat any
		Exp any
	}
	if decodeSegment(parts[0], &head) != nil || decodeSegment(parts[1], &claims) != nil || head.Alg != "RS256" {
		return nil, undecodable
	}
	var iss string
	switch v := claims.Iss.(type) {
	case string:
		iss = v
	case float64:
		iss = fmt.Sprintf("%.0f", v)
	default:
		return nil, refuse(http.StatusUnauthorized, "'Issuer' claim ('iss') must be an Integer")
	}
	app, pub := s.appByKey(iss)
	if app == nil {
		return nil, refuse(http.StatusNotFound, "Integration not found")
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, undecodable
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], sig) != nil {
		return nil, undecodable
	}
	return app, s.checkTimes(claims.Iat, claims.Exp)
}

func (s *Server) checkTimes(iat, exp any) error {
	now := float64(s.opt.Clock().Unix())
	issued, isNumber := iat.(float64)
	if !isNumber || issued > now+60 {
		return refuse(http.StatusUnauthorized,
			"'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	expires, isNumber := exp.(float64)
	if !isNumber || expires != math.Trunc(expires) || expires <= now {
		return refuse(http.StatusUnauthorized, "'Expiration time' claim ('exp') must be a numeric value representing the "+
			"future time at which the assertion expires")
	}
	if expires > now+600 {
		return refuse(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future")
	}
	return nil
}

func decodeSegment(seg string, v any) error {
	raw, err := base64.RawURLEncoding.DecodeString(seg)
	if err != nil {
		return fmt.Errorf("decoding a token segment: %w", err)
	}
	return json.Unmarshal(raw, v)
}

// authorize checks the caller against the route, and finds the repository of /repos routes.
func (c *call) authorize() error {
	n := c.route.need
	if n.app == needJWT {
		if c.actor.app == nil || c.actor.inst != nil {
			return refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
		}
		return nil
	}
	if c.actor.app != nil && c.actor.inst == nil && c.path != "/rate_limit" {
		return badCredentials() // a JWT is good for /app routes only
	}
	if c.params["owner"] != "" {
		c.repo = c.s.repos[key(c.params["owner"], c.params["repo"])]
		if c.repo == nil || !c.canSee() {
			return notFound()
		}
		return c.authorizeRepo(n)
	}
	if c.actor.inst != nil {
		return c.requireApp(n, c.coversOrg())
	}
	if c.actor.anonymous() && c.route.method != http.MethodGet && n.app != needNothing {
		return refuse(http.StatusUnauthorized, "Requires authentication")
	}
	return nil
}

func (c *call) coversOrg() bool {
	org, asked := c.params["org"]
	return !asked || strings.EqualFold(org, c.actor.inst.account.login)
}

func (c *call) canSee() bool {
	if !c.repo.private {
		return true
	}
	if c.actor.inst != nil {
		return c.actor.covers(c.repo)
	}
	return c.actor.user != nil && c.repo.roleOf(c.actor.user) >= roleRead && c.actor.tok.sees(c.repo)
}

func (a actor) covers(r *Repo) bool {
	return a.inst != nil && a.inst.covers(r) && (a.tok.repos == nil || slices.Contains(a.tok.repos, r))
}

func (c *call) authorizeRepo(n need) error {
	write := c.route.method != http.MethodGet
	if c.actor.inst != nil {
		covered := c.actor.covers(c.repo)
		if !covered && !write && !strings.HasPrefix(n.app, "administration") {
			return nil // a public repository, read like any visitor
		}
		return c.requireApp(n, covered)
	}
	if c.actor.anonymous() {
		if write {
			return refuse(http.StatusUnauthorized, "Requires authentication")
		}
		if n.role != "" {
			return notFound()
		}
		return nil
	}
	if n.role == "app" {
		return refuse(http.StatusForbidden, "You must authenticate via a GitHub App.")
	}
	if c.repo.roleOf(c.actor.user) >= parseRole(n.role) {
		return nil
	}
	if n.role == "admin" && write {
		return refuse(http.StatusForbidden, "Must have admin rights to Repository.")
	}
	if !write {
		return notFound()
	}
	return refuse(http.StatusForbidden, "Must have push access to repository")
}

func (c *call) requireApp(n need, covered bool) error {
	if covered && (n.app == "" || c.actor.may(n.app)) {
		return nil
	}
	return &Refusal{
		Status: http.StatusForbidden, Message: "Resource not accessible by integration",
		Header: map[string]string{headerAccept: n.accepted()},
	}
}

// may tells whether the token's permissions cover one of the alternatives of "name:level|name:level".
func (a actor) may(alternatives string) bool {
	for alt := range strings.SplitSeq(alternatives, "|") {
		name, level, _ := strings.Cut(alt, ":")
		if permits(a.tok.perms, name, level) {
			return true
		}
	}
	return false
}

func permits(perms map[string]string, name, level string) bool {
	if name == "metadata" && level == "read" {
		return true
	}
	order := []string{"read", "write", "admin"}
	return slices.Index(order, perms[name]) >= slices.Index(order, level)
}
