package gatehouse.immutable.golden_image_test

import data.gatehouse.immutable.golden_image
import data.gatehouse.lib.testing

_parameters := {"owners": ["123456789012", "acme-images", "Canonical", "amazon"], "images": ["ami-0golden*", "projects/debian-cloud/global/images/family/debian-12", "RedHat:RHEL:9*:latest"]}

_denied(document) := testing.messages(found) if {
	found := golden_image.deny with input as document with data.parameters as _parameters
}

_unknown(document) := testing.messages(found) if {
	found := golden_image.unknown with input as document with data.parameters as _parameters
}

_clean(document) if {
	_denied(document) == []
	_unknown(document) == []
}

_wanted := "123456789012, Canonical, acme-images, amazon, RedHat:RHEL:9*:latest, ami-0golden*, projects/debian-cloud/global/images/family/debian-12"

test_aws_by_id if {
	_clean(testing.terraform("aws_instance.i", {"ami": "ami-0golden1"}))
	_denied(testing.terraform("module.a.aws_launch_template.t[0]", {"image_id": "ami-0other"})) == [sprintf("image_id is \"ami-0other\"; wanted: an image of %s", [_wanted])]
	_clean(testing.terraform("aws_launch_template.t", {"image_id": null}))
	_clean(testing.terraform("aws_launch_template.t", {"image_id": ""}))
}

_source(values) := testing.terraform("data.aws_ami.a", values)

test_aws_by_owner if {
	instance := testing.terraform("aws_instance.i", {"ami": "ami-1"})
	_clean(testing.with_plan(instance, [_source({"id": "ami-1", "owner_id": "123456789012"})]))
	_clean(testing.with_plan(instance, [_source({"id": "ami-1", "owner_id": "137112412989", "image_owner_alias": "amazon"})]))
	_denied(testing.with_plan(instance, [_source({"id": "ami-1", "owner_id": "666"})])) == [sprintf("ami is \"ami-1\", made by \"666\"; wanted: an image of %s", [_wanted])]
	count(_denied(testing.with_plan(instance, [_source({"id": "ami-2", "owner_id": "123456789012"})]))) == 1
}

test_aws_unknown if {
	late := testing.with_references(testing.terraform_change("aws_instance.i", null, {}, {"ami": true}), {"ami": ["data.aws_ami.a"]})
	message := [sprintf("who made the image of ami is known only after apply; wanted: an image of %s", [_wanted])]
	_denied(late) == []
	_unknown(late) == message
	_clean(testing.with_plan(late, [_source({"owners": ["123456789012"]})]))
	_unknown(testing.with_plan(late, [_source({"owners": ["123456789012", "666"]})])) == message
	_unknown(testing.with_plan(late, [_source({"owners": []})])) == message
	_unknown(testing.terraform("aws_instance.i", {"ami": "token:12"})) == message
}

test_aws_owner_out_of_sight if {
	document := testing.with_references(testing.terraform("aws_instance.i", {"ami": "ami-1"}), {"ami": ["data.aws_ami.a"]})
	_denied(document) == []
	count(_unknown(document)) == 1
}

test_google if {
	_clean(testing.terraform("google_compute_instance.i", {"boot_disk": [{"initialize_params": [{"image": "projects/acme-images/global/images/web-1"}]}]}))
	_clean(testing.terraform("google_compute_instance.i", {"boot_disk": [{"initialize_params": [{"image": "acme-images/web-1"}]}]}))
	_clean(testing.terraform("google_compute_disk.d", {"image": "https://www.googleapis.com/compute/v1/projects/acme-images/global/images/web-1"}))
	_clean(testing.terraform("google_compute_disk.d", {"image": "projects/debian-cloud/global/images/family/debian-12"}))
	_denied(testing.terraform("google_compute_instance_template.t", {"disk": [{"source_image": "debian-cloud/debian-11"}]})) == [sprintf("disk[0].source_image is \"debian-cloud/debian-11\", made by \"debian-cloud\"; wanted: an image of %s", [_wanted])]
	count(_denied(testing.terraform("google_compute_instance.i", {"boot_disk": [{"initialize_params": [{"image": "debian-11"}]}]}))) == 1
	_clean(testing.terraform("google_compute_instance.i", {"boot_disk": [{"initialize_params": [], "source": "disk"}]}))
}

_azure(publisher, offer, sku) := testing.terraform("azurerm_linux_virtual_machine.v", {"source_image_reference": [{"publisher": publisher, "offer": offer, "sku": sku, "version": "latest"}]})

test_azure if {
	_clean(_azure("Canonical", "ubuntu", "24"))
	_clean(_azure("RedHat", "RHEL", "9_4"))
	_denied(_azure("RedHat", "RHEL", "8")) == [sprintf("source_image_reference[0] is \"RedHat:RHEL:8:latest\", made by \"RedHat\"; wanted: an image of %s", [_wanted])]
	_clean(testing.terraform("azurerm_windows_virtual_machine.v", {"source_image_id": "/subscriptions/123456789012/resourceGroups/g/providers/Microsoft.Compute/images/i"}))
	count(_denied(testing.terraform("azurerm_windows_virtual_machine.v", {"source_image_id": "/subscriptions/666/resourceGroups/g/providers/Microsoft.Compute/images/i"}))) == 1
}

test_deleted if {
	_clean(testing.terraform_change("aws_instance.i", {"ami": "ami-0other"}, null, {}))
}
