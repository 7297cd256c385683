# METADATA
# title: No secret material in manifests
# description: >-
#   A Secret in Git is readable by everyone who reads the repository, base64 or not, and stays in its history for good. So is
#   a password in a ConfigMap or in an environment value. Sealed, SOPS-encrypted and external secrets are what to use; this
#   rule never prints what it found.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/secrets-good-practices/
#     description: Good practices for Kubernetes Secrets
# custom:
#   id: K8S-03
#   severity: high
#   remedy: 'Rotate the secret; keep it in a store and refer to it: an ExternalSecret, SealedSecret or SOPS file, and env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}].'
#   inspects: {kubernetes: [Pod, Secret, ConfigMap]}
#   references: [KSV-0109, KSV-01010]
#   parameters:
#     secret_types: {default: [], description: "Types of Secret that may stand in manifests, for example kubernetes.io/tls for public test certificates."}
package gatehouse.kubernetes_workloads.plain_secrets

import data.gatehouse.lib.kubernetes
import data.gatehouse.lib.secrets

deny contains finding if {
	input.type == "Secret"
	input.group == ""
	is_object(input.resource)
	not encrypted
	not kubernetes.get(input.resource, "type", "Opaque") in data.parameters.secret_types
	some field in ["data", "stringData"]
	keys := sort([key | some key, value in input.resource[field]; value != null])
	count(keys) > 0
	finding := {
		"message": sprintf("%s has [%s] in the repository; wanted: a reference to a secret store", [field, concat(", ", keys)]),
		"path": field,
	}
}

# SOPS leaves a block beside the data; a Vault plugin fills in what its annotation names.
encrypted if is_object(input.resource.sops)

encrypted if {
	some key, _ in input.resource.metadata.annotations
	startswith(key, "avp.kubernetes.io/")
}

deny contains finding if {
	input.type == "ConfigMap"
	input.group == ""
	some key, value in input.resource.data
	is_string(value)
	problem := judge_data(key, value)
	finding := {
		"message": sprintf("%s; wanted: a Secret from a secret store", [problem]),
		"path": sprintf("data[%q]", [key]),
	}
}

# A key with a whole file under it is judged as text, one with a single line as a value too.
judge_data(key, value) := secrets.judge(key, value) if {
	not contains(value, "\n")
	secrets.judge(key, value)
} else := secrets.judge_text(key, value)

deny contains finding if {
	is_object(input.resource)
	some item in kubernetes.containers
	some i, env in item.container.env
	problem := secrets.judge(env.name, env.value)
	finding := {
		"message": sprintf("%s: %s; wanted: valueFrom a Secret", [kubernetes.container_name(item), problem]),
		"path": kubernetes.container_path(item, sprintf("env[%d].value", [i])),
	}
}

# What a container is started with is as readable as its environment.
deny contains finding if {
	is_object(input.resource)
	some item in kubernetes.containers
	some field in ["command", "args"]
	some i, word in item.container[field]
	is_string(word)
	problem := judge_word(item.container[field], i)
	finding := {
		"message": sprintf("%s: %s[%d] %s; wanted: valueFrom a Secret", [kubernetes.container_name(item), field, i, problem]),
		"path": kubernetes.container_path(item, sprintf("%s[%d]", [field, i])),
	}
}

# A credential; --password=... or a line of a script that sets one; the word after --password.
judge_word(words, i) := sprintf("holds %s", [secrets.shape(words[i])]) if {
	secrets.shape(words[i])
} else := sprintf("sets %s to a secret in plain", [trim_left(secrets.assigned(words[i]), "-")]) if {
	secrets.assigned(words[i])
} else := sprintf("is the %s in plain", [name]) if {
	i > 0
	regex.match(`^--?[A-Za-z0-9._-]+$`, words[i - 1])
	not startswith(words[i], "-")
	name := trim_left(words[i - 1], "-")
	secrets.named(name, words[i])
}
