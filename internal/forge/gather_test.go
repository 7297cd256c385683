package forge

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

const pullAnswer = `{
 "number": 5, "title": "Open <b>SSH</b>", "state": "open", "merged": false, "draft": true, "html_url": "https://github.com/acme/shop/pull/5",
 "user": {"login": "octo", "type": "User"}, "labels": [{"name": "infra"}, {"name": "a"}],
 "base": {"ref": "main", "sha": "` + sha2 + `", "repo": {"id": 3, "name": "shop", "full_name": "acme/shop", "owner": {"login": "acme"}, "default_branch": "trunk", "private": true}},
 "head": {"ref": "fix", "sha": "` + sha1 + `", "repo": %s}}`

func TestPullRequest(t *testing.T) {
	t.Parallel()
	want := gate.PullRequest{
		Number: 5, Title: "Open <b>SSH</b>", Author: "octo", State: "open", Draft: true, Labels: []string{"a", "infra"},
		URL:  "https://github.com/acme/shop/pull/5",
		Base: gate.Ref{Branch: "main", SHA: sha2, Repository: "acme/shop"}, Head: gate.Ref{Branch: "fix", SHA: sha1, Repository: "acme/shop"},
	}
	for name, c := range map[string]struct {
		headRepo, repository string
		fork                 bool
	}{
		"a branch":       {`{"full_name": "Acme/shop"}`, "Acme/shop", false},
		"a fork":         {`{"full_name": "octo/shop"}`, "octo/shop", true},
		"a deleted fork": {"null", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := play(t, step{request: "GET /repos/acme/shop/pulls/5", answer: fmt.Sprintf(pullAnswer, c.headRepo)})
			want := want
			want.Head.Repository, want.Fork = c.repository, c.fork
			repo, pr, err := r.PullRequest(background(), 5)
			check(t, want, pr, err)
			check(t, gate.Repository{ID: 3, Owner: "acme", Name: "shop", DefaultBranch: "trunk", Private: true}, repo, nil)
		})
	}
}

func TestPullRequestThatIsNotThereOrNotWhole(t *testing.T) {
	t.Parallel()
	const request = "GET /repos/acme/shop/pulls/5"
	_, r := play(t, step{request: request, status: 404, answer: `{"message":"Not Found"}`}, step{request: request, answer: `{"number":5}`})
	if _, _, err := r.PullRequest(background(), 5); err != (NotFound{What: "pull request #5"}) {
		t.Errorf("got %v", err)
	}
	if _, _, err := r.PullRequest(background(), 5); !errors.As(err, new(Temporary)) {
		t.Errorf("got %v", err)
	}
}

func TestReviewsOnAllPages(t *testing.T) {
	t.Parallel()
	const path = "/repos/acme/shop/pulls/5/reviews?per_page=100&page="
	_, r := play(t,
		step{request: "GET " + path + "1", header: map[string]string{"Link": `<HOST/api/v3` + path + `2>; rel="next"`}, answer: `[
		 {"id":1,"user":{"login":"mei","type":"User"},"state":"approved","commit_id":"` + sha1 + `","submitted_at":"2026-01-02T03:04:05+01:00"},
		 {"id":2,"user":null,"state":"APPROVED","commit_id":"` + sha1 + `","submitted_at":"2026-01-02T03:04:06Z"}]`},
		step{request: "GET " + path + "2", header: map[string]string{"Link": `<HOST/api/v3` + path + `1>; rel="prev"`}, answer: `[
		 {"id":3,"user":{"login":"Mei","type":"User"},"author_association":"NONE","state":"CHANGES_REQUESTED","commit_id":null,"submitted_at":"2026-01-02T03:04:07Z"},
		 {"id":4,"user":{"login":"x[bot]","type":"User"},"author_association":"MEMBER","state":"COMMENTED","commit_id":"` + sha2 + `"}]`},
	)
	reviews, actors, err := r.Reviews(background(), 5)
	check(t, []gate.Review{
		{ID: 1, Login: "mei", State: "APPROVED", CommitID: sha1, Time: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)},
		{ID: 2, State: "APPROVED", CommitID: sha1, Time: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)},
		{ID: 3, Login: "Mei", State: "CHANGES_REQUESTED", Time: time.Date(2026, 1, 2, 3, 4, 7, 0, time.UTC)},
		{ID: 4, Login: "x[bot]", State: "COMMENTED", CommitID: sha2},
	}, reviews, err)
	check(t, []Speaker{{Login: "mei", Type: "User"}, {Login: "x[bot]", Type: "Bot", Insider: true}}, actors, nil)
}

