package forge

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/posture"
)

const (
	protectionPath = "GET /repos/acme/shop/branches/release%2F1/protection"
	branchPath     = "GET /repos/acme/shop/branches/release%2F1"
	rulesPath      = "GET /repos/acme/shop/rules/branches/release%2F1?per_page=100&page=1"
	rulesetsPath   = "GET /repos/acme/shop/rulesets?includes_parents=true&per_page=100&page=1"
	notProtected   = `{"message":"Branch not protected"}`
	noRights       = `{"message":"Resource not accessible by integration"}`
	hidden         = `{"message":"Not Found"}`
	upgrade        = `{"message":"Upgrade to GitHub Pro or make this repository public to enable this feature."}`
)

// TestProtection plays GitHub's answers, each in the form that its documentation gives.
func TestProtection(t *testing.T) {
	t.Parallel()
	none := []step{{request: rulesPath, answer: `[]`}, {request: rulesetsPath, answer: `[]`}}
	pinned := []posture.Check{{Name: "gatehouse", AppID: 7}}
	const summary = `{"name":"release/1","protection":{"enabled":true,"required_status_checks":{"enforcement_level":"everyone","contexts":["gatehouse"],"checks":[{"context":"gatehouse","app_id":7}]}}}`
	for name, c := range map[string]struct {
		steps []step
		want  posture.Branch
	}{
		"nothing": {append([]step{{request: protectionPath, status: 404, answer: notProtected}}, none...), posture.Branch{}},
		"classic": {append([]step{{request: protectionPath, answer: `{"enforce_admins":{"enabled":true},"allow_force_pushes":{"enabled":true},"allow_deletions":{"enabled":false},
			"required_status_checks":{"strict":false,"contexts":["gatehouse","ci","old"],"checks":[{"context":"gatehouse","app_id":7},{"context":"ci","app_id":-1}]},
			"required_pull_request_reviews":{"dismiss_stale_reviews":true,"required_approving_review_count":2,
				"bypass_pull_request_allowances":{"users":[{"login":"mei"}],"teams":[{"slug":"dba"}],"apps":[{"slug":"bot"}]}}}`}}, none...),
			posture.Branch{Classic: &posture.Classic{
				Checks: []posture.Check{{Name: "gatehouse", AppID: 7}, {Name: "ci"}, {Name: "old"}}, EnforceAdmins: true, AllowForce: true,
				PullRequest: true, Reviews: 2, DismissStale: true, Without: []string{"mei", "the team dba", "the App bot"},
			}}},
		"a plan without protection": {[]step{{request: protectionPath, status: 403, answer: upgrade}, {request: rulesPath, status: 403, answer: upgrade, auth: "token ghs_2"}}, posture.Branch{}},
		"an old token, then a new one": {append([]step{{request: protectionPath, status: 403, answer: noRights}, {request: protectionPath, status: 404, answer: notProtected, auth: "token ghs_2"}},
			step{request: rulesPath, answer: `[]`, auth: "token ghs_2"}, step{request: rulesetsPath, answer: `[]`, auth: "token ghs_2"}), posture.Branch{}},
		"without administration, what is shown to everybody": {append([]step{{request: protectionPath, status: 404, answer: hidden}, {request: branchPath, answer: summary}}, none...),
			posture.Branch{Classic: &posture.Classic{Partial: true, Checks: pinned, EnforceAdmins: true}}},
		"without administration, and not protected": {append([]step{{request: protectionPath, status: 404, answer: hidden},
			{request: branchPath, answer: `{"protection":{"enabled":false}}`}}, none...), posture.Branch{}},
		"a server that does not even show that": {append([]step{{request: protectionPath, status: 404, answer: hidden}, {request: branchPath, answer: `{"protected":true}`}}, none...),
			posture.Branch{Unread: []string{grantAdministration}}},
		"rulesets that cannot be read": {[]step{{request: protectionPath, status: 404, answer: notProtected}, {request: rulesPath, status: 404, answer: hidden}},
			posture.Branch{Unread: []string{"The rulesets could not be read; check that the App is installed on the repository."}}},
		"rulesets of repository and organisation, and one that is only tried": {[]step{
			{request: protectionPath, status: 404, answer: notProtected},
			{request: rulesPath, answer: `[{"type":"deletion","ruleset_source":"acme","ruleset_id":9},
				{"type":"required_status_checks","ruleset_source":"acme/shop","ruleset_id":5,"parameters":{"required_status_checks":[{"context":"gatehouse","integration_id":7},{"context":"ci"}]}},
				{"type":"pull_request","ruleset_source":"acme/shop","ruleset_id":5,"parameters":{"required_approving_review_count":1,"dismiss_stale_reviews_on_push":true}},
				{"type":"non_fast_forward","ruleset_source":"acme/shop","ruleset_id":5},{"type":"of_the_future","ruleset_source":"acme/shop","ruleset_id":5}]`},
			{request: rulesetsPath, answer: `[{"id":5,"name":"gate","source":"acme/shop","target":"branch","enforcement":"active"},
				{"id":9,"name":"all","source":"acme","target":"branch","enforcement":"active"},{"id":10,"name":"tags","target":"tag","enforcement":"active"},
				{"id":11,"name":"trial","source":"acme/shop","target":"branch","enforcement":"evaluate"},{"id":12,"name":"elsewhere","target":"branch","enforcement":"disabled"}]`},
			{request: "GET /repos/acme/shop/rulesets/5?includes_parents=true", answer: `{"id":5,"name":"gate","bypass_actors":[{"actor_id":5,"actor_type":"RepositoryRole","bypass_mode":"always"},{"actor_id":null,"actor_type":"OrganizationAdmin","bypass_mode":"pull_request"}]}`},
			{request: "GET /repos/acme/shop/rulesets/9?includes_parents=true", answer: `{"id":9,"name":"all"}`},
			{request: "GET /repos/acme/shop/rulesets/11?includes_parents=true", answer: `{"id":11,"name":"trial","enforcement":"evaluate","conditions":{"ref_name":{"include":["refs/heads/release/*"],"exclude":[]}},
				"rules":[{"type":"required_status_checks","parameters":{"required_status_checks":[{"context":"gatehouse","integration_id":7}]}}]}`},
			{request: "GET /repos/acme/shop/rulesets/12?includes_parents=true", answer: `{"id":12,"name":"elsewhere","conditions":{"ref_name":{"include":["~DEFAULT_BRANCH"],"exclude":[]}}}`},
		}, posture.Branch{Rulesets: []posture.Ruleset{
			{ID: 5, Name: "gate", Source: "acme/shop", Enforcement: "active", Applies: true, Checks: append(pinned, posture.Check{Name: "ci"}), PullRequest: true, Reviews: 1,
				DismissStale: true, BlockForce: true, BypassKnown: true, Bypass: []posture.Actor{{Type: "RepositoryRole", ID: 5, Mode: "always"}, {Type: "OrganizationAdmin", Mode: "pull_request"}}},
			{ID: 9, Name: "all", Source: "acme", Enforcement: "active", Applies: true, BlockDelete: true},
			{ID: 11, Name: "trial", Source: "acme/shop", Enforcement: "evaluate", Checks: pinned},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := play(t, c.steps...)
			c.want.Repository, c.want.Name = "acme/shop", "release/1"
			got, err := r.Protection(background(), "release/1", false)
			check(t, c.want, got, err)
		})
	}
}

func TestProtectionThatFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps []step
		want  any
	}{
		"no such branch": {[]step{{request: protectionPath, status: 404, answer: `{"message":"Branch not found"}`}}, new(NotFound)},
		"GitHub is down": {[]step{{request: protectionPath, status: 502}}, new(Temporary)},
		"down later":     {[]step{{request: protectionPath, status: 404, answer: notProtected}, {request: rulesPath, status: 502}}, new(Temporary)},
		"down at last": {[]step{{request: protectionPath, status: 404, answer: notProtected}, {request: rulesPath, answer: `[{"type":"deletion","ruleset_id":5}]`},
			{request: rulesetsPath, answer: `[{"id":5,"target":"branch","enforcement":"active"}]`}, {request: "GET /repos/acme/shop/rulesets/5?includes_parents=true", status: 500}}, new(Temporary)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := play(t, c.steps...)
			if _, err := r.Protection(background(), "release/1", false); !errors.As(err, c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A person's token is used as it is, is sent to GitHub alone, and is no reason to make one of the App's.
func TestAsAPerson(t *testing.T) {
	t.Parallel()
	const auth = "Bearer ghp_mine"
	_, r := play(t,
		step{request: "GET /repos/acme/shop", auth: auth, answer: `{"permissions":{"admin":true}}`},
		step{request: "GET /repos/acme/shop/rulesets?includes_parents=false&per_page=100&page=1", auth: auth, answer: `[{"id":4,"name":"gatehouse","target":"tag"},{"id":5,"name":"gatehouse","target":"branch"}]`},
		step{request: "GET /repos/acme/shop/rulesets/5?includes_parents=false", auth: auth, answer: `{"id":5,"name":"gatehouse","target":"branch","enforcement":"active","rules":[],"bypass_actors":[]}`},
		step{request: "PUT /repos/acme/shop/rulesets/5", auth: auth, body: `{"name":"gatehouse","target":"branch","enforcement":"active","conditions":{"ref_name":{"include":null,"exclude":null}},"rules":[],"bypass_actors":[]}`, answer: `{}`},
		step{request: "POST /repos/acme/shop/rulesets", auth: auth, status: 403, answer: `{"message":"Must have admin rights to Repository."}`,
			body: `{"name":"gatehouse","target":"branch","enforcement":"active","conditions":{"ref_name":{"include":null,"exclude":null}},"rules":[],"bypass_actors":[]}`},
		step{request: "GET /repos/acme/shop", auth: auth, status: http.StatusFound, header: map[string]string{"Location": "http://elsewhere.invalid/"}},
	)
	person := r.app.As("ghp_mine", "acme", "shop")
	may, err := person.Administers(background())
	check(t, true, may, err)
	rules, err := person.Ruleset(background(), "gatehouse")
	if err != nil || rules.ID != 5 {
		t.Fatal(rules, err)
	}
	if err := person.PutRuleset(background(), *rules); err != nil {
		t.Error(err)
	}
	rules.ID = 0
	if err := person.PutRuleset(background(), *rules); !errors.As(err, new(MissingPermission)) {
		t.Errorf("a refused write: %v", err)
	}
	if _, err := person.Administers(background()); !errors.As(err, new(Unprocessable)) {
		t.Errorf("led elsewhere: %v", err)
	}
	if _, err := person.Token(background()); err == nil {
		t.Error("git gets a person's token")
	}
}

func TestCredentialsOfANewApp(t *testing.T) {
	t.Parallel()
	good := Credentials{ID: 1, Slug: "gate", URL: "https://github.com/apps/gate", ClientID: "Iv1", ClientSecret: "s", WebhookSecret: "w", PrivateKey: string(key())}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Credentials){
		"a second line":   func(c *Credentials) { c.WebhookSecret = "w\nGITHUB_API_URL=https://evil.example" },
		"a shell's word":  func(c *Credentials) { c.ClientSecret = "$(rm -rf /)" },
		"no secret":       func(c *Credentials) { c.WebhookSecret = "" },
		"no key":          func(c *Credentials) { c.PrivateKey = "key" },
		"more than a key": func(c *Credentials) { c.PrivateKey += "more" },
		"no id":           func(c *Credentials) { c.ID = 0 },
	} {
		c := good
		if change(&c); c.check() == nil {
			t.Errorf("%s passes", name)
		}
	}
	if _, err := Convert(background(), "https://api.github.com", "test", "../../user", nil); !errors.As(err, new(Unprocessable)) {
		t.Errorf("a code that leads elsewhere: %v", err)
	}
}
