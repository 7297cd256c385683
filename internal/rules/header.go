package rules

import (
	"bytes"
	"regexp"
	"strings"
)

// A header is what the top of a Rego file says, found without parsing Rego.
type header struct {
	metadata []byte // YAML of the METADATA comment before the package; nil: there is none
	line     int    // of the metadata's first line
	pkg      string // dotted package name: a.b-c for a["b-c"]
	pkgLine  int
}

// packageLine takes a part in brackets and quotes, too, unless a dot in it could be taken for one between parts.
var packageLine = regexp.MustCompile(`^package[ \t]+([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*|\["[^"\\.\]]+"\])*)[ \t]*(?:#.*)?$`)

// scanHeader reads comments and blank lines up to the package declaration. The last METADATA comment wins, as in OPA it belongs
// to the statement that follows it. ok is false when no package declaration of names without dots stands there; pkgLine then is the
// line that should be one.
func scanHeader(src []byte) (h header, ok bool) {
	var yaml bytes.Buffer
	inside := false
	line := 0
	for len(src) > 0 {
		line++
		text, rest, _ := bytes.Cut(src, []byte("\n"))
		src = rest
		if line == 1 {
			text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
		}
		text = bytes.Trim(text, " \t\r")
		comment, isComment := bytes.CutPrefix(text, []byte("#"))
		switch {
		case isComment && string(bytes.TrimSpace(comment)) == "METADATA":
			yaml.Reset()
			inside = true
			h.line = line + 1
		case isComment && inside:
			yaml.Write(bytes.TrimPrefix(comment, []byte(" ")))
			yaml.WriteByte('\n')
		case isComment:
		case len(text) == 0:
			inside = false
		default:
			h.pkgLine = line
			match := packageLine.FindSubmatch(text)
			if match == nil {
				return h, false
			}
			h.pkg = strings.NewReplacer(`["`, ".", `"]`, "").Replace(string(match[1]))
			if yaml.Len() > 0 {
				h.metadata = yaml.Bytes()
			}
			return h, true
		}
	}
	h.pkgLine = max(line, 1)
	return h, false
}

// resultSets are the sets that a rule may produce, in the order in which they are read.
func resultSets() []string { return []string{setDeny, setWarn, setUnknown, setApproval} }

const (
	setDeny     = "deny"
	setWarn     = "warn"
	setUnknown  = "unknown"
	setApproval = "require_approval"
)

var resultHead = regexp.MustCompile(`(?m)^(?:default[ \t]+)?(?:deny|warn|unknown|require_approval|violation)\b`)

// looksLikeRule tells a rule whose author forgot the metadata from a helper that needs none.
func looksLikeRule(src []byte) bool { return resultHead.Match(src) }

func isTestFile(name string) bool { return strings.HasSuffix(name, "_test.rego") }
