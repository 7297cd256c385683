# METADATA
# title: Reading Kubernetes roles
# description: >-
#   The rules of a Kubernetes Role or ClusterRole in one form, whether they come as a manifest or as the Terraform
#   provider's kubernetes_role and kubernetes_cluster_role.
package gatehouse.lib.rbac

# rules of the role under inspection: {path, groups, resources, verbs, urls, names}.
rules := [rule |
	input.kind == "kubernetes"
	some i, raw in input.resource.rules
	rule := {
		"path": sprintf("rules[%d]", [i]),
		"groups": list(raw, "apiGroups"),
		"resources": list(raw, "resources"),
		"verbs": list(raw, "verbs"),
		"urls": list(raw, "nonResourceURLs"),
		"names": list(raw, "resourceNames"),
	}
] if {
	input.kind == "kubernetes"
} else := [rule |
	some i, raw in input.resource.rule
	rule := {
		"path": sprintf("rule[%d]", [i]),
		"groups": list(raw, "api_groups"),
		"resources": list(raw, "resources"),
		"verbs": list(raw, "verbs"),
		"urls": list(raw, "non_resource_urls"),
		"names": list(raw, "resource_names"),
	}
]

# list is a member as a list; missing and null are the empty list.
list(object_, key) := value if {
	value := object_[key]
	is_array(value)
} else := []

# covers_group says whether the rule reaches the API group.
covers_group(rule, group) if group in rule.groups

covers_group(rule, _) if "*" in rule.groups

# covers_resource follows the API server: "*" is everything, "*/exec" is that subresource of everything.
covers_resource(rule, resource) if resource in rule.resources

covers_resource(rule, _) if "*" in rule.resources

covers_resource(rule, resource) if {
	parts := split(resource, "/")
	count(parts) == 2
	sprintf("*/%s", [parts[1]]) in rule.resources
}

# granted gives those of the wanted verbs that the rule grants; "*" alone when it grants all.
granted(rule, wanted) := ["*"] if {
	"*" in rule.verbs
} else := [verb | some verb in rule.verbs; verb in wanted]

# wild_resources is a rule that LP-11 already calls a wildcard on every resource.
wild_resources(rule) if "*" in rule.resources
