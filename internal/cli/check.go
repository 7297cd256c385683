package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/explain"
	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/pipeline"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/policies"
)

type checkFlags struct {
	plans, packs, policies, rules []string
	namespaces, data              []string
	base, config, waivers, output string
	parser                        string
	plansAre                      string // what findings call the one plan, where that is not the name that was given
	combine, noCache              bool
}

func (w *world) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [PATH...]",
		Short: "Judge plans and manifests on disk, without GitHub or a database",
		Long: `Judge Terraform plans, Kubernetes manifests, kustomizations and Helm charts on disk with the same documents, rules
and explanation as the server.
Without PATH the present directory is read; PATH - is standard input. The configuration is .github/gatehouse.yml there, if it exists.

The exit status is 0 when nothing is denied (also when only approvals are missing: they are listed), 1 when a rule denies,
2 when something could not be read.`,
		Example: `  terraform show -json tfplan > plan.json && gatehouse check --plan plan.json
  gatehouse check k8s/ --base origin/main      # only what is new since main
  helm template web charts/web | gatehouse check -
  gatehouse check --pack none --policy rules/ -o sarif > gatehouse.sarif`,
		RunE: func(cmd *cobra.Command, args []string) error { return w.check(cmd.Context(), f, args) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.plans, "plan", nil, "a plan as `FILE`, from terraform show -json; - is standard input (repeatable)")
	flags.StringVar(&f.base, "base", "", "directory or git revision to compare with: report only what is new `since`")
	flags.StringArrayVar(&f.packs, "pack", nil, "built-in pack of rules, or all, or none (repeatable; default: the configuration's)")
	flags.StringArrayVar(&f.policies, "policy", nil, "`DIR` with rules of your own, of conftest or of Gatekeeper, or one file of them (repeatable)")
	flags.StringSliceVar(&f.namespaces, "namespace", nil, "run only conftest's rules in the package `NAME`, with globs (repeatable, or several with commas; default: every package with rules)")
	flags.StringSliceVar(&f.data, "data", nil, "`FILE-or-DIR` of JSON and YAML that conftest's rules read as data (repeatable, or several with commas)")
	flags.StringVar(&f.parser, "parser", "", "read files for conftest's rules with the parser `NAME`, whatever the files are called (conftest's names: yaml, hcl2, hocon...)")
	flags.BoolVar(&f.combine, "combine", false, "give conftest's rules all files as one input")
	flags.StringArrayVar(&f.rules, "rule", nil, "judge with the rule `ID` alone (repeatable)")
	flags.StringVar(&f.config, "config", "", "configuration `FILE` (default .github/gatehouse.yml, if there is one)")
	flags.StringVar(&f.waivers, "waivers", "", "waiver `FILE` (default .github/gatehouse-waivers.yml, if there is one)")
	flags.BoolVar(&f.noCache, "no-cache", false, "judge everything anew, and keep nothing for the next run")
	flags.StringVarP(&f.output, "output", "o", "text", "text, json, sarif, junit, markdown or github")
	return cmd
}

var outputs = []string{"text", "json", "sarif", "junit", "markdown", "github"}

func (w *world) check(ctx context.Context, f checkFlags, paths []string) error {
	if !slices.Contains(outputs, f.output) {
		return fmt.Errorf("--output is %q; wanted: text, json, sarif, junit, markdown or github", f.output)
	}
	if f.parser != "" && !slices.Contains(formats.Parsers(), f.parser) {
		return fmt.Errorf("--parser is %q; wanted: %s", f.parser, strings.Join(formats.Parsers(), ", "))
	}
	pacer := pace()
	defer pacer.settle()
	facts := gate.Facts{Version: gate.FactsVersion, Time: w.clock().UTC()}
	settings, err := w.localSettings(f, &facts)
	if err != nil {
		return err
	}
	if onlyPlan(f, paths) { // which is read as one that --plan names, and remembered as one
		f.plans, f.plansAre, paths = paths, shownPath(paths[0]), nil
	}
	plans, wait := w.readAhead(f.plans)
	defer wait()
	memory := w.remember(f, paths, settings)
	var engine *rules.Engine
	if len(facts.Problems) == 0 {
		if engine, err = w.checkEngine(ctx, f, settings, memory, &facts); err != nil {
			return err
		}
	}
	if engine != nil {
		pacer.letGo()
		built, sources, err := w.localDocuments(ctx, f, paths, settings, judging{engine, memory, plans})
		if err != nil {
			return err
		}
		facts.Problems, facts.Unjudged = append(facts.Problems, built.Problems...), append(facts.Unjudged, built.Unjudged...)
		facts.Changes, facts.Plans = built.Changes, built.Plans
		files, err := w.localFiles(ctx, engine, paths, f, sources, &facts)
		if err != nil {
			return err
		}
		pacer.letGo()
		facts.Evaluation = engine.Evaluate(ctx, memory.input(rules.Input{Documents: built.Documents, Files: files}, &built))
		if err := document.PointAt(ctx, sources.head, &built, facts.Evaluation.Findings); err != nil {
			return outside(fmt.Errorf("find the lines at fault: %w", err))
		}
		if err := ctx.Err(); err != nil {
			return outside(fmt.Errorf("interrupted: %w", err))
		}
		saved := memory.save(&facts, &built)
		defer func() {
			if err := saved(); err != nil {
				fmt.Fprintf(w.err, "gatehouse: %v\n", err) // the next run takes longer, and that is all
			}
		}()
		if nothingFound(built) && len(files) == 0 {
			fmt.Fprintln(w.err, "gatehouse: nothing to judge was found; name a plan with --plan FILE, or a directory with manifests")
		}
		if f.policies == nil && len(settings.Policies.Paths)+len(settings.Policies.Bundles) == 0 {
			w.mentionConstraints(built.Documents)
		}
		w.mentionUnseenPods(engine.UnseenPods(built.Documents))
	}
	pacer.letGo()
	decision := gate.Decide(facts)
	if err := w.printDecision(&decision, f.output, engine); err != nil {
		return outside(fmt.Errorf("write the report: %w", err))
	}
	switch decision.Verdict {
	case gate.Pass, gate.Wait:
		return nil
	case gate.Fail:
		return exitError{status: exitFail}
	}
	if slices.ContainsFunc(facts.Problems, isOutage) {
		return exitError{status: exitOutside}
	}
	return exitError{status: exitUsage}
}

