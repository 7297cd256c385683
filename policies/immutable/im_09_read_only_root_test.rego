package gatehouse.immutable.read_only_root_test

import data.gatehouse.immutable.read_only_root
import data.gatehouse.lib.testing

_denied(spec) := testing.messages(found) if {
	found := read_only_root.deny with input as testing.pod(spec)
}

test_writable if {
	every context in [{"readOnlyRootFilesystem": false}, {"readOnlyRootFilesystem": null}, {}, null] {
		_denied({"containers": [{"name": "a", "securityContext": context}]}) == ["container \"a\" does not have readOnlyRootFilesystem true; wanted: true"]
	}
	count(_denied({"initContainers": [{"name": "a"}], "containers": [{"name": "b"}], "ephemeralContainers": [{"name": "c"}]})) == 3
}

test_the_pod_cannot_say_it_for_all if {
	count(_denied({"securityContext": {"readOnlyRootFilesystem": true}, "containers": [{"name": "a"}]})) == 1
}

test_read_only if {
	_denied({"containers": [{"name": "a", "securityContext": {"readOnlyRootFilesystem": true}}]}) == []
	_denied({}) == []
}

test_windows if {
	_denied({"os": {"name": "windows"}, "containers": [{"name": "a"}]}) == []
}

test_deleted if {
	found := read_only_root.deny with input as testing.kubernetes_change(testing.pod({"containers": [{"name": "a"}]}).resource, null)
	count(found) == 0
}
