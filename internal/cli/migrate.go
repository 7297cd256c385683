package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

// migrateCommand helps those who come from another tool.
func (w *world) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "migrate",
		Short:   "Turn another tool's configuration into one for Gatehouse",
		Example: "  gatehouse migrate policy-bot .policy.yml > .github/gatehouse.yml",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "policy-bot POLICY.yml",
		Short: "Print the configuration that does what a policy-bot policy does",
		Long: "Print the configuration that does what a policy-bot policy does. What has no equivalent is listed on standard error, with the\n" +
			"reason. Where something is lost, the result asks for more than the policy did, not for less.",
		Example: "  gatehouse migrate policy-bot .policy.yml > .github/gatehouse.yml",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := w.readInput(args[0])
			if err != nil {
				return err
			}
			out, err := repoconfig.MigratePolicyBot(data)
			if err != nil {
				return fmt.Errorf("%s cannot be migrated: %w", args[0], err)
			}
			if _, err := w.out.Write(out.Config); err != nil {
				return outside(err)
			}
			if len(out.Left) > 0 {
				fmt.Fprintln(w.err, "No equivalent, or not quite the same:")
			}
			for _, s := range out.Left {
				fmt.Fprintln(w.err, "- "+s)
			}
			return nil
		},
	})
	return cmd
}