func nothingFound(r document.Result) bool {
	return len(r.Documents)+len(r.Problems)+len(r.Unjudged) == 0
}

// localSettings reads the configuration and the waivers. What is wrong inside them is a problem of the decision, as it is on
// the server; a file that was named and cannot be opened is wrong use.
func (w *world) localSettings(f checkFlags, facts *gate.Facts) (repoconfig.Config, error) {
	config := repoconfig.Default()
	data, file, err := optionalFile(f.config, repoconfig.Path)
	if err != nil {
		return config, err
	}
	if data != nil {
		parsed, problems := repoconfig.Parse(file, data)
		facts.Problems = append(facts.Problems, problems...)
		if len(problems) == 0 {
			config = parsed
		}
	}
	data, file, err = optionalFile(f.waivers, repoconfig.WaiversPath)
	if err != nil {
		return config, err
	}
	if data != nil {
		waivers, problems := repoconfig.ParseWaivers(file, data, facts.Time)
		facts.Waivers, facts.Problems = waivers, append(facts.Problems, problems...)
	}
	// There is no pull request to approve; the configured rules still say who would have to.
	facts.Approvals = config.Gate()
	facts.Approvals.Required = 0
	facts.Scope = rules.ScopeAll
	if f.base != "" {
		facts.Scope = config.Policies.Scope
	}
	return config, nil
}

// optionalFile reads the named file, or the default one if it exists; nil when it does not.
func optionalFile(name, fallback string) ([]byte, string, error) {
	if name != "" {
		data, err := os.ReadFile(name)
		return data, name, err
	}
	data, err := os.ReadFile(fallback)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fallback, nil
	}
	return data, fallback, err
}

// checkEngine compiles the rules. What is wrong with them is a problem of the decision, and the engine is nil.
func (w *world) checkEngine(ctx context.Context, f checkFlags, c repoconfig.Config, memory *remembering, facts *gate.Facts) (*rules.Engine, error) {
	options := rules.Options{
		Builtin: policies.FS, Packs: c.Policies.Packs, Only: f.rules, Scope: facts.Scope, Version: Version,
		Rules: map[string]rules.Setting{},
	}
	for id, r := range c.Policies.Rules {
		options.Rules[id] = rules.Setting(r)
	}
	if f.packs != nil {
		options.Packs = f.packs
	}
	data, err := localData(f.data)
	if err != nil {
		return nil, err
	}
	options.Parse = formats.Parse
	options.Conftest = rules.Conftest{Namespaces: f.namespaces, Combine: f.combine, Data: data}
	dirs := f.policies
	if f.policies == nil {
		dirs = c.Policies.Paths
		bundles, problems, err := w.localBundles(ctx, cmp.Or(f.config, repoconfig.Path), c.Policies.Bundles)
		if err != nil {
			return nil, err
		}
		options.Dirs = bundles
		if facts.Problems = append(facts.Problems, problems...); len(problems) > 0 {
			return nil, nil
		}
	}
	folders, err := localDirs(dirs)
	if err != nil {
		return nil, err
	}
	options.Dirs = append(folders, options.Dirs...)
	if memory != nil {
		options.Sound = func(digest string) bool {
			memory.load(w, digest)
			return memory.memory != nil // it would not be there if they had not compiled
		}
	}
	engine, err := rules.New(ctx, options)
	var load *rules.LoadError
	if errors.As(err, &load) {
		facts.Problems = append(facts.Problems, load.Problems...)
		return nil, nil
	}
	return engine, err
}

