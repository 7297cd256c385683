# METADATA
# title: Terraform modules are pinned
# description: >-
#   Modules have no lock file: a range, a branch or no version at all means that tomorrow's plan runs code that nobody
#   reviewed. Modules of the same repository (./ and ../) are reviewed with it and are not asked.
# related_resources:
#   - ref: https://developer.hashicorp.com/terraform/language/modules/sources
#     description: Module sources
# custom:
#   id: GO-10
#   severity: medium
#   remedy: 'version = "5.8.1" for a registry, ?ref= with a commit or a version tag for Git: git::https://github.com/acme/modules.git//vpc?ref=v1.4.2'
#   inspects: {terraform: [module]}
#   references: [CKV_TF_1, CKV_TF_2]
#   parameters:
#     patch_ranges: {default: false, description: "Whether a range of patch versions (~> 5.8.1) is accepted too."}
package gatehouse.gitops.module_pinned

import data.gatehouse.lib.terraform

source := terraform.get(input.resource, "source", "")

version := terraform.get(input.resource, "version", "")

kind := "local" if {
	regex.match(`^(\.\.?(/|$)|/|$)`, source)
} else := "git" if {
	regex.match(`^git::|^git@|^(github\.com|bitbucket\.org)/|\.git($|//|\?)`, source)
} else := "mercurial" if {
	startswith(source, "hg::")
} else := "registry" if {
	regex.match(`^([a-z0-9.-]+(:[0-9]+)?/)?[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+(//.*)?$`, source)
} else := "archive"

deny contains finding if {
	kind == "registry"
	problem := loose(version)
	finding := {"message": sprintf("%s of %s; wanted: an exact version", [problem, source]), "path": "version"}
}

loose("") := "no version"

loose(constraint) := sprintf("the range %q", [constraint]) if {
	constraint != ""
	not regex.match(`^\s*=?\s*v?[0-9]+(\.[0-9]+)*([-+][0-9A-Za-z.+-]+)?\s*$`, constraint)
	not patch_range(constraint)
}

patch_range(constraint) if {
	data.parameters.patch_ranges
	regex.match(`^\s*~>\s*[0-9]+\.[0-9]+\.[0-9]+\s*$`, constraint)
}

deny contains finding if {
	kind in {"git", "mercurial"}
	problem := unpinned(query(parameter))
	finding := {"message": sprintf("%s in %s; wanted: a commit or a version tag", [problem, without_login]), "path": "source"}
}

parameter := "rev" if {
	kind == "mercurial"
} else := "ref"

query(name) := value if {
	found := regex.find_all_string_submatch_n(sprintf(`[?&]%s=([^&]*)`, [name]), source, 1)
	value := found[0][1]
} else := ""

unpinned("") := sprintf("no %s", [parameter])

unpinned(ref) := sprintf("%s is %s", [parameter, ref]) if {
	ref != ""
	not regex.match(`^([0-9a-f]{40}|[0-9a-f]{64})$`, ref)
	not regex.match(`^(refs/tags/)?([A-Za-z0-9._/-]+[-/@])?v?[0-9]+(\.[0-9]+)+([-+.][0-9A-Za-z.+-]+)?$`, ref)
}

# Archives and buckets: only a checksum pins them; of S3 a version does too.
deny contains finding if {
	kind == "archive"
	query("checksum") == ""
	query("versionId") == ""
	query("version") == ""
	finding := {"message": sprintf("no checksum of %s; wanted: ?checksum=sha256:...", [without_login]), "path": "source"}
}

# An address can hold a password.
without_login := regex.replace(source, `//[^/@]*@`, "//")
