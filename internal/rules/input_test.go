package rules_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// inputOf gives what a rule sees, as JSON values. The companions that it sees are those that the body mentions.
func inputOf(t *testing.T, inspects, mentions string, in rules.Input) []any {
	t.Helper()
	keys := `["kind","type","group","name","namespace","address","resource","before","change","environment","file","pull_request","pod","pod_path"]`
	body := fmt.Sprintf(`deny contains json.marshal(object.union(object.filter(input, %s), seen))

seen := {"seen": %s}

kept contains 1 if input.resource`, keys, mentions)
	limits := rules.Limits{Message: 100_000}
	answer := engine(t, rules.Options{Limits: limits, Scope: "all"}, ruleText("A-1", inspects, body)).Evaluate(t.Context(), in)
	if len(answer.Problems) > 0 {
		t.Fatal(answer.Problems)
	}
	var seen []any
	for _, f := range answer.Findings {
		var v any
		if err := json.Unmarshal([]byte(f.Message), &v); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, v)
	}
	return seen
}

func want(t *testing.T, texts ...string) []any {
	t.Helper()
	var list []any
	for _, text := range texts {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

func TestWhatARuleSeesOfATerraformResource(t *testing.T) {
	t.Parallel()
	x := thing("x", `{"a":1}`, `{"a":2}`)
	x.Environment = "production"
	x.Change = json.RawMessage(`{"actions":["old"],"unknown":{"id":true},"mode":"managed","module":"","config_address":"thing.x","references":{"a":["lock.l"]}}`)
	gone := gate.Document{Kind: "terraform", Type: "lock", Name: "l", Resource: "lock.l", Set: "plan", Actions: []string{"delete"}, Before: raw(`{"b":1}`)}
	other := gate.Document{Kind: "terraform", Type: "key", Name: "k", Resource: "key.k", Set: "plan", Actions: []string{"create"}, After: raw(`{}`)}
	got := inputOf(t, things, `{"plan": input.plan.lock, "keys": object.keys(input.plan) & {"lock", "key"}}`, rules.Input{
		Documents: []gate.Document{x, gone, other},
		PullRequest: &gate.PullRequest{
			Number: 7, Title: "Open", Author: "eve", Base: gate.Ref{Branch: "main"}, Head: gate.Ref{Branch: "open"}, Draft: true,
		},
	})
	expected := want(t, `{
		"kind":"terraform","type":"thing","name":"x","address":"thing.x","resource":{"a":2},"before":{"a":1},
		"change":{"actions":["update"],"unknown":{"id":true},"sensitive":{},"mode":"managed","module":"","config_address":"thing.x","references":{"a":["lock.l"]}},
		"environment":"production","file":"plan.json",
		"pull_request":{"number":7,"title":"Open","author":"eve","base":"main","head":"open","labels":[],"draft":true},
		"seen":{"keys":["key","lock"],"plan":{"lock.l":{"resource":null,"before":{"b":1},"change":{"actions":["delete"],"unknown":{},"sensitive":{}},"name":"l","address":"lock.l"}}}
	}`)
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatARuleSeesOfAKubernetesObject(t *testing.T) {
	t.Parallel()
	d := object("apps/v1", "Deployment", "d", "", `{"spec":{"template":{"spec":{"n":1}}}}`, []string{"spec", "template"})
	bare := object("apps/v1", "Deployment", "bare", "", `{"spec":7}`, []string{"spec", "template"})
	gone := object("apps/v1", "Deployment", "gone", `{"spec":{"template":{"spec":{"n":1}}}}`, "", []string{"spec", "template"})
	policy := object("networking.k8s.io/v1", "NetworkPolicy", "p", `{"a":1}`, `{"a":2}`, nil)
	left := object("networking.k8s.io/v1", "NetworkPolicy", "left", `{"a":1}`, "", nil)
	got := inputOf(t, "{kubernetes: [apps/Deployment]}", `input.objects.NetworkPolicy`, rules.Input{Documents: []gate.Document{d, bare, gone, policy, left}})
	common := `"kind":"kubernetes","type":"Deployment","group":"apps","namespace":"shop","environment":"","pull_request":null,"seen":{"shop/p":{"a":2}},`
	expected := want(t,
		`{`+common+`"name":"bare","address":"apps/v1/Deployment/shop/bare","resource":{"spec":7},"before":null,"file":"k8s/bare.yaml",
			"change":{"actions":["create"],"unknown":{},"sensitive":{}},"pod":{},"pod_path":"spec.template"}`,
		`{`+common+`"name":"d","address":"apps/v1/Deployment/shop/d","resource":{"spec":{"template":{"spec":{"n":1}}}},"before":null,"file":"k8s/d.yaml",
			"change":{"actions":["create"],"unknown":{},"sensitive":{}},"pod":{"spec":{"n":1}},"pod_path":"spec.template"}`,
		`{`+common+`"name":"gone","address":"apps/v1/Deployment/shop/gone","resource":null,"before":{"spec":{"template":{"spec":{"n":1}}}},"file":"k8s/gone.yaml",
			"change":{"actions":["delete"],"unknown":{},"sensitive":{}}}`)
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Error(diff)
	}
}

// The base is judged by the values before the change, with companions as they were, and nothing unknown.
func TestTheBaseIsJudgedAsItWas(t *testing.T) {
	t.Parallel()
	rule := ruleText("A-1", things, `
deny contains sprintf("%v %v %v %v", [input.resource, input.before, input.change, object.get(input.plan, ["lock", "lock.l"], "none")])`)
	x := thing("x", `{"a":1}`, `{"a":2}`)
	x.Change = json.RawMessage(`{"unknown":{"id":true},"mode":"managed","reason":"x","replace_paths":[["a"]]}`)
	l := gate.Document{Kind: "terraform", Type: "lock", Name: "l", Resource: "lock.l", Set: "plan", Actions: []string{"create"}, After: raw(`{}`)}
	head := engine(t, rules.Options{Scope: "all"}, rule).Evaluate(t.Context(), rules.Input{Documents: []gate.Document{x, l}})
	was := thing("x", `{"a":1}`, `{"a":1}`)
	was.Change = json.RawMessage(`{"mode":"managed"}`)
	base := engine(t, rules.Options{Scope: "all"}, rule).Evaluate(t.Context(), rules.Input{Documents: []gate.Document{was}})
	if head.Findings[0].Message == base.Findings[0].Message {
		t.Fatal("the rule does not tell the sides apart")
	}
	// A rule that says at the head what it said at the base finds nothing new: so the base's input is what it says.
	echo := ruleText("A-1", things, `
deny contains sprintf("%v %v %v %v", [input.resource, input.before, input.change, object.get(input.plan, ["lock", "lock.l"], "none")]) if input.resource.a == 1
deny contains `+fmt.Sprintf("%q", base.Findings[0].Message)+` if input.resource.a == 2`)
	got := engine(t, rules.Options{}, echo).Evaluate(t.Context(), rules.Input{Documents: []gate.Document{x, l}})
	if len(got.Findings) != 1 || got.Findings[0].Status != gate.StatusExisting {
		t.Errorf("%+v", got.Findings)
	}
}

// countingCache tells how often it helped.
type countingCache struct {
	rules.Cache
	hits, misses atomic.Int64
}

func (c *countingCache) Get(key [32]byte) ([]byte, bool) {
	value, ok := c.Cache.Get(key)
	if ok {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
	return value, ok
}

func cachedRules() []string {
	return []string{
		ruleText("A-1", things, `deny contains {"message": "bad", "path": "a"} if input.resource.a > 1`),
		ruleText("A-2", things, `deny contains "alone" if not input.plan.lock["lock.l"]`),
		ruleText("A-3", things, `warn contains input.pull_request.title if input.pull_request.draft`),
	}
}

func TestTheCacheChangesNothingButTheWork(t *testing.T) {
	t.Parallel()
	cache := &countingCache{Cache: rules.NewMemoryCache(1 << 20)}
	cached, plain := engine(t, rules.Options{Cache: cache}, cachedRules()...), engine(t, rules.Options{}, cachedRules()...)
	lock := gate.Document{Kind: "terraform", Type: "lock", Name: "l", Resource: "lock.l", Set: "plan", Actions: []string{"create"}, After: raw(`{}`)}
	x, y := thing("x", `{"a":1}`, `{"a":2}`), thing("y", "", `{"a":3}`)
	draft := &gate.PullRequest{Title: "one", Draft: true}
	for i, step := range []struct {
		in     rules.Input
		misses int64
	}{
		{rules.Input{Documents: []gate.Document{x, y}, PullRequest: draft}, 4 + 3}, // two batches each; the base of x for the three rules
		{rules.Input{Documents: []gate.Document{x, y}, PullRequest: draft}, 0},
		{rules.Input{Documents: []gate.Document{x, thing("y", "", `{"a":4}`)}, PullRequest: draft}, 2},                    // y changed: its two batches
		{rules.Input{Documents: []gate.Document{x, y, lock}, PullRequest: draft}, 2},                                      // a companion came: the wide batch of both
		{rules.Input{Documents: []gate.Document{x, y}, PullRequest: &gate.PullRequest{Title: "two", Draft: true}}, 2 + 1}, // another title
	} {
		cache.hits.Store(0)
		cache.misses.Store(0)
		got, want := cached.Evaluate(t.Context(), step.in), plain.Evaluate(t.Context(), step.in)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
		if n := cache.misses.Load(); n != step.misses {
			t.Errorf("step %d: %d misses, wanted %d", i, n, step.misses)
		}
	}
}

func TestFailedRulesAreNotCached(t *testing.T) {
	t.Parallel()
	e := engine(t, rules.Options{Cache: rules.NewMemoryCache(1 << 20)}, ruleText("A-1", things, `deny contains 7`))
	in := rules.Input{Documents: []gate.Document{thing("x", "", `{}`)}}
	first, second := e.Evaluate(t.Context(), in), e.Evaluate(t.Context(), in)
	if diff := cmp.Diff(first, second); diff != "" || len(first.Problems) != 1 {
		t.Errorf("%v %s", first.Problems, diff)
	}
}

func TestTheMemoryCacheStaysWithinItsLimit(t *testing.T) {
	t.Parallel()
	c := rules.NewMemoryCache(10_000)
	for i := range 1000 {
		c.Put([32]byte{byte(i), byte(i >> 8)}, make([]byte, 100))
		if _, ok := c.Get([32]byte{0}); !ok { // used again and again: it must not be the one that leaves
			t.Fatalf("the entry in use left after %d", i)
		}
	}
	kept := 0
	for i := range 1000 {
		if _, ok := c.Get([32]byte{byte(i), byte(i >> 8)}); ok {
			kept++
		}
	}
	if kept < 10 || kept > 100 {
		t.Errorf("%d entries of 100 bytes kept in 10,000 bytes", kept)
	}
}

func TestManyEvaluationsAtOnceAgree(t *testing.T) {
	t.Parallel()
	e := engine(t, rules.Options{}, cachedRules()...)
	var docs []gate.Document
	for i := range 200 {
		docs = append(docs, thing(fmt.Sprint(i), fmt.Sprintf(`{"a":%d}`, i%3), fmt.Sprintf(`{"a":%d}`, i%5)))
	}
	first := engine(t, rules.Options{}, cachedRules()...).Evaluate(t.Context(), rules.Input{Documents: docs})
	if len(first.Findings) < 200 {
		t.Fatalf("%d findings", len(first.Findings))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := e.Evaluate(t.Context(), rules.Input{Documents: docs}); !reflect.DeepEqual(first, got) {
				t.Error(cmp.Diff(first, got))
			}
		})
	}
	wg.Wait()
}

func TestIgnoreExisting(t *testing.T) {
	t.Parallel()
	docs := []gate.Document{
		thing("same", `{"a":2}`, `{"a":2}`), thing("kept", `{"a":2}`, `{"a":2,"b":1}`), thing("new", "", `{"a":2}`),
		{Kind: "terraform", Type: "lock", Name: "l", Resource: "lock.l", Set: "plan", Actions: []string{"no-op"}, After: raw(`{}`), Before: raw(`{}`)},
	}
	e := engine(t, rules.Options{IgnoreExisting: true}, cachedRules()...)
	got := lines(e.Evaluate(t.Context(), rules.Input{Documents: docs}))
	if diff := cmp.Diff([]string{"new | deny | A-1 | thing.new | a | bad"}, got); diff != "" {
		t.Error(diff)
	}
}
