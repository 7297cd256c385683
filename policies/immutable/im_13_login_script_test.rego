package gatehouse.immutable.login_script_test

import data.gatehouse.immutable.login_script
import data.gatehouse.lib.fixture
import data.gatehouse.lib.testing

_denied(document) := testing.messages(found) if {
	found := login_script.deny with input as document
}

_unknown(document) := testing.messages(found) if {
	found := login_script.unknown with input as document
}

_script(text) := fixture.cloud_init("module.a.aws_instance.i[0]", "user_data", text)

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

test_every_part if {
	document := json.patch(_script("x"), [{"op": "add", "path": "/resource/scripts/0/parts/-", "value": {"type": "text/x-file", "name": "/etc/ssh/sshd_config", "text": "PasswordAuthentication yes"}}])
	count(_denied(document)) == 1
}

test_extension_settings if {
	count(_denied(testing.terraform("azurerm_virtual_machine_extension.e", {"settings": "{\"commandToExecute\": \"systemctl enable ssh\"}"}))) == 1
	_unknown(testing.terraform("azurerm_virtual_machine_extension.e", {"settings": "token:9"})) == ["settings cannot be read (it is sensitive); wanted: no login by SSH, password or root"]
}

test_long_lines_are_cut if {
	line := concat("", ["ssh_pwauth: true ", concat("", ["x" | some _ in numbers.range(1, 200)])])
	[message] := _denied(_script(line))
	contains(message, "xxx...\"")
	count(message) < 220
}

test_unread if {
	document := json.patch(_script("x"), [{"op": "replace", "path": "/resource/scripts/0/unread", "value": ["it is sensitive"]}])
	_unknown(document) == ["user_data cannot be read (it is sensitive); wanted: no login by SSH, password or root"]
	_unknown(_script("echo hello")) == []
}

_playbook(task) := fixture.file("ansible", "playbook", "site.yml", {"plays": [{"hosts": "all", "all_tasks": [object.union({"file": "site.yml", "line": 4}, task)]}]}, null)

test_ansible if {
	every task, fault in {
		{"name": "t", "ansible.builtin.lineinfile": {"path": "/etc/ssh/sshd_config", "line": "PermitRootLogin yes", "regexp": "^PermitRootLogin"}}: "allows root login",
		{"name": "t", "ansible.builtin.service": {"name": "sshd", "state": "started"}}: "turns on an SSH server",
		{"name": "t", "systemd": {"name": "ssh.service", "enabled": true}}: "turns on an SSH server",
		{"name": "t", "copy": {"dest": "/etc/ssh/sshd_config"}, "source_text": "PasswordAuthentication yes\n"}: "allows passwords",
		{"name": "t", "ansible.posix.authorized_key": {"user": "root", "key": "ssh-ed25519 A"}}: "adds an SSH key",
		{"name": "t", "user": {"name": "ops", "password": "$6$x"}}: "sets a password",
		{"name": "t", "shell": "systemctl enable --now sshd"}: "turns on an SSH server",
	} {
		_denied(_playbook(task)) == [sprintf("the task \"t\" %s; wanted: no login by SSH, password or root", [fault])]
	}
	every task in [
		{"name": "no PasswordAuthentication yes", "lineinfile": {"path": "/etc/ssh/sshd_config", "line": "PasswordAuthentication no", "regexp": "PasswordAuthentication yes"}},
		{"name": "t", "service": {"name": "sshd", "state": "stopped", "enabled": false}},
		{"name": "t", "ansible.posix.authorized_key": {"user": "root", "key": "x", "state": "absent"}},
		{"name": "t", "user": {"name": "ops", "password": "!"}},
		{"name": "t", "service": {"name": "nginx", "state": "started"}},
		{"name": "t", "lineinfile": {"line": "PermitRootLogin yes", "state": "absent"}},
	] {
		_denied(_playbook(task)) == []
	}
	_denied(json.patch(_playbook({"name": "t", "service": {"name": "sshd", "state": "started"}}), [{"op": "replace", "path": "/resource/plays/0/all_tasks/0/file", "value": "roles/x/tasks/main.yml"}])) == []
	count(_denied(fixture.file("ansible", "tasks", "roles/x/tasks/main.yml", {"role": "x", "all_tasks": [{"name": "t", "service": {"name": "sshd", "state": "started"}, "line": 1}]}, null))) == 1
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