// judging is what is there when the documents are read.
type judging struct {
	engine *rules.Engine
	memory *remembering      // nil: nothing is remembered
	plans  map[string]*ahead // by the name given
}

// localDocuments reads what is to be judged, and returns what it read it from.
func (w *world) localDocuments(ctx context.Context, f checkFlags, paths []string, c repoconfig.Config, j judging) (document.Result, localSources, error) {
	key := make([]byte, 32)
	if j.memory != nil {
		key = j.memory.folder.TokenKey()
	} else if _, err := rand.Read(key); err != nil {
		return document.Result{}, localSources{}, fmt.Errorf("make a key for secret values: %w", err)
	}
	options := document.Options{
		Undigested: true,
		Redactor:   document.NewRedactor(key),
		Kubernetes: pipeline.KubernetesOptions(c.Kubernetes, ""),
		Files:      c.Files.ByKind(),
		Terraform:  document.TerraformOptions{Discover: true},
	}
	made, err := renderer()
	if err != nil {
		return document.Result{}, localSources{}, outside(err)
	}
	options.Renderer = made
	for _, p := range c.Terraform.Projects {
		options.Terraform.Projects = append(options.Terraform.Projects, document.Project(p))
	}
	for _, name := range f.plans {
		plan, err := w.planFile(name, j.plans)
		if err != nil {
			return document.Result{}, localSources{}, err
		}
		plan.File = cmp.Or(f.plansAre, filepath.ToSlash(name))
		options.Plans = append(options.Plans, plan)
	}
	if len(paths) == 0 && len(f.plans) > 0 {
		if f.base != "" { // a plan has its own before; a name that is wrong is told all the same
			if _, err := baseTree(ctx, ".", f.base); err != nil {
				return document.Result{}, localSources{}, err
			}
		}
		sources := localSources{head: document.MapTree{}, plans: options.Plans, redactor: options.Redactor}
		if j.memory != nil {
			return j.memory.build(ctx, options, j.engine), sources, nil
		}
		return document.Build(ctx, nil, nil, options), sources, nil // --plan alone judges just that plan
	}
	if stream, err := w.stream(paths, f); err != nil {
		return document.Result{}, localSources{}, err
	} else if stream != nil {
		built := document.Build(ctx, stream, nil, options)
		if nothingFound(built) && !j.engine.WantsFiles() { // whatever was to write it may have failed, which a shell's pipe does not tell
			return built, localSources{}, fmt.Errorf("%s holds nothing that is judged: no Kubernetes object and no Terraform plan", paths[0])
		}
		return built, localSources{head: stream, plans: options.Plans, redactor: options.Redactor}, nil
	}
	head, base, err := w.localTrees(ctx, paths, f.base)
	if err != nil {
		return document.Result{}, localSources{}, err
	}
	if options.RuleFolders, err = foldersBelow(paths, append(slices.Clone(c.Policies.Paths), f.policies...)); err != nil {
		return document.Result{}, localSources{}, err
	}
	built := document.Build(ctx, head, base, options)
	if err := localLinks(ctx, paths, head, base, options, &built); err != nil {
		return document.Result{}, localSources{}, fmt.Errorf("look at symbolic links: %w", err)
	}
	return built, localSources{head, base, options.Plans, options.Redactor}, nil
}

func (w *world) printDecision(d *gate.Decision, format string, engine *rules.Engine) error {
	var data []byte
	var err error
	switch format {
	case "json":
		data, err = explain.JSON(d)
	case "sarif":
		data, err = explain.SARIF(d, reportRules(engine))
	case "junit":
		data, err = explain.JUnit(d)
	case "markdown":
		data = []byte(explain.Markdown(d))
	case "github":
		data = []byte(explain.GitHub(d))
	default:
		return explain.Text(w.out, d, explain.Terminal{Color: w.colour(w.out), Width: w.width()})
	}
	if err != nil {
		return err
	}
	_, err = w.out.Write(data)
	return err
}

// reportRules are the rules in force, as a report describes them.
func reportRules(engine *rules.Engine) []explain.Rule {
	if engine == nil {
		return nil
	}
	var out []explain.Rule
	for _, r := range engine.Rules() {
		if r.Off == "" {
			out = append(out, explain.Rule{
				ID: r.ID, Title: r.Title, Description: r.Description, Severity: r.Severity, Remedy: r.Remedy, Docs: r.Docs,
				Tags: append([]string{r.Pack}, r.References...),
			})
		}
	}
	return out
}
