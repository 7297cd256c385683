package github

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/cli"
	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// needed are the permissions and events of an App as it should be.
func needed() (permissions map[string]string, events []string) {
	permissions = map[string]string{}
	for _, n := range forge.Needs() {
		permissions[n.Name] = n.Level
		events = append(events, n.Events...)
	}
	return permissions, events
}

// healthy is a site whose App has all that it needs, and a webhook that arrives.
func healthy(t *testing.T) *place {
	s := newPlace(t, site.Setup{})
	permissions, events := needed()
	s.App.SetRequests(permissions, events)
	s.Installation.SetPermissions(permissions, events)
	s.More = []string{"GATEHOUSE_PUBLIC_URL=" + s.URL}
	s.Settle()
	return s
}

// doctor runs `gatehouse doctor` with the server's settings and returns what is not ok, a line each.
func (s *place) doctor(args ...string) (status int, wrong []string) {
	s.T.Helper()
	status, out, log := s.Run(append([]string{"doctor", "-o", "json"}, args...)...)
	var report struct {
		State    string
		Findings []struct{ Subject, Point, State, Says, Do string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		s.T.Fatalf("status %d: %v\n%s%s", status, err, out, log)
	}
	for _, f := range report.Findings {
		if f.State != "ok" {
			wrong = append(wrong, strings.TrimSpace(fmt.Sprintf("%s %s", f.Subject, f.Point))+"="+f.State)
		}
		if f.Says == "" || (f.Do == "") != (f.State == "ok") {
			s.T.Errorf("a line that does not say what is and what to do: %+v", f)
		}
	}
	return status, wrong
}

func TestDoctor(t *testing.T) {
	s := healthy(t)
	s.Repo.Protect("main", s.binding())
	s.Settle()
	expect := func(status int, wants ...string) {
		t.Helper()
		got, wrong := s.doctor()
		if diff := cmp.Diff(wants, wrong); diff != "" || got != status {
			t.Errorf("status %d (-want +got):\n%s", got, diff)
		}
	}
	expect(site.Pass)
	if status, out, _ := s.Run("doctor"); status != site.Pass || !strings.Contains(out, "Protection of acme/infra main\n  ok       required: Required by branch protection.\n") ||
		!strings.Contains(out, "0 problems, 0 unknown") {
		t.Errorf("status %d:\n%s", status, out)
	}

	weak := s.binding()
	weak.EnforceAdmins = false
	s.Repo.Protect("main", weak)
	expect(site.Fail, "acme/infra main administrators=problem")

	s.App.SetRequests(map[string]string{"checks": "write", "contents": "read"}, []string{"push"})
	s.Installation.SetPermissions(map[string]string{"checks": "read", "contents": "read"}, []string{"push"})
	expect(site.Fail, "permissions=problem", "events=problem", "acme permissions=problem", "acme events=problem",
		"acme/infra main administrators=unknown", "acme/infra main reviews=unknown", "acme/infra main stale=unknown",
		"acme/infra main force-push=unknown", "acme/infra main deletion=unknown")
	permissions, events := needed()
	s.App.SetRequests(permissions, events)
	s.Installation.SetPermissions(permissions, events)
	s.Repo.Protect("main", s.binding())

	// A webhook that goes elsewhere, and whose deliveries fail.
	s.App.SetWebhook("http://127.0.0.1:1/webhooks/github", site.Secret)
	s.Repo.Commit("topic", githubsim.CommitSpec{Author: "ann", Files: map[string]string{"a": "b"}})
	s.Settle()
	expect(site.Fail, "address=problem", "deliveries=problem")

	// Somebody else's repository.
	if status, wrong := s.doctor("--repository", "acme/nothing"); status != site.Fail || !cmp.Equal(wrong[len(wrong)-1], "acme/nothing installed=problem") {
		t.Errorf("status %d: %v", status, wrong)
	}
	s.Installation.Suspend()
	if _, wrong := s.doctor(); !cmp.Equal(wrong[len(wrong)-1], "acme installed=problem") {
		t.Errorf("suspended: %v", wrong)
	}
	s.Installation.Uninstall()
	if _, wrong := s.doctor(); !cmp.Equal(wrong[len(wrong)-1], "installed=problem") {
		t.Errorf("uninstalled: %v", wrong)
	}
}

func TestDoctorFixes(t *testing.T) {
	s := healthy(t)
	s.Repo.Unprotect("main")
	everything := []string{
		"acme/infra main required=problem", "acme/infra main pinned=problem", "acme/infra main administrators=problem", "acme/infra main bypass=problem",
		"acme/infra main reviews=problem", "acme/infra main stale=problem", "acme/infra main force-push=problem", "acme/infra main deletion=problem",
	}
	if status, wrong := s.doctor(); status != site.Fail || !cmp.Equal(everything, wrong) {
		t.Fatalf("status %d: %v", status, wrong)
	}
	fix := func(who, says string, args ...string) (int, string, string) {
		s.T.Helper()
		s.More = append(s.More[:1:1], "GITHUB_TOKEN="+s.GitHub.AddUserToken(who))
		var stdout, stderr bytes.Buffer
		status := cli.Run(t.Context(), cli.Surroundings{In: strings.NewReader(says), Out: &stdout, Err: &stderr, Environ: s.Environ()}, append([]string{"doctor", "--fix"}, args...)...)
		return status, stdout.String(), stderr.String()
	}
	if status, _, log := s.Run("doctor", "--fix"); status != site.Usage || !strings.Contains(log, "GITHUB_TOKEN") {
		t.Errorf("without a token: %d %s", status, log)
	}
	if status, out, _ := fix("ann", "", "--yes"); status != site.Fail || !strings.Contains(out, "acme/infra: your token may not administer it, so nothing is changed there.") {
		t.Errorf("who may only write: %d\n%s", status, out)
	}
	if status, out, _ := fix("vic", "no\n"); status != site.Fail || !strings.Contains(out, "require the check gatehouse, from App") || !strings.Contains(out, "Nothing was changed.") {
		t.Errorf("who says no: %d\n%s", status, out)
	}
	if status, _, log := fix("vic", ""); status != site.Usage || !strings.Contains(log, "nobody said yes") {
		t.Errorf("who says nothing: %d %s", status, log)
	}
	if _, wrong := s.doctor(); !cmp.Equal(everything, wrong) {
		t.Errorf("something was changed: %v", wrong)
	}
	if status, out, log := fix("vic", "y\n", "--repository", "acme/infra"); status != site.Pass || !strings.Contains(out, "acme/infra: written; the check binds everybody.") {
		t.Fatalf("status %d:\n%s%s", status, out, log)
	}
	if status, wrong := s.doctor(); status != site.Pass {
		t.Errorf("with the token: %d %v", status, wrong)
	}
	if status, out, _ := fix("vic", "", "--yes"); status != site.Pass || !strings.Contains(out, "There is nothing that --fix can do.") {
		t.Errorf("a second time: %d\n%s", status, out)
	}
	// Without it, GitHub does not say whom the ruleset excepts: unknown is not fine.
	s.More = s.More[:1]
	if status, wrong := s.doctor(); status != site.Fail || !cmp.Equal([]string{"acme/infra main administrators=unknown", "acme/infra main bypass=unknown"}, wrong) {
		t.Errorf("without the token: %d %v", status, wrong)
	}

	// It binds: not even an administrator merges over a failing check.
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Blocked(pr, site.SSHBlocked)
	if _, err := pr.Merge("vic", githubsim.MergeOptions{}); err == nil {
		t.Error("an administrator merges over the failing check")
	}
}

func TestDoctorWithoutGitHub(t *testing.T) {
	s := newPlace(t, site.Setup{NoServer: true})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	s.More = []string{"GITHUB_API_URL=http://" + nobody}
	if status, _, log := s.Run("doctor"); status != site.Outside || !strings.Contains(log, "could not be asked") {
		t.Errorf("GitHub is away: %d %s", status, log)
	}
	s.More = []string{"GITHUB_APP_ID=" + fmt.Sprint(s.App.ID()+1)}
	if status, wrong := s.doctor(); status != site.Fail || !cmp.Equal([]string{"credentials=problem"}, wrong) {
		t.Errorf("another App's id: %d %v", status, wrong)
	}
	s.More = []string{"GITHUB_APP_ID=", "GITHUB_WEBHOOK_SECRET="}
	if status, _, log := s.Run("doctor"); status != site.Usage || !strings.Contains(log, "GITHUB_APP_ID") {
		t.Errorf("without an App: %d %s", status, log)
	}
	for _, args := range [][]string{{"-o", "xml"}, {"--repository", "acme"}, {"--fix", "--reviews", "11"}, {"--fix", "-o", "json"}} {
		if status, _, _ := s.Run(append([]string{"doctor"}, args...)...); status != site.Usage {
			t.Errorf("%v: %d", args, status)
		}
	}
}

// The guide names every permission and event that the program asks for.
func TestInstallGuideNamesWhatIsNeeded(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(filepath.Join(site.Root, "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range forge.Needs() {
		row := ""
		for line := range strings.Lines(string(guide)) {
			if strings.HasPrefix(line, "| "+n.Title+" |") {
				row = strings.ToLower(strings.ReplaceAll(line, " ", "_"))
			}
		}
		for _, event := range n.Events {
			if !strings.Contains(row, event) {
				t.Errorf("docs/install.md has no row of %s with the event %s", n.Title, event)
			}
		}
	}
}
