package gatehouse.gitops.module_pinned_test

import data.gatehouse.gitops.module_pinned as rule
import data.gatehouse.lib.fixture

defaults := {"patch_ranges": false}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["module"], items)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_an_exact_version_of_the_registry if verdict(
	[
		{
			"address": "module.vpc",
			"after": {"source": "terraform-aws-modules/vpc/aws", "version": "5.8.1", "name": "vpc"},
		},
	],
	defaults,
) == set()

test_good_git_at_a_tag_and_at_a_commit if verdict(
	[
		{
			"address": "module.a",
			"after": {"source": "git::https://github.com/acme/modules.git//vpc?ref=v1.4.2", "version": "", "name": "a"},
		},
		{
			"address": "module.b",
			"after": {
				"source": "github.com/acme/modules?ref=1f6c8e3f0f1c1d5c0d0f5e8a9b7c6d5e4f3a2b1c",
				"version": null,
				"name": "b",
			},
		},
	],
	defaults,
) == set()

test_good_a_module_of_the_same_repository if verdict([{"address": "module.local", "after": {"source": "./modules/vpc", "name": "local"}}], defaults) == set()

test_bad_no_version if verdict(
	[
		{
			"address": "module.vpc",
			"after": {"source": "terraform-aws-modules/vpc/aws", "version": "", "name": "vpc"},
		},
	],
	defaults,
) == {
	["module.vpc", "deny", "no version of terraform-aws-modules/vpc/aws; wanted: an exact version"],
}

test_bad_a_range if verdict(
	[
		{
			"address": "module.net.module.vpc",
			"after": {"source": "app.terraform.io/acme/vpc/aws", "version": "~> 5.0", "name": "vpc"},
		},
	],
	defaults,
) == {
	["module.net.module.vpc", "deny", "the range \"~> 5.0\" of app.terraform.io/acme/vpc/aws; wanted: an exact version"],
}

test_bad_a_branch if verdict(
	[
		{
			"address": "module.vpc",
			"after": {"source": "git::https://token:secret@github.com/acme/modules.git//vpc?ref=main", "name": "vpc"},
		},
	],
	defaults,
) == {
	["module.vpc", "deny", "ref is main in git::https://github.com/acme/modules.git//vpc?ref=main; wanted: a commit or a version tag"],
}

test_edge_no_ref_over_ssh_no_revision_no_checksum if verdict(
	[
		{"address": "module.a", "after": {"source": "git@github.com:acme/modules.git", "name": "a"}},
		{"address": "module.b", "after": {"source": "hg::https://hg.acme.com/x", "name": "b"}},
		{"address": "module.c", "after": {"source": "https://acme.com/vpc.zip", "name": "c"}},
	],
	defaults,
) == {
	["module.a", "deny", "no ref in git@github.com:acme/modules.git; wanted: a commit or a version tag"],
	["module.b", "deny", "no rev in hg::https://hg.acme.com/x; wanted: a commit or a version tag"],
	["module.c", "deny", "no checksum of https://acme.com/vpc.zip; wanted: ?checksum=sha256:..."],
}

test_edge_a_checksum_a_bucket_s_version_and_a_prefixed_tag if verdict(
	[
		{"address": "module.a", "after": {"source": "https://acme.com/vpc.zip?checksum=sha256:00", "name": "a"}},
		{
			"address": "module.b",
			"after": {"source": "s3::https://s3.amazonaws.com/acme/vpc.zip?versionId=3", "name": "b"},
		},
		{
			"address": "module.c",
			"after": {"source": "git::ssh://git@github.com/acme/modules.git//vpc?depth=1&ref=vpc-v1.4.2", "name": "c"},
		},
	],
	defaults,
) == set()

test_edge_patch_versions_where_they_are_accepted if verdict(
	[
		{"address": "module.a", "after": {"source": "a/b/c", "version": "~> 5.8.1", "name": "a"}},
		{"address": "module.b", "after": {"source": "a/b/c", "version": ">= 5.8.1", "name": "b"}},
	],
	object.union(defaults, {"patch_ranges": true}),
) == {["module.b", "deny", "the range \">= 5.8.1\" of a/b/c; wanted: an exact version"]}
