package documents

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

const bundledRules = `# METADATA
# title: Everything has an owner
# custom:
#   id: ACME-01
#   severity: high
#   remedy: Add the label owner.
#   inspects: {kubernetes: [ConfigMap]}
package acme.owner

deny contains "has no label owner" if not input.resource.metadata.labels.owner
`

// bundled is a site whose server may fetch from a registry of this machine, with rules in a bundle there. The configuration is what
// configure makes of the bundle's reference, with and without its digest.
func bundled(t *testing.T, configure func(a *at, ref, pinned string) string) (*place, *localRegistry, *at) {
	t.Helper()
	r := newLocalRegistry(t)
	a := inFolder(t, map[string]string{"rules/owner.rego": bundledRules})
	ref := "oci://" + r.host + "/acme/policies:v1"
	pinned := pushed(a, ref)
	s := newPlace(t, site.Setup{NoServer: true, Files: map[string]string{
		".github/gatehouse.yml": "version: 1\napprovals: {required: 0}\npolicies:\n  packs: []\n  bundles: [" + configure(a, ref, pinned) + "]\n",
	}})
	s.More = []string{"GATEHOUSE_BUNDLE_HOSTS=" + r.host}
	return s, r, a
}

func pushed(a *at, ref string, more ...string) string {
	a.t.Helper()
	status, out, said := a.run(append([]string{"rules", "push", ref, filepath.Join(a.dir, "rules")}, more...)...)
	if status != site.Pass {
		a.t.Fatalf("push: status %d: %s", status, said)
	}
	return strings.TrimSpace(out)
}

// TestBundlesOfRules: a bundle's rules block like the repository's own, and once it is on disk its registry is not needed.
func TestBundlesOfRules(t *testing.T) {
	s, r, _ := bundled(t, func(_ *at, _, pinned string) string { return `"` + pinned + `"` })
	s.Start()
	pr := s.Open("ann", "one", map[string]string{"k8s/a.yaml": ownless})
	s.Blocked(pr, "completed/failure: Blocked: ACME-01 on v1/ConfigMap//a")
	s.Says(pr, "has no label owner")
	r.down.Store(true)
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"k8s/a.yaml": owned}})
	s.Merges(pr, "completed/success: All clear: N documents, N rules")

	s.Stop()
	s.Start() // what is known is on disk
	again := s.Open("ann", "two", map[string]string{"k8s/b.yaml": strings.Replace(ownless, "name: a", "name: b", 1)})
	s.Blocked(again, "completed/failure: Blocked: ACME-01 on v1/ConfigMap//b")
	if _, facts := s.lastFacts(again); len(facts.Bundles) != 1 || facts.Bundles[0].Name != r.host+"/acme/policies:v1" || !strings.HasPrefix(facts.Bundles[0].Digest, "sha256:") {
		t.Errorf("%+v", facts.Bundles)
	}
}

// TestABundleThatIsNotToBeHad: the check says which one and why at once, and turns by itself when the registry is back.
func TestABundleThatIsNotToBeHad(t *testing.T) {
	s, r, _ := bundled(t, func(_ *at, _, pinned string) string { return `"` + pinned + `"` })
	r.down.Store(true)
	s.Start()
	pr := s.Open("ann", "one", map[string]string{"k8s/a.yaml": owned})
	s.Until("the error", func() bool { return s.Comment(pr) != "" })
	s.Says(pr, r.host+"/acme/policies:v1@", "cannot be used: the registry is out of order (503)", "Gatehouse goes on trying.")
	r.down.Store(false)
	s.Merges(pr, "completed/success: All clear: N documents, N rules")
}

