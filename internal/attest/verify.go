package attest

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	vsa "github.com/in-toto/attestation/go/predicates/vsa/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// MaxEnvelope bounds an attestation that is read, in bytes; a real one is under a megabyte.
const MaxEnvelope = 16 << 20

// Refused is why an attestation that could be read does not cover what is to be deployed.
type Refused struct{ Why string }

// Error implements error.
func (r Refused) Error() string { return r.Why }

func refuse(format string, args ...any) error { return Refused{fmt.Sprintf(format, args...)} }

// Attested is what a checked attestation says.
type Attested struct {
	statement *intoto.Statement
	summary   *vsa.VerificationSummary
	commit    *intoto.ResourceDescriptor
}

// Open reads an envelope and checks its signature with any of the keys. The error is a [Refused] when no key has signed it or
// it does not say that the verification passed; any other error means that it is not an attestation at all.
func Open(ctx context.Context, envelope []byte, keys ...ledger.Verifier) (*Attested, error) {
	if len(envelope) > MaxEnvelope {
		return nil, fmt.Errorf("it has %d bytes, more than the limit of %d", len(envelope), MaxEnvelope)
	}
	var sealed dsse.Envelope
	if err := json.Unmarshal(envelope, &sealed); err != nil {
		return nil, fmt.Errorf("it is not a DSSE envelope: %w", err)
	}
	if sealed.PayloadType == "" || sealed.Payload == "" {
		return nil, errors.New("it is not a DSSE envelope: it has no payload")
	}
	var providers []dsse.Verifier
	for _, key := range keys {
		providers = append(providers, verifierOf{key})
	}
	checker, err := dsse.NewEnvelopeVerifier(providers...)
	if err != nil {
		return nil, fmt.Errorf("check its signature: %w", err)
	}
	_, payload, err := checker.VerifyAndDecode(ctx, &sealed)
	if err != nil {
		return nil, refuse("the attestation is not signed with the given key")
	}
	if sealed.PayloadType != PayloadType {
		return nil, refuse("what is signed is %q, not an in-toto statement", sealed.PayloadType)
	}
	return read(payload)
}

// read takes a statement whose signature holds.
func read(payload []byte) (*Attested, error) {
	a := &Attested{statement: &intoto.Statement{}, summary: &vsa.VerificationSummary{}}
	if err := protojson.Unmarshal(payload, a.statement); err != nil {
		return nil, fmt.Errorf("read its statement: %w", err)
	}
	if err := a.statement.Validate(); err != nil {
		return nil, fmt.Errorf("read its statement: %w", err)
	}
	if a.statement.PredicateType != PredicateType {
		return nil, refuse("the statement is a %s, not a SLSA verification summary", a.statement.PredicateType)
	}
	text, err := protojson.Marshal(a.statement.Predicate)
	if err == nil {
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, a.summary)
	}
	if err != nil {
		return nil, fmt.Errorf("read its summary: %w", err)
	}
	if a.summary.VerificationResult != passed {
		return nil, refuse("the attestation says %q, not %s", a.summary.VerificationResult, passed)
	}
	for _, s := range a.statement.Subject {
		if s.Digest["gitCommit"] != "" {
			if a.commit != nil {
				return nil, errors.New("its statement names two commits")
			}
			a.commit = s
		}
	}
	if a.commit == nil {
		return nil, errors.New("its statement names no commit")
	}
	return a, nil
}

// Want is what is to be deployed. Empty fields ask for nothing.
type Want struct {
	Commit     string
	Repository string // OWNER/NAME
	Branch     string
	Plan       string // digest of terraform show -json
	Objects    string // digest of the objects; see [Objects]
}

// Covers returns nil if the attestation covers all that is wanted, else a [Refused] that says what it does not.
func (a *Attested) Covers(w Want) error {
	if got := a.Commit(); got != w.Commit && slices.Contains(a.texts("along"), w.Commit) {
		return refuse("%s is one of the commits that came to the branch with %s: only the state after the last of them was judged, and that is %s; deploy that one", w.Commit, got, got)
	} else if got != w.Commit {
		return refuse("the attestation is for commit %s, not for %s", got, w.Commit)
	}
	if got := a.Repository(); w.Repository != "" && !strings.EqualFold(got, w.Repository) {
		return refuse("the commit passed in %s, not in %s", got, w.Repository)
	}
	if w.Branch != "" && !slices.Contains(a.refs(), "refs/heads/"+w.Branch) {
		return refuse("the commit landed on %s, not on %s", strings.Join(a.refs(), ", "), w.Branch)
	}
	if w.Plan != "" && !a.has(planPrefix, w.Plan) {
		return refuse("the plan %s is not one that was judged with this commit; it covers %s", w.Plan, a.list(planPrefix, "no plan"))
	}
	if w.Objects != "" && !a.has(objectsPrefix, w.Objects) {
		return refuse("the manifests %s are not a set that this commit makes; it covers %s", w.Objects, a.list(objectsPrefix, "no manifests"))
	}
	return nil
}

// Commit is the full id of the commit.
func (a *Attested) Commit() string { return a.commit.Digest["gitCommit"] }

// Repository is OWNER/NAME.
func (a *Attested) Repository() string {
	_, path, _ := strings.Cut(a.summary.ResourceUri, "://")
	_, name, _ := strings.Cut(path, "/")
	return name
}

// Levels is what was verified, in SLSA's words.
func (a *Attested) Levels() []string { return a.summary.VerifiedLevels }

// Decision is the address of the decision.
func (a *Attested) Decision() string {
	if len(a.summary.InputAttestations) == 0 {
		return ""
	}
	return a.summary.InputAttestations[0].Uri
}

func (a *Attested) refs() []string { return a.texts("source_refs") }

// texts are a list among the commit's annotations.
func (a *Attested) texts(name string) []string {
	var out []string
	for _, ref := range a.commit.Annotations.GetFields()[name].GetListValue().GetValues() {
		out = append(out, ref.GetStringValue())
	}
	return out
}

func (a *Attested) has(prefix, digest string) bool {
	return slices.ContainsFunc(a.statement.Subject, func(s *intoto.ResourceDescriptor) bool {
		return strings.HasPrefix(s.Name, prefix) && "sha256:"+s.Digest["sha256"] == digest
	})
}

func (a *Attested) list(prefix, none string) string {
	var out []string
	for _, s := range a.statement.Subject {
		if name, ok := strings.CutPrefix(s.Name, prefix); ok {
			out = append(out, name)
		}
	}
	switch n := len(out); {
	case n == 0:
		return none
	case n > 10:
		return fmt.Sprintf("%s and %d more", strings.Join(out[:10], ", "), n-10)
	}
	return strings.Join(out, ", ")
}

type verifierOf struct{ key ledger.Verifier }

// Verify implements dsse.Verifier.
func (v verifierOf) Verify(_ context.Context, data, signature []byte) error {
	if !ed25519.Verify(v.key.PublicKey(), data, signature) {
		return errors.New("the signature does not hold")
	}
	return nil
}

// KeyID implements dsse.Verifier.
func (v verifierOf) KeyID() (string, error) { return keyID(v.key), nil }

// Public implements dsse.Verifier.
func (v verifierOf) Public() crypto.PublicKey { return v.key.PublicKey() }
