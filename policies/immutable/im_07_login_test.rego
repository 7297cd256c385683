package gatehouse.immutable.login_test

import data.gatehouse.immutable.login
import data.gatehouse.lib.testing

_denied(document) := testing.messages(found) if {
	found := login.deny with input as document
}

_unknown(document) := testing.messages(found) if {
	found := login.unknown with input as document
}

test_project_keys if {
	every entry in ["ssh-keys", "sshKeys"] {
		message := [sprintf("the project's metadata has %s; wanted: no key for every machine", [entry])]
		_denied(testing.terraform("google_compute_project_metadata.p", {"metadata": {entry: "eve:ssh-rsa A"}})) == message
		_denied(testing.terraform("google_compute_project_metadata_item.p", {"key": entry, "value": "eve:ssh-rsa A"})) == message
	}
	_denied(testing.terraform("google_compute_project_metadata.p", {"metadata": {"enable-oslogin": "TRUE"}})) == []
	_denied(testing.terraform_change("google_compute_project_metadata.p", {"metadata": {"ssh-keys": "x"}}, null, {})) == []
}

_machine(metadata) := testing.terraform("module.a.google_compute_instance.i[0]", {"metadata": metadata})

_open := ["project-wide SSH keys open the machine; wanted: metadata block-project-ssh-keys true, or enable-oslogin"]

test_machine if {
	every metadata in [null, {}, {"block-project-ssh-keys": "false"}, {"enable-oslogin": "FALSE"}] {
		_denied(_machine(metadata)) == _open
	}
	every metadata in [{"block-project-ssh-keys": "TRUE"}, {"block-project-ssh-keys": true}, {"enable-oslogin": "true"}] {
		_denied(_machine(metadata)) == []
	}
}

test_oslogin_for_the_project if {
	project := testing.terraform("google_compute_project_metadata.p", {"metadata": {"enable-oslogin": "TRUE"}})
	item := testing.terraform("google_compute_project_metadata_item.p", {"key": "enable-oslogin", "value": "TRUE"})
	_denied(testing.with_plan(_machine(null), [project])) == []
	_denied(testing.with_plan(_machine(null), [item])) == []
	_denied(testing.with_plan(_machine({"enable-oslogin": "FALSE"}), [project])) == _open
}

test_machine_unknown if {
	late := testing.terraform_change("google_compute_instance.i", null, {}, {"metadata": true})
	_denied(late) == []
	count(_unknown(late)) == 1
}

test_azure if {
	_denied(testing.terraform("azurerm_linux_virtual_machine.v", {"disable_password_authentication": false})) == ["disable_password_authentication is false; wanted: true"]
	_denied(testing.terraform("azurerm_linux_virtual_machine.v", {"disable_password_authentication": true})) == []
	_denied(testing.terraform("azurerm_linux_virtual_machine.v", {"disable_password_authentication": null})) == []
	_denied(testing.terraform("azurerm_virtual_machine.v", {"os_profile_linux_config": [{"disable_password_authentication": false}]})) == ["os_profile_linux_config[0].disable_password_authentication is false; wanted: true"]
	_denied(testing.terraform("azurerm_orchestrated_virtual_machine_scale_set.v", {"os_profile": [{"linux_configuration": [{"disable_password_authentication": false}]}]})) == ["os_profile[0].linux_configuration[0].disable_password_authentication is false; wanted: true"]
}

test_azure_unknown if {
	late := testing.terraform_change("azurerm_linux_virtual_machine.v", null, {}, {"disable_password_authentication": true})
	count(_unknown(testing.with_references(late, {"disable_password_authentication": ["var.x"]}))) == 1
	_unknown(late) == []
}
