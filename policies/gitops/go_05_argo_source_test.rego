package gatehouse.gitops.argo_source_test

import data.gatehouse.gitops.argo_source as rule
import data.gatehouse.lib.fixture

defaults := {"repositories": []}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["argoproj.io/Application", "argoproj.io/ApplicationSet"], head, base)
	sets := {"deny": rule.deny, "warn": rule.warn} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_commit_a_tag_and_an_exact_chart_version if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web", "namespace": "argocd"},
			"spec": {
				"project": "shop",
				"sources": [
					{
						"repoURL": "https://github.com/acme/infra.git",
						"path": "web",
						"targetRevision": "1f6c8e3f0f1c1d5c0d0f5e8a9b7c6d5e4f3a2b1c",
					},
					{"repoURL": "https://github.com/acme/infra.git", "path": "api", "targetRevision": "v1.4.2"},
					{"repoURL": "https://charts.acme.com", "chart": "redis", "targetRevision": "19.0.1"},
				],
			},
		},
	],
	[], defaults,
) == set()

test_good_a_repository_of_the_list if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web", "namespace": "argocd"},
			"spec": {"source": {"repoURL": "git@github.com:acme/infra.git", "targetRevision": "v1.0.0"}},
		},
	],
	[], object.union(defaults, {"repositories": ["github.com/acme/*"]}),
) == set()

test_bad_head if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web", "namespace": "argocd"},
			"spec": {"source": {"repoURL": "https://github.com/acme/infra.git", "path": "web", "targetRevision": "HEAD"}},
		},
	],
	[], defaults,
) == {
	["argoproj.io/v1alpha1/Application/argocd/web", "deny", "targetRevision is HEAD; wanted: a commit, a tag or an exact version"],
}

test_bad_nothing_said_in_a_set if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "ApplicationSet",
			"metadata": {"name": "web", "namespace": "argocd"},
			"spec": {
				"generators": [{"git": {"repoURL": "https://github.com/acme/infra.git", "revision": "v1.0.0"}}],
				"template": {"spec": {"source": {"repoURL": "https://github.com/acme/infra.git", "path": "web"}}},
			},
		},
	],
	[], defaults,
) == {
	["argoproj.io/v1alpha1/ApplicationSet/argocd/web", "deny", "targetRevision is not set; wanted: a commit, a tag or an exact version"],
}

test_bad_a_repository_that_is_not_listed if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web", "namespace": "argocd"},
			"spec": {"source": {"repoURL": "https://github.com/acme-evil/infra", "targetRevision": "v1.0.0"}},
		},
	],
	[], object.union(defaults, {"repositories": ["github.com/acme/*"]}),
) == {
	["argoproj.io/v1alpha1/Application/argocd/web", "deny", "repoURL is https://github.com/acme-evil/infra; wanted: one of [github.com/acme/*]"],
}

test_edge_a_branch_is_warned_about if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web"},
			"spec": {"source": {"repoURL": "https://github.com/acme/infra", "targetRevision": "main"}},
		},
	],
	[], defaults,
) == {
	["argoproj.io/v1alpha1/Application//web", "warn", "targetRevision is the branch main; wanted: a commit, a tag or an exact version"],
}

test_edge_ranges_of_chart_versions if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web"},
			"spec": {
				"sources": [
					{"repoURL": "a", "chart": "a", "targetRevision": "1.*"},
					{"repoURL": "a", "chart": "a", "targetRevision": ">=1.0.0"},
					{"repoURL": "a", "chart": "a", "targetRevision": "1.x"},
				],
			},
		},
	],
	[], defaults,
) == {
	["argoproj.io/v1alpha1/Application//web", "deny", "targetRevision is the range 1.*; wanted: a commit, a tag or an exact version"],
	["argoproj.io/v1alpha1/Application//web", "deny", "targetRevision is the range 1.x; wanted: a commit, a tag or an exact version"],
	["argoproj.io/v1alpha1/Application//web", "deny", "targetRevision is the range >=1.0.0; wanted: a commit, a tag or an exact version"],
}

test_edge_a_generator_fills_the_revision_in_and_the_dry_source_of_a_hydrator if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "ApplicationSet",
			"metadata": {"name": "web"},
			"spec": {
				"generators": [{"pullRequest": {}}],
				"template": {"spec": {"source": {"repoURL": "a", "targetRevision": "{{.head_sha}}"}}},
			},
		},
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "dry"},
			"spec": {"sourceHydrator": {"drySource": {"repoURL": "a", "targetRevision": "HEAD"}}},
		},
	],
	[], defaults,
) == {
	["argoproj.io/v1alpha1/Application//dry", "deny", "targetRevision is HEAD; wanted: a commit, a tag or an exact version"],
}

test_edge_a_generator_outside_the_list_that_follows_head if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "ApplicationSet",
			"metadata": {"name": "web"},
			"spec": {
				"generators": [{"git": {"repoURL": "https://gitlab.com/x/y", "revision": "HEAD"}}],
				"template": {"spec": {"source": {"repoURL": "https://github.com/acme/infra", "targetRevision": "v1.0.0"}}},
			},
		},
	],
	[], object.union(defaults, {"repositories": ["github.com/acme/*"]}),
) == {
	["argoproj.io/v1alpha1/ApplicationSet//web", "deny", "repoURL is https://gitlab.com/x/y; wanted: one of [github.com/acme/*]"],
	["argoproj.io/v1alpha1/ApplicationSet//web", "deny", "revision is HEAD; wanted: a commit, a tag or an exact version"],
}

test_edge_a_deleted_application if verdict(
	[], [
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web"},
			"spec": {"source": {"repoURL": "a", "targetRevision": "HEAD"}},
		},
	],
	defaults,
) == set()
