# METADATA
# title: Kubernetes objects match their schema
# description: >-
#   A field that its kind does not have is dropped or refused when the object is applied, so a security setting with a typing
#   error protects nothing; a version that the API no longer serves cannot be applied at all. Objects of built-in kinds are
#   decoded strictly, as the API server would; custom resources are held against the CustomResourceDefinitions that stand in the
#   repository, and have no schema where there is none.
# related_resources:
#   - ref: https://kubernetes.io/docs/reference/kubernetes-api/
#     description: Kubernetes API reference
#   - ref: https://kubernetes.io/docs/reference/using-api/deprecation-guide/
#     description: Deprecated API migration guide
# custom:
#   id: K8S-04
#   severity: high
#   remedy: Look the kind up with `kubectl explain KIND --recursive` and correct the field, its type or the apiVersion.
#   inspects: {kubernetes: ["*"]}
package gatehouse.kubernetes_workloads.schema

deny contains finding if {
	input.resource != null
	some error in input.change.schema
	finding := {
		"message": sprintf("%s %s", [error.path, error.message]),
		"path": error.path,
	}
}
