package documents

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// lastFacts are the facts of the last decision about a pull request.
func (s *place) lastFacts(pr *githubsim.PR) (store.Decision, gate.Facts) {
	s.T.Helper()
	d, err := s.DB.Latest(context.Background(), s.Repo.ID(), pr.Number())
	if err != nil {
		s.T.Fatal(err)
	}
	return d, s.factsOf(d)
}

func (s *place) factsOf(d store.Decision) (facts gate.Facts) {
	s.T.Helper()
	data, err := s.DB.Facts(context.Background(), d.FactsDigest)
	if err != nil {
		s.T.Fatal(err)
	}
	if err := json.Unmarshal(data, &facts); err != nil {
		s.T.Fatal(err)
	}
	return facts
}

// blobs are all contents that are kept about a decision, unpacked, one after the other.
func (s *place) blobs(d store.Decision, facts gate.Facts) (all []byte, saw evidence.Evidence) {
	s.T.Helper()
	if facts.Evidence == nil {
		s.T.Fatalf("%s keeps nothing", d.ID)
	}
	read := func(digest string) ([]byte, error) {
		data, err := s.DB.Facts(context.Background(), digest)
		all = append(all, data...)
		return data, err
	}
	saw, err := evidence.Open(facts.Evidence.Digest, read)
	if err != nil {
		s.T.Fatal(err)
	}
	changes, err := s.DB.Changes(context.Background(), d.LogIndex)
	if err != nil {
		s.T.Fatal(err)
	}
	all = append(all, changes...)
	if _, err := read(d.FactsDigest); err != nil {
		s.T.Fatal(err)
	}
	return all, saw
}

// What was secret in plans and manifests is in nothing that is kept about the decision: these are packed, so that looking through the
// database's pages would not find it.
func TestWhatIsKeptHoldsNoSecret(t *testing.T) {
	const secret = "CANARY-in-the-mine"
	s := newPlace(t, site.Setup{Files: map[string]string{
		"k8s/token.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {token: older-" + secret + "}\n",
	}})
	plan := map[string]any{
		"format_version": "1.2", "terraform_version": "1.9.8",
		"variables":     map[string]any{"password": map[string]any{"value": secret}},
		"configuration": map[string]any{"root_module": map[string]any{"variables": map[string]any{"password": map[string]any{"sensitive": true}}}},
		"output_changes": map[string]any{"password": map[string]any{
			"actions": []string{"update"}, "before": "older-" + secret, "after": secret, "before_sensitive": true, "after_sensitive": true,
		}},
		"resource_changes": []any{map[string]any{
			"address": "aws_db_instance.main", "mode": "managed", "type": "aws_db_instance", "name": "main",
			"provider_name": "registry.terraform.io/hashicorp/aws",
			"change": map[string]any{
				"actions": []string{"update"}, "before": map[string]any{"password": "older-" + secret, "note": "older-" + secret, "size": 1},
				"after": map[string]any{"password": secret, "note": secret, "size": 2}, "after_unknown": map[string]any{},
				"before_sensitive": map[string]any{"password": true}, "after_sensitive": map[string]any{"password": true},
			},
		}},
	}
	text, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	pr := s.Open("ann", "secret", map[string]string{
		"infra/prod/prod.tfplan.json": string(text), "infra/prod/main.tf": "# changed\n",
		"k8s/token.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {token: " + secret + "}\ndata: {other: " + "Q0FOQVJZLWluLXRoZS1taW5l" + "}\n",
	})
	s.Settle()
	all, saw := s.blobs(s.lastFacts(pr))
	if len(saw.Documents) < 3 || !bytes.Contains(all, []byte("aws_db_instance.main")) || !bytes.Contains(all, []byte("v1/Secret//token")) {
		t.Errorf("what is looked through holds too little: %d documents\n%s", len(saw.Documents), all)
	}
	for _, canary := range []string{secret, "Q0FOQVJZLWluLXRoZS1taW5l"} {
		if bytes.Contains(all, []byte(canary)) {
			t.Errorf("%s is there", canary)
		}
	}
	if comment := s.Comment(pr); strings.Contains(comment, secret) {
		t.Errorf("the secret is in the comment:\n%s", comment)
	}
}

