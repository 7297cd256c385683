package gatehouse.lib.selector_test

import data.gatehouse.lib.selector

labels := {"app": "web", "tier": "front"}

test_selects if {
	every selector_ in [
		{},
		{"matchLabels": null},
		{"matchLabels": {"app": "web"}},
		{"matchExpressions": [{"key": "app", "operator": "In", "values": ["api", "web"]}]},
		{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["api"]}]},
		{"matchExpressions": [{"key": "absent", "operator": "NotIn", "values": ["x"]}]},
		{"matchExpressions": [{"key": "absent", "operator": "NotIn", "values": [""]}]},
		{"matchExpressions": [{"key": "app", "operator": "Exists"}]},
		{"matchExpressions": [{"key": "absent", "operator": "DoesNotExist"}]},
		{"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]},
	] {
		selector.selects(selector_, labels)
	}
}

test_does_not_select if {
	every selector_ in [
		null,
		{"matchLabels": {"app": "api"}},
		{"matchLabels": {"app": "web", "absent": "x"}},
		{"matchExpressions": [{"key": "app", "operator": "In", "values": ["api"]}]},
		{"matchExpressions": [{"key": "absent", "operator": "In", "values": [""]}]},
		{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
		{"matchExpressions": [{"key": "absent", "operator": "Exists"}]},
		{"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]},
		{"matchExpressions": [{"key": "app", "operator": "Invented"}]},
	] {
		not selector.selects(selector_, labels)
	}
}
