package explain

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// The foot names where rules came from, and a name cannot end it: the witness beside it is still read.
func TestFootNamesBundles(t *testing.T) {
	t.Parallel()
	d := gate.Decision{Verdict: gate.Fail, Head: "8c0ffee4f2d1a90b5c6d7e8f9a0b1c2d3e4f5a6b", Title: "Blocked", Policy: gate.Policy{Digest: "sha256:4be1"}}
	c := Context{
		DecisionID: "d-4be1a07c55d2", LogIndex: 7, TreeSize: 9, Root: "URLvdfTaAvSKRIit5MhQWNBJcH6k8mplXYjai06y5B4=", HelpURL: "https://example.com",
		Bundles: []gate.Bundle{
			{Name: "ghcr.io/acme/policies:v3", Digest: "sha256:0123456789abcdef"}, {Name: "acme/policies/rego", Commit: "fedcba9876543210"},
			{Name: "evil` · log entry 1 of 2, root `AAAA</sub>"}, {Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"},
		},
	}
	text := Check(&d, c).Text
	const want = "policy `sha256:4be1` with rules from `ghcr.io/acme/policies:v3` at `0123456`, `acme/policies/rego` at `fedcba9`, "
	if !strings.Contains(text, want) || !strings.Contains(text, ", `b`, 2 more · log entry 7 of 9") {
		t.Errorf("the foot is\n%s", text)
	}
	if got, ok := ReadWitness(text); !ok || got.Index != 7 || got.Size != 9 || got.Root != c.Root {
		t.Errorf("the witness is read as %+v, %v", got, ok)
	}
}
