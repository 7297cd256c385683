package gatehouse.immutable.stateful_destroyed_test

import data.gatehouse.immutable.stateful_destroyed
import data.gatehouse.lib.testing

_asked(document) := asked if {
	asked := stateful_destroyed.require_approval with input as document with data.parameters as {"count": 2, "teams": ["acme/dba"]}
}

_one(reason) := {{"count": 2, "teams": ["acme/dba"], "reason": reason}}

test_deleted if {
	_asked(testing.terraform_change("module.db[0].aws_db_instance.main", {"id": "x"}, null, {})) == _one(`aws_db_instance "main" is deleted, and what it holds with it`)
}

test_replaced_either_way_round if {
	every actions in [["delete", "create"], ["create", "delete"]] {
		document := testing.with_actions(testing.terraform_change("aws_db_instance.main", {"id": "x"}, {"id": "y"}, {}), actions)
		_asked(document) == _one(`aws_db_instance "main" is replaced: what it holds now is destroyed`)
	}
}

test_replaced_names_the_cause if {
	document := testing.with_actions(testing.terraform_change("aws_db_instance.main", {"id": "x"}, {"id": "y"}, {}), ["delete", "create"])
	caused := json.patch(document, [{"op": "add", "path": "/change/replace_paths", "value": [["storage_encrypted"], ["tags", 0]]}])
	_asked(caused) == _one(`aws_db_instance "main" is replaced (forced by storage_encrypted, tags.0): what it holds now is destroyed`)
}

test_harmless if {
	count(_asked(testing.terraform("aws_db_instance.main", {"id": "x"}))) == 0
	count(_asked(testing.terraform_change("aws_db_instance.main", {"id": "x", "size": 1}, {"id": "x", "size": 2}, {}))) == 0
	count(_asked(testing.terraform_change("aws_db_instance.main", {"id": "x"}, {"id": "x"}, {}))) == 0
	count(_asked(testing.with_actions(testing.terraform_change("aws_db_instance.main", {"id": "x"}, null, {}), ["forget"]))) == 0
}

_object(version, kind) := {"apiVersion": version, "kind": kind, "metadata": {"name": "shop"}}

test_kubernetes_deleted if {
	_asked(testing.kubernetes_change(_object("v1", "Namespace"), null)) == _one(`Namespace "shop" is deleted, and everything in it with it`)
	_asked(testing.kubernetes_change(_object("v1", "PersistentVolumeClaim"), null)) == _one(`PersistentVolumeClaim "shop" is deleted, and the data that it holds with it`)
	_asked(testing.kubernetes_change(_object("apiextensions.k8s.io/v1", "CustomResourceDefinition"), null)) == _one(`CustomResourceDefinition "shop" is deleted, and every object of that kind with it`)
}

test_kubernetes_kept if {
	count(_asked(testing.kubernetes(_object("v1", "Namespace")))) == 0
	count(_asked(testing.kubernetes_change(_object("v1", "Namespace"), object.union(_object("v1", "Namespace"), {"metadata": {"labels": {"a": "b"}}})))) == 0
}
