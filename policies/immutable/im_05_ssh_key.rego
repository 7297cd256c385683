# METADATA
# title: Machines are made without an SSH key
# description: >-
#   A key on a machine is a way in that outlives the person who had it, shows up in no access review and leaves no
#   name behind. A machine that nobody logs in to needs none; a session manager asks who comes, every time.
# related_resources:
#   - ref: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager.html
#     description: AWS Session Manager
#   - ref: https://cloud.google.com/compute/docs/oslogin
#     description: Google OS Login
# custom:
#   id: IM-05
#   severity: high
#   remedy: >-
#     Delete key_name, remote_access or the metadata entry ssh-keys; for emergencies give the instance's role
#     AmazonSSMManagedInstanceCore, or set the metadata entry enable-oslogin = "TRUE".
#   inspects:
#     terraform:
#       - aws_instance
#       - aws_spot_instance_request
#       - aws_launch_template
#       - aws_launch_configuration
#       - aws_key_pair
#       - aws_eks_node_group
#       - aws_emr_cluster
#       - aws_lightsail_instance
#       - google_compute_instance
#       - google_compute_instance_template
#       - google_compute_region_instance_template
#   references: [CKV_AWS_100]
package gatehouse.immutable.ssh_key

import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	attribute := _names[input.type]
	key := terraform.get(input.resource, attribute, "")
	key != ""
	finding := {"message": sprintf("%s is %q; wanted: no key", [attribute, key]), "path": attribute}
}

deny contains finding if {
	terraform.present
	[block, attribute] := _blocks[input.type]
	some i, values in input.resource[block]
	key := terraform.get(values, attribute, "")
	key != ""
	path := sprintf("%s[%d].%s", [block, i, attribute])
	finding := {"message": sprintf("%s is %q; wanted: no key", [path, key]), "path": path}
}

deny contains finding if {
	input.type == "aws_key_pair"
	terraform.present
	finding := {"message": "a key pair for SSH is made; wanted: no key"}
}

deny contains finding if {
	startswith(input.type, "google_compute_")
	terraform.present
	some entry in ["ssh-keys", "sshKeys"]
	value := terraform.get(input.resource, ["metadata", entry], "")
	value != ""
	finding := {"message": sprintf("metadata has %s; wanted: no key", [entry]), "path": sprintf("metadata.%s", [entry])}
}

# A key pair of the same plan whose name only apply will tell is a key all the same.
deny contains finding if {
	[attribute, _] := _late
	_key_pair(attribute)
	finding := {"message": sprintf("%s is a key pair of the same plan; wanted: no key", [attribute]), "path": attribute}
}

unknown contains finding if {
	[attribute, path] := _late
	not _key_pair(attribute)
	finding := {"message": sprintf("%s is known only after apply; wanted: no key", [path]), "path": path}
}

_late := [attribute, attribute] if {
	terraform.present
	attribute := _names[input.type]
	terraform.set_late(attribute)
} else := [block, sprintf("%s.%s", [block, attribute])] if {
	terraform.present
	[block, attribute] := _blocks[input.type]
	terraform.set_late(block)
	_key_late(block, attribute)
} else := ["metadata", "metadata"] if {
	startswith(input.type, "google_compute_")
	terraform.present
	terraform.unknown("metadata")
	terraform.set_late("metadata")
}

_key_late(block, _) if terraform.unknown(block)

_key_late(block, attribute) if input.change.unknown[block][_][attribute] == true

_key_pair(attribute) if {
	some reference in input.change.references[attribute]
	contains(reference, "aws_key_pair.")
	not contains(reference, "data.aws_key_pair.")
}

_names := {
	"aws_instance": "key_name",
	"aws_spot_instance_request": "key_name",
	"aws_launch_template": "key_name",
	"aws_launch_configuration": "key_name",
	"aws_lightsail_instance": "key_pair_name",
}

_blocks := {
	"aws_eks_node_group": ["remote_access", "ec2_ssh_key"],
	"aws_emr_cluster": ["ec2_attributes", "key_name"],
}
