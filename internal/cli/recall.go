package cli

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/recall"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// remembering is what check keeps between its runs on one plan; nil: nothing. See package recall.
type remembering struct {
	folder *recall.Folder
	about  []byte // what tells memories apart besides the rules

	scope  [32]byte
	memory *recall.Memory // of the last run; nil: there is none
	kept   [][]byte       // what the rules said in this run, by document
}

// remember opens the user's memory where one plan is all there is to judge; nil: this run remembers nothing.
func (w *world) remember(f checkFlags, paths []string, c repoconfig.Config) *remembering {
	if f.noCache || len(f.plans) != 1 || len(paths) > 0 || f.base != "" {
		return nil
	}
	dir := w.cacheDir()
	if dir == "" {
		return nil
	}
	folder, err := recall.Open(dir)
	if err != nil {
		if w.environment("GATEHOUSE_CACHE") != "" { // else nobody asked for it
			fmt.Fprintf(w.err, "gatehouse: nothing is kept for the next run: %v\n", err)
		}
		return nil
	}
	program, err := identity()
	if err != nil {
		return nil
	}
	name, err := filepath.Abs(f.plans[0])
	if err != nil {
		return nil
	}
	about, err := json.Marshal([]any{program, Version, name, f.plans[0], f.plansAre, c.Terraform})
	if err != nil {
		return nil
	}
	return &remembering{folder: folder, about: about}
}

// cacheDir is where check may keep things; "": nowhere. What a CI system carries from one run to the next may have been written by
// anybody's pull request, so that there it has to be asked for.
func (w *world) cacheDir() string {
	switch dir := w.environment("GATEHOUSE_CACHE"); {
	case dir == "off", dir == "" && w.environment("CI") != "":
		return ""
	case dir != "":
		return dir
	}
	base := w.environment("XDG_CACHE_HOME")
	if !filepath.IsAbs(base) {
		base = w.environment("LOCALAPPDATA")
		if home := w.environment("HOME"); home != "" {
			base = filepath.Join(home, ".cache")
		}
	}
	if !filepath.IsAbs(base) {
		return ""
	}
	return filepath.Join(base, "gatehouse", "check")
}

// identity tells one build of this program from another, which may judge differently: versions do not while it is being developed.
func identity() (string, error) {
	file, err := os.Executable()
	if err != nil {
		return "", err
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano()), nil
}

// load gives what is known of rules of a digest.
func (r *remembering) load(w *world, digest string) {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %d:", digest, len(r.about))
	_, _ = h.Write(r.about)
	h.Sum(r.scope[:0])
	r.memory = r.folder.Load(r.scope, w.clock())
}

// build reads the plan, leaving out the values of what has been judged before where only that is asked of the rules.
func (r *remembering) build(ctx context.Context, options document.Options, engine *rules.Engine) document.Result {
	options.Remember, options.Recall = r.folder.Tagger(), r.memory
	built := document.Build(ctx, nil, nil, options)
	var others []gate.Document
	for i := range built.Documents {
		if i >= len(built.Recalled) || built.Recalled[i] == 0 {
			others = append(others, built.Documents[i])
		}
	}
	if len(others) < len(built.Documents) && !engine.Alone(others) {
		options.Recall = nil // a rule looks at other documents than the one at hand, and needs their values
		built = document.Build(ctx, nil, nil, options)
	}
	return built
}

// input lets the engine know what was said before, and notes what it says now.
func (r *remembering) input(in rules.Input, built *document.Result) rules.Input {
	if r == nil {
		return in
	}
	in.Answers = make([][]byte, len(built.Documents))
	for i, number := range built.Recalled {
		if number > 0 {
			in.Answers[i] = r.memory.Changes[number-1].Answer
		}
	}
	r.kept = make([][]byte, len(built.Documents))
	in.Keep = func(i int, answer []byte) {
		if r.kept[i] = answer; answer == nil {
			r.kept[i] = []byte{}
		}
	}
	return in
}

// save keeps what was found for the next run. Where anything was wrong, nothing is kept. The function that it returns waits until that
// is done.
func (r *remembering) save(facts *gate.Facts, built *document.Result) (wait func() error) {
	if !r.worth(facts, built) {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() { done <- r.folder.Save(r.scope, built.Recall) }()
	return func() error { return <-done }
}

// worth fills in what is to be kept, and reports whether the next run could use it.
func (r *remembering) worth(facts *gate.Facts, built *document.Result) bool {
	if r == nil || built.Recall == nil || len(facts.Problems)+len(facts.Evaluation.Problems) > 0 {
		return false
	}
	memory, known := built.Recall, 0
	for i := range memory.Changes {
		if r.kept[i] == nil {
			return false // what the rules say depends on more than the document at hand
		}
		if built.Recalled[i] == i+1 {
			known++
		}
		memory.Changes[i].Answer = r.kept[i]
	}
	return r.memory == nil || known != len(r.memory.Changes) || known != len(memory.Changes) // else it is there already
}
