package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// noon is when the tests' pages are looked at.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Repositories of the tests' record.
const (
	infraID = 1
	shopID  = 2
)

// fixture is a record and a site that shows it.
type fixture struct {
	t     *testing.T
	store *store.Store
	site  http.Handler
	now   time.Time
	log   *test.Hook
	url   string // of the database
}

// newFixture makes a site on an empty record; change may edit its options.
func newFixture(t *testing.T, change func(*Options)) *fixture {
	t.Helper()
	return newFixtureOn(t, storetest.Signer(t), change)
}

// serve makes the site on the fixture's record.
func (f *fixture) serve(log *logrus.Entry, change func(*Options)) {
	o := Options{
		Store: f.store, Webhooks: http.NotFoundHandler(), Metrics: http.NotFoundHandler(), Key: func() string { return "gatehouse.example+00000000+AQ==" },
		GitHub: "https://github.example", PublicURL: "http://gatehouse.example", Clock: func() time.Time { return f.now }, Log: log,
		Catalogue: func() []Rule {
			return []Rule{
				{ID: "IM-06", Title: "SSH is not open to the world", Description: "Machines are reached through a session manager.", Severity: "critical", Enforcement: "deny", Pack: "immutable", Remedy: "Delete the rule.", Docs: "https://docs.example/rules.md#IM-06", References: []string{"CIS 5.2"}},
				{ID: "IM-11", Title: "Data is not lost", Severity: "high", Enforcement: "deny", Pack: "immutable"},
				{ID: "ZT-07", Title: "No node ports", Severity: "medium", Enforcement: "warn", Pack: "zero-trust", Off: "needs a list"},
			}
		},
	}
	if change != nil {
		change(&o)
	}
	f.site = New(o)
}

// get asks from this machine; headers come in pairs.
func (f *fixture) get(path string, headers ...string) *httptest.ResponseRecorder {
	f.t.Helper()
	return f.send(http.MethodGet, path, headers...)
}

func (f *fixture) send(method, path string, headers ...string) *httptest.ResponseRecorder {
	f.t.Helper()
	r := httptest.NewRequest(method, "http://gatehouse.example"+path, nil)
	r.RemoteAddr = "127.0.0.1:5000"
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.site.ServeHTTP(w, r)
	return w
}

func (f *fixture) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// story is a decision of the tests' record.
type story struct {
	id         string
	repository int64
	pull       int
	title, by  string
	ago        time.Duration
	decision   gate.Decision
	emergency  *gate.Emergency
	teams      []gate.Team
	changes    []gate.Change
	files      []gate.FileChange
	approvers  []string
	backtest   *gate.Backtest
	documents  []gate.Document // what the changes are made of; nil: they are not on record
}

// record writes a decision as the pipeline does.
func (f *fixture) record(s story) {
	f.t.Helper()
	name := map[int64]string{infraID: "acme/infra", shopID: "acme/shop"}[s.repository]
	if name == "" {
		name = fmt.Sprintf("acme/service-%d", s.repository)
	}
	f.recordAs(s, s.repository, name)
}

