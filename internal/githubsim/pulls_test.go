package githubsim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFilesOfAPullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := strings.Repeat("the same line\n", 20)
	w.repo.Commit("main", CommitSpec{Author: "olga", Files: map[string]string{"old name.tf": long, "gone.tf": "x\n", "bin": "\x00\x01"}})
	w.repo.Commit("feature", CommitSpec{
		Author: "wendy", Delete: []string{"old name.tf", "gone.tf"},
		Files: map[string]string{"new näme.tf": long + "one more\n", "bin": "\x00\x02", "main.tf": "a = 2\n", "add\"ed": "1\n"},
		Links: map[string]string{"link": "main.tf"},
	})
	w.repo.OpenPR(PRSpec{By: "wendy", Head: "feature"})
	got := map[string]string{}
	for _, f := range w.call(w.inst.Token(), "GET", "/repos/acme/infra/pulls/1/files", nil).list(t) {
		got[f["filename"].(string)] = fmt.Sprintf("%v +%v -%v from %v: %v", f["status"], f["additions"], f["deletions"], f["previous_filename"], f["patch"])
	}
	want := map[string]string{
		"add\"ed":     "added +1 -0 from <nil>: @@ -0,0 +1 @@\n+1",
		"bin":         "modified +0 -0 from <nil>: <nil>",
		"gone.tf":     "removed +0 -1 from <nil>: @@ -1 +0,0 @@\n-x",
		"link":        "added +1 -0 from <nil>: @@ -0,0 +1 @@\n+main.tf\n\\ No newline at end of file",
		"main.tf":     "modified +1 -1 from <nil>: @@ -1 +1 @@\n-a = 1\n+a = 2",
		"new näme.tf": "renamed +1 -0 from old name.tf: @@ -18,3 +18,4 @@ the same line\n the same line\n the same line\n the same line\n+one more",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSilentCaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Unlimited = true })
	files := map[string]string{}
	for i := range 3005 {
		files[fmt.Sprintf("many/%04d.tf", i)] = strings.Repeat("x\n", 7)
	}
	w.repo.Commit("feature", CommitSpec{Author: "wendy", Files: files})
	w.repo.OpenPR(PRSpec{By: "wendy", Head: "feature"})
	token, n, cut := w.inst.Token(), 0, 0
	for page := 1; ; page++ {
		list := w.call(token, "GET", fmt.Sprintf("/repos/acme/infra/pulls/1/files?per_page=100&page=%d", page), nil).list(t)
		if len(list) == 0 {
			break
		}
		n += len(list)
		for _, f := range list {
			if f["patch"] == nil && f["additions"] == 0.0 {
				cut++
			}
		}
	}
	pr := w.call(token, "GET", "/repos/acme/infra/pulls/1", nil).object(t)
	compare := w.call(token, "GET", "/repos/acme/infra/compare/main...feature", nil).object(t)
	got := []any{n, cut, pr["changed_files"], len(compare["files"].([]any))}
	// 20,000 lines are 2,857 files of seven lines; 143 more rows come without a patch.
	if diff := cmp.Diff([]any{3000, 143, 3005.0, 300}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCommitsOfAPullRequestAreCapped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	var stream strings.Builder // one git process instead of hundreds
	for i := range 255 {
		fmt.Fprintf(&stream, "commit refs/sim/many\ncommitter wendy <wendy@example.com> %d +0000\ndata 1\nx\n", 1700000000+i)
		if i == 0 {
			fmt.Fprintf(&stream, "from %s\n", p.HeadSHA())
		}
	}
	if _, err := runGit(w.repo.dir, strings.NewReader(stream.String()), nil, "fast-import", "--quiet"); err != nil {
		t.Fatal(err)
	}
	if err := w.repo.Push("wendy", "feature", w.repo.mustGit("rev-parse", "refs/sim/many"), false); err != nil {
		t.Fatal(err)
	}
	token := w.inst.Token()
	last := w.call(token, "GET", "/repos/acme/infra/pulls/1/commits?per_page=100&page=3", nil).list(t)
	if commits := w.call(token, "GET", "/repos/acme/infra/pulls/1", nil).object(t)["commits"]; len(last) != 50 || commits != 256.0 {
		t.Errorf("page 3 has %d commits of %v", len(last), commits)
	}
}

func TestUnknownAuthorsAreNull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repo.Commit("feature", CommitSpec{
		Author: "Somebody Else <else@nowhere.test>", Committer: "wendy", Files: map[string]string{"x": "1"}, Signed: true,
		Message: "change\n\nCo-authored-by: Walt <walt@example.com>",
	})
	w.repo.OpenPR(PRSpec{By: "wendy", Head: "feature"})
	got := w.call(w.inst.Token(), "GET", "/repos/acme/infra/pulls/1/commits", nil).list(t)[0]
	inner := got["commit"].(map[string]any)
	if got["author"] != nil || got["committer"].(map[string]any)["login"] != "wendy" || inner["verification"].(map[string]any)["verified"] != true ||
		inner["author"].(map[string]any)["email"] != "else@nowhere.test" || !strings.HasSuffix(inner["message"].(string), "Walt <walt@example.com>") {
		t.Errorf("commit: %v", got)
	}
}

