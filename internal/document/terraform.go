package document

import (
	"bytes"
	"context"
	"crypto/sha256"
	hexcode "encoding/hex"
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// SourceCommitted is the source of a plan that is a file of the repository; SourceFile of one that was found on disk.
const (
	SourceCommitted = "committed"
	SourceFile      = "file"
)

// projectKey is one workspace of one directory.
type projectKey struct{ dir, workspace string }

// terraformRun is what is known while the plans of one snapshot are read.
type terraformRun struct {
	*builder
	sources *sources
	arrived map[projectKey]bool   // there is a plan for what the pull request makes of the project
	sets    map[string]string     // set to the digest of its plan
	touch   map[string]bool       // project directory to whether its source is touched
	missing map[projectKey]string // stale plan files
	order   []projectKey          // of missing
}

func (b *builder) terraform(ctx context.Context) {
	run := &terraformRun{
		builder: b, sources: newSources(b, b.head), arrived: map[projectKey]bool{}, sets: map[string]string{},
		touch: map[string]bool{}, missing: map[projectKey]string{},
	}
	run.committed(ctx)
	for _, plan := range b.options.Plans {
		run.plan(ctx, plan, nil, false)
	}
	run.absent(ctx)
	b.strayPlans(ctx)
}

// committed reads the plans of the tree, one at a time, for they are large.
func (r *terraformRun) committed(ctx context.Context) {
	for _, file := range r.head.Paths() {
		configured := matchAny(r.options.Terraform.Committed, file)
		if !configured && !(r.options.Terraform.Discover && strings.HasSuffix(file, ".json")) {
			continue
		}
		contents, large, ok := r.read(ctx, r.head, []string{file})
		if !ok {
			return
		}
		if size, found := large[file]; found {
			if configured {
				r.problem(*tooLarge(file, size, r.limits.Plan, "Split the project into smaller ones, or raise the limit."))
			}
			continue
		}
		plan := PlanFile{File: file, Source: SourceCommitted, Data: contents[file]}
		if !configured {
			if plan.Source = SourceFile; !LooksLikePlan(plan.Data) {
				continue
			}
		}
		r.plans[file] = true
		base := r.baseFile(ctx, file)
		r.plan(ctx, plan, base, r.untouched(plan, base))
	}
}

// baseFile is a file at the merge base, nil when it is not there.
func (r *terraformRun) baseFile(ctx context.Context, file string) []byte {
	if r.base == nil {
		return nil
	}
	contents, _, _ := r.read(ctx, r.base, []string{file})
	return contents[file]
}

// untouched reports whether a plan is certainly the same at the merge base.
func (r *terraformRun) untouched(plan PlanFile, base []byte) bool {
	if r.options.Changed != nil {
		return !r.options.Changed[plan.File]
	}
	return base != nil && bytes.Equal(base, plan.Data)
}

// plan adds the documents of one plan. base is the same file at the merge base, nil when there is none. unchanged: the two are the
// same, so the pull request brings none of it.
func (r *terraformRun) plan(ctx context.Context, file PlanFile, base []byte, unchanged bool) {
	if len(r.result.Documents) > r.limits.Documents {
		return // reported at the end
	}
	defer r.doing(file.File)()
	project, problem := projectOf(file, r.options.Terraform.Projects)
	if problem != nil {
		r.problem(*problem)
		return
	}
	key := projectKey{project.Dir, project.Workspace}
	if unchanged && r.options.Changed != nil && r.touched(ctx, project.Dir) {
		if _, ok := r.missing[key]; !ok {
			r.missing[key] = file.File
			r.order = append(r.order, key)
		}
	} else {
		r.arrived[key] = true
	}
	digesting := make(chan string, 1)
	go func() { // which takes as long as reading the plan
		if r.options.Undigested && r.one() {
			digesting <- ""
			return
		}
		sum := sha256.Sum256(file.Data)
		digesting <- "sha256:" + hexcode.EncodeToString(sum[:])
	}()
	known := r.recollection()
	parsed, problem := readPlan(file.Data, file.File, r.limits, known)
	digest, redactor := <-digesting, r.options.Redactor
	if problem != nil {
		r.problem(*problem)
		return
	}
	if problem := parsed.incomplete(file.File); problem != nil {
		r.problem(*problem)
	}
	if file.Stored {
		digest, redactor = file.Digest, redactor.keeping()
	}
	r.result.Plans = append(r.result.Plans, gate.Plan{
		Dir: orRoot(project.Dir), Workspace: project.Workspace, Environment: project.Environment,
		Source: file.Source, File: file.File, Digest: digest,
	})
	set := orRoot(project.Dir) + ":" + project.Workspace
	if known, ok := r.sets[set]; ok {
		if known == digest {
			return // the same plan twice
		}
		set += " " + file.File
	}
	r.sets[set] = digest
	reader := &planReader{plan: parsed, file: file.File, config: readConfiguration(parsed.configuration), redactor: redactor}
	if r.remembers() {
		reader.remember(known, r.options.Remember)
	}
	docs, problem := reader.resources()
	if problem != nil {
		r.problem(*problem)
		return
	}
	r.result.Recall, r.result.Recalled = reader.noted, reader.recalled
	for i := range docs {
		if file.Stored {
			docs[i].Line = 0 // nobody has the file that it would be a line of
		}
	}
	if unchanged {
		docs = settled(append(docs, withOutputActions(append(reader.others(), reader.dataSources(docs)...))...))
	} else {
		others, known := r.baseOthers(base, file.File)
		same := r.options.Changed != nil && !r.touched(ctx, project.Dir)
		docs = append(docs, compareOthers(append(reader.others(), reader.dataSources(docs)...), others, known, func(doc *gate.Document) bool {
			return same || isDataSource(doc) && r.sameSource(ctx, project.Dir, doc)
		})...)
	}
	r.finishPlan(ctx, docs, project, set, file.File)
}

// finishPlan says of every document where it belongs and where it is declared.
func (r *terraformRun) finishPlan(ctx context.Context, docs []gate.Document, project Project, set, file string) {
	for i := range docs {
		doc := &docs[i]
		doc.Set, doc.Environment, doc.File = set, project.Environment, file
		if len(r.sources.dirs) == 0 {
			continue
		}
		if found, ok := r.sources.place(ctx, project.Dir, doc); ok {
			doc.File, doc.Line = found.file, found.line
		}
	}
	if r.result.Documents == nil && len(docs) > 0 {
		r.result.Documents = docs // rather than a copy of a large plan's
		return
	}
	r.result.Documents = append(r.result.Documents, docs...)
}

// settled makes the documents of a plan that the pull request does not bring: what the plan would do is what it would have done
// without the pull request.
func settled(docs []gate.Document) []gate.Document {
	kept := docs[:0]
	for _, doc := range docs {
		if doc.After == nil {
			continue
		}
		doc.Before, doc.Actions = doc.After, []string{"no-op"}
		doc.Change = replaceActions(doc.Change)
		kept = append(kept, doc)
	}
	return kept
}

func withOutputActions(docs []gate.Document) []gate.Document {
	for i := range docs {
		docs[i].Change = withActions(docs[i].Change, []string{"no-op"})
	}
	return docs
}

// replaceActions puts no-op into a Change whose first key is actions.
func replaceActions(change []byte) []byte {
	start := len(`{"actions":`)
	return append([]byte(`{"actions":["no-op"]`), change[skip(change, start):]...)
}

// baseOthers are the documents that are no resources of the same plan file at the merge base, when it has one that can be read.
func (r *terraformRun) baseOthers(data []byte, file string) ([]gate.Document, bool) {
	if data == nil {
		return nil, false
	}
	parsed, problem := readPlan(data, file, r.limits, nil)
	if problem != nil {
		return nil, false
	}
	reader := &planReader{plan: parsed, file: file, config: readConfiguration(parsed.configuration), redactor: r.options.Redactor}
	reader.config.resolveReferences()
	return append(reader.others(), reader.dataSources(nil)...), true
}

// sameSource reports whether the pull request certainly leaves the file that declares the document alone.
func (r *terraformRun) sameSource(ctx context.Context, dir string, doc *gate.Document) bool {
	if r.options.Changed == nil || len(r.sources.dirs) == 0 {
		return false
	}
	found, ok := r.sources.place(ctx, dir, doc)
	return ok && !r.options.Changed[found.file]
}

func (r *terraformRun) touched(ctx context.Context, dir string) bool {
	touched, ok := r.touch[dir]
	if !ok {
		changed := map[string]bool{}
		for file, yes := range r.options.Changed {
			if yes && !r.plans[file] && !matchAny(r.options.Terraform.Committed, file) {
				changed[file] = true
			}
		}
		touched = r.sources.touched(ctx, dir, changed)
		r.touch[dir] = touched
	}
	return touched
}

// absent lists the projects whose source the pull request touches and that have no plan for it.
func (r *terraformRun) absent(ctx context.Context) {
	dirs := map[string]int{}
	for _, project := range r.options.Terraform.Projects {
		dirs[cleanDir(project.Dir)]++
	}
	for _, project := range r.options.Terraform.Projects {
		key := projectKey{cleanDir(project.Dir), orDefault(project.Workspace)}
		needed := r.options.Changed == nil && len(r.sources.dirs[key.dir]) > 0 || r.options.Changed != nil && r.touched(ctx, key.dir)
		if _, stale := r.missing[key]; !needed || stale || r.arrived[key] {
			continue
		}
		name := orRoot(key.dir)
		if dirs[key.dir] > 1 {
			name += fmt.Sprintf(" (workspace %s)", key.workspace)
		}
		remedy := fmt.Sprintf("Run terraform plan -out=tfplan in %s, then gatehouse plan submit --plan FILE --dir %s with the output of "+
			"terraform show -json tfplan.", orRoot(key.dir), orRoot(key.dir))
		if len(r.options.Terraform.Committed) > 0 {
			remedy = fmt.Sprintf("Run terraform plan -out=tfplan in %s and commit the output of terraform show -json tfplan to a file "+
				"that matches %s.", orRoot(key.dir), strings.Join(r.options.Terraform.Committed, " or "))
		}
		r.result.Missing = append(r.result.Missing, gate.Missing{What: "plan", For: name, Remedy: remedy})
	}
	for _, key := range r.order {
		if r.arrived[key] {
			continue
		}
		r.result.Missing = append(r.result.Missing, gate.Missing{
			What: "plan", For: orRoot(key.dir),
			Remedy: fmt.Sprintf("%s is older than this change of its source; %s%s, and commit it.",
				r.missing[key], remakePlan, r.missing[key]),
		})
	}
}

// strayPlans names JSON files that are plans and that the configuration does not mention.
func (b *builder) strayPlans(ctx context.Context) {
	if b.options.Terraform.Discover {
		return
	}
	var files []string
	for _, file := range b.head.Paths() {
		if strings.HasSuffix(file, ".json") && b.changed(file) && !b.plans[file] && !matchAny(b.options.Terraform.Committed, file) {
			files = append(files, file)
		}
	}
	b.inBatches(ctx, b.head, files, func(batch []string, contents map[string][]byte, _ map[string]int64) {
		for _, file := range batch {
			if LooksLikePlan(contents[file]) {
				b.unjudged(file, 0, "is a Terraform plan that the configuration does not name",
					fmt.Sprintf("To have it judged, set terraform.plans.committed.path to %q, or hand it in with gatehouse check --plan.", file),
					"terraform")
			}
		}
	})
}

// sizeOf is the size of a file when the tree knows it, else 0.
func sizeOf(tree Tree, file string) int64 {
	if t, ok := tree.(sizer); ok {
		if size, known := t.Size(file); known {
			return size
		}
	}
	return 0
}
