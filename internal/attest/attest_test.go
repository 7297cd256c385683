package attest_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/attest"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

const (
	commit = "8c0ffee0000000000000000000000000000000ff"
	plan   = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	set    = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

func landing() attest.Landing {
	facts := gate.Facts{
		Version: gate.FactsVersion, Time: time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC),
		Repository:  gate.Repository{ID: 1, Owner: "acme", Name: "infra", DefaultBranch: "main"},
		PullRequest: gate.PullRequest{Number: 7, Author: "ann", Head: gate.Ref{SHA: commit}},
		Plans:       []gate.Plan{{Dir: "infra/prod", Workspace: "default", Source: "oidc", Digest: plan}},
	}
	return attest.Landing{
		Commit: commit, Branch: "main", Facts: facts, Decision: gate.Decide(facts), DecisionID: "d-1", DecisionDigest: set,
		Sets: []attest.Set{{Name: "k8s", Digest: set}}, Verifier: "https://gate.example", ServerURL: "https://github.com",
	}
}

func newKey(t *testing.T) *ledger.Signer {
	t.Helper()
	key, err := ledger.GenerateSigner(rand.Reader, "gatehouse/test")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// What was signed is covered, and nothing else; the older of two keys still opens what it signed.
func TestCovers(t *testing.T) {
	t.Parallel()
	key, newer := newKey(t), newKey(t)
	envelope, err := attest.Sign(t.Context(), landing(), key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := attest.Sign(t.Context(), landing(), key)
	if err != nil || !bytes.Equal(envelope, again) {
		t.Errorf("the same landing gave other bytes (%v)", err)
	}
	a, err := attest.Open(t.Context(), envelope, newer.Verifier(), key.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	good := attest.Want{Commit: commit, Repository: "acme/infra", Branch: "main", Plan: plan, Objects: set}
	if err := a.Covers(good); err != nil {
		t.Errorf("not covered: %v", err)
	}
	for name, change := range map[string]func(*attest.Want){
		"commit":     func(w *attest.Want) { w.Commit = strings.Repeat("0", 40) },
		"repository": func(w *attest.Want) { w.Repository = "fork/infra" },
		"branch":     func(w *attest.Want) { w.Branch = "release" },
		"plan":       func(w *attest.Want) { w.Plan = set },
		"objects":    func(w *attest.Want) { w.Objects = plan },
	} {
		want := good
		change(&want)
		if a.Covers(want) == nil {
			t.Errorf("another %s is covered", name)
		}
	}
}

// Whatever is changed in an envelope, and whoever else signed it, it does not open.
func TestForgedEnvelopes(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	envelope, err := attest.Sign(t.Context(), landing(), key)
	if err != nil {
		t.Fatal(err)
	}
	var parts map[string]any
	if err := json.Unmarshal(envelope, &parts); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(parts["payload"].(string))
	if err != nil {
		t.Fatal(err)
	}
	parts["payload"] = base64.StdEncoding.EncodeToString(bytes.ReplaceAll(payload, []byte("acme/infra"), []byte("acme/other")))
	edited, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		envelope []byte
		key      *ledger.Signer
	}{
		"edited":      {edited, key},
		"another key": {envelope, newKey(t)},
		"cut off":     {envelope[:len(envelope)/2], key},
		"empty":       {nil, key},
	} {
		if _, err := attest.Open(t.Context(), c.envelope, c.key.Verifier()); err == nil {
			t.Errorf("%s: it opened", name)
		}
	}
}

// Who asks for one of the commits that came along is told which one was judged.
func TestAlong(t *testing.T) {
	t.Parallel()
	key, l := newKey(t), landing()
	other := strings.Repeat("e", 40)
	l.Along = []string{other}
	envelope, err := attest.Sign(t.Context(), l, key)
	if err != nil {
		t.Fatal(err)
	}
	a, err := attest.Open(t.Context(), envelope, key.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	err = a.Covers(attest.Want{Commit: other})
	if want := "that is " + l.Commit + "; deploy that one"; !errors.As(err, new(attest.Refused)) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, wanted %q", err, want)
	}
	if err := a.Covers(attest.Want{Commit: l.Commit}); err != nil {
		t.Error(err)
	}
}