// recordAs is record, in a repository of another number and name.
func (f *fixture) recordAs(s story, id int64, name string) {
	f.t.Helper()
	s.repository = id
	owner, repo, _ := strings.Cut(name, "/")
	at := f.now.Add(-s.ago)
	head := strings.Repeat(fmt.Sprintf("%x", []byte(s.id)), 20)[:40]
	s.decision.Repository, s.decision.PullRequest, s.decision.Head, s.decision.Base = name, s.pull, head, strings.Repeat("b", 40)
	s.decision.Policy = gate.Policy{Digest: "sha256:4be1a07c55d2"}
	facts := gate.Facts{
		Version: gate.FactsVersion, Time: at, Repository: gate.Repository{ID: s.repository, Owner: owner, Name: repo, DefaultBranch: "main"},
		PullRequest: gate.PullRequest{Number: s.pull, Title: s.title, Author: s.by, State: "open", Base: gate.Ref{Branch: "main"}, Head: gate.Ref{SHA: head}},
		Files:       s.files, Changes: s.changes, Backtest: s.backtest, Emergency: s.emergency, Teams: s.teams, Config: gate.ConfigSource{Repository: name, Path: ".github/gatehouse.yml", Commit: strings.Repeat("c", 40)},
	}
	encode := func(v any) []byte {
		text, err := ledger.Canonical(v)
		f.check(err)
		return text
	}
	r := store.Record{
		ID: s.id, RepositoryID: s.repository, Repository: name, PullRequest: s.pull, Title: s.title, Author: s.by, Approvers: s.approvers,
		Base: s.decision.Base, Head: head, Verdict: string(s.decision.Verdict), Time: at, Facts: encode(facts), Decision: encode(s.decision),
		PolicyDigest: s.decision.Policy.Digest, Supersedes: true,
		Terms: []store.Term{{Kind: store.TermPerson, Term: s.by}, {Kind: store.TermCommit, Term: head}},
	}
	if s.documents != nil {
		r.Evidence = &store.Evidence{Changes: encode(diff.Of(s.changes, s.documents, diff.Limits{}))}
		r.Evidence.Manifest = encode(map[string]any{"parts": []string{}, "changes": ledger.Digest(r.Evidence.Changes)})
	}
	for _, c := range s.changes {
		r.Resources = append(r.Resources, store.Resource{Resource: c.Resource, Actions: c.Actions})
	}
	for _, c := range s.files {
		r.Terms = append(r.Terms, store.Term{Kind: store.TermFile, Term: c.Path})
	}
	for _, by := range s.approvers {
		r.Terms = append(r.Terms, store.Term{Kind: store.TermPerson, Term: by})
	}
	for _, found := range s.decision.Findings {
		n := 0
		if found.Status == gate.StatusNew {
			n = 1
		}
		r.Terms = append(r.Terms, store.Term{Kind: store.TermRule, Term: found.Rule, N: n})
		if found.Status == gate.StatusWaived {
			r.Waivers = append(r.Waivers, store.WaiverUse{Rule: found.Rule, Resource: found.Resource, Reason: found.Waiver.Reason, Owner: found.Waiver.Owner, Expires: found.Waiver.Expires})
		}
	}
	_, err := f.store.Record(f.t.Context(), r)
	f.check(err)
}

// posted writes that GitHub has a decision.
func (f *fixture) posted(s story, checkTitle string) {
	f.t.Helper()
	d, err := f.store.Decision(f.t.Context(), s.id)
	f.check(err)
	at := d.Time.Add(2 * time.Second)
	entry := store.Entry{
		Time: at, Type: store.EntryPublication, Actor: "gatehouse", Repository: d.Repository, PullRequest: d.PullRequest, Commit: d.Head, Verdict: d.Verdict,
		Detail: map[string]any{"decision": d.ID, "outcome": store.Published, "what": "check", "check_run": 77, "title": checkTitle},
	}
	f.check(f.store.SavePublication(f.t.Context(), store.Publication{
		RepositoryID: d.RepositoryID, PullRequest: d.PullRequest, Head: d.Head, Decision: d.ID, CheckRunID: 77, State: store.Published, Updated: at,
	}, entry))
}

