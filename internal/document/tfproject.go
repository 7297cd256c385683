package document

import (
	"bytes"
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// maxSource is the size of the largest Terraform source file that is looked into. Larger ones are generated, and only cost
// findings their exact line.
const maxSource = 1 << 20

// sources is the Terraform source of a snapshot, read a directory at a time.
type sources struct {
	b    *builder
	tree Tree
	dirs map[string][]string // directory to its .tf and .tofu files
	read map[string]*sourceDir
}

// sourceDir is one Terraform module on disk.
type sourceDir struct {
	where map[string]place  // block to where it is declared
	calls map[string]string // local module calls: name to directory
	text  [][]byte
}

type place struct {
	file string
	line int
}

func newSources(b *builder, tree Tree) *sources {
	s := &sources{b: b, tree: tree, dirs: map[string][]string{}, read: map[string]*sourceDir{}}
	for _, file := range tree.Paths() {
		if strings.HasSuffix(file, ".tf") || strings.HasSuffix(file, ".tofu") || jsonSource(file) {
			dir := cleanDir(path.Dir(file))
			s.dirs[dir] = append(s.dirs[dir], file)
		}
	}
	return s
}

// dir reads a directory; an empty one when there is no source in it.
func (s *sources) dir(ctx context.Context, dir string) *sourceDir {
	if known := s.read[dir]; known != nil {
		return known
	}
	d := &sourceDir{where: map[string]place{}, calls: map[string]string{}}
	s.read[dir] = d
	if len(s.dirs[dir]) == 0 {
		return d
	}
	var files []string
	for _, file := range s.dirs[dir] {
		if sizeOf(s.tree, file) <= maxSource {
			files = append(files, file)
		}
	}
	contents, _, ok := s.b.read(ctx, s.tree, files)
	if !ok {
		return d
	}
	for _, file := range files {
		data := contents[file]
		if len(data) > maxSource {
			continue
		}
		d.text = append(d.text, data)
		blocks := scanSource(data)
		if jsonSource(file) {
			blocks = jsonModules(data)
		}
		for _, block := range blocks {
			d.where[block.name] = place{file: file, line: block.line}
			if block.source == "." || strings.HasPrefix(block.source, "./") || strings.HasPrefix(block.source, "../") {
				d.calls[strings.TrimPrefix(block.name, "module.")] = cleanDir(path.Join("/", dir, block.source))
			}
		}
	}
	return d
}

// closure are the directories whose source a project is made of: its own and its local modules, theirs included.
func (s *sources) closure(ctx context.Context, dir string) []string {
	found := []string{dir}
	for i := 0; i < len(found) && len(found) < 1000; i++ {
		for _, called := range sorted(s.dir(ctx, found[i]).calls) {
			if !slices.Contains(found, called) {
				found = append(found, called)
			}
		}
	}
	return found
}

// place says where a document of the project in dir is declared.
func (s *sources) place(ctx context.Context, dir string, doc *gate.Document) (place, bool) {
	address := withoutIndexes(doc.Resource)
	address, _, _ = strings.Cut(address, " ")
	if doc.Type == "provisioner" {
		address, _, _ = strings.Cut(address, ".provisioner")
	}
	parts := strings.Split(address, ".")
	for len(parts) > 2 && parts[0] == "module" {
		called, ok := s.dir(ctx, dir).calls[parts[1]]
		if !ok {
			return place{}, false
		}
		dir, parts = called, parts[2:]
	}
	key := strings.Join(parts, ".")
	switch {
	case doc.Type == "provider":
		key = "provider." + doc.Name
	case parts[0] == "var":
		key = "variable." + doc.Name
	case len(parts) == 2 && parts[0] != "module" && parts[0] != "output":
		key = "resource." + key
	}
	found, ok := s.dir(ctx, dir).where[key]
	return found, ok
}

// touched reports whether the pull request changes the source of the project in dir: its Terraform files, those of its local
// modules, variable values anywhere below it, or a file that its source names.
func (s *sources) touched(ctx context.Context, dir string, changed map[string]bool) bool {
	dirs := s.closure(ctx, dir)
	for file := range changed {
		if strings.Contains(path.Base(file), ".tfvars") && s.owner(file) == dir {
			return true
		}
		in := cleanDir(path.Dir(file))
		if slices.Contains(dirs, in) && terraformFile(file) {
			return true
		}
		if slices.ContainsFunc(dirs, func(dir string) bool { return under(dir, file) }) && s.named(ctx, dirs, path.Base(file)) {
			return true
		}
	}
	return false
}

// owner is the directory of the project that a file belongs to: the longest prefix of its path among the projects.
func (s *sources) owner(file string) string {
	owner := "\x00" // no directory
	for _, project := range s.b.options.Terraform.Projects {
		if dir := cleanDir(project.Dir); under(dir, file) && (owner == "\x00" || len(dir) > len(owner)) {
			owner = dir
		}
	}
	return owner
}

func (s *sources) named(ctx context.Context, dirs []string, base string) bool {
	for _, dir := range dirs {
		for _, text := range s.dir(ctx, dir).text {
			if bytes.Contains(text, []byte(`/`+base+`"`)) || bytes.Contains(text, []byte(`"`+base+`"`)) {
				return true
			}
		}
	}
	return false
}

// jsonSource reports whether a file is Terraform source in its JSON form.
func jsonSource(file string) bool {
	return strings.HasSuffix(file, ".tf.json") || strings.HasSuffix(file, ".tofu.json")
}

// jsonModules finds the module calls of source in its JSON form, where blocks are objects or lists of objects. They come without
// their lines.
func jsonModules(data []byte) []sourceBlock {
	var file struct {
		Module json.RawMessage `json:"module"`
	}
	if json.Unmarshal(data, &file) != nil {
		return nil
	}
	var out []sourceBlock
	for _, calls := range oneOrMany(file.Module) {
		var byName map[string]json.RawMessage
		if json.Unmarshal(calls, &byName) != nil {
			continue
		}
		for name, bodies := range sorted(byName) {
			for _, body := range oneOrMany(bodies) {
				var call struct {
					Source string `json:"source"`
				}
				if json.Unmarshal(body, &call) == nil && call.Source != "" {
					out = append(out, sourceBlock{name: "module." + name, line: 1, source: call.Source})
				}
			}
		}
	}
	return out
}

// oneOrMany is the elements of a list, or the value itself.
func oneOrMany(raw json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	return []json.RawMessage{raw}
}

func terraformFile(file string) bool {
	for _, suffix := range []string{".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json", ".terraform.lock.hcl", "terragrunt.hcl"} {
		if strings.HasSuffix(file, suffix) {
			return true
		}
	}
	return false
}
