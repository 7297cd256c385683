package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/document/plangen"
)

// Rules of the two dialects are pairs: on one type, with one condition and one message. The first sixty are on types that the plan has,
// the others on types that it lacks.
func TestRulesArePairs(t *testing.T) {
	t.Parallel()
	var plan struct {
		Changes []struct{ Type string } `json:"resource_changes"`
	}
	if err := json.Unmarshal(plangen.Plan(100), &plan); err != nil {
		t.Fatal(err)
	}
	types := map[string]bool{}
	for _, change := range plan.Changes {
		types[change.Type] = true
	}
	inspects, compared := regexp.MustCompile(`inspects: \{terraform: \[(.+)\]\}`), regexp.MustCompile(`change\.type == "(.+)"`)
	seen := map[string]bool{}
	for i := range manyRules {
		ours, theirs := planRule(i)
		one, other := inspects.FindStringSubmatch(ours), compared.FindStringSubmatch(theirs)
		if one == nil || other == nil || one[1] != other[1] {
			t.Fatalf("rule %d: its pair is on another type:\n%s\n%s", i, ours, theirs)
		}
		if types[one[1]] != (i < planRules) {
			t.Errorf("rule %d is on %s, which the plan has: %t", i, one[1], types[one[1]])
		}
		c := conditions()[i%len(conditions())]
		for _, text := range []string{ours, theirs} {
			if !strings.Contains(text, c.body) || !strings.Contains(text, fmt.Sprintf("%q", c.message)) {
				t.Errorf("rule %d lacks its condition or message:\n%s", i, text)
			}
			if seen[text] {
				t.Errorf("rule %d is there twice", i)
			}
			seen[text] = true
		}
	}
}

func TestManifestsAreAsManyAsAskedFor(t *testing.T) {
	t.Parallel()
	got := map[string]int{}
	decoder := yaml.NewDecoder(bytes.NewReader(manifests(40)))
	for {
		var object struct {
			Kind string `yaml:"kind"`
		}
		if err := decoder.Decode(&object); err != nil {
			break
		}
		got[object.Kind]++
	}
	want := map[string]int{"Deployment": 8, "Service": 8, "ServiceAccount": 8, "PodDisruptionBudget": 8, "NetworkPolicy": 8}
	delete(got, "") // after the last separator
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReportsAreCounted(t *testing.T) {
	t.Parallel()
	if n, err := ofGatehouse([]byte(`{"findings":[{},{}],"errors":[]}`)); n != 2 || err != nil {
		t.Errorf("Gatehouse: %d, %v", n, err)
	}
	if n, err := ofConftest([]byte(`[{"failures":[{},{}]},{"failures":[{}]},{}]`)); n != 3 || err != nil {
		t.Errorf("conftest: %d, %v", n, err)
	}
	for _, bad := range []string{`{"findings":[],"errors":[{"message":"x"}]}`, `{`, ``} {
		if _, err := ofGatehouse([]byte(bad)); err == nil {
			t.Errorf("%q counts", bad)
		}
	}
	if _, err := ofConftest([]byte(`{`)); err == nil {
		t.Error("half a report of conftest counts")
	}
}

func TestMedianIsOfEachQuantity(t *testing.T) {
	t.Parallel()
	got := median([]measurement{
		{wall: 3, cpu: 1, memory: 20, own: 9, found: 7}, {wall: 1, cpu: 3, memory: 30, own: 8, found: 7}, {wall: 2, cpu: 2, memory: 10, own: 7, found: 7},
	})
	want := measurement{wall: 2, cpu: 2, memory: 20, own: 8, found: 7}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(measurement{})); diff != "" {
		t.Error(diff)
	}
}

// A status of 1 says that something was found; another one, that there is nothing to measure.
func TestMeasure(t *testing.T) {
	t.Parallel()
	count := func(out []byte) (int, error) { return len(out), nil }
	shell := func(script string) *contestant {
		return &contestant{name: script, args: []string{"sh", "-c", script}, environ: []string{"WORD=abc"}, found: count}
	}
	m, err := shell(`printf "$WORD"; exit 1`).measure(t.Context(), t.TempDir(), 0)
	if err != nil || m.found != 3 || m.wall <= 0 || m.memory <= 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := shell("echo bad >&2; exit 2").measure(t.Context(), t.TempDir(), 0); err == nil || !strings.Contains(err.Error(), "bad") {
		t.Errorf("a program that failed was measured: %v", err)
	}
	inside := &contestant{name: "inside", args: []string{"sh", "-c", "echo 12345"}, inside: true}
	if m, err = inside.measure(t.Context(), t.TempDir(), 0); err != nil || m.wall != 12345*time.Nanosecond {
		t.Errorf("its own time: %v, %v", m.wall, err)
	}
}
