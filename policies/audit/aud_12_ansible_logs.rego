# METADATA
# title: Ansible leaves hosts that log, audit and ship both away
# description: >-
#   What happened on a host can only be told when it was recorded, and only be believed when the record is somewhere else. The
#   plays for every host turn on auditd and send syslog to another machine, those for bastions send what people type as well,
#   and no play turns any of it off. Plays are judged with the tasks of the roles that they use; plays for a part of the hosts
#   owe nothing.
# related_resources:
#   - ref: https://www.rsyslog.com/doc/configuration/modules/omfwd.html
#     description: Forwarding with rsyslog
# custom:
#   id: AUD-12
#   severity: medium
#   remedy: >-
#     In the role that every host gets: install and enable auditd; template /etc/rsyslog.d/forward.conf with
#     *.* action(type="omfwd" target="logs.example.com" port="6514" protocol="tcp"); on bastions add
#     PROMPT_COMMAND='history -a >(logger -p authpriv.info -t shell)' to /etc/profile.d, or audit rules for execve.
#   inspects: {ansible: [playbook, tasks]}
#   parameters:
#     every_host: {default: [all], description: Host patterns that mean every host.}
#     bastions: {default: "(?i)bastion|jump", description: Regular expression for the host patterns of bastions.}
package gatehouse.audit.ansible_logs

# Turning it off.

_own contains task if {
	input.type == "tasks"
	some task in input.resource.all_tasks
}

_own contains task if {
	input.type == "playbook"
	some play in input.resource.plays
	some task in play.all_tasks
	task.file == input.address
}

_recorders := `^(auditd|audit|rsyslog|syslog-ng|syslog|systemd-journal-upload|fluent-bit|fluentd|td-agent|vector|promtail|filebeat|splunkforwarder|amazon-cloudwatch-agent|google-cloud-ops-agent|azuremonitoragent)(\.service)?$`

deny contains finding if {
	some task in _own
	what := _turned_off(task)
	finding := {"message": sprintf("the task %q turns off %s; wanted: kept on", [_name(task), what]), "line": task.line}
}

_turned_off(task) := names[0] if {
	names := sort([name |
		some module, arguments in task
		_off(module, arguments)
		some name in _names(arguments.name)
		regex.match(_recorders, name)
	])
	count(names) > 0
} else := "auditd" if {
	walk(task, [_, text])
	is_string(text)
	regex.match(`(?i)\bauditctl\s+-e\s*0\b|\baudit=0\b|\b(systemctl|service|chkconfig)\b.*\b(disable|mask|stop|off)\b.*\bauditd\b|\bservice\s+auditd\s+stop\b`, text)
} else := "syslog" if {
	walk(task, [_, text])
	is_string(text)
	regex.match(`(?i)\bsystemctl\b.*\b(disable|mask|stop)\b.*\b(r?syslog|syslog-ng)\b|\bservice\s+r?syslog\s+stop\b`, text)
}

_off(module, arguments) if {
	regex.match(`(^|\.)(service|systemd|systemd_service|sysvinit)$`, module)
	_stopped(arguments)
}

_off(module, arguments) if {
	regex.match(`(^|\.)(package|apt|yum|dnf|zypper|apk|pacman)$`, module)
	arguments.state in {"absent", "removed"}
}

_stopped(arguments) if arguments.state == "stopped"

_stopped(arguments) if arguments.enabled == false

_stopped(arguments) if arguments.masked == true

_names(name) := [name] if is_string(name)

_names(name) := name if is_array(name)

_name(task) := task.name if {
	is_string(task.name)
} else := concat(", ", sort([key | some key, _ in task; not key in {"file", "line", "source_text"}]))

# What every host gets.

_plays := [play | some book in input.objects.playbook; some play in book.plays]

_for_all(play) if {
	some pattern in _patterns(play.hosts)
	pattern in data.parameters.every_host
}

_for_bastions(play) if {
	some pattern in _patterns(play.hosts)
	regex.match(data.parameters.bastions, pattern)
}

_patterns(hosts) := [trim_space(part) | some part in regex.split(`[,:]`, hosts)] if is_string(hosts)

_patterns(hosts) := hosts if is_array(hosts)

_general := [play | some play in _plays; _for_all(play)]

_guarding := [play | some play in _plays; _watches(play)]

_watches(play) if _for_all(play)

_watches(play) if _for_bastions(play)

_wanted := [
	["ships syslog off the host", `(?m)(^|\\n|\s|")[a-z0-9*,]+\.[a-z*!=,;.]+\s+@@?[\[(A-Za-z0-9{]|omfwd|omrelp|destination\s+\S+\s*\{\s*(network|syslog|tcp|udp)\(|fluent-bit|fluentd|td-agent|\bvector\b|promtail|filebeat|splunkforwarder|amazon-cloudwatch-agent|google-cloud-ops-agent|azuremonitoragent|systemd-journal-upload|opentelemetry-collector|otelcol`],
	["turns on auditd", `(^|[^a-z])auditd([^a-z]|$)|"name":\s*"audit"`],
]

_history := ["sends what people type to syslog", `PROMPT_COMMAND[^\n]*logger|logger[^\n]*PROMPT_COMMAND|\bexecve\b|pam_tty_audit|\btlog\b|snoopy`]

_does(plays, pattern) if {
	some play in plays
	some task in play.all_tasks
	not _turned_off(task)
	regex.match(pattern, json.marshal(object.remove(task, ["name"])))
}

_unread(plays) := {name | some play in plays; some name in play.unread}

# The first play of this playbook that owes it, and what nobody does.
_gaps contains {"line": lines[0], "who": "all hosts", "what": what, "unread": _unread(_general)} if {
	input.type == "playbook"
	lines := sort([play.line | some play in input.resource.plays; _for_all(play)])
	some [what, pattern] in _wanted
	count(lines) > 0
	not _does(_general, pattern)
}

_gaps contains {"line": lines[0], "who": "bastions", "what": _history[0], "unread": _unread(_guarding)} if {
	input.type == "playbook"
	lines := sort([play.line | some play in input.resource.plays; _for_bastions(play)])
	count(lines) > 0
	not _does(_guarding, _history[1])
}

deny contains finding if {
	some gap in _gaps
	count(gap.unread) == 0
	finding := {"message": sprintf("no task for %s %s; wanted: one that does", [gap.who, gap.what]), "line": gap.line}
}

unknown contains finding if {
	some gap in _gaps
	count(gap.unread) > 0
	finding := {
		"message": sprintf("whether a task for %s %s cannot be told: %s is not in the repository; wanted: one that does", [gap.who, gap.what, concat(", ", sort(gap.unread))]),
		"line": gap.line,
	}
}
