package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/backtest"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func (w *world) replayCommand() *cobra.Command {
	f := auditFlags{output: "json"}
	var other otherRules
	cmd := &cobra.Command{
		Use:   "replay ID",
		Short: "Decide a recorded decision again, from its recorded facts",
		Long: "Decide a recorded decision again, from its recorded facts, and print it as canonical JSON. The exit status is 0 when it is\n" +
			"byte for byte the recorded one, 1 when it is not, 2 when there is none.\n\n" +
			"With --policy the rules are others: what the recorded rules saw is judged again. What differs is told on standard error,\n" +
			"and the exit status is 1 when anything but the policy's own digest does. The rules of --policy take the place of the\n" +
			"repository's own; the built-in packs and their settings stay as they were, unless --pack or --config say otherwise.",
		Example: "  gatehouse replay d-4be1a07c55d2\n  gatehouse replay d-4be1a07c55d2 --policy .gatehouse/policies",
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
			if other.given() {
				return w.replayUnder(cmd.Context(), db, recorded, &other)
			}
			return w.replay(cmd.Context(), db, recorded)
		},
	}
	cmd.Flags().StringVar(&f.database, "gatehouse-database-url", "", "sqlite:PATH or postgres://... (GATEHOUSE_DATABASE_URL)")
	other.flags(cmd)
	return cmd
}

// replay decides from the recorded facts.
func (w *world) replay(ctx context.Context, db *store.Store, recorded store.Decision) error {
	data, err := db.Facts(ctx, recorded.FactsDigest)
	if errors.Is(err, store.ErrNotFound) {
		return w.gone(ctx, db, recorded)
	} else if err != nil {
		return outside(err)
	}
	facts, err := readFacts(data)
	if err != nil {
		return fmt.Errorf("read the facts of %s: %w", recorded.ID, err)
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
}

// gone says why the facts of a decision are not there.
func (w *world) gone(ctx context.Context, db *store.Store, recorded store.Decision) error {
	before, entry, err := db.Retention(ctx)
	if err != nil {
		return outside(err)
	}
	if recorded.Time.Before(before) {
		return fmt.Errorf("the facts of %s, of %s, were dropped by age: entry %d of the log says that those before %s were",
			recorded.ID, recorded.Time.Format(time.DateOnly), entry, before.Format(time.RFC3339))
	}
	return fmt.Errorf("the facts of %s are gone, and no entry of the log says that they were dropped; run `gatehouse audit verify`", recorded.ID)
}

// replayUnder decides as it would have been under other rules.
func (w *world) replayUnder(ctx context.Context, db *store.Store, recorded store.Decision, other *otherRules) error {
	judge, err := other.judge(ctx, w)
	if err != nil {
		return err
	}
	diff, facts, err := backtest.One(ctx, judge, recordedDecision(recorded), db, notFound)
	var not backtest.NotJudged
	if errors.As(err, &not) {
		return fmt.Errorf("%s cannot be judged again: %w", recorded.ID, not)
	} else if err != nil {
		return outside(err)
	}
	again, err := ledger.Canonical(gate.Decide(facts))
	if err != nil {
		return fmt.Errorf("write the decision: %w", err)
	}
	if _, err := fmt.Fprintf(w.out, "%s\n", again); err != nil {
		return outside(err)
	}
	if !diff.Differs() && diff.Older == 0 {
		return nil
	}
	if diff.Before != diff.After {
		fmt.Fprintf(w.err, "verdict %s → %s\n", diff.Before, diff.After)
	}
	fmt.Fprint(w.err, differenceText(&diff, ""))
	if diff.Older != 0 {
		fmt.Fprintf(w.err, "%+d findings that the pull request did not introduce\n", diff.Older)
	}
	return exitError{status: exitFail}
}
