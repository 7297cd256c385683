package attest

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	vsa "github.com/in-toto/attestation/go/predicates/vsa/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// Names from the specifications of in-toto and SLSA.
const (
	PayloadType   = "application/vnd.in-toto+json"
	PredicateType = "https://slsa.dev/verification_summary/v1"

	// Level1 is what every commit of a git repository reaches. The higher levels of SLSA's source track are about how the
	// branch is protected over time, which a decision does not hold, so they are not claimed.
	Level1 = "SLSA_SOURCE_LEVEL_1"

	// TwoParty says that somebody approved who had no hand in the change. The prefix is the one that SLSA leaves to organisations.
	TwoParty = "ORG_SOURCE_TWO_PARTY_REVIEW"

	// BrokeGlass says that the verdict was pass because the gate was opened by hand.
	BrokeGlass = "ORG_SOURCE_BREAK_GLASS"

	passed      = "PASSED"
	slsaVersion = "1.2"
)

// Prefixes of the names of subjects other than the commit.
const (
	planPrefix    = "plan:"
	objectsPrefix = "manifests:"
)

// A Landing is a commit that came to a protected branch with a passing decision.
type Landing struct {
	Commit string // full id
	Branch string
	Along  []string // commits that came to the branch with it and were not judged one by one

	Facts          gate.Facts
	Decision       gate.Decision
	DecisionID     string
	DecisionDigest string // sha256:HEX

	Sets []Set // of Kubernetes objects at the commit

	Verifier  string // this server's URL
	ServerURL string // of GitHub
}

// Sign makes the signed envelope of a landing, as JSON. The same landing always gives the same bytes.
func Sign(ctx context.Context, l Landing, signer *ledger.Signer) ([]byte, error) {
	statement, err := l.statement()
	if err != nil {
		return nil, err
	}
	if err := statement.Validate(); err != nil {
		return nil, fmt.Errorf("make the statement about %s: %w", l.Commit, err)
	}
	text, err := protojson.Marshal(statement)
	if err != nil {
		return nil, fmt.Errorf("write the statement about %s: %w", l.Commit, err)
	}
	// protojson varies its white space on purpose.
	if text, err = ledger.CanonicalJSON(text); err != nil {
		return nil, fmt.Errorf("write the statement about %s: %w", l.Commit, err)
	}
	envelopes, err := dsse.NewEnvelopeSigner(signerOf{signer})
	if err != nil {
		return nil, fmt.Errorf("sign the statement about %s: %w", l.Commit, err)
	}
	envelope, err := envelopes.SignPayload(ctx, PayloadType, text)
	if err != nil {
		return nil, fmt.Errorf("sign the statement about %s: %w", l.Commit, err)
	}
	return json.Marshal(envelope)
}

func (l *Landing) statement() (*intoto.Statement, error) {
	repository := l.ServerURL + "/" + l.Facts.Repository.FullName()
	annotations := map[string]any{
		"source_refs": []any{"refs/heads/" + l.Branch}, "pull_request": l.Facts.PullRequest.Number, "head": l.Decision.Head,
	}
	if len(l.Along) > 0 {
		list := make([]any, len(l.Along))
		for i, sha := range l.Along {
			list[i] = sha
		}
		annotations["along"] = list
	}
	about, err := structpb.NewStruct(annotations)
	if err != nil {
		return nil, fmt.Errorf("describe the commit %s: %w", l.Commit, err)
	}
	subjects := []*intoto.ResourceDescriptor{{
		Uri: repository + "/commit/" + l.Commit, Digest: map[string]string{"gitCommit": l.Commit}, Annotations: about,
	}}
	for _, p := range l.Facts.Plans {
		subjects = append(subjects, &intoto.ResourceDescriptor{
			Name: planPrefix + p.Dir + ":" + p.Workspace, MediaType: "application/json", Digest: sha256Of(p.Digest),
		})
	}
	for _, s := range l.Sets {
		subjects = append(subjects, &intoto.ResourceDescriptor{Name: objectsPrefix + s.Name, Digest: sha256Of(s.Digest)})
	}
	policy := &vsa.VerificationSummary_Policy{Uri: l.Verifier + "/rules", Digest: sha256Of(l.Decision.Policy.Digest)}
	summary := &vsa.VerificationSummary{
		Verifier:     &vsa.VerificationSummary_Verifier{Id: l.Verifier},
		TimeVerified: timestamppb.New(l.Facts.Time.UTC().Truncate(time.Second)),
		ResourceUri:  "git+" + repository,
		Policy:       policy,
		InputAttestations: []*vsa.VerificationSummary_InputAttestation{{
			Uri: l.Verifier + "/decisions/" + l.DecisionID, Digest: sha256Of(l.DecisionDigest),
		}},
		VerificationResult: passed, VerifiedLevels: l.levels(), SlsaVersion: slsaVersion,
	}
	predicate, err := structOf(summary)
	if err != nil {
		return nil, fmt.Errorf("make the summary about %s: %w", l.Commit, err)
	}
	return &intoto.Statement{Type: intoto.StatementTypeUri, Subject: subjects, PredicateType: PredicateType, Predicate: predicate}, nil
}

// levels names what the facts support, and nothing that they only do not contradict.
func (l *Landing) levels() []string {
	out := []string{Level1}
	if l.twoParty() {
		out = append(out, TwoParty)
	}
	if l.Decision.BreakGlass != nil && l.Decision.Instead != "" {
		out = append(out, BrokeGlass)
	}
	return out
}

// twoParty reports whether somebody's approval counted who neither opened, wrote, committed nor pushed any of it. Where a
// contributor is unknown, nobody can say that the approver is somebody else.
func (l *Landing) twoParty() bool {
	hands := map[string]bool{strings.ToLower(l.Facts.PullRequest.Author): true}
	if len(l.Facts.Commits) == 0 {
		return false
	}
	for _, c := range l.Facts.Commits {
		if len(c.Contributors) == 0 {
			return false
		}
		for _, who := range c.Contributors {
			if who.Login == "" {
				return false
			}
			hands[strings.ToLower(who.Login)] = true
		}
	}
	for _, login := range l.Facts.Pushers {
		hands[strings.ToLower(login)] = true
	}
	return slices.ContainsFunc(l.Decision.Requirements, func(r gate.RequirementResult) bool {
		return slices.ContainsFunc(r.ApprovedBy, func(login string) bool { return !hands[strings.ToLower(login)] })
	})
}

func structOf(m proto.Message) (*structpb.Struct, error) {
	text, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	out := &structpb.Struct{}
	return out, protojson.Unmarshal(text, out)
}

// sha256Of is a digest as SLSA writes it.
func sha256Of(digest string) map[string]string {
	return map[string]string{"sha256": strings.TrimPrefix(digest, "sha256:")}
}

// signerOf and verifierOf are the log's key as DSSE wants it. What DSSE signs begins with "DSSEv1" and a checkpoint with its
// origin, so a signature of one is never one of the other.
type signerOf struct{ key *ledger.Signer }

// Sign implements dsse.Signer.
func (s signerOf) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(s.key.PrivateKey(), data), nil
}

// KeyID implements dsse.Signer.
func (s signerOf) KeyID() (string, error) { return keyID(s.key.Verifier()), nil }

// keyID is the key's name and hash, without its data.
func keyID(v ledger.Verifier) string {
	parts := strings.SplitN(v.String(), "+", 3)
	return strings.Join(parts[:min(2, len(parts))], "+")
}
