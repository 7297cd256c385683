package gatehouse.pod_security_baseline.sysctls_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_baseline.sysctls

_denied(spec) := testing.messages(found) if {
	found := sysctls.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := sysctls.deny with input as document
}

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_sysctls(names) := _denied({"securityContext": {"sysctls": [{"name": name, "value": "1"} | some name in names]}})

test_unsafe if {
	_sysctls(["net.ipv4.tcp_syncookies", "kernel.msgmax"]) == ["sysctl \"kernel.msgmax\" is set; wanted: safe sysctls only"]
	_sysctls(["net/ipv4/tcp_syncookies"]) == ["sysctl \"net/ipv4/tcp_syncookies\" is set; wanted: safe sysctls only"]
	_denied({"securityContext": {"sysctls": [{}]}}) == ["sysctl \"\" is set; wanted: safe sysctls only"]
}

test_safe if {
	_sysctls(["kernel.shm_rmid_forced", "net.ipv4.tcp_wmem", "net.ipv4.tcp_notsent_lowat", "net.ipv4.tcp_slow_start_after_idle"]) == []
	_denied({"securityContext": {"sysctls": null}}) == []
	_denied({"securityContext": null}) == []
	_denied({}) == []
}

test_path if {
	_paths(_cron({"securityContext": {"sysctls": [{"name": "kernel.sem"}]}})) == {"spec.jobTemplate.spec.template.spec.securityContext.sysctls[0]"}
}
