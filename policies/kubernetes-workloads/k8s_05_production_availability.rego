# METADATA
# title: Production Deployments survive the loss of a node
# description: >-
#   One replica is down whenever its node is drained, and without a PodDisruptionBudget a drain may take all replicas at
#   once. A Deployment counts as production by its labels, by its namespace, or by the environment of its project. A
#   HorizontalPodAutoscaler's minimum counts as the number of replicas.
# related_resources:
#   - ref: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
#     description: Specifying a disruption budget
# custom:
#   id: K8S-05
#   severity: medium
#   remedy: 'replicas: 2 and {apiVersion: policy/v1, kind: PodDisruptionBudget, spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}}'
#   inspects: {kubernetes: [apps/Deployment]}
#   parameters:
#     labels: {default: [env, environment, app.kubernetes.io/environment, tier], description: Labels whose value tells that a Deployment is production.}
#     values: {default: [production, prod], description: "Values of those labels, of the namespace and of the project's environment that mean production."}
package gatehouse.kubernetes_workloads.production_availability

import data.gatehouse.lib.kubernetes
import data.gatehouse.lib.selector

deny contains finding if {
	production
	scale := replicas
	scale.number < 2
	finding := {"message": sprintf("%s is %d; wanted: 2 or more", [scale.what, scale.number]), "path": "spec.replicas"}
}

deny contains finding if {
	production
	replicas.number > 0
	not budgeted
	finding := {"message": "no PodDisruptionBudget selects its Pods; wanted: one in the same namespace"}
}

# A budget that allows nothing to be taken, or everything, is no budget.
deny contains finding if {
	production
	some name, budget in budgets
	useless(budget)
	finding := {"message": sprintf("PodDisruptionBudget %s allows all of its Pods to be taken; wanted: maxUnavailable: 1", [trim_left(name, "/")])}
}

production if {
	is_object(input.resource)
	some label in data.parameters.labels
	lower(sprintf("%v", [input.resource.metadata.labels[label]])) in data.parameters.values
}

production if {
	is_object(input.resource)
	some label in data.parameters.labels
	lower(sprintf("%v", [selector.pod_labels[label]])) in data.parameters.values
}

production if {
	is_object(input.resource)
	input.namespace in data.parameters.values
}

production if {
	is_object(input.resource)
	input.environment in data.parameters.values
}

replicas := {"what": "minReplicas of its HorizontalPodAutoscaler", "number": least} if {
	some scaler in input.objects.HorizontalPodAutoscaler
	object.get(scaler, ["metadata", "namespace"], "") == input.namespace
	scaler.spec.scaleTargetRef.kind == "Deployment"
	scaler.spec.scaleTargetRef.name == input.name
	least := kubernetes.get(scaler.spec, "minReplicas", 1)
} else := {"what": "replicas", "number": kubernetes.get(input.resource, ["spec", "replicas"], 1)}

budgets := {name: budget |
	some name, budget in input.objects.PodDisruptionBudget
	object.get(budget, ["metadata", "namespace"], "") == input.namespace
	selector.selects(budget.spec.selector, selector.pod_labels)
}

budgeted if count(budgets) > 0

useless(budget) if budget.spec.maxUnavailable == "100%"

useless(budget) if budget.spec.minAvailable in {0, "0%", "0"}
