package gatehouse.audit.apiserver_audit_test

import data.gatehouse.audit.apiserver_audit as rule
import data.gatehouse.lib.fixture

defaults := {"min_age_days": 30, "min_backups": 10, "min_size_mb": 100}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["Pod", "audit.k8s.io/Policy"], head, base)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_an_api_server_with_all_flags if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "kube-apiserver", "namespace": "kube-system"},
			"spec": {
				"containers": [
					{
						"name": "kube-apiserver",
						"command": [
							"kube-apiserver",
							"--audit-policy-file=/etc/kubernetes/audit.yaml",
							"--audit-log-path=/var/log/audit.log",
							"--audit-log-maxage=30",
							"--audit-log-maxbackup=10",
							"--audit-log-maxsize=100",
						],
					},
				],
			},
		},
	],
	[], defaults,
) == set()

test_good_a_policy_that_leaves_out_noise_only if verdict(
	[
		{
			"apiVersion": "audit.k8s.io/v1",
			"kind": "Policy",
			"rules": [
				{
					"level": "None",
					"users": ["system:kube-proxy"],
					"verbs": ["watch"],
					"resources": [{"group": "", "resources": ["endpoints", "services"]}],
				},
				{"level": "None", "nonResourceURLs": ["/healthz*"]},
				{"level": "Metadata"},
			],
		},
	],
	[], defaults,
) == set()

test_bad_an_api_server_without_an_audit_log if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "kube-apiserver", "namespace": "kube-system"},
			"spec": {"containers": [{"name": "kube-apiserver", "command": ["kube-apiserver", "--secure-port=6443"]}]},
		},
	],
	[], defaults,
) == {
	["v1/Pod/kube-system/kube-apiserver", "deny", "--audit-log-path is not set; wanted: set"],
	["v1/Pod/kube-system/kube-apiserver", "deny", "--audit-policy-file is not set; wanted: set"],
}

test_bad_a_policy_that_leaves_secrets_out if verdict(
	[
		{
			"apiVersion": "audit.k8s.io/v1",
			"kind": "Policy",
			"rules": [
				{"level": "None", "resources": [{"group": "", "resources": ["secrets", "configmaps"]}]},
				{"level": "Metadata"},
			],
		},
	],
	[], defaults,
) == {
	["audit.k8s.io/v1/Policy//", "deny", "rule 0 has level None for secrets; wanted: Metadata or more"],
}

test_bad_a_policy_that_leaves_out_all_that_one_account_does if verdict(
	[
		{
			"apiVersion": "audit.k8s.io/v1",
			"kind": "Policy",
			"rules": [{"level": "None", "users": ["system:serviceaccount:ci:deployer"]}, {"level": "Metadata"}],
		},
	],
	[], defaults,
) == {
	["audit.k8s.io/v1/Policy//", "deny", "rule 0 has level None for everything by system:serviceaccount:ci:deployer; wanted: Metadata or more"],
}

test_edge_limits_that_are_too_small_or_missing if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "hosted-control-plane", "namespace": "cp"},
			"spec": {
				"template": {
					"spec": {
						"containers": [
							{
								"name": "api",
								"command": ["/usr/local/bin/kube-apiserver"],
								"args": [
									"--audit-policy-file=/a",
									"--audit-log-path=/b",
									"--audit-log-maxage=7",
									"--audit-log-maxsize=100",
								],
							},
						],
					},
				},
			},
		},
	],
	[], defaults,
) == {
	["apps/v1/Deployment/cp/hosted-control-plane", "deny", "--audit-log-maxage is 7; wanted: at least 30"],
	["apps/v1/Deployment/cp/hosted-control-plane", "deny", "--audit-log-maxbackup is not set; wanted: at least 10"],
}

test_edge_a_webhook_takes_the_place_of_the_file if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "kube-apiserver", "namespace": "kube-system"},
			"spec": {
				"containers": [
					{
						"name": "kube-apiserver",
						"command": ["kube-apiserver", "--audit-policy-file=/a", "--audit-webhook-config-file=/b"],
					},
				],
			},
		},
	],
	[], defaults,
) == set()

test_edge_the_whole_group_of_roles if verdict(
	[
		{
			"apiVersion": "audit.k8s.io/v1",
			"kind": "Policy",
			"rules": [{"level": "None", "resources": [{"group": "rbac.authorization.k8s.io"}]}],
		},
	],
	[], defaults,
) == {
	["audit.k8s.io/v1/Policy//", "deny", "rule 0 has level None for clusterrolebindings; wanted: Metadata or more"],
	["audit.k8s.io/v1/Policy//", "deny", "rule 0 has level None for clusterroles; wanted: Metadata or more"],
	["audit.k8s.io/v1/Policy//", "deny", "rule 0 has level None for rolebindings; wanted: Metadata or more"],
	["audit.k8s.io/v1/Policy//", "deny", "rule 0 has level None for roles; wanted: Metadata or more"],
}

test_edge_one_configmap_by_name_and_an_ordinary_pod if verdict(
	[
		{
			"apiVersion": "audit.k8s.io/v1",
			"kind": "Policy",
			"rules": [
				{
					"level": "None",
					"resources": [{"group": "", "resources": ["configmaps"], "resourceNames": ["controller-leader"]}],
				},
			],
		},
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web"},
			"spec": {"containers": [{"name": "web", "image": "web"}]},
		},
	],
	[], defaults,
) == set()
