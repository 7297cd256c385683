# METADATA
# title: Workloads run under an account of their own
# description: >-
#   A Pod that names no account runs as the namespace's "default" one and gets its API token mounted, so a role given to
#   one Pod of the namespace is given to all. Either name an account, or do not mount the token.
# related_resources:
#   - ref: https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
#     description: Configure service accounts for Pods
# custom:
#   id: LP-15
#   severity: medium
#   remedy: 'Set automountServiceAccountToken: false in the Pod spec, or serviceAccountName to an account of this workload.'
#   inspects: {kubernetes: [Pod, ServiceAccount]}
#   references: [KSV-0036, CKV_K8S_38, CKV_K8S_41]
package gatehouse.least_privilege.default_account

import data.gatehouse.lib.kubernetes

deny contains finding if {
	is_object(input.resource)
	spec := input.pod.spec
	account(spec) == "default"
	mounts(spec)
	finding := {
		"message": sprintf("serviceAccountName is %s and its token is mounted; wanted: an account of its own or automountServiceAccountToken: false", [said(spec)]),
		"path": kubernetes.path("spec.serviceAccountName"),
	}
}

deny contains finding if {
	input.type == "ServiceAccount"
	input.group == ""
	input.name == "default"
	object.get(input.resource, "automountServiceAccountToken", true) in {true, null}
	finding := {
		"message": "the default account's automountServiceAccountToken is not false; wanted: false",
		"path": "automountServiceAccountToken",
	}
}

account(spec) := kubernetes.get(spec, "serviceAccountName", kubernetes.get(spec, "serviceAccount", "default"))

said(spec) := "not set" if {
	kubernetes.get(spec, "serviceAccountName", kubernetes.get(spec, "serviceAccount", "")) == ""
} else := "default"

# The Pod has the last word; silent, it follows the ServiceAccount, whose own default is to mount.
mounts(spec) if spec.automountServiceAccountToken == true

mounts(spec) if {
	object.get(spec, "automountServiceAccountToken", null) == null
	not account_refuses
}

account_refuses if {
	input.objects.ServiceAccount[sprintf("%s/default", [input.namespace])].automountServiceAccountToken == false
}
