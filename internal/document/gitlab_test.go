package document_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// jobsOf lists the jobs of a repository's GitLab pipelines as FILE JOB SCRIPT @ BRANCHES UNREAD, and what is elsewhere.
func jobsOf(t *testing.T, tree document.MapTree) []string {
	t.Helper()
	out := []string{}
	built := build(tree, nil, document.Options{})
	for _, p := range built.Problems {
		out = append(out, p.String())
	}
	for _, doc := range built.Documents {
		if doc.Kind != gate.KindGitLabCI {
			continue
		}
		var file struct {
			Jobs map[string]struct {
				BeforeScript any `json:"before_script"`
				Script       any
				Unread       []string
				Branches     struct {
					Only         *[]string
					Tags, Unsure bool
				}
			}
			Elsewhere []string
		}
		if err := json.Unmarshal(doc.After, &file); err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(file.Jobs)) {
			job := file.Jobs[name]
			where := "everywhere"
			switch {
			case job.Branches.Only != nil:
				where = strings.Join(*job.Branches.Only, ",")
				if job.Branches.Tags {
					where += "+tags"
				}
			case job.Branches.Unsure:
				where = "unsure"
			}
			script := fmt.Sprint(job.Script)
			if job.BeforeScript != nil {
				script = fmt.Sprint(job.BeforeScript, job.Script)
			}
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s @ %s %s", doc.File, name, script, where, strings.Join(job.Unread, "; "))))
		}
		for _, name := range file.Elsewhere {
			out = append(out, doc.File+" elsewhere: "+name)
		}
	}
	return out
}

// TestGitLabRules holds on which branches a job runs, for each way to say it.
func TestGitLabRules(t *testing.T) {
	t.Parallel()
	for rules, want := range map[string]string{
		"when: manual": "everywhere",
		"rules: [{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]":                                              "(default)",
		"rules: [{if: '$CI_DEFAULT_BRANCH == $CI_COMMIT_BRANCH'}]":                                            "everywhere",
		"rules: [{if: '${CI_COMMIT_BRANCH} == \"main\"'}]":                                                    "main",
		"rules: [{if: \"$CI_COMMIT_BRANCH == 'main' && $X\"}]":                                                "main",
		"rules: [{if: \"$CI_COMMIT_BRANCH == 'main' || $X\"}]":                                                "everywhere",
		"rules: [{if: '($CI_COMMIT_BRANCH == \"main\" || $CI_COMMIT_BRANCH == \"prod\") && ($X)'}]":           "main,prod",
		"rules: [{if: '!($CI_COMMIT_BRANCH != \"main\")'}]":                                                   "main",
		"rules: [{if: '$CI_COMMIT_BRANCH != $CI_DEFAULT_BRANCH'}]":                                            "everywhere",
		"rules: [{if: '$CI_COMMIT_BRANCH != $CI_DEFAULT_BRANCH', when: never}, {when: on_success}]":           "(default)",
		"rules: [{if: '$CI_COMMIT_BRANCH != $CI_DEFAULT_BRANCH', when: never, changes: [x]}, {when: always}]": "everywhere",
		"rules: [{if: '$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'}, {when: always}]":                            "everywhere",
		"rules: [{if: '$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'}, {when: never}, {when: always}]":             "(default)",
		"rules: [{if: $CI_PIPELINE_SOURCE == 'merge_request_event', when: never}, {if: $CI_COMMIT_TAG}]":      "+tags",
		"rules: [{if: $CI_COMMIT_TAG =~ /^v/}]":                                                               "+tags",
		"rules: [{if: $CI_COMMIT_TAG == null, when: never}, {when: on_success}]":                              "+tags",
		"rules: [{if: '$CI_COMMIT_REF_PROTECTED == \"true\"'}]":                                               "(protected)",
		"rules: [{if: $CI_COMMIT_REF_PROTECTED}]":                                                             "everywhere",
		"rules: [{if: '$CI_COMMIT_BRANCH =~ /^(main|prod)$/'}]":                                               "main,prod",
		"rules: [{if: '$CI_COMMIT_BRANCH =~ /^release\\/.*/'}]":                                               "release/*",
		"rules: [{if: '$CI_COMMIT_BRANCH =~ /^release\\//'}]":                                                 "release/*",
		"rules: [{if: '$CI_COMMIT_BRANCH =~ /main/'}]":                                                        "everywhere",
		"rules: [{if: '$CI_COMMIT_BRANCH =~ /^main|prod$/'}]":                                                 "unsure",
		"rules: [{if: '$CI_COMMIT_BRANCH =~ $PATTERN'}]":                                                      "unsure",
		"rules: [{if: '$CI_COMMIT_BRANCH =='}]":                                                               "unsure",
		"rules: [{if: '$CI_COMMIT_BRANCH @ 1'}]":                                                              "unsure",
		"rules: [{changes: [x]}]":                                                                             "everywhere",
		"rules: [{when: never}]":                                                                              "",
		"rules: []":                                                                                           "everywhere",
		"rules: [[{if: '$CI_COMMIT_TAG'}]]":                                                                   "+tags",
		"only: main":                                                                                          "main",
		"only: [main, tags]":                                                                                  "main+tags",
		"only: {refs: [main@acme/shop]}":                                                                      "main",
		"only: [branches]":                                                                                    "everywhere",
		"only: [/^release\\/.*$/]":                                                                            "release/*",
		"only: [/x/, main]":                                                                                   "everywhere",
		"only: {variables: ['$CI_COMMIT_BRANCH == \"main\"']}":                                                "main",
		"except: [main]": "everywhere",
	} {
		got := jobsOf(t, document.MapTree{".gitlab-ci.yml": "a:\n  script: [x]\n  " + rules + "\n"})
		if diff := cmp.Diff([]string{strings.TrimSpace(".gitlab-ci.yml a [x] @ " + want)}, got); diff != "" {
			t.Errorf("%s: %s", rules, diff)
		}
	}
}

