package judge_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/render"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
	"github.com/gatehouse-dev/gatehouse/policies"
)

// repository is one of n files of Terraform and n manifests, and a pull request that changes the plan of one resource in ten.
func repository(n int) (judge.Job, judge.Source) {
	base := document.MapTree{}
	var plan strings.Builder
	plan.WriteString(`{"format_version":"1.2","resource_changes":[`)
	for i := range n {
		base[fmt.Sprintf("infra/r%d.tf", i)] = fmt.Sprintf("resource \"aws_security_group\" \"r%d\" {\n}\n", i)
		base[fmt.Sprintf("k8s/p%d.yaml", i)] = strings.Replace(pod, "name: a,", fmt.Sprintf("name: a%d,", i), 1)
		base[fmt.Sprintf("src/f%d.go", i)] = "package src\n"
		if i > 0 {
			plan.WriteByte(',')
		}
		action := "no-op"
		if i%10 == 0 {
			action = "create"
		}
		fmt.Fprintf(&plan, `{"address":"aws_security_group.r%d","mode":"managed","type":"aws_security_group","name":"r%d","provider_name":"registry.terraform.io/hashicorp/aws",
"change":{"actions":[%q],"before":null,"after":{"name":"r%d","ingress":[{"from_port":443,"to_port":443,"protocol":"tcp","cidr_blocks":["10.0.0.0/8"]}]},"after_unknown":{"id":true},"before_sensitive":false,"after_sensitive":{}}}`, i, i, action, i)
	}
	plan.WriteString("]}")
	head := document.MapTree{"infra/tfplan.json": plan.String()}
	for path, content := range base {
		head[path] = content
	}
	job := judge.Job{
		Options: document.Options{
			Terraform: document.TerraformOptions{Projects: []document.Project{{Dir: "infra"}}, Committed: []string{"infra/tfplan.json"}},
			Changed:   map[string]bool{"infra/tfplan.json": true},
		},
		PullRequest: &gate.PullRequest{Number: 7, Title: "A change", Author: "ann"}, Policies: judge.Policies{Key: "default"},
	}
	return job, judge.Source{Repository: 1, Head: head, Base: base, Folders: noFolders}
}

// BenchmarkJudge is one evaluation, of the same pull request again and again: in the server itself, which remembers rules and answers, as
// it was before there were workers; by a worker that is kept; and by a new worker each time.
func BenchmarkJudge(b *testing.B) {
	for _, n := range []int{10, 1000} {
		job, source := repository(n)
		b.Run(fmt.Sprintf("%d resources and %d Pods/in the server", n, n), func(b *testing.B) {
			inServer(b, job, source)
		})
		b.Run(fmt.Sprintf("%d resources and %d Pods/by a kept worker", n, n), func(b *testing.B) {
			byWorker(b, job, source, sandbox.PoolLimits{})
		})
		b.Run(fmt.Sprintf("%d resources and %d Pods/by a new worker", n, n), func(b *testing.B) {
			byWorker(b, job, source, sandbox.PoolLimits{Requests: 1})
		})
	}
}

func inServer(b *testing.B, job judge.Job, source judge.Source) {
	b.Helper()
	engine, err := rules.New(b.Context(), rules.Options{Builtin: policies.FS, Version: version, Cache: rules.NewMemoryCache(64 << 20)})
	if err != nil {
		b.Fatal(err)
	}
	workers, err := sandbox.New(sandbox.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	given := judge.Given{
		Head: source.Head, Base: source.Base, Redactor: document.NewRedactor(key), Renderer: render.New(workers), Watch: watch{},
		Engine: func(context.Context, *judge.Policies) (*rules.Engine, []gate.Problem, error) { return engine, nil, nil },
	}
	for b.Loop() {
		result, err := judge.Judge(b.Context(), &job, given)
		if err != nil || len(result.Problems) > 0 {
			b.Fatal(result, err)
		}
	}
}

func byWorker(b *testing.B, job judge.Job, source judge.Source, pool sandbox.PoolLimits) {
	b.Helper()
	judges, err := judge.New(judge.Options{Key: key, Pool: pool})
	if err != nil {
		b.Fatal(err)
	}
	defer judges.Close()
	for b.Loop() {
		result, err := judges.Judge(b.Context(), job, source)
		if err != nil || len(result.Problems) > 0 {
			b.Fatal(result, err)
		}
	}
}
