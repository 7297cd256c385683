package gatehouse.lib.terraform_test

import data.gatehouse.lib.terraform
import data.gatehouse.lib.testing

test_unknown_paths if {
	document := testing.terraform_change("a_b.c", null, {"x": 1}, {"y": true, "list": [{"z": true, "known": false}], "deep": {"a": [false, true]}})
	terraform.unknown("y") with input as document
	terraform.unknown(["list", 0, "z"]) with input as document
	terraform.unknown(["y", "anything"]) with input as document
	not terraform.unknown(["list", 0, "known"]) with input as document
	not terraform.unknown("x") with input as document
	not terraform.unknown("deep") with input as document
	terraform.unknown_within("deep") with input as document
	not terraform.unknown_within("x") with input as document
}

test_everything_unknown if {
	terraform.unknown(["a", 0]) with input as {"change": {"unknown": true}}
}

test_get if {
	terraform.get({"a": null}, "a", 1) == 1
	terraform.get({"a": false}, "a", true) == false
	terraform.get({"a": {"b": 2}}, ["a", "b"], 1) == 2
	terraform.list(null) == []
	terraform.list("a") == ["a"]
	terraform.list(["a"]) == ["a"]
}

_bucket(address, values) := testing.terraform(address, values)

_block(address, values, references) := testing.with_references(testing.terraform(address, values), references)

test_companion_by_value if {
	bucket := _bucket("aws_s3_bucket.b", {"bucket": "logs"})
	terraform.configures(_block("aws_s3_bucket_x.p", {"bucket": "logs"}, {}), "bucket", ["bucket", "id"]) with input as bucket
	not terraform.configures(_block("aws_s3_bucket_x.p", {"bucket": "other"}, {"bucket": ["aws_s3_bucket.b"]}), "bucket", ["bucket", "id"]) with input as bucket
}

test_companion_by_reference if {
	refers := {"bucket": ["aws_s3_bucket.b"]}
	terraform.configures(_block("aws_s3_bucket_x.p", {}, refers), "bucket", ["bucket", "id"]) with input as _bucket("aws_s3_bucket.b", {"bucket": "logs"})
	terraform.configures(_block("aws_s3_bucket_x.p[0]", {}, refers), "bucket", ["bucket"]) with input as _bucket("aws_s3_bucket.b[0]", {})
	not terraform.configures(_block("aws_s3_bucket_x.p[1]", {}, refers), "bucket", ["bucket"]) with input as _bucket("aws_s3_bucket.b[0]", {})
	terraform.configures(_block("aws_s3_bucket_x.p[0]", {}, refers), "bucket", ["bucket"]) with input as _bucket("aws_s3_bucket.b", {})
	not terraform.configures(_block("aws_s3_bucket_x.p", {}, {"bucket": ["aws_s3_bucket.c"]}), "bucket", ["bucket"]) with input as _bucket("aws_s3_bucket.b", {})
}

test_companion_in_modules if {
	refers := {"bucket": ["module.m.aws_s3_bucket.b"]}
	bucket := _bucket("module.m[\"a.b\"].aws_s3_bucket.b", {})
	terraform.configures(_block("module.m[\"a.b\"].aws_s3_bucket_x.p", {}, refers), "bucket", ["bucket"]) with input as bucket
	not terraform.configures(_block("module.m[\"c\"].aws_s3_bucket_x.p", {}, refers), "bucket", ["bucket"]) with input as bucket
	terraform.configures(_block("aws_s3_bucket_x.p", {}, refers), "bucket", ["bucket"]) with input as bucket
	terraform.configures(_block("module.m[\"a.b\"].module.n[0].aws_s3_bucket_x.p", {}, refers), "bucket", ["bucket"]) with input as bucket
	not terraform.configures(_block("module.m[\"c\"].module.n[0].aws_s3_bucket_x.p", {}, refers), "bucket", ["bucket"]) with input as bucket
}

test_set_late if {
	document := testing.terraform_change("a_b.c", null, {}, {"x": true, "block": [{"y": true}]})
	not terraform.set_late("x") with input as document
	terraform.set_late("x") with input as testing.with_references(document, {"x": ["var.x"]})
	terraform.set_late("block") with input as testing.with_references(document, {"block[0].y": ["var.x"]})
	not terraform.set_late("x") with input as testing.with_references(document, {"xy": ["var.x"]})
}
