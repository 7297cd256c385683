package document

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// gitlabTree is a pipeline with the files of the repository that it includes.
type gitlabTree struct {
	merged    *objectBuilder      // of all files, as GitLab puts them together: who includes has the last word
	parts     map[string][]*value // what each file holds, once for each time that it is included
	definer   map[string]string   // job to the file that has the last word on it
	elsewhere map[string][]string // what each file includes that is not here
	children  map[string][]string // file to the jobs that start it as a pipeline of its own

	left  int // bytes
	files int // included so far, one that is included twice counted twice
}

// gitlabRoot is where GitLab looks for a project's pipeline.
const gitlabRoot = ".gitlab-ci.yml"

// maxIncludes is GitLab's own limit of included files, and how deep they may include each other here.
const (
	maxIncludes     = 150
	maxIncludeDepth = 20
)

// gitlabPart reports whether a file is part of the project's pipeline: it is included in it, or started by it.
func (r *fileReader) gitlabPart(file string) bool {
	if !r.paths[gitlabRoot] || !isYAMLName(file) {
		return false
	}
	root := r.gitlabTreeOf(gitlabRoot)
	return root.parts[file] != nil || root.children[file] != nil
}

// pipelineOf is the pipeline that a file belongs to: the project's, or the one that begins with the file.
func (r *fileReader) pipelineOf(file string) *gitlabTree {
	if r.paths[gitlabRoot] {
		if root := r.gitlabTreeOf(gitlabRoot); root.parts[file] != nil {
			return root
		}
	}
	return r.gitlabTreeOf(file)
}

// triggered is where the jobs of the project's pipeline that start a file run; everywhere for a file that none starts.
func (r *fileReader) triggered(p *gitlabTree, file string) branchSet {
	if !r.paths[gitlabRoot] || p.parts[gitlabRoot] != nil {
		return branchSet{}
	}
	root, all := r.gitlabTreeOf(gitlabRoot), branchSet{}
	g := &gitlabReader{top: root.merged.v, index: root.merged, left: maxGitLab, work: 100_000}
	workflow := rulesOf(root.merged.get("workflow").get("rules"))
	for i, name := range root.children[file] {
		job, _ := g.job(name, 1)
		where := jobBranches(job).and(workflow)
		if i == 0 {
			all = where
		} else {
			all = all.or(where)
		}
	}
	return all
}

func (r *fileReader) gitlabTreeOf(file string) *gitlabTree {
	if known := r.gitlab[file]; known != nil {
		return known
	}
	p := &gitlabTree{
		merged: newObject(1), parts: map[string][]*value{}, definer: map[string]string{}, elsewhere: map[string][]string{},
		children: map[string][]string{}, left: maxGitLab,
	}
	r.gitlab[file] = p
	r.include(p, file, nil, nil)
	for i, key := range p.merged.v.keys {
		for _, entry := range includesOf(p.merged.v.items[i].at("trigger", "include")) {
			for _, child := range r.locals(entry) {
				p.children[child] = append(p.children[child], key.name)
			}
		}
	}
	return p
}

// include puts a file and those that it includes under what is there.
func (r *fileReader) include(p *gitlabTree, file string, inputs *value, above []string) {
	spec, body := r.gitlabFile(file)
	if p.parts[file] == nil {
		p.parts[file] = []*value{}
	}
	if body == nil || body.kind != objectKind {
		return // read by itself, it says what is wrong with it
	}
	body = (&interpolation{given: inputs, spec: spec.at("spec", "inputs")}).fill(body, 0)
	size := jsonSize(body, p.left)
	p.left, r.leftGitLab = p.left-size, r.leftGitLab-size
	if p.left < 0 || r.leftGitLab < 0 {
		p.left, r.leftGitLab = max(p.left, 0), max(r.leftGitLab, 0)
		p.away(file, "more included files than the limit")
		return
	}
	p.parts[file] = append(p.parts[file], body)
	above = append(slices.Clone(above), file)
	for _, entry := range includesOf(body.get("include")) {
		found := r.locals(entry)
		if found == nil {
			p.away(file, includeName(entry))
		}
		for _, name := range found {
			p.files++
			switch {
			case slices.Contains(above, name):
				p.away(file, name+", which includes itself")
			case p.files > maxIncludes || len(above) >= maxIncludeDepth:
				p.away(file, "more included files than the limit")
			default:
				r.include(p, name, entry.get("inputs"), above)
			}
		}
	}
	for i, key := range body.keys {
		if key.name == "include" || key.name == "spec" {
			continue
		}
		p.merged.set(key.name, key.line, deepMerge(p.merged.get(key.name), body.items[i], 0))
		p.definer[key.name] = file
	}
}

