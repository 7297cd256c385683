package githubsim

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDeploymentProtection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	free := w.repo.Deploy(DeploymentSpec{Environment: "staging", SHA: w.repo.Head("main"), By: "wendy"})
	if state, _ := free.State(); state != "approved" {
		t.Errorf("an environment that nobody protects: %s", state)
	}
	perms := map[string]string{"deployments": "write", "contents": "read"}
	w.inst.SetPermissions(perms, []string{"deployment_protection_rule"})
	w.repo.ProtectEnvironment("production", w.app)
	d := w.repo.Deploy(DeploymentSpec{Environment: "production", SHA: w.repo.Head("main"), By: "wendy"})
	if err := w.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	var event map[string]any
	for _, r := range w.hooks.all() {
		if r.header.Get("X-GitHub-Event") == "deployment_protection_rule" {
			event = r.body
		}
	}
	path := fmt.Sprintf("/repos/acme/infra/actions/runs/%d/deployment_protection_rule", d.run.id)
	got := []any{event["action"], event["environment"], event["deployment_callback_url"], event["deployment"].(map[string]any)["sha"]}
	if diff := cmp.Diff([]any{"requested", "production", w.URL() + "/api/v3" + path, w.repo.Head("main")}, got); diff != "" {
		t.Error(diff)
	}
	token := w.inst.Token()
	for name, body := range map[string]object{
		`422 Invalid request.` + "\n\n" + `"environment_name" wasn't supplied.`:                                    {"state": "approved"},
		"422 Invalid request.\n\nmaybe is not a possible value. Must be one of the following: approved, rejected.": {"environment_name": "production", "state": "maybe"},
		"422 There are no pending deployment protection rules of this App for the environment staging.":            {"environment_name": "staging", "state": "approved"},
	} {
		if got := w.call(token, "POST", path, body).said(); got != name {
			t.Errorf("got %q, want %q", got, name)
		}
	}
	approve := object{"environment_name": "production", "state": "approved", "comment": "well"}
	if got := w.call(w.AddUserToken("olga"), "POST", path, approve).status; got != 403 {
		t.Errorf("a person: %d", got)
	}
	if got := w.call(token, "POST", "/repos/acme/infra/actions/runs/1/deployment_protection_rule", approve).status; got != 404 {
		t.Errorf("another run: %d", got)
	}
	if got := w.call(token, "POST", path, approve); got.status != 204 {
		t.Errorf("approving: %s", got.said())
	}
	if got := w.call(token, "POST", path, approve).status; got != 422 {
		t.Errorf("approving again: %d", got)
	}
	state, comment := d.State()
	if diff := cmp.Diff([]string{"approved", "well"}, []string{state, comment}); diff != "" {
		t.Error(diff)
	}
}
