# METADATA
# title: Recognising secret material
# description: >-
#   Tells a literal secret from a reference to one, by the shape of well-known credentials and by the name that a value
#   goes under. Nothing here gives the value back, so that no message can repeat it.
package gatehouse.lib.secrets

# METADATA
# description: >-
#   The kind of credential that the text holds, "an AWS access key" for example; undefined when there is none. Shapes are
#   those that the issuers publish.
shape(text) := found if {
	regex.match(_any_shape, text)
	found := [kind | some [kind, pattern] in _shapes; regex.match(pattern, text)][0]
}

_shapes := [
	["a private key", `-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----`],
	["an AWS access key", `\b(AKIA|ASIA)[A-Z0-9]{16}\b`],
	["a GitHub token", `\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})`],
	["a GitLab token", `\bglpat-[A-Za-z0-9_-]{20}`],
	["a Slack token", `\bxox[abeposr]-[A-Za-z0-9-]{10}`],
	["a Google API key", `\bAIza[A-Za-z0-9_-]{35}`],
	["a Stripe key", `\b[rs]k_live_[A-Za-z0-9]{16}`],
	["an npm token", `\bnpm_[A-Za-z0-9]{36}`],
	["a Vault token", `\bhv[sb]\.[A-Za-z0-9_-]{20}`],
	["a URL with a password", `[a-z][a-z0-9+.-]*://[^\s/:@"'$<{]*:[^\s/:@"'$<{]{3,}@`],
]

_any_shape := concat("|", [pattern | some [_, pattern] in _shapes])

# METADATA
# description: >-
#   The name under which a script or a configuration text gives a literal secret, PASSWORD in PASSWORD=hunter2hunter for
#   example; undefined when there is none.
assigned(text) := name if {
	regex.match(_assignment, text)
	found := [match |
		some match in regex.find_all_string_submatch_n(_assignment, text, 20)
		not public(match[1])
		not refers(match[1], match[2])
		literal(match[2])
	]
	name := found[0][1]
}

_assignment := `(?i)\b([a-z0-9_.-]*(?:password|passwd|passphrase|secret|token|api_?key|access_?key|private_?key))["']?[ \t]*[=:][ \t]*["']?([^\s"'$<{(\x60]{8,})`

# METADATA
# description: >-
#   True when the name says that its value is a secret, and the value is one in plain: not empty, not a switch, and not a
#   reference to where the secret is kept.
named(name, value) if {
	secret_name(name)
	not public(name)
	not refers(name, value)
	literal(value)
}

# Publishable keys are meant to be seen.
public(name) if regex.match(`(?i)public|publishable`, name)

# "secret: db-credentials" and "existingSecret: db-credentials" name the object that holds the secret.
refers(name, value) if {
	regex.match(`(?i)(^|[._-])secret$|(existing|pull|tls|auth)[._-]?secret$`, name)
	regex.match(`^[a-z0-9]+([-.][a-z0-9]+)+$`, value)
}

# METADATA
# description: True for a name such as DB_PASSWORD, apiKey or client-secret.
secret_name(name) if regex.match(`(?i)(password|passwd|passphrase|secret|token|api[_.-]?key|access[_.-]?key|private[_.-]?key|secret[_.-]?key|credentials?)$|(^|[_.-])pwd$`, name)

# METADATA
# description: True for text that is neither empty, a switch, a number, nor a reference.
literal(value) if {
	is_string(value)
	count(value) > 3
	not regex.match(`(?i)^(true|false|null|none|enabled|disabled|required|optional|[0-9.]+)$`, value)
	not regex.match(`(?i)^(\$|%|\{\{|<|/|arn:|vault:|ref\+|secret:|secret://|op://|projects/|file:|env:|ssm:|sops:|enc\[|@microsoft\.keyvault|https?://[^@]*$)`, value)
}

# METADATA
# description: Says what is wrong with a named value, without the value; undefined when nothing is.
judge(name, value) := sprintf("%s holds %s", [name, shape(value)]) if {
	is_string(value)
	shape(value)
} else := sprintf("%s is a secret in plain", [name]) if {
	named(name, value)
}

# METADATA
# description: As judge, for a whole script or configuration text.
judge_text(name, text) := sprintf("%s holds %s", [name, shape(text)]) if {
	shape(text)
} else := sprintf("%s sets %s to a secret in plain", [name, assigned(text)]) if {
	assigned(text)
}
