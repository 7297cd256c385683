package gatehouse.audit.control_plane_logs_test

import data.gatehouse.audit.control_plane_logs as rule
import data.gatehouse.lib.fixture

defaults := {"eks_types": ["api", "audit", "authenticator"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["aws_eks_cluster", "google_container_cluster", "azurerm_kubernetes_cluster"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_eks_with_its_audit_log if verdict(
	[
		{
			"address": "aws_eks_cluster.main",
			"after": {"enabled_cluster_log_types": ["api", "audit", "authenticator", "scheduler"]},
		},
	],
	defaults,
) == set()

test_good_aks_with_a_diagnostic_setting if verdict(
	[
		{"address": "azurerm_kubernetes_cluster.main", "after": {"name": "main"}, "unknown": {"id": true}},
		{
			"address": "azurerm_monitor_diagnostic_setting.main",
			"after": {"enabled_log": [{"category": "kube-audit-admin"}]},
			"unknown": {"target_resource_id": true},
			"references": {"target_resource_id": ["azurerm_kubernetes_cluster.main"]},
		},
	],
	defaults,
) == set()

test_good_gke_as_it_comes if verdict(
	[
		{
			"address": "google_container_cluster.main",
			"after": {"name": "main", "logging_service": "logging.googleapis.com/kubernetes"},
		},
	],
	defaults,
) == set()

test_bad_eks_without_logs if verdict([{"address": "module.eks.aws_eks_cluster.this[0]", "after": {"enabled_cluster_log_types": null}}], defaults) == {
	["module.eks.aws_eks_cluster.this[0]", "deny", "enabled_cluster_log_types lacks [api, audit, authenticator]; wanted: [api, audit, authenticator]"],
}

test_bad_gke_told_not_to_log if verdict([{"address": "google_container_cluster.main", "after": {"logging_service": "none"}}], defaults) == {
	["google_container_cluster.main", "deny", "logging_service is none; wanted: logging.googleapis.com/kubernetes"],
}

test_bad_aks_without_any if verdict([{"address": "azurerm_kubernetes_cluster.main", "after": {"name": "main", "oms_agent": []}}], defaults) == {
	["azurerm_kubernetes_cluster.main", "deny", "neither an oms_agent nor a diagnostic setting with kube-audit; wanted: one of them"],
}

test_edge_gke_with_no_component if verdict([{"address": "google_container_cluster.main", "after": {"logging_config": [{"enable_components": []}]}}], defaults) == {
	["google_container_cluster.main", "deny", "logging_config.enable_components is []; wanted: SYSTEM_COMPONENTS at least"],
}

test_edge_aks_with_a_setting_for_metrics_only if verdict(
	[
		{"address": "azurerm_kubernetes_cluster.main", "after": {"id": "/aks"}},
		{
			"address": "azurerm_monitor_diagnostic_setting.main",
			"after": {"target_resource_id": "/aks", "enabled_log": [], "metric": [{"category": "AllMetrics"}]},
		},
	],
	defaults,
) == {
	["azurerm_kubernetes_cluster.main", "deny", "neither an oms_agent nor a diagnostic setting with kube-audit; wanted: one of them"],
}

test_edge_aks_with_the_agent if verdict(
	[
		{
			"address": "azurerm_kubernetes_cluster.main",
			"after": {"oms_agent": [{"log_analytics_workspace_id": "/x"}]},
		},
	],
	defaults,
) == set()

test_edge_known_only_after_apply if verdict(
	[
		{"address": "aws_eks_cluster.main", "after": {}, "unknown": {"enabled_cluster_log_types": true}},
		{"address": "azurerm_kubernetes_cluster.main", "after": {"name": "main"}, "unknown": {"id": true}},
		{
			"address": "azurerm_monitor_diagnostic_setting.main",
			"after": {"enabled_log": [{"category": "kube-audit"}]},
			"unknown": {"target_resource_id": true},
			"references": {"target_resource_id": ["local.id"]},
		},
	],
	defaults,
) == {
	["aws_eks_cluster.main", "unknown", "enabled_cluster_log_types is known only after apply; wanted: [api, audit, authenticator]"],
	["azurerm_kubernetes_cluster.main", "unknown", "which cluster the plan's diagnostic setting is for is known only after apply; wanted: one with kube-audit"],
}

test_edge_a_deleted_cluster if verdict([{"address": "aws_eks_cluster.main", "before": {"enabled_cluster_log_types": []}}], defaults) == set()
