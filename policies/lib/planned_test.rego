package gatehouse.lib.planned_test

import data.gatehouse.lib.planned

# A provider shows what nobody wrote, and what it computes itself, in one way.
test_left_out_and_undecided if {
	left_out := {"type": "t", "resource": {}, "change": {"unknown": {"encrypted": true}, "references": {"name": ["var.x"]}}}
	given := {"type": "t", "resource": {}, "change": {"unknown": {"encrypted": true}, "references": {"encrypted": ["t.other"]}}}
	planned.missing("encrypted") with input as left_out
	not planned.undecided("encrypted") with input as left_out
	planned.undecided("encrypted") with input as given
	not planned.missing("encrypted") with input as given
}

test_missing if {
	every resource in [{}, {"a": null}, {"a": ""}] {
		planned.missing("a") with input as {"resource": resource, "change": {"unknown": {}}}
	}
	every value in [false, "x", []] {
		not planned.missing("a") with input as {"resource": {"a": value}, "change": {"unknown": {}}}
	}
}

test_missing_block if {
	every resource in [{}, {"a": null}, {"a": []}] {
		planned.missing_block("a") with input as {"resource": resource, "change": {"unknown": {}}}
	}
	planned.missing_block("a") with input as {"resource": {}, "change": {"unknown": {"a": true}, "references": {}}}
	not planned.missing_block("a") with input as {"resource": {}, "change": {"unknown": {"a": true}, "references": {"a": ["t.x"]}}}
	not planned.missing_block("a") with input as {"resource": {"a": [{}]}, "change": {"unknown": {}}}
}

bucket := {
	"type": "aws_s3_bucket",
	"address": "aws_s3_bucket.a",
	"resource": {},
	"change": {"unknown": {"id": true, "bucket": true}, "config_address": "aws_s3_bucket.a", "references": {}},
}

companion(references) := {
	"address": "aws_s3_bucket_versioning.x",
	"resource": {},
	"change": {"unknown": {"bucket": true}, "config_address": "aws_s3_bucket_versioning.x", "references": {"bucket": references}},
}

test_stray if {
	planned.stray({"x": companion(["random_pet.name"])}, "bucket") with input as bucket
	not planned.stray({"x": companion(["aws_s3_bucket.b"])}, "bucket") with input as bucket
	not planned.stray({"x": companion(["module.m.aws_s3_bucket.b"])}, "bucket") with input as bucket
	not planned.stray({"x": {"resource": {"bucket": "b"}, "change": {}}}, "bucket") with input as bucket
	not planned.stray({"x": {"resource": null, "change": {}}}, "bucket") with input as bucket
	not planned.stray({}, "bucket") with input as bucket
}

test_companions if {
	found := planned.companions({"x": companion(["aws_s3_bucket.a"]), "y": companion(["aws_s3_bucket.b"])}, "bucket", ["id"]) with input as bucket
	count(found) == 1
}
