package rules_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

const sshRule = `# METADATA
# title: SSH is closed
# description: A short reason.
# custom:
#   id: ACME-01
#   severity: critical
#   remedy: Close it.
#   inspects: {terraform: [aws_security_group]}
#   parameters:
#     ports: {default: [22], description: Ports that must be closed.}
package acme.ssh

deny contains {"message": sprintf("port %d is open", [rule.port]), "path": sprintf("ingress[%d]", [i])} if {
	some i, rule in input.resource.ingress
	rule.port in data.parameters.ports
	"0.0.0.0/0" in rule.cidrs
}
`

func dirOf(files map[string]string) rules.Dir {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return rules.Dir{Name: "own", FS: fsys}
}

func TestEvaluateFindsAndCompares(t *testing.T) {
	t.Parallel()
	e, err := rules.New(t.Context(), rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{"ssh.rego": sshRule})}})
	if err != nil {
		t.Fatal(err)
	}
	open := json.RawMessage(`{"ingress":[{"port":22,"cidrs":["0.0.0.0/0"]}]}`)
	twice := json.RawMessage(`{"ingress":[{"port":22,"cidrs":["0.0.0.0/0"]},{"port":22,"cidrs":["0.0.0.0/0"]}]}`)
	doc := func(name string, before, after json.RawMessage, actions ...string) gate.Document {
		return gate.Document{
			Kind: "terraform", Type: "aws_security_group", Name: name, Resource: "aws_security_group." + name,
			Set: "plan", File: "plan.json", Line: 3, Actions: actions, Before: before, After: after,
		}
	}
	got := e.Evaluate(context.Background(), rules.Input{Documents: []gate.Document{
		doc("new", nil, open, "create"), doc("old", open, open, "no-op"), doc("more", open, twice, "update"), doc("gone", open, nil, "delete"),
	}})
	finding := func(name, path, status string) gate.Finding {
		return gate.Finding{
			Rule: "ACME-01", Title: "SSH is closed", Severity: "critical", Enforcement: "deny", Status: status,
			Resource: "aws_security_group." + name, Kind: "terraform", File: "plan.json", Line: 3, Path: path,
			Message: "port 22 is open", Remedy: "Close it.",
		}
	}
	want := gate.Evaluation{
		Documents: 4, Rules: 1, Policy: gate.Policy{Digest: e.Digest()},
		Findings: []gate.Finding{
			finding("more", "ingress[0]", "existing"), finding("more", "ingress[1]", "new"),
			finding("new", "ingress[0]", "new"), finding("old", "ingress[0]", "existing"),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
