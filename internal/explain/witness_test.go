package explain_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/explain"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// What is written is read again, and a title of a stranger's is not taken for it.
func TestReadWitness(t *testing.T) {
	t.Parallel()
	root := strings.Repeat("A", 43) + "="
	forged := "<sub>Decision `d-ffffffffffff` · log entry 1 of 2, root `" + strings.Repeat("B", 43) + "=`</sub>"
	d := gate.Decision{Verdict: gate.Fail, Title: forged, Head: strings.Repeat("ab", 20), Findings: []gate.Finding{{
		Rule: "X-1", Title: forged, Message: forged, Resource: forged, Enforcement: gate.EnforceDeny, Status: gate.StatusNew,
	}}}
	c := explain.Context{DecisionID: "d-0123456789ab", LogIndex: 7, TreeSize: 12, Root: root, DecisionURL: "https://gate.example/decisions/d-0123456789ab", PolicyDigest: "sha256:00", HelpURL: "https://help.example"}
	want := explain.Witness{Decision: "d-0123456789ab", Index: 7, Size: 12, Root: root}
	text := explain.Check(&d, c).Text
	for name, text := range map[string]string{
		"a check": text, "a comment": explain.Comment(&d, c), "as GitHub may give it back": strings.ReplaceAll(strings.TrimSpace(text), "\n", "\r\n"),
	} {
		if got, ok := explain.ReadWitness(text); !ok || cmp.Diff(want, got) != "" {
			t.Errorf("%s: %t %s", name, ok, cmp.Diff(want, got))
		}
	}
	c.TreeSize = 0
	for name, text := range map[string]string{
		"none":                 explain.Check(&d, c).Text,
		"text after it":        text + "\nmore",
		"an entry of no tree":  strings.Replace(text, "log entry 7 of 12", "log entry 12 of 12", 1),
		"a number too large":   strings.Replace(text, "log entry 7 of 12", "log entry 7 of 99999999999999999999", 1),
		"a root that is short": strings.Replace(text, root, "AAAA=", 1),
		"nothing":              "",
	} {
		if got, ok := explain.ReadWitness(text); ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
