package gatehouse.lib.iam_test

import data.gatehouse.lib.iam
import data.gatehouse.lib.testing

test_json_forms if {
	text := `{"Statement": {"Effect": "Allow", "action": "S3:Get*", "Resource": "*", "Principal": {"AWS": ["*", "1"], "Service": "ec2.amazonaws.com"}, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}}`
	iam.parse(text) == [{
		"index": 0,
		"sid": "",
		"effect": "allow",
		"actions": ["s3:get*"],
		"not_actions": [],
		"resources": ["*"],
		"not_resources": [],
		"principals": [{"type": "AWS", "id": "*"}, {"type": "AWS", "id": "1"}, {"type": "Service", "id": "ec2.amazonaws.com"}],
		"not_principals": [],
		"conditions": [{"operator": "stringequals", "key": "aws:sourcevpc", "values": ["vpc-1"]}],
		"unknown": set(),
	}]
}

test_matching if {
	iam.matches("s3:Get*", "S3:GetObject")
	iam.matches("iam:PassRol?", "iam:passrole")
	iam.matches("*", "a:b")
	not iam.matches("s3:Get", "s3:GetObject")
	not iam.matches("[s]3:*", "s3:GetObject")
	every pattern in ["*", "**", "*:*", "?*"] {
		iam.every_action(pattern)
	}
	not iam.every_action("s3:*")
	every pattern in ["*", "**", "arn:*", "arn:aws:*", "arn:aws:*:*:*:*", "arn:*:*:*:*:*"] {
		iam.every_resource(pattern)
	}
	not iam.every_resource("arn:aws:s3:::*")
}

test_not_action if {
	[statement] := iam.parse(`{"Statement": [{"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}]}`)
	iam.allows(statement, "s3:GetObject")
	not iam.allows(statement, "IAM:PassRole")
}

test_everyone if {
	every principal in [`"*"`, `{"AWS": "*"}`, `{"AWS": ["1", "*"]}`] {
		[statement] := iam.parse(sprintf(`{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": %s}]}`, [principal]))
		iam.everyone(statement)
	}
	[except] := iam.parse(`{"Statement": [{"Effect": "Allow", "Action": "*", "NotPrincipal": {"AWS": "1"}}]}`)
	iam.everyone(except)
	[named] := iam.parse(`{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": {"AWS": "1"}}]}`)
	not iam.everyone(named)
}

_policy(after, unknown) := testing.terraform_change("aws_iam_policy.p", null, after, unknown)

test_policy_known if {
	got := iam.policy("policy") with input as _policy({"policy": `{"Statement": []}`}, {})
	got == {"statements": [], "complete": true}
	absent := iam.policy("policy") with input as _policy({"policy": null}, {})
	absent == {"statements": [], "complete": true}
}

test_policy_unreadable if {
	incomplete := {"statements": [], "complete": false}
	masked := iam.policy("policy") with input as _policy({"policy": "token:abc"}, {})
	masked == incomplete
	unknown := iam.policy("policy") with input as _policy({}, {"policy": true})
	unknown == incomplete
}

test_policy_from_document if {
	document := testing.terraform_change(
		"data.aws_iam_policy_document.d",
		null,
		{
			"statement": [{"effect": null, "actions": ["S3:*"], "resources": [null, "*"], "principals": [], "condition": []}],
			"source_policy_documents": [`{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}`],
		},
		{"json": true, "statement": [{"resources": [true, false], "actions": [false]}]},
	)
	got := iam.policy("policy") with input as testing.with_plan(
		testing.with_references(_policy({}, {"policy": true}), {"policy": ["data.aws_iam_policy_document.d"]}),
		[document],
	)
	got.complete
	[[s.effect, s.actions, s.resources, s.unknown] | some s in got.statements] == [
		["allow", ["s3:*"], ["*"], {"resources"}],
		["deny", ["*"], ["*"], set()],
	]
}

test_policy_from_other_source_is_incomplete if {
	got := iam.policy("policy") with input as testing.with_references(
		_policy({}, {"policy": true}),
		{"policy": ["aws_s3_bucket.b"]},
	)
	got == {"statements": [], "complete": false}
}

_confined(condition) if {
	[statement] := iam.parse(sprintf(`{"Statement": [{"Effect": "Allow", "Condition": %s}]}`, [condition]))
	iam.confined(statement)
}

test_confined if {
	_confined(`{"StringEquals": {"aws:PrincipalOrgID": "o-1"}}`)
	_confined(`{"ArnLike": {"AWS:SourceArn": ["arn:aws:cloudfront::1:distribution/*"]}}`)
	_confined(`{"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}`)
	not _confined(`{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/0"]}}`)
	not _confined(`{"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}`)
	not _confined(`{"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}`)
	not _confined(`{"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}`)
	not _confined(`{"StringLike": {"aws:PrincipalArn": "*"}}`)
	not _confined(`{"ArnLike": {"aws:PrincipalArn": "arn:aws:*:*:*:*"}}`)
	not _confined(`{"Bool": {"aws:SecureTransport": "true"}}`)
	not _confined(`{}`)
}
