package plans

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Audience is what a workflow must ask its token for.
const Audience = "gatehouse"

// Claims is what a token says about the job that presents it. GitHub documents them under "About security hardening with OpenID
// Connect"; all of them are text.
type Claims struct {
	Repository   string `json:"repository"`
	RepositoryID string `json:"repository_id"`
	SHA          string `json:"sha"`
	Ref          string `json:"ref"`
	Workflow     string `json:"job_workflow_ref"` // owner/repo/path@ref of the file that defines the job
	Event        string `json:"event_name"`
	Actor        string `json:"actor"`
	RunID        string `json:"run_id"`
	RunAttempt   string `json:"run_attempt"`
	HeadRef      string `json:"head_ref"`
	BaseRef      string `json:"base_ref"`
	Runner       string `json:"runner_environment"`
	Subject      string `json:"sub"`
	ID           string `json:"jti"`
}

// BadToken says why a token proves nothing. The message is for whoever sent it.
type BadToken struct{ Message string }

func (e BadToken) Error() string { return e.Message }

// Verifier checks the tokens of one issuer.
type Verifier struct {
	issuer string
	clock  func() time.Time
	client *http.Client

	mu      sync.Mutex
	keys    jose.JSONWebKeySet
	address string // of the keys; "": not discovered yet
	fetched time.Time
}

// NewVerifier makes a verifier. It asks the issuer nothing before the first token: a server must start without it.
func NewVerifier(issuer string, clock func() time.Time) *Verifier {
	return &Verifier{issuer: strings.TrimRight(issuer, "/"), clock: clock, client: &http.Client{Timeout: 15 * time.Second}}
}

// maxToken is the largest token that is looked at. GitHub's have about 2 kB.
const maxToken = 16 << 10

// Verify returns the claims of a token that the issuer signed for this audience and that is good now. [BadToken]: it is not.
// Any other error: the issuer could not be asked for its keys, and the same token may be good later.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, BadToken{"the token is longer than any of GitHub's"}
	}
	known := &attempt{verifier: v}
	config := &oidc.Config{ClientID: Audience, SupportedSigningAlgs: []string{oidc.RS256}, Now: v.clock}
	verified, err := oidc.NewVerifier(v.issuer, known, config).Verify(ctx, token)
	switch expired := new(oidc.TokenExpiredError); {
	case known.outage != nil:
		return Claims{}, known.outage
	case known.refused != nil:
		return Claims{}, BadToken{known.refused.Error()}
	case errors.As(err, &expired):
		return Claims{}, BadToken{"the token has expired; ask for a new one for each plan"}
	case err != nil:
		return Claims{}, BadToken{"the token is not good: " + gate.Shorten(gate.Printable(strings.TrimPrefix(err.Error(), "oidc: ")), 300)}
	}
	var claims Claims
	if err := verified.Claims(&claims); err != nil {
		return Claims{}, BadToken{"the token's claims are not those of GitHub Actions"}
	}
	if claims.Workflow == "" {
		// GitHub documents job_workflow_ref for reusable workflows alone; any other job is defined by the run's own workflow.
		var run struct {
			Workflow string `json:"workflow_ref"`
		}
		if err := verified.Claims(&run); err == nil {
			claims.Workflow = run.Workflow
		}
	}
	if verified.Expiry.IsZero() || claims.Repository == "" || claims.RepositoryID == "" || claims.SHA == "" || claims.Workflow == "" {
		return Claims{}, BadToken{"the token is not one of a job of GitHub Actions: it needs repository, repository_id, sha, job_workflow_ref and exp"}
	}
	if !isSHA(claims.SHA) {
		return Claims{}, BadToken{"the token's sha is not a commit"}
	}
	if claims.ID == "" { // GitHub always gives one
		sum := sha256.Sum256([]byte(token))
		claims.ID = hex.EncodeToString(sum[:])
	}
	return claims, nil
}

// attempt is the key set for one token; it keeps apart a signature that is wrong and an issuer that does not answer.
type attempt struct {
	verifier *Verifier
	refused  error
	outage   error
}

// VerifySignature implements oidc.KeySet.
func (a *attempt) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(signed.Signatures) != 1 {
		a.refused = errors.New("the token is not a JSON web token that is signed once, with RS256")
		return nil, a.refused
	}
	for _, afresh := range []bool{false, true} {
		keys, err := a.verifier.keysFor(ctx, signed.Signatures[0].Header.KeyID, afresh)
		if err != nil {
			a.outage = err
			return nil, err
		}
		for _, key := range keys {
			if payload, err := signed.Verify(key.Key); err == nil {
				return payload, nil
			}
		}
	}
	a.refused = fmt.Errorf("no key of %s has signed the token", a.verifier.issuer)
	return nil, a.refused
}

const (
	// refetch is the shortest time between two looks at the issuer's keys: forged tokens with made-up key ids must not make us
	// hammer it. What is fetched less than this ago is taken for all there is.
	refetch = 5 * time.Second

	// stale is when the keys are fetched anew although one of them fits, so that a key that was taken back stops working.
	stale = time.Hour
)

// keysFor is the issuer's keys of an id. GitHub rotates its keys: an id that is not known leads to a look at the issuer. So does afresh, for
// a token that the known keys of the id have not signed: an issuer may put another key behind an id, as one that is set up anew does.
func (v *Verifier) keysFor(ctx context.Context, id string, afresh bool) ([]jose.JSONWebKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	found, age := v.keys.Key(id), v.clock().Sub(v.fetched)
	if len(found) > 0 && age < stale && !afresh || !v.fetched.IsZero() && age < refetch {
		return found, nil
	}
	keys, err := v.fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetch the keys of %s: %w", v.issuer, err)
	}
	v.keys, v.fetched = keys, v.clock()
	return v.keys.Key(id), nil
}

func (v *Verifier) fetch(ctx context.Context) (jose.JSONWebKeySet, error) {
	var set jose.JSONWebKeySet
	if v.address == "" {
		var found struct {
			Issuer string `json:"issuer"`
			Keys   string `json:"jwks_uri"`
		}
		if err := v.get(ctx, v.issuer+"/.well-known/openid-configuration", &found); err != nil {
			return set, err
		}
		if strings.TrimRight(found.Issuer, "/") != v.issuer {
			return set, fmt.Errorf("it calls itself %q; set GITHUB_OIDC_ISSUER to that if it is right", gate.Printable(found.Issuer))
		}
		address, err := url.Parse(found.Keys)
		if err != nil || address.Host == "" || address.Scheme != "https" && !strings.HasPrefix(v.issuer, address.Scheme+":") {
			return set, errors.New("it names no address of its keys")
		}
		v.address = found.Keys
	}
	if err := v.get(ctx, v.address, &set); err != nil {
		return set, err
	}
	set.Keys = slices.DeleteFunc(set.Keys, func(k jose.JSONWebKey) bool { return !k.Valid() || !k.IsPublic() })
	return set, nil
}

func (v *Verifier) get(ctx context.Context, address string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", address, resp.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(out)
}

// isSHA reports whether s is a whole commit id in lower case.
func isSHA(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}
