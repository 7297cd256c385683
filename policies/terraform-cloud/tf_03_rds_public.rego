# METADATA
# title: Databases have no public address
# description: >-
#   A database with a public address is one security group rule, one weak password or one unpatched hole away from
#   everybody. Applications reach it inside the network; people reach it through a session manager's tunnel.
#   A snapshot that is shared with all accounts is the same database, given away.
# related_resources:
#   - ref: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html#USER_VPC.Hiding
#     description: Hiding a DB instance in a VPC from the internet
# custom:
#   id: TF-03
#   severity: high
#   remedy: "Set publicly_accessible = false (for snapshots: take \"all\" out of shared_accounts)."
#   inspects:
#     terraform:
#       - aws_db_instance
#       - aws_rds_cluster_instance
#       - aws_neptune_cluster_instance
#       - aws_redshift_cluster
#       - aws_redshiftserverless_workgroup
#       - aws_dms_replication_instance
#       - aws_db_snapshot
#       - aws_db_cluster_snapshot
#       - aws_db_snapshot_copy
#   references: [AWS-0180, CKV_AWS_17, CKV_AWS_87, CKV_AWS_89]
package gatehouse.terraform_cloud.rds_public

import data.gatehouse.lib.terraform

deny contains finding if {
	input.resource.publicly_accessible == true
	terraform.managed
	finding := {"message": "publicly_accessible is true; wanted: false", "path": "publicly_accessible"}
}

deny contains finding if {
	some account in input.resource.shared_accounts
	lower(account) == "all"
	terraform.managed
	finding := {"message": "shared_accounts has \"all\"; wanted: the accounts that need the snapshot", "path": "shared_accounts"}
}

unknown contains finding if {
	terraform.present
	some attribute, wanted in {"publicly_accessible": "false", "shared_accounts": "accounts by number"}
	terraform.set_late(attribute)
	finding := {"message": sprintf("%s is known only after apply; wanted: %s", [attribute, wanted]), "path": attribute}
}
