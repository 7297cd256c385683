package gatehouse.lib.secrets_test

import data.gatehouse.lib.secrets

test_shapes if {
	texts := {
		"a private key": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
		"an AWS access key": "id = AKIAIOSFODNN7EXAMPLE",
		"a GitHub token": "ghp_0123456789abcdefghijABCDEFGHIJ012345",
		"a Slack token": "xoxb-0123456789-abc",
		"a URL with a password": "postgres://app:hunter2@db:5432/shop",
	}
	{kind: secrets.shape(text) | some kind, text in texts} == {kind: kind | some kind, _ in texts}
}

test_no_shape if {
	every text in [
		"", "hello", "https://example.com/a:b@c", "-----BEGIN CERTIFICATE-----", "postgres://app:$PASSWORD@db/shop",
		"postgres://app@db/shop", "AKIA-too-short", "s3://bucket/key",
	] {
		not secrets.shape(text)
	}
}

test_named if {
	every name in ["DB_PASSWORD", "dbPassword", "API_KEY", "api-key", "CLIENT_SECRET", "app.token", "SSH_PRIVATE_KEY", "PGPASSWORD", "PWD"] {
		secrets.named(name, "hunter2hunter")
	}
}

test_not_named if {
	every pair in [
		["DB_HOST", "hunter2hunter"],
		["TOKEN_TTL", "3600"],
		["DB_PASSWORD", ""],
		["DB_PASSWORD", "$(DB_PASSWORD_FROM_VAULT)"],
		["DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"],
		["DB_PASSWORD", "{{ vault.password }}"],
		["DB_PASSWORD", "/run/secrets/db"],
		["REQUIRE_TOKEN", "true"],
		["NEXT_PUBLIC_API_KEY", "pk_0123456789"],
		["existingSecret", "db-credentials"],
		["DB_PASSWORD_FILE", "db.txt"],
		["DB_PASSWORD", null],
		["DB_PASSWORD", 7],
	] {
		not secrets.named(pair[0], pair[1])
	}
}

test_assigned if {
	texts := [
		"export DB_PASSWORD=correct-horse",
		"db:\n  password: correct-horse\n",
		"api_key = \"0123456789abc\"",
		"{\"clientSecret\": \"0123456789abc\"}",
	]
	[secrets.assigned(text) | some text in texts] == ["DB_PASSWORD", "password", "api_key", "clientSecret"]
}

test_not_assigned if {
	every text in [
		"export DB_PASSWORD=$(vault read db)", "PASSWORD=`cat /run/secret`", "password: {{ .Values.password }}",
		"secretName: db-credentials", "existingSecret: db-credentials", "token: short", "tokens are good",
		"password_file: /run/secrets/password", "disable_password: true",
	] {
		not secrets.assigned(text)
	}
}

test_judge_never_repeats_the_value if {
	not contains(secrets.judge("DB_PASSWORD", "hunter2hunter"), "hunter2")
	not contains(secrets.judge_text("user_data", "DB_PASSWORD=hunter2hunter"), "hunter2")
}
