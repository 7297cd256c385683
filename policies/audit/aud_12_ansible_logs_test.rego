package gatehouse.audit.ansible_logs_test

import data.gatehouse.audit.ansible_logs as rule
import data.gatehouse.lib.fixture

_parameters := {"every_host": ["all"], "bastions": "bastion"}

_plays(plays) := fixture.file("ansible", "playbook", "site.yml", {"plays": [object.union({"line": 1, "unread": []}, play) | some play in plays]}, null)

_denied(document) := {finding.message | some finding in rule.deny with input as document with data.parameters as _parameters}

_unknown(document) := {finding.message | some finding in rule.unknown with input as document with data.parameters as _parameters}

_task(task) := object.union({"file": "site.yml", "line": 2}, task)

_audit := _task({"package": {"name": "auditd"}})

test_forwarding if {
	every task in [
		{"copy": {"content": "*.* @logs:514\n"}}, {"copy": {"content": "auth,authpriv.* @@10.0.0.1:514"}},
		{"template": {"src": "x"}, "source_text": "action(type=\"omfwd\" target=\"logs\")"},
		{"lineinfile": {"path": "/etc/rsyslog.conf", "line": "*.* @@logs.acme.example"}},
		{"apt": {"name": "fluent-bit"}},
	] {
		_denied(_plays([{"hosts": "all", "all_tasks": [_audit, _task(task)]}])) == set()
	}
	every task in [{"copy": {"content": "*.* /var/log/messages"}}, {"debug": {"msg": "mail me @home"}}, {"package": {"name": "rsyslog"}}] {
		_denied(_plays([{"hosts": "all", "all_tasks": [_audit, _task(task)]}])) == {"no task for all hosts ships syslog off the host; wanted: one that does"}
	}
}

test_who_owes if {
	_denied(_plays([{"hosts": "web", "all_tasks": []}])) == set()
	_denied(_plays([{"import_playbook": "x.yml", "all_tasks": []}])) == set()
	count(_denied(_plays([{"hosts": ["all", "!db"], "all_tasks": []}]))) == 2
	count(_denied(_plays([{"hosts": "web:bastion", "all_tasks": []}]))) == 1
	every task in [{"shell": "auditctl -a always,exit -S execve"}, {"copy": {"content": "session required pam_tty_audit.so enable=*"}}] {
		_denied(_plays([{"hosts": "bastion", "all_tasks": [_task(task)]}])) == set()
	}
}

test_turned_off if {
	every task in [
		{"service": {"name": "rsyslog", "enabled": false}}, {"ansible.builtin.apt": {"name": ["vim", "auditd"], "state": "absent"}},
		{"shell": "systemctl disable --now auditd"}, {"command": "auditctl -e 0"}, {"shell": "systemctl stop rsyslog"},
	] {
		count(_denied(_plays([{"hosts": "web", "all_tasks": [_task(task)]}]))) == 1
	}
	_denied(_plays([{"hosts": "web", "all_tasks": [_task({"service": {"name": "nginx", "state": "stopped"}})]}])) == set()
}

test_unread if {
	document := _plays([{"hosts": "all", "all_tasks": [_audit], "unread": ["the role x"]}])
	_denied(document) == set()
	_unknown(document) == {"whether a task for all hosts ships syslog off the host cannot be told: the role x is not in the repository; wanted: one that does"}
}
