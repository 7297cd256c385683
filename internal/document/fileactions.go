package document

import (
	"path"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

func isYAMLName(file string) bool {
	return isYAML(file) || strings.HasSuffix(file, ".YAML") || strings.HasSuffix(file, ".YML")
}

// workflowKind are GitHub Actions workflows. What lies in .github/workflows is one or an error; elsewhere (templates, copies) a
// file is one by its on and jobs.
func workflowKind() fileKind {
	return fileKind{
		kind:  gate.KindGitHubActions,
		what:  "a GitHub Actions workflow",
		named: func(file string) bool { return path.Dir(file) == ".github/workflows" && isYAML(file) },
		may: func(file string, data []byte) bool {
			return isYAMLName(file) && hasWord(data, "jobs") && hasWord(data, "on:", `on":`, "on':") && hasWord(data, "runs-on", "uses")
		},
		read: readWorkflow,
	}
}

func readWorkflow(r *fileReader, _ string, data []byte, inPlace bool) (*fileDocument, error) {
	v, err := r.yaml(data)
	if err != nil {
		if inPlace {
			return nil, err
		}
		return nil, nil
	}
	jobs := v.get("jobs")
	if v.kind != objectKind || triggers(v) == nil || jobs == nil || jobs.kind != objectKind {
		if inPlace {
			return nil, &manifestError{line: max(v.line, 1), message: "has no jobs or does not say when it runs", remedy: "Give it the keys on and jobs."}
		}
		return nil, nil
	}
	if !inPlace && v.get("apiVersion") != nil {
		return nil, nil
	}
	for i, job := range jobs.items {
		if job.kind != objectKind || job.get("steps") != nil && job.get("steps").kind != array {
			return nil, &manifestError{line: max(jobs.keys[i].line, 1), message: "has a job that is no object, or steps that are no list", remedy: "Correct the job."}
		}
	}
	return &fileDocument{kind: gate.KindGitHubActions, typ: "workflow", line: v.line, value: withTriggers(v)}, nil
}

// triggers is what a workflow runs on. YAML 1.1 reads the key on as true; GitHub does not.
func triggers(v *value) *value {
	if on := v.get("on"); on != nil {
		return on
	}
	return v.get("true")
}

// withTriggers is the workflow with on as an object, event to settings, in whichever of its three forms it is written.
func withTriggers(v *value) *value {
	on := triggers(v)
	events := newObject(on.line)
	switch on.kind {
	case objectKind:
		events.v = on
	case array:
		for _, item := range on.items {
			events.set(item.str(), item.line, &value{line: item.line})
		}
	default:
		events.set(on.str(), on.line, &value{line: on.line})
	}
	out := newObject(v.line)
	for i, key := range v.keys {
		if key.name != "true" && key.name != "on" {
			out.set(key.name, key.line, v.items[i])
		}
	}
	out.set("on", on.line, events.v)
	return out.v
}

// actionKind are composite and other actions.
func actionKind() fileKind {
	return fileKind{
		kind:  gate.KindGitHubActions,
		what:  "a GitHub action",
		named: nil, // many a repository has an action.yml of another sort
		may: func(file string, data []byte) bool {
			return isYAMLName(file) && hasWord(data, "runs") && hasWord(data, "using")
		},
		read: func(r *fileReader, file string, data []byte, sure bool) (*fileDocument, error) {
			v, err := r.yaml(data)
			if base := path.Base(file); err != nil && (sure || base == "action.yml" || base == "action.yaml") {
				return nil, err
			}
			if err != nil || v.at("runs", "using").str() == "" {
				return nil, nil
			}
			return &fileDocument{kind: gate.KindGitHubActions, typ: "action", line: v.line, value: v}, nil
		},
	}
}
