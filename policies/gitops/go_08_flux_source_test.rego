package gatehouse.gitops.flux_source_test

import data.gatehouse.gitops.flux_source as rule
import data.gatehouse.lib.fixture

defaults := {"repositories": []}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["source.toolkit.fluxcd.io/GitRepository", "source.toolkit.fluxcd.io/OCIRepository"], head, base)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_repository_with_signed_commits if verdict(
	[
		{
			"apiVersion": "source.toolkit.fluxcd.io/v1",
			"kind": "GitRepository",
			"metadata": {"name": "infra", "namespace": "flux-system"},
			"spec": {
				"url": "https://github.com/acme/infra",
				"ref": {"branch": "main"},
				"verify": {"mode": "HEAD", "secretRef": {"name": "signers"}},
			},
		},
	],
	[], defaults,
) == set()

test_good_an_artifact_with_a_keyless_signature_of_one_workflow if verdict(
	[
		{
			"apiVersion": "source.toolkit.fluxcd.io/v1",
			"kind": "OCIRepository",
			"metadata": {"name": "infra", "namespace": "flux-system"},
			"spec": {
				"url": "oci://ghcr.io/acme/infra",
				"verify": {"provider": "cosign", "matchOIDCIdentity": [{"issuer": "x", "subject": "y"}]},
			},
		},
	],
	[], object.union(defaults, {"repositories": ["ghcr.io/acme/*"]}),
) == set()

test_bad_no_verification if verdict(
	[
		{
			"apiVersion": "source.toolkit.fluxcd.io/v1",
			"kind": "GitRepository",
			"metadata": {"name": "infra", "namespace": "flux-system"},
			"spec": {"url": "https://github.com/acme/infra", "ref": {"branch": "main"}},
		},
	],
	[], defaults,
) == {
	["source.toolkit.fluxcd.io/v1/GitRepository/flux-system/infra", "deny", "verify is not set; wanted: signatures verified"],
}

test_bad_anybody_s_signature_will_do if verdict(
	[
		{
			"apiVersion": "source.toolkit.fluxcd.io/v1",
			"kind": "OCIRepository",
			"metadata": {"name": "infra", "namespace": "flux-system"},
			"spec": {"url": "oci://ghcr.io/acme/infra", "verify": {"provider": "cosign"}},
		},
	],
	[], defaults,
) == {
	["source.toolkit.fluxcd.io/v1/OCIRepository/flux-system/infra", "deny", "verify is set without a key or an identity; wanted: signatures verified"],
}

test_bad_a_repository_that_is_not_listed if verdict(
	[
		{
			"apiVersion": "source.toolkit.fluxcd.io/v1",
			"kind": "GitRepository",
			"metadata": {"name": "infra", "namespace": "flux-system"},
			"spec": {"url": "ssh://git@gitlab.com/acme/infra", "verify": {"secretRef": {"name": "signers"}}},
		},
	],
	[], object.union(defaults, {"repositories": ["github.com/acme/*"]}),
) == {
	["source.toolkit.fluxcd.io/v1/GitRepository/flux-system/infra", "deny", "url is ssh://git@gitlab.com/acme/infra; wanted: one of [github.com/acme/*]"],
}

test_edge_no_tls_on_the_way if verdict(
	[
		{
			"apiVersion": "source.toolkit.fluxcd.io/v1",
			"kind": "GitRepository",
			"metadata": {"name": "infra"},
			"spec": {"url": "http://git.acme.com/infra", "verify": {"secretRef": {"name": "signers"}}},
		},
		{
			"apiVersion": "source.toolkit.fluxcd.io/v1",
			"kind": "OCIRepository",
			"metadata": {"name": "infra"},
			"spec": {"url": "oci://r/x", "insecure": true, "verify": {"provider": "notation", "secretRef": {"name": "n"}}},
		},
	],
	[], defaults,
) == {
	["source.toolkit.fluxcd.io/v1/GitRepository//infra", "deny", "url is http://git.acme.com/infra; wanted: https or ssh"],
	["source.toolkit.fluxcd.io/v1/OCIRepository//infra", "deny", "insecure is true; wanted: a registry with TLS"],
}

test_edge_a_deleted_source if verdict(
	[], [
		{
			"apiVersion": "source.toolkit.fluxcd.io/v1",
			"kind": "GitRepository",
			"metadata": {"name": "infra"},
			"spec": {"url": "http://git.acme.com/infra"},
		},
	],
	defaults,
) == set()
