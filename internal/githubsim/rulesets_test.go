package githubsim

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wantedRuleset is the body of a ruleset that GitHub takes.
func wantedRuleset(app int64) object {
	return object{
		"name": "gate", "target": "branch", "enforcement": "active", "bypass_actors": []object{},
		"conditions": object{"ref_name": object{"include": []string{"~DEFAULT_BRANCH"}, "exclude": []string{}}},
		"rules": []object{
			{"type": "deletion"},
			{"type": "pull_request", "parameters": object{
				"dismiss_stale_reviews_on_push": true, "require_code_owner_review": false, "require_last_push_approval": false,
				"required_approving_review_count": 1, "required_review_thread_resolution": false,
			}},
			{"type": "required_status_checks", "parameters": object{
				"strict_required_status_checks_policy": false, "required_status_checks": []object{{"context": "gatehouse", "integration_id": app}},
			}},
		},
	}
}

func TestWritingRulesets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const path = "/repos/acme/infra/rulesets"
	owner, writer := w.AddUserToken("olga"), w.AddUserToken("walt")
	body := wantedRuleset(w.app.ID())
	if s := w.call(writer, "POST", path, body).said(); s != "403 Must have admin rights to Repository." {
		t.Errorf("a writer: %s", s)
	}
	if s := w.call(w.inst.Token(), "POST", path, body).said(); s != "403 Resource not accessible by integration" {
		t.Errorf("an App that may read administration: %s", s)
	}
	made := w.call(owner, "POST", path, body)
	if made.status != 201 {
		t.Fatalf("creating: %s", made.said())
	}
	id := int64(made.object(t)["id"].(float64))
	for name, change := range map[string]func(object){
		"Name must be unique":                     func(object) {},
		"Enforcement is not included in the list": func(o object) { o["enforcement"] = "on" },
		"Invalid rule 'coffee'":                   func(o object) { o["rules"] = []object{{"type": "coffee"}} },
		`Conditions Invalid target pattern "main"`: func(o object) {
			o["conditions"] = object{"ref_name": object{"include": []string{"main"}, "exclude": []string{}}}
		},
		"Conditions must have ref_name with include and exclude":    func(o object) { o["conditions"] = object{} },
		"Invalid rule 'required_status_checks': Missing parameters": func(o object) { o["rules"] = []object{{"type": "required_status_checks"}} },
		"Invalid rule 'pull_request': Missing parameter 'require_code_owner_review'": func(o object) {
			o["rules"] = []object{{"type": "pull_request", "parameters": object{"dismiss_stale_reviews_on_push": true}}}
		},
	} {
		bad := wantedRuleset(w.app.ID())
		change(bad)
		if got, want := w.call(owner, "POST", path, bad).said(), "422 Validation Failed ["+name+"]"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	body["enforcement"], body["name"] = "disabled", "sleeping"
	if got := w.call(owner, "PUT", fmt.Sprintf("%s/%d", path, id), body); got.status != 200 || got.object(t)["enforcement"] != "disabled" {
		t.Errorf("changing: %s", got.said())
	}
	if got := w.call(owner, "PUT", path+"/1", body).status; got != 404 {
		t.Errorf("one that is not there: %d", got)
	}
	var events []string
	for _, d := range w.Hooks().Deliveries() {
		if d.Event == "repository_ruleset" {
			events = append(events, d.Action)
		}
	}
	if diff := cmp.Diff([]string{"created", "edited"}, events); diff != "" {
		t.Error(diff)
	}
}

func TestRulesetsOfTheOrganisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.org.AddRuleset(RulesetSpec{Name: "all", Branches: []string{"refs/heads/**/*"}, RequiredReviews: 1, Repositories: []string{"infra"}})
	w.org.AddRuleset(RulesetSpec{Name: "elsewhere", RequiredReviews: 1, Repositories: []string{"other"}})
	if _, err := w.openPR().Merge("olga", MergeOptions{}); err == nil {
		t.Error("it does not hold")
	}
	token := w.inst.Token()
	ruleset := fmt.Sprintf("/repos/acme/infra/rulesets/%d", id)
	got := []any{
		len(w.call(token, "GET", "/repos/acme/infra/rules/branches/a/b", nil).list(t)),
		w.call(token, "GET", "/repos/acme/infra/rules/branches/a/b", nil).list(t)[0]["ruleset_source_type"],
		len(w.call(token, "GET", "/repos/acme/infra/rulesets", nil).list(t)),
		len(w.call(token, "GET", "/repos/acme/infra/rulesets?includes_parents=false", nil).list(t)),
		w.call(token, "GET", ruleset, nil).object(t)["source"],
		w.call(token, "GET", ruleset+"?includes_parents=false", nil).status,
	}
	if diff := cmp.Diff([]any{1, "Organization", 1, 0, "acme", 404}, got); diff != "" {
		t.Error(diff)
	}
	if _, shown := w.call(w.AddUserToken("walt"), "GET", ruleset, nil).object(t)["bypass_actors"]; shown {
		t.Error("somebody who may not change it sees who may go around it")
	}
	w.org.DeleteRuleset(id)
	if got := w.call(token, "GET", "/repos/acme/infra/rules/branches/main", nil).list(t); len(got) != 0 {
		t.Errorf("after it was deleted: %v", got)
	}
}
