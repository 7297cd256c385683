# METADATA
# title: The API server writes an audit log that leaves nothing important out
# description: >-
#   Without --audit-log-path and a policy the API server records nothing, and a policy with level None for Secrets, for roles
#   or for everything somebody does leaves out exactly what an intruder does.
# related_resources:
#   - ref: https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
#     description: Kubernetes auditing
# custom:
#   id: AUD-10
#   severity: high
#   remedy: '--audit-policy-file=/etc/kubernetes/audit.yaml --audit-log-path=/var/log/kubernetes/audit.log --audit-log-maxage=30 --audit-log-maxbackup=10 --audit-log-maxsize=100; in the policy use level Metadata instead of None for secrets and rbac.authorization.k8s.io.'
#   inspects: {kubernetes: [Pod, audit.k8s.io/Policy]}
#   references: [CKV_K8S_91, CKV_K8S_92, CKV_K8S_93, CKV_K8S_94]
#   parameters:
#     min_age_days: {default: 30, description: Smallest --audit-log-maxage.}
#     min_backups: {default: 10, description: Smallest --audit-log-maxbackup.}
#     min_size_mb: {default: 100, description: Smallest --audit-log-maxsize.}
package gatehouse.audit.apiserver_audit

import data.gatehouse.lib.kubernetes

servers contains {"item": item, "flags": flags(words)} if {
	is_object(input.resource)
	some item in kubernetes.containers
	item.field == "containers"
	words := array.concat(
		kubernetes.get(item.container, "command", []),
		kubernetes.get(item.container, "args", []),
	)
	some word in words
	is_string(word)
	regex.match(`(^|/)kube-apiserver$`, word)
}

flags(words) := {name: value |
	some word in words
	is_string(word)
	startswith(word, "--audit-")
	name := split(word, "=")[0]
	value := trim_prefix(trim_prefix(word, name), "=")
}

# A webhook backend takes the place of the file.
deny contains finding if {
	some server in servers
	some name in ["--audit-policy-file", "--audit-log-path"]
	object.get(server.flags, name, "") == ""
	not webhook(server, name)
	finding := {
		"message": sprintf("%s is not set; wanted: set", [name]),
		"path": kubernetes.container_path(server.item, "command"),
	}
}

webhook(server, "--audit-log-path") if object.get(server.flags, "--audit-webhook-config-file", "") != ""

limits := {
	"--audit-log-maxage": data.parameters.min_age_days,
	"--audit-log-maxbackup": data.parameters.min_backups,
	"--audit-log-maxsize": data.parameters.min_size_mb,
}

deny contains finding if {
	some server in servers
	not object.get(server.flags, "--audit-log-path", "") in {"", "-"}
	some name, least in limits
	value := object.get(server.flags, name, "")
	too_small(value, least)
	finding := {
		"message": sprintf("%s is %s; wanted: at least %d", [name, shown(value), least]),
		"path": kubernetes.container_path(server.item, "command"),
	}
}

too_small("", _)

too_small(value, least) if {
	regex.match(`^[0-9]+$`, value)
	to_number(value) < least
}

shown("") := "not set"

shown(value) := value if value != ""

deny contains finding if {
	input.type == "Policy"
	input.group == "audit.k8s.io"
	some i, rule in input.resource.rules
	rule.level == "None"
	some what in left_out(rule)
	finding := {
		"message": sprintf("rule %d has level None for %s%s; wanted: Metadata or more", [i, what, whom(rule)]),
		"path": sprintf("rules[%d].level", [i]),
	}
}

# A rule for paths only is about no resource; one without either is about everything.
left_out(rule) := {"everything"} if {
	count(kubernetes.get(rule, "resources", [])) == 0
	count(kubernetes.get(rule, "nonResourceURLs", [])) == 0
} else := array.concat(
	[resource |
		some group in rule.resources
		kubernetes.get(group, "group", "") == ""
		some resource in covered(group, ["secrets", "pods/exec", "serviceaccounts/token"])
	],
	[resource |
		some group in rule.resources
		group.group == "rbac.authorization.k8s.io"
		some resource in covered(group, ["roles", "clusterroles", "rolebindings", "clusterrolebindings"])
	],
)

# No list means every resource of the group; no names means every object.
covered(group, resources) := resources if {
	count(kubernetes.get(group, "resources", [])) == 0
	count(kubernetes.get(group, "resourceNames", [])) == 0
} else := [resource |
	count(kubernetes.get(group, "resourceNames", [])) == 0
	some resource in resources
	some pattern in group.resources
	named(pattern, resource)
]

named(pattern, resource) if pattern in {resource, "*"}

named(pattern, resource) if {
	parts := split(resource, "/")
	count(parts) == 2
	pattern in {sprintf("%s/*", [parts[0]]), sprintf("*/%s", [parts[1]])}
}

whom(rule) := sprintf(" by %s", [concat(", ", people)]) if {
	people := array.concat(kubernetes.get(rule, "users", []), kubernetes.get(rule, "userGroups", []))
	count(people) > 0
} else := ""
