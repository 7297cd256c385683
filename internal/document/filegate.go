package document

import (
	"bufio"
	"bytes"
	"path"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

// gateKind are the files that say how the gate itself works. Whether they are in order is for the parser that enforces them to
// say; here they are only seen to change, so one that cannot be read is a document all the same.
func gateKind() fileKind {
	types := map[string]string{".github/gatehouse.yml": "config", ".github/gatehouse-waivers.yml": "waivers"}
	typeOf := func(file string) string {
		if under(".gatehouse", file) {
			return "policy"
		}
		return types[file]
	}
	return fileKind{
		kind:  gate.KindGate,
		what:  "a file of the gate itself",
		named: func(file string) bool { return typeOf(file) != "" },
		read: func(r *fileReader, file string, data []byte, _ bool) (*fileDocument, error) {
			typ := typeOf(file)
			v := objectValue(1, "text", textValue(string(data), 1))
			if typ != "policy" {
				if parsed, err := r.yaml(data); err == nil {
					v = objectValue(1, "content", parsed)
				}
			}
			return &fileDocument{kind: gate.KindGate, typ: typ, line: 1, value: v}, nil
		},
	}
}

// rulesKind are the rules in folders that the configuration names, wherever those are: what is Rego, what rules read beside it, and what is
// written for Gatekeeper. It comes after all other kinds, for a folder may hold more than rules.
func (o *Options) rulesKind() fileKind {
	return fileKind{
		kind: gate.KindGate,
		what: "a rule",
		named: func(file string) bool {
			_, ok := o.ruleFolder(file)
			return ok && path.Ext(file) == ".rego"
		},
		may: func(file string, data []byte) bool {
			if _, ok := o.ruleFolder(file); !ok {
				return false
			}
			switch base := path.Base(file); {
			case strings.HasSuffix(file, ".examples.yaml"), base == "data.json", base == "data.yaml", base == "data.yml":
				return true
			}
			return bytes.Contains(data, []byte("templates.gatekeeper.sh/")) || bytes.Contains(data, []byte("constraints.gatekeeper.sh/")) ||
				bytes.Contains(data, []byte("expansion.gatekeeper.sh/")) || bytes.Contains(data, []byte(suiteGroup+"/"))
		},
		read: func(_ *fileReader, _ string, data []byte, _ bool) (*fileDocument, error) {
			return &fileDocument{kind: gate.KindGate, typ: "policy", line: 1, value: objectValue(1, "text", textValue(string(data), 1))}, nil
		},
	}
}

// codeownersKind are the files that say who is asked: those that GitHub and GitLab read.
func codeownersKind() fileKind {
	places := map[string]bool{".github/CODEOWNERS": true, "CODEOWNERS": true, "docs/CODEOWNERS": true, ".gitlab/CODEOWNERS": true}
	return fileKind{
		kind:  gate.KindCodeowners,
		what:  "a list of code owners",
		named: func(file string) bool { return places[file] },
		usual: func(file string) bool { return path.Base(file) == "CODEOWNERS" },
		read: func(_ *fileReader, _ string, data []byte, _ bool) (*fileDocument, error) {
			entries := listValue()
			lines := bufio.NewScanner(bytes.NewReader(data))
			lines.Buffer(nil, maxText+1)
			for n := 1; lines.Scan(); n++ {
				fields := repoconfig.OwnerFields(lines.Text())
				if len(fields) == 0 {
					continue
				}
				entries.items = append(entries.items, objectValue(n,
					"pattern", textValue(fields[0], n), "owners", textsValue(fields[1:]), "line", numberValue(n)))
			}
			if err := lines.Err(); err != nil {
				return nil, &manifestError{line: 1, message: "cannot be read: " + err.Error(), remedy: "Break its lines."}
			}
			return &fileDocument{kind: gate.KindCodeowners, typ: "codeowners", line: 1, value: objectValue(1, "entries", entries)}, nil
		},
	}
}
