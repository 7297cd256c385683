package githubsim

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// schema is the part of an OpenAPI schema that the fixture keeps.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"`
	Nullable   bool              `json:"nullable"`
	Required   []string          `json:"required"`
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
	Enum       []any             `json:"enum"`
	AnyOf      []schema          `json:"anyOf"`
	OneOf      []schema          `json:"oneOf"`
	AllOf      []schema          `json:"allOf"`
}

type schemas struct {
	Operations map[string]schema `json:"operations"`
	Schemas    map[string]schema `json:"schemas"`
}

func readFixture(t *testing.T, name string, to any) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, to); err != nil {
		t.Fatal(err)
	}
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// check lists where a value does not fit the schema.
func (all schemas) check(at string, sc schema, v any) []string {
	if sc.Ref != "" {
		return all.check(at, all.Schemas[sc.Ref], v)
	}
	var bad []string
	for _, part := range sc.AllOf {
		bad = append(bad, all.check(at, part, v)...)
	}
	if v == nil && sc.Nullable {
		return bad
	}
	if alternatives := append(slices.Clone(sc.AnyOf), sc.OneOf...); len(alternatives) > 0 {
		var tried []string
		for _, alt := range alternatives {
			problems := all.check(at, alt, v)
			if len(problems) == 0 {
				return bad
			}
			tried = append(tried, problems[0])
		}
		return append(bad, fmt.Sprintf("%s fits no alternative: %s", at, strings.Join(tried, " | ")))
	}
	if types := typesOf(sc); len(types) > 0 && !slices.Contains(types, typeOf(v)) {
		return append(bad, fmt.Sprintf("%s is %s, wanted %v", at, typeOf(v), types))
	}
	if len(sc.Enum) > 0 && !slices.Contains(sc.Enum, v) {
		bad = append(bad, fmt.Sprintf("%s is %v, wanted one of %v", at, v, sc.Enum))
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range sc.Required {
			if _, found := v[name]; !found {
				bad = append(bad, at+"."+name+" is missing")
			}
		}
		for name, sub := range sc.Properties {
			if field, found := v[name]; found {
				bad = append(bad, all.check(at+"."+name, sub, field)...)
			}
		}
	case []any:
		for i, item := range v {
			if sc.Items != nil {
				bad = append(bad, all.check(fmt.Sprintf("%s[%d]", at, i), *sc.Items, item)...)
			}
		}
	}
	return bad
}

func typesOf(sc schema) []string {
	var out []string
	switch typ := sc.Type.(type) {
	case string:
		out = []string{typ}
	case []any:
		for _, x := range typ {
			out = append(out, x.(string))
		}
	}
	for i, x := range out {
		if x == "integer" {
			out[i] = "number"
		}
	}
	return out
}

// busyWorld has one of everything.
func busyWorld(t *testing.T) (*world, *PR, *CheckRun) {
	w := newWorld(t)
	team := w.org.AddTeam(TeamSpec{Name: "Platform"})
	w.org.AddTeam(TeamSpec{Name: "dba", Parent: team}).Add("walt")
	team.Grant(w.repo, "push")
	p := w.openPR()
	p.Label("walt", "db")
	p.RequestReview("wendy", "walt", "acme/platform")
	p.Review("rita", Commented, "hm")
	p.Approve("olga").Dismiss("olga", "too quick")
	cm := p.Comment("rita", "hello")
	w.call(w.inst.Token(), "POST", fmt.Sprintf("/repos/acme/infra/issues/comments/%d/reactions", cm.ID()), map[string]any{"content": "eyes"})
	w.call(w.inst.Token(), "POST", "/repos/acme/infra/check-runs", map[string]any{
		"name": "gatehouse", "head_sha": p.HeadSHA(), "conclusion": "failure",
		"output":  map[string]any{"title": "No", "summary": "s", "annotations": notes(2)},
		"actions": []any{map[string]any{"label": "Re-evaluate", "description": "Look again", "identifier": "reevaluate"}},
	})
	if err := w.repo.SetStatus("wendy", p.HeadSHA(), "ci", "success"); err != nil {
		t.Fatal(err)
	}
	checks := []RequiredCheck{{Context: "gatehouse", AppID: w.app.ID()}, {Context: "any"}}
	w.repo.Protect("main", Protection{RequiredChecks: checks, RequiredReviews: 1, PushAllowed: []string{"olga"}})
	w.repo.AddRuleset(RulesetSpec{Name: "main", RequiredChecks: checks, RequiredReviews: 2, BlockForcePush: true, BlockDeletion: true})
	cr := w.repo.CheckRun(p.HeadSHA(), "gatehouse")
	w.settle()
	return w, p, cr
}

