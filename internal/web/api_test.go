package web

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func TestDecisionsAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.fill()
	type page struct {
		Items []item
		Next  string
	}
	var ids []string
	for path := "/api/v1/decisions?limit=3"; path != ""; {
		w := f.get(path)
		p := body[page](t, w)
		for _, i := range p.Items {
			ids = append(ids, i.ID)
		}
		path = ""
		if link := w.Header().Get("Link"); link != "" {
			path = strings.TrimSuffix(strings.TrimPrefix(link, "<http://gatehouse.example"), `>; rel="next"`)
			if p.Next == "" || !strings.Contains(path, "cursor="+p.Next) {
				t.Errorf("the next page is %q by its header, %q by its body", path, p.Next)
			}
		}
	}
	if diff := cmp.Diff([]string{"d-dead", "d-7f31aa01", "d-a0c4", "d-91be"}, ids); diff != "" {
		t.Error(diff)
	}
	for query, want := range map[string]int{
		"repository=acme/shop": 2, "verdict=wait": 1, "author=ann": 2, "pull_request=41": 1, "resource=aws_*": 2, "since=1d": 2, "since=2026-11-23": 2,
		"since=2026-11-23T11:00:00Z": 1, "repository=acme/shop&verdict=pass": 1,
	} {
		if got := body[page](t, f.get("/api/v1/decisions?"+query)); len(got.Items) != want {
			t.Errorf("%s: %d decisions, wanted %d", query, len(got.Items), want)
		}
	}
	one := body[map[string]any](t, f.get("/api/v1/decisions/d-7f31aa01"))
	if one["id"] != "d-7f31aa01" || one["decision"].(map[string]any)["verdict"] != "fail" {
		t.Errorf("got %v", one)
	}
}

func TestAuditAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.fill()
	for query, want := range map[string]int{
		"": 11, "type=bypass": 1, "actor=mei": 1, "repository=acme/infra&type=publication": 2, "commit=" + strings.Repeat("e", 40): 1, "type=bypass&since=4h": 0, "resource=aws_db*": 2,
	} {
		if query == "type=bypass&since=4h" {
			query, want = "type=bypass&since=2026-11-23T10:00:00Z", 0
		}
		if got := body[[]store.Entry](t, f.get("/api/v1/audit?"+query)); len(got) != want {
			t.Errorf("%s: %d entries, wanted %d", query, len(got), want)
		}
	}
	who := body[[]WhoLine](t, f.get("/api/v1/audit/who?resource=apps/v1/Deployment/shop/*"))
	want := []WhoLine{{
		Time: noon.Add(-passed().ago), Repository: "acme/shop", PullRequest: 7, Title: "Two more replicas", Author: "sam", Approvers: []string{"mei", "kim"},
		MergedBy: "sam", Commit: strings.Repeat("f", 40), Resource: "apps/v1/Deployment/shop/web", Actions: []string{"update"}, Verdict: "pass", Decision: "d-91be",
	}}
	if diff := cmp.Diff(want, who); diff != "" {
		t.Error(diff)
	}
	if got := f.get("/api/v1/audit/checkpoint"); !strings.HasPrefix(got.Body.String(), "gatehouse/test.example\n11\n") {
		t.Errorf("got %s", got.Body)
	}
	if got := f.get("/api/v1/audit/key").Body.String(); got != "gatehouse.example+00000000+AQ==\n" {
		t.Errorf("got %s", got)
	}
}

func hash(t *testing.T, s string) ledger.Hash {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) != 32 {
		t.Fatalf("%q is no hash", s)
	}
	return ledger.Hash(raw)
}

func hashes(t *testing.T, list []string) []ledger.Hash {
	t.Helper()
	var out []ledger.Hash
	for _, s := range list {
		out = append(out, hash(t, s))
	}
	return out
}

