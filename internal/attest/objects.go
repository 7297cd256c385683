package attest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// MaxSets is how many sets of objects one attestation names, those nearest to the root first.
const MaxSets = 500

// A Set is Kubernetes objects that are deployed together: what a kustomization or a chart makes, or the manifests of a folder
// and the folders below it.
type Set struct {
	Name   string // the root that makes it, or the folder
	Digest string // sha256:HEX; see [Objects]
}

// Sets names the sets of objects of a commit. What could not be read or rendered is in no set. The error is the tree's, and may
// pass.
func Sets(ctx context.Context, tree document.Tree, o document.Options) ([]Set, error) {
	o.Redactor = document.NewRedactor(nil)
	o.Kubernetes.AsWritten = true // as helm template writes them, which is what a deployer has
	built := document.Build(ctx, tree, nil, o)
	if built.Err != nil {
		return nil, fmt.Errorf("read the manifests: %w", built.Err)
	}
	members := map[string][]string{}
	folders := map[string][]string{}
	for i := range built.Documents {
		d := &built.Documents[i]
		if d.Kind != gate.KindKubernetes || d.After == nil {
			continue
		}
		text, err := object(d.After)
		if err != nil {
			return nil, fmt.Errorf("name %s: %w", d.Resource, err)
		}
		if d.Set != document.ManifestSet {
			members[d.Set] = append(members[d.Set], text)
			continue
		}
		for _, dir := range above(d.File) {
			folders[dir] = append(folders[dir], text)
		}
	}
	for _, p := range built.Problems { // a folder of which a part could not be read is not known
		if p.File != "" {
			for _, dir := range above(p.File) {
				delete(folders, dir)
			}
		}
	}
	var out []Set
	for name, texts := range members {
		out = append(out, Set{name, digest(texts)})
	}
	for dir, texts := range folders {
		out = append(out, Set{dir, digest(texts)})
	}
	slices.SortFunc(out, func(a, b Set) int {
		return cmp.Or(cmp.Compare(strings.Count(a.Name, "/"), strings.Count(b.Name, "/")), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Digest, b.Digest))
	})
	return out[:min(len(out), MaxSets)], nil
}

// Objects is the digest of all Kubernetes objects in the YAML and JSON files of a tree, in any order and spelling. The values
// of Secrets do not enter, for anybody may have the digest and a password must not be guessed from it; their keys do.
func Objects(ctx context.Context, tree document.Tree) (string, error) {
	built := document.Build(ctx, tree, nil, document.Options{
		Redactor: document.NewRedactor(nil), Kubernetes: document.KubernetesOptions{Paths: []string{"**"}},
	})
	if built.Err != nil {
		return "", built.Err
	}
	for _, problems := range [][]gate.Problem{built.Problems, built.Unjudged} {
		if len(problems) > 0 {
			return "", fmt.Errorf("%s %s", problems[0].File, problems[0].Message)
		}
	}
	var texts []string
	for i := range built.Documents {
		if d := &built.Documents[i]; d.Kind == gate.KindKubernetes {
			text, err := object(d.After)
			if err != nil {
				return "", fmt.Errorf("name %s: %w", d.Resource, err)
			}
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 {
		return "", errors.New("there is no Kubernetes object in it")
	}
	return digest(texts), nil
}

// above is a file's folder and all folders that hold it.
func above(file string) []string {
	var out []string
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		out = append(out, dir)
		if dir == "." || dir == "/" {
			return out
		}
	}
}

// digest names objects in any order. An object that is there twice counts twice.
func digest(texts []string) string {
	slices.Sort(texts)
	return ledger.Digest([]byte("[" + strings.Join(texts, ",") + "]"))
}

var token = regexp.MustCompile(`"` + document.TokenPrefix + `[0-9a-f]{32}"`)

// object is an object's canonical text, with one word for every secret value.
func object(after json.RawMessage) (string, error) {
	text, err := ledger.CanonicalJSON(bytes.TrimSpace(after))
	if err != nil { // a number that canonical JSON cannot hold: it stays as it is written
		dec := json.NewDecoder(bytes.NewReader(after))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			return "", err
		}
		if text, err = json.Marshal(v); err != nil {
			return "", err
		}
	}
	return string(token.ReplaceAll(text, []byte(`"`+document.TokenPrefix+`"`))), nil
}
