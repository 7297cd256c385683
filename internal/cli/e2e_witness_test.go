package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
	"github.com/gatehouse-dev/gatehouse/internal/witness"
)

// database is the URL of the site's database.
func (s *site) database() string { return "sqlite:" + filepath.Join(s.dir, "gatehouse.db") }

// rewrite changes the log with the real key, so that it is sound in itself, while no server runs.
func (s *site) rewrite(change func(index int64, e map[string]any) []map[string]any) {
	s.t.Helper()
	all, err := loadKeys(filepath.Join(s.dir, "signing.key"), "", false)
	if err != nil {
		s.t.Fatal(err)
	}
	storetest.Rewrite(s.t, s.database(), all.signer, change)
	if status, out, log := s.gatehouse("audit", "verify"); status != exitPass {
		s.t.Fatalf("the rewritten log is not sound in itself: status %d: %s%s", status, out, log)
	}
}

// history is a site with two pull requests, one that is blocked and one that passes, and no server any more. token may read.
func history(t *testing.T) (s *site, blocked, passed *githubsim.PR, token string) {
	t.Helper()
	s = newSite(t, setup{})
	blocked = s.open("ann", "vendor", story(t, "ssh-open"))
	s.shows(blocked, sshBlocked)
	passed = s.open("sam", "fix", map[string]string{"README.md": "one\n"})
	passed.Approve("mei")
	s.shows(passed, clear1)
	s.settle()
	s.stop()
	return s, blocked, passed, s.gh.AddUserToken("vic")
}

// compare holds the log against GitHub.
func (s *site) compare(token string, args ...string) (status int, report witnessReport, log string) {
	s.t.Helper()
	s.more = append(s.more, "GITHUB_TOKEN="+token)
	status, out, log := s.gatehouse(append([]string{"audit", "verify", "--github", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &report); err != nil && out != "" {
		s.t.Fatalf("%v in %s%s", err, out, log)
	}
	return status, report, log
}

// An honest log agrees with GitHub, whoever asks.
func TestE2EWitnessAgrees(t *testing.T) {
	s, blocked, _, token := history(t)
	want := witnessReport{Compared: 2, NotCompared: []string{}, Contradictions: []witness.Contradiction{}}
	status, report, log := s.compare(token)
	if diff := cmp.Diff(want, report); diff != "" || status != exitPass {
		t.Errorf("status %d: %s%s", status, diff, log)
	}
	s.more = []string{"GITHUB_TOKEN="}
	status, out, log := s.gatehouse("audit", "verify", "--github", "--since", "90d") // as the App
	if status != exitPass || !strings.Contains(out, "GitHub agrees: 2 check runs were compared with the log\n") {
		t.Errorf("status %d: %s%s", status, out, log)
	}
	status, out, log = s.gatehouse("audit", "verify", "--github-token", token, "--repository", "acme/nothing")
	if status != exitOutside || !strings.Contains(out, "GitHub agrees: 2 check runs") || !strings.Contains(log, "not compared: acme/nothing (GitHub does not have") {
		t.Errorf("status %d: %s%s", status, out, log)
	}

	// Another App's check of the same name, with a witness of its own, says nothing about this log.
	other := s.gh.AddApp(githubsim.AppSpec{Slug: "impostor", Key: appKey(), Permissions: map[string]string{"checks": "write", "metadata": "read"}})
	other.Install("acme", s.repo)
	other.PostCheck(s.repo, blocked.HeadSHA(), "gatehouse", "success")
	if status, report, log = s.compare(token); status != exitPass || report.Compared != 2 {
		t.Errorf("status %d: %v%s", status, report, log)
	}

	// GitHub's limits are waited for, its failures survived, and what stays down is told.
	s.gh.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: "/repos/acme/infra/commits/*/check-runs", Times: 1, Status: 403, RetryAfter: 1})
	s.gh.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: "/repos/acme/infra/pulls", Times: 1, Status: 502})
	if status, report, log = s.compare(token); status != exitPass || report.Compared != 2 || !strings.Contains(log, "GitHub's rate limit is reached; going on at ") {
		t.Errorf("status %d: %v%s", status, report, log)
	}
	for name, want := range map[string]int{"no token": exitUsage, "a wrong token": exitOutside} {
		s.more = []string{"GITHUB_TOKEN=ghp_wrong"}
		if name == "no token" {
			s.more = []string{"GITHUB_TOKEN=", "GITHUB_APP_PRIVATE_KEY="}
		}
		if status, out, log := s.gatehouse("audit", "verify", "--github"); status != want {
			t.Errorf("%s: status %d: %s%s", name, status, out, log)
		}
	}
}

