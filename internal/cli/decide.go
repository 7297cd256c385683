package cli

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

func (w *world) decideCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "decide FACTS.json",
		Short:   "Run the pure core on recorded facts and print the decision as JSON",
		Long:    "Run the pure core on recorded facts and print the decision as canonical JSON. The same facts give the same bytes, always.",
		Example: "  gatehouse decide testdata/cases/'a clean change with one approval passes'/facts.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := w.readInput(args[0])
			if err != nil {
				return err
			}
			facts, err := readFacts(data)
			if err != nil {
				return fmt.Errorf("%s is no facts file: %w", args[0], err)
			}
			decision := gate.Decide(facts)
			text, err := ledger.Canonical(decision)
			if err != nil {
				return fmt.Errorf("write the decision: %w", err)
			}
			if _, err := fmt.Fprintf(w.out, "%s\n", text); err != nil {
				return outside(err)
			}
			switch decision.Verdict {
			case gate.Pass, gate.Wait:
				return nil
			case gate.Fail:
				return exitError{status: exitFail}
			}
			return exitError{status: exitUsage}
		},
	}
}

// readFacts decodes facts strictly: a fact that this program does not know could matter.
func readFacts(data []byte) (gate.Facts, error) {
	var facts gate.Facts
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&facts); err != nil {
		return facts, err
	}
	if dec.More() {
		return facts, fmt.Errorf("there is more than one JSON value in it")
	}
	return facts, nil
}

func (w *world) configCommand() *cobra.Command {
	config := &cobra.Command{
		Use:   "config",
		Short: "Work with a repository's configuration",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	config.AddCommand(&cobra.Command{
		Use:     "lint FILE",
		Short:   "Check a configuration or waiver file with the parser that enforces it",
		Example: "  gatehouse config lint .github/gatehouse.yml\n  gatehouse config lint .github/gatehouse-waivers.yml",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := w.readInput(args[0])
			if err != nil {
				return err
			}
			problems := lint(args[0], data, w)
			for _, p := range problems {
				fmt.Fprintln(w.err, p.String())
				if p.Remedy != "" {
					fmt.Fprintln(w.err, "  → "+p.Remedy)
				}
			}
			if len(problems) > 0 {
				return exitError{status: exitUsage}
			}
			fmt.Fprintln(w.err, args[0]+" is good")
			return nil
		},
	})
	config.AddCommand(w.configTestCommand())
	return config
}

// lint takes a file whose content is a list for waivers, anything else for a configuration.
func lint(file string, data []byte, w *world) []gate.Problem {
	if repoconfig.LooksLikeWaivers(data) {
		_, problems := repoconfig.ParseWaivers(file, data, w.clock())
		return problems
	}
	_, problems := repoconfig.Parse(file, data)
	return problems
}
