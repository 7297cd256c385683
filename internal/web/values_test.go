package web

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func TestEntryKind(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]store.Entry{
		"decision":           {Type: store.EntryDecision, Detail: map[string]any{"what": "no publication"}},
		"check run":          {Type: store.EntryPublication, Detail: map[string]any{"what": "check"}},
		"attestation":        {Type: store.EntryPublication, Detail: map[string]any{"what": "attestation"}},
		"configuration: key": {Type: store.EntryConfiguration, Detail: map[string]any{"what": "key"}},
		"publication":        {Type: store.EntryPublication},
	} {
		if got := entryKind(e); got != want {
			t.Errorf("got %q, wanted %q", got, want)
		}
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	const want = `run <code>gatehouse doctor --fix</code> on &lt;main&gt; or <code>&lt;b&gt;</code>`
	if got := ticks("run `gatehouse doctor --fix` on <main> or `<b>`"); string(got) != want {
		t.Errorf("got %s", got)
	}
}
