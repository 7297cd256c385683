package document_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

// branchesOf lists the steps of a Jenkinsfile with a text or a doubt, as TEXT @ BRANCHES.
func branchesOf(t *testing.T, content string) (steps, unread []string) {
	t.Helper()
	type step struct {
		Name, Text, Unread string
		Branches           struct {
			Only         *[]string
			Tags, Unsure bool
		}
	}
	var file struct {
		Stages []struct{ Steps []step }
		Steps  []step
		Unread []struct{ Reason string }
	}
	docs := build(document.MapTree{"Jenkinsfile": content}, nil, document.Options{}).Documents
	if len(docs) != 1 {
		t.Fatalf("%d documents", len(docs))
	}
	if err := json.Unmarshal(docs[0].After, &file); err != nil {
		t.Fatal(err)
	}
	steps, unread = []string{}, []string{}
	all := file.Steps
	for _, stage := range file.Stages {
		all = append(all, stage.Steps...)
	}
	for _, s := range all {
		if s.Unread == "" && s.Name != "sh" {
			continue
		}
		where := "everywhere"
		switch {
		case s.Branches.Only != nil:
			where = strings.Join(*s.Branches.Only, ",")
			if s.Branches.Tags {
				where += "+tags"
			}
		case s.Branches.Unsure:
			where = "unsure"
		}
		what := strings.TrimSpace(s.Text)
		if s.Unread != "" {
			what = s.Unread
		}
		steps = append(steps, what+" @ "+where)
	}
	for _, u := range file.Unread {
		unread = append(unread, u.Reason)
	}
	return steps, unread
}

// TestJenkinsConditions holds on which branches a step runs, for each way to write a condition.
func TestJenkinsConditions(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		"branch 'main'": "main",
		"branch pattern: 'release/.*', comparator: 'REGEXP'":                       "release/*",
		"branch pattern: 'main|prod', comparator: 'REGEXP'":                        "main,prod",
		"branch pattern: 'm.+', comparator: 'REGEXP'":                              "unsure",
		"branch pattern: 'release/*', comparator: 'GLOB'":                          "release/*",
		"branch \"${TARGET}\"":                                                     "unsure",
		"beforeAgent true\n branch 'main'":                                         "main",
		"anyOf { branch 'main'; branch 'prod' }":                                   "main,prod",
		"anyOf { branch 'main'; buildingTag() }":                                   "main+tags",
		"anyOf { branch 'main'; changeRequest() }":                                 "everywhere",
		"anyOf { allOf { branch 'main'; expression { params.X } }; branch 'prod'}": "main,prod",
		"allOf { branch 'main'; not { changeRequest() } }":                         "main",
		"not { branch 'main' }":                                                    "everywhere",
		"not { not { branch 'main' } }":                                            "main",
		"not { anyOf { not { branch 'main' }; changeRequest() } }":                 "main",
		"changeset 'infra/**'":                                                     "everywhere",
		"environment name: 'BRANCH_NAME', value: 'main'":                           "main",
		"environment name: 'DEPLOY', value: 'yes'":                                 "everywhere",
		"equals expected: 'main', actual: env.BRANCH_NAME":                         "main",
		"tag 'v*'": "+tags",
		"expression { env.BRANCH_NAME == 'main' }":                              "main",
		"expression { return env.BRANCH_NAME == \"main\" }":                     "main",
		"expression { 'main' == BRANCH_NAME }":                                  "main",
		"expression { env.GIT_BRANCH == 'origin/main' }":                        "main",
		"expression { env.BRANCH_NAME != 'main' }":                              "everywhere",
		"expression { !(env.BRANCH_NAME != 'main') }":                           "main",
		"expression { env.BRANCH_NAME in ['main', 'prod'] }":                    "main,prod",
		"expression { ['main', 'prod'].contains(env.BRANCH_NAME) }":             "main,prod",
		"expression { env.BRANCH_NAME ==~ /(main|prod)/ }":                      "main,prod",
		"expression { env.BRANCH_NAME ==~ /release\\/.*/ }":                     "release/*",
		"expression { env.BRANCH_NAME =~ /main/ }":                              "unsure",
		"expression { env.BRANCH_NAME.startsWith('release/') }":                 "release/*",
		"expression { env.BRANCH_NAME.startsWith('ma') }":                       "unsure",
		"expression { env.BRANCH_NAME.equals('main') }":                         "main",
		"expression { env.BRANCH_NAME == 'main' || env.BRANCH_NAME == 'prod' }": "main,prod",
		"expression { env.BRANCH_NAME == 'main' || params.FORCE }":              "unsure",
		"expression { env.BRANCH_NAME == 'main' && params.FORCE }":              "main",
		"expression { env.BRANCH_IS_PRIMARY == 'true' }":                        "(primary)",
		"expression { env.TAG_NAME != null }":                                   "+tags",
		"expression { env.CHANGE_ID == null }":                                  "everywhere",
		"expression { isProduction() }":                                         "unsure",
		"expression { true }":                                                   "unsure",
		"expression { def x = 1\n return x == 1 }":                              "unsure",
		"someday()": "unsure",
	} {
		steps, unread := branchesOf(t, "pipeline { agent any\n stages { stage('a') { when { "+when+" }\n steps { sh 'x' } } } }")
		if diff := cmp.Diff([]string{"x @ " + want}, steps); diff != "" || len(unread) > 0 {
			t.Errorf("when { %s }: %s %v", when, diff, unread)
		}
	}
}

