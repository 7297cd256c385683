package gatehouse.kubernetes_workloads.schema_test

import data.gatehouse.kubernetes_workloads.schema as rule
import data.gatehouse.lib.testing

deployment := {
	"apiVersion": "apps/v1",
	"kind": "Deployment",
	"metadata": {"name": "web", "namespace": "shop"},
	"spec": {"replica": 3},
}

with_schema(document, errors) := object.union(document, {"change": {"schema": errors}})

test_an_object_that_matches_is_fine if {
	count(rule.deny) == 0 with input as with_schema(testing.kubernetes(deployment), [])
}

test_an_object_that_nobody_could_check_is_fine if {
	count(rule.deny) == 0 with input as testing.kubernetes(deployment)
}

test_every_error_is_a_finding_at_its_field if {
	errors := [
		{"path": "spec.replica", "message": "is not a field of its kind; did you mean replicas?"},
		{"path": "apiVersion", "message": "apps/v1beta1 Deployment is gone since Kubernetes 1.16; wanted: apps/v1 Deployment"},
	]
	findings := rule.deny with input as with_schema(testing.kubernetes(deployment), errors)
	findings == {
		{"path": "spec.replica", "message": "spec.replica is not a field of its kind; did you mean replicas?"},
		{
			"path": "apiVersion",
			"message": "apiVersion apps/v1beta1 Deployment is gone since Kubernetes 1.16; wanted: apps/v1 Deployment",
		},
	}
}

test_a_deleted_object_is_fine if {
	errors := [{"path": "spec.replica", "message": "is not a field of its kind"}]
	count(rule.deny) == 0 with input as with_schema(testing.kubernetes_change(deployment, null), errors)
}
