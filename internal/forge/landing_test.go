package forge

import (
	"errors"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

func TestProtected(t *testing.T) {
	t.Parallel()
	const branch, repo = "GET /repos/acme/shop/branches/release%2F1", "GET /repos/acme/shop"
	for name, c := range map[string]struct {
		branch string
		steps  []step
		want   bool
	}{
		"protected":          {"release/1", []step{{request: branch, answer: `{"protected":true}`}}, true},
		"not protected":      {"release/1", []step{{request: branch, answer: `{"protected":false}`}, {request: repo, answer: `{"default_branch":"main"}`}}, false},
		"gone":               {"release/1", []step{{request: branch, status: 404, answer: `{"message":"Branch not found"}`}, {request: repo, answer: `{"default_branch":"main"}`}}, false},
		"the default branch": {"main", []step{{request: "GET /repos/acme/shop/branches/main", answer: `{}`}, {request: repo, answer: `{"default_branch":"main"}`}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := play(t, c.steps...)
			got, err := r.Protected(background(), c.branch)
			check(t, c.want, got, err)
		})
	}
}

func TestMergedAs(t *testing.T) {
	t.Parallel()
	const request = "GET /repos/acme/shop/commits/" + sha1 + "/pulls?per_page=100&page=1"
	const base = `"base":{"ref":"main","repo":{"full_name":"acme/shop"}}`
	for name, c := range map[string]struct {
		answer string
		want   bool
	}{
		"merged":                {`[{` + base + `},{"merged_at":"2026-01-02T03:04:05Z",` + base + `}]`, true},
		"not merged":            {`[{"merged_at":null,` + base + `}]`, false},
		"to another branch":     {`[{"merged_at":"2026-01-02T03:04:05Z","base":{"ref":"x","repo":{"full_name":"acme/shop"}}}]`, false},
		"in another repository": {`[{"merged_at":"2026-01-02T03:04:05Z","base":{"ref":"main","repo":{"full_name":"octo/shop"}}}]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := play(t, step{request: request, answer: c.answer})
			got, err := r.MergedAs(background(), sha1, "main")
			check(t, c.want, got, err)
		})
	}
	_, r := play(t)
	if _, err := r.MergedAs(background(), "main", "main"); !errors.As(err, new(Unprocessable)) {
		t.Errorf("got %v", err)
	}
}

func TestRepositories(t *testing.T) {
	t.Parallel()
	const path = "/installation/repositories?per_page=100&page="
	_, r := play(t,
		step{request: "GET " + path + "1", header: map[string]string{"Link": `<HOST/api/v3` + path + `2>; rel="next"`},
			answer: `{"repositories":[{"id":1,"name":"a","owner":{"login":"acme"},"default_branch":"main","private":true}]}`},
		step{request: "GET " + path + "2", header: map[string]string{"Link": `<HOST/api/v3` + path + `1>; rel="prev"`},
			answer: `{"repositories":[{"id":2,"name":"b","owner":{"login":"acme"},"archived":true},{"id":3,"name":"c","owner":{"login":"acme"},"default_branch":"trunk"}]}`},
	)
	got, err := r.app.Repositories(background(), 1)
	check(t, []gate.Repository{
		{ID: 1, Owner: "acme", Name: "a", DefaultBranch: "main", Private: true}, {ID: 3, Owner: "acme", Name: "c", DefaultBranch: "trunk"},
	}, got, err)
}

func TestLandedBy(t *testing.T) {
	t.Parallel()
	const request = "GET /repos/acme/shop/commits/" + sha1 + "/pulls?per_page=100&page=1"
	const base = `"base":{"ref":"main","repo":{"full_name":"acme/shop"}}`
	_, r := play(t,
		step{request: request, answer: `[{"number":1,` + base + `},{"number":2,"merged_at":"2026-01-02T03:04:05Z",` + base + `}]`},
		step{request: "GET /repos/acme/shop/pulls/2", answer: `{"number":2,"head":{"sha":"` + sha2 + `"},"merge_commit_sha":"` + sha1 + `","merged_by":{"login":"ann"}}`},
		step{request: request, answer: `[]`},
	)
	got, err := r.LandedBy(background(), sha1, "main")
	check(t, &Landing{Number: 2, Head: sha2, MergeCommit: sha1, MergedBy: "ann"}, got, err)
	got, err = r.LandedBy(background(), sha1, "main")
	check(t, nil, got, err)
	if _, err := r.LandedBy(background(), "main", "main"); !errors.As(err, new(Unprocessable)) {
		t.Errorf("got %v", err)
	}
}

func TestMovedTo(t *testing.T) {
	t.Parallel()
	const request = "GET /repos/acme/shop/activity?per_page=100&ref=refs%2Fheads%2Frelease%2F1"
	for name, c := range map[string]struct {
		step step
		want *Move
	}{
		"somebody": {step{answer: `[{"after":"` + sha2 + `","actor":{"login":"mei"},"activity_type":"push"},
			{"before":"` + sha2 + `","after":"` + sha1 + `","actor":{"login":"vic"},"activity_type":"pr_merge"}]`}, &Move{sha2, sha1, "vic", "pr_merge"}},
		"a deleted user":  {step{answer: `[{"after":"` + sha1 + `","actor":null,"activity_type":"push"}]`}, &Move{After: sha1, Kind: "push"}},
		"long ago":        {step{answer: `[]`}, nil},
		"an older server": {step{status: 404, answer: `{"message":"Not Found"}`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.step.request = request
			_, r := play(t, c.step)
			got, err := r.MovedTo(background(), "release/1", sha1)
			check(t, c.want, got, err)
			if got != nil && got.Pushed() != (got.Kind == "push") {
				t.Errorf("%s: pushed is %v", got.Kind, got.Pushed())
			}
		})
	}
}
