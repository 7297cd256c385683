package gatehouse.terraform_cloud.s3_public_test

import data.gatehouse.lib.testing
import data.gatehouse.terraform_cloud.s3_public

_denied(document) := testing.messages(found) if {
	found := s3_public.deny with input as document
}

_unknown(document) := testing.messages(found) if {
	found := s3_public.unknown with input as document
}

_clean(document) if {
	_denied(document) == []
	_unknown(document) == []
}

_on := {"block_public_acls": true, "block_public_policy": true, "ignore_public_acls": true, "restrict_public_buckets": true}

_block(address, values, references) := testing.with_references(testing.terraform(address, object.union(_on, values)), references)

_bucket := testing.terraform_change("aws_s3_bucket.b", null, {"bucket": "logs"}, {"id": true, "policy": true, "grant": true, "acl": true})

_uncovered := ["no aws_s3_bucket_public_access_block of the plan covers the bucket; wanted: one with all four settings true"]

test_bucket_without_block if {
	_denied(_bucket) == _uncovered
	_unknown(_bucket) == []
	_denied(testing.with_plan(_bucket, [_block("aws_s3_bucket_public_access_block.p", {"bucket": "other"}, {})])) == _uncovered
}

test_bucket_with_block if {
	_clean(testing.with_plan(_bucket, [_block("aws_s3_bucket_public_access_block.p", {"bucket": "logs"}, {})]))
	_clean(testing.with_plan(_bucket, [_block("aws_s3_bucket_public_access_block.p", {}, {"bucket": ["aws_s3_bucket.b"]})]))
	_clean(testing.with_plan(_bucket, [testing.terraform("aws_s3_account_public_access_block.a", _on)]))
}

test_each_bucket_needs_its_own if {
	counted := testing.terraform("aws_s3_bucket.b[1]", {})
	block := _block("aws_s3_bucket_public_access_block.p[0]", {}, {"bucket": ["aws_s3_bucket.b"]})
	_denied(testing.with_plan(counted, [block])) == _uncovered
}

test_deleted_block_does_not_cover if {
	gone := testing.terraform_change("aws_s3_bucket_public_access_block.p", object.union(_on, {"bucket": "logs"}), null, {})
	_denied(testing.with_plan(_bucket, [gone])) == _uncovered
}

test_block_through_a_module_output if {
	block := testing.with_references(
		testing.terraform_change("aws_s3_bucket_public_access_block.p", null, _on, {"bucket": true}),
		{"bucket": ["module.storage.bucket_id"]},
	)
	unnamed := testing.terraform_change("aws_s3_bucket.b", null, {}, {"bucket": true})
	_denied(testing.with_plan(unnamed, [block])) == []
	_unknown(testing.with_plan(unnamed, [block])) == ["which bucket a public access block of the plan covers is known only after apply; wanted: one for this bucket"]
}

test_hole_in_a_block if {
	_denied(_block("aws_s3_bucket_public_access_block.p", {"bucket": "b", "block_public_acls": false, "ignore_public_acls": null}, {})) == [
		"block_public_acls is false; wanted: true",
		"ignore_public_acls is false; wanted: true",
	]
	_clean(_block("aws_s3_bucket_public_access_block.p", {"bucket": "b"}, {}))
	late := testing.terraform_change("aws_s3_account_public_access_block.a", null, object.remove(_on, ["block_public_acls"]), {"block_public_acls": true})
	_denied(late) == []
	_unknown(late) == ["block_public_acls is known only after apply; wanted: true"]
}

test_guard_block_deleted if {
	gone := testing.terraform_change("aws_s3_bucket_public_access_block.p", object.union(_on, {"bucket": "logs"}), null, {})
	_denied(gone) == ["the public access block is deleted; wanted: to keep it for as long as there is a bucket"]
	_clean(testing.with_plan(gone, [testing.terraform_change("aws_s3_bucket.b", {"bucket": "logs", "id": "logs"}, null, {})]))
	count(_denied(testing.with_plan(gone, [testing.terraform_change("aws_s3_bucket.b", {"bucket": "x", "id": "x"}, null, {})]))) == 1
	_clean(testing.with_plan(gone, [_block("aws_s3_bucket_public_access_block.q", {"bucket": "logs"}, {})]))
	count(_denied(testing.terraform_change("aws_s3_account_public_access_block.a", _on, null, {}))) == 1
}

