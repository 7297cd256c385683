package pipeline

import (
	"cmp"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// documentsDigest names everything that happens to the documents, in any order. Files do not enter: they are judged on their own,
// and the same plan may be handed in under another name.
func documentsDigest(changes []gate.Change) (string, error) {
	type entry struct{ Kind, Resource, Environment, Digest string }
	list := make([]entry, 0, len(changes))
	for _, c := range changes {
		list = append(list, entry{c.Kind, c.Resource, c.Environment, c.Digest})
	}
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Digest, b.Digest))
	})
	text, err := ledger.Canonical(list)
	if err != nil {
		return "", err
	}
	return ledger.Digest(text), nil
}

// changesSince lists what happens to documents now and did not before, and which resources are no longer touched.
func changesSince(before, now []gate.Change) (fresh []gate.Change, dropped []string) {
	type key struct{ kind, resource, environment string }
	old := map[key]string{}
	for _, c := range before {
		old[key{c.Kind, c.Resource, c.Environment}] = c.Digest
	}
	for _, c := range now {
		k := key{c.Kind, c.Resource, c.Environment}
		if digest, ok := old[k]; !ok || digest != c.Digest {
			fresh = append(fresh, c)
		}
		delete(old, k)
	}
	for k := range old {
		dropped = append(dropped, k.resource)
	}
	slices.Sort(dropped)
	return fresh[:min(len(fresh), gate.MaxSince)], dropped[:min(len(dropped), gate.MaxSince)]
}
