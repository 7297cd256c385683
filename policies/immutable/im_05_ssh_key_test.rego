package gatehouse.immutable.ssh_key_test

import data.gatehouse.immutable.ssh_key
import data.gatehouse.lib.testing

_denied(document) := testing.messages(found) if {
	found := ssh_key.deny with input as document
}

_unknown(document) := testing.messages(found) if {
	found := ssh_key.unknown with input as document
}

test_key_name if {
	every type in ["aws_instance", "aws_launch_template", "aws_launch_configuration", "aws_spot_instance_request"] {
		_denied(testing.terraform(sprintf("module.a[0].%s.x[\"k\"]", [type]), {"key_name": "ops"})) == ["key_name is \"ops\"; wanted: no key"]
		_denied(testing.terraform(sprintf("%s.x", [type]), {"key_name": ""})) == []
		_denied(testing.terraform(sprintf("%s.x", [type]), {"key_name": null})) == []
	}
}

test_blocks if {
	_denied(testing.terraform("aws_eks_node_group.n", {"remote_access": [{"ec2_ssh_key": "ops"}]})) == ["remote_access[0].ec2_ssh_key is \"ops\"; wanted: no key"]
	_denied(testing.terraform("aws_eks_node_group.n", {"remote_access": [{"ec2_ssh_key": null}]})) == []
	_denied(testing.terraform("aws_eks_node_group.n", {"remote_access": []})) == []
}

test_google if {
	_denied(testing.terraform("google_compute_instance.i", {"metadata": {"ssh-keys": "eve:ssh-ed25519 AAAA"}})) == ["metadata has ssh-keys; wanted: no key"]
	_denied(testing.terraform("google_compute_instance.i", {"metadata": {"enable-oslogin": "TRUE"}})) == []
	_denied(testing.terraform("google_compute_instance.i", {"metadata": null})) == []
}

test_key_pair if {
	_denied(testing.terraform("aws_key_pair.k", {"key_name": "ops"})) == ["a key pair for SSH is made; wanted: no key"]
	_denied(testing.terraform("data.aws_key_pair.k", {"key_name": "ops"})) == []
}

test_unknown if {
	late := testing.terraform_change("aws_instance.x", null, {}, {"key_name": true})
	_unknown(late) == []
	_denied(late) == []
	_unknown(testing.with_references(late, {"key_name": ["data.aws_ssm_parameter.key"]})) == ["key_name is known only after apply; wanted: no key"]
	_denied(testing.with_references(late, {"key_name": ["module.a.aws_key_pair.k"]})) == ["key_name is a key pair of the same plan; wanted: no key"]
}

test_unknown_block if {
	late := testing.terraform_change("aws_eks_node_group.n", null, {"remote_access": [{}]}, {"remote_access": [{"ec2_ssh_key": true}]})
	_unknown(testing.with_references(late, {"remote_access": ["data.x.y"]})) == ["remote_access.ec2_ssh_key is known only after apply; wanted: no key"]
	groups := testing.terraform_change("aws_eks_node_group.n", null, {"remote_access": [{"ec2_ssh_key": null}]}, {"remote_access": [{"source_security_group_ids": true}]})
	_unknown(testing.with_references(groups, {"remote_access": ["aws_security_group.g"]})) == []
}

test_deleted if {
	_denied(testing.terraform_change("aws_instance.x", {"key_name": "ops"}, null, {})) == []
	_denied(testing.terraform_change("aws_key_pair.x", {"key_name": "ops"}, null, {})) == []
}
