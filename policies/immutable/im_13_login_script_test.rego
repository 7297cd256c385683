package gatehouse.immutable.login_script_test

import data.gatehouse.immutable.login_script
import data.gatehouse.lib.testing

_denied(document) := testing.messages(found) if {
	found := login_script.deny with input as document
}

_unknown(document) := testing.messages(found) if {
	found := login_script.unknown with input as document
}

_script(text) := testing.terraform("module.a.aws_instance.i[0]", {"user_data": text})

_message(fault, line) := sprintf("user_data %s: %q; wanted: no login by SSH, password or root", [fault, line])

test_faults if {
	every pair in [
		["allows root login", "disable_root: false"],
		["allows root login", "echo 'PermitRootLogin yes' >> /etc/ssh/sshd_config"],
		["allows root login", "sed -i 's/^PermitRootLogin.*/PermitRootLogin without-password/' /etc/ssh/sshd_config"],
		["allows passwords", "ssh_pwauth: True"],
		["allows passwords", "{\"ssh_pwauth\": true}"],
		["allows passwords", "sed -i 's/PasswordAuthentication no/PasswordAuthentication yes/' /etc/ssh/sshd_config"],
		["sets a password", "lock_passwd: false"],
		["sets a password", "echo root:hunter2 | chpasswd"],
		["adds an SSH key", "ssh_authorized_keys: [ssh-ed25519 AAAA]"],
		["adds an SSH key", "ssh_authorized_keys:"],
		["adds an SSH key", "curl https://example.com/k >> /root/.ssh/authorized_keys"],
		["turns on an SSH server", "systemctl enable --now sshd"],
		["turns on an SSH server", "systemctl start ssh.service"],
		["turns on an SSH server", "service ssh start"],
		["turns on an SSH server", "apt-get install -y openssh-server"],
		["turns on an SSH server", "- openssh-server"],
		["turns on an SSH server", "/usr/sbin/sshd -D &"],
	] {
		[fault, line] := pair
		_denied(_script(concat("\n", ["#!/bin/sh", line, "true"]))) == [_message(fault, line)]
	}
}

test_fine if {
	every line in [
		"disable_root: true", "ssh_pwauth: false", "PermitRootLogin no", "PasswordAuthentication no", "# PasswordAuthentication yes",
		"systemctl disable --now sshd", "apt-get purge -y openssh-server", "systemctl stop ssh", "ssh_authorized_keys: []",
		"apt-get install -y openssh-client", "lock_passwd: true", "ssh-keyscan github.com", "systemctl enable nginx",
	] {
		_denied(_script(line)) == []
	}
}

test_base64 if {
	text := "#cloud-config\nssh_pwauth: true\n"
	message := ["user_data allows passwords: \"ssh_pwauth: true\"; wanted: no login by SSH, password or root"]
	_denied(testing.terraform("aws_launch_template.t", {"user_data": base64.encode(text)})) == message
	inner := concat("", ["#cloud-config\nwrite_files:\n- encoding: b64\n  content: ", base64.encode("PasswordAuthentication yes\n# and some more text"), "\n"])
	count(_denied(testing.terraform("aws_launch_template.t", {"user_data": base64.encode(inner)}))) == 1
}

test_other_places if {
	line := "ssh_pwauth: true"
	every document in [
		testing.terraform("aws_instance.i", {"user_data_base64": base64.encode(line)}),
		testing.terraform("google_compute_instance.i", {"metadata_startup_script": line}),
		testing.terraform("google_compute_instance.i", {"metadata": {"user-data": line}}),
		testing.terraform("azurerm_linux_virtual_machine.v", {"custom_data": base64.encode(line)}),
		testing.terraform("azurerm_virtual_machine.v", {"os_profile": [{"custom_data": line}]}),
		testing.terraform("azurerm_virtual_machine_extension.e", {"settings": "{\"commandToExecute\": \"systemctl enable ssh\"}"}),
	] {
		count(_denied(document)) == 1
	}
}

test_long_lines_are_cut if {
	line := concat("", ["ssh_pwauth: true ", concat("", ["x" | some _ in numbers.range(1, 200)])])
	[message] := _denied(_script(line))
	contains(message, "xxx...\"")
	count(message) < 220
}

test_unread if {
	_unknown(_script("token:9")) == ["user_data cannot be read (it is sensitive); wanted: no login by SSH, password or root"]
	_unknown(_script("da39a3ee5e6b4b0d3255bfef95601890afd80709")) == ["user_data cannot be read (the plan holds only its hash); wanted: no login by SSH, password or root"]
	_unknown(_script("H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==")) == ["user_data cannot be read (it is compressed); wanted: no login by SSH, password or root"]
	_unknown(_script("#cloud-config\nwrite_files:\n- encoding: gz+b64\n  content: H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==\n")) == ["user_data cannot be read (a part of it is compressed); wanted: no login by SSH, password or root"]
	_unknown(_script("echo hello")) == []
}

test_late if {
	late := testing.terraform_change("aws_instance.i", null, {}, {"user_data": true, "user_data_base64": true})
	_unknown(late) == []
	_unknown(testing.with_references(late, {"user_data": ["aws_db_instance.d"]})) == ["user_data is known only after apply; wanted: no login by SSH, password or root"]
	machine := testing.with_references(testing.terraform_change("google_compute_instance.i", null, {"metadata": {}}, {"metadata": {"other": true}}), {"metadata": ["x.y"]})
	_unknown(machine) == []
}

test_deleted if {
	_denied(testing.terraform_change("aws_instance.i", {"user_data": "ssh_pwauth: true"}, null, {})) == []
}