// Those who may write are listed once and remembered, unless they must be fresh; a list that GitHub does not give, or not as a whole, is none.
func TestWriters(t *testing.T) {
	t.Parallel()
	const path = "GET /repos/acme/shop/collaborators?permission=push&per_page=100&page=1"
	list := func(logins ...string) string {
		var items []string
		for _, l := range logins {
			items = append(items, fmt.Sprintf(`{"login":%q,"permissions":{"pull":true,"push":%v}}`, l, l != "reader"))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	_, r := play(t, step{request: path, answer: list("Mei", "reader")}, step{request: path, answer: list("sam")}, step{request: path, status: 404}, step{request: path, status: 502})
	type answer struct {
		Logins            map[string]bool
		Whole, Remembered bool
		Failed            bool
	}
	ask := func(fresh bool) answer {
		logins, whole, remembered, err := r.Writers(background(), fresh)
		return answer{logins, whole, remembered, err != nil}
	}
	got := []answer{ask(false), ask(false), ask(true), ask(true), ask(true)}
	want := []answer{
		{Logins: map[string]bool{"mei": true}, Whole: true}, {Logins: map[string]bool{"mei": true}, Whole: true, Remembered: true},
		{Logins: map[string]bool{"sam": true}, Whole: true}, {}, {Failed: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// repeated is a JSON list of n commits; the number is in the SHA.
func repeated(from, n int) string {
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf(`{"sha":"%040d","author":{"login":"a%d","type":"User"},"committer":null}`, from+i, from+i))
	}
	return "[" + strings.Join(items, ",") + "]"
}

func TestCommitLogins(t *testing.T) {
	t.Parallel()
	_, r := play(t, step{request: "GET /repos/acme/shop/pulls/5/commits?per_page=100&page=1", answer: `[
	 {"sha":"` + sha1 + `","author":{"login":"mei","type":"User"},"committer":{"login":"web-flow","type":"User"}},
	 {"sha":"` + sha2 + `","author":null,"committer":{"login":"ci[bot]","type":"Bot"}}]`})
	got, err := r.CommitLogins(background(), 5, sha1, 2)
	check(t, map[string]CommitLogins{
		sha1: {Author: "mei", AuthorType: "User", Committer: "web-flow", CommitterType: "User"},
		sha2: {Committer: "ci[bot]", CommitterType: "Bot"},
	}, got, err)
}

func TestCommitLoginsBeyondTheList(t *testing.T) {
	t.Parallel()
	path := "GET /repos/acme/shop/commits?sha=" + sha1 + "&per_page=100&page="
	var steps []step
	for page := range 6 { // twice the 300, full pages without a Link header
		steps = append(steps, step{request: fmt.Sprint(path, page+1), answer: repeated(page*100, 100)})
	}
	_, r := play(t, steps...)
	got, err := r.CommitLogins(background(), 5, sha1, 300)
	check(t, 600, len(got), err)
	check(t, CommitLogins{Author: "a599", AuthorType: "User"}, got[fmt.Sprintf("%040d", 599)], nil)
}

func TestListsWithoutEnd(t *testing.T) {
	t.Parallel()
	var steps []step
	for page := range maxPages {
		steps = append(steps, step{request: fmt.Sprintf("GET /repos/acme/shop/pulls/5/reviews?per_page=100&page=%d", page+1), answer: repeated(0, 100)})
	}
	_, r := play(t, steps...)
	_, _, err := r.Reviews(background(), 5)
	if diff := cmp.Diff(Unprocessable{What: "the reviews of #5", Message: "there are more than 10,000 of them"}, err); diff != "" {
		t.Error(diff)
	}
}

func TestActor(t *testing.T) {
	t.Parallel()
	const missing = `{"message":"Not Found"}`
	for name, c := range map[string]struct {
		login  string
		answer step
		want   gate.Actor
	}{
		"a maintainer":        {"mei", step{answer: `{"permission":"write","role_name":"maintain","user":{"type":"User","permissions":{"push":true,"maintain":true}}}`}, gate.Actor{Type: "User", Permission: "maintain"}},
		"triage":              {"mei", step{answer: `{"permission":"read","role_name":"triage","user":{"type":"User"}}`}, gate.Actor{Type: "User", Permission: "triage"}},
		"a role of the house": {"mei", step{answer: `{"permission":"write","role_name":"security lead","user":{"type":"User","permissions":{"pull":true,"triage":true,"push":true,"maintain":false,"admin":false}}}`}, gate.Actor{Type: "User", Permission: "write"}},
		"an old server":       {"mei", step{answer: `{"permission":"write","user":{"type":"User"}}`}, gate.Actor{Type: "User", Permission: "write"}},
		"no access":           {"mei", step{answer: `{"permission":"none","role_name":"","user":{"type":"User"}}`}, gate.Actor{Type: "User", Permission: "none"}},
		"a word nobody knows": {"mei", step{answer: `{"permission":"owner","user":{"type":"User"}}`}, gate.Actor{Type: "User", Permission: "none"}},
		"nobody":              {"mei", step{status: 404, answer: missing}, gate.Actor{Permission: "none"}},
		"a bot":               {"x[bot]", step{status: 404, answer: missing}, gate.Actor{Type: "Bot", Permission: "none"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.answer.request = "GET /repos/acme/shop/collaborators/" + strings.NewReplacer("[", "%5B", "]", "%5D").Replace(c.login) + "/permission"
			_, r := play(t, c.answer)
			c.want.Login, c.want.Teams = c.login, []string{}
			got, err := r.Actor(background(), c.login)
			check(t, c.want, got, err)
		})
	}
}

func TestInTeam(t *testing.T) {
	t.Parallel()
	const request = "GET /orgs/acme/teams/dba/memberships/mei"
	for name, c := range map[string]struct {
		answer step
		want   bool
		err    error
	}{
		"active":     {step{answer: `{"state":"active"}`}, true, nil},
		"invited":    {step{answer: `{"state":"pending"}`}, false, nil},
		"not in it":  {step{status: 404, answer: `{"message":"Not Found"}`}, false, nil},
		"not to see": {step{status: 403, answer: `{"message":"Resource not accessible by integration"}`}, false, MissingPermission{What: "the members of acme/dba", Permission: "members=read", Message: "Resource not accessible by integration"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.answer.request = request
			_, r := play(t, c.answer)
			got, err := r.InTeam(background(), "acme", "dba", "mei")
			if diff := cmp.Diff(c.err, err); diff != "" {
				t.Error(diff)
			}
			check(t, c.want, got, nil)
		})
	}
	_, r := play(t) // nobody asks about a bot
	got, err := r.InTeam(background(), "acme", "dba", "x[bot]")
	check(t, false, got, err)
}

func TestOpenPullRequests(t *testing.T) {
	t.Parallel()
	item := func(number int, state, base, head string) string {
		return fmt.Sprintf(`{"number":%d,"state":%q,"base":{"ref":%q},"head":{"sha":%q}}`, number, state, base, head)
	}
	answer := "[" + strings.Join([]string{
		item(9, "open", "a/b", sha1), item(8, "open", "a/b", sha2), item(7, "open", "main", sha1), item(6, "closed", "a/b", sha1), item(5, "open", "a/b", sha1),
	}, ",") + "]"
	_, r := play(t, step{request: "GET /repos/acme/shop/pulls?state=open&base=a%2Fb&per_page=100&page=1", answer: answer},
		step{request: "GET /repos/acme/shop/pulls?state=open&per_page=100&page=1", answer: answer})
	got, err := r.OpenPullRequests(background(), Filter{Base: "a/b", HeadSHA: sha1})
	check(t, []int{5, 9}, got, err)
	got, err = r.OpenPullRequests(background(), Filter{})
	check(t, []int{5, 7, 8, 9}, got, err)
}

func TestPullRequestsOf(t *testing.T) {
	t.Parallel()
	const request = "GET /repos/acme/shop/commits/" + sha1 + "/pulls?per_page=100&page=1"
	_, r := play(t, step{request: request, answer: `[{"number":9,"base":{"repo":{"full_name":"acme/Shop"}}},{"number":2,"base":{"repo":{"full_name":"other/fork"}}},{"number":4}]`},
		step{request: request, status: 422, answer: `{"message":"No commit found for SHA"}`}, step{request: request, status: 502})
	got, err := r.PullRequestsOf(background(), sha1)
	check(t, []int{4, 9}, got, err)
	got, err = r.PullRequestsOf(background(), sha1)
	check(t, []int{}, got, err)
	if _, err := r.PullRequestsOf(background(), sha1); !errors.As(err, new(Temporary)) {
		t.Errorf("got %v", err)
	}
}

func TestLastPusher(t *testing.T) {
	t.Parallel()
	force := func(actor, commit, at string) string {
		return fmt.Sprintf(`{"event":"head_ref_force_pushed","actor":{"login":%q},"commit_id":%q,"created_at":%q}`, actor, commit, at)
	}
	committed := `{"event":"committed","sha":"` + sha1 + `"}`
	for name, c := range map[string]struct{ timeline, want string }{
		"forced to the head":          {force("mei", sha2, "2026-01-01T00:00:00Z") + "," + committed + "," + force("sam", sha1, "2026-01-02T00:00:00Z"), "sam"},
		"in another order":            {force("sam", sha1, "2026-01-02T00:00:00Z") + "," + force("mei", sha2, "2026-01-01T00:00:00Z"), "sam"},
		"forced, then pushed":         {force("sam", sha2, "2026-01-02T00:00:00Z") + "," + committed, ""},
		"forced there and away again": {force("sam", sha1, "2026-01-02T00:00:00Z") + "," + force("mei", sha2, "2026-01-03T00:00:00Z"), ""},
		"only pushed":                 {committed, ""},
		"by somebody who is gone":     {`{"event":"head_ref_force_pushed","actor":null,"commit_id":"` + sha1 + `","created_at":"2026-01-02T00:00:00Z"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := play(t, step{request: "GET /repos/acme/shop/issues/5/timeline?per_page=100&page=1", answer: "[" + c.timeline + "]"})
			got, err := r.LastPusher(background(), 5, sha1)
			check(t, c.want, got, err)
		})
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	const request = "GET /repos/acme/shop/contents/.github/a%20b.yml"
	content := base64.StdEncoding.EncodeToString([]byte("version: 1\n"))
	_, r := play(t,
		step{request: request + "?ref=x%2Fy", answer: `{"type":"file","encoding":"base64","content":"` + content[:8] + `\n` + content[8:] + `"}`},
		step{request: request, status: 404, answer: `{"message":"Not Found"}`},
		step{request: request, answer: `{"type":"symlink"}`},
		step{request: request, answer: `{"type":"file","encoding":"none","content":""}`},
		step{request: request, status: 500},
	)
	got, ok, err := r.File(background(), ".github/a b.yml", "x/y")
	check(t, "version: 1\n", string(got), err)
	check(t, true, ok, nil)
	got, ok, err = r.File(background(), ".github/a b.yml", "")
	check(t, "", string(got), err)
	check(t, false, ok, nil)
	for range 2 {
		if _, _, err := r.File(background(), ".github/a b.yml", ""); !errors.As(err, new(Unprocessable)) {
			t.Errorf("got %v", err)
		}
	}
	if _, _, err := r.File(background(), ".github/a b.yml", ""); !errors.As(err, new(Temporary)) {
		t.Errorf("got %v", err)
	}
	for _, path := range []string{"", "/a", "a//b", "../a", "a/./b"} {
		if _, _, err := r.File(background(), path, ""); !errors.As(err, new(Unprocessable)) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestCommit(t *testing.T) {
	t.Parallel()
	_, r := play(t, step{request: "GET /repos/acme/shop/commits/HEAD", answer: `{"sha":"` + sha1 + `"}`},
		step{request: "GET /repos/acme/shop/commits/a%2Fb", status: 422, answer: `{"message":"No commit found"}`})
	got, err := r.Commit(background(), "")
	check(t, sha1, got, err)
	got, err = r.Commit(background(), "a/b")
	check(t, "", got, err)
}