// away notes what a file includes that is not here.
func (p *gitlabTree) away(file, name string) {
	if !slices.Contains(p.elsewhere[file], name) && len(p.elsewhere[file]) < maxIncludes {
		p.elsewhere[file] = append(p.elsewhere[file], name)
	}
}

// gitlabFile is a file's header, which has the inputs, and its body.
func (r *fileReader) gitlabFile(file string) (spec, body *value) {
	documents, known := r.gitlabFiles[file]
	if !known {
		if data, err := checkText(r.read([]string{file})[file]); err == nil && len(data) <= maxText {
			documents, _ = yamlValues(data, r.limits) //nolint:errcheck // read by itself, the file says what is wrong with it
		}
		documents = slices.DeleteFunc(documents, func(v *value) bool { return v.kind == null })
		r.gitlabFiles[file] = documents
	}
	if len(documents) == 0 {
		return nil, nil
	}
	return documents[0], documents[len(documents)-1]
}

// includesOf are the entries of an include, each an object or a text.
func includesOf(include *value) []*value {
	switch {
	case include == nil:
		return nil
	case include.kind == array:
		return include.items
	}
	return []*value{include}
}

// locals are the files of the repository that an entry stands for; nil when it stands for others, or for none.
func (r *fileReader) locals(entry *value) []string {
	name := cmpOr(entry.get("local").str(), entry.str())
	if name == "" || strings.Contains(name, "://") || entry.kind == objectKind && entry.get("local") == nil {
		return nil
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if r.paths[name] {
		return []string{name}
	}
	if !strings.Contains(name, "*") {
		return nil
	}
	var out []string
	for file := range r.paths {
		if isYAMLName(file) && match(name, file) {
			out = append(out, file)
		}
	}
	slices.Sort(out)
	return out
}

// includeName says for people what an entry includes.
func includeName(entry *value) string {
	switch {
	case entry.get("project") != nil:
		var files []string
		for _, file := range includesOf(entry.get("file")) {
			files = append(files, file.str())
		}
		return fmt.Sprintf("%s of the project %s", strings.Join(files, ", "), entry.get("project").str())
	case entry.get("component") != nil:
		return "the component " + entry.get("component").str()
	case entry.get("template") != nil:
		return "the template " + entry.get("template").str()
	}
	return cmpOr(entry.get("remote").str(), entry.get("local").str(), entry.str(), "an include that cannot be read")
}

// interpolation fills in the inputs of a file, as far as the one who includes it, or their defaults, give them.
type interpolation struct{ given, spec *value }

var gitlabInput = regexp.MustCompile(`\$\[\[\s*inputs\.([A-Za-z0-9_-]+)\s*(?:\|[^\]]*)?\]\]`)

func (n *interpolation) fill(v *value, depth int) *value {
	if n.spec == nil || depth > maxIncludes {
		return v
	}
	switch v.kind {
	case stringKind:
		if strings.Contains(v.text, "$[[") {
			return textValue(gitlabInput.ReplaceAllStringFunc(v.text, n.input), v.line)
		}
	case array:
		out := &value{kind: array, line: v.line}
		for _, item := range v.items {
			out.items = append(out.items, n.fill(item, depth+1))
		}
		return out
	case objectKind:
		out := newObject(v.line)
		for i, key := range v.keys {
			out.set(gitlabInput.ReplaceAllStringFunc(key.name, n.input), key.line, n.fill(v.items[i], depth+1))
		}
		return out.v
	}
	return v
}

func (n *interpolation) input(text string) string {
	name := gitlabInput.FindStringSubmatch(text)[1]
	for _, v := range []*value{n.given.get(name), n.spec.at(name, "default")} {
		if v != nil && (v.kind == stringKind || v.kind == number || v.kind == boolean) {
			return v.text
		}
	}
	return text
}
