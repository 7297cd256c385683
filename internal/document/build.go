package document

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/recall"
)

// Options say what to look for and where.
type Options struct {
	Redactor   *Redactor // never nil in production
	Terraform  TerraformOptions
	Kubernetes KubernetesOptions
	Files      map[string][]string // patterns of files that must be of a kind, by kind (gate.KindAnsible and the like)
	Limits     Limits

	// RuleFolders are folders of rules, besides .gatehouse/policies. Their tests are no manifests, and a change of a rule there is one of
	// the gate's own files.
	RuleFolders []string

	Changed  map[string]bool // paths that the pull request changes, old names of renames included; nil: unknown, all of them
	Plans    []PlanFile      // plans from elsewhere than the tree
	Renderer Renderer        // nil: kustomizations and charts are not rendered, only named

	// Doing, if given, is told of each file that is about to be read, by several goroutines at once; what it returns is called when it
	// has been.
	Doing func(file string) (done func()) `json:"-"`

	// Named has changes carry the names and ids that clouds know them by.
	Named bool

	// Undigested says that nobody keeps the result. A plan that was handed in, if it is all there is to read, then has no digest:
	// of a large one that is a tenth of the work.
	Undigested bool `json:"-"`

	// Remember has what the next reading of the same plan can recall noted in the result, with its tags, and Recall is what an earlier
	// one noted; nil: nothing. Both count only where one plan that was handed in is all there is to read. The caller vouches that the recall was
	// made by this version, with the same redactor, and that what it will do with a document without values is right.
	Remember *recall.Tagger `json:"-"`
	Recall   *recall.Memory `json:"-"`
}

// TerraformOptions are the configured projects and which plan files of the tree count.
type TerraformOptions struct {
	Projects  []Project
	Committed []string // globs
	Discover  bool     // every JSON file that is a plan by its content counts; for checking files on disk
}

// Project is one directory of Terraform source and one of its workspaces.
type Project struct {
	Dir         string // "." or "": the root
	Workspace   string // "": default
	Environment string
}

// KubernetesOptions say which files are manifests.
type KubernetesOptions struct {
	Paths  []string // globs; none: every file whose content is a Kubernetes object
	Render RenderOptions

	// AsWritten leaves the objects of charts as they come out, without the namespace that they are installed into.
	AsWritten bool
}

// PlanFile is a plan that was handed in.
type PlanFile struct {
	File      string // its path in the archive, or on disk
	Dir       string // the project directory it was handed in for; "": by File
	Workspace string // "": the project's, or what the file name says
	Source    string // artifact, oidc or file
	Data      []byte

	// Stored says that Data is what [Redactor.Plan] made of the plan, and Digest is that of the plan as it was handed in.
	Stored bool
	Digest string
}

// Result is everything that was found.
type Result struct {
	Documents []gate.Document
	Changes   []gate.Change // of the resources and objects that are not left alone
	Plans     []gate.Plan
	Missing   []gate.Missing
	Problems  []gate.Problem // each one blocks
	Unjudged  []gate.Problem // looks like something to judge and is not judged; each one is shown

	// Sets are what rendered sets of the head were made of, by their names.
	Sets map[string]SetSource `json:"-"`

	// Recall is there when [Options.Remember] asked for it: its changes are the first documents, in their order. Recalled gives,
	// for each of them, its place in [Options.Recall] from 1 when it came without values; 0: it has them.
	Recall   *recall.Memory `json:"-"`
	Recalled []int          `json:"-"`

	// Err is the first error of a Tree; it is among Problems too. What could not be read now can perhaps be read later.
	Err error `json:"-"`
}

// builder is one run of Build.
type builder struct {
	head, base Tree
	options    Options
	limits     Limits
	result     Result
	plans      map[string]bool // files of the head that were taken for plans
}

// Build reads the documents of a snapshot against its merge base, which may be nil: then everything is new. It never fails: what
// goes wrong is in the result.
func Build(ctx context.Context, head, base Tree, options Options) Result {
	b := &builder{head: head, base: base, options: options, limits: options.Limits.withDefaults(), plans: map[string]bool{}}
	if b.head == nil {
		b.head = MapTree{}
	}
	b.terraform(ctx)
	b.kubernetes(ctx)
	b.files(ctx)
	b.cloudInit()
	b.settleRecall()
	if err := ctx.Err(); err != nil {
		b.failed(err)
	}
	b.finish()
	return b.result
}

