package gatehouse.kubernetes_workloads.plain_secrets_test

import data.gatehouse.kubernetes_workloads.plain_secrets as rule
import data.gatehouse.lib.fixture

defaults := {"secret_types": []}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["Pod", "Secret", "ConfigMap"], head, base)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_reference_to_a_secret if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"template": {
					"spec": {
						"containers": [
							{
								"name": "web",
								"image": "web",
								"env": [
									{
										"name": "DB_PASSWORD",
										"valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}},
									},
									{"name": "LOG_LEVEL", "value": "info"},
									{"name": "DB_PASSWORD_FILE", "value": "/run/secrets/db"},
									{"name": "TOKEN", "value": "$(SESSION_TOKEN)"},
								],
							},
						],
					},
				},
			},
		},
	],
	[], defaults,
) == set()

test_good_a_secret_encrypted_with_sops if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Secret",
			"metadata": {"name": "db", "namespace": "shop"},
			"data": {"password": "token:0"},
			"sops": {"version": "3.9.0"},
		},
	],
	[], defaults,
) == set()

test_good_a_configmap_with_settings if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "ConfigMap",
			"metadata": {"name": "web", "namespace": "shop"},
			"data": {"app.properties": "db.host=db\ndb.password=${DB_PASSWORD}\n", "REQUIRE_TOKEN": "true"},
		},
	],
	[], defaults,
) == set()

test_bad_a_secret if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Secret",
			"metadata": {"name": "db", "namespace": "shop"},
			"stringData": {"password": "hunter2hunter", "user": "app"},
		},
	],
	[], defaults,
) == {
	["v1/Secret/shop/db", "deny", "stringData has [password, user] in the repository; wanted: a reference to a secret store"],
}

test_bad_a_password_in_an_environment_value if verdict(
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
								"containers": [
									{
										"name": "report",
										"image": "report",
										"env": [{"name": "DB_PASSWORD", "value": "hunter2hunter"}],
									},
								],
							},
						},
					},
				},
			},
		},
	],
	[], defaults,
) == {
	["batch/v1/CronJob/shop/report", "deny", "container \"report\": DB_PASSWORD is a secret in plain; wanted: valueFrom a Secret"],
}

test_bad_a_key_and_a_password_in_a_configmap if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "ConfigMap",
			"metadata": {"name": "web", "namespace": "shop"},
			"data": {
				"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
				"app.properties": "db.host=db\ndb.password=hunter2hunter\n",
			},
		},
	],
	[], defaults,
) == {
	["v1/ConfigMap/shop/web", "deny", "AWS_ACCESS_KEY_ID holds an AWS access key; wanted: a Secret from a secret store"],
	["v1/ConfigMap/shop/web", "deny", "app.properties sets db.password to a secret in plain; wanted: a Secret from a secret store"],
}

test_edge_a_secret_without_data_and_one_that_is_filled_in_by_vault if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Secret",
			"metadata": {"name": "sa", "namespace": "shop", "annotations": {"kubernetes.io/service-account.name": "sa"}},
			"type": "kubernetes.io/service-account-token",
		},
		{
			"apiVersion": "v1",
			"kind": "Secret",
			"metadata": {"name": "db", "namespace": "shop", "annotations": {"avp.kubernetes.io/path": "secret/db"}},
			"stringData": {"password": "<password>"},
		},
	],
	[], defaults,
) == set()

test_edge_a_type_that_may_stand_in_manifests if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Secret",
			"metadata": {"name": "tls", "namespace": "shop"},
			"type": "kubernetes.io/tls",
			"data": {"tls.crt": "eA==", "tls.key": "eA=="},
		},
	],
	[], object.union(defaults, {"secret_types": ["kubernetes.io/tls"]}),
) == set()

test_edge_a_token_in_an_init_container_s_arguments_and_a_url_with_a_password if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web"},
			"spec": {
				"initContainers": [
					{
						"name": "clone",
						"image": "git",
						"args": ["https://x:ghp_0123456789abcdefghijABCDEFGHIJ012345@github.com/acme/x"],
					},
				],
				"containers": [
					{
						"name": "web",
						"image": "web",
						"env": [{"name": "DATABASE_URL", "value": "postgres://app:hunter2@db/shop"}],
					},
				],
			},
		},
	],
	[], defaults,
) == {
	["v1/Pod//web", "deny", "container \"web\": DATABASE_URL holds a URL with a password; wanted: valueFrom a Secret"],
	["v1/Pod//web", "deny", "init container \"clone\": args[0] holds a GitHub token; wanted: valueFrom a Secret"],
}

test_edge_a_deleted_secret_and_a_secret_of_another_api_group if verdict(
	[
		{
			"apiVersion": "bitnami.com/v1alpha1",
			"kind": "SealedSecret",
			"metadata": {"name": "db"},
			"spec": {"encryptedData": {"password": "AgB"}},
		},
	],
	[{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"password": "eA=="}}], defaults,
) == set()

# started is what the rule says about a container with these arguments.
started(arguments) := {finding.message |
	doc := fixture.kubernetes(["Pod"], [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "args": arguments}]}}], [])[0]
	some finding in rule.deny with input as doc with data.parameters as {"secret_types": []}
}

test_edge_arguments_that_are_no_secrets if started([
	"--token-file", "/run/token", "--password", "$(DB_PASSWORD)", "--secret", "db-credentials", "--image-pull-secret=registry-key",
	"--token-ttl=3600", "--password", "--verbose", "token", "hunter2hunter", "--private-key=/etc/tls/tls.key",
]) == set()

test_edge_arguments_that_are if started(["--api-key", "k3f9a8d7c6b5", "export PASSWORD=hunter2hunter; run"]) == {
	"container \"web\": args[1] is the api-key in plain; wanted: valueFrom a Secret",
	"container \"web\": args[2] sets PASSWORD to a secret in plain; wanted: valueFrom a Secret",
}
