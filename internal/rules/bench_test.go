package rules_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/policies"
)

// plan makes n changed resources as in a large plan, about 1.8 kB each: creations, updates and a few deletions, of types that
// rules inspect and of types that they do not.
func plan(n int) []gate.Document {
	types := []string{
		"aws_security_group", "aws_iam_policy", "aws_s3_bucket", "aws_db_instance", "aws_instance", "aws_iam_role", "aws_route53_record",
		"aws_cloudwatch_log_group", "aws_ebs_volume", "aws_subnet", "aws_s3_bucket_public_access_block", "aws_lambda_function",
	}
	docs := make([]gate.Document, n)
	for i := range docs {
		kind := types[i%len(types)]
		name := fmt.Sprintf("r%d", i)
		values := map[string]any{
			"name": name, "id": fmt.Sprintf("id-%08d", i), "arn": fmt.Sprintf("arn:aws:service:eu-central-1:123456789012:thing/%d", i),
			"bucket": "acme-" + name, "acl": nil, "force_destroy": false, "publicly_accessible": false, "storage_encrypted": true, "encrypted": true,
			"kms_key_id": "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000", "engine": "postgres",
			"instance_type": "t3.medium", "ami": "ami-0123456789abcdef0", "user_data": nil, "retention_in_days": 400,
			"policy":             `{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::acme","arn:aws:s3:::acme/*"]}]}`,
			"assume_role_policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
			"metadata_options":   []any{map[string]any{"http_tokens": "required", "http_endpoint": "enabled", "http_put_response_hop_limit": 1}},
			"ingress": []any{
				map[string]any{"from_port": 443, "to_port": 443, "protocol": "tcp", "cidr_blocks": []string{"10.0.0.0/8"}, "ipv6_cidr_blocks": []string{}, "description": "internal"},
				map[string]any{"from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": []string{"10.1.0.0/16", "10.2.0.0/16"}, "ipv6_cidr_blocks": []string{}, "description": "vpn"},
			},
			"egress":      []any{map[string]any{"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": []string{"0.0.0.0/0"}}},
			"tags":        map[string]any{"team": fmt.Sprintf("team-%d", i%40), "cost_center": "1234", "environment": "production", "managed_by": "terraform"},
			"tags_all":    map[string]any{"team": fmt.Sprintf("team-%d", i%40), "cost_center": "1234", "environment": "production", "managed_by": "terraform"},
			"environment": []any{map[string]any{"variables": map[string]any{"LOG_LEVEL": "info", "TABLE": name}}},
		}
		if kind == "aws_s3_bucket_public_access_block" { // of the bucket eight resources before it
			values = map[string]any{
				"id": "acme-" + name, "bucket": fmt.Sprintf("acme-r%d", i-8), "block_public_acls": true, "block_public_policy": true,
				"ignore_public_acls": true, "restrict_public_buckets": true,
			}
		}
		if i%500 == 0 {
			values["ingress"] = []any{map[string]any{"from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": []string{"0.0.0.0/0"}}}
		}
		after, err := json.Marshal(values)
		if err != nil {
			panic(err)
		}
		address := fmt.Sprintf("module.m%d.%s.%s", i%50, kind, name)
		d := gate.Document{
			Kind: gate.KindTerraform, Type: kind, Name: name, Resource: address, Set: "plan", File: "tfplan.json", Actions: []string{"create"}, After: after,
			Change: json.RawMessage(fmt.Sprintf(`{"mode":"managed","module":"module.m%d","config_address":%q,"unknown":{"id":true},"sensitive":{},"references":{"bucket":["module.m%d.aws_s3_bucket.r%d"]},"provisioners":[],"replace_paths":[],"reason":""}`, i%50, address, i%50, i)),
		}
		switch i % 10 {
		case 7, 8:
			values["name"] = name + "-old"
			d.Before, err = json.Marshal(values)
			d.Actions = []string{"update"}
		case 9:
			d.Before, d.Actions = after, []string{"no-op"}
		}
		if err != nil {
			panic(err)
		}
		docs[i] = d
	}
	return docs
}

// BenchmarkPlan is a run of the command line: load the rules, compile what is needed, judge 10,000 changes.
func BenchmarkPlan(b *testing.B) {
	docs := plan(10_000)
	b.ReportAllocs()
	for b.Loop() {
		e, err := rules.New(b.Context(), rules.Options{Builtin: policies.FS})
		if err != nil {
			b.Fatal(err)
		}
		answer := e.Evaluate(b.Context(), rules.Input{Documents: docs})
		if len(answer.Problems) > 0 {
			b.Fatal(answer.Problems)
		}
		b.ReportMetric(float64(len(answer.Findings)), "findings")
		b.ReportMetric(float64(answer.Rules), "rules")
	}
}