// blocked is the tests' best-known decision: everything that a decision can say.
func blocked() story {
	return story{
		id: "d-7f31aa01", repository: infraID, pull: 41, title: "Let the vendor in <over SSH>", by: "ann", ago: 3 * time.Hour,
		approvers: []string{"mei"},
		changes: []gate.Change{
			{Kind: "terraform", Type: "aws_security_group", Resource: "aws_security_group.web", File: "infra/prod/plan.tfplan.json", Environment: "production", Actions: []string{"update"}},
			{Kind: "terraform", Type: "aws_db_instance", Resource: "aws_db_instance.main", File: "infra/prod/plan.tfplan.json", Environment: "production", Actions: []string{"delete", "create"}},
			{Kind: "kubernetes", Type: "Service", Resource: "v1/Service/shop/web", File: "k8s/web.yaml", Actions: []string{"create"}},
		},
		documents: blockedDocuments(),
		backtest: &gate.Backtest{Days: 90, PullRequests: 3, Same: 1, Verdicts: 1, NotJudged: 1, Different: []gate.Backtested{
			{PullRequest: 12, Title: "Open <SSH>", Before: gate.Pass, After: gate.Fail, Reasons: []string{"blocks ACME-01 on v1/Pod/shop/web: has no label team"}, More: 2},
		}},
		files: []gate.FileChange{{Status: "modified", Path: "infra/prod/main.tf"}, {Status: "renamed", Path: "k8s/web.yaml", OldPath: "k8s/old.yaml"}},
		decision: gate.Decision{
			Verdict: gate.Fail, Title: "Blocked: IM-06 on aws_security_group.web (+1)",
			Summary: gate.Summary{Documents: 14, Rules: 103, Deny: 1, Warn: 1, Waived: 1, Existing: 1, Unknown: 1},
			Findings: []gate.Finding{
				{Rule: "IM-06", Title: "SSH is not open to the world", Severity: "critical", Enforcement: "deny", Status: "new", Resource: "aws_security_group.web", File: "infra/prod/main.tf", Line: 41, Message: "port 22 is open to 0.0.0.0/0", Remedy: "Reach instances through a session manager; delete the rule."},
				{Rule: "ZT-07", Title: "No node ports", Severity: "medium", Enforcement: "warn", Status: "new", Resource: "v1/Service/shop/web", File: "k8s/web.yaml", Line: 8, Message: "NodePort 30080 is reachable from every node address", Unknown: true},
				{Rule: "IM-06", Title: "SSH is not open to the world", Severity: "critical", Enforcement: "deny", Status: "waived", Resource: "aws_security_group.bastion", Message: "port 22 is open to 0.0.0.0/0", Waiver: &gate.WaiverUse{Reason: "the bastion moves in December", Owner: "mei", Expires: "2026-11-30"}},
				{Rule: "IM-11", Title: "Data is not lost", Severity: "high", Enforcement: "deny", Status: "existing", Resource: "aws_s3_bucket.logs", Message: "may be destroyed"},
			},
			Requirements: []gate.RequirementResult{
				{Name: "production data", Reason: "the plan replaces aws_db_instance.main", Count: 2, From: gate.Who{Teams: []string{"acme/dba"}}, ApprovedBy: []string{"mei"}},
				{Name: "every change", Reason: "every change needs it", Count: 1, From: gate.Who{Permission: "write"}, ApprovedBy: []string{"mei"}, Met: true},
			},
			Discounted: []gate.Discounted{{Login: "sam", Reason: "wrote commit 9b1d0e2 of this pull request"}},
			Unjudged:   []gate.Problem{{Code: "kubernetes", File: "charts/web/values.yaml", Message: "is a template"}},
		},
	}
}

