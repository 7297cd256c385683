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
package gatehouse.immutable.login_script

import data.gatehouse.lib.terraform

deny contains finding if {
	some script in _scripts
	some text in _texts(script.value)
	regex.match(_suspicious, text)
	some line in split(text, "\n")
	not startswith(trim_space(line), "#")
	fault := _fault(line)
	finding := {
		"message": sprintf("%s %s: %q; wanted: no login by SSH, password or root", [script.path, fault, _short(line)]),
		"path": script.path,
	}
}

unknown contains finding if {
	some script in _scripts
	reason := _unread(script.value)
	finding := {
		"message": sprintf("%s cannot be read (%s); wanted: no login by SSH, password or root", [script.path, reason]),
		"path": script.path,
	}
}

unknown contains finding if {
	terraform.present
	some attribute in {name | some [name, _] in _attributes}
	terraform.set_late(attribute)
	_script_late(attribute)
	finding := {
		"message": sprintf("%s is known only after apply; wanted: no login by SSH, password or root", [attribute]),
		"path": attribute,
	}
}

_script_late(attribute) if terraform.unknown(attribute)

_script_late("metadata") if {
	some entry in _metadata
	input.change.unknown.metadata[entry] == true
}

# [attribute, what is in it]
_attributes := {
	["user_data", "script"], ["user_data_base64", "script"], ["custom_data", "script"],
	["metadata_startup_script", "script"], ["metadata", "entries"], ["os_profile", "blocks"], ["settings", "script"],
}

_metadata := {"user-data", "startup-script", "shutdown-script"}

_scripts contains {"path": attribute, "value": value} if {
	terraform.present
	some [attribute, "script"] in _attributes
	value := input.resource[attribute]
	is_string(value)
	value != ""
}

_scripts contains {"path": sprintf("metadata.%s", [entry]), "value": value} if {
	startswith(input.type, "google_")
	terraform.present
	some entry in _metadata
	value := input.resource.metadata[entry]
	is_string(value)
}

_scripts contains {"path": sprintf("os_profile[%d].custom_data", [i]), "value": value} if {
	input.type == "azurerm_virtual_machine"
	terraform.present
	some i, profile in input.resource.os_profile
	value := profile.custom_data
	is_string(value)
	value != ""
}

# Providers take most of these in plain text or in base64, and clouds see through both. Files that cloud-config writes
# may be in base64 once more.
_texts(value) := outer | {base64.decode(match) |
	some text in outer
	some match in regex.find_n(`[A-Za-z0-9+/]{24,}={0,2}`, text, 100)
	base64.is_valid(match)
} if {
	outer := {value} | {base64.decode(trim_space(value)) | _encoded(value)}
}

_encoded(value) if {
	regex.match(`^[A-Za-z0-9+/\r\n]{8,}={0,2}\s*$`, value)
	base64.is_valid(trim_space(value))
}

_unread(value) := "it is sensitive" if startswith(value, "token:")

_unread(value) := "the plan holds only its hash" if regex.match(`^[0-9a-f]{40}$`, value)

# Base64 of gzip's first three bytes.
_unread(value) := "it is compressed" if startswith(value, "H4sI")

_unread(value) := "a part of it is compressed" if {
	some text in ({value} | {base64.decode(trim_space(value)) | _encoded(value)})
	regex.match(`(?m)^\s*H4sI|["':,\s]H4sI[A-Za-z0-9+/]{8,}`, text)
	not startswith(value, "H4sI")
}

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
