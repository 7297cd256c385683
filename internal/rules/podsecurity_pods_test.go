package rules_test

import "math/rand/v2"

// podGenerator makes Pods of the fields that Pod security looks at: each may be missing, null, empty, good or bad.
type podGenerator struct{ *rand.Rand }

// maker makes one random value.
type maker func() any

// object has some of the fields, and now and then a null for one.
func (g podGenerator) object(fields map[string]maker, order ...string) maker {
	return func() any {
		out := map[string]any{}
		for _, name := range order {
			switch n := g.IntN(12); {
			case n == 0:
				out[name] = nil
			case n < 7:
				out[name] = fields[name]()
			}
		}
		return out
	}
}

func (g podGenerator) list(of maker) maker {
	return func() any {
		out := []any{}
		for range g.IntN(3) {
			out = append(out, of())
		}
		return out
	}
}

func (g podGenerator) one(values ...any) maker {
	return func() any { return values[g.IntN(len(values))] }
}

func (g podGenerator) pod() any {
	const apparmor, seccomp = "container.apparmor.security.beta.kubernetes.io/a", "seccomp.security.alpha.kubernetes.io/pod"
	annotations := g.object(map[string]maker{
		apparmor: g.one("unconfined", "runtime/default", "localhost/x", "", "runtime/default "), seccomp: g.one("unconfined"),
	}, apparmor, seccomp)
	pod := g.object(map[string]maker{
		"metadata": g.object(map[string]maker{"annotations": annotations}, "annotations"),
	}, "metadata")().(map[string]any)
	pod["spec"] = g.spec()
	return pod
}

func (g podGenerator) spec() any {
	containers := func() any {
		list := g.list(g.container())().([]any)
		if g.IntN(30) == 0 {
			list = append(list, nil)
		}
		return list
	}
	context := g.context()
	context["sysctls"] = g.list(g.object(map[string]maker{
		"name": g.one("kernel.sem", "net.ipv4.tcp_rmem", "net.ipv4.tcp_notsent_lowat", "net.ipv4.tcp_syncookies", ""),
	}, "name"))
	flag := g.one(true, false, false)
	return g.object(map[string]maker{
		"containers": containers, "initContainers": containers, "ephemeralContainers": containers,
		"hostNetwork": flag, "hostPID": flag, "hostIPC": flag, "hostUsers": g.one(true, false),
		"os":              g.object(map[string]maker{"name": g.one("windows", "linux", "")}, "name"),
		"volumes":         g.list(g.volume),
		"securityContext": g.object(context, append(contextFields(), "sysctls")...),
	}, "containers", "initContainers", "ephemeralContainers", "hostNetwork", "hostPID", "hostIPC", "hostUsers", "os", "volumes",
		"securityContext")()
}

func (g podGenerator) volume() any {
	sources := []string{
		"hostPath", "emptyDir", "nfs", "secret", "image", "csi", "gitRepo", "azureFile", "ephemeral", "projected", "downwardAPI",
		"configMap", "persistentVolumeClaim", "portworxVolume",
	}
	out := map[string]any{"name": "v"}
	for range g.IntN(3) {
		out[sources[g.IntN(len(sources))]] = g.one(map[string]any{}, map[string]any{}, nil)()
	}
	return out
}

func contextFields() []string {
	return []string{"runAsNonRoot", "runAsUser", "seLinuxOptions", "seccompProfile", "appArmorProfile", "windowsOptions"}
}

// context makes the fields that the securityContext of Pods and of containers share.
func (g podGenerator) context() map[string]maker {
	profile := g.object(map[string]maker{"type": g.one("RuntimeDefault", "Localhost", "Unconfined", "")}, "type")
	return map[string]maker{
		"runAsNonRoot": g.one(true, true, false), "runAsUser": g.one(0, 1, 1000), "seccompProfile": profile, "appArmorProfile": profile,
		"seLinuxOptions": g.object(map[string]maker{
			"type": g.one("", "container_t", "container_engine_t", "spc_t"), "user": g.one("", "u"), "role": g.one("", "r"),
			"level": g.one("s0"),
		}, "type", "user", "role", "level"),
		"windowsOptions": g.object(map[string]maker{"hostProcess": g.one(true, false)}, "hostProcess"),
	}
}

func (g podGenerator) container() maker {
	action := g.object(map[string]maker{"host": g.one("", "a", "127.0.0.1"), "port": g.one(80)}, "host", "port")
	handler := g.object(map[string]maker{"httpGet": action, "tcpSocket": action}, "httpGet", "tcpSocket")
	context := g.context()
	context["privileged"] = g.one(true, false, false)
	context["allowPrivilegeEscalation"] = g.one(true, false, false)
	context["procMount"] = g.one("Default", "Unmasked", "")
	context["capabilities"] = g.object(map[string]maker{
		"add": g.list(g.one("CHOWN", "NET_BIND_SERVICE", "NET_RAW", "ALL")), "drop": g.list(g.one("ALL", "ALL", "CHOWN")),
	}, "add", "drop")
	return g.object(map[string]maker{
		"name": g.one("a", "b"),
		"ports": g.list(g.object(map[string]maker{
			"containerPort": g.one(1), "hostPort": g.one(0, 0, 80),
		}, "containerPort", "hostPort")),
		"livenessProbe": handler, "readinessProbe": handler, "startupProbe": handler,
		"lifecycle":       g.object(map[string]maker{"postStart": handler, "preStop": handler}, "postStart", "preStop"),
		"securityContext": g.object(context, append(contextFields(), "privileged", "allowPrivilegeEscalation", "procMount", "capabilities")...),
	}, "name", "ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "securityContext")
}
