package document

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Bounds of the names that one change is found by.
const (
	maxNames   = 8
	maxNameLen = 300 // bytes; the longest ARNs have some 250
)

// identifies reports whether clouds know a resource itself by an attribute, rather than another one that it refers to. Source: the
// provider schemas of AWS, Azure, Google Cloud and others call them so.
func identifies(key string) bool {
	switch key {
	case "id", "arn", "name", "self_link", "bucket", "identifier", "unique_id", "fqdn", "urn", "uid":
		return true
	}
	return false
}

// cloudNames are the names and ids that the cloud knows a changed resource by, of both sides, sorted: what people have in hands who look
// for whoever changed it. Secrets are tokens by now, and no names.
func cloudNames(doc *gate.Document) []string {
	if doc.Kind != gate.KindTerraform {
		return nil // an object's name is its resource
	}
	var out []string
	add := func(text string) {
		if text != "" && len(text) <= maxNameLen && !strings.HasPrefix(text, TokenPrefix) && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	for _, side := range []json.RawMessage{doc.Before, doc.After} {
		var values map[string]json.RawMessage
		if json.Unmarshal(side, &values) != nil {
			continue // nothing is there, or it is no object
		}
		for key, value := range values {
			switch {
			case identifies(key), ownName(doc.Type, key):
				add(plainText(value))
			case key == "tags" || key == "tags_all" || key == "labels":
				var tags map[string]json.RawMessage
				if json.Unmarshal(value, &tags) == nil {
					add(plainText(tags["Name"]))
					add(plainText(tags["name"]))
				}
			}
		}
	}
	slices.Sort(out)
	return out[:min(len(out), maxNames)]
}

// ownName reports whether an attribute is the resource's own name by its type: function_name of aws_lambda_function, cluster_identifier
// of aws_rds_cluster, and not the vpc_name of a subnet.
func ownName(kind, key string) bool {
	for _, end := range []string{"_name", "_identifier", "_id"} {
		if thing, ok := strings.CutSuffix(key, end); ok && (strings.HasSuffix(kind, "_"+thing) || strings.Contains(kind, "_"+thing+"_") && end != "_id") {
			return true
		}
	}
	return false
}

func plainText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return ""
	}
	return text
}
