package gatehouse.terraform_cloud.cloud_sql_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.cloud_sql as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["google_sql_database_instance"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_private_tls_only if verdict([
	{
		"address": "google_sql_database_instance.shop",
		"after": {
			"database_version": "POSTGRES_16",
			"settings": [
				{
					"tier": "db-g1-small",
					"ip_configuration": [
						{
							"ipv4_enabled": false,
							"private_network": "projects/p/global/networks/n",
							"ssl_mode": "ENCRYPTED_ONLY",
							"authorized_networks": [],
						},
					],
				},
			],
		},
	},
]) == set()

test_good_the_switch_of_older_providers if verdict([
	{
		"address": "google_sql_database_instance.shop",
		"after": {"settings": [{"ip_configuration": [{"ipv4_enabled": false, "require_ssl": true}]}]},
	},
]) == set()

test_bad_public_open_to_all_tls_optional if verdict([
	{
		"address": "module.db.google_sql_database_instance.shop[0]",
		"after": {
			"settings": [
				{
					"ip_configuration": [
						{
							"ipv4_enabled": true,
							"ssl_mode": "ALLOW_UNENCRYPTED_AND_ENCRYPTED",
							"authorized_networks": [{"name": "all", "value": "0.0.0.0/0"}],
						},
					],
				},
			],
		},
	},
]) == {
	["module.db.google_sql_database_instance.shop[0]", "deny", "authorized_networks has 0.0.0.0/0; wanted: no world-open range"],
	["module.db.google_sql_database_instance.shop[0]", "deny", "ipv4_enabled is true; wanted: false"],
	["module.db.google_sql_database_instance.shop[0]", "deny", "ssl_mode is ALLOW_UNENCRYPTED_AND_ENCRYPTED; wanted: ENCRYPTED_ONLY"],
}

test_bad_nothing_said_gives_a_public_address if verdict([
	{
		"address": "google_sql_database_instance.shop",
		"after": {"settings": [{"tier": "db-g1-small", "ip_configuration": []}]},
	},
]) == {
	["google_sql_database_instance.shop", "deny", "ip_configuration is not set, which gives a public address; wanted: ipv4_enabled = false"],
}

test_edge_the_network_list_in_two_halves if verdict([
	{
		"address": "google_sql_database_instance.shop",
		"after": {
			"settings": [
				{
					"ip_configuration": [
						{
							"ipv4_enabled": false,
							"ssl_mode": "ENCRYPTED_ONLY",
							"authorized_networks": [{"value": "0.0.0.0/1"}, {"value": "128.0.0.0/1"}],
						},
					],
				},
			],
		},
	},
]) == {
	["google_sql_database_instance.shop", "deny", "authorized_networks has 0.0.0.0/1; wanted: no world-open range"],
	["google_sql_database_instance.shop", "deny", "authorized_networks has 128.0.0.0/1; wanted: no world-open range"],
}

test_edge_decided_at_apply if verdict([
	{
		"address": "google_sql_database_instance.shop",
		"after": {"settings": [{"ip_configuration": [{}]}]},
		"unknown": {"settings": [{"ip_configuration": [{"ipv4_enabled": true, "ssl_mode": true}]}]},
		"references": {"settings": ["data.external.settings"]},
	},
]) == {
	["google_sql_database_instance.shop", "unknown", "ipv4_enabled is known only after apply; wanted: no public address"],
	["google_sql_database_instance.shop", "unknown", "ssl_mode is known only after apply; wanted: ENCRYPTED_ONLY"],
}

test_edge_a_mode_left_out_beside_a_network_of_the_plan if verdict([
	{
		"address": "google_sql_database_instance.shop",
		"after": {"settings": [{"ip_configuration": [{"ipv4_enabled": false}]}]},
		"unknown": {"settings": [{"ip_configuration": [{"private_network": true, "ssl_mode": true}]}]},
		"references": {"settings": ["google_compute_network.main"]},
	},
]) == {
	["google_sql_database_instance.shop", "deny", "ssl_mode is not set; wanted: ENCRYPTED_ONLY"],
}

test_edge_the_block_is_left_out_and_shown_as_unknown if verdict([
	{
		"address": "google_sql_database_instance.shop",
		"after": {"settings": [{"tier": "db-g1-small"}]},
		"unknown": {"settings": [{"ip_configuration": true}]},
	},
]) == {
	["google_sql_database_instance.shop", "deny", "ip_configuration is not set, which gives a public address; wanted: ipv4_enabled = false"],
}

test_edge_a_deleted_database if verdict([
	{
		"address": "google_sql_database_instance.shop",
		"before": {"settings": [{"ip_configuration": [{"ipv4_enabled": true}]}]},
	},
]) == set()
