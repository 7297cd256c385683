package webhook_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

const base = `"installation":{"id":3,"account":{"login":"Acme"}},"sender":{"login":"dana"},"organization":{"login":"Acme"},
	"repository":{"id":1,"name":"infra","full_name":"acme/infra","default_branch":"main","owner":{"login":"acme"}}`

const org = `"installation":{"id":3},"sender":{"login":"dana"},"organization":{"login":"Acme"}`

func pull(action, more string) string {
	return `{"action":"` + action + `",` + base + `,"pull_request":{"number":2,"merge_commit_sha":"mmm","head":{"sha":"abc","ref":"topic"},"base":{"ref":"main","sha":"def"}` + more + `}}`
}

func comment(action, body, more string) string {
	return fmt.Sprintf(`{"action":%q,%s,"issue":{"number":2,"pull_request":{}},"comment":{"id":9,"body":%q,"user":{"login":"kim"}%s}}`, action, base, body, more)
}

func checkEvent(field, action string, app int, more string) string {
	return fmt.Sprintf(`{"action":%q,%s,%q:{"id":5,"head_sha":"abc","app":{"id":%d},"pull_requests":[]}%s}`, action, base, field, app, more)
}

func pushEvent(ref, after, more string) string {
	return `{"ref":"` + ref + `","before":"old","after":"` + after + `",` + base + more + `}`
}

const commitID = "8c0ffee4f2d1a90b5c6d7e8f9a0b1c2d3e4f5a6b"

func deployEvent(action, callback string) string {
	return fmt.Sprintf(`{"action":%q,%s,"environment":"production","event":"push","deployment_callback_url":%q,"deployment":{"id":8,"sha":%q,"ref":"main"}}`,
		action, base, callback, commitID)
}

