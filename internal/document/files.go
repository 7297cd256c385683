package document

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// fileDocument is what a file says that is neither a plan nor a manifest: a pipeline, a playbook, a list of owners.
type fileDocument struct {
	kind, typ string
	line      int
	value     *value // what rules see as resource
}

// readFile is one file, read. Neither a document nor an error: it is none of the kinds.
type readFile struct {
	*fileDocument
	err   *manifestError
	looks string // the kind that it was taken for when it could not be read, for people
}

// fileKind reads one kind of file.
type fileKind struct {
	kind string // of its documents

	// named reports whether a path alone says that the file is of this kind. Then what cannot be read is an error.
	named func(file string) bool

	// usual reports whether a file is of this kind's usual names. A configured pattern that names no extension, such as ci/**, stands
	// for those; nil: for YAML files.
	usual func(file string) bool

	// may reports whether a file of any other name could be of this kind; nil: only named ones are.
	may func(file string, data []byte) bool

	// read makes the document; nil: the file is not of this kind after all. An error says that it is meant to be, and cannot be read.
	// sure says that its name, or the configuration, tells that it is meant to be.
	read func(r *fileReader, file string, data []byte, sure bool) (*fileDocument, error)

	// beside reports whether a file that is configured to be of this kind holds no document, and need not: variables beside a
	// playbook. nil: there are no such files.
	beside func(r *fileReader, file string, data []byte) bool

	what string // for people: "a GitHub Actions workflow"
}

// fileKinds are tried in order; the first that takes the file has it.
func (o *Options) fileKinds() []fileKind {
	return []fileKind{
		gateKind(), codeownersKind(), workflowKind(), actionKind(), gitlabKind(), jenkinsKind(), dockerKind(), playbookKind(),
		tasksKind(), inventoryKind(), iniInventoryKind(), cloudConfigKind(),
		o.rulesKind(),
	}
}

// fileReader reads the files of one tree. Some kinds look at other files of it: a playbook at its roles.
type fileReader struct {
	limits Limits
	kinds  []fileKind
	paths  map[string]bool
	read   func(files []string) map[string][]byte // those of ordinary size

	known  map[string]*value      // files that others refer to
	gitlab map[string]*gitlabTree // pipelines by the file that they begin with

	gitlabFiles map[string][]*value // their files, read
	leftGitLab  int                 // how many bytes of them may still be put together

	left int // how many bytes of tasks may still be repeated in the plays that use them
}

// maxText is the size from which a file is no pipeline or playbook, whatever its name says: bytes.
const maxText = 1 << 20

// maxTasks is how many bytes of tasks the plays of a tree may have together, those of roles repeated in each play that uses them.
const maxTasks = 32 << 20

// fileSet names the documents of one kind as each other's context.
func fileSet(kind string) string { return kind }

// files reads pipelines, playbooks and the like on both sides.
func (b *builder) files(ctx context.Context) {
	head := b.fileSide(ctx, b.head, nil)
	var base map[string]*fileDocument
	if b.base != nil {
		base = b.fileSide(ctx, b.base, head)
	}
	b.result.Documents = append(b.result.Documents, pairFiles(head, base)...)
}

