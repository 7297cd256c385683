package rules

import (
	"encoding/json"
	"testing"
)

// FuzzCutPlan holds the cutting of plans to encoding/json: of what is JSON, the same changes with the same types are found.
func FuzzCutPlan(f *testing.F) {
	for _, plan := range append(plansToJudge(), `{"resource_changes":[{"type":"a\u0062"},{"\u0074ype":"b"}]}`, `{"resource_changes" : [ { } , {"a":[{"type":"c"}]} ] } `, `{"resource_changes":[{}`) {
		f.Add([]byte(plan))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := cutPlan(data)
		if !json.Valid(data) {
			return // only that it ends
		}
		var object map[string]json.RawMessage
		var list []map[string]any
		want := json.Unmarshal(data, &object) == nil && object["resource_changes"] != nil && json.Unmarshal(object["resource_changes"], &list) == nil && list != nil
		for _, change := range list {
			want = want && change != nil
		}
		if want != (got != nil) {
			t.Fatalf("a plan: %t, want %t", got != nil, want)
		}
		if !want {
			return
		}
		if len(got.texts) != len(list) {
			t.Fatalf("%d changes, want %d", len(got.texts), len(list))
		}
		for i, change := range list {
			if text, _ := change["type"].(string); got.types[i] != text {
				t.Errorf("change %d is of type %q, want %q", i, got.types[i], text)
			}
			if !json.Valid(got.texts[i]) {
				t.Errorf("change %d is cut wrong: %s", i, got.texts[i])
			}
		}
	})
}
