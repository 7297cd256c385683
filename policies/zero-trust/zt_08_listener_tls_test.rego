package gatehouse.zero_trust.listener_tls_test

import data.gatehouse.lib.fixture
import data.gatehouse.zero_trust.listener_tls as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["aws_lb_listener", "aws_alb_listener", "aws_elb", "aws_cloudfront_distribution", "aws_api_gateway_domain_name", "google_compute_ssl_policy", "google_compute_target_https_proxy", "google_compute_region_target_https_proxy", "google_compute_target_ssl_proxy", "azurerm_application_gateway"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_https_with_a_new_policy_and_a_redirect_to_it if verdict([
	{
		"address": "aws_lb_listener.https",
		"after": {"protocol": "HTTPS", "ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
	},
	{
		"address": "aws_lb_listener.http",
		"after": {
			"protocol": "HTTP",
			"default_action": [{"type": "redirect", "redirect": [{"protocol": "HTTPS", "status_code": "HTTP_301"}]}],
		},
	},
]) == set()

test_good_a_google_proxy_with_a_policy if verdict([
	{
		"address": "google_compute_ssl_policy.modern",
		"after": {"min_tls_version": "TLS_1_2", "profile": "MODERN"},
	},
	{
		"address": "google_compute_target_https_proxy.web",
		"after": {"name": "web"},
		"unknown": {"ssl_policy": true},
		"references": {"ssl_policy": ["google_compute_ssl_policy.modern"]},
	},
]) == set()

test_bad_plain_http if verdict([
	{
		"address": "module.lb[\"a\"].aws_lb_listener.this[0]",
		"after": {"protocol": "HTTP", "default_action": [{"type": "forward"}]},
	},
]) == {
	["module.lb[\"a\"].aws_lb_listener.this[0]", "deny", "protocol is HTTP and the default action is no redirect to HTTPS; wanted: HTTPS"],
}

test_bad_a_policy_that_accepts_tls_1_0 if verdict([
	{
		"address": "aws_alb_listener.https",
		"after": {"protocol": "HTTPS", "ssl_policy": "ELBSecurityPolicy-2016-08"},
	},
]) == {
	["aws_alb_listener.https", "deny", "ssl_policy is ELBSecurityPolicy-2016-08, which accepts TLS 1.0 or 1.1; wanted: ELBSecurityPolicy-TLS13-1-2-2021-06 or newer"],
}

test_bad_a_google_policy_and_a_proxy_as_they_come if verdict([
	{"address": "google_compute_ssl_policy.old", "after": {"min_tls_version": null}},
	{"address": "google_compute_target_https_proxy.web", "after": {"ssl_policy": null}},
]) == {
	["google_compute_ssl_policy.old", "deny", "min_tls_version is TLS_1_0; wanted: TLS_1_2"],
	["google_compute_target_https_proxy.web", "deny", "ssl_policy is not set, which accepts TLS 1.0; wanted: a google_compute_ssl_policy with TLS_1_2"],
}

test_bad_an_azure_gateway_with_tls_1_0 if verdict([
	{
		"address": "azurerm_application_gateway.web",
		"after": {"ssl_policy": [{"policy_type": "Custom", "min_protocol_version": "TLSv1_0"}]},
	},
]) == {
	["azurerm_application_gateway.web", "deny", "ssl_policy.min_protocol_version is TLSv1_0; wanted: TLSv1_2"],
}

test_bad_cloudfront_for_old_browsers if verdict([
	{
		"address": "aws_cloudfront_distribution.site",
		"after": {
			"viewer_certificate": [{"acm_certificate_arn": "arn:1", "minimum_protocol_version": "TLSv1"}],
			"default_cache_behavior": [{"viewer_protocol_policy": "allow-all"}],
		},
	},
]) == {
	["aws_cloudfront_distribution.site", "deny", "default_cache_behavior.viewer_protocol_policy is allow-all; wanted: redirect-to-https"],
	["aws_cloudfront_distribution.site", "deny", "minimum_protocol_version is TLSv1; wanted: TLSv1.2_2021"],
}

test_edge_a_policy_left_out_which_the_plan_shows_as_unknown if verdict([{"address": "aws_lb_listener.tls", "after": {"protocol": "TLS"}, "unknown": {"ssl_policy": true}}]) == {
	["aws_lb_listener.tls", "deny", "ssl_policy is not set, which accepts TLS 1.0; wanted: ELBSecurityPolicy-TLS13-1-2-2021-06 or newer"],
}

test_edge_a_policy_decided_at_apply if verdict([
	{
		"address": "aws_lb_listener.https",
		"after": {"protocol": "HTTPS"},
		"unknown": {"ssl_policy": true},
		"references": {"ssl_policy": ["data.external.tls"]},
	},
]) == {
	["aws_lb_listener.https", "unknown", "ssl_policy is known only after apply; wanted: TLS 1.2 or newer"],
}

test_edge_tcp_is_passed_on_and_an_http_listener_has_no_policy if verdict([
	{"address": "aws_lb_listener.tcp", "after": {"protocol": "TCP"}, "unknown": {"ssl_policy": true}},
	{
		"address": "aws_lb_listener.quantum",
		"after": {"protocol": "HTTPS", "ssl_policy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"},
	},
]) == set()

test_edge_classic_load_balancers_api_domains_and_old_azure_policies if verdict([
	{
		"address": "aws_elb.web",
		"after": {"listener": [{"lb_port": 80, "lb_protocol": "HTTP"}, {"lb_port": 443, "lb_protocol": "https"}]},
	},
	{"address": "aws_api_gateway_domain_name.api", "after": {"security_policy": "TLS_1_0"}},
	{
		"address": "azurerm_application_gateway.web",
		"after": {"ssl_policy": [{"policy_type": "Predefined", "policy_name": "AppGwSslPolicy20150501"}]},
	},
]) == {
	["aws_elb.web", "deny", "listener of port 80 has lb_protocol http; wanted: https"],
	["aws_api_gateway_domain_name.api", "deny", "security_policy is TLS_1_0; wanted: TLS_1_2"],
	["azurerm_application_gateway.web", "deny", "ssl_policy.policy_name is AppGwSslPolicy20150501; wanted: TLSv1_2"],
}

test_edge_a_redirect_to_plain_http_is_none if verdict([
	{
		"address": "aws_lb_listener.http",
		"after": {"protocol": "HTTP", "default_action": [{"type": "redirect", "redirect": [{"protocol": "HTTP"}]}]},
	},
]) == {
	["aws_lb_listener.http", "deny", "protocol is HTTP and the default action is no redirect to HTTPS; wanted: HTTPS"],
}

test_edge_a_deleted_listener_and_cloudfront_s_own_domain if verdict([
	{"address": "aws_lb_listener.http", "before": {"protocol": "HTTP"}},
	{
		"address": "aws_cloudfront_distribution.site",
		"after": {
			"viewer_certificate": [{"cloudfront_default_certificate": true, "minimum_protocol_version": "TLSv1"}],
			"default_cache_behavior": [{"viewer_protocol_policy": "redirect-to-https"}],
		},
	},
]) == set()

test_edge_a_protocol_decided_at_apply if verdict([
	{
		"address": "aws_lb_listener.x",
		"after": {"default_action": [{"type": "forward"}]},
		"unknown": {"protocol": true},
		"references": {"protocol": ["data.external.x"]},
	},
]) == {
	["aws_lb_listener.x", "unknown", "protocol is known only after apply; wanted: TLS 1.2 or newer"],
}
