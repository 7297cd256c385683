# METADATA
# title: Namespaces are in the mesh
# description: >-
#   A namespace without injection talks in plaintext and has no identity, so no policy of the mesh holds for it. Istio (with
#   sidecars or ambient), Linkerd and Kuma are known. Clusters without a mesh switch this rule off.
# related_resources:
#   - ref: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
#     description: Installing the Istio sidecar
#   - ref: https://linkerd.io/2/features/proxy-injection/
#     description: Automatic proxy injection
# custom:
#   id: ZT-02
#   severity: medium
#   remedy: 'metadata: {labels: {istio-injection: enabled}} or {labels: {istio.io/dataplane-mode: ambient}}, or {annotations: {linkerd.io/inject: enabled}}'
#   inspects:
#     kubernetes: [Namespace]
#     terraform: [kubernetes_namespace, kubernetes_namespace_v1]
#   parameters:
#     exempt: {default: ["kube-*", "istio-*", "linkerd*", kuma-system, flux-system, argocd, cert-manager, gatekeeper-system], description: "Namespaces that are not asked, with * as wildcard."}
package gatehouse.zero_trust.mesh_injection

import data.gatehouse.lib.kubernetes

deny contains finding if {
	meta := metadata(input.resource)
	not exempt(meta)
	not injected(meta)
	finding := {"message": message(meta), "path": "metadata.labels"}
}

# The object itself, or the block of the Terraform provider.
metadata(resource) := resource.metadata if is_object(resource.metadata)

metadata(resource) := resource.metadata[0] if is_array(resource.metadata)

exempt(meta) if {
	some pattern in data.parameters.exempt
	glob.match(pattern, null, kubernetes.get(meta, "name", ""))
}

injected(meta) if meta.labels["istio-injection"] == "enabled"

injected(meta) if {
	kubernetes.get(meta, ["labels", "istio.io/rev"], "") != ""
	not meta.labels["istio-injection"] == "disabled"
}

injected(meta) if meta.labels["istio.io/dataplane-mode"] == "ambient"

injected(meta) if meta.annotations["linkerd.io/inject"] in {"enabled", "ingress"}

injected(meta) if meta.labels["kuma.io/sidecar-injection"] in {"enabled", "true"}

message(meta) := "mesh injection is switched off by this change; wanted: on" if {
	injected(metadata(input.before))
} else := "istio-injection is disabled; wanted: enabled" if {
	meta.labels["istio-injection"] == "disabled"
} else := "no label or annotation switches mesh injection on; wanted: one"
