package proof

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
	"github.com/gatehouse-dev/gatehouse/internal/witness"
)

// database is the URL of the site's database.
func (s *place) database() string { return "sqlite:" + filepath.Join(s.Dir, "gatehouse.db") }

// rewrite changes the log with the real key, so that it is sound in itself, while no server runs.
func (s *place) rewrite(change func(index int64, e map[string]any) []map[string]any) {
	s.T.Helper()
	storetest.Rewrite(s.T, s.database(), s.Signer(), change)
	if status, out, log := s.Run("audit", "verify"); status != site.Pass {
		s.T.Fatalf("the rewritten log is not sound in itself: status %d: %s%s", status, out, log)
	}
}

// history is a site with two pull requests, one that is blocked and one that passes, and no server any more. token may read.
func history(t *testing.T) (s *place, blocked, passed *githubsim.PR, token string) {
	t.Helper()
	s = newPlace(t, site.Setup{})
	blocked = s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Shows(blocked, site.SSHBlocked)
	passed = s.Open("sam", "fix", map[string]string{"README.md": "one\n"})
	passed.Approve("mei")
	s.Shows(passed, site.Clear1)
	s.Settle()
	s.Stop()
	return s, blocked, passed, s.GitHub.AddUserToken("vic")
}

// witnessReport is what `audit verify --github -o json` prints.
type witnessReport struct {
	Compared       int                     `json:"compared"`
	WithoutWitness int                     `json:"without_witness"`
	GoneCommits    int                     `json:"gone_commits"`
	NotCompared    []string                `json:"not_compared"`
	Contradictions []witness.Contradiction `json:"contradictions"`
}

// compare holds the log against GitHub.
func (s *place) compare(token string, args ...string) (status int, report witnessReport, log string) {
	s.T.Helper()
	s.More = append(s.More, "GITHUB_TOKEN="+token)
	status, out, log := s.Run(append([]string{"audit", "verify", "--github", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &report); err != nil && out != "" {
		s.T.Fatalf("%v in %s%s", err, out, log)
	}
	return status, report, log
}

// An honest log agrees with GitHub, whoever asks.
func TestWitnessAgrees(t *testing.T) {
	s, blocked, _, token := history(t)
	want := witnessReport{Compared: 2, NotCompared: []string{}, Contradictions: []witness.Contradiction{}}
	status, report, log := s.compare(token)
	if diff := cmp.Diff(want, report); diff != "" || status != site.Pass {
		t.Errorf("status %d: %s%s", status, diff, log)
	}
	s.More = []string{"GITHUB_TOKEN="}
	status, out, log := s.Run("audit", "verify", "--github", "--since", "90d") // as the App
	if status != site.Pass || !strings.Contains(out, "GitHub agrees: 2 check runs were compared with the log\n") {
		t.Errorf("status %d: %s%s", status, out, log)
	}
	status, out, log = s.Run("audit", "verify", "--github-token", token, "--repository", "acme/nothing")
	if status != site.Outside || !strings.Contains(out, "GitHub agrees: 2 check runs") || !strings.Contains(log, "not compared: acme/nothing (GitHub does not have") {
		t.Errorf("status %d: %s%s", status, out, log)
	}

	// Another App's check of the same name, with a witness of its own, says nothing about this log.
	other := s.GitHub.AddApp(githubsim.AppSpec{Slug: "impostor", Key: site.AppKey(), Permissions: map[string]string{"checks": "write", "metadata": "read"}})
	other.Install("acme", s.Repo)
	other.PostCheck(s.Repo, blocked.HeadSHA(), "gatehouse", "success")
	if status, report, log = s.compare(token); status != site.Pass || report.Compared != 2 {
		t.Errorf("status %d: %v%s", status, report, log)
	}

	// GitHub's limits are waited for, its failures survived, and what stays down is told.
	s.GitHub.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: "/repos/acme/infra/commits/*/check-runs", Times: 1, Status: 403, RetryAfter: 1})
	s.GitHub.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: "/repos/acme/infra/pulls", Times: 1, Status: 502})
	if status, report, log = s.compare(token); status != site.Pass || report.Compared != 2 || !strings.Contains(log, "GitHub's rate limit is reached; going on at ") {
		t.Errorf("status %d: %v%s", status, report, log)
	}
	for name, want := range map[string]int{"no token": site.Usage, "a wrong token": site.Outside} {
		s.More = []string{"GITHUB_TOKEN=ghp_wrong"}
		if name == "no token" {
			s.More = []string{"GITHUB_TOKEN=", "GITHUB_APP_PRIVATE_KEY="}
		}
		if status, out, log := s.Run("audit", "verify", "--github"); status != want {
			t.Errorf("%s: status %d: %s%s", name, status, out, log)
		}
	}
}

