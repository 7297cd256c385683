package document

import (
	"context"
	"crypto/sha256"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// ManifestSet is the set of all objects of plain manifest files.
const ManifestSet = "manifests"

// kubernetesRun is what is known while the manifests of a snapshot are read.
type kubernetesRun struct {
	*builder
	reader *manifestReader
	known  map[string]*manifest // by content
}

// found is an object of a file.
type found struct {
	set  string // ManifestSet, or the root that made it
	file string
	*kubeObject

	release string // namespace that a chart is installed into; "" for everything else
}

func (b *builder) kubernetes(ctx context.Context) {
	r := &kubernetesRun{
		builder: b, known: map[string]*manifest{},
		reader: &manifestReader{limits: b.limits, redactor: b.options.Redactor, schemas: newSchemas()},
	}
	made := r.render(ctx)
	head, base := made.head, made.base
	exempt := r.exempt(ctx, &made)
	var files, fixtures []string
	for _, file := range b.head.Paths() {
		switch {
		case !r.candidate(file), exempt.rendered[file]:
		case exempt.fixtures[file]:
			if b.changed(file) {
				fixtures = append(fixtures, file)
			}
		case exempt.helm[file]:
			if b.changed(file) {
				b.unjudged(file, 0, "is a Helm template of a chart that nothing renders",
					"Name the chart in kubernetes.helm to have it judged; see docs/rendering.md.", "kubernetes")
			}
		case exempt.patches[file]:
			if b.changed(file) {
				b.unjudged(file, 0, "is part of a kustomization that nothing renders",
					"Name its root in kubernetes.kustomize to have it judged; see docs/rendering.md.", "kubernetes")
			}
		default:
			files = append(files, file)
		}
	}
	r.tellFixtures(fixtures)
	r.load(ctx, b.head, files, func(file string, m *manifest) { head = append(head, r.judge(file, m)...) })
	if b.base != nil {
		var baseFiles []string
		for _, file := range b.base.Paths() {
			if r.candidate(file) && !exempt.base[file] {
				baseFiles = append(baseFiles, file)
			}
		}
		r.load(ctx, b.base, baseFiles, func(file string, m *manifest) {
			for i := range m.objects {
				base = append(base, found{set: ManifestSet, file: file, kubeObject: &m.objects[i]})
			}
		})
	}
	r.settle(head, true)
	r.settle(base, false)
	b.result.Documents = append(b.result.Documents, pair(head, base)...)
}

// candidate reports whether a file could be a manifest by its name. A pattern that does not name an extension itself stands for
// YAML and JSON files, so that k8s/** does not make a manifest of the README beside them.
func (r *kubernetesRun) candidate(file string) bool {
	if kustomization(file) || r.plans[file] || matchAny(r.options.Terraform.Committed, file) {
		return false
	}
	usual := isYAML(file) || strings.HasSuffix(file, ".json")
	patterns := r.options.Kubernetes.Paths
	if len(patterns) == 0 {
		return usual && !chartFile(file)
	}
	for _, pattern := range patterns {
		if match(pattern, file) && (usual && !chartFile(file) || !usual && strings.Contains(path.Base(pattern), ".")) {
			return true
		}
	}
	return false
}

func isYAML(file string) bool {
	return strings.HasSuffix(file, ".yaml") || strings.HasSuffix(file, ".yml")
}

// chartFile reports whether a file describes a Helm chart.
func chartFile(file string) bool {
	switch path.Base(file) {
	case "Chart.yaml", "Chart.lock":
		return true
	}
	return false
}

// load reads files, each content once, and hands them on in order.
func (r *kubernetesRun) load(ctx context.Context, tree Tree, files []string, use func(string, *manifest)) {
	for batch := range slices.Chunk(files, batchFiles) {
		keys := make([]string, len(batch))
		var wanted []string
		for i, file := range batch {
			keys[i] = blobKey(tree.Blob(file), file)
			if r.known[keys[i]] == nil {
				wanted = append(wanted, file)
			}
		}
		contents, large, ok := r.read(ctx, tree, wanted)
		if !ok {
			return
		}
		r.parse(batch, keys, contents)
		for i, file := range batch {
			if size, found := large[file]; found {
				use(file, r.refused(file, size))
			} else if m := r.known[keys[i]]; m != nil {
				use(file, m)
			}
		}
	}
}

// parse reads what is not known yet, and fills in the keys of files whose tree knows no identity.
func (r *kubernetesRun) parse(batch, keys []string, contents map[string][]byte) {
	var fresh []int
	claimed := map[string]bool{}
	for i, file := range batch {
		data, ok := contents[file]
		if !ok {
			continue
		}
		if keys[i] == "" {
			sum := sha256.Sum256(data)
			keys[i] = blobKey(string(sum[:]), file)
		}
		if r.known[keys[i]] == nil && !claimed[keys[i]] {
			claimed[keys[i]] = true
			fresh = append(fresh, i)
		}
	}
	parsed := make([]*manifest, len(fresh))
	each(len(fresh), func(n int) {
		file := batch[fresh[n]]
		defer r.doing(file)()
		parsed[n] = r.reader.read(contents[file], strings.HasSuffix(file, ".json"), r.configured())
	})
	for n, i := range fresh {
		r.known[keys[i]] = parsed[n]
	}
}

// refused stands for a file that is too large to be read at all. YAML of that size can only be a manifest that was padded to get
// past the gate; JSON is mostly data.
func (r *kubernetesRun) refused(file string, size int64) *manifest {
	problem := tooLarge(file, size, r.limits.Manifest, "Split the file.")
	return &manifest{
		looks: isYAML(file) && r.changed(file),
		err:   &manifestError{limit: true, message: problem.Message, remedy: problem.Remedy},
	}
}

func blobKey(blob, file string) string {
	if blob == "" {
		return ""
	}
	return blob + path.Ext(file)
}

func (r *kubernetesRun) configured() bool { return len(r.options.Kubernetes.Paths) > 0 }

// judge reports what is wrong with a file of the head and returns its objects.
func (r *kubernetesRun) judge(file string, m *manifest) []found {
	if m.err != nil {
		problem := m.err.problem(file)
		switch {
		case r.configured(), m.looks && r.changed(file):
			r.problem(problem)
		case m.looks:
			r.result.Unjudged = append(r.result.Unjudged, problem)
		}
		return nil
	}
	for _, s := range m.strange {
		problem := gate.Problem{
			Code: "kubernetes", File: file, Line: s.line, Message: s.why,
			Remedy: "Correct it, or leave the file out of kubernetes.paths.",
		}
		switch {
		case r.configured(), s.meant && r.changed(file):
			r.problem(problem)
		case s.meant, len(m.objects) > 0:
			r.result.Unjudged = append(r.result.Unjudged, problem)
		}
	}
	objects := make([]found, 0, len(m.objects))
	for i := range m.objects {
		o := &m.objects[i]
		if o.group == "" && o.kind == "Config" && o.version == "v1" {
			if r.changed(file) {
				r.unjudged(file, o.line, "is a kubeconfig, which is no Kubernetes object", "Keep kubeconfigs out of repositories.", "kubernetes")
			}
			continue
		}
		if strings.HasSuffix(o.group, "kustomize.config.k8s.io") {
			continue
		}
		objects = append(objects, found{set: ManifestSet, file: file, kubeObject: o})
	}
	return objects
}