func TestAnswersFitGitHubsDescription(t *testing.T) {
	t.Parallel()
	var all schemas
	readFixture(t, "openapi.json", &all)
	w, p, cr := busyWorld(t)
	token, jwt := w.inst.Token(), w.jwt(nil)
	const repo = "/repos/acme/infra"
	deliveries := w.call(jwt, "GET", "/app/hook/deliveries", nil).list(t)
	rulesets := w.call(token, "GET", repo+"/rulesets", nil).list(t)
	comments := w.call(token, "GET", repo+"/issues/1/comments", nil).list(t)
	paths := map[string]string{
		"app": "/app", "installations": "/app/installations", "installation": repo + "/installation",
		"access_token": fmt.Sprintf("POST /app/installations/%d/access_tokens", w.inst.ID()), "deliveries": "/app/hook/deliveries",
		"delivery": fmt.Sprintf("/app/hook/deliveries/%.0f", deliveries[0]["id"]),
		"repo":     repo, "pull": repo + "/pulls/1", "pulls": repo + "/pulls", "files": repo + "/pulls/1/files",
		"pull_commits": repo + "/pulls/1/commits", "reviews": repo + "/pulls/1/reviews", "commit": repo + "/commits/main",
		"commits": repo + "/commits", "check_run": fmt.Sprintf(repo+"/check-runs/%d", cr.ID()),
		"check_runs": repo + "/commits/feature/check-runs", "check_suites": repo + "/commits/feature/check-suites",
		"annotations": fmt.Sprintf(repo+"/check-runs/%d/annotations", cr.ID()), "combined_status": repo + "/commits/feature/status",
		"statuses": repo + "/commits/feature/statuses", "compare": repo + "/compare/main...feature", "branch": repo + "/branches/main",
		"branches": repo + "/branches", "protection": repo + "/branches/main/protection", "branch_rules": repo + "/rules/branches/main",
		"rulesets": repo + "/rulesets", "ruleset": fmt.Sprintf(repo+"/rulesets/%.0f", rulesets[0]["id"]),
		"ref": repo + "/git/ref/heads/main", "git_commit": repo + "/git/commits/" + p.HeadSHA(),
		"permission": repo + "/collaborators/wendy/permission", "teams": "/orgs/acme/teams", "team": "/orgs/acme/teams/dba",
		"membership": "/orgs/acme/teams/platform/memberships/walt", "comments": repo + "/issues/1/comments", "issue": repo + "/issues/1",
		"reviewers": repo + "/pulls/1/requested_reviewers", "user": "/users/wendy", "rate_limit": "/rate_limit",
		"reactions": fmt.Sprintf(repo+"/issues/comments/%.0f/reactions", comments[0]["id"]), "contents": repo + "/contents/main.tf",
	}
	for name, sc := range all.Operations {
		method, path := "GET", paths[name]
		if path == "" {
			t.Errorf("no request for %s", name)
			continue
		}
		if m, rest, found := strings.Cut(path, " "); found {
			method, path = m, rest
		}
		auth := token
		if strings.HasPrefix(path, "/app") || strings.HasSuffix(path, "/installation") {
			auth = jwt
		}
		got := w.call(auth, method, path, nil)
		var v any
		if err := json.Unmarshal(got.raw, &v); err != nil || got.status > 299 {
			t.Errorf("%s: %d %s", path, got.status, got.raw)
			continue
		}
		if list, isList := v.([]any); isList && len(list) == 0 {
			t.Errorf("%s: nothing to check in an empty list", path)
		}
		for _, problem := range all.check(name, sc, v) {
			t.Error(problem)
		}
	}
}

// special are fields that recordings have and ours need not: a job's deployment, a field of drafts only, and a push's repository,
// whose times are numbers there.
var special = []string{
	"check_run.created.check_run.deployment", "issues.opened.issue.draft", "push.repository.created_at", "push.repository.pushed_at",
}

// covers lists the fields of a recorded payload that ours has not, or has with another type.
func covers(shapes map[string]any, at string, want, got any) []string {
	if name, isName := want.(string); isName && strings.HasPrefix(name, "@") {
		want = shapes[name[1:]]
	}
	var bad []string
	switch want := want.(type) {
	case map[string]any:
		have, isObject := got.(map[string]any)
		if !isObject {
			if got == nil {
				return nil
			}
			return []string{at + " is " + typeOf(got) + ", wanted an object"}
		}
		for name, sub := range want {
			field, found := have[name]
			switch {
			case slices.Contains(special, at+"."+name) || strings.HasSuffix(at, ".permissions"):
			case !found:
				bad = append(bad, at+"."+name+" is missing")
			default:
				bad = append(bad, covers(shapes, at+"."+name, sub, field)...)
			}
		}
	case []any:
		list, isList := got.([]any)
		if !isList {
			return []string{at + " is " + typeOf(got) + ", wanted a list"}
		}
		if len(want) > 0 && len(list) > 0 {
			bad = append(bad, covers(shapes, at+"[]", want[0], list[0])...)
		}
	case string:
		if got != nil && typeOf(got) != want {
			bad = append(bad, fmt.Sprintf("%s is %s, wanted %s", at, typeOf(got), want))
		}
	}
	return bad
}

func TestPayloadsHaveTheFieldsOfRecordedOnes(t *testing.T) {
	t.Parallel()
	var shapes map[string]any
	readFixture(t, "webhooks.json", &shapes)
	w, p, cr := busyWorld(t)
	cr.Rerequest("wendy")
	cr.RequestAction("wendy", "reevaluate")
	p.Comment("rita", "x").Edit("rita", "y")
	p.Push(CommitSpec{Files: map[string]string{"b": "1"}})
	w.repo.OpenIssue("rita", "t", "b").Label("rita", "bug")
	second := w.CreateRepo(RepoSpec{Owner: "acme", Name: "second"})
	w.repo.AddCollaborator("rita", "triage")
	w.AddApp(AppSpec{Slug: "late", Key: testKey(), WebhookURL: w.hook}).Install("acme", w.repo).AddRepos(second)
	p.Close("wendy")
	if err := w.repo.DeleteBranch("olga", "feature"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	seen := map[string]bool{}
	for _, got := range w.hooks.all() {
		name := got.header.Get("X-GitHub-Event")
		if a, _ := got.body["action"].(string); a != "" {
			name += "." + a
		}
		want, known := shapes[name]
		if !known || seen[name] {
			continue
		}
		seen[name] = true
		for _, problem := range covers(shapes, name, want, any(got.body)) {
			t.Error(problem)
		}
	}
	for name := range shapes {
		if !strings.HasPrefix(name, "_") && !seen[name] {
			t.Errorf("no %s was sent", name)
		}
	}
}
