# METADATA
# title: Databases, disks and file systems are encrypted at rest
# description: >-
#   RDS, EBS and EFS encrypt only when told to, and what was made without encryption can only be changed by making it
#   again. A replica follows its source and is not asked. For EBS, the plan's aws_ebs_encryption_by_default counts.
# related_resources:
#   - ref: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.html
#     description: Encrypting Amazon RDS resources
# custom:
#   id: TF-04
#   severity: high
#   remedy: 'Set storage_encrypted = true (RDS), encrypted = true (EBS, EFS).'
#   inspects: {terraform: [aws_db_instance, aws_rds_cluster, aws_docdb_cluster, aws_neptune_cluster, aws_ebs_volume, aws_efs_file_system, aws_instance, aws_launch_template]}
#   references: [AWS-0080, AWS-0079, AWS-0026, AWS-0037, AWS-0131, CKV_AWS_16, CKV_AWS_96, CKV_AWS_3, CKV_AWS_8, CKV_AWS_42, CKV_AWS_44, CKV_AWS_74]
package gatehouse.terraform_cloud.storage_encryption

import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

attribute := "storage_encrypted" if input.type in {"aws_db_instance", "aws_rds_cluster", "aws_docdb_cluster", "aws_neptune_cluster"}

attribute := "encrypted" if input.type in {"aws_ebs_volume", "aws_efs_file_system"}

deny contains finding if {
	terraform.present
	plain
	not by_default
	not follows_another
	finding := {"message": sprintf("%s is %s; wanted: true", [attribute, shown]), "path": attribute}
}

unknown contains finding if {
	terraform.present
	undecided
	not by_default
	not follows_another
	finding := {"message": sprintf("%s is known only after apply; wanted: true", [attribute]), "path": attribute}
}

deny contains finding if {
	input.type in {"aws_instance", "aws_launch_template"}
	terraform.present
	some disk in disks
	off(disk.encrypted)
	not by_default
	finding := {"message": sprintf("%s is false; wanted: true", [disk.path]), "path": disk.path}
}

deny contains finding if {
	input.type in {"aws_instance", "aws_launch_template"}
	terraform.present
	some disk in disks
	disk.encrypted in {null, ""}
	not disk.unknown
	not from_snapshot(disk)
	not by_default
	finding := {"message": sprintf("%s is not set; wanted: true", [disk.path]), "path": disk.path}
}

unknown contains finding if {
	input.type in {"aws_instance", "aws_launch_template"}
	terraform.present
	some disk in disks
	disk.unknown
	not by_default
	finding := {"message": sprintf("%s is known only after apply; wanted: true", [disk.path]), "path": disk.path}
}

# Launch templates spell booleans as text.
off(value) if value in {false, "false"}

plain if input.resource[attribute] == false

plain if {
	planned.missing(attribute)
	not undecided
}

# The provider computes "encrypted" when it is left out, and only then is a gap in the configuration unknown in the plan.
undecided if {
	attribute == "encrypted"
	planned.undecided(attribute)
}

undecided if {
	attribute == "storage_encrypted"
	terraform.unknown(attribute)
}

shown := "false" if {
	input.resource[attribute] == false
} else := "not set"

# The provider fills the block of a disk in from the snapshot's own setting.
from_snapshot(disk) if disk.snapshot != ""

disks contains disk if {
	input.type == "aws_instance"
	some field in ["root_block_device", "ebs_block_device"]
	some i, block in input.resource[field]
	disk := {
		"path": sprintf("%s[%d].encrypted", [field, i]),
		"encrypted": object.get(block, "encrypted", null),
		"snapshot": terraform.get(block, "snapshot_id", ""),
		"unknown": late(field, [field, i, "encrypted"]),
	}
}

disks contains disk if {
	input.type == "aws_launch_template"
	some i, mapping in input.resource.block_device_mappings
	some j, block in mapping.ebs
	disk := {
		"path": sprintf("block_device_mappings[%d].ebs[%d].encrypted", [i, j]),
		"encrypted": object.get(block, "encrypted", null),
		"snapshot": terraform.get(block, "snapshot_id", ""),
		"unknown": late("block_device_mappings", ["block_device_mappings", i, "ebs", j, "encrypted"]),
	}
}

# The provider fills in what a block leaves out, so that a gap is unknown in the plan too.
late(block, path) if {
	terraform.unknown(path)
	planned.referenced(block)
} else := false

by_default if {
	input.type in {"aws_ebs_volume", "aws_instance", "aws_launch_template"}
	some setting in input.plan.aws_ebs_encryption_by_default
	is_object(setting.resource)
	terraform.get(setting.resource, "enabled", true) == true
}

# A replica in the same region has its source's encryption, Aurora Serverless v1 is always encrypted, and a volume from an
# encrypted snapshot is encrypted.
follows_another if {
	input.type == "aws_db_instance"
	source := input.resource.replicate_source_db
	is_string(source)
	not startswith(source, "arn:")
	input.resource.storage_encrypted != false
}

follows_another if {
	input.type == "aws_db_instance"
	terraform.unknown("replicate_source_db")
	input.resource.storage_encrypted != false
}

follows_another if {
	input.type == "aws_rds_cluster"
	input.resource.engine_mode == "serverless"
}
