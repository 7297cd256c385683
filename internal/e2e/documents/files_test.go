package documents

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// filesGate judges pipelines, playbooks and the like, with two rules of the repository's own for kinds that no built-in rule is about.
const filesGate = `version: 1
terraform:
  plans:
    committed: {path: "**/*.tfplan.json"}
files:
  ansible: ["ops/**"]
  gitlab_ci: ["ci/*.yml"]
  dockerfile: ["images/**"]
policies:
  packs: [gitops, audit, immutable]
  paths: [".gatehouse/policies"]
approvals: {required: 0}
`

const ownRules = `# METADATA
# title: Images do not run as root
# custom:
#   id: OWN-01
#   severity: high
#   remedy: Add USER.
#   inspects: {dockerfile: [dockerfile]}
package own.root

deny contains finding if {
	some i in input.resource.instructions
	i.name == "USER"
	i.text == "root"
	finding := {"message": "runs as root", "line": i.line}
}
`

const ownInventoryRule = `# METADATA
# title: No host is reached as root
# custom:
#   id: OWN-02
#   severity: high
#   remedy: Use an account.
#   inspects: {ansible: [inventory]}
package own.reached

deny contains finding if {
	some group in input.resource.groups
	group.vars.ansible_user == "root"
	finding := {"message": "hosts are reached as root"}
}
`

func filesSite(t *testing.T, more map[string]string) *place {
	files := map[string]string{
		".github/gatehouse.yml": filesGate, ".gatehouse/policies/root.rego": ownRules, ".gatehouse/policies/reached.rego": ownInventoryRule,
		"infra/prod/prod.tfplan.json": "", "infra/prod/main.tf": "", ".github/workflows/deploy.yml": "",
	}
	maps.Copy(files, more)
	return newPlace(t, site.Setup{Files: files})
}

