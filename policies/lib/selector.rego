# METADATA
# title: Label selectors
# description: Which labels a Kubernetes label selector selects, as the API server decides it.
package gatehouse.lib.selector

import data.gatehouse.lib.kubernetes

# METADATA
# description: True when the selector, an object with matchLabels and matchExpressions, selects the labels. An empty one selects all.
selects(selector, labels) if {
	is_object(selector)
	every key, value in kubernetes.get(selector, "matchLabels", {}) {
		labels[key] == value
	}
	every expression in kubernetes.get(selector, "matchExpressions", []) {
		holds(expression, labels)
	}
}

holds(expression, labels) if {
	expression.operator == "In"
	labels[expression.key] in expression.values
}

holds(expression, labels) if {
	expression.operator == "NotIn"
	not object.get(labels, expression.key, "") in absent(expression, labels)
}

holds(expression, labels) if {
	expression.operator == "Exists"
	labels[expression.key]
}

holds(expression, labels) if {
	expression.operator == "DoesNotExist"
	not labels[expression.key]
}

# A key that is not there is in no list.
absent(expression, labels) := expression.values if {
	labels[expression.key]
} else := []

# METADATA
# description: The labels of the inspected workload's Pods.
pod_labels := kubernetes.get(input.pod, ["metadata", "labels"], {})