// TestWork says for each event what it leads to: the work's kind, key, priority and arguments without target and delivery, and
// who was seen to push.
func TestWork(t *testing.T) {
	t.Parallel()
	evaluate := "evaluate 1/2 2 {number:2}"
	merged := `merged 1/2 2 {number:2 head:abc commit:mmm branch:main default_branch:true actor:dana}`
	none := ""
	commit := "sweep 1/commit/abc %d {what:commit action:completed sha:abc%s actor:dana}"
	rerequested := "sweep 1/rerequested/abc 1 {what:rerequested action:%s sha:abc%s actor:dana}"
	zero := strings.Repeat("0", 40)
	type test struct{ event, body, want string }
	tests := []test{
		{"pull_request", pull("opened", ""), evaluate},
		{"pull_request", pull("reopened", ""), evaluate},
		{"pull_request", pull("synchronize", ""), evaluate + "\npush 1 abc dana"},
		{"pull_request", pull("edited", ""), evaluate}, // a retarget is one
		{"pull_request", pull("ready_for_review", ""), evaluate},
		{"pull_request", pull("converted_to_draft", ""), evaluate},
		{"pull_request", pull("labeled", ""), evaluate},
		{"pull_request", pull("unlabeled", ""), evaluate},
		{"pull_request", pull("closed", ""), evaluate},
		{"pull_request", pull("closed", `,"merged":true`), merged + "\n" + evaluate},
		{"pull_request", pull("closed", `,"merged":true,"merged_by":{"login":"root"}`), strings.Replace(merged, "dana", "root", 1) + "\n" + evaluate},
		{"pull_request", pull("assigned", ""), none},
		{"pull_request", pull("invented", ""), none},
		{"pull_request_review", pull("submitted", ""), evaluate},
		{"pull_request_review", pull("edited", ""), evaluate},
		{"pull_request_review", pull("dismissed", ""), evaluate},
		{"pull_request_review", pull("invented", ""), none},

		{"issue_comment", comment("created", "/gatehouse recheck\nplease", ""), "command 1/2/9 1 {number:2 comment_id:9 login:kim line:/gatehouse recheck}"},
		{"issue_comment", comment("created", "  /gatehouse\r\n", ""), "command 1/2/9 1 {number:2 comment_id:9 login:kim line:/gatehouse}"},
		{"issue_comment", comment("edited", "/gatehouse recheck", ""), "remark 1/2 3 {number:2}"},
		{"issue_comment", comment("deleted", "/gatehouse recheck", ""), "remark 1/2 3 {number:2}"},
		{"issue_comment", comment("created", "please\n/gatehouse recheck", ""), "remark 1/2 3 {number:2}"},
		{"issue_comment", comment("created", "/gatehouses recheck", ""), "remark 1/2 3 {number:2}"},
		{"issue_comment", comment("created", "", ""), "remark 1/2 3 {number:2}"},
		{"issue_comment", comment("created", "/gatehouse recheck", `,"performed_via_github_app":{"id":4711}`), none},
		{"issue_comment", comment("created", "/gatehouse help", `,"performed_via_github_app":{"id":1}`), "command 1/2/9 1 {number:2 comment_id:9 login:kim line:/gatehouse help}"},
		{"issue_comment", strings.Replace(comment("created", "/gatehouse recheck", ""), `"pull_request":{}`, `"pull_request":null`, 1), none},

		{"check_run", checkEvent("check_run", "completed", 1, ""), fmt.Sprintf(commit, 3, "")},
		{"check_run", checkEvent("check_run", "completed", ourApp, ""), none},
		{"check_run", checkEvent("check_run", "created", 1, ""), none},
		{"check_run", checkEvent("check_run", "rerequested", ourApp, ""), fmt.Sprintf(rerequested, "rerequested", "")},
		{"check_run", checkEvent("check_run", "rerequested", 1, ""), none},
		{"check_run", checkEvent("check_run", "requested_action", ourApp, `,"requested_action":{"identifier":"recheck"}`), fmt.Sprintf(rerequested, "requested_action", " button:recheck")},
		{"check_suite", checkEvent("check_suite", "requested", ourApp, ""), "sweep 1/requested/abc 2 {what:requested action:requested sha:abc actor:dana}"},
		{"check_suite", checkEvent("check_suite", "rerequested", ourApp, ""), fmt.Sprintf(rerequested, "rerequested", "")},
		{"check_suite", checkEvent("check_suite", "requested", 1, ""), none},
		{"check_suite", checkEvent("check_suite", "completed", ourApp, ""), none},
		{"workflow_run", checkEvent("workflow_run", "completed", 1, ""), fmt.Sprintf(commit, 2, " workflow_run_id:5")},
		{"workflow_run", checkEvent("workflow_run", "requested", 1, ""), none},
		{"status", `{"sha":"abc",` + base + `}`, "sweep 1/commit/abc 3 {what:commit sha:abc actor:dana}"},

		{"push", pushEvent("refs/heads/main", "new", ""), "merged 1/push/main/new 3 {commit:new before:old branch:main default_branch:true actor:dana}\n" +
			"sweep 1/branch/main 3 {what:branch branch:main default_branch:true before:old after:new actor:dana}\npush 1 new dana"},
		{"push", pushEvent("refs/heads/a/b", "new", `,"forced":true`), "merged 1/push/a/b/new 3 {commit:new before:old branch:a/b forced:true actor:dana}\n" +
			"sweep 1/branch/a/b 3 {what:branch branch:a/b before:old after:new actor:dana}\npush 1 new dana"},
		{"push", pushEvent("refs/heads/main", zero, `,"deleted":true`), "merged 1/push/main/" + zero + " 3 {commit:" + zero + " before:old branch:main default_branch:true deleted:true actor:dana}"},
		{"push", pushEvent("refs/tags/v1", "new", ""), none},
		{"push", strings.ReplaceAll(pushEvent("refs/heads/main", "new", ""), "infra", ".github"), "merged 1/push/main/new 3 {commit:new before:old branch:main default_branch:true actor:dana}\n" +
			"sweep 1/branch/main 3 {what:branch branch:main default_branch:true before:old after:new actor:dana}\n" +
			"sweep org/acme/branch 3 {what:branch organization:acme branch:main default_branch:true before:old after:new actor:dana}\npush 1 new dana"},
		{"merge_group", `{"action":"checks_requested",` + base + `,"merge_group":{"head_sha":"abc","head_ref":"refs/heads/q","base_sha":"def","base_ref":"refs/heads/main"}}`,
			"sweep 1/merge_group/abc 1 {what:merge_group action:checks_requested branch:main before:def after:abc sha:abc ref:refs/heads/q actor:dana}"},
		{"merge_group", `{"action":"destroyed",` + base + `,"merge_group":{"head_sha":"abc"}}`, none},

		{"membership", `{"action":"removed",` + org + `}`, "sweep org/acme/members 3 {what:members action:removed organization:Acme actor:dana}"},
		{"organization", `{"action":"member_removed",` + org + `}`, "sweep org/acme/members 3 {what:members action:member_removed organization:Acme actor:dana}"},
		{"team", `{"action":"edited",` + org + `}`, "sweep org/acme/members 3 {what:members action:edited organization:Acme actor:dana}"},
		{"team", `{"action":"added_to_repository",` + base + `}`, "sweep 1/members 3 {what:members action:added_to_repository organization:Acme actor:dana}"},
		{"member", `{"action":"added",` + base + `}`, "sweep 1/members 3 {what:members action:added organization:Acme actor:dana}"},
		{"branch_protection_rule", `{"action":"edited",` + base + `}`, "posture 1/dana 4 {action:edited actor:dana}\nsweep 1/protection 3 {what:protection action:edited organization:Acme actor:dana}"},
		{"repository_ruleset", `{"action":"created",` + base + `}`, "posture 1/dana 4 {action:created actor:dana}\nsweep 1/protection 3 {what:protection action:created organization:Acme actor:dana}"},
		{"repository_ruleset", `{"action":"created",` + org + `}`, "posture installation/3/dana 4 {action:created actor:dana}\nsweep org/acme/protection 3 {what:protection action:created organization:Acme actor:dana}"},
		{"installation", `{"action":"created",` + base + `}`, "posture installation/3/dana 4 {action:created actor:dana}\nsweep installation/3 2 {what:installation action:created organization:Acme actor:dana}"},
		{"installation_repositories", `{"action":"added",` + base + `}`, "posture installation/3/dana 4 {action:added actor:dana}\nsweep installation/3 2 {what:installation action:added organization:Acme actor:dana}"},

		{"branch_protection_configuration", `{"action":"disabled",` + base + `}`,
			"posture 1/dana 4 {action:disabled actor:dana}\nsweep 1/protection 3 {what:protection action:disabled organization:Acme actor:dana}"},
		{"repository", `{"action":"edited",` + base + `}`, "posture 1/dana 4 {action:edited actor:dana}"},
		{"repository", `{"action":"edited","changes":{"default_branch":{"from":"master"}},` + base + `}`,
			"posture 1/dana 4 {action:edited actor:dana}\nsweep 1/branch/main 3 {what:branch action:edited branch:main default_branch:true actor:dana}"},
		{"repository", `{"action":"edited","changes":{"description":{"from":"x"}},` + base + `}`, "posture 1/dana 4 {action:edited actor:dana}"},
		{"repository", `{"action":"unarchived",` + base + `}`,
			"posture 1/dana 4 {action:unarchived actor:dana}\nsweep 1/branch/main 3 {what:branch action:unarchived branch:main default_branch:true actor:dana}"},
		{"repository", `{"action":"renamed",` + base + `}`, "posture 1/dana 4 {action:renamed actor:dana}"},
		{"repository", `{"action":"created",` + base + `}`, none},
		{"deployment_protection_rule", deployEvent("requested", "https://api.github.com/repos/acme/infra/actions/runs/77/deployment_protection_rule"),
			"deploy 1/8 1 {deployment_id:8 run_id:77 environment:production commit:" + commitID + " ref:main actor:dana asked:2026-03-04T12:00:00Z}"},
		{"deployment_protection_rule", deployEvent("requested", "https://ghe.example/api/v3/repos/Acme/Infra/actions/runs/77/deployment_protection_rule"),
			"deploy 1/8 1 {deployment_id:8 run_id:77 environment:production commit:" + commitID + " ref:main actor:dana asked:2026-03-04T12:00:00Z}"},
		{"deployment_protection_rule", deployEvent("invented", ""), none},

		{"ping", `{"zen":"Keep it logically awesome."}`, none},
		{"star", `"any JSON"`, none},
		{"an_event_of_the_future", `{}`, none},
	}
	for i, test := range tests {
		m := &memory{}
		w := serve(handler(t, m), request(test.event, "d-1", test.body))
		if w.Code != http.StatusAccepted {
			t.Errorf("%d %s: %d %s", i, test.event, w.Code, w.Body)
			continue
		}
		if diff := cmp.Diff(test.want, describe(t, m)); diff != "" {
			t.Errorf("%d %s: %s", i, test.event, diff)
		}
	}

	for event, body := range map[string]string{
		"issue_comment": `{"action":"created",` + base + `,"issue":{"number":2}}`, "check_run": `{` + base + `}`, "check_suite": `{` + base + `}`,
		"workflow_run": `{` + base + `}`, "status": `{` + base + `}`, "merge_group": `{` + base + `}`, "membership": `{}`, "repository_ruleset": `{}`,
		"installation": `{}`, "push": `{"ref":"refs/heads/main"}`, "member": `{"repository":{"id":0}}`, "branch_protection_rule": `{"repository":{"id":-1}}`,
		"repository": `{"action":"edited"}`, "deployment_protection_rule": deployEvent("requested", "https://api.github.com/repos/acme/other/actions/runs/77/deployment_protection_rule"),
		"pull_request_review": `{"repository":{"id":1,"name":"a","owner":{"login":"b"}},"pull_request":{"number":0}}`,
	} {
		m := &memory{}
		if w := serve(handler(t, m), request(event, "d-1", body)); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), event) {
			t.Errorf("%s without what it is about: %d %s", event, w.Code, w.Body)
		}
	}
	long := strings.Repeat("a", 500)
	if w := serve(handler(t, &memory{}), request("push", "d-1", pushEvent("refs/heads/"+long, "new", ""))); w.Code != http.StatusBadRequest {
		t.Errorf("a name that no key can hold: %d", w.Code)
	}
}

