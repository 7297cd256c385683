package gatehouse.immutable.ecr_immutable_test

import data.gatehouse.immutable.ecr_immutable
import data.gatehouse.lib.testing

_denied(document) := testing.messages(found) if {
	found := ecr_immutable.deny with input as document
}

_unknown(document) := testing.messages(found) if {
	found := ecr_immutable.unknown with input as document
}

_good := {"name": "team/web", "image_tag_mutability": "IMMUTABLE", "image_scanning_configuration": [{"scan_on_push": true}]}

_with(values) := testing.terraform("module.m.aws_ecr_repository.r[\"web\"]", object.union(_good, values))

_unscanned := "images are not scanned on push; wanted: scan_on_push true"

test_good if {
	_denied(_with({})) == []
	_unknown(_with({})) == []
	_denied(_with({"image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION", "image_tag_mutability_exclusion_filter": [{"filter": "dev-*"}]})) == []
}

test_mutable if {
	_denied(_with({"image_tag_mutability": "MUTABLE"})) == ["image_tag_mutability is MUTABLE; wanted: IMMUTABLE"]
	_denied(_with({"image_tag_mutability": null})) == ["image_tag_mutability is MUTABLE; wanted: IMMUTABLE"]
	_denied(_with({"image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION", "image_tag_mutability_exclusion_filter": [{"filter": "*"}]})) == ["every tag is excluded from immutability (\"*\"); wanted: IMMUTABLE"]
}

test_unscanned if {
	every configuration in [[], null, [{"scan_on_push": false}], [{"scan_on_push": null}]] {
		_denied(_with({"image_scanning_configuration": configuration})) == [_unscanned]
	}
}

_registry(filter, frequency) := testing.terraform("aws_ecr_registry_scanning_configuration.c", {"rule": [{"scan_frequency": frequency, "repository_filter": [{"filter": filter}]}]})

test_registry_scans if {
	unscanned := _with({"image_scanning_configuration": []})
	every filter in ["*", "team/*", "web"] {
		_denied(testing.with_plan(unscanned, [_registry(filter, "SCAN_ON_PUSH")])) == []
	}
	_denied(testing.with_plan(unscanned, [_registry("other/*", "SCAN_ON_PUSH")])) == [_unscanned]
	_denied(testing.with_plan(unscanned, [_registry("*", "MANUAL")])) == [_unscanned]
}

test_unknown if {
	late := testing.terraform_change("aws_ecr_repository.r", null, {"name": "r", "image_scanning_configuration": [{}]}, {"image_tag_mutability": true, "image_scanning_configuration": [{"scan_on_push": true}]})
	_denied(late) == []
	_unknown(late) == ["image_tag_mutability is known only after apply; wanted: IMMUTABLE", "scan_on_push is known only after apply; wanted: true"]
}

test_deleted_and_data if {
	_denied(testing.terraform_change("aws_ecr_repository.r", _good, null, {})) == []
	_denied(testing.terraform("data.aws_ecr_repository.r", {})) == []
}
