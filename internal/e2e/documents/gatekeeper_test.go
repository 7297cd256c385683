package documents

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// A Gatekeeper template and its constraint about Pods, and what makes Pods of Deployments, Jobs of CronJobs and Pods of those.
const hostPIDTemplate = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: nohostpid}
spec:
  crd: {spec: {names: {kind: NoHostPID}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package nohostpid
        violation[{"msg": msg}] {
          input.review.object.spec.hostPID
          msg := sprintf("hostPID in %v", [input.review.object.metadata.name])
        }
`

const hostPIDConstraint = `apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NoHostPID
metadata: {name: pods}
spec: {match: {kinds: [{apiGroups: [""], kinds: [Pod]}]}}
`

const expansion = `apiVersion: expansion.gatekeeper.sh/v1beta1
kind: ExpansionTemplate
metadata: {name: pods}
spec:
  applyTo: [{groups: [apps], versions: [v1], kinds: [Deployment]}, {groups: [batch], versions: [v1], kinds: [Job]}]
  templateSource: spec.template
  generatedGVK: {group: "", version: v1, kind: Pod}
---
apiVersion: expansion.gatekeeper.sh/v1beta1
kind: ExpansionTemplate
metadata: {name: jobs}
spec:
  applyTo: [{groups: [batch], versions: [v1], kinds: [CronJob]}]
  templateSource: spec.jobTemplate
  generatedGVK: {group: batch, version: v1, kind: Job}
---
apiVersion: expansion.gatekeeper.sh/v1beta1
kind: ExpansionTemplate
metadata: {name: stateful}
spec:
  applyTo: [{groups: [apps], versions: [v1], kinds: [StatefulSet]}]
  templateSource: spec.template
  generatedGVK: {group: "", version: v1, kind: Pod}
  enforcementAction: warn
`

func deployment(name string, replicas int, hostPID bool) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %s, namespace: shop}
spec:
  replicas: %d
  selector: {matchLabels: {app: a}}
  template: {metadata: {labels: {app: a}}, spec: {hostPID: %t, containers: [{name: a, image: a}]}}
`, name, replicas, hostPID)
}

const cronJob = `apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "0 3 * * *"
  jobTemplate: {spec: {template: {spec: {hostPID: true, restartPolicy: Never, containers: [{name: a, image: a}]}}}}
`

// TestWorkloadsAreJudgedAsThePodsThatTheyMake: an ExpansionTemplate on the base branch has constraints about Pods judge Deployments, as new
// or existing as those are, and through several steps.
func TestWorkloadsAreJudgedAsThePodsThatTheyMake(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{
		".github/gatehouse.yml": "version: 1\npolicies: {packs: [], paths: [policy]}\napprovals: {required: 0}\n",
		"policy/hostpid.yaml":   hostPIDTemplate + "---\n" + hostPIDConstraint,
		"policy/expansion.yaml": expansion,
		"k8s/old.yaml":          deployment("old", 1, true),
	}})
	pr := s.Open("ann", "workloads", map[string]string{"k8s/new.yaml": deployment("new", 1, true), "k8s/old.yaml": deployment("old", 2, true)})
	s.Blocked(pr, "completed/failure: Blocked: NoHostPID/pods on apps/v1/Deployment/shop/new")
	s.Says(pr, `\[Implied by pods\] hostPID in new-pod`)

	pr.Push(githubsim.CommitSpec{Files: map[string]string{"k8s/new.yaml": deployment("new", 1, false), "k8s/cron.yaml": cronJob}})
	s.Blocked(pr, "completed/failure: Blocked: NoHostPID/pods on batch/v1/CronJob/shop/nightly")

	// What was there before does not block, and what an ExpansionTemplate says to warn of does not either.
	stateful := strings.Replace(deployment("db", 1, true), "kind: Deployment", "kind: StatefulSet", 1)
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"k8s/db.yaml": stateful}, Delete: []string{"k8s/cron.yaml"}})
	s.Merges(pr, "completed/success: Passed with 1 warning: N documents, N rules")
	s.Says(pr, `\[Implied by stateful\] hostPID in db-pod`, "hostPID in old-pod")
}