// fileSide reads the files of one tree. known is nil for the head, about which is said what is wrong with it, and else what the head
// holds: a file that is the same there is not read again.
func (b *builder) fileSide(ctx context.Context, tree Tree, known map[string]*fileDocument) map[string]*fileDocument {
	found := map[string]*fileDocument{}
	paths := map[string]bool{}
	report, kinds := known == nil, b.options.fileKinds()
	configured := map[string]string{}
	var candidates []string
	for _, file := range tree.Paths() {
		paths[file] = true
		kind := b.configuredKind(kinds, file)
		if b.plans[file] || kind == "" && (!b.mayBeText(file) || sizeOf(tree, file) > maxText && !namedBy(kinds, file)) {
			continue // no program reads a pipeline of that size from a file of another name
		}
		configured[file] = kind
		if blob := tree.Blob(file); !report && blob != "" && blob == b.head.Blob(file) {
			same := known[file]
			if same == nil {
				continue
			}
			if same.kind != gate.KindAnsible && same.kind != gate.KindGitLabCI { // these are made of other files, too
				found[file] = same
				continue
			}
		}
		candidates = append(candidates, file)
	}
	r := &fileReader{limits: b.limits, kinds: kinds, paths: paths, known: map[string]*value{}, left: maxTasks}
	r.gitlab, r.gitlabFiles, r.leftGitLab = map[string]*gitlabTree{}, map[string][]*value{}, maxTasks
	r.read = func(files []string) map[string][]byte {
		contents, _, _ := b.read(ctx, tree, files)
		return contents
	}
	b.inBatches(ctx, tree, candidates, func(batch []string, contents map[string][]byte, large map[string]int64) {
		for _, file := range batch {
			data, ok := contents[file]
			if size, tooBig := large[file]; tooBig {
				ok, data = true, make([]byte, min(size, maxText+1))
			}
			if !ok {
				continue
			}
			done := b.doing(file)
			read := r.file(file, data, configured[file])
			done()
			if read.fileDocument != nil {
				found[file] = read.fileDocument
			}
			if read.err != nil && report {
				b.unreadable(file, read, configured[file] != "")
			}
		}
	})
	return found
}

// unreadable says what is wrong with a file of the head. It blocks when the file is configured, or changed.
func (b *builder) unreadable(file string, read readFile, configured bool) {
	problem := gate.Problem{Code: "file", File: file, Line: read.err.line, Message: "is " + read.looks + " that " + read.err.message, Remedy: read.err.remedy}
	if read.err.limit {
		problem.Code = "limit"
	}
	if configured || b.changed(file) {
		b.problem(problem)
	} else {
		b.result.Unjudged = append(b.result.Unjudged, problem)
	}
}

// namedBy reports whether a path alone says what a file is.
func namedBy(kinds []fileKind, file string) bool {
	return slices.ContainsFunc(kinds, func(k fileKind) bool { return k.named != nil && k.named(file) })
}

// mayBeText leaves out what is certainly none of the kinds.
func (b *builder) mayBeText(file string) bool {
	switch strings.ToLower(path.Ext(file)) {
	case ".yml", ".yaml", ".groovy", ".jenkins", ".jenkinsfile", ".dockerfile", ".ini", ".rego", ".cfg", "":
		return true
	}
	base := strings.ToLower(path.Base(file))
	for _, prefix := range []string{"dockerfile", "containerfile", "jenkinsfile", "inventory", "hosts"} {
		if strings.HasPrefix(base, prefix) {
			return true
		}
	}
	_, rules := b.options.ruleFolder(file)
	return rules || under(".gatehouse", file)
}

// file reads one file. configured is the kind that the configuration says it has, "" when it says nothing.
func (r *fileReader) file(file string, data []byte, configured string) readFile {
	if isPointer(data) && (configured != "" || namedBy(r.kinds, file)) {
		return readFile{looks: "a file", err: pointerError()}
	}
	if configured == "" && r.gitlabPart(file) {
		configured = gate.KindGitLabCI
	}
	if configured != "" {
		return r.meant(file, data, configured)
	}
	for _, k := range r.kinds {
		named := k.named != nil && k.named(file)
		if len(data) > maxText {
			if named {
				return readFile{looks: k.what, err: overText()}
			}
			continue
		}
		if !named && (k.may == nil || !k.may(file, data)) {
			continue
		}
		content, err := checkText(data)
		if err != nil {
			if named {
				return readFile{looks: k.what, err: notText(err)}
			}
			continue
		}
		doc, err := k.read(r, file, content, named)
		switch {
		case err != nil:
			return readFile{looks: k.what, err: asManifestError(err)}
		case doc != nil:
			return readFile{fileDocument: doc}
		}
	}
	return readFile{}
}

func overText() *manifestError {
	return &manifestError{limit: true, message: "has more than 1 MiB, which is the limit", remedy: "Split the file."}
}

func notText(err error) *manifestError {
	return &manifestError{line: 1, message: "cannot be read: " + err.Error(), remedy: "Save the file as UTF-8."}
}

func asManifestError(err error) *manifestError {
	if problem, ok := err.(*manifestError); ok { //nolint:errorlint // the readers return nothing else
		return problem
	}
	return &manifestError{line: 1, message: err.Error(), remedy: "Correct the file."}
}