// TestSignedBundles: a tag that moves counts as far as it is signed by the key of the server's.
func TestSignedBundles(t *testing.T) {
	var private, other, keys string
	s, r, a := bundled(t, func(a *at, ref, _ string) string {
		var public string
		private, _, public = a.keyFiles("acme")
		other, _, _ = a.keyFiles("other")
		keys = a.write("keys.yaml", "acme-2026:\n  key: |\n    "+strings.ReplaceAll(strings.TrimSpace(public), "\n", "\n    ")+"\n")
		return `{url: "` + ref + `", signature: {key_id: acme-2026}}`
	})
	ref := "oci://" + r.host + "/acme/policies:v1"
	s.More = append(s.More, "GATEHOUSE_BUNDLE_KEYS="+keys)
	s.Start()
	pr := s.Open("ann", "one", map[string]string{"k8s/a.yaml": owned})
	s.Settle()
	if state := s.State(pr.HeadSHA()); !strings.HasPrefix(state, "completed/failure: Gatehouse could not evaluate: .github/gatehouse.yml the bundle "+ref+" cannot be used: it is not signed") {
		t.Error(state)
	}
	pushed(a, ref, "--signing-key", other, "--key-id", "acme-2026")
	pr.Comment("ann", "/gatehouse recheck")
	s.Settle()
	s.Says(pr, "its signature does not verify")
	pushed(a, ref, "--signing-key", private, "--key-id", "acme-2026")
	pr.Comment("ann", "/gatehouse recheck")
	s.Merges(pr, "completed/success: All clear: N documents, N rules")
}

// TestRulesOfAnotherRepository: a branch is followed, and the commit is in the record; what the App may not read is an error.
func TestRulesOfAnotherRepository(t *testing.T) {
	s := newPlace(t, site.Setup{NoServer: true, Files: map[string]string{
		".github/gatehouse.yml": "version: 1\napprovals: {required: 0}\npolicies: {packs: [], bundles: [{repository: acme/policies, ref: main, path: rego}]}\n",
	}})
	policies := s.GitHub.CreateRepo(githubsim.RepoSpec{Owner: "acme", Name: "policies", Private: true, Files: map[string]string{"README.md": "rules", "rego/owner.rego": bundledRules}})
	s.Start()
	pr := s.Open("ann", "one", map[string]string{"k8s/a.yaml": ownless})
	s.Settle()
	s.Says(pr, "the bundle acme/policies/rego cannot be used: ")
	s.Installation.AddRepos(policies)
	pr.Comment("ann", "/gatehouse recheck")
	s.Blocked(pr, "completed/failure: Blocked: ACME-01 on v1/ConfigMap//a")
	commit := policies.Commit("main", githubsim.CommitSpec{Author: "vic", Message: "Milder", Files: map[string]string{"rego/owner.rego": strings.Replace(bundledRules, "deny contains", "warn contains", 1)}})
	pr.Comment("ann", "/gatehouse recheck")
	s.Merges(pr, "completed/success: Passed with 1 warning: N documents, N rules")
	want := []gate.Bundle{{Name: "acme/policies/rego", Commit: commit}}
	if _, facts := s.lastFacts(pr); !cmp.Equal(want, facts.Bundles) {
		diff := cmp.Diff(want, facts.Bundles)
		t.Error(diff)
	}
}

// TestProposedRulesMayBuildOnABundle: the rules that a pull request changes are tried beside the bundles in force.
func TestProposedRulesMayBuildOnABundle(t *testing.T) {
	r := newLocalRegistry(t)
	a := inFolder(t, map[string]string{"rules/lib.rego": "package acme.lib\n\nowned(o) if o.metadata.labels.owner\n"})
	// A bundle of helpers alone holds no rules, so it brings one of conftest's.
	a.write("rules/main.rego", "package main\n\nwarn contains \"x\" if input.nothing\n")
	pinned := pushed(a, "oci://"+r.host+"/acme/lib:v1")
	rule := strings.Replace(bundledRules, "package acme.owner\n", "package acme.owner\n\nimport data.acme.lib\n", 1)
	rule = strings.Replace(rule, "if not input.resource.metadata.labels.owner", "if not lib.owned(input.resource)", 1)
	s := newPlace(t, site.Setup{NoServer: true, Files: map[string]string{
		".github/gatehouse.yml": "version: 1\napprovals: {required: 0}\npolicies:\n  packs: []\n  paths: [policy]\n  bundles: [\"" + pinned + "\"]\n",
		"policy/owner.rego":     rule,
		"policy/owner.examples.yaml": "bad:\n  - name: without\n    kubernetes: |\n      {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n" +
			"    findings:\n      - {resource: v1/ConfigMap//a, message: \"has no label owner\"}\ngood: []\n",
	}})
	s.More = []string{"GATEHOUSE_BUNDLE_HOSTS=" + r.host}
	s.Start()
	pr := s.Open("ann", "one", map[string]string{"policy/owner.rego": strings.Replace(rule, "severity: high", "severity: medium", 1)})
	s.Merges(pr, "completed/success: All clear: nothing to judge")
}
