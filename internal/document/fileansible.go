package document

import (
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// playbookKind are Ansible playbooks: YAML lists of plays, wherever they lie.
func playbookKind() fileKind {
	return fileKind{
		kind: gate.KindAnsible,
		what: "an Ansible playbook",
		may: func(file string, data []byte) bool {
			return isYAMLName(file) && hasWord(data, "hosts:", "import_playbook", `"hosts"`)
		},
		beside: besidePlaybook,
		read: func(r *fileReader, file string, data []byte, sure bool) (*fileDocument, error) {
			v, err := r.yaml(data)
			if err != nil {
				if sure || dirNamed(file, "playbooks") || path.Base(file) == "site.yml" {
					return nil, err
				}
				return nil, nil
			}
			if v.kind != array || len(v.items) == 0 || !slices.ContainsFunc(v.items, isPlay) {
				return nil, nil
			}
			plays := listValue()
			for _, play := range v.items {
				if play.kind != objectKind {
					return nil, &manifestError{line: max(play.line, 1), message: "has a play that is no object", remedy: "Correct the play."}
				}
				plays.items = append(plays.items, r.play(file, play))
			}
			return &fileDocument{kind: gate.KindAnsible, typ: "playbook", line: 1, value: objectValue(1, "plays", plays)}, nil
		},
	}
}

// besidePlaybook reports whether a file is one of those that stand beside playbooks and tasks and do nothing by themselves: variables,
// a role's or a collection's description, requirements, or an empty file.
func besidePlaybook(r *fileReader, file string, data []byte) bool {
	v, err := r.yaml(data)
	if err != nil || !isYAMLName(file) {
		return err == nil && dirNamed(file, "group_vars", "host_vars")
	}
	return v.kind == null || path.Base(file) == "requirements.yml" || v.kind == objectKind &&
		(dirNamed(file, "vars", "defaults", "group_vars", "host_vars", "meta") || path.Base(file) == "galaxy.yml")
}

func isPlay(v *value) bool {
	if v.get("import_playbook") != nil || v.get("ansible.builtin.import_playbook") != nil {
		return true
	}
	if v.get("hosts") == nil {
		return false
	}
	for _, key := range []string{"tasks", "roles", "pre_tasks", "post_tasks", "handlers", "become", "gather_facts", "vars", "vars_files", "connection"} {
		if v.get(key) != nil {
			return true
		}
	}
	return false
}

// taskLists are the keys of a play under which tasks stand.
func taskLists() []string { return []string{"pre_tasks", "tasks", "post_tasks", "handlers"} }

// play is the play with, beside what its author wrote, all_tasks: every task that it runs, blocks, roles and included files of the
// repository flattened; unread names those that lie elsewhere; line is where the play stands.
func (r *fileReader) play(file string, play *value) *value {
	f := &flattener{reader: r, unread: map[string]bool{}, tasks: listValue()}
	for _, key := range taskLists()[:1] {
		f.list(file, path.Dir(file), play.get(key), 0)
	}
	if roles := play.get("roles"); roles != nil {
		for _, role := range roles.items {
			f.role(file, cmpOr(role.get("role").str(), role.get("name").str(), role.str()), 0)
		}
	}
	for _, key := range taskLists()[1:] {
		f.list(file, path.Dir(file), play.get(key), 0)
	}
	unread := make([]string, 0, len(f.unread))
	for name := range f.unread {
		unread = append(unread, name)
	}
	slices.Sort(unread)
	return play.with("all_tasks", f.tasks).with("unread", textsValue(unread)).with("line", numberValue(play.line))
}

func cmpOr(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// flattener gathers the tasks of a play.
type flattener struct {
	reader *fileReader
	tasks  *value
	unread map[string]bool
	roles  map[string]bool // that were read; Ansible runs each once in a play
	own    bool            // only what the file itself holds: others are judged by themselves
}

// list adds the tasks of a list, which stands in file; dir is where relative paths start.
func (f *flattener) list(file, dir string, list *value, depth int) {
	if list == nil || list.kind != array || depth > 20 {
		return
	}
	for _, task := range list.items {
		if task.kind != objectKind {
			continue
		}
		if f.reader.left -= jsonSize(task, f.reader.left); f.reader.left < 0 {
			f.unread["more tasks than the limit of 32 MiB"] = true
			f.reader.left = 0
			return
		}
		if task.get("block") != nil {
			for _, key := range []string{"block", "rescue", "always"} {
				f.list(file, dir, task.get(key), depth+1)
			}
			continue
		}
		f.task(file, dir, task, depth)
	}
}

func (f *flattener) task(file, dir string, task *value, depth int) {
	for i, key := range task.keys {
		if f.own {
			break
		}
		switch strings.TrimPrefix(strings.TrimPrefix(key.name, "ansible.builtin."), "ansible.legacy.") {
		case "include_tasks", "import_tasks", "include":
			f.include(path.Join(dir, cmpOr(task.items[i].get("file").str(), task.items[i].str())), depth)
			return
		case "include_role", "import_role":
			f.role(file, task.items[i].get("name").str(), depth)
			return
		}
	}
	f.tasks.items = append(f.tasks.items, f.withContent(dir, task).with("file", textValue(file, task.line)).with("line", numberValue(task.line)))
}

// include adds the tasks of another file of the repository.
func (f *flattener) include(name string, depth int) {
	list := f.reader.yamlFile(name)
	if list == nil || strings.Contains(name, "{{") || depth > 20 {
		f.unread["the tasks of "+path.Base(name)] = true
		return
	}
	f.list(name, path.Dir(name), list, depth+1)
}

// role adds the tasks and handlers of a role and of those that it depends on.
func (f *flattener) role(file, name string, depth int) {
	root := f.reader.roleDir(file, name)
	if root == "" || depth > 20 {
		f.unread["the role "+name] = true
		return
	}
	if f.roles[root] {
		return
	}
	if f.roles == nil {
		f.roles = map[string]bool{}
	}
	f.roles[root] = true
	if meta := f.reader.yamlFile(path.Join(root, "meta/main.yml")); meta != nil {
		if list := meta.get("dependencies"); list != nil {
			for _, role := range list.items {
				f.role(file, cmpOr(role.get("role").str(), role.get("name").str(), role.str()), depth+1)
			}
		}
	}
	for _, part := range []string{"tasks", "handlers"} {
		name := path.Join(root, part, "main.yml")
		if !f.reader.paths[name] {
			name = path.Join(root, part, "main.yaml")
		}
		if list := f.reader.yamlFile(name); list != nil {
			f.list(name, path.Dir(name), list, depth+1)
		} else if f.reader.paths[name] {
			f.unread["the "+part+" of the role "+path.Base(root)] = true
		}
	}
}

// roleDir finds a role where Ansible would: in roles/ beside the playbook or above it.
func (r *fileReader) roleDir(file, name string) string {
	if name == "" || strings.Contains(name, "{{") {
		return ""
	}
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		for _, root := range []string{path.Join(dir, "roles", name), path.Join(dir, name)} {
			for _, part := range []string{"tasks/main.yml", "tasks/main.yaml", "handlers/main.yml", "meta/main.yml"} {
				if r.paths[path.Join(root, part)] {
					return root
				}
			}
		}
		if dir == "." || dir == "/" {
			return ""
		}
	}
}

// yamlFile is another file of the tree, nil when it is not there or cannot be read.
func (r *fileReader) yamlFile(name string) *value {
	if !r.paths[name] {
		return nil
	}
	if v, ok := r.known[name]; ok {
		return v
	}
	r.known[name] = nil
	data := r.read([]string{name})[name]
	if len(data) > maxText {
		return nil
	}
	content, err := checkText(data)
	if err != nil {
		return nil
	}
	v, err := r.yaml(content)
	if err != nil {
		return nil
	}
	r.known[name] = v
	return v
}

// maxCopied is the size up to which a file that a task copies to its hosts is shown to rules.
const maxCopied = 64 << 10

// withContent gives a copy or template task the text of its source file as source_text, when the repository has it.
func (f *flattener) withContent(dir string, task *value) *value {
	for i, key := range task.keys {
		module := key.name[strings.LastIndexByte(key.name, '.')+1:]
		if module != "copy" && module != "template" {
			continue
		}
		src := task.items[i].get("src").str()
		if src == "" || strings.Contains(src, "{{") {
			continue
		}
		for _, place := range []string{
			path.Join(dir, "..", module+"s", src), path.Join(dir, "../files", src), path.Join(dir, "../templates", src),
			path.Join(dir, "files", src), path.Join(dir, "templates", src), path.Join(dir, src),
		} {
			if !f.reader.paths[place] {
				continue
			}
			data := f.reader.read([]string{place})[place]
			content, err := checkText(data)
			if err != nil || len(data) > maxCopied {
				f.unread["the file "+place] = true
				return task
			}
			f.reader.left -= len(content)
			return task.with("source_text", textValue(string(content), task.line))
		}
		f.unread["the file "+src] = true
	}
	return task
}

// tasksKind are files of tasks: those of roles, and lists of tasks in folders named so.
func tasksKind() fileKind {
	return fileKind{
		kind: gate.KindAnsible,
		what: "a file of Ansible tasks",
		may: func(file string, data []byte) bool {
			return isYAMLName(file) && dirNamed(file, "tasks", "handlers") && hasWord(data, "- ", "[")
		},
		read: func(r *fileReader, file string, data []byte, sure bool) (*fileDocument, error) {
			v, err := r.yaml(data)
			if err != nil {
				if sure || dirNamed(file, "roles") {
					return nil, err
				}
				return nil, nil
			}
			if v.kind != array || len(v.items) == 0 || !slices.ContainsFunc(v.items, isTask) {
				return nil, nil
			}
			f := &flattener{reader: r, unread: map[string]bool{}, tasks: listValue()}
			f.own = true
			f.list(file, path.Dir(file), v, 0)
			role := ""
			if dir := path.Dir(path.Dir(file)); path.Base(path.Dir(dir)) == "roles" {
				role = path.Base(dir)
			}
			return &fileDocument{kind: gate.KindAnsible, typ: "tasks", line: 1, value: objectValue(1, "role", textValue(role, 1), "all_tasks", f.tasks)}, nil
		},
	}
}

// isTask reports whether an object is a task: it has a name or a condition, and a module.
func isTask(v *value) bool {
	if v.kind != objectKind || v.get("apiVersion") != nil || v.get("hosts") != nil {
		return false
	}
	for _, key := range v.keys {
		switch key.name {
		case "block", "include_tasks", "import_tasks", "include_role", "import_role", "shell", "command", "copy", "template", "file",
			"service", "systemd", "package", "apt", "yum", "dnf", "lineinfile", "user", "set_fact", "debug", "assert", "fail", "when", "notify",
			"become":
			return true
		}
		if strings.Count(key.name, ".") == 2 {
			return true // namespace.collection.module
		}
	}
	return false
}
