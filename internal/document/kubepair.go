package document

import (
	"encoding/json"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// pair matches the objects of the head with those of the merge base by group, kind, namespace and name: first within a file, then
// across files, in the order in which they stand. What has no partner is new, or deleted.
func pair(head, base []found) []gate.Document {
	type place struct {
		file string
		identity
	}
	inFile := map[place][]int{}
	anywhere := map[identity][]int{}
	for i, o := range base {
		p := place{o.file, o.identity}
		inFile[p] = append(inFile[p], i)
		anywhere[o.identity] = append(anywhere[o.identity], i)
	}
	partner := make([]int, len(head))
	taken := make([]bool, len(base))
	for i, o := range head {
		partner[i] = takeFirst(inFile, place{o.file, o.identity}, taken)
	}
	docs := make([]gate.Document, 0, len(head))
	for i, o := range head {
		if partner[i] < 0 {
			partner[i] = takeFirst(anywhere, o.identity, taken)
		}
		var before *found
		if partner[i] >= 0 {
			before = &base[partner[i]]
		}
		docs = append(docs, kubeDocument(&head[i], before))
	}
	for i := range base {
		if !taken[i] {
			docs = append(docs, kubeDocument(nil, &base[i]))
		}
	}
	return docs
}

// takeFirst takes the first candidate that nobody has, -1 for none. Those that are taken leave the list, so that many objects of
// one identity do not cost a search each.
func takeFirst[K comparable](candidates map[K][]int, k K, taken []bool) int {
	list := candidates[k]
	for len(list) > 0 && taken[list[0]] {
		list = list[1:]
	}
	if len(list) == 0 {
		delete(candidates, k)
		return -1
	}
	taken[list[0]] = true
	candidates[k] = list[1:]
	return list[0]
}

// kubeDocument makes the document of an object; one of the two may be nil.
func kubeDocument(after, before *found) gate.Document {
	shown := after
	if after == nil {
		shown = before
	}
	doc := gate.Document{
		Kind: gate.KindKubernetes, Type: shown.kind, Group: shown.group, Name: shown.name, Namespace: shown.namespace,
		Resource: shown.resource(), Set: ManifestSet, File: shown.file, PodPath: shown.podPath,
	}
	schema, schemaBefore := json.RawMessage("[]"), json.RawMessage("[]")
	if after != nil {
		doc.After, doc.Line = after.json, after.line
		schema = marshalSchema(after.schema)
	}
	if before != nil {
		doc.Before = before.json
		schemaBefore = marshalSchema(before.schema)
		if before.file != doc.File {
			doc.BaseFile = before.file
		}
	}
	doc.Actions = compare(doc.Before, doc.After)
	doc.Change = withActions(jsonObject("unknown", []byte("{}"), "sensitive", []byte("{}"), "schema", schema, "schema_before", schemaBefore),
		doc.Actions)
	return doc
}

func marshalSchema(errors []schemaError) json.RawMessage {
	if len(errors) == 0 {
		return json.RawMessage("[]")
	}
	return marshal(errors)
}
