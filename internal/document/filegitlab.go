package document

import (
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// gitlabKind are GitLab pipelines: .gitlab-ci.yml, files named like it or kept in .gitlab/ci, what the pipeline includes from the
// repository, and any YAML file with stages and a job that has a script.
func gitlabKind() fileKind {
	named := func(file string) bool {
		return strings.HasSuffix(file, ".gitlab-ci.yml") || strings.HasSuffix(file, ".gitlab-ci.yaml")
	}
	return fileKind{
		kind:  gate.KindGitLabCI,
		what:  "a GitLab pipeline",
		named: named,
		may: func(file string, data []byte) bool {
			return isYAMLName(file) && hasWord(data, "script:") && (hasWord(data, "stages:") || under(".gitlab", file))
		},
		read: func(r *fileReader, file string, data []byte, sure bool) (*fileDocument, error) {
			v, err := r.yaml(data)
			switch {
			case err != nil && sure:
				return nil, err
			case err != nil:
				return nil, nil
			case v.kind != objectKind && sure && v.kind != null:
				return nil, &manifestError{line: 1, message: "is not an object", remedy: "Write jobs as keys."}
			case v.kind != objectKind || !sure && (v.get("on") != nil || v.get("jobs") != nil || !hasScript(v)):
				return nil, nil
			}
			return &fileDocument{kind: gate.KindGitLabCI, typ: "pipeline", line: max(v.line, 1), value: r.gitlabPipeline(file, v)}, nil
		},
	}
}

// gitlabGlobals are the keys of a pipeline that are no jobs.
func gitlabGlobals() []string {
	return []string{
		"after_script", "before_script", "cache", "default", "image", "include", "services", "spec", "stages", "types", "variables", "workflow",
	}
}

func hasScript(v *value) bool {
	return slices.ContainsFunc(v.items, func(job *value) bool { return job.get("script") != nil })
}

// gitlabPipeline is {jobs, global, elsewhere}: the jobs of a file with what they extend merged in, as GitLab does, from all files that
// make up the pipeline. Each has branches, where its rules let it run, and unread, which names what stands in other projects;
// global holds the other keys of the file, elsewhere what it includes from other places.
func (r *fileReader) gitlabPipeline(file string, v *value) *value {
	p := r.pipelineOf(file)
	g := &gitlabReader{top: p.merged.v, index: p.merged, left: maxGitLab, work: 100_000}
	jobs, global := newObject(v.line), newObject(v.line)
	for i, key := range v.keys {
		if slices.Contains(gitlabGlobals(), key.name) {
			global.set(key.name, key.line, v.items[i])
		}
	}
	triggers := r.triggered(p, file)
	workflow := rulesOf(p.merged.get("workflow").get("rules"))
	for _, part := range p.parts[file] {
		for i, key := range part.keys {
			if slices.Contains(gitlabGlobals(), key.name) || part.items[i].kind != objectKind || p.definer[key.name] != file {
				continue // a list kept for its anchor, or a job that another file has the last word on
			}
			job, unread := g.job(key.name, key.line)
			where := jobBranches(job).and(workflow).and(triggers)
			where.unsure = !where.bounded() && (where.unsure || len(unread) > 0)
			jobs.set(key.name, key.line, job.with("unread", textsValue(unread)).with("branches", where.value()))
		}
	}
	return objectValue(v.line, "jobs", jobs.v, "global", global.v, "elsewhere", textsValue(p.elsewhere[file]))
}

// job is one job, written out; unread says what of it is not here.
func (g *gitlabReader) job(name string, line int) (job *value, unread []string) {
	missing := map[string]bool{}
	job = g.extend(name, 0, missing)
	if inherits(job) {
		for _, field := range []string{"before_script", "after_script"} {
			above := g.index.get("default").get(field)
			if above == nil {
				above = g.index.get(field)
			}
			if job.get(field) == nil && above != nil {
				job = job.with(field, above)
			}
		}
	}
	for _, field := range []string{"script", "before_script", "after_script", "rules"} {
		if list := job.get(field); list != nil {
			job = job.with(field, g.references(list, 0, missing))
		}
	}
	if g.left -= jsonSize(job, g.left); g.left < 0 {
		job = objectValue(line) // nothing of it is told, and that nothing is told is
		missing["more than 4 MiB of jobs, once all that they extend is written out"] = true
		g.left = 0
	}
	for name := range missing {
		unread = append(unread, name)
	}
	slices.Sort(unread)
	return job, unread
}

// inherits reports whether a job takes what the pipeline says for all jobs.
func inherits(job *value) bool {
	inherit := job.at("inherit", "default")
	return inherit == nil || inherit.kind != boolean || inherit.text != "false"
}

// maxGitLab is how many bytes the jobs of one pipeline may have together.
const maxGitLab = 4 << 20

// gitlabReader follows what jobs take from each other.
type gitlabReader struct {
	top   *value
	index *objectBuilder // of top
	left  int            // bytes
	work  int            // keys and items that may yet be looked at
}

// spend reports whether there is work left; else what is skipped is noted.
func (g *gitlabReader) spend(n int, unread map[string]bool) bool {
	if g.work -= n; g.work >= 0 {
		return true
	}
	g.work = 0
	unread["jobs that take more from each other than can be followed"] = true
	return false
}

// extend is a job with the jobs that it extends merged under it.
func (g *gitlabReader) extend(name string, depth int, unread map[string]bool) *value {
	job := g.index.get(name)
	extends := job.get("extends")
	if extends == nil {
		return job
	}
	parents := []*value{extends}
	if extends.kind == array {
		parents = extends.items
	}
	merged := &value{kind: objectKind, line: job.line}
	for _, parent := range parents {
		known := g.index.get(parent.str())
		if !g.spend(1+len(merged.keys), unread) {
			break
		}
		if known == nil || known.kind != objectKind || depth > 10 {
			unread["extends "+parent.str()] = true
			continue
		}
		merged = deepMerge(merged, g.extend(parent.str(), depth+1, unread), 0)
	}
	return deepMerge(merged, job, 0)
}

// deepMerge is under with over on top: objects are merged, everything else is replaced.
func deepMerge(below, over *value, depth int) *value {
	if below == nil || below.kind != objectKind || over.kind != objectKind || depth > 10 {
		return over
	}
	out := newObject(over.line)
	out.addAll(below)
	for i, key := range over.keys {
		out.set(key.name, key.line, deepMerge(out.get(key.name), over.items[i], depth+1))
	}
	return out.v
}

// references is a list with each !reference [job, key], which reads as a list of names, replaced by what it stands for.
func (g *gitlabReader) references(list *value, depth int, unread map[string]bool) *value {
	if list.kind != array {
		return list
	}
	if depth > 10 {
		unread["references that nest more than 10 deep"] = true
		return &value{kind: array, line: list.line}
	}
	if target := g.reference(list); target != nil && target.kind == array {
		list = target
	}
	out := &value{kind: array, line: list.line}
	for _, item := range list.items {
		if !g.spend(1, unread) {
			break
		}
		if item.kind != array {
			out.items = append(out.items, item)
			continue
		}
		target := g.reference(item)
		switch {
		case target != nil && target.kind == array:
			out.items = append(out.items, g.references(target, depth+1, unread).items...)
		case target != nil:
			out.items = append(out.items, target)
		case len(item.items) == 2 && strings.HasPrefix(item.items[0].str(), "."):
			unread["!reference "+item.items[0].str()+" "+item.items[1].str()] = true
		default: // a list in a list is flattened
			out.items = append(out.items, g.references(item, depth+1, unread).items...)
		}
	}
	return out
}

func (g *gitlabReader) reference(item *value) *value {
	if len(item.items) < 2 || len(item.items) > 4 {
		return nil
	}
	at := g.top
	for i, step := range item.items {
		if step.kind != stringKind {
			return nil
		}
		if i == 0 {
			at = g.index.get(step.text)
		} else {
			at = at.get(step.text)
		}
		if at == nil {
			return nil
		}
	}
	return at
}

// dirNamed reports whether one of a file's directories has one of the names.
func dirNamed(file string, names ...string) bool {
	for _, dir := range strings.Split(path.Dir(file), "/") {
		if slices.Contains(names, dir) {
			return true
		}
	}
	return false
}