// TestJenkinsSteps finds commands wherever Groovy lets them stand.
func TestJenkinsSteps(t *testing.T) {
	t.Parallel()
	stage := func(steps string) string {
		return "pipeline { agent any\n stages { stage('a') { steps { script {\n" + steps + "\n} } } } }"
	}
	for content, want := range map[string][]string{
		stage("def out = sh(script: 'a', returnStdout: true).trim()"):                                    {"a @ everywhere"},
		stage("if (sh(script: 'a', returnStatus: true) != 0) { sh 'b' }"):                                {"a @ everywhere", "b @ unsure"},
		stage("if (env.BRANCH_NAME == 'main') sh 'a'\nelse sh 'b'"):                                      {"a @ main", "b @ everywhere"},
		stage("if (env.BRANCH_NAME == 'main')\n  sh 'a'\nsh 'b'"):                                        {"a @ main", "b @ everywhere"},
		stage("if (env.BRANCH_NAME == 'main') { sh 'a' } else if (params.X) { sh 'b' } else { sh 'c' }"): {"a @ main", "b @ unsure", "c @ unsure"},
		stage("if (env.BRANCH_NAME != 'main') { echo 'no'\n return }\nsh 'a'"):                           {"a @ main"},
		stage("if (env.BRANCH_NAME != 'main') { error('no') }\nsh 'a'"):                                  {"a @ main"},
		stage("if (env.BRANCH_NAME != 'main') { echo 'no' }\nsh 'a'"):                                    {"a @ everywhere"},
		stage("switch (env.BRANCH_NAME) { case 'main': sh 'a'; break }"):                                 {"a @ unsure"},
		stage("try { sh 'a' } catch (e) { sh 'b' } finally { sh 'c' }"):                                  {"a @ everywhere", "b @ everywhere", "c @ everywhere"},
		stage("for (r in ['eu', 'us']) { sh \"a ${r}\" }"):                                               {"a ${r} @ everywhere"},
		stage("params.X ? sh('a') : sh('b')"):                                                            {"a @ unsure", "b @ unsure"},
		stage("params.X && sh('a')"):                                                                     {"a @ unsure"},
		stage("parallel(eu: { sh 'a' }, us: { sh 'b' })"):                                                {"a @ everywhere", "b @ everywhere"},
		stage("withCredentials([string(credentialsId: 'k', variable: 'K')]) { dir('x') { sh 'a' } }"):    {"a @ everywhere"},
		stage("docker.image('x').inside('-u 0') { sh 'a' }"):                                             {"a @ everywhere"},
		stage("sh(label: 'say', script: \"\"\"\n a ${params.get(\"B\")}\n\"\"\")"):                       {"a ${params.get(\"B\")} @ everywhere"},
		stage("sh 'a ' + target + ' b'"):                                                                 {"a  b @ everywhere"},
		stage("sh command"):                                                                              {"what sh runs is in a variable @ everywhere"},
		stage("sh \"${command}\""):                                                                       {"what sh runs is in a variable @ everywhere"},
		stage("steps.sh 'a'; this.sh('b')"):                                                              {"a @ everywhere", "b @ everywhere"},
		stage("echo 'it''s'\nsh $/a 'b' \"c\"/$\nsh(/d 'e/)"):                                            {"a 'b' \"c\" @ everywhere", "d 'e @ everywhere"},
		stage("def x = load 'deploy.groovy'\nx.run()"):                                                   {"load runs a program from elsewhere @ everywhere"},
		stage("if (env.BRANCH_NAME == 'main') { deployAll() }"):                                          {"deployAll is defined elsewhere @ main"},
		"def go(x) { sh \"a ${x}\" }\ndef other = { sh 'b' }\n" + stage("go('eu')\nother.call()"):        {"a ${x} @ everywhere", "b @ everywhere"},
		"def go() { go() ; sh 'a' }\n" + stage("go()"):                                                   {"a @ everywhere"},
		"def unused() { sh 'a' }\n" + stage("echo 'x'"):                                                  {},
		"@Library('acme') _\n" + stage("slackSend 'x'\nbuildThing 'web'\nhelper.note()"):                 {"buildThing is defined elsewhere @ everywhere"},
		"node { stage('a') { sh 'a' }\n if (env.BRANCH_NAME == 'main') { stage('b') { sh 'b' } } }":      {"a @ everywhere", "b @ main"},
		"pipeline { agent any\n stages { stage('a') { matrix { axes { axis { name 'R'; values 'eu' } }\n stages { stage('b') { steps { sh 'a' } } }\n when { branch 'main' } } } } }": {"a @ main"},
		"pipeline { agent any\n stages { stage('a') { when { branch 'main' }\n parallel { stage('b') { steps { sh 'a' } } } } }\n post { always { sh 'b' } } }":                       {"b @ everywhere", "a @ main"},
		"pipeline { agent any\n stages { stage('a') { when { branch 'main' }\n steps { echo 'x' }\n post { success { sh 'a' } } } } }":                                                {"a @ main"},
	} {
		steps, unread := branchesOf(t, content)
		if diff := cmp.Diff(want, steps); diff != "" || len(unread) > 0 {
			t.Errorf("%s\n%s %v", content, diff, unread)
		}
	}
}

