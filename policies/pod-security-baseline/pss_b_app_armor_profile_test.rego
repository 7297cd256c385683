package gatehouse.pod_security_baseline.app_armor_profile_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_baseline.app_armor_profile

_denied(spec) := testing.messages(found) if {
	found := app_armor_profile.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := app_armor_profile.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_security(context) := _one({"securityContext": context})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

test_types if {
	_security({"appArmorProfile": {"type": "Unconfined"}}) == ["container \"a\" has appArmorProfile.type \"Unconfined\"; wanted: RuntimeDefault, Localhost or unset"]
	_security({"appArmorProfile": {}}) == ["container \"a\" has appArmorProfile.type \"\"; wanted: RuntimeDefault, Localhost or unset"]
	every type in ["RuntimeDefault", "Localhost"] {
		_security({"appArmorProfile": {"type": type}}) == []
	}
	_security({"appArmorProfile": null}) == []
	_denied({}) == []
}

test_pod_level if {
	_denied({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}) == ["the Pod has appArmorProfile.type \"Unconfined\"; wanted: RuntimeDefault, Localhost or unset"]
	_denied({"securityContext": {"appArmorProfile": {"type": "Localhost"}}}) == []
}

test_every_sort_of_container if {
	count(_paths(_every_sort({"name": "a", "securityContext": {"appArmorProfile": {"type": "x"}}}))) == 3
}

_annotated(profile) := testing.messages(found) if {
	annotations := {"container.apparmor.security.beta.kubernetes.io/a": profile, "other": "unconfined"}
	template := {"metadata": {"annotations": annotations}, "spec": {"containers": []}}
	found := app_armor_profile.deny with input as testing.kubernetes({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "n"}, "spec": {"template": template}})
}

test_annotations if {
	every profile in ["runtime/default", "localhost/mine", "", null] {
		_annotated(profile) == []
	}
	_annotated("unconfined") == ["annotation \"container.apparmor.security.beta.kubernetes.io/a\" is \"unconfined\"; wanted: runtime/default or localhost/PROFILE"]
}
