package gatehouse.least_privilege.default_account_test

import data.gatehouse.least_privilege.default_account as rule
import data.gatehouse.lib.fixture

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base) := {entry |
	some doc in fixture.kubernetes(["Pod", "ServiceAccount"], head, base)
	some finding in rule.deny with input as doc
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_no_token_is_mounted if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"template": {"spec": {"automountServiceAccountToken": false, "containers": [{"name": "web", "image": "web"}]}},
			},
		},
	],
	[],
) == set()

test_good_an_account_of_its_own if verdict(
	[
		{
			"apiVersion": "batch/v1",
			"kind": "CronJob",
			"metadata": {"name": "report", "namespace": "shop"},
			"spec": {
				"jobTemplate": {
					"spec": {
						"template": {
							"spec": {
								"serviceAccountName": "report",
								"containers": [{"name": "report", "image": "report"}],
							},
						},
					},
				},
			},
		},
	],
	[],
) == set()

test_good_the_namespace_s_default_account_mounts_nothing if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "ServiceAccount",
			"metadata": {"name": "default", "namespace": "shop"},
			"automountServiceAccountToken": false,
		},
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"containers": [{"name": "web", "image": "web"}]},
		},
	],
	[],
) == set()

test_bad_nothing_said if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web"}]}}},
		},
	],
	[],
) == {
	["apps/v1/Deployment/shop/web", "deny", "serviceAccountName is not set and its token is mounted; wanted: an account of its own or automountServiceAccountToken: false"],
}

test_bad_the_default_account_by_name_with_its_token if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"serviceAccountName": "default",
				"automountServiceAccountToken": true,
				"containers": [{"name": "web", "image": "web"}],
			},
		},
	],
	[],
) == {
	["v1/Pod/shop/web", "deny", "serviceAccountName is default and its token is mounted; wanted: an account of its own or automountServiceAccountToken: false"],
}

test_bad_a_default_account_that_mounts_its_token if verdict([{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "shop"}}], []) == {
	["v1/ServiceAccount/shop/default", "deny", "the default account's automountServiceAccountToken is not false; wanted: false"],
}

test_edge_the_old_field_of_the_account if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"serviceAccount": "web", "containers": [{"name": "web", "image": "web"}]},
		},
	],
	[],
) == set()

test_edge_the_pod_overrides_a_default_account_that_refuses if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "ServiceAccount",
			"metadata": {"name": "default", "namespace": "shop"},
			"automountServiceAccountToken": false,
		},
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"automountServiceAccountToken": true, "containers": [{"name": "web", "image": "web"}]},
		},
	],
	[],
) == {
	["v1/Pod/shop/web", "deny", "serviceAccountName is not set and its token is mounted; wanted: an account of its own or automountServiceAccountToken: false"],
}

test_edge_another_service_account_may_mount if verdict([{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web", "namespace": "shop"}}], []) == set()

test_edge_a_deleted_workload if verdict([], [
	{
		"apiVersion": "v1",
		"kind": "Pod",
		"metadata": {"name": "web", "namespace": "shop"},
		"spec": {"containers": [{"name": "web", "image": "web"}]},
	},
]) == set()
