package gatehouse.gitops.provisioners_test

import data.gatehouse.gitops.provisioners as rule
import data.gatehouse.lib.fixture

defaults := {"types": ["local-exec", "remote-exec"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["provisioner", "external"], items)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_provisioner_that_copies_a_file if verdict(
	[
		{
			"address": "provisioner.file",
			"after": {"type": "file", "resource": "aws_instance.web", "expressions": {}},
		},
	],
	defaults,
) == set()

test_bad_a_program_on_the_pipeline_s_machine if verdict(
	[
		{
			"address": "provisioner.local",
			"after": {
				"type": "local-exec",
				"resource": "module.db.null_resource.migrate",
				"expressions": {"command": {"constant_value": "make migrate"}},
			},
		},
	],
	defaults,
) == {
	["provisioner.local", "deny", "a local-exec provisioner of module.db.null_resource.migrate runs programs; wanted: none"],
}

test_bad_a_program_on_the_new_machine if verdict(
	[
		{
			"address": "provisioner.remote",
			"after": {"type": "remote-exec", "resource": "aws_instance.web", "expressions": {}},
		},
	],
	defaults,
) == {
	["provisioner.remote", "deny", "a remote-exec provisioner of aws_instance.web runs programs; wanted: none"],
}

test_bad_a_program_while_planning if verdict(
	[
		{
			"address": "module.a[\"x\"].data.external.settings[0]",
			"actions": ["read"],
			"after": {"program": ["sh", "settings.sh"]},
		},
	],
	defaults,
) == {
	["module.a[\"x\"].data.external.settings[0]", "deny", "an external data source runs a program while planning; wanted: none"],
}

test_edge_files_are_not_allowed_here_either if verdict([{"address": "provisioner.file", "after": {"type": "file", "resource": "aws_instance.web"}}], object.union(defaults, {"types": ["local-exec", "remote-exec", "file"]})) == {
	["provisioner.file", "deny", "a file provisioner of aws_instance.web runs programs; wanted: none"],
}

test_edge_a_data_source_whose_result_is_known_only_after_apply if verdict(
	[
		{
			"address": "data.external.settings",
			"actions": ["read"],
			"after": {"program": ["sh", "settings.sh"]},
			"unknown": {"result": true},
		},
	],
	defaults,
) == {
	["data.external.settings", "deny", "an external data source runs a program while planning; wanted: none"],
}