// BenchmarkPlanAgain is what a server does with an engine that it has: nothing to load, and with a cache almost nothing to do
// for a plan of which it has seen all but one resource.
func BenchmarkPlanAgain(b *testing.B) {
	for name, cache := range map[string]rules.Cache{"without cache": nil, "with cache": rules.NewMemoryCache(64 << 20)} {
		b.Run(name, func(b *testing.B) {
			docs := plan(10_000)
			e, err := rules.New(b.Context(), rules.Options{Builtin: policies.FS, Cache: cache})
			if err != nil {
				b.Fatal(err)
			}
			e.Evaluate(b.Context(), rules.Input{Documents: docs})
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				docs[6].After = json.RawMessage(fmt.Sprintf(`{"name":"changed-%d"}`, i))
				if answer := e.Evaluate(b.Context(), rules.Input{Documents: docs}); len(answer.Problems) > 0 {
					b.Fatal(answer.Problems)
				}
			}
		})
	}
}

// BenchmarkLoad is what starting costs: the metadata of every rule.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rules.New(b.Context(), rules.Options{Builtin: policies.FS, Packs: []string{"all"}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile is loading and compiling every rule there is.
func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		e, err := rules.New(b.Context(), rules.Options{Builtin: policies.FS, Packs: []string{"all"}})
		if err != nil {
			b.Fatal(err)
		}
		if problems := e.Check(); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

// manifests makes n Kubernetes objects: Deployments with their Services, accounts and disruption budgets, and network policies.
func manifests(n int) []gate.Document {
	docs := make([]gate.Document, 0, n)
	add := func(apiVersion, group, kind, namespace, name string, podPath []string, body string) {
		after := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"namespace":%q,"labels":{"app":%q}},%s}`, apiVersion, kind, name, namespace, name, body)
		docs = append(docs, gate.Document{
			Kind: gate.KindKubernetes, Type: kind, Group: group, Name: name, Namespace: namespace, Set: "k8s", File: "k8s/" + name + ".yaml",
			Resource: fmt.Sprintf("%s/%s/%s/%s", apiVersion, kind, namespace, name), Actions: []string{"create"}, After: json.RawMessage(after), PodPath: podPath,
		})
	}
	for i := 0; len(docs) < n; i++ {
		namespace, name := fmt.Sprintf("team-%d", i%20), fmt.Sprintf("app-%d", i)
		add("apps/v1", "apps", "Deployment", namespace, name, []string{"spec", "template"}, fmt.Sprintf(`"spec":{"replicas":3,"selector":{"matchLabels":{"app":%[1]q}},
			"template":{"metadata":{"labels":{"app":%[1]q}},"spec":{"serviceAccountName":%[1]q,"automountServiceAccountToken":false,
			"securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},
			"containers":[{"name":"app","image":"registry.example.com/%[1]s:1.2.3@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			"ports":[{"containerPort":8080}],"env":[{"name":"LOG","value":"info"}],
			"resources":{"requests":{"cpu":"100m","memory":"128Mi"},"limits":{"memory":"128Mi"}},
			"livenessProbe":{"httpGet":{"path":"/livez","port":8080}},"readinessProbe":{"httpGet":{"path":"/readyz","port":8080}},
			"securityContext":{"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,"capabilities":{"drop":["ALL"]}}}]}}}`, name))
		add("v1", "", "Service", namespace, name, nil, fmt.Sprintf(`"spec":{"selector":{"app":%q},"ports":[{"port":80,"targetPort":8080}]}`, name))
		add("v1", "", "ServiceAccount", namespace, name, nil, `"automountServiceAccountToken":false`)
		add("policy/v1", "policy", "PodDisruptionBudget", namespace, name, nil, fmt.Sprintf(`"spec":{"minAvailable":1,"selector":{"matchLabels":{"app":%q}}}`, name))
		add("networking.k8s.io/v1", "networking.k8s.io", "NetworkPolicy", namespace, name, nil, fmt.Sprintf(`"spec":{"podSelector":{"matchLabels":{"app":%q}},"policyTypes":["Ingress","Egress"]}`, name))
	}
	return docs[:n]
}

// BenchmarkManifests is a run of the command line on 2,000 Kubernetes objects with every pack.
func BenchmarkManifests(b *testing.B) {
	docs := manifests(2000)
	b.ReportAllocs()
	for b.Loop() {
		e, err := rules.New(b.Context(), rules.Options{Builtin: policies.FS, Packs: []string{"all"}})
		if err != nil {
			b.Fatal(err)
		}
		answer := e.Evaluate(b.Context(), rules.Input{Documents: docs})
		if len(answer.Problems) > 0 {
			b.Fatal(answer.Problems)
		}
		b.ReportMetric(float64(len(answer.Findings)), "findings")
	}
}
