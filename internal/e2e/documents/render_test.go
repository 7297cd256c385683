package documents

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// overlays is a repository whose Deployment is only ever deployed through an overlay.
func overlays() map[string]string {
	return map[string]string{
		"deploy/base/kustomization.yaml": "resources: [web.yaml]\n",
		"deploy/base/web.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx
          securityContext: {privileged: false}
`,
		"deploy/prod/kustomization.yaml": "namespace: prod\nresources: [../base]\n",
	}
}

const privilegedPatch = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, securityContext: {privileged: true}}]}}}
`

// TestAnOverlayIsRendered: the base in the repository is fine, what the overlay makes of it is not.
func TestAnOverlayIsRendered(t *testing.T) {
	s := newPlace(t, site.Setup{Files: overlays()})
	pr := s.Open("ann", "privileged", map[string]string{
		"deploy/prod/kustomization.yaml": "namespace: prod\nresources: [../base]\npatches: [{path: patch.yaml}]\n",
		"deploy/prod/patch.yaml":         privilegedPatch,
	})
	s.Blocked(pr, "completed/failure: Blocked: PSS-B-Privileged on apps/v1/Deployment/prod/web")
	s.Says(pr, "PSS-B-Privileged", "deploy/prod/patch.yaml:4")
}

// TestWhatCannotBeRenderedBlocks: a remote base is refused with its line, and a chart that allocates without end costs the
// worker its life and nobody else's: the same server judges the next push.
func TestWhatCannotBeRenderedBlocks(t *testing.T) {
	s := newPlace(t, site.Setup{Files: overlays()})
	pr := s.Open("ann", "remote", map[string]string{"deploy/prod/kustomization.yaml": "resources:\n  - https://github.com/evil/base\n"})
	s.Blocked(pr, `completed/failure: Gatehouse could not evaluate: deploy/prod/kustomization.yaml:2 asks for the remote resource "https://github.com/evil/base"; nothing is fetched`)

	pr.Push(githubsim.CommitSpec{Files: map[string]string{
		"deploy/prod/kustomization.yaml": overlays()["deploy/prod/kustomization.yaml"],
		"chart/Chart.yaml":               "apiVersion: v2\nname: bomb\nversion: 0.1.0\n",
		"chart/templates/a.yaml":         "{{ $x := \"0123456789abcdef\" }}{{ range until 40 }}{{ $x = cat $x $x }}{{ end }}\n",
	}})
	s.Blocked(pr, "completed/failure: Gatehouse could not evaluate: chart/Chart.yaml cannot be rendered: the worker process took more than 512 MiB of memory")

	pr.Push(githubsim.CommitSpec{Files: map[string]string{"chart/templates/a.yaml": "# " + strings.Repeat("x", 10) + "\n"}})
	s.Blocked(pr, site.WaitsFor1)
}