test_acl if {
	_denied(testing.terraform("aws_s3_bucket_acl.a", {"acl": "public-read"})) == ["acl is \"public-read\"; wanted: private"]
	_denied(testing.terraform("aws_s3_object.o", {"acl": "public-read-write"})) == ["acl is \"public-read-write\"; wanted: private"]
	_clean(testing.terraform("aws_s3_bucket_acl.a", {"acl": "log-delivery-write"}))
	late := testing.terraform_change("aws_s3_bucket_acl.a", null, {}, {"acl": true})
	_clean(late)
	count(_unknown(testing.with_references(late, {"acl": ["var.acl"]}))) == 1
}

test_grants if {
	everyone := "http://acs.amazonaws.com/groups/global/AllUsers"
	_denied(testing.terraform("aws_s3_bucket_acl.a", {"access_control_policy": [{"grant": [{"permission": "READ", "grantee": [{"type": "Group", "uri": everyone}]}]}]})) == ["READ is granted to AllUsers; wanted: no grant to a group of everyone"]
	inline := testing.terraform("aws_s3_bucket.b", {"bucket": "logs", "grant": [{"permissions": ["WRITE", "READ"], "uri": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"}]})
	"READ, WRITE is granted to AuthenticatedUsers; wanted: no grant to a group of everyone" in _denied(inline)
}

_policy(statement) := testing.terraform("aws_s3_bucket_policy.p", {"bucket": "logs", "policy": json.marshal({"Statement": [statement]})})

_everyone := {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"}

test_policy if {
	_denied(_policy(_everyone)) == ["statement 0 of the policy allows everyone s3:getobject; wanted: named principals, or a condition on the account, organisation or network"]
	count(_denied(_policy(object.union(_everyone, {"Principal": {"AWS": ["*"]}})))) == 1
	_clean(_policy(object.union(_everyone, {"Effect": "Deny"})))
	_clean(_policy(object.union(_everyone, {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}})))
	_clean(_policy(object.union(_everyone, {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}})))
	count(_denied(_policy(object.union(_everyone, {"Condition": {"Bool": {"aws:SecureTransport": "true"}}})))) == 1
}

test_policy_unknown if {
	_unknown(testing.terraform_change("aws_s3_bucket_policy.p", null, {}, {"policy": true})) == ["the policy is known only after apply; wanted: nothing allowed to everyone"]
}

test_policy_document if {
	consumer := testing.with_references(
		testing.terraform_change("aws_s3_bucket_policy.p", null, {}, {"policy": true}),
		{"policy": ["data.aws_iam_policy_document.d"]},
	)
	statement := {"effect": "Allow", "actions": ["s3:GetObject"], "resources": [null], "principals": [{"type": "*", "identifiers": ["*"]}], "condition": []}
	open := testing.terraform_change("data.aws_iam_policy_document.d", null, {"statement": [statement]}, {"statement": [{"resources": [true]}]})
	count(_denied(testing.with_plan(consumer, [open]))) == 1
	named := testing.terraform_change("data.aws_iam_policy_document.d", null, {"statement": [object.union(statement, {"principals": [{"type": "AWS"}]})]}, {"statement": [{"principals": [{"identifiers": true}]}]})
	_denied(testing.with_plan(consumer, [named])) == []
	_unknown(testing.with_plan(consumer, [named])) == ["whom statement 0 of the policy allows is known only after apply; wanted: nothing allowed to everyone"]
	late := object.union(statement, {"condition": [{"test": "StringEquals", "variable": "aws:SourceVpce", "values": []}]})
	conditioned := testing.terraform_change("data.aws_iam_policy_document.d", null, {"statement": [late]}, {"statement": [{"condition": [{"values": true}]}]})
	_denied(testing.with_plan(consumer, [conditioned])) == []
	count(_unknown(testing.with_plan(consumer, [conditioned]))) == 1
}

test_deleted_bucket_is_silent if {
	_clean(testing.terraform_change("aws_s3_bucket.b", {"bucket": "logs"}, null, {}))
}

test_account_blocked_elsewhere if {
	denied := s3_public.deny with input as _bucket with data.parameters as {"account_blocked": true}
	count(denied) == 0
}
