# METADATA
# title: Terraform runs no programs of its own
# description: >-
#   local-exec, remote-exec and the external data source run whatever they say with the pipeline's credentials; the external
#   data source even while planning, before anybody approved anything. The plan shows nothing of what they do.
# related_resources:
#   - ref: https://developer.hashicorp.com/terraform/language/resources/provisioners/syntax
#     description: Provisioners are a last resort
# custom:
#   id: GO-11
#   severity: high
#   remedy: Use a provider's resource, cloud-init (user_data) or a step of the pipeline that is reviewed as such.
#   inspects: {terraform: [provisioner, external]}
#   parameters:
#     types: {default: [local-exec, remote-exec], description: Provisioners that must not be used.}
package gatehouse.gitops.provisioners

deny contains finding if {
	input.type == "provisioner"
	input.resource.type in data.parameters.types
	finding := {"message": sprintf("a %s provisioner of %s runs programs; wanted: none", [input.resource.type, input.resource.resource])}
}

deny contains finding if {
	input.type == "external"
	input.change.mode == "data"
	not input.change.actions == ["delete"]
	finding := {"message": "an external data source runs a program while planning; wanted: none", "path": "program"}
}
