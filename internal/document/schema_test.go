package document

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	kubejson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
)

func schemaOf(t *testing.T, text string) []schemaError {
	t.Helper()
	values, err := yamlValues([]byte(text), Limits{}.withDefaults())
	if err != nil || len(values) != 1 {
		t.Fatalf("%q: %d documents, %v", text, len(values), err)
	}
	return newSchemas().check(values[0].get("apiVersion").str(), values[0].get("kind").str(), values[0])
}

func TestSchema(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       []schemaError
	}{
		{"a custom resource", "apiVersion: example.com/v1\nkind: X\nspec: {a: 1}\n", nil},
		{"a service", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, targetPort: http}, {port: 81, targetPort: 81}]}\n", nil},
		{"an unknown kind", "apiVersion: v1\nkind: Pood\nmetadata: {name: a}\n", []schemaError{{"kind", "Pood is no kind of v1 in Kubernetes 1.37"}}},
		{"a kind of another version", "apiVersion: v1\nkind: Event1\n", []schemaError{{"kind", "Event1 is no kind of v1 in Kubernetes 1.37"}}},
		{"an unknown version", "apiVersion: apps/v3\nkind: Deployment\nmetadata: {name: a}\n", []schemaError{
			{"apiVersion", "apps/v3 has no kind Deployment in Kubernetes 1.37; wanted: apps/v1 or apps/v1beta1 or apps/v1beta2"}}},
		{"a removed version", "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n", []schemaError{
			{"apiVersion", "extensions/v1beta1 Ingress is gone since Kubernetes 1.22; wanted: networking.k8s.io/v1 Ingress"}}},
		{"an old definition", "apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\nmetadata: {name: a}\n", []schemaError{
			{"apiVersion", "apiextensions.k8s.io/v1beta1 is not served by Kubernetes; wanted: apiextensions.k8s.io/v1"}}},
		{"no name", "apiVersion: v1\nkind: ConfigMap\n", []schemaError{{"metadata.name", "is missing; every object needs a name"}}},
		{"everything wrong", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, labels: {a.b/c: 1}, creationTimestamp: soon}
spec:
  replicas: 3000000000
  Paused: true
  strategy: {rollingUpdate: {maxSurge: [1]}}
  template:
    spec:
      containers:
      - {name: a, imagepullPolicy: Always, command: ls, resources: {limits: {cpu: lots}}}
      volumes: {}
`, []schemaError{
			{`metadata.labels["a.b/c"]`, "is a number; wanted: a string"},
			{"metadata.creationTimestamp", "is not a time such as 2006-01-02T15:04:05Z"},
			{"spec.replicas", "is out of range; wanted: at most 2147483647"},
			{"spec.Paused", "is not a field of its kind; did you mean paused?"},
			{"spec.strategy.rollingUpdate.maxSurge", "is neither a whole number nor a string"},
			{"spec.template.spec.containers[0].imagepullPolicy", "is not a field of its kind; did you mean imagePullPolicy?"},
			{"spec.template.spec.containers[0].command", "is a string; wanted: a list"},
			{"spec.template.spec.containers[0].resources.limits.cpu", "is not a quantity such as 100m or 1Gi"},
			{"spec.template.spec.volumes", "is an object; wanted: a list"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, schemaOf(t, test.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSchemaIsStrictDecoding holds the check to Kubernetes' own strict decoder: one finds errors where the other does.
func TestSchemaIsStrictDecoding(t *testing.T) {
	t.Parallel()
	serializer := kubejson.NewSerializerWithOptions(kubejson.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, kubejson.SerializerOptions{Strict: true})
	values := []string{
		`null`, `1`, `-1`, `1.5`, `"x"`, `"1"`, `"10%"`, `"100m"`, `true`, `[]`, `["x"]`, `[1]`, `{}`, `{"a":"b"}`, `{"a":1}`, `[{"name":"x"}]`,
		`"aGk="`, `"2001-01-01T00:00:00Z"`, `4294967296`, `[{"unknown":1}]`, `"5m"`,
	}
	paths := map[string][]string{
		"apps/v1 Deployment": {"metadata.labels", "metadata.annotations.x", "metadata.creationTimestamp", "metadata.generation", "metadata.nope", "spec.replicas",
			"spec.paused", "spec.selector.matchLabels.a", "spec.strategy.rollingUpdate.maxSurge", "spec.template.spec.containers", "spec.template.spec.hostNetwork",
			"spec.template.spec.securityContext.runAsUser", "spec.template.spec.volumes", "spec.template.spec.nodeSelector.x", "status"},
		"v1 Pod":       {"spec.containers", "spec.overhead.cpu", "spec.priority", "spec.terminationGracePeriodSeconds", "spec.hostAliases", "spec.dnsConfig.options"},
		"v1 Secret":    {"data", "data.x", "stringData.x", "immutable", "type"},
		"v1 ConfigMap": {"data.x", "binaryData.x"},
		"rbac.authorization.k8s.io/v1 ClusterRole":                       {"rules", "aggregationRule.clusterRoleSelectors"},
		"networking.k8s.io/v1 Ingress":                                   {"spec.rules", "spec.defaultBackend.service.port.number"},
		"autoscaling/v2 HorizontalPodAutoscaler":                         {"spec.metrics", "spec.minReplicas", "spec.behavior.scaleDown.policies"},
		"admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration": {"webhooks", "webhooks.x"},
		"batch/v1 CronJob":                                               {"spec.schedule", "spec.jobTemplate.spec.backoffLimit"},
	}
	for head, paths := range paths {
		version, kind, _ := strings.Cut(head, " ")
		for _, path := range paths {
			for _, leaf := range values {
				if strings.HasSuffix(strings.ToLower(path), "data.x") && leaf[0] == '[' {
					continue // Go decodes a list of numbers into bytes; the API server's schema asks for a string
				}
				text := nest(version, kind, path, leaf)
				documents, err := jsonValues([]byte(text), Limits{}.withDefaults())
				if err != nil {
					t.Fatal(text, err)
				}
				got := newSchemas().check(version, kind, documents[0])
				_, _, strict := serializer.Decode(documents[0].appendJSON(nil), nil, nil)
				if (len(got) > 0) != (strict != nil) {
					t.Errorf("%s\nhere: %v\nKubernetes: %v (strict: %v)", text, got, strict, runtime.IsStrictDecodingError(strict))
				}
			}
		}
	}
}

// nest makes an object with one field at a path.
func nest(version, kind, path, leaf string) string {
	object := map[string]any{}
	at := object
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		next := map[string]any{}
		at[step] = next
		at = next
	}
	at[steps[len(steps)-1]] = json.RawMessage(leaf)
	if object["metadata"] == nil {
		object["metadata"] = map[string]any{}
	}
	if metadata, ok := object["metadata"].(map[string]any); ok {
		metadata["name"] = "x"
	}
	object["apiVersion"], object["kind"] = version, kind
	return string(marshal(object))
}
