# METADATA
# title: No secret stands in plain in user data, environments or variables
# description: >-
#   User data, function environments and container definitions are shown to everyone who may describe the resource, and
#   they stay in state files and consoles. A secret there has leaked. Give a reference to a secret store instead, and mark
#   secret variables sensitive.
# related_resources:
#   - ref: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html
#     description: Pass sensitive data to an ECS container
# custom:
#   id: TF-07
#   severity: critical
#   remedy: 'Rotate the secret; keep it in a secret store and pass its name: secrets = [{ name = "DB_PASSWORD", valueFrom = aws_secretsmanager_secret.db.arn }]; declare variables with sensitive = true.'
#   inspects:
#     terraform: [aws_instance, aws_launch_template, aws_launch_configuration, aws_lambda_function, aws_ecs_task_definition, google_compute_instance, google_compute_instance_template, google_cloudfunctions_function, google_cloudfunctions2_function, google_cloud_run_v2_service, google_cloud_run_v2_job, azurerm_linux_virtual_machine, azurerm_linux_web_app, azurerm_linux_function_app, azurerm_windows_web_app, azurerm_windows_function_app, variable]
#     cloud_init: ["*"]
#   references: [AWS-0029, AWS-0036, AWS-0129, CKV_AWS_45, CKV_AWS_46, CKV_SECRET_2]
#   unknown: warn
package gatehouse.terraform_cloud.plain_secrets

import data.gatehouse.lib.secrets
import data.gatehouse.lib.terraform

# Start-up scripts, with everything in them unpacked.
texts contains {"name": script.path, "text": part.text} if {
	input.kind == "cloud_init"
	some script in input.resource.scripts
	some part in script.parts
}

texts contains {"name": sprintf("metadata.%s", [key]), "text": text} if {
	input.kind == "terraform"
	input.type in {"google_compute_instance", "google_compute_instance_template"}
	some key, text in input.resource.metadata
	is_string(text)
	not key in {"user-data", "startup-script", "shutdown-script", "windows-startup-script-ps1", "sysprep-specialize-script-ps1"}
}

environment contains {"name": sprintf("environment.%s", [name]), "key": name, "value": value} if {
	input.type == "aws_lambda_function"
	some block in input.resource.environment
	some name, value in block.variables
}

environment contains {"name": sprintf("%s.%s", [field, name]), "key": name, "value": value} if {
	some field in ["environment_variables", "app_settings"]
	some name, value in input.resource[field]
}

environment contains {"name": sprintf("service_config.environment_variables.%s", [name]), "key": name, "value": value} if {
	input.type == "google_cloudfunctions2_function"
	some block in input.resource.service_config
	some name, value in block.environment_variables
}

environment contains {"name": sprintf("env.%s", [env.name]), "key": env.name, "value": env.value} if {
	input.type == "google_cloud_run_v2_service"
	some template in input.resource.template
	some container in template.containers
	some env in container.env
}

environment contains {"name": sprintf("env.%s", [env.name]), "key": env.name, "value": env.value} if {
	input.type == "google_cloud_run_v2_job"
	some outer in input.resource.template
	some template in outer.template
	some container in template.containers
	some env in container.env
}

environment contains {"name": sprintf("container_definitions: environment.%s of %s", [env.name, object.get(container, "name", "?")]), "key": env.name, "value": env.value} if {
	input.type == "aws_ecs_task_definition"
	text := input.resource.container_definitions
	is_string(text)
	json.is_valid(text)
	containers := json.unmarshal(text)
	is_array(containers)
	some container in containers
	some env in container.environment
	is_string(env.name)
}

deny contains finding if {
	terraform.present
	some entry in texts
	problem := secrets.judge_text(entry.name, entry.text)
	finding := {"message": sprintf("%s; wanted: a reference to a secret store", [problem]), "path": entry.name}
}

deny contains finding if {
	terraform.present
	some entry in environment
	problem := judge_value(entry)
	finding := {"message": sprintf("%s; wanted: a reference to a secret store", [problem]), "path": entry.name}
}

judge_value(entry) := sprintf("%s holds %s", [entry.name, secrets.shape(entry.value)]) if {
	is_string(entry.value)
	secrets.shape(entry.value)
} else := sprintf("%s is a secret in plain", [entry.name]) if {
	secrets.named(entry.key, entry.value)
}

deny contains finding if {
	input.type == "variable"
	not input.resource.sensitive == true
	value := input.resource.value
	problem := secrets.judge(sprintf("variable %s", [input.resource.name]), value)
	finding := {"message": sprintf("%s; wanted: sensitive = true and no value in the repository", [problem]), "path": "value"}
}

# A plan of older AWS providers holds the hash of user data, and one that is marked sensitive a token.
unknown contains finding if {
	input.kind == "cloud_init"
	some script in input.resource.scripts
	some reason in script.unread
	finding := {"message": sprintf("%s cannot be read (%s); wanted: no secret in it", [script.path, reason]), "path": script.path}
}

unknown contains finding if {
	input.type == "aws_lambda_function"
	terraform.present
	some i, block in input.change.unknown.environment
	some name, true in block.variables
	secrets.secret_name(name)
	finding := {"message": sprintf("environment.%s is known only after apply; wanted: a reference to a secret store", [name]), "path": sprintf("environment[%d].variables.%s", [i, name])}
}
