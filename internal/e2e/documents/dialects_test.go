package documents

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// TestRulesOfOtherDialects: conftest's rules judge the files that a pull request changes, Gatekeeper's constraints its objects, and
// what was wrong before does not block.
func TestRulesOfOtherDialects(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{
		".github/gatehouse.yml": "version: 1\npolicies: {packs: [], paths: [policy]}\napprovals: {required: 0}\n",
		"policy/docker.rego":    "package main\n\ndeny_root[msg] {\n\tinput[_].Cmd == \"user\"\n\tinput[i].Value == [\"root\"]\n\tmsg := \"the image runs as root\"\n}\n",
		"policy/owner.yaml": `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: needsowner}
spec:
  crd: {spec: {names: {kind: NeedsOwner}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package needsowner
        violation[{"msg": "no owner"}] { not input.review.object.metadata.labels.owner }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NeedsOwner
metadata: {name: everything}
spec: {match: {kinds: [{apiGroups: [""], kinds: [ConfigMap]}]}}
`,
		"old/Dockerfile": "FROM debian\nUSER root\n",
		"Dockerfile":     "FROM debian\nUSER app\n",
		"k8s/old.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: old}\n",
	}})
	pr := s.Open("ann", "root", map[string]string{"Dockerfile": "FROM debian\nUSER root\n", "old/Dockerfile": "FROM debian\nUSER root\nRUN true\n"})
	s.Blocked(pr, "completed/failure: Blocked: main.deny_root on Dockerfile")
	s.Says(pr, "the image runs as root")

	pr.Push(githubsim.CommitSpec{Files: map[string]string{
		"Dockerfile": "FROM debian\nUSER app\n", "k8s/new.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new}\n",
	}})
	s.Blocked(pr, "completed/failure: Blocked: NeedsOwner/everything on v1/ConfigMap//new")

	// A file that could be read before and cannot be any more is no pass.
	pr.Push(githubsim.CommitSpec{Files: map[string]string{
		"k8s/new.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new, labels: {owner: ann}}\n", "Dockerfile": "FROM\n",
	}})
	s.Blocked(pr, "completed/failure: Gatehouse could not evaluate: Dockerfile cannot be read for the rules of conftest's dialect: process dockerfile instructions: FROM requires either one or three …")
}
