package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

// configTestCommand runs the cases that a repository keeps for its configuration.
func (w *world) configTestCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "test [CASES...]",
		Short: "Run cases against a configuration: this pull request with these reviews gives this verdict",
		Long: "Run cases against a configuration, by the same code that decides: each case is a pull request in few words, what people said\n" +
			"about it, and the verdict that must come out. Without CASES, " + repoconfig.CasesPath + ".",
		Example: "  gatehouse config test\n  gatehouse config test --config .github/gatehouse.yml cases.yml",
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := w.readInput(file)
			if err != nil {
				return err
			}
			config, problems := repoconfig.Parse(file, data)
			if len(problems) > 0 {
				return w.problems(problems)
			}
			if len(args) == 0 {
				args = []string{repoconfig.CasesPath}
			}
			failed := 0
			for _, name := range args {
				n, err := w.testCases(name, config)
				if err != nil {
					return err
				}
				failed += n
			}
			if failed > 0 {
				return exitError{status: exitFail}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "config", repoconfig.Path, "configuration `FILE`")
	return cmd
}

// problems prints what is wrong with a file.
func (w *world) problems(list []gate.Problem) error {
	for _, p := range list {
		fmt.Fprintln(w.err, p.String())
		if p.Remedy != "" {
			fmt.Fprintln(w.err, "  → "+p.Remedy)
		}
	}
	return exitError{status: exitUsage}
}

// testCases runs one file and returns how many of its cases failed.
func (w *world) testCases(name string, config repoconfig.Config) (failed int, err error) {
	data, err := w.readInput(name)
	if err != nil {
		return 0, err
	}
	cases, problems := repoconfig.ParseCases(name, data)
	if len(problems) > 0 {
		return 0, w.problems(problems)
	}
	for _, c := range cases {
		wrong := c.Check(config, w.clock())
		if len(wrong) == 0 {
			fmt.Fprintf(w.out, "✓ %s\n", c.Name)
			continue
		}
		failed++
		fmt.Fprintf(w.out, "✗ %s\n", c.Name)
		for _, s := range wrong {
			fmt.Fprintf(w.out, "  %s\n", s)
		}
	}
	fmt.Fprintf(w.out, "%d of %d cases pass\n", len(cases)-failed, len(cases))
	return failed, nil
}
