package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
func healthy(t *testing.T) *site {
	s := newSite(t, setup{})
	permissions, events := needed()
	s.app.SetRequests(permissions, events)
	s.in.SetPermissions(permissions, events)
	s.more = []string{"GATEHOUSE_PUBLIC_URL=" + s.url}
	s.settle()
	return s
}

// doctor runs `gatehouse doctor` with the server's settings and returns what is not ok, a line each.
func (s *site) doctor(args ...string) (status int, wrong []string) {
	s.t.Helper()
	status, out, log := s.gatehouse(append([]string{"doctor", "-o", "json"}, args...)...)
	var report struct {
		State    string
		Findings []finding
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		s.t.Fatalf("status %d: %v\n%s%s", status, err, out, log)
	}
	for _, f := range report.Findings {
		if f.State != "ok" {
			wrong = append(wrong, strings.TrimSpace(fmt.Sprintf("%s %s", f.Subject, f.Point))+"="+string(f.State))
		}
		if f.Says == "" || (f.Do == "") != (f.State == "ok") {
			s.t.Errorf("a line that does not say what is and what to do: %+v", f)
		}
	}
	return status, wrong
}

func TestE2EDoctor(t *testing.T) {
	s := healthy(t)
	s.repo.Protect("main", s.binding())
	s.settle()
	expect := func(status int, wants ...string) {
		t.Helper()
		got, wrong := s.doctor()
		if diff := cmp.Diff(wants, wrong); diff != "" || got != status {
			t.Errorf("status %d (-want +got):\n%s", got, diff)
		}
	}
	expect(exitPass)
	if status, out, _ := s.gatehouse("doctor"); status != exitPass || !strings.Contains(out, "Protection of acme/infra main\n  ok       required: Required by branch protection.\n") ||
		!strings.Contains(out, "0 problems, 0 unknown") {
		t.Errorf("status %d:\n%s", status, out)
	}

	weak := s.binding()
	weak.EnforceAdmins = false
	s.repo.Protect("main", weak)
	expect(exitFail, "acme/infra main administrators=problem")

	s.app.SetRequests(map[string]string{"checks": "write", "contents": "read"}, []string{"push"})
	s.in.SetPermissions(map[string]string{"checks": "read", "contents": "read"}, []string{"push"})
	expect(exitFail, "permissions=problem", "events=problem", "acme permissions=problem", "acme events=problem",
		"acme/infra main administrators=unknown", "acme/infra main reviews=unknown", "acme/infra main stale=unknown",
		"acme/infra main force-push=unknown", "acme/infra main deletion=unknown")
	permissions, events := needed()
	s.app.SetRequests(permissions, events)
	s.in.SetPermissions(permissions, events)
	s.repo.Protect("main", s.binding())

	// A webhook that goes elsewhere, and whose deliveries fail.
	s.app.SetWebhook("http://127.0.0.1:1/webhooks/github", e2eSecret)
	s.repo.Commit("topic", githubsim.CommitSpec{Author: "ann", Files: map[string]string{"a": "b"}})
	s.settle()
	expect(exitFail, "address=problem", "deliveries=problem")

	// Somebody else's repository.
	if status, wrong := s.doctor("--repository", "acme/nothing"); status != exitFail || !cmp.Equal(wrong[len(wrong)-1], "acme/nothing installed=problem") {
		t.Errorf("status %d: %v", status, wrong)
	}
	s.in.Suspend()
	if _, wrong := s.doctor(); !cmp.Equal(wrong[len(wrong)-1], "acme installed=problem") {
		t.Errorf("suspended: %v", wrong)
	}
	s.in.Uninstall()
	if _, wrong := s.doctor(); !cmp.Equal(wrong[len(wrong)-1], "installed=problem") {
		t.Errorf("uninstalled: %v", wrong)
	}
}

