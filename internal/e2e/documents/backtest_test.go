package documents

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/backtest"
	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// folder writes files into a new folder, and names it.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const dockerRule = "package main\n\ndeny_root[msg] {\n\tinput[_].Cmd == \"user\"\n\tinput[i].Value == [\"root\"]\n\tmsg := \"the image runs as root\"\n}\n"

// samePolicy makes a copy of a decision in which the rules' names for themselves are left out.
func samePolicy(t *testing.T, text []byte) string {
	t.Helper()
	var d gate.Decision
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	d.Policy.Digest = ""
	out, err := ledger.Canonical(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Whatever was decided comes out the same when the same rules judge what is on record: plans, manifests, whole files, waivers,
// approvals and all; and other rules say what they would have said.
func TestBacktest(t *testing.T) {
	own := map[string]string{"team.rego": teamRule, "docker.rego": dockerRule}
	files := map[string]string{
		".github/gatehouse.yml":                  site.GateFile("  paths: [.gatehouse/policies]\n  rules: {PSS-B-HostPorts: {enforcement: warn}}\n"),
		"Dockerfile":                             "FROM debian\nUSER app\n",
		".github/gatehouse-waivers.yml":          "- {rule: ACME-01, resource: v1/Pod//w*, reason: old, owner: ann, expires: " + time.Now().AddDate(0, 1, 0).Format("2006-01-02") + "}\n",
		"k8s/old.yaml":                           "apiVersion: v1\nkind: Pod\nmetadata: {name: old}\nspec: {containers: []}\n",
		".gatehouse/policies/team.examples.yaml": teamExamples,
	}
	for name, content := range own {
		files[".gatehouse/policies/"+name] = content
	}
	s := newPlace(t, site.Setup{Files: files})
	team := "apiVersion: v1\nkind: Pod\nmetadata: {name: %, labels: {team: x}}\nspec: {hostNetwork: false, containers: []}\n"
	good := s.Open("ann", "good", map[string]string{"k8s/good.yaml": strings.ReplaceAll(team, "%", "good")})
	good.Approve("mei")
	s.Open("ann", "bad", map[string]string{"k8s/bad.yaml": strings.ReplaceAll(strings.ReplaceAll(team, "%", "bad"), ", labels: {team: x}", "")})
	s.Open("ann", "waived", map[string]string{"k8s/w.yaml": strings.ReplaceAll(strings.ReplaceAll(team, "%", "w1"), ", labels: {team: x}", "")})
	s.Open("ann", "ssh", site.Story(t, "ssh-open"))
	s.Open("ann", "database", site.Story(t, "database"))
	s.Open("ann", "privileged", site.Story(t, "privileged"))
	s.Open("ann", "root", map[string]string{"Dockerfile": "FROM debian\nUSER root\n"})
	s.Open("ann", "docs", map[string]string{"README.md": "hello\n"})
	broken := s.Open("ann", "broken", map[string]string{"k8s/old.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: [\n"})
	s.Settle()

	same := folder(t, own)
	list, _, err := s.DB.Decisions(context.Background(), store.DecisionFilter{}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 9 {
		t.Errorf("only %d decisions", len(list))
	}
	for _, d := range list {
		recorded, err := s.DB.Decision(context.Background(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		status, out, errs := s.Run("replay", d.ID, "--policy", same)
		if status != site.Pass || errs != "" {
			t.Errorf("#%d %s: status %d, %s", d.PullRequest, d.Title, status, errs)
		}
		if diff := cmp.Diff(samePolicy(t, recorded.Decision), samePolicy(t, []byte(out))); diff != "" {
			t.Errorf("#%d %s (-recorded +again):\n%s", d.PullRequest, d.Title, diff)
		}
	}
	status, out, errs := s.Run("backtest", "--policy", same)
	if status != site.Pass || !strings.Contains(out, "8 the same, 0 with another verdict, 0 for other reasons, 1 not judged") ||
		!strings.Contains(out, "acme/infra#9  it could not be evaluated then: k8s/old.yaml:") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}

	// A label less to ask for, and a rule that asks for approvals of a team of which the record knows nothing.
	other := folder(t, map[string]string{"db.rego": `# METADATA
# title: The platform team owns the network
# custom:
#   id: ACME-02
#   severity: high
#   remedy: Ask them.
#   inspects: {terraform: [aws_security_group], kubernetes: [Pod]}
package acme.network

require_approval contains {"count": 1, "teams": ["acme/platform"], "reason": "the network"} if input.type == "aws_security_group"

deny contains "is named good" if input.resource.metadata.name == "good"
`})
	status, out, errs = s.Run("backtest", "--policy", other, "-o", "json", "--since", "1d", "--repository", "acme/infra")
	var report struct {
		Since  time.Time
		Policy []string
		backtest.Report
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || status != site.Fail {
		t.Fatalf("status %d, %v\n%s%s", status, err, out, errs)
	}
	got := map[string]backtest.Difference{}
	for _, d := range report.Different {
		for i := range d.New {
			d.New[i].Line = 0
		}
		got[d.Title] = d.Difference
	}
	team1 := func(pod, effect string) []backtest.Finding {
		return []backtest.Finding{{Rule: "ACME-01", Resource: "v1/Pod//" + pod, Effect: effect, Message: "has no label team; wanted: one", File: "k8s/" + pod[:len(pod)-len(strings.TrimLeft(pod, "abdw"))] + ".yaml", Line: 1}}
	}
	none, nobody := []backtest.Finding{}, []backtest.Asked{}
	want := map[string]backtest.Difference{
		"Change good": {Before: gate.Pass, After: gate.Fail, Gone: none, Asked: nobody, NotAsked: nobody, Older: -2,
			New: []backtest.Finding{{Rule: "ACME-02", Resource: "v1/Pod//good", Effect: "blocks", Message: "is named good", File: "k8s/good.yaml"}}},
		"Change bad":    {Before: gate.Fail, After: gate.Wait, New: none, Gone: team1("bad", "blocks"), Asked: nobody, NotAsked: nobody, Older: -2},
		"Change waived": {Before: gate.Wait, After: gate.Wait, New: none, Gone: team1("w1", "waived"), Asked: nobody, NotAsked: nobody, Older: -2},
	}
	for name, d := range want {
		if diff := cmp.Diff(d, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	ssh := got["Change ssh"]
	if len(ssh.Asked) != 1 || ssh.Asked[0].Reason != "aws_security_group.web: the network" || ssh.Asked[0].Met ||
		!cmp.Equal(ssh.Notes, []string{"who is in acme/platform is not on record, so its approvals count as missing"}) {
		t.Errorf("ssh: %+v", ssh)
	}
	if root := got["Change root"]; root.Before != gate.Fail || root.After != gate.Wait {
		t.Errorf("root: %+v", root)
	}
	if len(report.NotJudged) != 1 || report.NotJudged[0].PullRequest != broken.Number() || report.PullRequests != 9 {
		t.Errorf("%+v", report.NotJudged)
	}
	d, _ := s.lastFacts(good)
	status, out, errs = s.Run("replay", d.ID, "--policy", other)
	if status != site.Fail || !strings.Contains(errs, "new   blocks ACME-02 v1/Pod//good: is named good\n") || !strings.Contains(out, `"ACME-02"`) {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

// What stands in the way is said: rules that do not load, a repository whose own rules are not given, whole files that nobody read, and
// a record from which things were dropped.
func TestBacktestRefuses(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{
		".github/gatehouse.yml":         site.GateFile("  paths: [.gatehouse/policies]\n"),
		".gatehouse/policies/team.rego": teamRule, "Dockerfile": "FROM debian\n", "k8s/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
	}})
	pr := s.Open("ann", "docker", map[string]string{"Dockerfile": "FROM debian\nUSER root\n"})
	s.Settle()
	d, facts := s.lastFacts(pr)
	good, docker := folder(t, map[string]string{"team.rego": teamRule}), folder(t, map[string]string{"docker.rego": dockerRule})
	for name, c := range map[string]struct {
		args   []string
		status int
		out    string
		errs   string
	}{
		"no rules":         {[]string{"backtest"}, site.Usage, "", "--policy DIR is missing"},
		"no such folder":   {[]string{"backtest", "--policy", filepath.Join(good, "none")}, site.Usage, "", "it is no folder"},
		"no such time":     {[]string{"backtest", "--policy", good, "--since", "soon"}, site.Usage, "", `--since is "soon"; wanted: an age such as 90d`},
		"no such format":   {[]string{"backtest", "--policy", good, "-o", "csv"}, site.Usage, "", "text or json"},
		"broken rules":     {[]string{"backtest", "--policy", folder(t, map[string]string{"a.rego": "package a\n\ndeny {"})}, site.Usage, "", "a.rego:"},
		"a broken setting": {[]string{"replay", d.ID, "--config", filepath.Join(good, "team.rego")}, site.Usage, "", "team.rego"},
		"no such decision": {[]string{"replay", "d-000000000000", "--policy", good}, site.Usage, "", `there is no decision "d-000000000000"`},
		"own rules":        {[]string{"backtest", "--pack", "all"}, site.Pass, "1 the same, 0 with another verdict", ""},
		"whole files":      {[]string{"backtest", "--policy", docker}, site.Pass, "none were read when the decision was made", ""},
		"nothing":          {[]string{"backtest", "--policy", good, "--repository", "acme/other"}, site.Pass, "0 pull requests", ""},
	} {
		status, out, errs := s.Run(c.args...)
		if status != c.status || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) {
			t.Errorf("%s: status %d\n%s%s", name, status, out, errs)
		}
	}
	s.Stop()
	exec := func(statement string) {
		t.Helper()
		storetest.Exec(t, "sqlite:"+filepath.Join(s.Dir, "gatehouse.db"), statement)
	}
	exec("DELETE FROM blobs WHERE digest = '" + facts.Evidence.Digest + "'")
	if status, _, errs := s.Run("replay", d.ID, "--policy", good); status != site.Usage || !strings.Contains(errs, "what its rules saw was dropped by age") {
		t.Errorf("status %d, %s", status, errs)
	}
	if status, _, errs := s.Run("replay", d.ID); status != site.Usage || !strings.Contains(errs, "no entry of the log says that it was dropped") {
		t.Errorf("without other rules: status %d, %s", status, errs)
	}
	exec("DELETE FROM blobs WHERE digest = '" + d.FactsDigest + "'")
	if status, out, errs := s.Run("backtest", "--policy", good); status != site.Pass || !strings.Contains(out, "its facts were dropped by age") {
		t.Errorf("status %d, %s%s", status, out, errs)
	}
}
