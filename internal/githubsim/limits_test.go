package githubsim

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrimaryLimitAndFree304(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.PrimaryLimit = 3 })
	token := w.inst.Token()
	first := w.call(token, "GET", "/repos/acme/infra", nil)
	etag := first.header.Get("ETag")
	for range 5 {
		if got := w.call(token, "GET", "/repos/acme/infra", nil, "If-None-Match", etag); got.status != 304 || len(got.raw) != 0 || got.header.Get("X-RateLimit-Used") != "1" {
			t.Fatalf("%d %q used %s", got.status, got.raw, got.header.Get("X-RateLimit-Used"))
		}
	}
	w.repo.Commit("main", CommitSpec{Author: "olga", Files: map[string]string{"x": "1"}})
	w.clock.advance(time.Second)
	w.repo.OpenIssue("rita", "t", "")
	changed := w.call(token, "GET", "/repos/acme/infra", nil, "If-None-Match", etag)
	if changed.status != 200 || changed.header.Get("X-RateLimit-Remaining") != "1" {
		t.Errorf("after a change: %d, %s left", changed.status, changed.header.Get("X-RateLimit-Remaining"))
	}
	w.call(token, "GET", "/repos/acme/infra", nil)
	over := w.call(token, "GET", "/repos/acme/infra", nil)
	want := fmt.Sprintf("403 API rate limit exceeded for installation ID %d.", w.inst.ID())
	if over.said() != want || over.header.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("%s, %s left", over.said(), over.header.Get("X-RateLimit-Remaining"))
	}
	if reset := over.header.Get("X-RateLimit-Reset"); reset != fmt.Sprint(w.clock.now().Add(time.Hour-time.Second).Unix()) {
		t.Errorf("reset at %s", reset)
	}
	core := w.call(token, "GET", "/rate_limit", nil).object(t)["rate"].(map[string]any)
	if core["limit"] != 3.0 || core["remaining"] != 0.0 || core["used"] != 3.0 {
		t.Errorf("rate_limit: %v", core)
	}
	w.clock.advance(59 * time.Minute)
	w.clock.advance(time.Minute)
	if got := w.call(w.inst.Token(), "GET", "/repos/acme/infra", nil); got.status != 200 || got.header.Get("X-RateLimit-Used") != "1" {
		t.Errorf("an hour later: %d, %s used", got.status, got.header.Get("X-RateLimit-Used"))
	}
}

func TestSecondaryLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) {
		o.ContentPerMinute, o.PointsPerMinute, o.LimitStatus = 2, 13, http.StatusTooManyRequests
	})
	token := w.inst.Token()
	write := func() answer { return w.call(token, "POST", "/repos/acme/infra/issues", map[string]any{"title": "t"}) }
	var got []string
	for range 3 {
		got = append(got, write().said())
	}
	const no = "429 You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
	if diff := cmp.Diff([]string{"201 ", "201 ", no}, got); diff != "" {
		t.Error(diff)
	}
	if after := write().header.Get("Retry-After"); after != "60" {
		t.Errorf("Retry-After is %q", after)
	}
	w.clock.advance(time.Minute)
	if s := write().said(); s != "201 " {
		t.Errorf("a minute later: %s", s)
	}
	var reads []int
	for range 9 { // 5 points are spent
		reads = append(reads, w.call(token, "GET", "/repos/acme/infra", nil).status)
	}
	if diff := cmp.Diff([]int{200, 200, 200, 200, 200, 200, 200, 200, 429}, reads); diff != "" {
		t.Error(diff)
	}
}

func TestConcurrentRequestsAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Concurrent = 2 })
	token := w.inst.Token()
	inside, release := make(chan struct{}), make(chan struct{})
	w.Fail(FaultSpec{PathPattern: "/repos/acme/infra/branches", Times: 2, Before: func() { inside <- struct{}{}; <-release }})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { w.call(token, "GET", "/repos/acme/infra/branches", nil) })
		<-inside
	}
	if got := w.call(token, "GET", "/repos/acme/infra", nil); got.status != 403 || got.header.Get("Retry-After") != "60" {
		t.Errorf("a third at once: %d", got.status)
	}
	close(release)
	wg.Wait()
	if got := w.call(token, "GET", "/repos/acme/infra", nil); got.status != 200 {
		t.Errorf("afterwards: %d", got.status)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	for i := range 5 {
		p.Comment("rita", fmt.Sprint(i))
	}
	bodies := func(query string) (string, string) {
		got := w.call(w.inst.Token(), "GET", "/repos/acme/infra/issues/1/comments"+query, nil)
		var out []string
		for _, c := range got.list(t) {
			out = append(out, c["body"].(string))
		}
		return strings.Join(out, ""), strings.ReplaceAll(got.header.Get("Link"), w.URL()+"/api/v3/repos/acme/infra/issues/1/comments", "")
	}
	type page struct{ Bodies, Link string }
	got := map[string]page{}
	for _, q := range []string{"", "?per_page=2", "?per_page=2&page=2", "?per_page=2&page=3", "?per_page=2&page=9", "?per_page=nonsense"} {
		b, l := bodies(q)
		got[q] = page{b, l}
	}
	want := map[string]page{
		"":                   {"01234", ""},
		"?per_page=2":        {"01", `<?page=2&per_page=2>; rel="next", <?page=3&per_page=2>; rel="last"`},
		"?per_page=2&page=2": {"23", `<?page=1&per_page=2>; rel="prev", <?page=3&per_page=2>; rel="next", <?page=3&per_page=2>; rel="last", <?page=1&per_page=2>; rel="first"`},
		"?per_page=2&page=3": {"4", `<?page=2&per_page=2>; rel="prev", <?page=1&per_page=2>; rel="first"`},
		"?per_page=2&page=9": {"", `<?page=3&per_page=2>; rel="prev", <?page=1&per_page=2>; rel="first"`},
		"?per_page=nonsense": {"01234", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for i := range 120 {
		p.Comment("rita", fmt.Sprint(i))
	}
	if n := len(w.call(w.inst.Token(), "GET", "/repos/acme/infra/issues/1/comments?per_page=500", nil).list(t)); n != 100 {
		t.Errorf("%d on a page of 500", n)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	token := w.inst.Token()
	comment := func(body string) string {
		return w.call(token, "POST", "/repos/acme/infra/issues/1/comments", map[string]any{"body": body}).said()
	}
	comments := func() []string {
		var out []string
		for _, c := range p.View().Comments {
			out = append(out, c.Body)
		}
		return out
	}
	const path = "/repos/*/*/issues/*/comments"
	w.Fail(FaultSpec{Method: "POST", PathPattern: path, Status: 502, Times: 2, Body: `{"message":"Server Error"}`})
	got := []string{comment("lost"), comment("lost too"), comment("kept")}
	w.Fail(FaultSpec{Method: "POST", PathPattern: path, Status: 502, AfterStore: true})
	got = append(got, comment("stored"))
	remove := w.Fail(FaultSpec{PathPattern: "/repos/**", Status: 503, Times: -1, RetryAfter: 7})
	got = append(got, comment("no"), comment("no"))
	remove()
	got = append(got, comment("back"))
	want := []string{
		"502 Server Error", "502 Server Error", "201 ", "502 Bad Gateway", "503 Service Unavailable", "503 Service Unavailable", "201 ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"kept", "stored", "back"}, comments()); diff != "" {
		t.Error(diff)
	}
	if n := w.Count("POST", path); n != 7 {
		t.Errorf("%d requests were logged", n)
	}
}

func TestDisconnects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	post := func() error {
		req, err := http.NewRequest("POST", w.URL()+"/repos/acme/infra/issues/1/comments", strings.NewReader(`{"body":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.inst.Token())
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	for _, tc := range []struct {
		stored bool
		want   int
	}{{false, 0}, {true, 1}} {
		w.Fail(FaultSpec{Method: "POST", PathPattern: "/**", Disconnect: true, AfterStore: tc.stored})
		if err := post(); err == nil {
			t.Error("the connection was not cut")
		}
		if n := len(p.View().Comments); n != tc.want {
			t.Errorf("%d comments, wanted %d", n, tc.want)
		}
	}
}

func TestTheWorldMovesBetweenTwoRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	evaluated := p.HeadSHA()
	w.Fail(FaultSpec{Method: "GET", PathPattern: "/repos/acme/infra/pulls/1", Before: func() {
		p.ForcePush(CommitSpec{Files: map[string]string{"main.tf": "a = 7\n"}})
	}})
	head := w.call(w.inst.Token(), "GET", "/repos/acme/infra/pulls/1", nil).object(t)["head"].(map[string]any)["sha"]
	if head == evaluated || head != p.HeadSHA() {
		t.Errorf("head %v, evaluated %v", head, evaluated)
	}
}
