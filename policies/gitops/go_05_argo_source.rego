# METADATA
# title: Argo CD takes known repositories at pinned revisions
# description: >-
#   What Argo CD reads it applies. A repository outside the list puts somebody else's review in place of yours, and HEAD, a
#   missing revision or a version range change production without any pull request. Branches are only warned about, for a
#   repository behind this gate has to be followed somehow. The list of repositories is a parameter; without it only
#   revisions are judged.
# related_resources:
#   - ref: https://argo-cd.readthedocs.io/en/stable/user-guide/tracking_strategies/
#     description: Tracking and deployment strategies
# custom:
#   id: GO-05
#   severity: high
#   remedy: 'targetRevision: a commit (40 hexadecimal digits), a tag such as v1.4.2, or an exact chart version.'
#   inspects: {kubernetes: [argoproj.io/Application, argoproj.io/ApplicationSet]}
#   parameters:
#     repositories: {default: [], description: "Repositories that may be deployed from, with * as wildcard, for example github.com/acme/*; empty: any."}
package gatehouse.gitops.argo_source

import data.gatehouse.lib.kubernetes
import data.gatehouse.lib.repositories

deny contains finding if {
	some source in sources
	count(data.parameters.repositories) > 0
	url := kubernetes.get(source.value, source.url_key, "")
	not repositories.listed(url, data.parameters.repositories)
	finding := {
		"message": sprintf("%s is %s; wanted: one of [%s]", [source.url_key, url, concat(", ", data.parameters.repositories)]),
		"path": sprintf("%s.%s", [source.path, source.url_key]),
	}
}

deny contains finding if {
	some source in sources
	revision := kubernetes.get(source.value, source.revision_key, "")
	problem := moving(revision)
	finding := {
		"message": sprintf("%s %s; wanted: a commit, a tag or an exact version", [source.revision_key, problem]),
		"path": sprintf("%s.%s", [source.path, source.revision_key]),
	}
}

warn contains finding if {
	some source in sources
	revision := kubernetes.get(source.value, source.revision_key, "")
	not moving(revision)
	not pinned(revision)
	finding := {
		"message": sprintf("%s is the branch %s; wanted: a commit, a tag or an exact version", [source.revision_key, revision]),
		"path": sprintf("%s.%s", [source.path, source.revision_key]),
	}
}

moving(revision) := "is not set" if revision == ""

moving(revision) := sprintf("is %s", [revision]) if upper(revision) == "HEAD"

moving(revision) := sprintf("is the range %s", [revision]) if {
	regex.match(`[*^~<>|]|(^|\.)[xX](\.|$)|\s`, revision)
	not contains(revision, "{{")
}

# What a generator fills in is decided there.
pinned(revision) if contains(revision, "{{")

pinned(revision) if regex.match(`^[0-9a-f]{40}([0-9a-f]{24})?$`, revision)

pinned(revision) if regex.match(`^(refs/tags/.+|([A-Za-z0-9._/-]+[-/@])?v?[0-9]+(\.[0-9]+)+([-+.][0-9A-Za-z.+-]+)?)$`, revision)

sources contains {"path": sprintf("%s.source", [path]), "value": spec.source, "url_key": "repoURL", "revision_key": "targetRevision"} if {
	some [path, spec] in specs
	is_object(spec.source)
}

sources contains {"path": sprintf("%s.sources[%d]", [path, i]), "value": source, "url_key": "repoURL", "revision_key": "targetRevision"} if {
	some [path, spec] in specs
	some i, source in spec.sources
}

sources contains {"path": sprintf("%s.sourceHydrator.drySource", [path]), "value": spec.sourceHydrator.drySource, "url_key": "repoURL", "revision_key": "targetRevision"} if {
	some [path, spec] in specs
	is_object(spec.sourceHydrator.drySource)
}

sources contains {"path": sprintf("spec.generators[%d].git", [i]), "value": generator.git, "url_key": "repoURL", "revision_key": "revision"} if {
	input.type == "ApplicationSet"
	some i, generator in input.resource.spec.generators
	is_object(generator.git)
}

specs contains ["spec", input.resource.spec] if input.type == "Application"

specs contains ["spec.template.spec", input.resource.spec.template.spec] if input.type == "ApplicationSet"
