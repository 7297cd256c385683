package gatehouse.zero_trust.cluster_endpoint_test

import data.gatehouse.lib.fixture
import data.gatehouse.zero_trust.cluster_endpoint as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["aws_eks_cluster", "google_container_cluster", "azurerm_kubernetes_cluster"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_eks_without_a_public_endpoint if verdict([
	{
		"address": "aws_eks_cluster.main",
		"after": {"vpc_config": [{"endpoint_private_access": true, "endpoint_public_access": false}]},
	},
]) == set()

test_good_eks_for_one_office if verdict([
	{
		"address": "aws_eks_cluster.main",
		"after": {"vpc_config": [{"endpoint_public_access": true, "public_access_cidrs": ["203.0.113.0/24"]}]},
	},
]) == set()

test_good_gke_with_a_private_endpoint_and_for_one_office if verdict([
	{
		"address": "google_container_cluster.a",
		"after": {"private_cluster_config": [{"enable_private_nodes": true, "enable_private_endpoint": true}]},
		"unknown": {"master_authorized_networks_config": true},
	},
	{
		"address": "google_container_cluster.b",
		"after": {"master_authorized_networks_config": [{"cidr_blocks": [{"cidr_block": "203.0.113.0/24"}]}]},
	},
]) == set()

test_good_a_private_aks if verdict([{"address": "azurerm_kubernetes_cluster.main", "after": {"private_cluster_enabled": true}}]) == set()

test_bad_eks_as_it_comes_where_the_plan_shows_the_ranges_as_unknown if verdict([
	{
		"address": "module.eks[\"a\"].aws_eks_cluster.this[0]",
		"after": {"vpc_config": [{"endpoint_private_access": false, "endpoint_public_access": true}]},
		"unknown": {"vpc_config": [{"public_access_cidrs": true, "subnet_ids": true}]},
		"references": {"vpc_config": ["module.eks.aws_subnet.private"]},
	},
]) == {
	["module.eks[\"a\"].aws_eks_cluster.this[0]", "deny", "endpoint_public_access is true for 0.0.0.0/0; wanted: false, or public_access_cidrs with named networks"],
}

test_bad_gke_as_it_comes if verdict([
	{
		"address": "google_container_cluster.main",
		"after": {"name": "main", "private_cluster_config": []},
		"unknown": {"master_authorized_networks_config": true},
	},
]) == {
	["google_container_cluster.main", "deny", "master_authorized_networks_config is not set, which lets everyone reach the API; wanted: enable_private_endpoint = true, or named networks"],
}

test_bad_gke_for_the_world_in_so_many_words if verdict([
	{
		"address": "google_container_cluster.main",
		"after": {"master_authorized_networks_config": [{"cidr_blocks": [{"cidr_block": "0.0.0.0/0"}]}]},
	},
]) == {
	["google_container_cluster.main", "deny", "master_authorized_networks_config has 0.0.0.0/0; wanted: named networks"],
}

test_bad_a_public_aks if verdict([
	{
		"address": "azurerm_kubernetes_cluster.main",
		"after": {"private_cluster_enabled": false, "api_server_access_profile": []},
	},
]) == {
	["azurerm_kubernetes_cluster.main", "deny", "private_cluster_enabled is false and no network is named; wanted: true, or api_server_access_profile.authorized_ip_ranges"],
}

test_edge_the_world_in_halves if verdict([
	{
		"address": "aws_eks_cluster.main",
		"after": {
			"vpc_config": [{"endpoint_public_access": true, "public_access_cidrs": ["0.0.0.0/1", "128.0.0.0/1"]}],
		},
	},
]) == {
	["aws_eks_cluster.main", "deny", "endpoint_public_access is true for 0.0.0.0/1; wanted: false, or public_access_cidrs with named networks"],
	["aws_eks_cluster.main", "deny", "endpoint_public_access is true for 128.0.0.0/1; wanted: false, or public_access_cidrs with named networks"],
}

test_edge_ranges_decided_at_apply if verdict([
	{
		"address": "aws_eks_cluster.main",
		"after": {"vpc_config": [{"endpoint_public_access": true, "public_access_cidrs": [null]}]},
		"unknown": {"vpc_config": [{"public_access_cidrs": [true]}]},
		"references": {"vpc_config": ["aws_eip.nat"]},
	},
	{
		"address": "azurerm_kubernetes_cluster.main",
		"after": {"name": "main"},
		"unknown": {"private_cluster_enabled": true},
	},
]) == {
	["aws_eks_cluster.main", "unknown", "public_access_cidrs is known only after apply; wanted: named networks"],
	["azurerm_kubernetes_cluster.main", "unknown", "who may reach the API is known only after apply; wanted: private_cluster_enabled = true, or named networks"],
}

test_edge_an_endpoint_decided_at_apply_and_gke_networks_too if verdict([
	{
		"address": "aws_eks_cluster.main",
		"after": {"vpc_config": [{}]},
		"unknown": {"vpc_config": [{"endpoint_public_access": true}]},
	},
	{
		"address": "google_container_cluster.main",
		"after": {"master_authorized_networks_config": [{"cidr_blocks": [{}]}]},
		"unknown": {"master_authorized_networks_config": [{"cidr_blocks": [{"cidr_block": true}]}]},
		"references": {"master_authorized_networks_config": ["google_compute_address.nat"]},
	},
]) == {
	["aws_eks_cluster.main", "unknown", "endpoint_public_access is known only after apply; wanted: false"],
	["google_container_cluster.main", "unknown", "who may reach the API is known only after apply; wanted: enable_private_endpoint = true, or named networks"],
}

test_edge_the_older_list_of_aks_with_the_world_in_it if verdict([{"address": "azurerm_kubernetes_cluster.main", "after": {"api_server_authorized_ip_ranges": ["0.0.0.0/0"]}}]) == {
	["azurerm_kubernetes_cluster.main", "deny", "authorized_ip_ranges has 0.0.0.0/0; wanted: named networks"],
}

test_edge_gke_by_its_name_only_and_a_deleted_cluster if verdict([
	{
		"address": "google_container_cluster.main",
		"after": {
			"control_plane_endpoints_config": [{"ip_endpoints_config": [{"enabled": false}]}],
			"master_authorized_networks_config": [],
		},
	},
	{"address": "aws_eks_cluster.old", "before": {"vpc_config": [{"endpoint_public_access": true}]}},
]) == set()
