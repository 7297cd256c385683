package gatehouse.least_privilege.iam_star_test

import data.gatehouse.least_privilege.iam_star
import data.gatehouse.lib.testing

_denied(document) := testing.messages(found) if {
	found := iam_star.deny with input as document
}

_unknown(document) := testing.messages(found) if {
	found := iam_star.unknown with input as document
}

_clean(document) if {
	_denied(document) == []
	_unknown(document) == []
}

_policy(statement) := testing.terraform("aws_iam_policy.p", {"policy": json.marshal({"Version": "2012-10-17", "Statement": statement})})

_star := {"Effect": "Allow", "Action": "*", "Resource": "*"}

_message := "statement 0 allows every action (\"*\") on every resource (\"*\"); wanted: named actions on named resources"

test_star_on_star if {
	_denied(_policy([_star])) == [_message]
	_denied(_policy(_star)) == [_message]
	_denied(_policy([object.union(_star, {"Action": ["s3:GetObject", "*"], "Resource": ["*"]})])) == [_message]
}

test_sid_names_the_statement if {
	_denied(_policy([object.union(_star, {"Sid": "Admin"})])) == ["statement \"Admin\" allows every action (\"*\") on every resource (\"*\"); wanted: named actions on named resources"]
}

test_spellings if {
	every action in ["*:*", "**", "?*"] {
		count(_denied(_policy([object.union(_star, {"Action": action})]))) == 1
	}
	every resource in ["arn:aws:*:*:*:*", "arn:*", "**"] {
		count(_denied(_policy([object.union(_star, {"Resource": resource})]))) == 1
	}
}

test_not_action_and_not_resource if {
	_denied(_policy([{"Effect": "Allow", "NotAction": "IAM:*", "Resource": "*"}])) == ["statement 0 allows every action but iam:* on every resource (\"*\"); wanted: named actions on named resources"]
	_denied(_policy([{"Effect": "Allow", "Action": "*", "NotResource": ["arn:aws:s3:::a"]}])) == ["statement 0 allows every action (\"*\") on every resource but arn:aws:s3:::a; wanted: named actions on named resources"]
}

test_a_condition_does_not_excuse if {
	count(_denied(_policy([object.union(_star, {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}})]))) == 1
}

test_good if {
	_clean(_policy([object.union(_star, {"Effect": "Deny"})]))
	_clean(_policy([object.union(_star, {"Action": "s3:*"})]))
	_clean(_policy([object.union(_star, {"Resource": "arn:aws:s3:::bucket/*"})]))
	_clean(_policy([{"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"}]))
	_clean(testing.terraform_change("aws_iam_policy.p", {"policy": json.marshal({"Statement": [_star]})}, null, {}))
}

test_inline_in_role if {
	role := {"name": "r", "inline_policy": [{"name": "a", "policy": "{\"Statement\":[]}"}, {"name": "b", "policy": json.marshal({"Statement": [_star]})}]}
	found := iam_star.deny with input as testing.terraform("aws_iam_role.r", role)
	found == {{"message": _message, "path": "inline_policy[1].policy"}}
}

test_role_without_inline_policies_is_not_unknown if {
	_clean(testing.terraform_change("aws_iam_role.r", null, {"name": "r"}, {"inline_policy": true, "arn": true}))
}

test_permission_set if {
	_denied(testing.terraform("aws_ssoadmin_permission_set_inline_policy.p", {"inline_policy": json.marshal({"Statement": [_star]})})) == [_message]
}

test_unknown_policy if {
	_unknown(testing.terraform_change("aws_iam_policy.p", null, {"name": "p"}, {"policy": true})) == ["what policy allows is known only after apply; wanted: named actions on named resources"]
	_unknown(testing.terraform("aws_iam_policy.p", {"policy": "token:7"})) == ["what policy allows is known only after apply; wanted: named actions on named resources"]
}

_from_document(statement, unknown) := testing.with_plan(
	testing.with_references(
		testing.terraform_change("aws_iam_role_policy.p", null, {}, {"policy": true}),
		{"policy": ["data.aws_iam_policy_document.d"]},
	),
	[testing.terraform_change("data.aws_iam_policy_document.d", null, {"statement": [statement]}, {"json": true, "statement": [unknown]})],
)

test_document if {
	_denied(_from_document({"effect": "Allow", "actions": ["*"], "resources": ["*"]}, {})) == [_message]
	_clean(_from_document({"effect": "Allow", "actions": ["s3:GetObject"], "resources": []}, {"resources": true}))
	_clean(_from_document({"effect": "Deny", "actions": ["*"], "resources": []}, {"resources": true}))
}

test_document_partly_unknown if {
	found := _from_document({"effect": "Allow", "actions": ["*"], "resources": [null]}, {"resources": [true]})
	_denied(found) == []
	_unknown(found) == ["whether statement 0 allows every action on every resource is known only after apply; wanted: named actions on named resources"]
}

test_escaped_star if {
	escaped := testing.terraform("aws_iam_policy.p", {"policy": `{"Statement":{"Effect":"Allow","Act\u0069on":"\u002a","Resource":"*"}}`})
	_denied(escaped) == [_message]
	keys := testing.terraform("aws_iam_policy.p", {"policy": `{"statement":{"effect":"ALLOW","notaction":"iam:*","resource":"*"}}`})
	count(_denied(keys)) == 1
}
