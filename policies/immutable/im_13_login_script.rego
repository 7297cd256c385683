# METADATA
# title: No start-up script turns on SSH, passwords or root login
# description: >-
#   Start-up scripts run as root on every new machine, and few people read them: one line there undoes what the image
#   and the network rules keep closed, on all machines at once.
# related_resources:
#   - ref: https://cloudinit.readthedocs.io/en/latest/reference/modules.html#ssh
#     description: cloud-init's settings for SSH
# custom:
#   id: IM-13
#   severity: high
#   remedy: >-
#     Delete the line that the message shows. In cloud-config say ssh_pwauth: false and disable_root: true; look at
#     machines through a session manager.
#   inspects:
#     terraform:
#       - aws_instance
#       - aws_spot_instance_request
#       - aws_launch_template
#       - aws_launch_configuration
#       - google_compute_instance
#       - google_compute_instance_template
#       - google_compute_region_instance_template
#       - azurerm_linux_virtual_machine
#       - azurerm_linux_virtual_machine_scale_set
#       - azurerm_orchestrated_virtual_machine_scale_set
#       - azurerm_virtual_machine
#       - azurerm_virtual_machine_extension
#     cloud_init: ["*"]
#     ansible: [playbook, tasks]
package gatehouse.immutable.login_script

import data.gatehouse.lib.terraform

deny contains finding if {
	some script in _scripts
	some text in script.texts
	regex.match(_suspicious, text)
	some at, line in split(text, "\n")
	not startswith(trim_space(line), "#")
	fault := _fault(line)
	finding := object.union(_line_of(at + 1), {
		"message": sprintf("%s %s: %q; wanted: no login by SSH, password or root", [script.path, fault, _short(line)]),
		"path": script.path,
	})
}

# A script in a file of its own has lines that can be pointed at, unless it is packed.
_line_of(number) := {"line": number} if {
	input.type == "file"
	count(input.resource.scripts[0].parts) == 1
} else := {}

unknown contains finding if {
	input.kind == "cloud_init"
	some script in input.resource.scripts
	some reason in script.unread
	finding := {
		"message": sprintf("%s cannot be read (%s); wanted: no login by SSH, password or root", [script.path, reason]),
		"path": script.path,
	}
}

unknown contains finding if {
	input.kind == "terraform"
	terraform.present
	value := input.resource.settings
	startswith(value, "token:")
	finding := {
		"message": "settings cannot be read (it is sensitive); wanted: no login by SSH, password or root",
		"path": "settings",
	}
}

unknown contains finding if {
	input.kind == "terraform"
	terraform.present
	some attribute in {name | some [name, _] in _attributes}
	terraform.set_late(attribute)
	_script_late(attribute)
	not _stands_as_token(attribute)
	finding := {
		"message": sprintf("%s is known only after apply; wanted: no login by SSH, password or root", [attribute]),
		"path": attribute,
	}
}

_script_late(attribute) if terraform.unknown(attribute)

_script_late("metadata") if {
	some entry in _metadata
	input.change.unknown.metadata[entry] == true
	not startswith(object.get(input.resource, ["metadata", entry], ""), "token:")
}

# [attribute, what is in it]
_attributes := {
	["user_data", "script"], ["user_data_base64", "script"], ["custom_data", "script"],
	["metadata_startup_script", "script"], ["metadata", "entries"], ["os_profile", "blocks"], ["settings", "script"],
}

_metadata := {"user-data", "startup-script", "shutdown-script"}

# What is sensitive but there is told from the script itself.
_stands_as_token(attribute) if startswith(input.resource[attribute], "token:")

_scripts contains {"path": script.path, "texts": {part.text | some part in script.parts}} if {
	input.kind == "cloud_init"
	some script in input.resource.scripts
}

_scripts contains {"path": "settings", "texts": {value}} if {
	input.type == "azurerm_virtual_machine_extension"
	terraform.present
	value := input.resource.settings
	is_string(value)
}

# Ansible: tasks that write the same lines, or start the server.

_tasks contains task if {
	input.kind == "ansible"
	input.type == "tasks"
	some task in input.resource.all_tasks
}

_tasks contains task if {
	input.kind == "ansible"
	input.type == "playbook"
	some play in input.resource.plays
	some task in play.all_tasks
	task.file == input.address
}

deny contains finding if {
	some task in _tasks
	text := json.marshal(task)
	regex.match(_suspicious, text)
	faults := {fault | some line in _task_lines(task); fault := _fault(line)} | {fault | fault := _task_fault(task)}
	some fault in faults
	finding := {
		"message": sprintf("the task %q %s; wanted: no login by SSH, password or root", [_task_name(task), fault]),
		"line": task.line,
	}
}

