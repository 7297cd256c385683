package document_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

func TestWholeDocumentsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	r := document.NewRedactor([]byte("key"))
	for name, text := range map[string]string{
		"a Secret": `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kept"}, "data": {"a": "hunter22"}, "stringData": {"b": "hunter22"}}`,
		"in a list": `{"kind": "List", "items": [{"kind": "Secret", "data": {"a": "hunter22"}, "metadata": {"name": "kept",
			"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter22"}}}]}`,
		"a list of Secrets": `{"kind": "SecretList", "items": [{"data": {"a": "hunter22"}, "metadata": {"name": "kept"}}, {"kind": "Secret", "stringData": {"a": "hunter22"}}]}`,
		"another spelling":  `{"kind": "secret", "StringData": {"a": "hunter22"}, "DATA": {"b": "hunter22"}, "metadata": {"name": "kept"}}`,
		"a plan": `{"format_version": "1.2", "terraform_version": "1.9", "variables": {"p": {"value": "hunter22"}, "q": {"value": "kept"}},
			"configuration": {"root_module": {"variables": {"p": {"sensitive": true, "default": "hunter22"}, "q": {}},
				"resources": [{"expressions": {"password": {"constant_value": "hunter22"}}}]}},
			"resource_changes": [{"change": {"after": {"password": "hunter22", "n": 1}, "after_sensitive": {"password": true}, "before": null, "before_sensitive": false}}],
			"planned_values": {"outputs": {"o": {"sensitive": true, "value": "hunter22"}},
				"root_module": {"child_modules": [{"resources": [{"values": {"x": ["hunter22"]}, "sensitive_values": {"x": [true]}}]}]}}}`,
	} {
		got := string(r.Whole(json.RawMessage(text)))
		if strings.Contains(got, "hunter22") || !strings.Contains(got, `"kept"`) || !strings.Contains(got, document.TokenPrefix) || !json.Valid([]byte(got)) {
			t.Errorf("%s: %s", name, got)
		}
	}
	plain := `{"kind": "Deployment", "spec": {"replicas": 1, "data": "x"}}`
	if got := string(r.Whole(json.RawMessage(plain))); got != plain {
		t.Error(got)
	}
	if got := string(r.Whole(json.RawMessage(`{"a": 1}`))); got != `{"a": 1}` {
		t.Error(got)
	}
}