// TestJenkinsUnread names the construct at hand, and what stands before and after it is read all the same.
func TestJenkinsUnread(t *testing.T) {
	t.Parallel()
	for content, want := range map[string][]string{
		"pipeline { agent any\n stages { stage('a') { steps { sh 'a' } }\n for (x in y) { stage(x) { steps { sh 'b' } } } } }": {"it makes its stages by a program", "b @ everywhere", "a @ everywhere"},
		"pipeline { agent any\n stages { stage('a') { oddity { sh 'a' } } } }":                                                 {"the stage a holds oddity, which is no part of a declarative stage", "a @ everywhere"},
		"pipeline { agent any\n oddity { sh 'a' }\n stages { } }":                                                              {"the pipeline holds oddity, which is no part of a declarative pipeline", "a @ everywhere"},
		"pipeline { agent any\n stages { stage('a') { steps { sh 'a' } } } }\n}":                                               {"a closing brace has no opening one", "a @ everywhere"},
		"pipeline { agent any\n stages { stage('a') { steps { sh 'a } } } }\n":                                                 {"a text is not closed", " @ everywhere"},
	} {
		steps, unread := branchesOf(t, content)
		if diff := cmp.Diff(want, append(unread, steps...)); diff != "" {
			t.Errorf("%s\n%s", content, diff)
		}
	}
}

// TestJenkinsParts reads the rest of a declarative pipeline.
func TestJenkinsParts(t *testing.T) {
	t.Parallel()
	doc := build(document.MapTree{"Jenkinsfile": `@Library(['acme', 'other@v2']) _
pipeline {
  agent { docker { image 'alpine:3' } }
  libraries { lib('third') }
  environment { TOKEN = credentials('deploy-token') }
  options { timeout(time: 5, unit: 'MINUTES') }
  stages {
    stage('a') {
      agent { label 'big' }
      environment { A = 'b' }
      input { message 'Sure?' }
      steps { withCredentials([string(credentialsId: 'other', variable: 'K')]) { echo 'x' } }
    }
  }
}
`}, nil, document.Options{}).Documents[0]
	var got struct {
		Agent, Credentials, Libraries, Environment, Options json.RawMessage
		Unread                                              []any
		Stages                                              []struct{ Agent, Environment, Guards json.RawMessage }
	}
	if err := json.Unmarshal(doc.After, &got); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"kind":"docker","line":3,"text":"alpine:3"}`, `[{"id":"deploy-token","line":5},{"id":"other","line":12}]`,
		`[{"id":"acme","line":1},{"id":"other@v2","line":1},{"id":"third","line":4}]`, `[{"dynamic":false,"line":5,"name":"TOKEN","text":"deploy-token"}]`,
		`[{"dynamic":false,"line":6,"name":"timeout","text":"MINUTES"}]`,
		`{"kind":"label","line":9,"text":"big"}`, `[{"dynamic":false,"line":10,"name":"A","text":"b"}]`, `[{"kind":"input"}]`, "[]",
	}
	s := got.Stages[0]
	have := []string{
		string(got.Agent), string(got.Credentials), string(got.Libraries), string(got.Environment), string(got.Options),
		string(s.Agent), string(s.Environment), string(s.Guards), fmt.Sprint(got.Unread),
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}