// pointed are the places that the check on a pull request annotates, as FILE:LINE.
func (s *place) pointed(pr *githubsim.PR) []string {
	var out []string
	for _, c := range s.Checks(pr.HeadSHA()) {
		for _, a := range c.Annotations {
			out = append(out, fmt.Sprintf("%s:%d", a.Path, a.StartLine))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// userDataPlan is a plan of one machine with user data.
func userDataPlan(t *testing.T, userData string) string {
	t.Helper()
	values := map[string]any{"user_data": userData, "tags": map[string]any{"asg": "x"}}
	plan, err := json.Marshal(map[string]any{
		"format_version": "1.2", "terraform_version": "1.9.0", "complete": true, "errored": false,
		"planned_values": map[string]any{"root_module": map[string]any{}}, "configuration": map[string]any{"root_module": map[string]any{}},
		"resource_changes": []any{map[string]any{
			"address": "aws_launch_configuration.web", "mode": "managed", "type": "aws_launch_configuration", "name": "web",
			"provider_name": "registry.terraform.io/hashicorp/aws",
			"change":        map[string]any{"actions": []string{"create"}, "before": nil, "after": values, "after_unknown": map[string]any{}, "before_sensitive": false, "after_sensitive": map[string]any{}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(plan)
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

const multipartUserData = `Content-Type: multipart/mixed; boundary="==X=="
MIME-Version: 1.0

--==X==
Content-Type: text/x-shellscript; charset="us-ascii"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="login.sh"

IyEvYmluL3NoCnNlZCAtaSAncy8uKlBlcm1pdFJvb3RMb2dpbi4qL1Blcm1pdFJvb3RMb2dpbiB5ZXMvJyAvZXRjL3NzaC9zc2hkX2NvbmZpZwo=
--==X==--
`

// Each kind of file that is neither plan nor manifest, wherever its content shows it: the check blocks, and points at the line.
func TestOtherDocuments(t *testing.T) {
	s := filesSite(t, map[string]string{"site.yml": "- hosts: web\n  roles: [ssh]\n", "roles/ssh/tasks/main.yml": "- debug: {msg: nothing}\n"})
	const cloudConfig = "#cloud-config\nssh_pwauth: true\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
		at    []string
	}{
		{"playbook", map[string]string{"deploy/hosts-up.yml": "- hosts: web\n  tasks:\n    - name: in\n      ansible.builtin.lineinfile: {path: /etc/ssh/sshd_config, line: PermitRootLogin yes}\n"},
			"Blocked: IM-13 on deploy/hosts-up.yml", []string{"deploy/hosts-up.yml:3"}},
		{"role", map[string]string{"roles/ssh/tasks/main.yml": "- debug: {msg: nothing}\n- name: in\n  shell: echo PermitRootLogin yes >> /etc/ssh/sshd_config\n"},
			"Blocked: IM-13 on roles/ssh/tasks/main.yml", []string{"roles/ssh/tasks/main.yml:2"}},
		{"inventory", map[string]string{"production.ini": "[web]\na.example ansible_port=22\n[web:vars]\nansible_user=root\n"},
			"Blocked: OWN-02 on production.ini", []string{"production.ini:1"}},
		{"workflow", map[string]string{".github/workflows/test.yml": "on: push\njobs:\n  test:\n    runs-on: x\n    steps:\n      - uses: tj-actions/changed-files@v45\n"},
			"Blocked: GO-12 on .github/workflows/test.yml", []string{".github/workflows/test.yml:6"}},
		{"composite action", map[string]string{"tools/build/action.yml": "runs:\n  using: composite\n  steps:\n    - uses: docker://alpine:3\n"},
			"Blocked: GO-12 on tools/build/action.yml", []string{"tools/build/action.yml:4"}},
		{"GitLab", map[string]string{".gitlab-ci.yml": "stages: [deploy]\ndeploy:\n  script:\n    - terraform apply -auto-approve\n"},
			"Blocked: GO-13 on .gitlab-ci.yml", []string{".gitlab-ci.yml:2"}},
		{"Jenkinsfile", map[string]string{"jobs/release.groovy": "pipeline {\n  agent any\n  stages {\n    stage('apply') {\n      steps {\n        sh 'terraform apply'\n      }\n    }\n  }\n}\n"},
			"Blocked: GO-13 on jobs/release.groovy", []string{"jobs/release.groovy:6"}},
		{"Dockerfile", map[string]string{"web/Dockerfile": "FROM alpine@sha256:" + strings.Repeat("0", 64) + "\nUSER root\n"},
			"Blocked: OWN-01 on web/Dockerfile", []string{"web/Dockerfile:2"}},
		{"cloud-config in a file", map[string]string{"machines/init.yaml": cloudConfig},
			"Blocked: IM-13 on machines/init.yaml", []string{"machines/init.yaml:2"}},
		{"user data", map[string]string{"a/web.tfplan.json": userDataPlan(t, cloudConfig)}, "Blocked: IM-13 on aws_launch_configuration.web", []string{"a/web.tfplan.json:1"}},
		{"user data in base64", map[string]string{"a/web.tfplan.json": userDataPlan(t, base64.StdEncoding.EncodeToString([]byte(cloudConfig)))},
			"Blocked: IM-13 on aws_launch_configuration.web", []string{"a/web.tfplan.json:1"}},
		{"user data, zipped", map[string]string{"a/web.tfplan.json": userDataPlan(t, zipped(t, cloudConfig))}, "Blocked: IM-13 on aws_launch_configuration.web", []string{"a/web.tfplan.json:1"}},
		{"user data of many parts", map[string]string{"a/web.tfplan.json": userDataPlan(t, multipartUserData)}, "Blocked: IM-13 on aws_launch_configuration.web", []string{"a/web.tfplan.json:1"}},
	} {
		pr := s.Open("ann", strings.ReplaceAll(c.name, " ", "-"), c.files)
		s.Settle()
		if got := s.State(pr.HeadSHA()); got != "completed/failure: "+c.want {
			t.Errorf("%s: the check shows %q", c.name, got)
		}
		if diff := cmp.Diff(c.at, s.pointed(pr)); diff != "" {
			t.Errorf("%s: annotations (-want +got):\n%s", c.name, diff)
		}
	}
}

// The gate's own files are documents, too: a change of them asks for approvals.
func TestOwnFilesAskForApprovals(t *testing.T) {
	const other = "package main\n\ndeny contains \"never\" if false\n"
	s := filesSite(t, map[string]string{
		"CODEOWNERS": "* @acme/dba\n", "rules/never.rego": other,
		".github/gatehouse.yml": strings.Replace(filesGate, "paths: [", "paths: [rules, ", 1),
	})
	for _, c := range []struct{ name, file, content, why string }{
		{"configuration", ".github/gatehouse.yml", strings.Replace(filesGate, "required: 0", "required: 1", 1), "the gate's configuration changes"},
		{"waivers", ".github/gatehouse-waivers.yml", "- {rule: IM-06, resource: \"*\", reason: moving, owner: mei, expires: 2026-12-31}\n", "the list of waivers is new"},
		{"policy", ".gatehouse/policies/root.rego", strings.Replace(ownRules, "root\"", "nobody\"", 1), "a policy of the repository changes"},
		{"elsewhere", "rules/never.rego", other + "# still\n", "a policy of the repository changes"},
		{"owners", "CODEOWNERS", "* @acme/dba\n/docs/ @mei\n", "the list of code owners changes"},
	} {
		pr := s.Open("ann", c.name, map[string]string{c.file: c.content})
		s.Settle()
		if got := s.State(pr.HeadSHA()); !strings.HasPrefix(got, "in_progress: Waiting for ") {
			t.Errorf("%s: the check shows %q", c.name, got)
		}
		s.Says(pr, "GO-14", c.why)
	}
}

// What is meant to be one of these, and cannot be read, blocks whoever changes it. It is listed when somebody else comes by, and blocks
// everybody where the configuration names its path.
func TestUnreadableDocuments(t *testing.T) {
	s := filesSite(t, map[string]string{".github/workflows/old.yml": "on: push\njobs: [\n", "playbooks/old.yml": "- hosts: all\n  tasks: [\n", "ops/readme.md": "# how\n"})
	pr := s.Open("ann", "docs", map[string]string{"notes.md": "one\n"})
	s.Shows(pr, site.AllClear)
	pr = s.Open("ann", "more", map[string]string{"other.md": "one\n", ".gitlab-ci.yml": "a: {script: [make]}\n"})
	s.Shows(pr, site.AllClear)
	s.Says(pr, ".github/workflows/old.yml:2", "playbooks/old.yml:2")
	for _, c := range []struct{ name, file, content, want string }{
		{"workflow", ".github/workflows/new.yml", "on: push\njobs: {a: {steps: x}}\n", ".github/workflows/new.yml:2 is a GitHub Actions workflow that has a job that is no object, or steps that are no list"},
		{"action", "a/action.yml", "runs: {using: composite\n", "a/action.yml:1 is a GitHub action that is not valid YAML"},
		{"gitlab", ".gitlab-ci.yml", "a: [\n", ".gitlab-ci.yml:1 is a GitLab pipeline that is not valid YAML"},
		{"included pipeline", "ci/deploy.yml", "- a\n", "ci/deploy.yml:1 is a GitLab pipeline that is not an object"},
		{"Dockerfile", "images/base/Dockerfile", "RUN x\n", "images/base/Dockerfile:1 is a Dockerfile that has no FROM"},
		{"Ansible", "ops/deploy.yml", "text: [1]\n", "ops/deploy.yml:1 is a file that files.ansible names, and is nothing of that kind"},
		{"owners", "CODEOWNERS", "* @a\xff\n", "CODEOWNERS:1 is a list of code owners that cannot be read"},
	} {
		pr := s.Open("ann", strings.ReplaceAll(c.name, " ", "-"), map[string]string{c.file: c.content})
		s.Settle()
		if got := s.State(pr.HeadSHA()); !strings.HasPrefix(got, site.CouldNot+c.want) {
			t.Errorf("%s: the check shows %q", c.name, got)
		}
		if diff := cmp.Diff([]string{strings.SplitN(c.want, " ", 2)[0]}, s.pointed(pr)); diff != "" {
			t.Errorf("%s: annotations (-want +got):\n%s", c.name, diff)
		}
	}
	// It got in while nobody looked: now it blocks everybody, for the configuration says what it must be.
	s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"ops/deploy.yml": "text: [1]\n"}})
	pr = s.Open("ann", "late", map[string]string{"late.md": "one\n"})
	s.Settle()
	if got := s.State(pr.HeadSHA()); !strings.HasPrefix(got, site.CouldNot+"ops/deploy.yml:1 is a file that files.ansible names") {
		t.Errorf("the check shows %q", got)
	}
}
