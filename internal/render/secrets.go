package render

import (
	"cmp"
	"encoding/base64"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// shortestSecret is the length from which a secret is looked for in what the libraries say: shorter ones are words that stand everywhere.
const shortestSecret = 6

// secretName is what values of charts are called that are most likely secret.
var secretName = regexp.MustCompile(`(?i)passw|passphrase|secret|token|credential|private|api_?key|access_?key|dsn|connection`)

// withoutSecrets takes the secrets of the job's files out of what a library says, which likes to quote what it could not make sense of: the data
// of Secrets, what generators of Secrets are made of, and values of charts with names such as password.
func (j *job) withoutSecrets(message string) string {
	secrets := map[string]bool{}
	for name, data := range j.Files {
		if extension := path.Ext(name); extension != ".yaml" && extension != ".yml" && extension != ".json" && path.Base(name) != "Kustomization" {
			continue
		}
		documents, _ := nodes(data) //nolint:errcheck // what could be read of it
		for _, document := range documents {
			j.secretsOf(document, path.Dir(name), 0, secrets)
			if j.Kind == kindHelm {
				namedSecrets(document, false, 0, secrets)
			}
		}
	}
	if documents, err := nodes(j.Inline); err == nil {
		for _, document := range documents {
			namedSecrets(document, false, 0, secrets)
		}
	}
	// The longest first, for one may hold another.
	list := make([]string, 0, len(secrets))
	for s := range secrets {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	for _, s := range list {
		message = strings.ReplaceAll(message, s, "(secret)")
	}
	return message
}

// secretsOf collects the data of Secrets, at any depth, and what secretGenerator is made of.
func (j *job) secretsOf(n *yaml.Node, dir string, depth int, into map[string]bool) {
	if n == nil || depth > 50 {
		return
	}
	if strings.HasPrefix(text(field(n, "kind")), "Secret") {
		for _, part := range []string{"data", "stringData"} {
			scalars(field(n, part), depth, into)
		}
	}
	if generators := field(n, "secretGenerator"); generators != nil {
		refs("", "", generators, func(r ref) {
			if r.key == "literals" {
				addSecret(r.value, into)
			}
			if r.key != "files" && r.key != "envs" && r.key != "env" {
				return
			}
			for line := range strings.Lines(string(j.Files[path.Join(dir, r.value[strings.IndexByte(r.value, '=')+1:])])) {
				addSecret(strings.TrimSpace(line), into)
			}
		})
	}
	for _, child := range n.Content {
		j.secretsOf(child, dir, depth+1, into)
	}
}

// namedSecrets collects what stands below names such as password.
func namedSecrets(n *yaml.Node, named bool, depth int, into map[string]bool) {
	if n == nil || depth > 50 {
		return
	}
	if named && n.Kind == yaml.ScalarNode {
		addSecret(n.Value, into)
	}
	for i, child := range n.Content {
		below := named
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			below = named || secretName.MatchString(n.Content[i-1].Value)
		} else if n.Kind == yaml.MappingNode {
			continue
		}
		namedSecrets(child, below, depth+1, into)
	}
}

// scalars collects the values below a node; those of a mapping without its keys.
func scalars(n *yaml.Node, depth int, into map[string]bool) {
	if n == nil || depth > 50 {
		return
	}
	if n.Kind == yaml.ScalarNode {
		addSecret(n.Value, into)
	}
	for i, child := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			scalars(child, depth+1, into)
		}
	}
}

// addSecret takes a text, what follows its first =, and what it stands for in base64.
func addSecret(value string, into map[string]bool) {
	_, after, _ := strings.Cut(value, "=")
	decoded, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		decoded = nil
	}
	for _, s := range []string{value, after, string(decoded)} {
		if s = strings.TrimSpace(s); len(s) >= shortestSecret {
			into[s] = true
		}
	}
}
