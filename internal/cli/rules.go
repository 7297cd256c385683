package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/policies"
)

func (w *world) rulesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "The catalogue of rules, and the tests of rules",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(w.rulesList(), w.rulesShow(), w.rulesTest(), w.rulesLint(), w.rulesPush(), w.rulesPull())
	return cmd
}

// catalogueFlags say which rules are shown besides the built-in ones.
type catalogueFlags struct {
	policies []string
	config   string
}

func (f *catalogueFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.policies, "policy", nil, "also the rules in `DIR`, or in one file (repeatable)")
	cmd.Flags().StringVar(&f.config, "config", "", "also the rules that the configuration `FILE` names, with its settings: folders and bundles")
}

// catalogue loads every built-in rule, and those that the flags name.
func (w *world) catalogue(cmd *cobra.Command, f catalogueFlags) ([]rules.Rule, error) {
	options := rules.Options{Builtin: policies.FS, Packs: []string{"all"}, Version: Version}
	if err := w.listed(cmd.Context(), f.policies, f.config, &options); err != nil {
		return nil, err
	}
	engine, err := rules.New(cmd.Context(), options)
	var load *rules.LoadError
	if errors.As(err, &load) {
		w.printProblems(load.Problems)
		return nil, exitError{status: exitUsage}
	}
	if err != nil {
		return nil, fmt.Errorf("load the rules: %w", err)
	}
	return engine.Rules(), nil
}

func (w *world) rulesList() *cobra.Command {
	var output string
	var more catalogueFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the built-in rules, and others",
		Example: "  gatehouse rules list\n  gatehouse rules list -o json | jq '.[] | select(.severity == \"critical\") | .id'\n  gatehouse rules list --config .github/gatehouse.yml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := w.catalogue(cmd, more)
			if err != nil {
				return err
			}
			switch output {
			case "json":
				return w.printJSON(list)
			case "text":
			default:
				return fmt.Errorf("--output is %q; wanted: text or json", output)
			}
			table := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
			pack := ""
			for _, r := range list {
				if r.Pack != pack {
					pack = r.Pack
					fmt.Fprintf(table, "\n%s\n", pack)
				}
				note := ""
				if r.Off != "" {
					note = " (off: " + r.Off + ")"
				}
				fmt.Fprintf(table, "  %s\t%s\t%s\t%s%s\n", r.ID, r.Severity, r.Enforcement, r.Title, note)
			}
			return table.Flush()
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	more.add(cmd)
	return cmd
}

func (w *world) rulesShow() *cobra.Command {
	var output string
	var more catalogueFlags
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one rule: what it wants, why, and how to satisfy it",
		Example: "  gatehouse rules show IM-06",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := w.catalogue(cmd, more)
			if err != nil {
				return err
			}
			for _, r := range list {
				if strings.EqualFold(r.ID, args[0]) {
					if output == "json" {
						return w.printJSON(r)
					}
					return w.printRule(r)
				}
			}
			return fmt.Errorf("there is no rule %q; `gatehouse rules list` lists them", args[0])
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	more.add(cmd)
	return cmd
}

// ruleOptions are the rules of the folder given, or the built-in ones.
func ruleOptions(args []string) (rules.Options, error) {
	if len(args) == 0 {
		return rules.Options{Builtin: policies.FS, Packs: []string{"all"}, Version: Version}, nil
	}
	if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
		return rules.Options{}, fmt.Errorf("%s is no folder", args[0])
	}
	folder := os.DirFS(args[0])
	if shipped(folder) {
		return rules.Options{Builtin: folder, Packs: []string{"all"}, Version: Version}, nil
	}
	return rules.Options{Builtin: policies.FS, Packs: []string{}, Dirs: []rules.Dir{{Name: args[0], FS: folder}}, Version: Version}, nil
}

// shipped reports whether a folder is the source of the built-in packs, perhaps with changes: then it stands in their place
// instead of beside them, where every rule would be there twice.
func shipped(folder fs.FS) bool {
	packs, err := fs.ReadDir(policies.FS, ".")
	if err != nil {
		return false
	}
	for _, pack := range packs {
		if info, err := fs.Stat(folder, pack.Name()); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

func (w *world) rulesTest() *cobra.Command {
	var data []string
	cmd := &cobra.Command{
		Use:     "test [DIR]",
		Short:   "Run the unit tests and the good and bad examples of rules",
		Example: "  gatehouse rules test .gatehouse/policies\n  gatehouse rules test policy --data exclusions",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := ruleOptions(args)
			if err != nil {
				return err
			}
			if options.Conftest.Data, err = localData(data); err != nil {
				return err
			}
			options.Parse, options.TestFile = formats.Parse, fileOfTest
			report, err := rules.RunTests(cmd.Context(), options)
			var load *rules.LoadError
			if errors.As(err, &load) {
				w.printProblems(load.Problems)
				return exitError{status: exitUsage}
			}
			if err != nil {
				return err
			}
			for _, c := range report.Cases {
				if c.Failure != "" {
					fmt.Fprintf(w.out, "✗ %s:%d %s\n    %s\n", c.File, c.Line, c.Name, strings.ReplaceAll(c.Failure, "\n", "\n    "))
				}
			}
			failed := report.Failed()
			fmt.Fprintf(w.out, "%d passed, %d failed\n", len(report.Cases)-failed, failed)
			switch {
			case len(report.Cases) == 0:
				return fmt.Errorf("there are no tests or examples; see docs/writing-rules.md")
			case failed > 0:
				return exitError{status: exitFail}
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&data, "data", nil, "`FILE-or-DIR` of JSON and YAML that the tests of conftest's rules read as data (repeatable, or several with commas)")
	return cmd
}

// fileOfTest reads a file that a unit test names beside the folder of rules, as long as it is below the working directory.
func fileOfTest(name string) ([]byte, error) {
	name = filepath.FromSlash(name)
	if here, err := os.Getwd(); err == nil && filepath.IsAbs(name) {
		if rel, err := filepath.Rel(here, name); err == nil {
			name = rel
		}
	}
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("%s is neither in the folder of rules nor below the working directory; run the tests from the folder that holds both", name)
	}
	root, err := os.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > formats.MaxFile {
		return nil, fmt.Errorf("%s has %d MiB, more than the limit of %d", name, info.Size()>>20, formats.MaxFile>>20)
	}
	return root.ReadFile(name)
}

func (w *world) rulesLint() *cobra.Command {
	return &cobra.Command{
		Use:     "lint [DIR]",
		Short:   "Check the metadata and the Rego of rules",
		Example: "  gatehouse rules lint .gatehouse/policies",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			options, err := ruleOptions(args)
			if err != nil {
				return err
			}
			problems := rules.Lint(options)
			w.printProblems(problems)
			if len(problems) > 0 {
				return exitError{status: exitFail}
			}
			fmt.Fprintln(w.err, "the rules are good")
			return nil
		},
	}
}

// printProblems writes problems for a person, to standard error.
func (w *world) printProblems(problems []gate.Problem) {
	for _, p := range problems {
		fmt.Fprintln(w.err, gate.Printable(p.String()))
		if p.Remedy != "" {
			fmt.Fprintln(w.err, "  → "+gate.Printable(p.Remedy))
		}
	}
}

func (w *world) printJSON(v any) error {
	enc := json.NewEncoder(w.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return outside(fmt.Errorf("write the answer: %w", err))
	}
	return nil
}
