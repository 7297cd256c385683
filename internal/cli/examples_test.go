package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestE2EDeploymentExamples runs docs/examples/*.sh as they stand, with gatehouse, git and curl as they are. terraform and
// kustomize are stand-ins that print what the real ones would.
func TestE2EDeploymentExamples(t *testing.T) {
	s := newSite(t, setup{})
	commit, plan := s.landed()
	s.file("plan.json", plan)
	s.file("rendered.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prod-api, namespace: shop}\ndata: {colour: red}\n")
	bin := filepath.Join(s.dir, "bin")
	for name, text := range map[string]string{
		"terraform": "case $1 in show) cat ../plan.json;; apply) touch applied;; esac\n",
		"kustomize": "cat ../rendered.yaml\n",
	} {
		if err := os.Chmod(s.file("bin/"+name, "#!/bin/sh\n"+text), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	origin := s.cloned("origin.git", "--mirror")

	environ := []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + s.dir, "GIT_CONFIG_NOSYSTEM=1",
		"GATEHOUSE_URL=" + s.url, "GATEHOUSE_KEY=" + s.publicKey(), "REPOSITORY=acme/infra",
		"GITHUB_SHA=" + commit, "GITHUB_REPOSITORY=acme/infra", "GITHUB_REF_NAME=main", "GIT_COMMIT=" + commit,
		"REVISION=" + commit, "SOURCE=.", "OVERLAY=k8s/overlay",
	}
	run := func(dir, script string, more ...string) (string, bool) {
		path, err := filepath.Abs(filepath.Join("..", "..", "docs", "examples", script))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "sh", path)
		cmd.Dir, cmd.Env = dir, append(environ[:len(environ):len(environ)], more...)
		out, err := cmd.CombinedOutput()
		return string(out), err == nil
	}
	work := filepath.Join(s.dir, "work")
	if err := os.Mkdir(work, 0o755); err != nil {
		t.Fatal(err)
	}
	applied := func() bool { _, err := os.Stat(filepath.Join(work, "applied")); return err == nil }
	other := strings.Repeat("0", 40)

	// First what must not be deployed.
	if out, ok := run(work, "github-actions-apply.sh", "GITHUB_SHA="+other); ok || applied() {
		t.Errorf("a commit that did not pass was applied:\n%s", out)
	}
	s.file("plan.json", plan+" ")
	if out, ok := run(work, "github-actions-apply.sh"); ok || applied() {
		t.Errorf("a plan that was not judged was applied:\n%s", out)
	}
	s.file("plan.json", plan)
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
	clone := filepath.Join(s.dir, "clone")
	s.git("clone", "--quiet", origin, clone)
	if out, ok := run(clone, "flux-predeploy.sh"); !ok {
		t.Errorf("flux-predeploy.sh:\n%s", out)
	}
	if got := strings.TrimSpace(s.git("-C", origin, "rev-parse", "refs/heads/deploy")); got != commit {
		t.Errorf("Flux would deploy %s, want %s", got, commit)
	}
	s.file("rendered.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prod-api, namespace: shop}\ndata: {colour: green}\n")
	if out, ok := run(work, "argocd-presync.sh"); ok {
		t.Errorf("objects that the commit does not make were let through:\n%s", out)
	}
}

// cloned is a copy of the repository, made over HTTP as GitHub serves it.
func (s *site) cloned(name string, more ...string) string {
	s.t.Helper()
	dir := filepath.Join(s.dir, name)
	address := strings.Replace(s.gh.URL(), "://", "://x-access-token:"+s.in.Token()+"@", 1) + "/acme/infra.git"
	s.git(append(append([]string{"clone", "--quiet"}, more...), address, dir)...)
	return dir
}

func (s *site) git(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "git", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