func TestProofs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.fill()
	roots := map[int64]string{}
	for size := int64(1); size <= 11; size++ {
		for index := range size {
			p := body[inclusion](t, f.get(fmt.Sprintf("/api/v1/audit/proof/inclusion?index=%d&size=%d", index, size)))
			roots[size] = p.Root
			if err := ledger.CheckInclusion(hashes(t, p.Proof), size, hash(t, p.Root), index, ledger.Leaf([]byte(p.Leaf))); err != nil {
				t.Error(err)
			}
			if (p.Checkpoint != "") != (size == 11) {
				t.Errorf("size %d: checkpoint %q", size, p.Checkpoint)
			}
		}
	}
	for from := int64(1); from <= 11; from++ {
		for to := from; to <= 11; to++ {
			p := body[struct {
				FromRoot string `json:"from_root"`
				ToRoot   string `json:"to_root"`
				Proof    []string
			}](t, f.get(fmt.Sprintf("/api/v1/audit/proof/consistency?from=%d&to=%d", from, to)))
			if p.FromRoot != roots[from] || p.ToRoot != roots[to] {
				t.Errorf("from %d to %d: the roots are others than those of the inclusion proofs", from, to)
			}
			if err := ledger.CheckConsistency(hashes(t, p.Proof), from, hash(t, p.FromRoot), to, hash(t, p.ToRoot)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.fill()
	for path, want := range map[string]int{
		"/api/v1/decisions?limit=0": 400, "/api/v1/decisions?limit=x": 400, "/api/v1/decisions?limit=501": 400, "/api/v1/decisions?cursor=x": 400,
		"/api/v1/decisions?since=yesterday": 400, "/api/v1/decisions?pull_request=-1": 400, "/api/v1/decisions/none": 404,
		"/api/v1/audit?since=d": 400, "/api/v1/audit/who": 400, "/api/v1/audit/proof/inclusion": 400, "/api/v1/audit/proof/inclusion?index=11": 404,
		"/api/v1/audit/proof/inclusion?index=9&size=9": 400, "/api/v1/audit/proof/inclusion?index=1&size=12": 400,
		"/api/v1/audit/proof/inclusion?index=99999999999999999999": 400, "/api/v1/audit/proof/consistency?from=3": 400,
		"/api/v1/audit/proof/consistency?from=3&to=2": 400, "/api/v1/audit/proof/consistency?from=3&to=12": 400, "/api/v1/nothing": 404, "/api/": 404,
	} {
		w := f.get(path)
		message := body[map[string]string](t, w)["error"]
		if w.Code != want || !strings.HasSuffix(message, ".") || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %q, wanted %d and a sentence", path, w.Code, message, want)
		}
	}
	for path, want := range map[string]int{
		"/decisions/none": 404, "/log/x": 404, "/log/-1": 404, "/log/11": 404, "/rules/NONE": 404, "/repositories/acme/none": 404, "/static/none": 404, "/static/..%2fweb.go": 404,
		"/log?since=x": 400, "/decisions?cursor=1": 400, "/nowhere": 404,
	} {
		if w := f.get(path); w.Code != want {
			t.Errorf("%s: %d, wanted %d", path, w.Code, want)
		}
	}
	if n := len(f.log.AllEntries()); n != 0 {
		t.Errorf("bad requests filled the log with %d lines", n)
	}
	if w := f.send(http.MethodPost, "/api/v1/decisions"); w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// A database that does not answer is said to be that, and nothing of its error reaches the reader.
func TestBrokenStore(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.fill()
	f.store.Close()
	for _, path := range []string{"/", "/decisions", "/decisions/d-dead", "/search?q=x", "/rules", "/rules/IM-06", "/waivers", "/log", "/log/1", "/repositories/acme/infra", "/api/v1/audit", "/api/v1/audit/checkpoint"} {
		w := f.get(path)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "sql") || !strings.Contains(w.Body.String(), "could not be read; the server") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := f.get("/readyz"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("ready: %d", w.Code)
	}
	if w := f.get("/healthz"); w.Code != http.StatusOK {
		t.Errorf("alive: %d", w.Code)
	}
}
