package proof

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
)

// TestDeploymentExamples runs docs/examples/*.sh as they stand, with gatehouse, git and curl as they are. terraform and
// kustomize are stand-ins that print what the real ones would.
func TestDeploymentExamples(t *testing.T) {
	s := newPlace(t, site.Setup{})
	commit, plan := s.landed()
	s.File("plan.json", plan)
	s.File("rendered.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prod-api, namespace: shop}\ndata: {colour: red}\n")
	bin := filepath.Join(s.Dir, "bin")
	for name, text := range map[string]string{
		"terraform": "case $1 in show) cat ../plan.json;; apply) touch applied;; esac\n",
		"kustomize": "cat ../rendered.yaml\n",
	} {
		if err := os.Chmod(s.File("bin/"+name, "#!/bin/sh\n"+text), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	s.Program(bin)
	origin := s.cloned("origin.git", "--mirror")

	environ := []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + s.Dir, "GIT_CONFIG_NOSYSTEM=1",
		"GATEHOUSE_URL=" + s.URL, "GATEHOUSE_KEY=" + s.PublicKey(), "REPOSITORY=acme/infra",
		"GITHUB_SHA=" + commit, "GITHUB_REPOSITORY=acme/infra", "GITHUB_REF_NAME=main", "GIT_COMMIT=" + commit,
		"REVISION=" + commit, "SOURCE=.", "OVERLAY=k8s/overlay",
	}
	run := func(dir, script string, more ...string) (string, bool) {
		path, err := filepath.Abs(filepath.Join(site.Root, "docs", "examples", script))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "sh", path)
		cmd.Dir, cmd.Env = dir, append(environ[:len(environ):len(environ)], more...)
		out, err := cmd.CombinedOutput()
		return string(out), err == nil
	}
	work := filepath.Join(s.Dir, "work")
	if err := os.Mkdir(work, 0o755); err != nil {
		t.Fatal(err)
	}
	applied := func() bool { _, err := os.Stat(filepath.Join(work, "applied")); return err == nil }
	other := strings.Repeat("0", 40)

	// First what must not be deployed.
	if out, ok := run(work, "github-actions-apply.sh", "GITHUB_SHA="+other); ok || applied() {
		t.Errorf("a commit that did not pass was applied:\n%s", out)
	}
	s.File("plan.json", plan+" ")
	if out, ok := run(work, "github-actions-apply.sh"); ok || applied() {
		t.Errorf("a plan that was not judged was applied:\n%s", out)
	}
	s.File("plan.json", plan)
	for script, wrong := range map[string]string{
		"jenkins-stage.sh": "GIT_COMMIT=" + other, "argocd-presync.sh": "REVISION=" + other, "flux-predeploy.sh": "REPOSITORY=acme/other",
	} {
		dir := work
		if script == "flux-predeploy.sh" {
			dir = origin
		}
		if out, ok := run(dir, script, wrong); ok {
			t.Errorf("%s let something pass that did not:\n%s", script, out)
		}
	}
	// Then what may.
	if out, ok := run(work, "github-actions-apply.sh"); !ok || !applied() {
		t.Errorf("the judged plan was not applied:\n%s", out)
	}
	for _, script := range []string{"jenkins-stage.sh", "argocd-presync.sh"} {
		if out, ok := run(work, script); !ok {
			t.Errorf("%s:\n%s", script, out)
		}
	}
	clone := filepath.Join(s.Dir, "clone")
	s.git("clone", "--quiet", origin, clone)
	if out, ok := run(clone, "flux-predeploy.sh"); !ok {
		t.Errorf("flux-predeploy.sh:\n%s", out)
	}
	if got := strings.TrimSpace(s.git("-C", origin, "rev-parse", "refs/heads/deploy")); got != commit {
		t.Errorf("Flux would deploy %s, want %s", got, commit)
	}
	s.File("rendered.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prod-api, namespace: shop}\ndata: {colour: green}\n")
	if out, ok := run(work, "argocd-presync.sh"); ok {
		t.Errorf("objects that the commit does not make were let through:\n%s", out)
	}
}

// cloned is a copy of the repository, made over HTTP as GitHub serves it.
func (s *place) cloned(name string, more ...string) string {
	s.T.Helper()
	dir := filepath.Join(s.Dir, name)
	address := strings.Replace(s.GitHub.URL(), "://", "://x-access-token:"+s.Installation.Token()+"@", 1) + "/acme/infra.git"
	s.git(append(append([]string{"clone", "--quiet"}, more...), address, dir)...)
	return dir
}

func (s *place) git(args ...string) string {
	s.T.Helper()
	cmd := exec.CommandContext(s.T.Context(), "git", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.Dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.T.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