_task_name(task) := task.name if {
	is_string(task.name)
} else := concat(", ", sort([key | some key, _ in task; not key in {"file", "line", "source_text"}]))

# Every text in the task, line by line, but for those that only find what is there.
_task_lines(task) := [trim_space(line) |
	walk(object.remove(task, ["name", "file", "when", "tags", "register", "failed_when", "changed_when"]), [path, text])
	is_string(text)
	not path[count(path) - 1] in {"regexp", "regex", "insertafter", "insertbefore", "validate"}
	_written(task)
	some line in split(text, "\n")
	not startswith(trim_space(line), "#")
]

# What is taken out is not turned on.
_written(task) if not _absent(task)

_absent(task) if {
	some _, arguments in task
	arguments.state == "absent"
}

_task_fault(task) := "turns on an SSH server" if {
	some module, arguments in task
	regex.match(`(^|\.)(service|systemd|systemd_service|sysvinit)$`, module)
	regex.match(`^(sshd?|dropbear)(\.service|\.socket)?$`, arguments.name)
	_on(arguments)
}

_task_fault(task) := "sets a password" if {
	some module, arguments in task
	regex.match(`(^|\.)user$`, module)
	is_string(arguments.password)
	not arguments.password in {"", "!", "*", "!!", "x"}
}

_task_fault(task) := "adds an SSH key" if {
	some module, arguments in task
	regex.match(`(^|\.)authorized_key$`, module)
	object.get(arguments, "state", "present") == "present"
}

_on(arguments) if arguments.state == "started"

_on(arguments) if arguments.enabled == true

# One question for the whole text before the questions for each line.
_suspicious := `(?i)ssh|passw|passwd|disable_root|rootlogin|dropbear|authorized_keys`

# What a line turns on; the first of several, so that a line is one finding.
_fault(line) := _faults[0] if {
	_faults := [fault | some [fault, pattern] in _patterns; regex.match(pattern, line); not _turned_off(fault, line)]
	count(_faults) > 0
}

_turned_off("turns on an SSH server", line) if {
	regex.match(`(?i)\b(remove|purge|uninstall|autoremove|erase|disable|mask|stop)\b`, line)
}

_patterns := [
	["allows root login", `(?i)\bdisable_root["']?\s*:\s*["']?(false|no|off|0)\b`],
	["allows root login", `(?i)\bPermitRootLogin["']?[\s=:]+["']?(yes|true|prohibit-password|without-password|forced-commands-only)\b`],
	["allows passwords", `(?i)\bssh_pwauth["']?\s*:\s*["']?(true|yes|on|1)\b`],
	["allows passwords", `(?i)\b(PasswordAuthentication|KbdInteractiveAuthentication|ChallengeResponseAuthentication|PermitEmptyPasswords)["']?[\s=:]+["']?(yes|true)\b`],
	["sets a password", `(?i)(\block_passwd["']?\s*:\s*["']?(false|no|off)\b|\bchpasswd\b|\bplain_text_passwd\b|\bpasswd\s+(--stdin|root|ubuntu|ec2-user|admin)\b|\busermod\b.*\s(-p|--password)\b)`],
	["adds an SSH key", `(?i)(\bssh_authorized_keys["']?\s*:\s*(\[\s*[^\]\s]|$)|\bssh_import_id\b|\.ssh/authorized_keys\b)`],
	["turns on an SSH server", `(?i)\bsystemctl\b.*\b(enable|start|unmask)\b.*\bsshd?(\.service|\.socket)?(\s|$|["'&;\]])`],
	["turns on an SSH server", `(?i)\b(service|rc-service)\s+sshd?\s+start\b|\bchkconfig\s+sshd\s+on\b|\bupdate-rc\.d\s+ssh\s+(enable|defaults)\b|\brc-update\s+add\s+(sshd|dropbear)\b|\bStart-Service\s+sshd\b`],
	["turns on an SSH server", `(?i)\b(install|add)\b.*\s(openssh-server|openssh|dropbear)(\s|$|["'&;\]])|^\s*-\s*["']?(openssh-server|dropbear)["']?\s*$|\bpackages["']?\s*:\s*\[.*\b(openssh-server|dropbear)\b|(^|[\s;&|"'/])sshd\s+-[DdfpeE]`],
]

_short(line) := trimmed if {
	trimmed := trim_space(line)
	count(trimmed) <= 100
} else := concat("", [substring(trim_space(line), 0, 100), "..."])