// yaml is the last YAML document of a text: GitLab lets a header with the inputs stand before the pipeline.
func (r *fileReader) yaml(data []byte) (*value, error) {
	documents, err := yamlValues(data, r.limits)
	if err != nil {
		return nil, err
	}
	for _, v := range slices.Backward(documents) {
		if v.kind != null {
			return v, nil
		}
	}
	return &value{line: 1}, nil
}

// pairFiles matches the files of both sides: by path, else, for a renamed one, by equal content or by the name alone.
func pairFiles(head, base map[string]*fileDocument) []gate.Document {
	docs := make([]gate.Document, 0, len(head))
	partner := map[string]string{} // of the head to of the base
	taken := map[string]bool{}
	keys := []func(file string, d *fileDocument) string{
		func(file string, d *fileDocument) string { return d.kind + "\x00" + file },
		func(_ string, d *fileDocument) string {
			return d.kind + "\x00" + d.typ + "\x00" + string(d.value.appendJSON(nil))
		},
		func(file string, d *fileDocument) string { return d.kind + "\x00" + d.typ + "\x00" + path.Base(file) },
	}
	for _, key := range keys {
		if len(partner) == len(head) || len(taken) == len(base) {
			break
		}
		waiting := map[string][]string{}
		for file, d := range sorted(base) {
			if !taken[file] {
				waiting[key(file, d)] = append(waiting[key(file, d)], file)
			}
		}
		for file, d := range sorted(head) {
			if partner[file] != "" {
				continue
			}
			if k := key(file, d); len(waiting[k]) > 0 {
				partner[file], waiting[k] = waiting[k][0], waiting[k][1:]
				taken[partner[file]] = true
			}
		}
	}
	for file, d := range sorted(head) {
		docs = append(docs, filePair(file, d, partner[file], base[partner[file]]))
	}
	for file, d := range sorted(base) {
		if !taken[file] {
			docs = append(docs, filePair("", nil, file, d))
		}
	}
	slices.SortStableFunc(docs, func(a, b gate.Document) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.File, b.File))
	})
	return docs
}

// filePair makes the document of a file; one of the two sides may be nil.
func filePair(file string, after *fileDocument, baseFile string, before *fileDocument) gate.Document {
	shown := after
	if after == nil {
		shown, file = before, baseFile
	}
	doc := gate.Document{
		Kind: shown.kind, Type: shown.typ, Name: path.Base(file), Resource: file, Set: fileSet(shown.kind), File: file,
	}
	if after != nil {
		doc.After, doc.Line = after.value.appendJSON(nil), after.line
	}
	if before != nil {
		doc.Before = before.value.appendJSON(nil)
		if baseFile != file {
			doc.BaseFile = baseFile
		}
	}
	doc.Actions = compare(doc.Before, doc.After)
	doc.Change = withActions(json.RawMessage(`{"unknown":{},"sensitive":{}}`), doc.Actions)
	return doc
}

// textValue, listValue and objectValue make values of Go's own.
func textValue(s string, line int) *value { return &value{kind: stringKind, text: s, line: line} }

func numberValue(n int) *value { return &value{kind: number, text: string(appendInt(nil, n))} }

func boolValue(b bool) *value {
	if b {
		return &value{kind: boolean, text: "true"}
	}
	return &value{kind: boolean, text: "false"}
}

func listValue(items ...*value) *value { return &value{kind: array, items: items} }

func textsValue(texts []string) *value {
	v := listValue()
	for _, s := range texts {
		v.items = append(v.items, textValue(s, 0))
	}
	return v
}

// objectValue takes keys and values in turn; a nil value leaves its key out.
func objectValue(line int, pairs ...any) *value {
	v := &value{kind: objectKind, line: line}
	for i := 0; i+1 < len(pairs); i += 2 {
		if item, _ := pairs[i+1].(*value); item != nil {
			v.set(pairs[i].(string), line, item)
		}
	}
	return v
}

// hasWord reports whether a text holds one of the words.
func hasWord(data []byte, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return bytes.Contains(data, []byte(word)) })
}