func TestE2EDoctorFixes(t *testing.T) {
	s := healthy(t)
	s.repo.Unprotect("main")
	everything := []string{
		"acme/infra main required=problem", "acme/infra main pinned=problem", "acme/infra main administrators=problem", "acme/infra main bypass=problem",
		"acme/infra main reviews=problem", "acme/infra main stale=problem", "acme/infra main force-push=problem", "acme/infra main deletion=problem",
	}
	if status, wrong := s.doctor(); status != exitFail || !cmp.Equal(everything, wrong) {
		t.Fatalf("status %d: %v", status, wrong)
	}
	fix := func(who, says string, args ...string) (int, string, string) {
		s.t.Helper()
		s.more = append(s.more[:1:1], "GITHUB_TOKEN="+s.gh.AddUserToken(who))
		var stdout, stderr bytes.Buffer
		w := &world{in: strings.NewReader(says), out: &stdout, err: &stderr, environ: s.environ(), clock: time.Now}
		status := w.run(t.Context(), append([]string{"doctor", "--fix"}, args...))
		return status, stdout.String(), stderr.String()
	}
	if status, _, log := s.gatehouse("doctor", "--fix"); status != exitUsage || !strings.Contains(log, "GITHUB_TOKEN") {
		t.Errorf("without a token: %d %s", status, log)
	}
	if status, out, _ := fix("ann", "", "--yes"); status != exitFail || !strings.Contains(out, "acme/infra: your token may not administer it, so nothing is changed there.") {
		t.Errorf("who may only write: %d\n%s", status, out)
	}
	if status, out, _ := fix("vic", "no\n"); status != exitFail || !strings.Contains(out, "require the check gatehouse, from App") || !strings.Contains(out, "Nothing was changed.") {
		t.Errorf("who says no: %d\n%s", status, out)
	}
	if status, _, log := fix("vic", ""); status != exitUsage || !strings.Contains(log, "nobody said yes") {
		t.Errorf("who says nothing: %d %s", status, log)
	}
	if _, wrong := s.doctor(); !cmp.Equal(everything, wrong) {
		t.Errorf("something was changed: %v", wrong)
	}
	if status, out, log := fix("vic", "y\n", "--repository", "acme/infra"); status != exitPass || !strings.Contains(out, "acme/infra: written; the check binds everybody.") {
		t.Fatalf("status %d:\n%s%s", status, out, log)
	}
	if status, wrong := s.doctor(); status != exitPass {
		t.Errorf("with the token: %d %v", status, wrong)
	}
	if status, out, _ := fix("vic", "", "--yes"); status != exitPass || !strings.Contains(out, "There is nothing that --fix can do.") {
		t.Errorf("a second time: %d\n%s", status, out)
	}
	// Without it, GitHub does not say whom the ruleset excepts: unknown is not fine.
	s.more = s.more[:1]
	if status, wrong := s.doctor(); status != exitFail || !cmp.Equal([]string{"acme/infra main administrators=unknown", "acme/infra main bypass=unknown"}, wrong) {
		t.Errorf("without the token: %d %v", status, wrong)
	}

	// It binds: not even an administrator merges over a failing check.
	pr := s.open("ann", "vendor", story(t, "ssh-open"))
	s.blocked(pr, sshBlocked)
	if _, err := pr.Merge("vic", githubsim.MergeOptions{}); err == nil {
		t.Error("an administrator merges over the failing check")
	}
}

func TestE2EDoctorWithoutGitHub(t *testing.T) {
	s := newSite(t, setup{noServer: true})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	s.more = []string{"GITHUB_API_URL=http://" + nobody}
	if status, _, log := s.gatehouse("doctor"); status != exitOutside || !strings.Contains(log, "could not be asked") {
		t.Errorf("GitHub is away: %d %s", status, log)
	}
	s.more = []string{"GITHUB_APP_ID=" + fmt.Sprint(s.app.ID()+1)}
	if status, wrong := s.doctor(); status != exitFail || !cmp.Equal([]string{"credentials=problem"}, wrong) {
		t.Errorf("another App's id: %d %v", status, wrong)
	}
	s.more = []string{"GITHUB_APP_ID=", "GITHUB_WEBHOOK_SECRET="}
	if status, _, log := s.gatehouse("doctor"); status != exitUsage || !strings.Contains(log, "GITHUB_APP_ID") {
		t.Errorf("without an App: %d %s", status, log)
	}
	for _, args := range [][]string{{"-o", "xml"}, {"--repository", "acme"}, {"--fix", "--reviews", "11"}, {"--fix", "-o", "json"}} {
		if status, _, _ := s.gatehouse(append([]string{"doctor"}, args...)...); status != exitUsage {
			t.Errorf("%v: %d", args, status)
		}
	}
}

// The guide names every permission and event that the program asks for.
func TestInstallGuideNamesWhatIsNeeded(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "install.md"))
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
