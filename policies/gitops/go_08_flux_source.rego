# METADATA
# title: Flux takes verified sources only
# description: >-
#   Flux applies what its source holds. A signature on the commit, the tag or the artifact is what proves that the pipeline
#   made it; without verify, whoever can write to the repository or the registry writes to the cluster. The list of sources
#   is a parameter.
# related_resources:
#   - ref: https://fluxcd.io/flux/components/source/gitrepositories/#verification
#     description: Verification of Git repositories
#   - ref: https://fluxcd.io/flux/components/source/ocirepositories/#verification
#     description: Verification of OCI artifacts
# custom:
#   id: GO-08
#   severity: high
#   remedy: 'GitRepository: verify: {mode: HEAD, secretRef: {name: signers}}. OCIRepository: verify: {provider: cosign, matchOIDCIdentity: [{issuer: "^https://token.actions.githubusercontent.com$", subject: "^https://github.com/acme/infra/.*$"}]}.'
#   inspects: {kubernetes: [source.toolkit.fluxcd.io/GitRepository, source.toolkit.fluxcd.io/OCIRepository]}
#   parameters:
#     repositories: {default: [], description: "Repositories and registries that may be deployed from, with * as wildcard; empty: any."}
package gatehouse.gitops.flux_source

import data.gatehouse.lib.kubernetes
import data.gatehouse.lib.repositories

deny contains finding if {
	is_object(input.resource)
	not verified
	finding := {"message": sprintf("verify is %s; wanted: signatures verified", [found]), "path": "spec.verify"}
}

verified if {
	input.type == "GitRepository"
	kubernetes.get(input.resource, ["spec", "verify", "secretRef", "name"], "") != ""
}

verified if {
	input.type == "OCIRepository"
	kubernetes.get(input.resource, ["spec", "verify", "provider"], "") in {"cosign", "notation"}
	trusted
}

# Keyless verification without an identity accepts anybody's signature.
trusted if kubernetes.get(input.resource, ["spec", "verify", "secretRef", "name"], "") != ""

trusted if count(kubernetes.get(input.resource, ["spec", "verify", "matchOIDCIdentity"], [])) > 0

found := "not set" if {
	not is_object(kubernetes.get(input.resource, ["spec", "verify"], null))
} else := "set without a key or an identity"

deny contains finding if {
	is_object(input.resource)
	url := kubernetes.get(input.resource, ["spec", "url"], "")
	count(data.parameters.repositories) > 0
	not repositories.listed(url, data.parameters.repositories)
	finding := {"message": sprintf("url is %s; wanted: one of [%s]", [url, concat(", ", data.parameters.repositories)]), "path": "spec.url"}
}

deny contains finding if {
	is_object(input.resource)
	url := kubernetes.get(input.resource, ["spec", "url"], "")
	startswith(lower(url), "http://")
	finding := {"message": sprintf("url is %s; wanted: https or ssh", [url]), "path": "spec.url"}
}

deny contains finding if {
	input.type == "OCIRepository"
	input.resource.spec.insecure == true
	finding := {"message": "insecure is true; wanted: a registry with TLS", "path": "spec.insecure"}
}
