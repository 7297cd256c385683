package document

import (
	"context"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// PointAt moves the line of each finding about a Terraform resource, a Kubernetes object or a pipeline from where that starts to the
// attribute or field that the finding names; to the nearest field around it where the object leaves that one out. Findings that name no field, or whose file head
// does not have, stay as they are. Where built tells what an object was rendered from, a finding moves to what made the value: a patch
// or a setting of a kustomization, a template or a value file of a chart. built may be nil. The error is the tree's.
func PointAt(ctx context.Context, head Tree, built *Result, findings []gate.Finding) error {
	var files []string
	for i := range findings {
		if f := &findings[i]; pointed(f) && f.Kind != gate.KindTerraform {
			files = append(files, f.File)
		}
	}
	if !slices.ContainsFunc(findings, func(f gate.Finding) bool { return pointed(&f) }) {
		return nil
	}
	slices.Sort(files)
	files = slices.Compact(files)
	contents, err := head.Read(ctx, files)
	if err != nil {
		return err
	}
	read := map[string][]*value{}
	for file, data := range contents {
		read[file] = parseForLines(data)
	}
	sources := newSourcePointer(ctx, head, built)
	for i := range findings {
		f := &findings[i]
		if !pointed(f) {
			continue
		}
		steps, ok := parsePath(f.Path)
		if f.Kind == gate.KindTerraform {
			if ok {
				sources.pointTerraform(f, steps)
			}
			continue
		}
		if ok && f.Kind == gate.KindKubernetes && sources.point(f, steps) {
			continue
		}
		object := pipelineOf(read[f.File])
		if f.Kind == gate.KindKubernetes {
			object = objectAt(read[f.File], f.Line, 0)
		}
		if object == nil || !ok {
			continue
		}
		for n := len(steps); n > 0; n-- {
			if line := locate(object, steps[:n], f.Line); line > 0 {
				f.Line = line
				break
			}
		}
	}
	return sources.err
}

// pointed reports whether a finding names an attribute of Terraform source or a field of a YAML file.
func pointed(f *gate.Finding) bool {
	switch f.Kind {
	case gate.KindTerraform:
		return f.Path != "" && f.Line > 0 && (strings.HasSuffix(f.File, ".tf") || strings.HasSuffix(f.File, ".tofu"))
	case gate.KindKubernetes, gate.KindGitHubActions, gate.KindGitLabCI:
		return f.Path != "" && f.Line > 0
	}
	return false
}

// pipelineOf is the last YAML document of a file, which is the pipeline.
func pipelineOf(documents []*value) *value {
	for _, v := range slices.Backward(documents) {
		if v.kind == objectKind {
			if on := v.get("true"); on != nil && v.get("on") == nil {
				return v.with("on", on)
			}
			return v
		}
	}
	return nil
}

// parseForLines reads a manifest as far as Locate needs it; nil when it is none.
func parseForLines(data []byte) []*value {
	content, err := checkText(data)
	limits := Limits{}.withDefaults()
	if err != nil || int64(len(content)) > limits.Manifest {
		return nil
	}
	documents, err := (&manifestReader{limits: limits}).values(content, false)
	if err != nil {
		return nil
	}
	return documents
}
