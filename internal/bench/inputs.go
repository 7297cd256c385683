package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gatehouse-dev/gatehouse/internal/document/plangen"
)

// Sizes of the work, as issue and documentation state them.
const (
	changes     = 10_000
	objects     = 2_000
	planRules   = 60
	manyRules   = 600
	objectRules = 96 // at least as many as all built-in packs have
)

// A condition is the body of a rule in the words that both programs share; resource is the values after the change.
type condition struct{ body, message string }

// conditions are what teams write most: a tag, a name, an open port, a flag, a size. The last one is true of some resources of
// the plan, so that both programs have the same thing to find.
func conditions() []condition {
	return []condition{
		{`not resource.tags.Team`, "the tag Team is missing"},
		{`not startswith(resource.name, "resource-")`, "the name must begin with resource-"},
		{"some rule in resource.ingress\n\t\"0.0.0.0/0\" in rule.cidr_blocks", "open to the world"},
		{"some rule in resource.ingress\n\trule.from_port <= 22\n\trule.to_port >= 22", "SSH is open"},
		{`resource.revoke_rules_on_delete == true`, "revokes its rules"},
		{`resource.size > 100`, "larger than 100"},
		{`resource.description == ""`, "the description is empty"},
		{`not startswith(resource.vpc_id, "vpc-")`, "outside a VPC"},
		{"some rule in resource.ingress\n\trule.protocol == \"-1\"", "all protocols are open"},
		{"some rule in resource.ingress\n\trule.self == true", "open to itself"},
		{`not regex.match("^[0-9]{4}$", resource.tags.CostCenter)`, "the cost centre is no number"},
		{`to_number(resource.tags.Version) > 1000000`, "the version is too high"},
		{"some rule in resource.ingress\n\t\"::/0\" in rule.ipv6_cidr_blocks", "open to the IPv6 world"},
		{`count(resource.tags) > 50`, "too many tags"},
		{"some rule in resource.ingress\n\trule.from_port == 8089", "port 8089 is open"},
	}
}

// kinds are the types of the generated plan.
func kinds() []string {
	return []string{"aws_security_group", "aws_s3_bucket", "aws_instance", "aws_db_instance"}
}

// planRule gives rule i in both dialects. Those below planRules look at types of the plan, the others at types that it lacks.
func planRule(i int) (gatehouse, conftest string) {
	c := conditions()[i%len(conditions())]
	kind := kinds()[i/len(conditions())%len(kinds())]
	if i >= planRules {
		kind = fmt.Sprintf("example_type_%d", i/3)
	}
	gatehouse = metadata(fmt.Sprintf("BENCH-%03d", i), c.message, "terraform: ["+kind+"]") +
		fmt.Sprintf("package bench.rule_%d\n\ndeny contains message if {\n\tresource := input.resource\n\t%s\n\tmessage := %q\n}\n", i, c.body, c.message)
	conftest = fmt.Sprintf("package main\n\ndeny contains message if {\n\tsome change in input.resource_changes\n\tchange.type == %q\n"+
		"\tresource := change.change.after\n\t%s\n\tmessage := sprintf(\"%%s: %%s (%%d)\", [change.address, %q, %d])\n}\n", kind, c.body, c.message, i)
	return gatehouse, conftest
}

func metadata(id, title, inspects string) string {
	return "# METADATA\n# title: " + title + "\n# custom:\n#   id: " + id + "\n#   severity: high\n#   remedy: Correct it.\n#   inspects: {" + inspects + "}\n"
}

// objectConditions are simple rules on Deployments; pod is the Pod's spec.
func objectConditions() []condition {
	return []condition{
		{"some container in pod.containers\n\tnot container.resources.limits.memory", "no memory limit"},
		{"some container in pod.containers\n\tendswith(container.image, \":latest\")", "the image is latest"},
		{"some container in pod.containers\n\tcontainer.securityContext.privileged == true", "privileged"},
		{`pod.hostNetwork == true`, "uses the host's network"},
		{`not pod.securityContext.runAsNonRoot`, "may run as root"},
		{"some container in pod.containers\n\tnot container.readinessProbe", "no readiness probe"},
		{"some volume in pod.volumes\n\tvolume.hostPath", "mounts the host"},
		{"some container in pod.containers\n\tsome port in container.ports\n\tport.containerPort == 22", "SSH is open"},
	}
}

func objectRule(i int) (conftest string) {
	c := objectConditions()[i%len(objectConditions())]
	return fmt.Sprintf("package main\n\ndeny contains message if {\n\tinput.kind == \"Deployment\"\n\tpod := input.spec.template.spec\n\t%s\n"+
		"\tmessage := sprintf(\"%%s: %%s (%%d)\", [input.metadata.name, %q, %d])\n}\n", c.body, c.message, i)
}

// inputs writes everything that the programs read.
func (b *bench) inputs() error {
	plan := plangen.Plan(changes)
	other := bytes.Replace(plan, []byte(`"size":20`), []byte(`"size":99`), 1)
	files := map[string][]byte{"plan.json": plan, "plan-2.json": other, "objects/all.yaml": manifests(objects)}
	for i := range manyRules {
		own, peer := planRule(i)
		name := fmt.Sprintf("/rule_%03d.rego", i)
		if i < planRules {
			files["gatehouse-60"+name], files["conftest-60"+name] = []byte(own), []byte(peer)
		}
		files["gatehouse-600"+name], files["conftest-600"+name] = []byte(own), []byte(peer)
	}
	for i := range objectRules {
		files[fmt.Sprintf("conftest-objects/rule_%03d.rego", i)] = []byte(objectRule(i))
	}
	for name, data := range files {
		name = filepath.Join(b.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// manifests is n Kubernetes objects of 400 applications: Deployment, Service, ServiceAccount, PodDisruptionBudget, NetworkPolicy.
func manifests(n int) []byte {
	var out bytes.Buffer
	for i := range n / 5 {
		name, namespace := fmt.Sprintf("app-%d", i), fmt.Sprintf("team-%d", i%20)
		fmt.Fprintf(&out, application, name, namespace)
	}
	return out.Bytes()
}

const application = `apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: %[2]s, labels: {app: %[1]s}}
spec:
  replicas: 3
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      serviceAccountName: %[1]s
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: app
          image: registry.example.com/%[1]s:1.2.3@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
          ports: [{containerPort: 8080}]
          env: [{name: LOG, value: info}]
          resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 128Mi}}
          livenessProbe: {httpGet: {path: /livez, port: 8080}}
          readinessProbe: {httpGet: {path: /readyz, port: 8080}}
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  selector: {app: %[1]s}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: %[1]s, namespace: %[2]s}
automountServiceAccountToken: false
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: %[1]s}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  podSelector: {matchLabels: {app: %[1]s}}
  policyTypes: [Ingress, Egress]
---
`
