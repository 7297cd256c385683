package gatehouse.terraform_cloud.rds_public_test

import data.gatehouse.lib.testing
import data.gatehouse.terraform_cloud.rds_public

_denied(document) := testing.messages(found) if {
	found := rds_public.deny with input as document
}

_unknown(document) := testing.messages(found) if {
	found := rds_public.unknown with input as document
}

test_public if {
	every type in ["aws_db_instance", "aws_rds_cluster_instance", "aws_redshift_cluster"] {
		_denied(testing.terraform(sprintf("module.db[\"a\"].%s.x[0]", [type]), {"publicly_accessible": true})) == ["publicly_accessible is true; wanted: false"]
	}
}

test_private if {
	every value in [false, null] {
		_denied(testing.terraform("aws_db_instance.x", {"publicly_accessible": value})) == []
	}
	_denied(testing.terraform("aws_db_instance.x", {})) == []
	_denied(testing.terraform("data.aws_db_instance.x", {"publicly_accessible": true})) == []
	_denied(testing.terraform_change("aws_db_instance.x", {"publicly_accessible": true}, null, {})) == []
}

test_snapshot if {
	_denied(testing.terraform("aws_db_snapshot.x", {"shared_accounts": ["123456789012", "all"]})) == ["shared_accounts has \"all\"; wanted: the accounts that need the snapshot"]
	_denied(testing.terraform("aws_db_snapshot.x", {"shared_accounts": ["123456789012"]})) == []
}

test_unknown if {
	computed := testing.terraform_change("aws_rds_cluster_instance.x", null, {}, {"publicly_accessible": true})
	_unknown(computed) == []
	_unknown(testing.with_references(computed, {"publicly_accessible": ["var.public"]})) == ["publicly_accessible is known only after apply; wanted: false"]
}