// What becomes of each attribute is in the comment, in the answer to who changed it, and in the export of that answer, the same
// everywhere; a secret is a word in all of them.
func TestBeforeAndAfter(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{
		"k8s/app.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata:\n  app.conf: |\n    a: 1\n    b:\n      c: 2\n",
		"k8s/key.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {key: one}\n",
	}})
	plan, err := json.Marshal(map[string]any{
		"format_version": "1.2", "terraform_version": "1.9.8",
		"resource_changes": []any{map[string]any{
			"address": "aws_db_instance.main", "mode": "managed", "type": "aws_db_instance", "name": "main", "provider_name": "registry.terraform.io/hashicorp/aws",
			"change": map[string]any{
				"actions": []string{"delete", "create"}, "replace_paths": []any{[]any{"engine_version"}},
				"before": map[string]any{"engine_version": "13", "arn": "arn:x", "tags": map[string]any{"note": "@octocat </details> ```"}},
				"after":  map[string]any{"engine_version": "14", "tags": map[string]any{"note": "*"}}, "after_unknown": map[string]any{"arn": true},
			},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	pr := s.Open("ann", "change", map[string]string{
		"infra/prod/prod.tfplan.json": string(plan), "infra/prod/main.tf": "# changed\n",
		"k8s/app.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata:\n  app.conf: |\n    a: 1\n    b:\n      c: 3\n",
		"k8s/key.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {key: two}\n",
	})
	s.Settle()
	s.Says(pr, "- **replace** `aws_db_instance.main`\n  ```diff\n"+
		"  - engine_version = \"13\"\n  + engine_version = \"14\" # forces replacement\n"+
		"  - tags.note = \"@octocat </details> ```\"\n  + tags.note = \"*\"\n"+
		"  - arn = \"arn:x\"\n  + arn = (known after apply)\n  ```\n",
		"- update `v1/ConfigMap//app`\n  ```diff\n    data[\"app.conf\"], from line 3:\n  - |   c: 2\n  + |   c: 3\n  ```\n",
		"- update `v1/Secret//key`\n  ```diff\n  ! stringData.key = (sensitive), changes\n  ```\n")

	status, out, errs := s.Run("audit", "who", "aws_db_*", "-o", "json")
	var who []struct{ Changes []diff.Attribute }
	if err := json.Unmarshal([]byte(out), &who); err != nil || status != site.Pass || len(who) != 1 {
		t.Fatalf("status %d, %v\n%s%s", status, err, out, errs)
	}
	value := func(s string) json.RawMessage { return json.RawMessage(s) }
	want := []diff.Attribute{
		{Attribute: "engine_version", Before: value(`"13"`), After: value(`"14"`), Forces: true},
		{Attribute: "tags.note", Before: value("\"@octocat </details> ```\""), After: value(`"*"`)},
		{Attribute: "arn", Before: value(`"arn:x"`), After: value(`"(known after apply)"`), Unknown: true},
	}
	if diff := cmp.Diff(want, who[0].Changes, cmp.Transformer("json", func(v json.RawMessage) (x any) {
		if err := json.Unmarshal(v, &x); err != nil {
			t.Error(err)
		}
		return x
	})); diff != "" {
		t.Error(diff)
	}
	for args, wants := range map[string][]string{
		"aws_db_instance.main": {"\n    engine_version: \"13\" → \"14\" (forces replacement)\n", "\n    arn: \"arn:x\" → (known after apply)\n"},
		"v1/Secret//*":         {"\n    stringData.key: (sensitive), changes\n"},
	} {
		status, out, errs := s.Run("audit", "who", args)
		for _, want := range wants {
			if status != site.Pass || !strings.Contains(out, want) {
				t.Errorf("status %d, no %q in\n%s%s", status, want, out, errs)
			}
		}
	}
	if status, out, errs := s.Run("audit", "who", "v1/ConfigMap//app", "-o", "csv"); status != site.Pass ||
		!strings.Contains(out, `"data[""app.conf""], from line 3: "" c: 2\n"" → "" c: 3\n"""`) {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}
