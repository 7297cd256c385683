package bundle

import (
	"bytes"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// rules are the files that rules are loaded from. The loader looks for data in files named data.json; in an artifact of conftest's they
// have any name and are known by their media type. They count under the names of their folders below the one that they have in
// common, which is the one that was pushed.
func (u *unpacker) rules() (map[string][]byte, error) {
	if len(u.loose) == 0 {
		return u.files, nil
	}
	out := maps.Clone(u.files)
	folders := map[string]map[string]any{}
	common := commonFolder(u.loose)
	for _, name := range slices.Sorted(slices.Values(u.loose)) {
		delete(out, name)
		text, err := yaml.YAMLToJSON(u.files[name])
		var object map[string]any
		if err == nil {
			decoder := json.NewDecoder(bytes.NewReader(text))
			decoder.UseNumber()
			err = decoder.Decode(&object)
		}
		if err != nil {
			return nil, wrong("the data in %s cannot be read: %s", name, err)
		}
		at := path.Join(strings.Split(path.Dir(name), "/")[common:]...)
		if folders[at] == nil {
			folders[at] = map[string]any{}
		}
		for key, value := range object {
			if _, there := folders[at][key]; there {
				return nil, wrong("%s in %s is also in another data file", key, name)
			}
			folders[at][key] = value
		}
	}
	for at, object := range folders {
		text, err := json.Marshal(object)
		if err != nil {
			return nil, wrong("the data cannot be written: %s", err)
		}
		out[path.Join(at, "data.json")] = text
	}
	return out, nil
}

// commonFolder counts the folders that all names have in common.
func commonFolder(names []string) int {
	var common []string
	for i, name := range names {
		dirs := strings.Split(path.Dir(name), "/")
		if i == 0 {
			common = dirs
		}
		n := 0
		for n < len(common) && n < len(dirs) && common[n] == dirs[n] {
			n++
		}
		common = common[:n]
	}
	return len(common)
}
