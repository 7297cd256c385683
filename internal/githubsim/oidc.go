package githubsim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// oidcPath is where the issuer of the workflows' tokens stands.
const oidcPath = "/_oidc"

// OIDC is the issuer of the tokens that workflows of GitHub Actions present elsewhere.
type OIDC struct {
	s       *Server
	keys    []oidcKey // newest last
	made    int
	asked   int // how often the keys were asked for
	down    bool
	claims  map[string]map[string]any // of the jobs, by their request token
	granted int
}

type oidcKey struct {
	id  string
	key *rsa.PrivateKey
}

// OIDC is the site's issuer.
func (s *Server) OIDC() *OIDC {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.oidc == nil {
		s.oidc = &OIDC{s: s, claims: map[string]map[string]any{}}
		s.oidc.rotate()
	}
	return s.oidc
}

// Issuer is the value of the claim iss, below which discovery and keys are found.
func (o *OIDC) Issuer() string { return o.s.opt.URL + oidcPath }

// Rotate makes a new key, which signs from now on. The old ones stay published unless drop.
func (o *OIDC) Rotate(drop bool) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if drop {
		o.keys = nil
	}
	o.rotate()
}

func (o *OIDC) rotate() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("githubsim: generating a key of the issuer: %v", err))
	}
	o.made++
	o.keys = append(o.keys, oidcKey{id: fmt.Sprintf("key-%d", o.made), key: key})
}

// SetDown makes the issuer answer 503, or answer again.
func (o *OIDC) SetDown(down bool) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.down = down
}

// KeysAsked is how often the public keys were asked for.
func (o *OIDC) KeysAsked() int {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return o.asked
}

// JobSpec is the workflow job that a token speaks for.
type JobSpec struct {
	Repo     *Repo
	SHA      string // what was checked out: of pull_request runs, the test merge
	Ref      string // refs/pull/12/merge
	Event    string // pull_request when ""
	Workflow string // job_workflow_ref: owner/repo/.github/workflows/plan.yml@refs/heads/main
	Actor    string
	RunID    int64 // one of its own when 0
}

// Claims are the claims of a job's token, good for ten minutes, for an audience.
func (o *OIDC) Claims(job JobSpec, audience string) map[string]any {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return o.jobClaims(job, audience)
}

func (o *OIDC) jobClaims(job JobSpec, audience string) map[string]any {
	now := o.s.now()
	if job.RunID == 0 {
		job.RunID = o.s.id()
	}
	if job.Event == "" {
		job.Event = "pull_request"
	}
	visibility := "public"
	if job.Repo.private {
		visibility = "private"
	}
	path, _, _ := strings.Cut(job.Workflow, "@")
	return map[string]any{
		"iss": o.s.opt.URL + oidcPath, "aud": audience, "jti": newUUID(), "iat": now.Unix(), "nbf": now.Add(-10 * time.Minute).Unix(),
		"exp": now.Add(10 * time.Minute).Unix(), "sub": "repo:" + job.Repo.fullName() + ":" + job.Event,
		"repository": job.Repo.fullName(), "repository_id": fmt.Sprint(job.Repo.id), "repository_owner": job.Repo.owner.login,
		"repository_owner_id": fmt.Sprint(job.Repo.owner.id), "repository_visibility": visibility, "sha": job.SHA, "ref": job.Ref,
		"ref_type": "branch", "event_name": job.Event, "actor": job.Actor, "workflow": path, "workflow_ref": job.Workflow,
		"job_workflow_ref": job.Workflow, "run_id": fmt.Sprint(job.RunID), "run_number": "1", "run_attempt": "1",
		"runner_environment": "github-hosted",
	}
}

// Mint signs claims with the newest key.
func (o *OIDC) Mint(claims map[string]any) string {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return o.mint(claims)
}

func (o *OIDC) mint(claims map[string]any) string {
	key := o.keys[len(o.keys)-1]
	return SignJWT(key.key, map[string]any{"alg": "RS256", "typ": "JWT", "kid": key.id}, claims)
}

// SignJWT makes a JSON web token; tests forge tokens with it, too.
func SignJWT(key *rsa.PrivateKey, header, claims map[string]any) string {
	encode := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			panic(fmt.Sprintf("githubsim: encoding a token: %v", err)) // maps of plain values always encode
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := encode(header) + "." + encode(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(fmt.Sprintf("githubsim: signing a token: %v", err))
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// Environ is what the runner sets for a job that has `id-token: write`: where it asks for its token, and with what.
func (o *OIDC) Environ(job JobSpec) []string {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.granted++
	bearer := fmt.Sprintf("request-token-%d", o.granted)
	o.claims[bearer] = o.jobClaims(job, "")
	return []string{
		"GITHUB_ACTIONS=true",
		"ACTIONS_ID_TOKEN_REQUEST_URL=" + o.s.opt.URL + oidcPath + "/token?api-version=2.0",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN=" + bearer,
	}
}

// serveOIDC answers discovery, the keys, and the runner's request for a token.
func (s *Server) serveOIDC(w http.ResponseWriter, r *http.Request) {
	o := s.OIDC()
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.down {
		writeReply(w, errorReply(refuse(http.StatusServiceUnavailable, "Service Unavailable")))
		return
	}
	var out any
	switch strings.TrimPrefix(r.URL.Path, oidcPath) {
	case "/.well-known/openid-configuration":
		issuer := s.opt.URL + oidcPath
		out = object{
			"issuer": issuer, "jwks_uri": issuer + "/.well-known/jwks", "subject_types_supported": []string{"public", "pairwise"},
			"response_types_supported": []string{"id_token"}, "id_token_signing_alg_values_supported": []string{"RS256"},
			"scopes_supported": []string{"openid"},
		}
	case "/.well-known/jwks":
		o.asked++
		out = object{"keys": o.public()}
	case "/token":
		claims, known := o.claims[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if !known {
			writeReply(w, errorReply(refuse(http.StatusUnauthorized, "Bad credentials")))
			return
		}
		mine := maps.Clone(claims)
		mine["aud"], mine["jti"] = r.URL.Query().Get("audience"), newUUID()
		value := o.mint(mine)
		out = object{"count": len(value), "value": value}
	default:
		writeReply(w, errorReply(notFound()))
		return
	}
	writeReply(w, reply{status: http.StatusOK, body: out, header: http.Header{}})
}

func (o *OIDC) public() []object {
	keys := []object{}
	for _, k := range o.keys {
		keys = append(keys, object{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": k.id,
			"n": base64.RawURLEncoding.EncodeToString(k.key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.key.E)).Bytes()),
		})
	}
	return keys
}
