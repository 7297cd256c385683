# METADATA
# title: Cloud SQL has no public address and asks for TLS
# description: >-
#   A database with a public address is one leaked password away from the internet, and without enforced TLS that password
#   can be read on the way.
# related_resources:
#   - ref: https://cloud.google.com/sql/docs/postgres/configure-private-ip
#     description: Configure private IP
# custom:
#   id: TF-09
#   severity: high
#   remedy: 'ip_configuration { ipv4_enabled = false  private_network = google_compute_network.this.id  ssl_mode = "ENCRYPTED_ONLY" }'
#   inspects: {terraform: [google_sql_database_instance]}
#   references: [GCP-0015, GCP-0017, CKV_GCP_6, CKV_GCP_11, CKV_GCP_60]
package gatehouse.terraform_cloud.cloud_sql

import data.gatehouse.lib.net
import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	some i, settings in input.resource.settings
	object.get(settings, "ip_configuration", null) in {null, []}
	not undecided(i)
	finding := {"message": "ip_configuration is not set, which gives a public address; wanted: ipv4_enabled = false", "path": sprintf("settings[%d].ip_configuration", [i])}
}

deny contains finding if {
	some item in configurations
	terraform.get(item.block, "ipv4_enabled", true) == true
	not terraform.unknown(array.concat(item.at, ["ipv4_enabled"]))
	finding := {"message": "ipv4_enabled is true; wanted: false", "path": sprintf("%s.ipv4_enabled", [item.path])}
}

deny contains finding if {
	some item in configurations
	not tls(item.block)
	not late(item)
	finding := {"message": sprintf("ssl_mode is %s; wanted: ENCRYPTED_ONLY", [mode(item.block)]), "path": sprintf("%s.ssl_mode", [item.path])}
}

deny contains finding if {
	some item in configurations
	networks := [network.value | some network in item.block.authorized_networks; is_string(network.value)]
	some range in net.world(networks)
	finding := {"message": sprintf("authorized_networks has %s; wanted: no world-open range", [range]), "path": sprintf("%s.authorized_networks", [item.path])}
}

unknown contains finding if {
	some item in configurations
	some name in ["ipv4_enabled", "authorized_networks"]
	terraform.unknown(array.concat(item.at, [name]))
	finding := {"message": sprintf("%s is known only after apply; wanted: no public address", [name]), "path": sprintf("%s.%s", [item.path, name])}
}

unknown contains finding if {
	some item in configurations
	not tls(item.block)
	late(item)
	finding := {"message": "ssl_mode is known only after apply; wanted: ENCRYPTED_ONLY", "path": sprintf("%s.ssl_mode", [item.path])}
}

unknown contains finding if {
	terraform.present
	some i, _ in input.resource.settings
	undecided(i)
	finding := {"message": "ip_configuration is known only after apply; wanted: ipv4_enabled = false", "path": sprintf("settings[%d].ip_configuration", [i])}
}

# A block that is left out is unknown too, because the provider fills it in.
undecided(i) if {
	terraform.unknown(["settings", i, "ip_configuration"])
	planned.referenced("settings")
}

configurations contains item if {
	terraform.present
	some i, settings in input.resource.settings
	some j, block in settings.ip_configuration
	item := {
		"block": block,
		"at": ["settings", i, "ip_configuration", j],
		"path": sprintf("settings[%d].ip_configuration[%d]", [i, j]),
	}
}

# The provider fills in a mode that is left out, so that a gap is unknown too. What such a block usually refers to is the
# network, which is no mode.
late(item) if {
	terraform.unknown(array.concat(item.at, ["ssl_mode"]))
	some address in input.change.references.settings
	not regex.match(`(^|\.)google_(compute_(network|global_address|address)|service_networking_connection|project)\.`, address)
}

tls(block) if block.ssl_mode in {"ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"}

# Older providers have a switch instead.
tls(block) if {
	block.require_ssl == true
	terraform.get(block, "ssl_mode", "") == ""
}

mode(block) := terraform.get(block, "ssl_mode", "not set")
