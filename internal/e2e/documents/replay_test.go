package documents

import (
	"bytes"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

const dataRule = "package main\n\ndeny contains msg if {\n\tinput.kind == \"ConfigMap\"\n\tinput.data.password == data.forbidden[_]\n\tmsg := \"a password that is known\"\n}\n"

// replaying is a site with rules of its own, in two dialects, and a bundle that has data. It changes its rules after the first decision,
// and then has none at all any more, nor is the registry there; whatever was decided is judged again with the rules of its day.
func replaying(t *testing.T) (*place, []store.Decision) {
	r := newLocalRegistry(t)
	a := inFolder(t, map[string]string{"rules/data.rego": dataRule, "rules/data.json": `{"forbidden": ["correct-horse-73"]}`})
	pinned := pushed(a, "oci://"+r.host+"/acme/policies:v1")
	s := newPlace(t, site.Setup{NoServer: true, Files: map[string]string{
		".github/gatehouse.yml":         site.GateFile("  paths: [.gatehouse/policies, docker]\n  bundles: [\"" + pinned + "\"]\n  rules: {ACME-01: {enforcement: warn}}\n"),
		".gatehouse/policies/team.rego": teamRule, ".gatehouse/policies/team.examples.yaml": teamExamples, "docker/docker.rego": dockerRule,
	}})
	s.More = []string{"GATEHOUSE_BUNDLE_HOSTS=" + r.host}
	s.Start()
	s.Open("ann", "bad", map[string]string{
		"k8s/bad.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {hostNetwork: true, containers: []}\n",
		"k8s/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {password: correct-horse-73}\n",
		"Dockerfile":   "FROM debian\nUSER root\n",
	})
	s.Open("ann", "docs", map[string]string{"README.md": "hello\n"})
	s.Settle()
	s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Message: "Other rules", Files: map[string]string{
		".gatehouse/policies/team.rego": strings.Replace(teamRule, "high", "low", 1),
	}})
	s.Open("ann", "later", map[string]string{"k8s/later.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: later}\nspec: {containers: []}\n"})
	s.Settle()
	s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Message: "No rules", Files: map[string]string{".github/gatehouse.yml": "version: 1\n"}})
	s.Settle()
	r.down.Store(true)
	list, _, err := s.DB.Decisions(t.Context(), store.DecisionFilter{}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return s, list
}

func TestReplayRunsTheRulesOfTheDay(t *testing.T) {
	s, list := replaying(t)
	texts, ran := map[string]bool{}, 0
	for _, d := range list {
		recorded, err := s.DB.Decision(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		status, out, errs := s.Run("replay", d.ID)
		if status != site.Pass || out != string(recorded.Decision)+"\n" {
			t.Errorf("#%d: status %d, %s", d.PullRequest, status, errs)
		}
		facts := s.factsOf(d)
		if facts.Evidence == nil {
			if !strings.Contains(errs, "the rules were not run again: there was nothing for rules to judge\n") {
				t.Errorf("#%d: %s", d.PullRequest, errs)
			}
			continue
		}
		ran++
		if !strings.HasPrefix(errs, "judged again with the rules of that day:\n  built-in packs of ") || !strings.HasSuffix(errs, ": what they said then, to the letter\n") {
			t.Errorf("#%d: %s", d.PullRequest, errs)
		}
		for _, kept := range facts.Evidence.Rules {
			texts[kept.Digest] = true
			if !strings.Contains(errs, kept.Name) || !strings.Contains(errs, kept.Digest) {
				t.Errorf("#%d does not name %v: %s", d.PullRequest, kept, errs)
			}
		}
	}
	// The program's, the bundle, two folders, and one of them once more as it was changed: each once, however many decisions they made.
	if ran < 3 || len(texts) != 5 {
		t.Errorf("%d decisions judged with %d texts", ran, len(texts))
	}
	// The bundle's data can be read by nobody who has the database alone.
	for digest := range texts {
		if blob, err := s.DB.Facts(t.Context(), digest); err != nil || bytes.Contains(blob, []byte("correct-horse-73")) {
			t.Errorf("%s, %d bytes: %v", digest, len(blob), err)
		}
	}
	if status, out, errs := s.Run("backtest", "--pack", "none"); status != site.Fail || strings.Contains(out, "cannot be judged again") || errs != "" {
		t.Errorf("the repository's own rules are on record: status %d\n%s%s", status, out, errs)
	}
	if status, out, errs := s.Run("audit", "verify"); status != site.Pass {
		t.Errorf("%s%s", out, errs)
	}
}

// A text that was edited, exchanged or taken away is an error, and nobody guesses; without the key for a bundle's data, the recorded
// findings count.
func TestReplayOfWhatWasTamperedWith(t *testing.T) {
	s, list := replaying(t)
	first := list[len(list)-1]
	for _, d := range list {
		if d.PullRequest == 1 {
			first = d
		}
	}
	facts := s.factsOf(first)
	s.Stop()
	status, _, errs := s.Run("replay", first.ID, "--gatehouse-signing-key-file", s.File("other.key", otherKeyText(t)))
	if status != site.Pass || !strings.Contains(errs, "the rules were not run again: ") || !strings.Contains(errs, "sealed with the server's key") {
		t.Errorf("another key: status %d, %s", status, errs)
	}
	url := "sqlite:" + filepath.Join(s.Dir, "gatehouse.db")
	own := "'" + facts.Evidence.Rules[1].Digest + "'"
	storetest.Exec(t, url, "CREATE TABLE aside AS SELECT * FROM blobs WHERE digest = "+own)
	for _, c := range []struct{ name, statement, replay, verify string }{
		{"exchanged", "UPDATE blobs SET (data, size) = (SELECT data, size FROM blobs WHERE digest = '" + facts.Evidence.Rules[2].Digest + "') WHERE digest = " + own,
			"the database was damaged or changed", "is not what the log says"},
		{"taken away", "DELETE FROM blobs WHERE digest = " + own, "no entry of the log says that it was dropped", "is not what the log says"},
		{"taken away from the decision", "INSERT INTO blobs SELECT * FROM aside; DELETE FROM decision_blobs WHERE digest = " + own, "", "is missing among what the rules saw"},
	} {
		storetest.Exec(t, url, c.statement)
		status, out, errs := s.Run("replay", first.ID)
		if c.replay != "" && (status == site.Pass || !strings.Contains(errs, c.replay)) {
			t.Errorf("%s: status %d\n%s%s", c.name, status, out, errs)
		}
		if status, out, errs := s.Run("audit", "verify"); status != site.Fail || !strings.Contains(out+errs, c.verify) {
			t.Errorf("%s: audit verify: status %d\n%s%s", c.name, status, out, errs)
		}
	}
}

func otherKeyText(t *testing.T) string {
	t.Helper()
	signer, err := ledger.GenerateSigner(rand.Reader, "gatehouse/localhost")
	if err != nil {
		t.Fatal(err)
	}
	return signer.Text() + "\n"
}
