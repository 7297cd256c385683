# METADATA
# title: Load balancers speak TLS 1.2 or newer
# description: >-
#   Plain HTTP and TLS 1.0 or 1.1 can be read and changed on the way. Several clouds still accept the old versions by
#   default, so the policy must be written down. A plain listener that only redirects to HTTPS is accepted, and so is TCP that
#   a Network Load Balancer passes on.
# related_resources:
#   - ref: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
#     description: Security policies of Application Load Balancers
#   - ref: https://cloud.google.com/load-balancing/docs/ssl-policies-concepts
#     description: SSL policies on Google Cloud
# custom:
#   id: ZT-08
#   severity: high
#   remedy: 'AWS: protocol = "HTTPS"  ssl_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06". Google: google_compute_ssl_policy with min_tls_version = "TLS_1_2" and ssl_policy on the proxy. Azure: ssl_policy { policy_type = "Predefined"  policy_name = "AppGwSslPolicy20220101" }.'
#   inspects:
#     terraform:
#       - aws_lb_listener
#       - aws_alb_listener
#       - aws_elb
#       - aws_cloudfront_distribution
#       - aws_api_gateway_domain_name
#       - google_compute_ssl_policy
#       - google_compute_target_https_proxy
#       - google_compute_region_target_https_proxy
#       - google_compute_target_ssl_proxy
#       - azurerm_application_gateway
#   references: [AWS-0054, AWS-0047, AWS-0013, AWS-0005, GCP-0039, CKV_AWS_2, CKV_AWS_103, CKV_AWS_174, CKV_AWS_206, CKV_GCP_4]
package gatehouse.zero_trust.listener_tls

import data.gatehouse.lib.terraform

# AWS: Application and Network Load Balancers.

deny contains finding if {
	aws_listener
	input.resource.protocol == "HTTP"
	not only_redirects
	finding := {"message": "protocol is HTTP and the default action is no redirect to HTTPS; wanted: HTTPS", "path": "protocol"}
}

deny contains finding if {
	aws_listener
	input.resource.protocol in {"HTTPS", "TLS"}
	not terraform.unknown("ssl_policy")
	policy := terraform.get(input.resource, "ssl_policy", "ELBSecurityPolicy-2016-08")
	not regex.match(`^ELBSecurityPolicy-(TLS13-1-[23]|TLS-1-2|FS-1-2)-`, policy)
	finding := {"message": sprintf("ssl_policy is %s, which accepts TLS 1.0 or 1.1; wanted: ELBSecurityPolicy-TLS13-1-2-2021-06 or newer", [policy]), "path": "ssl_policy"}
}

unknown contains finding if {
	aws_listener
	some attribute in ["protocol", "ssl_policy"]
	terraform.unknown(attribute)
	set_late(attribute)
	not object.get(input.resource, "protocol", "") in {"HTTP", "TCP", "UDP", "TCP_UDP", "GENEVE"}
	finding := {"message": sprintf("%s is known only after apply; wanted: TLS 1.2 or newer", [attribute]), "path": attribute}
}

# The provider fills in what is left out; AWS then takes a policy that accepts TLS 1.0.
deny contains finding if {
	aws_listener
	input.resource.protocol in {"HTTPS", "TLS"}
	terraform.unknown("ssl_policy")
	not set_late("ssl_policy")
	finding := {"message": "ssl_policy is not set, which accepts TLS 1.0; wanted: ELBSecurityPolicy-TLS13-1-2-2021-06 or newer", "path": "ssl_policy"}
}

set_late(attribute) if count(input.change.references[attribute]) > 0

aws_listener if {
	input.type in {"aws_lb_listener", "aws_alb_listener"}
	terraform.present
}

only_redirects if {
	some action in input.resource.default_action
	action.type == "redirect"
	some redirect in action.redirect
	redirect.protocol == "HTTPS"
}

# A classic load balancer.
deny contains finding if {
	input.type == "aws_elb"
	terraform.present
	some i, listener in input.resource.listener
	lower(listener.lb_protocol) == "http"
	finding := {"message": sprintf("listener of port %v has lb_protocol http; wanted: https", [listener.lb_port]), "path": sprintf("listener[%d].lb_protocol", [i])}
}

# CloudFront: the certificate of its own domain cannot say a version, and custom names are what matters.
deny contains finding if {
	input.type == "aws_cloudfront_distribution"
	terraform.present
	some i, certificate in input.resource.viewer_certificate
	not certificate.cloudfront_default_certificate == true
	version := terraform.get(certificate, "minimum_protocol_version", "TLSv1")
	not regex.match(`^TLSv1\.[23]`, version)
	not terraform.unknown(["viewer_certificate", i, "minimum_protocol_version"])
	finding := {"message": sprintf("minimum_protocol_version is %s; wanted: TLSv1.2_2021", [version]), "path": sprintf("viewer_certificate[%d].minimum_protocol_version", [i])}
}

deny contains finding if {
	input.type == "aws_cloudfront_distribution"
	terraform.present
	some field in ["default_cache_behavior", "ordered_cache_behavior"]
	some i, behavior in input.resource[field]
	behavior.viewer_protocol_policy == "allow-all"
	finding := {"message": sprintf("%s.viewer_protocol_policy is allow-all; wanted: redirect-to-https", [field]), "path": sprintf("%s[%d].viewer_protocol_policy", [field, i])}
}

deny contains finding if {
	input.type == "aws_api_gateway_domain_name"
	terraform.present
	policy := input.resource.security_policy
	policy == "TLS_1_0"
	finding := {"message": "security_policy is TLS_1_0; wanted: TLS_1_2", "path": "security_policy"}
}

# Google Cloud.

deny contains finding if {
	input.type == "google_compute_ssl_policy"
	terraform.present
	not terraform.unknown("min_tls_version")
	version := terraform.get(input.resource, "min_tls_version", "TLS_1_0")
	version in {"TLS_1_0", "TLS_1_1"}
	finding := {"message": sprintf("min_tls_version is %s; wanted: TLS_1_2", [version]), "path": "min_tls_version"}
}

unknown contains finding if {
	input.type == "google_compute_ssl_policy"
	terraform.present
	terraform.unknown("min_tls_version")
	finding := {"message": "min_tls_version is known only after apply; wanted: TLS_1_2", "path": "min_tls_version"}
}

deny contains finding if {
	regex.match(`^google_compute_(region_)?target_(https|ssl)_proxy$`, input.type)
	terraform.present
	terraform.get(input.resource, "ssl_policy", "") == ""
	not terraform.unknown("ssl_policy")
	finding := {"message": "ssl_policy is not set, which accepts TLS 1.0; wanted: a google_compute_ssl_policy with TLS_1_2", "path": "ssl_policy"}
}

# Azure. Without a policy new gateways take one with TLS 1.2.

old_azure_policies := {"AppGwSslPolicy20150501", "AppGwSslPolicy20170401"}

deny contains finding if {
	input.type == "azurerm_application_gateway"
	terraform.present
	some i, policy in input.resource.ssl_policy
	problem := azure_problem(policy)
	finding := {"message": sprintf("%s; wanted: TLSv1_2", [problem]), "path": sprintf("ssl_policy[%d]", [i])}
}

azure_problem(policy) := sprintf("ssl_policy.min_protocol_version is %s", [policy.min_protocol_version]) if {
	policy.min_protocol_version in {"TLSv1_0", "TLSv1_1"}
} else := sprintf("ssl_policy.policy_name is %s", [policy.policy_name]) if {
	policy.policy_name in old_azure_policies
}
