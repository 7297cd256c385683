package rules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/policies"
)

// TestPodSecurityFixtures compares the Pod Security packs with the admission library on every Pod that the library ships.
func TestPodSecurityFixtures(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "test/testdata/*/*/*/*.yaml"))
	if err != nil || len(files) < 1000 {
		t.Fatalf("%d fixtures: %v", len(files), err)
	}
	seen := map[string]bool{}
	var pods [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if seen[string(text)] { // most fixtures stand there once a version
			continue
		}
		seen[string(text)] = true
		pod, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		pods = append(pods, pod)
	}
	comparePodSecurity(t, pods)
}

// TestPodSecurityRandom compares them on Pods that nobody would write, nulls and empty objects included.
func TestPodSecurityRandom(t *testing.T) {
	t.Parallel()
	g := podGenerator{rand.New(rand.NewPCG(7, 37))}
	var pods [][]byte
	for range 2000 {
		pod, err := json.Marshal(g.pod())
		if err != nil {
			t.Fatal(err)
		}
		pods = append(pods, pod)
	}
	comparePodSecurity(t, pods)
}

// podSecurityRule is the id of the rule for a check: capabilities_baseline is PSS-B-Capabilities.
func podSecurityRule(check policy.Check) string {
	letter := "B"
	if check.Level == api.LevelRestricted {
		letter = "R"
	}
	name, _, _ := strings.Cut(string(check.ID), "_")
	return "PSS-" + letter + "-" + strings.ToUpper(name[:1]) + name[1:]
}

// comparePodSecurity judges each Pod, as a Pod and as the template of a controller, and fails where a rule and the latest
// version of its check disagree. Every rule must have been obeyed and broken.
func comparePodSecurity(t *testing.T, pods [][]byte) {
	t.Helper()
	e, err := rules.New(t.Context(), rules.Options{
		Builtin: policies.FS, Packs: []string{"pod-security-baseline", "pod-security-restricted"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string][]string{}, map[string][]string{}
	broken, obeyed := map[string]bool{}, map[string]bool{}
	var docs []gate.Document
	for i, raw := range pods {
		var pod corev1.Pod
		if err := json.Unmarshal(raw, &pod); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		doc := podDocument(i, raw)
		docs = append(docs, doc)
		for _, check := range policy.DefaultChecks() {
			id := podSecurityRule(check)
			if check.Versions[len(check.Versions)-1].CheckPod(&pod.ObjectMeta, &pod.Spec).Allowed {
				obeyed[id] = true
			} else {
				broken[id] = true
				want[doc.Resource] = append(want[doc.Resource], id)
			}
		}
	}
	evaluation := e.Evaluate(t.Context(), rules.Input{Documents: docs})
	if len(evaluation.Problems) > 0 {
		t.Fatal(evaluation.Problems)
	}
	for _, finding := range evaluation.Findings {
		got[finding.Resource] = append(got[finding.Resource], finding.Rule)
	}
	for _, sides := range []map[string][]string{want, got} {
		for resource, ids := range sides {
			slices.Sort(ids)
			sides[resource] = slices.Compact(ids)
		}
	}
	for i, doc := range docs {
		if diff := cmp.Diff(want[doc.Resource], got[doc.Resource]); diff != "" {
			t.Errorf("admission library against rules (-library +rules):\n%s%s", diff, pods[i])
		}
	}
	ids := map[string]bool{}
	for _, rule := range e.Rules() {
		if strings.HasPrefix(rule.ID, "PSS-") {
			ids[rule.ID] = true
		}
	}
	for name, side := range map[string]map[string]bool{"broken": broken, "obeyed": obeyed} {
		if diff := cmp.Diff(slices.Sorted(maps.Keys(ids)), slices.Sorted(maps.Keys(side))); diff != "" {
			t.Errorf("rules against the library's checks that were %s (-rules +checks):\n%s", name, diff)
		}
	}
}

// podDocument wraps the Pod differently from one to the next.
func podDocument(i int, pod []byte) gate.Document {
	kinds := []struct {
		group, version, kind string
		path                 []string
	}{
		{"", "v1", "Pod", []string{}},
		{"apps", "apps/v1", "Deployment", []string{"spec", "template"}},
		{"batch", "batch/v1", "CronJob", []string{"spec", "jobTemplate", "spec", "template"}},
		{"", "v1", "PodTemplate", []string{"template"}},
	}
	k := kinds[i%len(kinds)]
	object := bytes.Clone(pod)
	for _, key := range slices.Backward(k.path) {
		object = fmt.Appendf(nil, `{%q:%s}`, key, object)
	}
	name := fmt.Sprintf("n%d", i)
	return gate.Document{
		Kind: gate.KindKubernetes, Group: k.group, Type: k.kind, Name: name, Namespace: "shop",
		Resource: k.version + "/" + k.kind + "/shop/" + name, Set: "manifests", File: "pods.yaml", Line: 1,
		Actions: []string{"create"}, After: object, PodPath: k.path,
	}
}
