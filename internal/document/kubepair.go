package document

import (
	"encoding/json"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// pair matches the objects of the head with those of the merge base by group, kind, namespace and name: first within a set and a
// file, then within a set, then across sets, in the order in which they stand. What has no partner is new, or deleted.
func pair(head, base []found) []gate.Document {
	type place struct {
		set, file string
		identity
	}
	// The more a key leaves out, the further away a partner may be.
	keys := []func(found) place{
		func(o found) place { return place{o.set, o.file, o.identity} },
		func(o found) place { return place{o.set, "", o.identity} },
		func(o found) place { return place{o.set, o.file, o.unhashed()} },
		func(o found) place { return place{"", "", o.identity} },
	}
	partner := make([]int, len(head)) // from 1; 0: none
	taken := make([]bool, len(base))
	for _, key := range keys {
		waiting := map[place][]int{}
		for i, o := range base {
			if !taken[i] {
				waiting[key(o)] = append(waiting[key(o)], i)
			}
		}
		for i, o := range head {
			if candidates := waiting[key(o)]; partner[i] == 0 && len(candidates) > 0 {
				partner[i], waiting[key(o)] = candidates[0]+1, candidates[1:]
				taken[candidates[0]] = true
			}
		}
	}
	docs := make([]gate.Document, 0, len(head))
	for i := range head {
		var before *found
		if partner[i] > 0 {
			before = &base[partner[i]-1]
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

// unhashed is the identity of an object without the hash of its content that kustomize ends the names of generated ConfigMaps and
// Secrets with.
func (o found) unhashed() identity {
	id := o.identity
	if at := len(id.name) - 11; o.set != ManifestSet && (id.kind == "ConfigMap" || id.kind == "Secret") && at > 0 && id.name[at] == '-' &&
		strings.Trim(id.name[at+1:], "bcdfghkmt2456789") == "" {
		id.name = id.name[:at]
	}
	return id
}

// kubeDocument makes the document of an object; one of the two may be nil.
func kubeDocument(after, before *found) gate.Document {
	shown := after
	if after == nil {
		shown = before
	}
	doc := gate.Document{
		Kind: gate.KindKubernetes, Type: shown.kind, Group: shown.group, Name: shown.name, Namespace: shown.namespace,
		Resource: shown.resource(), Set: shown.set, File: shown.file, PodPath: shown.podPath,
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
