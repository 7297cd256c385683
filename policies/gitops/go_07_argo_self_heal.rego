# METADATA
# title: Argo CD heals and prunes by itself
# description: >-
#   Without selfHeal a change made by hand stays until the next commit, and without prune what Git no longer has keeps
#   running. Either way the cluster is not what was reviewed.
# related_resources:
#   - ref: https://argo-cd.readthedocs.io/en/stable/user-guide/auto_sync/
#     description: Automated sync policy
# custom:
#   id: GO-07
#   severity: low
#   remedy: 'syncPolicy: {automated: {prune: true, selfHeal: true}}'
#   inspects: {kubernetes: [argoproj.io/Application, argoproj.io/ApplicationSet]}
package gatehouse.gitops.argo_self_heal

import data.gatehouse.lib.kubernetes

deny contains finding if {
	is_object(input.resource)
	[path, spec] := applied
	problem := missing(kubernetes.get(spec, ["syncPolicy", "automated"], null))
	finding := {"message": sprintf("%s; wanted: prune and selfHeal true", [problem]), "path": sprintf("%s.syncPolicy.automated", [path])}
}

applied := ["spec", kubernetes.get(input.resource, "spec", {})] if input.type == "Application"

applied := ["spec.template.spec", kubernetes.get(input.resource, ["spec", "template", "spec"], {})] if input.type == "ApplicationSet"

missing(automated) := "syncPolicy.automated is not set" if {
	not is_object(automated)
} else := "syncPolicy.automated.enabled is false" if {
	automated.enabled == false
} else := sprintf("syncPolicy.automated lacks %s: true", [concat(": true and ", off)]) if {
	off := [field | some field in ["prune", "selfHeal"]; not automated[field] == true]
	count(off) > 0
}
