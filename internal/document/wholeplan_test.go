package document

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A plan that is masked part by part must come out as one that is masked as a whole.
func TestPlansAreMaskedPartByPart(t *testing.T) {
	t.Parallel()
	r := NewRedactor([]byte("key"))
	plans := map[string]string{
		"marks everywhere": `{"format_version": "1.2", "terraform_version": "1.9", "variables": {"p": {"value": "hunter<22"}, "q": {"value": "kept"}, "r": {"value": "undeclared"}},
			"configuration": {"root_module": {"variables": {"p": {"sensitive": true, "default": "hunter<22"}, "q": {}}}},
			"resource_changes": [
				{"type": "a", "change": {"before": null, "after": {"copy": "hunter\u003c22", "n": 1.50}, "after_sensitive": {}}},
				{"type": "b", "change": {"before": {"password": "old<secret"}, "before_sensitive": {"password": true}, "after": {"password": "hunter\u003c22"}, "after_sensitive": {"password": true}}},
				{"type": "kubernetes_manifest", "change": {"after": {"manifest": {"kind" : "secret", "data": {"a": "in a manifest"}}}, "after_sensitive": false}}],
			"resource_drift": [{"change": {"before": {"x": "old\u003csecret"}, "after": null}}],
			"deferred_changes": [{"resource_change": {"change": {"after": {"p": "deferred!"}, "after_sensitive": true}}}],
			"output_changes": {"o": {"before": "output-secret", "before_sensitive": true, "after": "output-secret"}},
			"prior_state": {"values": {"root_module": {"resources": [{"values": {"x": ["state-secret"]}, "sensitive_values": {"x": [true]}}]}}},
			"planned_values": {"outputs": {"o": {"sensitive": true, "value": "output-secret"}, "kept": {"value": "state-secret"}}}}`,
		"nothing marked":      `{"format_version":"1.2","terraform_version":"1.9","resource_changes":[{"change":{"after":{"a":"b","sensitive":"words"},"after_sensitive":{}}}]}`,
		"the last key counts": `{"format_version":"1.2","terraform_version":"1.9","resource_changes":[1],"resource_changes":[{"change":{"after":"a-secret","after_sensitive":true}}]}`,
		"strange shapes":      `{"format_version":"1.2","terraform_version":"1.9","resource_changes":{"a":{"sensitive":true,"value":"x"}},"variables":[],"output_changes":[{"after_sensitive":true}],"planned_values":7}`,
		"a kind of its own":   `{"format_version":"1.2","terraform_version":"1.9","kind":"Secret","data":{"a":"in the root"}}`,
		"marks in texts":      `{"format_version":"1.2","terraform_version":"1.9","resource_changes":[{"change":{"after":{"a":"sensitive\":[[{","b":"{\"sensitive\":{{\"a\":true","c":"before_sensitive","d":"\"kind\":[["}}}],"z":"sensitive_values\":{"}`,
		"a key twice": `{"format_version":"1.2","terraform_version":"1.9","resource_changes":[{"change":{"after":{"p":"a-secret"}, "after":{"p":"kept"}, "after_sensitive":{"p":true}}},
			{"change":{"after":{"p":"a-secret"},"after_sensitive":false,"after_sensitive":{"p":true}}}, {"change":{"after":"x"},"change":{"after":"a-secret","after_sensitive":true}}]}`,
		"odd changes": `{"format_version":"1.2","terraform_version":"1.9","resource_changes":[{"change":[{"after_sensitive":true}]}, {"after_sensitive":true,"after":"not a change"}, 7,
			{"change":{},"resource_change":{"change":{"after":"a-secret","after_sensitive":true}}}, {"change" : { "after" : [ "a-secret" , {"q" : "kept"} ] , "after_sensitive" : [ true , {} ], "before":null, "before_sensitive":true }, "address" : "x"}]}`,
		"spelled otherwise": `{"format_version":"1.2","terraform_version":"1.9","resource_changes":[{"change":{"after":{"p":"a-secret"},"after\u005fsensitive":{"p":true}}}]}`,
	}
	real, err := filepath.Glob("testdata/plans/*.json")
	if err != nil || len(real) == 0 {
		t.Fatal("no plans: ", err)
	}
	for _, name := range real {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		plans[name] = string(data)
		plans[name+" with more marks"] = strings.ReplaceAll(string(data), `"after_sensitive":{}`, `"after_sensitive":true`)
	}
	for name, plan := range plans {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := func(data []byte) (v any) {
				if err := json.Unmarshal(data, &v); err != nil {
					t.Fatal(err)
				}
				return v
			}
			got, want := r.Whole(json.RawMessage(plan)), r.atOnce(json.RawMessage(plan), true)
			if diff := cmp.Diff(read(want), read(got)); diff != "" {
				t.Errorf("masked part by part (-at once +part by part):\n%s", diff)
			}
			for _, secret := range []string{"hunter", "old<secret", `old\u003csecret`, `"value": "undeclared"`, `"value":"undeclared"`, "in a manifest", "deferred!", "output-secret", "state-secret", "a-secret", "in the root", "CANARY-manifest", "CANARY-object"} {
				if strings.Contains(string(got), secret) {
					t.Errorf("%q is still there: %s", secret, got)
				}
			}
		})
	}
	large := `{"format_version":"1.2","terraform_version":"1.9","resource_changes":[` + strings.Repeat(`{"change":{"after":{"a":"b"}}},`, 3) + `{}]}`
	if got := fmt.Sprint(string(r.Whole(json.RawMessage(large)))); !strings.Contains(got, `{"change":{"after":{"a":"b"}}},{"change"`) {
		t.Error(got)
	}
}

func TestIsJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "{}", " [1, -2.5e+3, \"a\\u00e9\", true, false, null] \n", "{} {}", "[1,]", "{\"a\":}", "{\"a\" 1}", "\"a", "01", "1.", "-", "nul", "[\"\x01\"]", "\"\\x\"", "\"\xff\"",
		strings.Repeat("[", 9999) + strings.Repeat("]", 9999), strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
	} {
		if got, want := isJSON([]byte(text)), json.Valid([]byte(text)); got != want {
			t.Errorf("%.40q: %t, encoding/json says %t", text, got, want)
		}
	}
}
