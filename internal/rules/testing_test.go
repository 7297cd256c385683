package rules_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

const sshTest = `package acme.ssh_test

import data.acme.ssh

open := {"resource": {"ingress": [{"port": 23, "cidrs": ["0.0.0.0/0"]}]}}

test_default if count(ssh.deny) == 0 with input as open

test_parameter if count(ssh.deny) == 1 with input as open with data.parameters.ports as [23]

test_wrong if count(ssh.deny) == 1 with input as open

todo_test_later if true
`

const sshExamples = `good:
  - name: closed
    terraform:
      - {address: aws_security_group.a, after: {ingress: [{port: 22, cidrs: [10.0.0.0/8]}]}}
  - name: open after all
    terraform:
      - {address: aws_security_group.a, after: {ingress: [{port: 22, cidrs: [0.0.0.0/0]}]}}
bad:
  - name: open
    terraform:
      - {address: 'module.a["x.y"].aws_security_group.b[0]', after: {ingress: [{port: 22, cidrs: [0.0.0.0/0]}]}}
    findings:
      - {resource: 'module.a["x.y"].aws_security_group.b[0]', message: port 22 is open}
  - name: another port
    parameters: {ports: [23]}
    terraform:
      - {address: aws_security_group.a, after: {ingress: [{port: 23, cidrs: [0.0.0.0/0]}]}}
    findings:
      - {resource: aws_security_group.a, message: port 23 is open, path: "ingress[0]"}
  - name: told wrongly
    terraform:
      - {address: aws_security_group.a, after: {ingress: [{port: 22, cidrs: [0.0.0.0/0]}]}}
    findings:
      - {resource: aws_security_group.a, message: port 24 is open}
`

func TestRunTestsTellsWhatFails(t *testing.T) {
	t.Parallel()
	report, err := rules.RunTests(t.Context(), rules.Options{Dirs: []rules.Dir{dirOf(map[string]string{
		"ssh.rego": sshRule, "ssh_test.rego": sshTest, "ssh.examples.yaml": sshExamples, "lost.examples.yaml": "good: []\nbda: []\n",
	})}})
	if err != nil {
		t.Fatal(err)
	}
	want := []rules.Case{
		{File: "own/lost.examples.yaml", Name: "the file", Example: true, Failure: "reading examples: yaml: unmarshal errors:\n  line 2: field bda not found in type rules.Examples"},
		{File: "own/ssh.examples.yaml", Name: "another port", Example: true},
		{File: "own/ssh.examples.yaml", Name: "closed", Example: true},
		{File: "own/ssh.examples.yaml", Name: "open", Example: true},
		{
			File: "own/ssh.examples.yaml", Name: "open after all", Example: true,
			Failure: `unexpected: {"resource":"aws_security_group.a","message":"port 22 is open","path":"ingress[0]"}`,
		},
		{
			File: "own/ssh.examples.yaml", Name: "told wrongly", Example: true,
			Failure: "missing:    {\"resource\":\"aws_security_group.a\",\"message\":\"port 24 is open\"}\n" +
				`unexpected: {"resource":"aws_security_group.a","message":"port 22 is open","path":"ingress[0]"}`,
		},
		{File: "own/ssh_test.rego", Line: 7, Name: "test_default"},
		{File: "own/ssh_test.rego", Line: 9, Name: "test_parameter"},
		{File: "own/ssh_test.rego", Line: 11, Name: "test_wrong", Failure: "it is not true"},
		{File: "own/ssh_test.rego", Line: 13, Name: "todo_test_later", Failure: "it is skipped: rename todo_test_ to test_, or delete it"},
	}
	if diff := cmp.Diff(want, report.Cases); diff != "" {
		t.Error(diff)
	}
	if n := report.Failed(); n != 5 {
		t.Errorf("%d failed", n)
	}
}

func TestLintLooksAtHelpersAndExamplesToo(t *testing.T) {
	t.Parallel()
	problems := rules.Lint(rules.Options{Dirs: []rules.Dir{dirOf(map[string]string{
		"ssh.rego": sshRule, "helper.rego": "package acme.helper\n\nx := http.send({})\n", "ssh.examples.yaml": "good: 1\n",
	})}})
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	want := []string{
		"own/helper.rego:3 http.send is not available to rules: it would bring in the network",
		"own/ssh.examples.yaml reading examples: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!int `1` into []rules.Example",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRunTestsNeedsRulesThatLoad(t *testing.T) {
	t.Parallel()
	_, err := rules.RunTests(t.Context(), rules.Options{Dirs: []rules.Dir{dirOf(map[string]string{"a.rego": with("if {", "if {{")})}})
	var load *rules.LoadError
	if !errors.As(err, &load) || len(load.Problems) == 0 || load.Problems[0].File != "own/a.rego" {
		t.Errorf("%v", err)
	}
}