// Whoever has the database and the signing key can make a log that is sound in itself. GitHub contradicts it.
func TestE2EWitnessFindsARewrittenLog(t *testing.T) {
	one := func(e map[string]any) []map[string]any { return []map[string]any{e} }
	is := func(e map[string]any, kind string) bool { return e["type"] == kind }
	for name, attack := range map[string]struct {
		change func(s *site) func(index int64, e map[string]any) []map[string]any
		want   []string
	}{
		"a decision edited": {func(s *site) func(int64, map[string]any) []map[string]any {
			storetest.Exec(s.t, s.database(), "UPDATE decisions SET verdict = 'pass' WHERE log_index = 2")
			return func(index int64, e map[string]any) []map[string]any {
				if index == 2 {
					e["verdict"] = "pass"
				}
				return one(e)
			}
		}, []string{"entry 0 (or another before SIZE): the CHECK RUN on acme/infra@SHA says that the first SIZE entries have the root HASH; now they have HASH: they were rewritten, or this is another log"}},
		"a publication deleted": {func(s *site) func(int64, map[string]any) []map[string]any {
			return func(index int64, e map[string]any) []map[string]any {
				if index == 3 {
					return nil
				}
				return one(e)
			}
		}, []string{"entry 3 (or another before SIZE): the CHECK RUN on acme/infra@SHA says that the first SIZE entries have the root HASH; now they have HASH: they were rewritten, or this is another log; entry N should be decision ID"}},
		"the end cut off": {func(s *site) func(int64, map[string]any) []map[string]any {
			return func(index int64, e map[string]any) []map[string]any {
				if index > 3 {
					return nil
				}
				return one(e)
			}
		}, []string{"entry 4 (or another before SIZE): the CHECK RUN on acme/infra@SHA knows of SIZE entries, and the log has 4: entries were removed, or this is another log; entry N should be decision ID"}},
		"an entry slipped in": {func(s *site) func(int64, map[string]any) []map[string]any {
			return func(index int64, e map[string]any) []map[string]any {
				if index == 3 {
					return []map[string]any{e, {"type": "waiver", "detail": map[string]any{}, "time": e["time"], "actor": "eve"}}
				}
				return one(e)
			}
		}, []string{"entry 3 (or another before SIZE): the CHECK RUN on acme/infra@SHA says that the first SIZE entries have the root HASH; now they have HASH: they were rewritten, or this is another log; entry N should be decision ID"}},
		"entries reordered": {func(s *site) func(int64, map[string]any) []map[string]any {
			var held map[string]any
			return func(index int64, e map[string]any) []map[string]any {
				switch {
				case index == 3:
					held = e
					return nil
				case index == 4:
					return []map[string]any{e, held}
				}
				return one(e)
			}
		}, []string{"entry 3 (or another before SIZE): the CHECK RUN on acme/infra@SHA says that the first SIZE entries have the root HASH; now they have HASH: they were rewritten, or this is another log"}},
		"a publication appended": {func(s *site) func(int64, map[string]any) []map[string]any {
			size := s.last(store.EntryPublication)
			return func(index int64, e map[string]any) []map[string]any {
				if index != size {
					return one(e)
				}
				detail := map[string]any{"what": "check", "check_run": 4711, "conclusion": "success", "decision": "d-0123456789ab"}
				return []map[string]any{e, {"type": "publication", "detail": detail, "time": e["time"], "repository": "acme/infra", "commit": e["commit"], "index": 0}}
			}
		}, []string{"entry LAST: it says that the check run N was posted on acme/infra@SHA, and GitHub has none of the gate's that says so"}},
		"a conclusion appended": {func(s *site) func(int64, map[string]any) []map[string]any {
			size := s.last(store.EntryPublication)
			var refused map[string]any
			return func(index int64, e map[string]any) []map[string]any {
				if detail, _ := e["detail"].(map[string]any); is(e, "publication") && detail["conclusion"] == "failure" && refused == nil {
					refused = map[string]any{}
					text, _ := json.Marshal(e)
					_ = json.Unmarshal(text, &refused)
					refused["detail"].(map[string]any)["conclusion"] = "success"
				}
				if index == size {
					return []map[string]any{e, refused}
				}
				return one(e)
			}
		}, []string{`entry LAST: it says that the CHECK RUN was posted on acme/infra@SHA as "success", and GitHub shows "failure"`}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, _, token := history(t)
			s.rewrite(attack.change(s))
			status, report, log := s.compare(token)
			var got []string
			for _, c := range report.Contradictions {
				got = append(got, c.String())
			}
			if status != exitFail || len(got) == 0 {
				t.Fatalf("status %d: %q%s", status, got, log)
			}
			t.Logf("%q", got)
			if !like(attack.want[0], got[0]) {
				t.Errorf("the first contradiction is\n%s, wanted\n%s", got[0], attack.want[0])
			}
			status, out, _ := s.gatehouse("audit", "verify", "--github")
			if status != exitFail || !strings.Contains(out, "the audit log verifies: ") || !strings.Contains(out, "the audit log does NOT agree with GitHub: entry ") {
				t.Errorf("status %d: %s", status, out)
			}
		})
	}
}