// describe prints what was stored.
func describe(t *testing.T, m *memory) string {
	t.Helper()
	var lines []string
	for _, w := range m.works {
		lines = append(lines, fmt.Sprintf("%s %s %d %s", w.Kind, w.Key, w.Priority, arguments(t, w)))
	}
	for _, d := range m.deliveries {
		for _, p := range d.Pushes {
			lines = append(lines, fmt.Sprintf("push %d %s %s", p.RepositoryID, p.SHA, p.Login))
		}
	}
	return strings.Join(lines, "\n")
}

// arguments prints a work's JSON after checking the part that says where.
func arguments(t *testing.T, w store.Work) string {
	t.Helper()
	text := string(w.Args)
	start := strings.Index(text, `"delivery":"d-1"`)
	if start < 0 || !strings.HasPrefix(text, `{"installation_id":3,`) || !strings.Contains(text[:start], `"reason":"`) {
		t.Errorf("no target in %s", text)
		return text
	}
	rest := strings.TrimPrefix(text[start+len(`"delivery":"d-1"`):], ",")
	return "{" + strings.NewReplacer(`"`, "", ",", " ").Replace(rest)
}

// What a payload says of a pull request is kept with the delivery: newer by GitHub's clock is for the store to tell.
func TestWhatIsToldOfAPullRequest(t *testing.T) {
	t.Parallel()
	told := func(body string) *store.Told {
		m := &memory{}
		serve(handler(t, m), request("pull_request_review", "d-1", body))
		return m.deliveries["d-1"].Told
	}
	body := strings.Replace(pull("dismissed", `,"state":"open","updated_at":"2026-03-04T11:00:00Z"`), `"abc"`, `"`+commitID+`"`, 1)
	want := store.Told{
		RepositoryID: 1, PullRequest: 2, Head: commitID, Base: "main", Open: true, Updated: noon.Add(-time.Hour).Truncate(time.Second), Received: noon,
	}
	if diff := cmp.Diff(&want, told(body)); diff != "" {
		t.Error(diff)
	}
	want.Open, want.Updated = false, time.Time{}
	odd := strings.NewReplacer(`"open"`, `"closed"`, "2026-03-04T11:00:00Z", "yesterday").Replace(body)
	if diff := cmp.Diff(&want, told(odd)); diff != "" {
		t.Error(diff)
	}
	if got := told(pull("dismissed", "")); got != nil { // its head is no commit
		t.Errorf("%+v", got)
	}
}
