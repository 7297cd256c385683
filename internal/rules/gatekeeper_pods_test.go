package rules_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

func TestPodsThatNoConstraintSees(t *testing.T) {
	t.Parallel()
	const workloads = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {spec: {containers: []}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: shop}
spec: {template: {spec: {containers: []}}}
---
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: shop}
spec: {containers: []}
`
	const deployments = `
---
apiVersion: expansion.gatekeeper.sh/v1beta1
kind: ExpansionTemplate
metadata: {name: pods}
spec:
  applyTo: [{groups: [apps], versions: [v1], kinds: [Deployment]}]
  templateSource: spec.template
  generatedGVK: {group: "", version: v1, kind: Pod}
`
	about := func(match string) string {
		return flagTemplate + strings.Replace(flagConstraint, "spec: {", "spec: {match: {"+match+"}, ", 1)
	}
	unseen := func(workloads ...string) rules.Unseen {
		return rules.Unseen{Constraints: []string{"Flag/words"}, Workloads: workloads}
	}
	for name, c := range map[string]struct {
		rules string
		want  rules.Unseen
	}{
		"about Pods":                     {about("kinds: [{kinds: [Pod]}]"), unseen("apps/v1/Deployment/shop/web", "batch/v1/Job/shop/once")},
		"with what a Deployment makes":   {about("kinds: [{kinds: [Pod]}]") + deployments, unseen("batch/v1/Job/shop/once")},
		"about Pods and Jobs":            {about("kinds: [{kinds: [Pod]}, {apiGroups: [batch], kinds: [Job]}]"), unseen("apps/v1/Deployment/shop/web")},
		"about everything":               {about(""), rules.Unseen{}},
		"about Pods and everything":      {about(`kinds: [{kinds: [Pod, "*"]}]`), rules.Unseen{}},
		"about Pods as they are written": {about("source: Original, kinds: [{kinds: [Pod]}]"), rules.Unseen{}},
		"about other things":             {about("kinds: [{kinds: [Service]}]"), rules.Unseen{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := engineOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{"a.yaml": c.rules})}})
			if diff := cmp.Diff(c.want, e.UnseenPods(objectsOf(t, workloads, ""))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
