# METADATA
# title: Argo CD projects name their sources and destinations
# description: >-
#   The project is Argo CD's only fence: with a wildcard any repository may write to any cluster, and the default project is
#   all wildcards. Cluster resources are namespaces, roles and webhooks, the cluster itself.
# related_resources:
#   - ref: https://argo-cd.readthedocs.io/en/stable/user-guide/projects/
#     description: Projects
# custom:
#   id: GO-06
#   severity: high
#   remedy: 'sourceRepos: ["https://github.com/acme/infra.git"], destinations: [{server: https://kubernetes.default.svc, namespace: shop}], clusterResourceWhitelist: [], and in the Application project: shop'
#   inspects: {kubernetes: [argoproj.io/AppProject, argoproj.io/Application, argoproj.io/ApplicationSet]}
package gatehouse.gitops.argo_project

import data.gatehouse.lib.kubernetes

deny contains finding if {
	input.type == "AppProject"
	some field in ["sourceRepos", "sourceNamespaces"]
	some i, value in input.resource.spec[field]
	value == "*"
	finding := {"message": sprintf("%s has *; wanted: names", [field]), "path": sprintf("spec.%s[%d]", [field, i])}
}

deny contains finding if {
	input.type == "AppProject"
	some i, destination in input.resource.spec.destinations
	wild := sort([field | some field in ["server", "name", "namespace"]; destination[field] == "*"])
	count(wild) > 0
	finding := {"message": sprintf("destinations[%d] has %s *; wanted: a cluster and a namespace", [i, concat(" and ", wild)]), "path": sprintf("spec.destinations[%d]", [i])}
}

deny contains finding if {
	input.type == "AppProject"
	some i, item in input.resource.spec.clusterResourceWhitelist
	some field in ["kind", "group"]
	item[field] == "*"
	not wild_earlier(field, item)
	finding := {"message": sprintf("clusterResourceWhitelist[%d] allows group %s, kind %s; wanted: named kinds", [i, item.group, item.kind]), "path": sprintf("spec.clusterResourceWhitelist[%d]", [i])}
}

wild_earlier("group", item) if item.kind == "*"

deny contains finding if {
	input.type == "Application"
	is_object(input.resource)
	project := kubernetes.get(input.resource, ["spec", "project"], "")
	project in {"", "default"}
	finding := {"message": sprintf("project is %s; wanted: a project of its own", [said(project)]), "path": "spec.project"}
}

deny contains finding if {
	input.type == "ApplicationSet"
	is_object(input.resource)
	project := kubernetes.get(input.resource, ["spec", "template", "spec", "project"], "")
	project in {"", "default"}
	finding := {"message": sprintf("project is %s; wanted: a project of its own", [said(project)]), "path": "spec.template.spec.project"}
}

said("") := "not set"

said(project) := project if project != ""