// Whoever has the database and the signing key can make a log that is sound in itself. GitHub contradicts it.
func TestWitnessFindsARewrittenLog(t *testing.T) {
	one := func(e map[string]any) []map[string]any { return []map[string]any{e} }
	is := func(e map[string]any, kind string) bool { return e["type"] == kind }
	for name, attack := range map[string]struct {
		change func(s *place, first int64) func(index int64, e map[string]any) []map[string]any
		want   []string
	}{
		"a decision edited": {func(s *place, first int64) func(int64, map[string]any) []map[string]any {
			storetest.Exec(s.T, s.database(), fmt.Sprintf("UPDATE decisions SET verdict = 'pass' WHERE log_index = %d", first))
			return func(index int64, e map[string]any) []map[string]any {
				if index == first {
					e["verdict"] = "pass"
				}
				return one(e)
			}
		}, []string{"entry 0 (or another before SIZE): the CHECK RUN on acme/infra@SHA says that the first SIZE entries have the root HASH; now they have HASH: they were rewritten, or this is another log"}},
		"a publication deleted": {func(s *place, first int64) func(int64, map[string]any) []map[string]any {
			return func(index int64, e map[string]any) []map[string]any {
				if index == first+1 {
					return nil
				}
				return one(e)
			}
		}, []string{"entry AFTER (or another before SIZE): the CHECK RUN on acme/infra@SHA says that the first SIZE entries have the root HASH; now they have HASH: they were rewritten, or this is another log; entry N should be decision ID"}},
		"the end cut off": {func(s *place, first int64) func(int64, map[string]any) []map[string]any {
			return func(index int64, e map[string]any) []map[string]any {
				if index > first+1 {
					return nil
				}
				return one(e)
			}
		}, []string{"entry CUT (or another before SIZE): the CHECK RUN on acme/infra@SHA knows of SIZE entries, and the log has CUT: entries were removed, or this is another log; entry N should be decision ID"}},
		"an entry slipped in": {func(s *place, first int64) func(int64, map[string]any) []map[string]any {
			return func(index int64, e map[string]any) []map[string]any {
				if index == first+1 {
					return []map[string]any{e, {"type": "waiver", "detail": map[string]any{}, "time": e["time"], "actor": "eve"}}
				}
				return one(e)
			}
		}, []string{"entry AFTER (or another before SIZE): the CHECK RUN on acme/infra@SHA says that the first SIZE entries have the root HASH; now they have HASH: they were rewritten, or this is another log; entry N should be decision ID"}},
		"entries reordered": {func(s *place, first int64) func(int64, map[string]any) []map[string]any {
			var held map[string]any
			return func(index int64, e map[string]any) []map[string]any {
				switch {
				case index == first+1:
					held = e
					return nil
				case index == first+2:
					return []map[string]any{e, held}
				}
				return one(e)
			}
		}, []string{"entry AFTER (or another before SIZE): the CHECK RUN on acme/infra@SHA says that the first SIZE entries have the root HASH; now they have HASH: they were rewritten, or this is another log"}},
		"a publication appended": {func(s *place, first int64) func(int64, map[string]any) []map[string]any {
			size := s.index(store.EntryPublication, newest)
			return func(index int64, e map[string]any) []map[string]any {
				if index != size {
					return one(e)
				}
				detail := map[string]any{"what": "check", "check_run": 4711, "conclusion": "success", "decision": "d-0123456789ab"}
				return []map[string]any{e, {"type": "publication", "detail": detail, "time": e["time"], "repository": "acme/infra", "commit": e["commit"], "index": 0}}
			}
		}, []string{"entry LAST: it says that the check run N was posted on acme/infra@SHA, and GitHub has none of the gate's that says so"}},
		"a conclusion appended": {func(s *place, first int64) func(int64, map[string]any) []map[string]any {
			size := s.index(store.EntryPublication, newest)
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
			first := s.index(store.EntryDecision, oldest)
			s.rewrite(attack.change(s, first))
			status, report, log := s.compare(token)
			var got []string
			for _, c := range report.Contradictions {
				got = append(got, c.String())
			}
			if status != site.Fail || len(got) == 0 {
				t.Fatalf("status %d: %q%s", status, got, log)
			}
			t.Logf("%q", got)
			want := strings.NewReplacer("AFTER", strconv.FormatInt(first+1, 10), "CUT", strconv.FormatInt(first+2, 10)).Replace(attack.want[0])
			if !like(want, got[0]) {
				t.Errorf("the first contradiction is\n%s, wanted\n%s", got[0], want)
			}
			status, out, _ := s.Run("audit", "verify", "--github")
			if status != site.Fail || !strings.Contains(out, "the audit log verifies: ") || !strings.Contains(out, "the audit log does NOT agree with GitHub: entry ") {
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

// Which entry of a list that begins with the newest.
func newest(list []store.Entry) store.Entry { return list[0] }
func oldest(list []store.Entry) store.Entry { return list[len(list)-1] }

// index is where the log has one of its entries of a type, read while no server runs.
func (s *place) index(kind string, which func([]store.Entry) store.Entry) int64 {
	s.T.Helper()
	status, out, log := s.Run("audit", "log", "--type", kind, "-o", "json")
	var entries []store.Entry
	if err := json.Unmarshal([]byte(out), &entries); err != nil || status != site.Pass || len(entries) == 0 {
		s.T.Fatalf("status %d: %s%s", status, out, log)
	}
	return which(entries).Index
}

// What GitHub has deleted cannot be compared, and is no contradiction; many pages are read to their end.
func TestWitnessManyAndGone(t *testing.T) {
	s := newPlace(t, site.Setup{GitHub: githubsim.Options{Unlimited: true}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	for i := range 120 {
		s.Repo.Commit(fmt.Sprint("b", i), githubsim.CommitSpec{Author: "ann", Message: "m", Files: map[string]string{"x": fmt.Sprint(i)}})
	}
	s.Stop()
	for i := range 120 {
		s.Repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "t", Head: fmt.Sprint("b", i)})
	}
	// The log knows of a commit that GitHub has not.
	gone := strings.Repeat("ab", 20)
	db, err := store.Open(t.Context(), s.database(), store.Options{Signer: store.Key(s.Signer())})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Append(t.Context(), []store.Entry{{Type: store.EntryPublication, Repository: "acme/infra", Commit: gone, Detail: map[string]any{"what": "check", "check_run": 12, "conclusion": "success"}}})
	db.Close()
	if err != nil {
		t.Fatal(err)
	}
	status, report, log := s.compare(s.GitHub.AddUserToken("vic"))
	want := witnessReport{Compared: 1, GoneCommits: 1, NotCompared: []string{}, Contradictions: []witness.Contradiction{}}
	if diff := cmp.Diff(want, report); diff != "" || status != site.Pass {
		t.Errorf("status %d: %s%s", status, diff, log)
	}
	if n := s.GitHub.Count("GET", "/repos/acme/infra/commits/*/check-runs"); n < 122 {
		t.Errorf("%d commits were asked for", n)
	}
}