// TestGitLabIncludes puts a pipeline together from the files of the repository, each job where it stands.
func TestGitLabIncludes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tree document.MapTree
		want []string
	}{
		"a template of another file": {document.MapTree{
			".gitlab-ci.yml": "include: [{local: /ci/base.yml}, 'ci/jobs/*.yml']\nb: {extends: .base, script: [b]}\n",
			"ci/base.yml":    ".base: {before_script: [prepare], rules: [{if: $CI_COMMIT_TAG}]}\n",
			"ci/jobs/c.yml":  "c: {extends: .base, script: [!reference [.scripts, c]]}\n.scripts: {c: [c, d]}\n",
			"ci/other.yml":   "d: {script: [d]}\n",
		}, []string{
			".gitlab-ci.yml b [prepare] [b] @ +tags", "ci/base.yml .base [prepare] <nil> @ +tags", "ci/jobs/c.yml .scripts <nil> @ everywhere", "ci/jobs/c.yml c [prepare] [c d] @ +tags",
		}},
		"who includes has the last word": {document.MapTree{
			".gitlab-ci.yml": "include: base.yml\na: {rules: [{if: $CI_COMMIT_TAG}]}\n",
			"base.yml":       "a: {script: [x]}\nb: {script: [z]}\nworkflow: {rules: [{if: $CI_COMMIT_BRANCH == 'main'}]}\n",
		}, []string{".gitlab-ci.yml a [x] @ +tags", "base.yml b [z] @ main"}},
		"what all jobs have": {document.MapTree{
			".gitlab-ci.yml": "default: {before_script: [p]}\na: {script: [x]}\nb: {script: [x], before_script: [q]}\nc: {script: [x], inherit: {default: false}}\n",
		}, []string{".gitlab-ci.yml a [p] [x] @ everywhere", ".gitlab-ci.yml b [q] [x] @ everywhere", ".gitlab-ci.yml c [x] @ everywhere"}},
		"anchors": {document.MapTree{
			".gitlab-ci.yml": ".t: &t\n  rules: [{if: $CI_COMMIT_TAG}]\na:\n  <<: *t\n  script: [x]\n",
		}, []string{".gitlab-ci.yml .t <nil> @ +tags", ".gitlab-ci.yml a [x] @ +tags"}},
		"elsewhere": {document.MapTree{
			".gitlab-ci.yml": "include:\n  - {project: acme/ci, ref: v1, file: [a.yml, b.yml]}\n  - https://x.example/a.yml\n  - {template: Jobs/SAST.gitlab-ci.yml}\n  - {component: x/y@1}\n  - none.yml\na: {extends: .base, script: [x]}\n",
		}, []string{
			".gitlab-ci.yml a [x] @ unsure extends .base", ".gitlab-ci.yml elsewhere: a.yml, b.yml of the project acme/ci", ".gitlab-ci.yml elsewhere: https://x.example/a.yml",
			".gitlab-ci.yml elsewhere: the template Jobs/SAST.gitlab-ci.yml", ".gitlab-ci.yml elsewhere: the component x/y@1", ".gitlab-ci.yml elsewhere: none.yml",
		}},
		"inputs": {document.MapTree{
			".gitlab-ci.yml": "include:\n  - {local: j.yml, inputs: {name: eu}}\n  - {local: j.yml, inputs: {name: us, command: destroy}}\n",
			"j.yml":          "spec: {inputs: {name: null, command: {default: apply}}}\n---\n\"deploy-$[[ inputs.name ]]\": {script: ['tf $[[ inputs.command ]] $[[ inputs.name | expand_vars ]]']}\n",
		}, []string{"j.yml deploy-eu [tf apply eu] @ everywhere", "j.yml deploy-us [tf destroy us] @ everywhere"}},
		"a child pipeline": {document.MapTree{
			".gitlab-ci.yml": "child: {trigger: {include: [{local: child.yml}]}, rules: [{if: $CI_COMMIT_TAG}]}\n",
			"child.yml":      "a: {script: [x]}\n",
		}, []string{".gitlab-ci.yml child <nil> @ +tags", "child.yml a [x] @ +tags"}},
		"an included file that cannot be read": {document.MapTree{
			".gitlab-ci.yml": "include: a.yml\n", "a.yml": "a: [\n",
		}, []string{"a.yml:1 is a GitLab pipeline that is not valid YAML: a value is expected"}},
		"in a circle": {document.MapTree{
			".gitlab-ci.yml": "include: a.yml\n", "a.yml": "include: .gitlab-ci.yml\na: {script: [x]}\n",
		}, []string{"a.yml a [x] @ everywhere", "a.yml elsewhere: .gitlab-ci.yml, which includes itself"}},
	} {
		if diff := cmp.Diff(c.want, jobsOf(t, c.tree)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