// like compares a text with one in which hashes and numbers are left open.
func like(want, got string) bool {
	pattern := regexp.QuoteMeta(want)
	for name, open := range map[string]string{
		"CHECK RUN": `check run [0-9]+`, "SHA": `[0-9a-f]{12}`, "HASH": `[A-Za-z0-9+/]{43}=`, "SIZE": `[0-9]+`, "ID": `d-[0-9a-f]{12}`, "LAST": `[0-9]+`, " N ": ` [0-9]+ `,
	} {
		pattern = strings.ReplaceAll(pattern, name, open)
	}
	return regexp.MustCompile(`^` + pattern + `$`).MatchString(got)
}

// last is the index of the log's last entry of a type, read while no server runs.
func (s *site) last(kind string) int64 {
	s.t.Helper()
	status, out, log := s.gatehouse("audit", "log", "--type", kind, "-o", "json", "--limit", "1")
	var entries []store.Entry
	if err := json.Unmarshal([]byte(out), &entries); err != nil || status != exitPass || len(entries) != 1 {
		s.t.Fatalf("status %d: %s%s", status, out, log)
	}
	return entries[0].Index
}

// What GitHub has deleted cannot be compared, and is no contradiction; many pages are read to their end.
func TestE2EWitnessManyAndGone(t *testing.T) {
	s := newSite(t, setup{github: githubsim.Options{Unlimited: true}})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)
	for i := range 120 {
		s.repo.Commit(fmt.Sprint("b", i), githubsim.CommitSpec{Author: "ann", Message: "m", Files: map[string]string{"x": fmt.Sprint(i)}})
	}
	s.stop()
	for i := range 120 {
		s.repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "t", Head: fmt.Sprint("b", i)})
	}
	// The log knows of a commit that GitHub has not.
	gone := strings.Repeat("ab", 20)
	all, err := loadKeys(filepath.Join(s.dir, "signing.key"), "", false)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), s.database(), store.Options{Signer: all.logKey()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Append(t.Context(), []store.Entry{{Type: store.EntryPublication, Repository: "acme/infra", Commit: gone, Detail: map[string]any{"what": "check", "check_run": 12, "conclusion": "success"}}})
	db.Close()
	if err != nil {
		t.Fatal(err)
	}
	status, report, log := s.compare(s.gh.AddUserToken("vic"))
	want := witnessReport{Compared: 1, GoneCommits: 1, NotCompared: []string{}, Contradictions: []witness.Contradiction{}}
	if diff := cmp.Diff(want, report); diff != "" || status != exitPass {
		t.Errorf("status %d: %s%s", status, diff, log)
	}
	if n := s.gh.Count("GET", "/repos/acme/infra/commits/*/check-runs"); n < 122 {
		t.Errorf("%d commits were asked for", n)
	}
}
