package gatehouse.terraform_cloud.required_tags_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.required_tags as rule

defaults := {"types": ["aws_*", "azurerm_*", "google_*"], "except": ["aws_autoscaling_group"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["*"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_the_provider_s_default_tags_count if verdict(
	[
		{
			"address": "aws_s3_bucket.logs",
			"after": {"bucket": "acme-logs", "tags": null, "tags_all": {"owner": "platform"}},
		},
	],
	object.union(defaults, {"tags": ["owner"]}),
) == set()

test_good_a_resource_that_cannot_be_tagged if verdict([{"address": "aws_iam_role_policy_attachment.x", "after": {"role": "x"}}], object.union(defaults, {"tags": ["owner"]})) == set()

test_bad_one_of_two_is_missing if verdict(
	[
		{
			"address": "module.store.aws_s3_bucket.logs[\"eu\"]",
			"after": {"bucket": "acme-logs", "tags": {"owner": "platform"}, "tags_all": {"owner": "platform"}},
		},
	],
	object.union(defaults, {"tags": ["owner", "environment"]}),
) == {
	["module.store.aws_s3_bucket.logs[\"eu\"]", "deny", "tags [environment] are missing; wanted: [owner, environment]"],
}

test_bad_no_tags_on_azure if verdict([{"address": "azurerm_resource_group.main", "after": {"name": "main", "tags": null}}], object.union(defaults, {"tags": ["owner"]})) == {["azurerm_resource_group.main", "deny", "tags [owner] are missing; wanted: [owner]"]}

test_edge_an_empty_value_is_no_value if verdict([{"address": "aws_s3_bucket.logs", "after": {"tags_all": {"owner": ""}}}], object.union(defaults, {"tags": ["owner"]})) == {["aws_s3_bucket.logs", "deny", "tags [owner] are missing; wanted: [owner]"]}

test_edge_decided_at_apply if verdict([{"address": "aws_s3_bucket.logs", "after": {"tags": null}, "unknown": {"tags_all": true}}], object.union(defaults, {"tags": ["owner"]})) == {
	["aws_s3_bucket.logs", "unknown", "tags_all is known only after apply; wanted: [owner]"],
}

test_edge_one_tag_s_value_decided_at_apply if verdict([{"address": "aws_s3_bucket.logs", "after": {"tags_all": {}}, "unknown": {"tags_all": {"owner": true}}}], object.union(defaults, {"tags": ["owner"]})) == set()

test_edge_labels_of_google_network_tags_are_none if verdict(
	[
		{"address": "google_storage_bucket.data", "after": {"labels": {}, "effective_labels": {}}},
		{"address": "google_compute_instance.web", "after": {"tags": ["web"], "labels": null}},
	],
	object.union(defaults, {"tags": ["owner"]}),
) == {
	["google_storage_bucket.data", "deny", "tags [owner] are missing; wanted: [owner]"],
	["google_compute_instance.web", "deny", "tags [owner] are missing; wanted: [owner]"],
}

test_edge_types_that_are_excepted_deleted_or_not_of_a_cloud if verdict(
	[
		{"address": "aws_s3_bucket.logs", "after": {"tags_all": null}},
		{"address": "aws_sqs_queue.q", "before": {"tags_all": null}},
		{"address": "random_pet.x", "after": {"tags": null}},
		{"address": "data.aws_vpc.main", "after": {"tags": {}}},
	],
	object.union(defaults, {"tags": ["owner"], "except": ["aws_s3_bucket"]}),
) == set()
