package document

import (
	"path"
	"regexp"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// inventoryKind are Ansible inventories in YAML: {all: {hosts, children}} or groups of hosts in a file named so.
func inventoryKind() fileKind {
	return fileKind{
		kind: gate.KindAnsible,
		what: "an Ansible inventory",
		may: func(file string, data []byte) bool {
			return isYAMLName(file) && (hasWord(data, "all:", "ungrouped:") && hasWord(data, "hosts:", "children:") || inventoryName(file) && hasWord(data, "hosts:"))
		},
		read: func(r *fileReader, file string, data []byte, _ bool) (*fileDocument, error) {
			v, err := r.yaml(data)
			if err != nil || !isYAMLName(file) || v.kind != objectKind || v.get("apiVersion") != nil || v.get("plugin") != nil {
				return nil, nil
			}
			groups := &inventory{}
			for i, key := range v.keys {
				if !isGroup(v.items[i]) {
					return nil, nil
				}
				groups.read(key.name, v.items[i], 0)
			}
			return &fileDocument{kind: gate.KindAnsible, typ: "inventory", line: max(v.line, 1), value: groups.value()}, nil
		},
	}
}

func inventoryName(file string) bool {
	base := strings.ToLower(path.Base(file))
	name := strings.TrimSuffix(base, path.Ext(base))
	return name == "hosts" || name == "inventory" || strings.HasPrefix(name, "inventory") || dirNamed(file, "inventory", "inventories")
}

func isGroup(v *value) bool {
	if v.kind == null {
		return true
	}
	return v.kind == objectKind && (v.get("hosts") != nil || v.get("children") != nil || v.get("vars") != nil)
}

// inventory gathers groups: each is {hosts, children, vars}, hosts being an object of their variables.
type inventory struct {
	names  []string
	groups map[string]*hostGroup
}

type hostGroup struct {
	hosts, vars *objectBuilder
	children    *value
}

func (v *inventory) group(name string, line int) *hostGroup {
	g := v.groups[name]
	if g == nil {
		if v.groups == nil {
			v.groups = map[string]*hostGroup{}
		}
		g = &hostGroup{newObject(line), newObject(line), listValue()}
		v.groups[name] = g
		v.names = append(v.names, name)
	}
	return g
}

func (v *inventory) value() *value {
	groups := newObject(1)
	for _, name := range v.names {
		g := v.groups[name]
		groups.set(name, g.hosts.v.line, objectValue(g.hosts.v.line, "hosts", g.hosts.v, "children", g.children, "vars", g.vars.v))
	}
	return objectValue(1, "groups", groups.v)
}

// read adds a group of a YAML inventory and those in it.
func (v *inventory) read(name string, from *value, depth int) {
	if depth > 50 {
		return
	}
	g := v.group(name, from.line)
	g.hosts.addAll(from.get("hosts"))
	g.vars.addAll(from.get("vars"))
	if children := from.get("children"); children != nil {
		for i, key := range children.keys {
			g.children.items = append(g.children.items, textValue(key.name, key.line))
			v.read(key.name, children.items[i], depth+1)
		}
	}
}

var (
	iniSection = regexp.MustCompile(`^\[([A-Za-z0-9_.-]+)(?::(vars|children))?\]\s*(?:[#;].*)?$`)
	iniHost    = regexp.MustCompile(`^[A-Za-z0-9_.:\[\]-]+$`)
	ansibleVar = regexp.MustCompile(`(?m)\bansible_(?:host|user|ssh|port|connection|python|become)|^\[[A-Za-z0-9_.-]+:(?:vars|children)\]`)
)

// iniInventoryKind are inventories in their older form: files named hosts or inventory, and INI files with Ansible's own words.
func iniInventoryKind() fileKind {
	return fileKind{
		kind:  gate.KindAnsible,
		what:  "an Ansible inventory",
		usual: func(file string) bool { return inventoryName(file) },
		may: func(file string, data []byte) bool {
			switch strings.ToLower(path.Ext(file)) {
			case "", ".ini", ".cfg":
			default:
				if !inventoryName(file) {
					return false
				}
			}
			return path.Base(file) != "ansible.cfg" && hasWord(data, "[") && (inventoryName(file) && !isYAML(file) || ansibleVar.Match(data))
		},
		read: func(_ *fileReader, file string, data []byte, _ bool) (*fileDocument, error) {
			if isYAMLName(file) {
				return nil, nil
			}
			groups, ok := iniGroups(string(data))
			if !ok {
				return nil, nil
			}
			return &fileDocument{kind: gate.KindAnsible, typ: "inventory", line: 1, value: groups.value()}, nil
		},
	}
}

// iniGroups reads sections of hosts; ok is false when a line is neither.
func iniGroups(text string) (groups *inventory, ok bool) {
	groups = &inventory{}
	name, part := "ungrouped", ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if found := iniSection.FindStringSubmatch(line); found != nil {
			name, part = found[1], found[2]
			groups.group(name, i+1)
			continue
		}
		g := groups.group(name, i+1)
		switch part {
		case "vars":
			key, content, found := strings.Cut(line, "=")
			if !found {
				return nil, false
			}
			g.vars.set(strings.TrimSpace(key), i+1, textValue(strings.TrimSpace(content), i+1))
		case "children":
			g.children.items = append(g.children.items, textValue(line, i+1))
		default:
			words := strings.Fields(line)
			if !iniHost.MatchString(words[0]) {
				return nil, false
			}
			vars := newObject(i + 1)
			for _, word := range words[1:] {
				if strings.HasPrefix(word, "#") {
					break
				}
				if key, content, found := strings.Cut(word, "="); found {
					vars.set(key, i+1, textValue(strings.Trim(content, `"'`), i+1))
				}
			}
			g.hosts.set(words[0], i+1, vars.v)
		}
	}
	return groups, len(groups.names) > 0
}
