package judge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// digestChanges gives each change the digest of what happens to its document, value by value: two plans with the same digests
// do the same. What the change leaves alone does not enter, so that somebody else's work on the same object does not either.
func digestChanges(changes []gate.Change, documents []gate.Document) error {
	type key struct{ kind, resource, file, environment string }
	digests := map[key][]string{}
	for i := range documents {
		d := &documents[i]
		k := key{d.Kind, d.Resource, d.File, d.Environment}
		digest, err := digestOf(d)
		if err != nil {
			return fmt.Errorf("name what happens to %s: %w", d.Resource, err)
		}
		digests[k] = append(digests[k], digest)
	}
	for i := range changes {
		c := &changes[i]
		k := key{c.Kind, c.Resource, c.File, c.Environment}
		if of := digests[k]; len(of) > 0 {
			c.Digest, digests[k] = of[0], of[1:]
		}
	}
	return nil
}

func digestOf(d *gate.Document) (string, error) {
	var before, after any
	for _, side := range []struct {
		data json.RawMessage
		into *any
	}{{d.Before, &before}, {d.After, &after}} {
		if side.data == nil {
			continue
		}
		dec := json.NewDecoder(bytes.NewReader(side.data))
		dec.UseNumber()
		if err := dec.Decode(side.into); err != nil {
			return "", err
		}
	}
	what := map[string]any{"actions": d.Actions, "values": delta(before, after)}
	if d.Kind == gate.KindTerraform { // what is known only after apply, what is replaced and why
		what["change"] = d.Change
	}
	text, err := json.Marshal(what) // its keys are sorted, and its numbers stay as they are written
	if err != nil {
		return "", err
	}
	return ledger.Digest(text), nil
}

// delta is what differs between two values: an object's keys that do, and anything else as a pair. nil: nothing.
func delta(before, after any) any {
	a, okA := before.(map[string]any)
	b, okB := after.(map[string]any)
	if !okA || !okB {
		if reflect.DeepEqual(before, after) {
			return nil
		}
		return []any{before, after}
	}
	out := map[string]any{}
	for k, v := range a {
		w, ok := b[k]
		if !ok {
			out[k] = []any{v}
		} else if d := delta(v, w); d != nil {
			out[k] = d
		}
	}
	for k, w := range b {
		if _, ok := a[k]; !ok {
			out[k] = []any{nil, w}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