func (b *builder) problem(problems ...gate.Problem) {
	b.result.Problems = append(b.result.Problems, problems...)
}

func (b *builder) unjudged(file string, line int, message, remedy string, code string) {
	b.result.Unjudged = append(b.result.Unjudged, gate.Problem{Code: code, File: file, Line: line, Message: message, Remedy: remedy})
}

// changed reports whether the pull request touches the path; when nobody knows, it does.
func (b *builder) changed(path string) bool {
	return b.options.Changed == nil || b.options.Changed[path]
}

// read reads files; those that are too large come back with their sizes. On an error, which is then in the result, ok is false.
func (b *builder) read(ctx context.Context, tree Tree, files []string) (contents map[string][]byte, large map[string]int64, ok bool) {
	large = map[string]int64{}
	wanted := make([]string, 0, len(files))
	for _, file := range files {
		if size := sizeOf(tree, file); size > b.limits.Plan {
			large[file] = size
			continue
		}
		wanted = append(wanted, file)
	}
	for {
		contents, err := tree.Read(ctx, wanted)
		if err == nil {
			return contents, large, true
		}
		var tooLarge *TooLargeError
		if !errors.As(err, &tooLarge) || len(tooLarge.Sizes) == 0 {
			b.failed(err)
			return nil, large, false
		}
		before := len(wanted)
		wanted = slices.DeleteFunc(wanted, func(file string) bool {
			size, found := tooLarge.Sizes[file]
			if found {
				large[file] = size
			}
			return found
		})
		if len(wanted) == before {
			b.failed(err)
			return nil, large, false
		}
	}
}

// doing says that a file is about to be read; what it returns says that it has been.
func (b *builder) doing(file string) (done func()) {
	if b.options.Doing == nil {
		return func() {}
	}
	return b.options.Doing(file)
}

// failed notes that a tree could not be read.
func (b *builder) failed(err error) {
	if b.result.Err == nil {
		b.result.Err = err
		b.problem(gate.Problem{Code: "internal", Message: "The files could not be read: " + err.Error(), Remedy: "Ask for a recheck."})
	}
}

// batchFiles is how many files are held in memory at once.
const batchFiles = 1000

// inBatches reads files and hands them on, until the tree fails.
func (b *builder) inBatches(ctx context.Context, tree Tree, files []string, use func(batch []string, contents map[string][]byte, large map[string]int64)) {
	for batch := range slices.Chunk(files, batchFiles) {
		contents, large, ok := b.read(ctx, tree, batch)
		if !ok {
			return
		}
		use(batch, contents, large)
	}
}

// finish sorts, cuts at the limit and lists the changes.
func (b *builder) finish() {
	r := &b.result
	if len(r.Documents) > b.limits.Documents {
		b.problem(gate.Problem{
			Code: "limit", Message: fmt.Sprintf("There are %d documents, more than the limit of %d", len(r.Documents), b.limits.Documents),
			Remedy: "Split the change, or raise the limit.",
		})
		r.Documents = r.Documents[:b.limits.Documents]
	}
	for i := range r.Documents {
		doc := &r.Documents[i]
		if left := doc.Actions[0]; left == "no-op" || left == "read" || !exists(doc) {
			continue
		}
		r.Changes = append(r.Changes, gate.Change{
			Kind: doc.Kind, Type: doc.Type, Resource: doc.Resource, File: doc.File, Environment: doc.Environment, Actions: doc.Actions,
		})
		if b.options.Named {
			r.Changes[len(r.Changes)-1].Names = cloudNames(doc)
		}
	}
	for _, problems := range [][]gate.Problem{r.Problems, r.Unjudged} {
		slices.SortStableFunc(problems, func(a, b gate.Problem) int {
			return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Message, b.Message))
		})
	}
}

// exists reports whether the document is a thing that exists, not a part of the source like a variable.
func exists(doc *gate.Document) bool {
	switch doc.Kind {
	case gate.KindKubernetes:
		return true
	case gate.KindTerraform:
	default:
		return false // the files themselves, which the diff shows
	}
	switch doc.Type {
	case "module", "provisioner", "variable", "output", "provider":
		return false
	}
	return true
}