// blockedDocuments are what happens in blocked, value by value.
func blockedDocuments() []gate.Document {
	const plan, token = "infra/prod/plan.tfplan.json", "token:0123456789abcdef0123456789abcde"
	text := func(s string) json.RawMessage { return json.RawMessage(s) }
	return []gate.Document{
		{Kind: "terraform", Resource: "aws_security_group.web", File: plan, Environment: "production",
			Before: text(`{"name":"web","ingress":[{"from_port":443,"to_port":443,"cidr_blocks":["0.0.0.0/0"]}]}`),
			After:  text(`{"name":"web","ingress":[{"from_port":443,"to_port":443,"cidr_blocks":["0.0.0.0/0"]},{"from_port":22,"to_port":22,"cidr_blocks":["0.0.0.0/0"],"description":"<b>vendor</b> \u202e access"}]}`)},
		{Kind: "terraform", Resource: "aws_db_instance.main", File: plan, Environment: "production",
			Before: text(`{"engine_version":"13.4","password":"` + token + `0","arn":"arn:aws:rds:eu-central-1:1:db:main","user_data":"#!/bin/sh\nset -e\n  echo one\n"}`),
			After:  text(`{"engine_version":"14.1","password":"` + token + `1","user_data":"#!/bin/sh\nset -ex\n  echo two\n"}`),
			Change: text(`{"unknown":{"arn":true},"replace_paths":[["engine_version"]]}`)},
		{Kind: "kubernetes", Resource: "v1/Service/shop/web", File: "k8s/web.yaml",
			After: text(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"web","labels":{"app.kubernetes.io/name":"web"}},"spec":{"type":"NodePort","ports":[{"name":"http","port":80,"nodePort":30080}]}}`)},
	}
}

// waiting waits for people.
func waiting() story {
	return story{
		id: "d-a0c4", repository: infraID, pull: 44, title: "Move the database to zone b", by: "ann", ago: 26 * time.Hour,
		changes: []gate.Change{{Resource: "aws_db_instance.main", Actions: []string{"replace"}, File: "infra/prod/plan.tfplan.json", Environment: "production"}},
		files:   []gate.FileChange{{Status: "modified", Path: "infra/prod/database.tf"}},
		decision: gate.Decision{
			Verdict: gate.Wait, Title: "Waiting for 2 approvals from acme/dba", Summary: gate.Summary{Documents: 5, Rules: 103},
			Requirements: []gate.RequirementResult{{Name: "IM-11", Reason: "the plan replaces aws_db_instance.main", Count: 2, From: gate.Who{Teams: []string{"acme/dba"}}}},
		},
	}
}

// passed is a pull request that passed and was merged.
func passed() story {
	return story{
		id: "d-91be", repository: shopID, pull: 7, title: "Two more replicas", by: "sam", ago: 50 * time.Hour, approvers: []string{"mei", "kim"},
		changes:  []gate.Change{{Resource: "apps/v1/Deployment/shop/web", Actions: []string{"update"}, File: "k8s/web.yaml"}},
		files:    []gate.FileChange{{Status: "modified", Path: "k8s/web.yaml"}},
		decision: gate.Decision{Verdict: gate.Pass, Title: "All clear: 3 changes, 103 rules, 2 approvals", Summary: gate.Summary{Documents: 3, Rules: 103}, Requirements: []gate.RequirementResult{{Name: "every change", Reason: "every change needs it", Count: 1, From: gate.Who{Permission: "write"}, ApprovedBy: []string{"kim", "mei"}, Met: true}}},
	}
}

// broken could not be judged.
func broken() story {
	return story{
		id: "d-dead", repository: shopID, pull: 9, title: "Tabs", by: "kim", ago: 20 * time.Minute,
		decision: gate.Decision{
			Verdict: gate.Error, Title: "Gatehouse could not evaluate: k8s/web.yaml:12 is not valid YAML",
			Errors: []gate.Problem{{Code: "kubernetes", File: "k8s/web.yaml", Line: 12, Message: "is not valid YAML: a tab cannot begin a line", Remedy: "Indent with spaces."}},
		},
	}
}

// fill writes a record with something of everything.
func (f *fixture) fill() {
	f.t.Helper()
	for _, s := range []story{passed(), waiting(), blocked(), broken()} {
		f.record(s)
		f.posted(s, s.decision.Title)
	}
	ctx := f.t.Context()
	f.check(f.store.RecordMerge(ctx, store.Merge{RepositoryID: shopID, PullRequest: 7, Commit: strings.Repeat("f", 40), MergedBy: "sam", Base: "main", Time: noon.Add(-49 * time.Hour)}))
	_, err := f.store.Append(ctx, []store.Entry{
		{Time: noon.Add(-5 * time.Hour), Type: store.EntryBypass, Actor: "vic", Repository: "acme/infra", PullRequest: 39, Commit: strings.Repeat("e", 40), Verdict: "bypass", Detail: map[string]any{"branch": "main", "reason": "the decision was fail"}},
		{Time: noon.Add(-4 * time.Hour), Type: store.EntryLogin, Actor: "mei", SourceIP: "192.0.2.1", Detail: map[string]any{"outcome": "granted"}},
	})
	f.check(err)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// body decodes a JSON answer.
func body[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("status %d: %v: %s", w.Code, err, w.Body)
	}
	return v
}