func TestTimelineAfterAForcePush(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	p.Approve("walt")
	p.Comment("rita", "hm")
	p.ForcePush(CommitSpec{Message: "rewritten", Files: map[string]string{"main.tf": "a = 9\n"}})
	p.Retarget("wendy", func() string { w.repo.CreateBranch("olga", "release", "main"); return "release" }())
	if _, err := p.Merge("walt", MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range w.call(w.inst.Token(), "GET", "/repos/acme/infra/issues/1/timeline", nil).list(t) {
		got = append(got, e["event"].(string))
		if e["event"] == "head_ref_force_pushed" && (e["actor"].(map[string]any)["login"] != "wendy" || e["commit_id"] != p.HeadSHA()) {
			t.Errorf("force push: %v", e)
		}
		if e["event"] == "reviewed" && e["state"] != "approved" {
			t.Errorf("review: %v", e)
		}
	}
	want := []string{"reviewed", "commented", "head_ref_force_pushed", "committed", "base_ref_changed", "merged", "closed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPullRequestLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repo.CreateBranch("olga", "release", "main")
	for i := range 3 {
		b := fmt.Sprintf("b%d", i)
		w.repo.Commit(b, CommitSpec{Author: "wendy", Files: map[string]string{b: "1"}})
		w.repo.OpenPR(PRSpec{By: "wendy", Head: b, Base: []string{"main", "main", "release"}[i]})
	}
	w.repo.PRs()[0].Close("wendy")
	for query, want := range map[string]string{
		"": "3 2", "?state=all": "3 2 1", "?state=closed": "1", "?base=main": "2", "?head=acme:b2": "3", "?head=acme:b0": "", "?head=b1": "3 2",
		"?state=all&direction=asc": "1 2 3",
	} {
		var got []string
		for _, p := range w.call(w.inst.Token(), "GET", "/repos/acme/infra/pulls"+query, nil).list(t) {
			got = append(got, fmt.Sprint(p["number"]))
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	sha := w.repo.Head("b1")
	if list := w.call(w.inst.Token(), "GET", "/repos/acme/infra/commits/"+sha+"/pulls", nil).list(t); len(list) != 1 || list[0]["number"] != 2.0 {
		t.Errorf("pull requests of a commit: %d", len(list))
	}
}

func TestReviewsOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	wendy, walt := w.AddUserToken("wendy"), w.AddUserToken("walt")
	const path = "/repos/acme/infra/pulls/1/reviews"
	got := []string{
		w.call(wendy, "POST", path, map[string]any{"event": "APPROVE"}).said(),
		w.call(wendy, "POST", path, map[string]any{"event": "REQUEST_CHANGES", "body": "x"}).said(),
		w.call(walt, "POST", path, map[string]any{"event": "COMMENT"}).said(),
		w.call(walt, "POST", path, map[string]any{"event": "MAYBE"}).said(),
		w.call(walt, "POST", path, map[string]any{"event": "APPROVE"}).said(),
		w.call(w.inst.Token(), "POST", path, map[string]any{"event": "APPROVE"}).said(), // a bot can approve
		w.call(w.AddUserToken("stranger"), "POST", path, map[string]any{"event": "APPROVE"}).said(),
	}
	want := []string{
		"422 Unprocessable Entity [Can not approve your own pull request]",
		"422 Unprocessable Entity [Can not request changes on your own pull request]",
		"422 Unprocessable Entity [Could not create review: body is required for this event]",
		"422 Invalid request.\n\n\"MAYBE\" is not a possible value. Must be one of the following: APPROVE, REQUEST_CHANGES, COMMENT.",
		"200 ", "200 ", "404 Not Found",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	reviews := w.call(walt, "GET", path, nil).list(t)
	id := reviews[0]["id"]
	if reviews[0]["state"] != "APPROVED" || reviews[0]["commit_id"] != p.HeadSHA() || reviews[1]["user"].(map[string]any)["type"] != "Bot" {
		t.Errorf("reviews: %v", reviews)
	}
	dismissal := fmt.Sprintf("%s/%.0f/dismissals", path, id)
	if s := w.call(wendy, "PUT", dismissal, map[string]any{"message": "stale"}).object(t)["state"]; s != "DISMISSED" {
		t.Errorf("dismissed: %v", s)
	}
	if s := w.call(wendy, "PUT", dismissal, map[string]any{"message": "stale"}).said(); s != "422 Can not dismiss a dismissed pull request review" {
		t.Errorf("dismissed twice: %s", s)
	}
}

func TestCommentsOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openPR()
	token := w.inst.Token()
	const path = "/repos/acme/infra/issues/1/comments"
	said := []string{
		w.call(token, "POST", path, map[string]any{"body": strings.Repeat("é", 65537)}).said(),
		w.call(token, "POST", path, map[string]any{"body": " "}).said(),
		w.call(token, "POST", path, map[string]any{}).said(),
		w.call(token, "POST", "/repos/acme/infra/issues/99/comments", map[string]any{"body": "x"}).said(),
		w.call(token, "POST", path, map[string]any{"body": strings.Repeat("é", 65536)}).said(),
	}
	want := []string{
		"422 Validation Failed [data unprocessable Body is too long (maximum is 65536 characters)]",
		"422 Validation Failed [data unprocessable Body cannot be blank]",
		"422 Invalid request.\n\n\"body\" wasn't supplied.", "404 Not Found", "201 ",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
	made := w.call(token, "GET", path, nil).list(t)[0]
	if made["user"].(map[string]any)["login"] != "gatehouse[bot]" || made["performed_via_github_app"].(map[string]any)["id"] != float64(w.app.ID()) {
		t.Errorf("comment by %v", made["user"])
	}
	one := fmt.Sprintf("/repos/acme/infra/issues/comments/%.0f", made["id"])
	statuses := []int{
		w.call(token, "PATCH", one, map[string]any{"body": "edited"}).status,
		w.call(w.AddUserToken("rita"), "PATCH", one, map[string]any{"body": "not mine"}).status,
		w.call(token, "POST", one+"/reactions", map[string]any{"content": "rocket"}).status,
		w.call(token, "POST", one+"/reactions", map[string]any{"content": "rocket"}).status,
		w.call(token, "POST", one+"/reactions", map[string]any{"content": "bow"}).status,
		w.call(token, "DELETE", one, nil).status,
		w.call(token, "GET", one, nil).status,
	}
	if diff := cmp.Diff([]int{200, 403, 201, 200, 422, 204, 404}, statuses); diff != "" {
		t.Error(diff)
	}
}

func TestMergeableStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.SlowMergeable = true })
	p := w.openPR()
	read := func() string {
		o := w.call(w.inst.Token(), "GET", "/repos/acme/infra/pulls/1", nil).object(t)
		return fmt.Sprintf("%v %v", o["mergeable"], o["mergeable_state"])
	}
	got := []string{read(), read()}
	w.app.PostCheck(w.repo, p.HeadSHA(), "lint", "failure")
	got = append(got, read())
	w.repo.Protect("main", Protection{RequiredReviews: 1})
	got = append(got, read())
	p.ConvertToDraft("wendy")
	got = append(got, read())
	w.repo.Commit("main", CommitSpec{Author: "olga", Files: map[string]string{"main.tf": "a = 3\n"}})
	got = append(got, read(), read())
	want := []string{"<nil> unknown", "true clean", "true unstable", "true blocked", "true draft", "<nil> unknown", "false dirty"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestContentsAtARef(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repo.Commit("dev/x", CommitSpec{Author: "wendy", Files: map[string]string{".github/gatehouse.yml": "version: 1\n", "big": strings.Repeat("x", 1<<20+1)}})
	token := w.inst.Token()
	get := func(path string, header ...string) answer {
		return w.call(token, "GET", "/repos/acme/infra/contents/"+path, nil, header...)
	}
	file := get(".github/gatehouse.yml?ref=dev/x").object(t)
	if file["content"] != "dmVyc2lvbjogMQo=\n" || file["encoding"] != "base64" || file["size"] != 11.0 {
		t.Errorf("file: %v", file)
	}
	if raw := get(".github/gatehouse.yml?ref=dev/x", "Accept", "application/vnd.github.raw+json"); string(raw.raw) != "version: 1\n" {
		t.Errorf("raw: %s", raw.raw)
	}
	if big := get("big?ref=dev/x").object(t); big["content"] != "" || big["encoding"] != "none" {
		t.Errorf("a file over 1 MB: %v", big["encoding"])
	}
	if list := get(".github?ref=dev/x").list(t); len(list) != 1 || list[0]["path"] != ".github/gatehouse.yml" {
		t.Errorf("directory: %v", list)
	}
	got := []string{get(".github/gatehouse.yml").said(), get("main.tf?ref=nothing").said(), get("..%2Fsecret").said()}
	if diff := cmp.Diff([]string{"404 Not Found", "404 No commit found for the ref nothing", "404 Not Found"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPushOfAllCommitsMergesThePullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	if err := w.repo.Push("olga", "main", p.HeadSHA(), false); err != nil {
		t.Fatal(err)
	}
	v := p.View()
	if !v.Merged || v.MergedBy != "olga" || v.MergeSHA != p.HeadSHA() || len(v.Files) != 1 {
		t.Errorf("merged %v by %s at %s, %d files", v.Merged, v.MergedBy, v.MergeSHA, len(v.Files))
	}
}

func TestUpdateBranch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	w.repo.Commit("main", CommitSpec{Author: "olga", Files: map[string]string{"other": "1"}})
	before := p.HeadSHA()
	if err := p.UpdateBranch("wendy"); err != nil {
		t.Fatal(err)
	}
	v := p.View()
	if v.HeadSHA == before || len(v.Commits) != 2 || len(v.Files) != 1 {
		t.Errorf("head %s, %d commits, %d files", v.HeadSHA, len(v.Commits), len(v.Files))
	}
	if err := p.UpdateBranch("wendy"); err == nil || err.Error() != "422 There are no new commits on the base branch." {
		t.Errorf("again: %v", err)
	}
}
