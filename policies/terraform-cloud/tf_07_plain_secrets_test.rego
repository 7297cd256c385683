package gatehouse.terraform_cloud.plain_secrets_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.plain_secrets as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["aws_instance", "aws_launch_template", "aws_launch_configuration", "aws_lambda_function", "aws_ecs_task_definition", "google_compute_instance", "google_compute_instance_template", "google_cloudfunctions_function", "google_cloudfunctions2_function", "google_cloud_run_v2_service", "google_cloud_run_v2_job", "azurerm_linux_virtual_machine", "azurerm_linux_web_app", "azurerm_linux_function_app", "azurerm_windows_web_app", "azurerm_windows_function_app", "variable"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_function_gets_the_name_of_a_secret if verdict([
	{
		"address": "aws_lambda_function.api",
		"after": {
			"environment": [
				{
					"variables": {
						"DB_HOST": "db.internal",
						"DB_PASSWORD_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db",
						"TOKEN_TTL": "3600",
					},
				},
			],
		},
	},
]) == set()

test_good_a_container_s_secret_comes_from_a_store if verdict([
	{
		"address": "aws_ecs_task_definition.api",
		"after": {
			"container_definitions": "[{\"name\":\"api\",\"environment\":[{\"name\":\"LOG_LEVEL\",\"value\":\"info\"}],\"secrets\":[{\"name\":\"DB_PASSWORD\",\"valueFrom\":\"arn:aws:ssm:eu-west-1:123456789012:parameter/db\"}]}]",
		},
	},
]) == set()

test_good_a_script_fetches_its_password if scripts("user_data", "#!/bin/sh\nexport DB_PASSWORD=$(aws ssm get-parameter --name db --with-decryption)\n") == set()

test_good_a_secret_variable_is_marked_sensitive if verdict([{"address": "variable.db_password", "after": {"name": "db_password", "value": "token:1", "sensitive": true}}]) == set()

test_bad_a_password_in_a_function_s_environment if verdict([
	{
		"address": "module.api[\"eu\"].aws_lambda_function.api",
		"after": {"environment": [{"variables": {"DB_PASSWORD": "hunter2hunter"}}]},
	},
]) == {
	["module.api[\"eu\"].aws_lambda_function.api", "deny", "environment.DB_PASSWORD is a secret in plain; wanted: a reference to a secret store"],
}

scripts(attribute, text) := {finding.message |
	some finding in rule.deny with input as fixture.cloud_init("aws_launch_template.web", attribute, text)
}

test_bad_an_access_key_in_user_data if scripts("user_data", "#!/bin/sh\nexport AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\n") == {
	"user_data holds an AWS access key; wanted: a reference to a secret store",
}

test_bad_a_script_that_sets_a_password if scripts("metadata_startup_script", "#!/bin/sh\nDB_PASSWORD='correct-horse-battery' start\n") == {
	"metadata_startup_script sets DB_PASSWORD to a secret in plain; wanted: a reference to a secret store",
}

test_bad_a_password_in_a_container_definition if verdict([
	{
		"address": "aws_ecs_task_definition.api",
		"after": {
			"container_definitions": "[{\"name\":\"api\",\"environment\":[{\"name\":\"DB_PASSWORD\",\"value\":\"hunter2hunter\"},{\"name\":\"DB_URL\",\"value\":\"postgres://app:hunter2@db/shop\"}]}]",
		},
	},
]) == {
	["aws_ecs_task_definition.api", "deny", "container_definitions: environment.DB_PASSWORD of api is a secret in plain; wanted: a reference to a secret store"],
	["aws_ecs_task_definition.api", "deny", "container_definitions: environment.DB_URL of api holds a URL with a password; wanted: a reference to a secret store"],
}

test_bad_a_secret_variable_that_is_not_marked if verdict([
	{
		"address": "variable.db_password",
		"after": {"name": "db_password", "value": "hunter2hunter", "sensitive": false},
	},
]) == {
	["variable.db_password", "deny", "variable db_password is a secret in plain; wanted: sensitive = true and no value in the repository"],
}

test_edge_a_value_marked_sensitive_is_still_in_the_environment if verdict([
	{
		"address": "aws_lambda_function.api",
		"after": {"environment": [{"variables": {"DB_PASSWORD": "token:4f2a"}}]},
		"sensitive": {"environment": [{"variables": {"DB_PASSWORD": true}}]},
	},
]) == {
	["aws_lambda_function.api", "deny", "environment.DB_PASSWORD is a secret in plain; wanted: a reference to a secret store"],
}

test_edge_a_secret_decided_at_apply if verdict([
	{
		"address": "aws_lambda_function.api",
		"after": {"environment": [{"variables": {"LOG_LEVEL": "info"}}]},
		"unknown": {"environment": [{"variables": {"DB_PASSWORD": true, "DB_HOST": true}}]},
	},
]) == {
	["aws_lambda_function.api", "unknown", "environment.DB_PASSWORD is known only after apply; wanted: a reference to a secret store"],
}

test_edge_a_private_key_among_a_virtual_machine_s_metadata if verdict([
	{
		"address": "google_compute_instance_template.web",
		"after": {"metadata": {"tls": "-----BEGIN RSA PRIVATE KEY-----\nMII", "enable-oslogin": "TRUE"}},
	},
]) == {
	["google_compute_instance_template.web", "deny", "metadata.tls holds a private key; wanted: a reference to a secret store"],
}

test_edge_settings_of_a_web_app if verdict([
	{
		"address": "azurerm_linux_web_app.api",
		"after": {
			"app_settings": {
				"API_KEY": "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/k)",
				"GITHUB_TOKEN": "ghp_0123456789abcdefghijABCDEFGHIJ012345",
			},
		},
	},
]) == {
	["azurerm_linux_web_app.api", "deny", "app_settings.GITHUB_TOKEN holds a GitHub token; wanted: a reference to a secret store"],
}

test_edge_cloud_run_service_and_job if verdict([
	{
		"address": "google_cloud_run_v2_service.api",
		"after": {
			"template": [
				{
					"containers": [{"env": [{"name": "CLIENT_SECRET", "value": "hunter2hunter", "value_source": []}]}],
				},
			],
		},
	},
	{
		"address": "google_cloud_run_v2_job.api",
		"after": {
			"template": [
				{
					"template": [
						{
							"containers": [
								{
									"env": [
										{"name": "CLIENT_SECRET", "value": "hunter2hunter"},
										{"name": "KEY", "value": null},
									],
								},
							],
						},
					],
				},
			],
		},
	},
]) == {
	["google_cloud_run_v2_service.api", "deny", "env.CLIENT_SECRET is a secret in plain; wanted: a reference to a secret store"],
	["google_cloud_run_v2_job.api", "deny", "env.CLIENT_SECRET is a secret in plain; wanted: a reference to a secret store"],
}

test_edge_definitions_that_are_no_json if verdict([{"address": "aws_ecs_task_definition.api", "after": {"container_definitions": "token:77"}}]) == set()

test_edge_a_deleted_function if verdict([
	{
		"address": "aws_lambda_function.api",
		"before": {"environment": [{"variables": {"DB_PASSWORD": "hunter2hunter"}}]},
	},
]) == set()
