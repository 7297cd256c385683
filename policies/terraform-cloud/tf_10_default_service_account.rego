# METADATA
# title: Compute instances do not use the default service account
# description: >-
#   The default service account of Compute Engine is an editor of the whole project unless somebody changed it, so taking
#   over one machine takes over the project. An instance without any account is fine.
# related_resources:
#   - ref: https://cloud.google.com/compute/docs/access/service-accounts#default_service_account
#     description: The default service account
# custom:
#   id: TF-10
#   severity: high
#   remedy: 'service_account { email = google_service_account.web.email  scopes = ["cloud-platform"] }'
#   inspects: {terraform: [google_compute_instance, google_compute_instance_template, google_compute_region_instance_template, google_compute_instance_from_template]}
#   references: [GCP-0044, CKV_GCP_30]
package gatehouse.terraform_cloud.default_service_account

import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	some i, block in input.resource.service_account
	email := object.get(block, "email", null)
	default_account(email)
	not undecided(i)
	finding := {
		"message": sprintf("service_account.email is %s; wanted: an account of this workload", [shown(email)]),
		"path": sprintf("service_account[%d].email", [i]),
	}
}

unknown contains finding if {
	terraform.present
	some i, _ in input.resource.service_account
	undecided(i)
	not own_account
	finding := {"message": "service_account.email is known only after apply; wanted: an account of this workload", "path": sprintf("service_account[%d].email", [i])}
}

default_account(email) if email in {null, "", "default"}

default_account(email) if {
	is_string(email)
	regex.match(`^[0-9]+-compute@developer\.gserviceaccount\.com$`, email)
}

shown(email) := "not set, which means the default account" if email in {null, ""}

shown(email) := email if not email in {null, ""}

# An address that is left out is unknown too, because the provider fills it in.
undecided(i) if {
	terraform.unknown(["service_account", i, "email"])
	planned.referenced("service_account")
}

# The account is made in the same plan, so it is not the default one.
own_account if {
	some key, addresses in input.change.references
	split(key, ".")[0] == "service_account"
	some address in addresses
	regex.match(`(^|\.)google_service_account\.`, address)
	not contains(address, "data.google_service_account.")
}
