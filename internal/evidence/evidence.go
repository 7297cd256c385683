// Package evidence keeps what the rules saw of a pull request, so that its decision can be made again later under other rules. It
// turns documents into blobs that are named by their digests, and blobs into documents.
//
// Nothing secret is in there: documents hold tokens where secrets were, from the moment that they are read.
//
// The blobs of one decision are a manifest and the parts that it lists. Documents are cut into parts where their names say so, not
// after every so many: what a pull request leaves alone is in parts that other decisions keep already.
package evidence

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// Version is the version of the format that this program writes.
const Version = 1

// MaxBytes is the most that the documents and files of one decision may have together, in bytes of JSON. Above it none of them are
// kept, for some of them would be judged as if the others did not exist; the decision says so.
const MaxBytes = 128 << 20

// Evidence is what the rules saw, and what they were asked to do.
type Evidence struct {
	Documents []gate.Document
	Files     []File // whole files, for rules of conftest's dialect
	HasFiles  bool   // whether files were read at all; without such rules nobody reads them
	Settings  Settings
	Changes   []byte // JSON, for people: what happens to each resource; Open leaves it out
	Omitted   string // why documents and files are not there; "" when they are
}

// File is a file as it was on both sides of the change.
type File struct {
	Path          string
	After, Before []json.RawMessage
}

// Settings are what the configuration said about rules, but for the rules themselves.
type Settings struct {
	Packs []string           `json:"packs"` // null: the default ones
	Scope string             `json:"scope"`
	Rules map[string]Setting `json:"rules,omitempty"`
	Paths []string           `json:"paths,omitempty"` // folders of the repository's own rules

	Bundles []string `json:"bundles,omitempty"` // where further rules came from
}

// Setting is what the configuration said about one rule.
type Setting struct {
	Enforcement string         `json:"enforcement,omitempty"`
	Unknown     string         `json:"unknown,omitempty"`
	Parameters  map[string]any `json:"parameters,omitempty"`
}

// Packed is evidence as it is stored.
type Packed struct {
	Manifest []byte            // canonical JSON
	Digest   string            // of the manifest
	Parts    map[string][]byte // by digest
	Omitted  string            // why the documents are not among the parts; "" when they are
}

// manifest is the blob that names the others.
type manifest struct {
	Version   int      `json:"version"`
	Documents int      `json:"documents"`
	Files     int      `json:"files"`
	HasFiles  bool     `json:"has_files"`
	InFiles   int      `json:"file_parts"`        // how many of the parts, the last ones, hold files
	Parts     []string `json:"parts"`             // digests, in order
	Changes   string   `json:"changes,omitempty"` // digest
	Settings  Settings `json:"settings"`
	Omitted   string   `json:"omitted,omitempty"`
}

// Pack makes blobs of evidence. What cannot be written down, or is more than limit bytes, is left out, and Packed.Omitted and the
// manifest say why. The error is only about the settings.
func Pack(e Evidence, limit int64) (Packed, error) {
	out := Packed{Parts: map[string][]byte{}, Omitted: e.Omitted}
	m := manifest{Version: Version, HasFiles: e.HasFiles, Settings: e.Settings, Parts: []string{}}
	if out.Omitted == "" {
		p := packer{limit: limit, out: out.Parts}
		err := p.documents(e.Documents)
		documents := len(p.order)
		if err == nil {
			err = p.files(e.Files)
		}
		switch {
		case errors.Is(err, errLimit):
			out.Omitted = fmt.Sprintf("what the rules saw has more than %d MiB, which is the limit", limit>>20)
		case err != nil:
			out.Omitted = "what the rules saw cannot be written down: " + gate.Shorten(gate.Printable(err.Error()), 200)
		default:
			m.Parts, m.InFiles = p.order, len(p.order)-documents
			m.Documents, m.Files = len(e.Documents), len(e.Files)
		}
		if out.Omitted != "" {
			out.Parts = map[string][]byte{}
		}
	}
	if m.Omitted = out.Omitted; e.Changes != nil {
		m.Changes = ledger.Digest(e.Changes)
	}
	var err error
	if out.Manifest, err = ledger.Canonical(m); err != nil {
		return Packed{}, fmt.Errorf("write the manifest of the documents: %w", err)
	}
	out.Digest = ledger.Digest(out.Manifest)
	return out, nil
}

// Head is what a manifest says of the other blobs.
type Head struct {
	Parts    []string // digests
	Changes  string   // digest; "": there are none
	HasFiles bool
	Omitted  string
}

// ReadHead reads a manifest.
func ReadHead(manifest []byte) (Head, error) {
	m, err := readManifest(manifest)
	return Head{Parts: m.Parts, Changes: m.Changes, HasFiles: m.HasFiles, Omitted: m.Omitted}, err
}

func readManifest(data []byte) (manifest, error) {
	var m manifest
	if err := strict(data, &m); err != nil {
		return m, fmt.Errorf("read the manifest of the documents: %w", err)
	}
	if m.Version != Version {
		return m, fmt.Errorf("the documents are kept in format %d, this program reads %d", m.Version, Version)
	}
	if m.InFiles < 0 || m.InFiles > len(m.Parts) {
		return m, errors.New("the manifest of the documents contradicts itself")
	}
	return m, nil
}

// Open reads the evidence whose manifest has the given digest. read gives the content of a blob, whose digest it has checked.
func Open(digest string, read func(digest string) ([]byte, error)) (Evidence, error) {
	return (*Reader)(nil).Open(digest, read)
}

// Open is [Open], but for what the reader remembers. Documents may be those of an earlier call: nobody changes them.
func (r *Reader) Open(digest string, read func(digest string) ([]byte, error)) (Evidence, error) {
	data, err := read(digest)
	if err != nil {
		return Evidence{}, err
	}
	m, err := readManifest(data)
	if err != nil {
		return Evidence{}, err
	}
	e := Evidence{HasFiles: m.HasFiles, Settings: m.Settings, Omitted: m.Omitted}
	for i, digest := range m.Parts {
		part, err := r.part(digest, i >= len(m.Parts)-m.InFiles, read)
		if err != nil {
			return e, err
		}
		e.Documents, e.Files = append(e.Documents, part.documents...), append(e.Files, part.files...)
	}
	if len(e.Documents) != m.Documents || len(e.Files) != m.Files {
		return e, fmt.Errorf("there are %d documents and %d files, the manifest says %d and %d", len(e.Documents), len(e.Files), m.Documents, m.Files)
	}
	return e, nil
}
