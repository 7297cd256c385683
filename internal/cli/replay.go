package cli

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func (w *world) replayCommand() *cobra.Command {
	f := auditFlags{output: "json"}
	cmd := &cobra.Command{
		Use:   "replay ID",
		Short: "Decide a recorded decision again, from its recorded facts",
		Long: "Decide a recorded decision again, from its recorded facts, and print it as canonical JSON. The exit status is 0 when it is\n" +
			"byte for byte the recorded one, 1 when it is not, 2 when there is none.",
		Example: "  gatehouse replay d-4be1a07c55d2",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := w.record(cmd.Context(), &f, nil)
			if err != nil {
				return err
			}
			defer db.Close()
			recorded, err := db.Decision(cmd.Context(), args[0])
			if errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("there is no decision %q in the record", args[0])
			} else if err != nil {
				return outside(err)
			}
			data, err := db.Facts(cmd.Context(), recorded.FactsDigest)
			if errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("the facts of %s are not in the record any more", args[0])
			} else if err != nil {
				return outside(err)
			}
			if digest := ledger.Digest(data); digest != recorded.FactsDigest {
				return exitError{exitFail, fmt.Errorf("the recorded facts have the digest %s, the decision was made from %s", digest, recorded.FactsDigest)}
			}
			facts, err := readFacts(data)
			if err != nil {
				return fmt.Errorf("read the facts of %s: %w", args[0], err)
			}
			again, err := ledger.Canonical(gate.Decide(facts))
			if err != nil {
				return fmt.Errorf("write the decision: %w", err)
			}
			fmt.Fprintf(w.out, "%s\n", again)
			if !bytes.Equal(again, recorded.Decision) {
				return exitError{exitFail, fmt.Errorf("this is not the decision that was recorded; another version of Gatehouse made it, or the record was changed")}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&f.database, "gatehouse-database-url", "", "sqlite:PATH or postgres://... (GATEHOUSE_DATABASE_URL)")
	return cmd
}