// TestTestsOfRulesAreNotDeployed: what a Gatekeeper suite names in a folder of rules is no manifest, neither in the pull request that brings
// it nor later; what it does not name is.
func TestTestsOfRulesAreNotDeployed(t *testing.T) {
	pod := func(name string) string {
		return "{apiVersion: v1, kind: Pod, metadata: {name: " + name + "}, spec: {hostPID: true, containers: [{name: a, image: a}]}}\n"
	}
	const suite = `apiVersion: test.gatekeeper.sh/v1alpha1
kind: Suite
tests:
  - name: hostpid
    template: ../template.yaml
    constraint: ../constraint.yaml
    cases:
      - {name: denied, object: denied.yaml, assertions: [{violations: 1}]}
`
	s := newPlace(t, site.Setup{Files: map[string]string{
		".github/gatehouse.yml":  "version: 1\npolicies: {packs: [], paths: [policy]}\napprovals: {required: 0}\n",
		"policy/template.yaml":   hostPIDTemplate,
		"policy/constraint.yaml": hostPIDConstraint,
	}})
	pr := s.Open("ann", "tests", map[string]string{
		"policy/tests/suite.yaml":  suite,
		"policy/tests/denied.yaml": pod("denied"), "policy/tests/more.yaml": pod("more"),
	})
	s.Blocked(pr, "completed/failure: Blocked: NoHostPID/pods on v1/Pod//more")
	s.Says(pr, "and 1 more file of policy are tests of rules")
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"policy/tests/more.yaml": pod("more"), "policy/tests/suite.yaml": strings.ReplaceAll(suite, "denied.yaml", "more.yaml")}})
	s.Blocked(pr, "completed/failure: Blocked: NoHostPID/pods on v1/Pod//denied")
	pr.Push(githubsim.CommitSpec{Delete: []string{"policy/tests/denied.yaml"}})
	s.Merges(pr, "completed/success: All clear: N documents, N rules")
}

// TestActionsOfConstraints: what denies blocks, what warns or only reports is listed and does not, and of scoped actions people are told which
// one counts.
func TestActionsOfConstraints(t *testing.T) {
	constraint := func(name, action string) string {
		return "---\napiVersion: constraints.gatekeeper.sh/v1beta1\nkind: NoHostPID\nmetadata: {name: " + name + "}\n" +
			"spec: {" + action + ", match: {kinds: [{apiGroups: [\"\"], kinds: [Pod]}]}}\n"
	}
	const cluster = "enforcementAction: scoped, scopedEnforcementActions: [{action: deny, enforcementPoints: [{name: validation.gatekeeper.sh}]}"
	s := newPlace(t, site.Setup{Files: map[string]string{
		".github/gatehouse.yml": "version: 1\npolicies: {packs: [], paths: [policy]}\napprovals: {required: 0}\n",
		"policy/hostpid.yaml": hostPIDTemplate + constraint("cluster", cluster+"]") + constraint("report", "enforcementAction: dryrun") +
			constraint("here", cluster+", {action: warn, enforcementPoints: [{name: gator.gatekeeper.sh}]}]"),
	}})
	pod := "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {hostPID: true, containers: [{name: a, image: a}]}}\n"
	pr := s.Open("ann", "pod", map[string]string{"k8s/pod.yaml": pod})
	s.Blocked(pr, "completed/failure: Blocked: NoHostPID/cluster on v1/Pod//a")
	s.Says(pr, "blocked by 1 finding", "The constraint's scoped actions are for validation.gatekeeper.sh; here the strictest of them counts: deny.",
		"2 warnings, which do not block", "**NoHostPID/here**", "**NoHostPID/report**")
	var levels []string
	for _, c := range s.Checks(pr.HeadSHA()) {
		for _, a := range c.Annotations {
			levels = append(levels, fmt.Sprintf("%s %s:%d", a.Level, a.Path, a.StartLine))
		}
	}
	slices.Sort(levels)
	if diff := cmp.Diff([]string{"failure k8s/pod.yaml:1", "warning k8s/pod.yaml:1", "warning k8s/pod.yaml:1"}, levels); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}
