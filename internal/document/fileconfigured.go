package document

import (
	"fmt"
	"path"
	"strings"
)

// configuredKind is the kind that the configuration says a file has; "" when it says nothing. A pattern that does not name an
// extension itself stands for the usual names of its kind, so that ci/** does not make a pipeline of the README beside it.
func (b *builder) configuredKind(kinds []fileKind, file string) string {
	if len(b.options.Files) == 0 {
		return ""
	}
	for kind, patterns := range sorted(b.options.Files) {
		for _, pattern := range patterns {
			if match(pattern, file) && (strings.Contains(path.Base(pattern), ".") || !strings.ContainsAny(pattern, "*?") || usual(kinds, kind, file)) {
				return kind
			}
		}
	}
	return ""
}

func usual(kinds []fileKind, kind, file string) bool {
	for _, k := range kinds {
		if k.kind == kind && (k.named != nil && k.named(file) || k.usual == nil && isYAMLName(file) || k.usual != nil && k.usual(file)) {
			return true
		}
	}
	return false
}

// meant reads a file that the configuration says is of a kind. What is not of that kind is an error: nobody can tell what the file does.
func (r *fileReader) meant(file string, data []byte, kind string) readFile {
	var first readFile
	for _, k := range r.kinds {
		if k.kind != kind {
			continue
		}
		if len(data) > maxText {
			return readFile{looks: k.what, err: overText()}
		}
		content, err := checkText(data)
		if err != nil {
			return readFile{looks: k.what, err: notText(err)}
		}
		doc, err := k.read(r, file, content, true)
		if doc != nil {
			return readFile{fileDocument: doc}
		}
		if err != nil && first.err == nil {
			first = readFile{looks: k.what, err: asManifestError(err)}
		}
		if k.beside != nil && k.beside(r, file, content) {
			return readFile{}
		}
	}
	if first.err != nil {
		return first
	}
	return readFile{looks: "a file", err: &manifestError{
		line: 1, message: fmt.Sprintf("files.%s names, and is nothing of that kind", kind),
		remedy: fmt.Sprintf("Correct it, or leave it out of files.%s.", kind),
	}}
}
