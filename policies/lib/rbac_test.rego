package gatehouse.lib.rbac_test

import data.gatehouse.lib.rbac

wanted := [{"path": "rules[0]", "groups": ["apps"], "resources": ["deployments"], "verbs": ["get"], "urls": [], "names": []}]

test_manifest if {
	role := {"rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"], "resourceNames": null}]}
	rbac.rules == wanted with input as {"kind": "kubernetes", "resource": role}
}

test_terraform if {
	role := {"rule": [{"api_groups": ["apps"], "resources": ["deployments"], "verbs": ["get"], "resource_names": null, "non_resource_urls": []}]}
	rbac.rules == [object.union(wanted[0], {"path": "rule[0]"})] with input as {"kind": "terraform", "resource": role}
}

test_no_rules if {
	rbac.rules == [] with input as {"kind": "kubernetes", "resource": {"rules": null}}
	rbac.rules == [] with input as {"kind": "kubernetes", "resource": null}
	rbac.rules == [] with input as {"kind": "terraform", "resource": {}}
}

test_covers_resource if {
	rbac.covers_resource({"resources": ["pods/exec"]}, "pods/exec")
	rbac.covers_resource({"resources": ["*"]}, "pods/exec")
	rbac.covers_resource({"resources": ["*/exec"]}, "pods/exec")
	not rbac.covers_resource({"resources": ["pods", "pods/*", "*/attach"]}, "pods/exec")
}
