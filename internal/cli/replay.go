package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/backtest"
	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func (w *world) replayCommand() *cobra.Command {
	f := auditFlags{output: "json"}
	var other otherRules
	cmd := &cobra.Command{
		Use:   "replay ID",
		Short: "Decide a recorded decision again, with the rules of that day",
		Long: "Decide a recorded decision again, and print it as canonical JSON: the rules that judged then, whose text is kept with it, judge\n" +
			"what they saw, and everything else is taken from its recorded facts. Standard error says which rules ran. Where their text is\n" +
			"not on record (it was dropped by age, or an older version recorded the decision), their recorded findings count, and standard\n" +
			"error says why. The exit status is 0 when it is byte for byte the recorded one, 1 when it is not, 2 when there is none.\n\n" +
			"Data files of bundles are kept sealed with the server's key; a decision that needs them needs GATEHOUSE_SIGNING_KEY_FILE.\n\n" +
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
				return w.replayUnder(cmd.Context(), db, recorded, &other, &f)
			}
			return w.replay(cmd.Context(), db, recorded, &f)
		},
	}
	cmd.Flags().StringVar(&f.database, "gatehouse-database-url", "", "sqlite:PATH or postgres://... (GATEHOUSE_DATABASE_URL)")
	cmd.Flags().StringVar(&f.signingKey, "gatehouse-signing-key-file", "", "the server's key file (GATEHOUSE_SIGNING_KEY_FILE)")
	other.flags(cmd)
	return cmd
}

// replay judges again under the rules of the day, where their text is on record, and decides. Where it is not, it decides from the
// recorded findings, and says so.
func (w *world) replay(ctx context.Context, db *store.Store, recorded store.Decision, f *auditFlags) error {
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
	options := backtest.Options{Parse: formats.Parse}
	if options.Seal, err = w.seal(f); err != nil {
		return err
	}
	ran, err := backtest.Replay(ctx, options, recordedDecision(recorded), db, notFound)
	var not backtest.NotJudged
	switch {
	case errors.As(err, &not):
		if err := w.dropped(ctx, db, recorded, &facts); err != nil {
			return err
		}
		fmt.Fprintf(w.err, "decided from the recorded findings; the rules were not run again: %s\n", printableShort(not.Reason, 300))
	case err != nil:
		return outside(err)
	default:
		recordedFacts := facts
		facts = ran.Facts
		w.tellReplayed(&ran, &recordedFacts)
	}
	again, err := ledger.Canonical(gate.Decide(facts))
	if err != nil {
		return fmt.Errorf("write the decision: %w", err)
	}
	if _, err := fmt.Fprintf(w.out, "%s\n", again); err != nil {
		return outside(err)
	}
	if not.Reason == "" && !ran.Same || !bytes.Equal(again, recorded.Decision) {
		return exitError{exitFail, fmt.Errorf("this is not the decision that was recorded; another version of Gatehouse made it, or the record was changed")}
	}
	return nil
}

// dropped makes an error of what is not there although no entry of the log says that it was dropped.
func (w *world) dropped(ctx context.Context, db *store.Store, recorded store.Decision, facts *gate.Facts) error {
	if facts.Evidence == nil {
		return nil
	}
	wanted := []string{facts.Evidence.Digest}
	for _, r := range facts.Evidence.Rules {
		wanted = append(wanted, r.Digest)
	}
	for _, digest := range wanted {
		if digest == "" {
			continue
		}
		_, err := db.Facts(ctx, digest)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return outside(err)
		}
		if err == nil {
			continue
		}
		before, _, err := db.Retention(ctx)
		if err != nil {
			return outside(err)
		}
		if !recorded.Time.Before(before) {
			return fmt.Errorf("%s, from which %s was decided, is gone, and no entry of the log says that it was dropped; run `gatehouse audit verify`", digest, recorded.ID)
		}
	}
	return nil
}

// tellReplayed says under which rules a decision was judged again, and what they say now that they did not say then.
func (w *world) tellReplayed(ran *backtest.Replayed, recorded *gate.Facts) {
	fmt.Fprintln(w.err, "judged again with the rules of that day:")
	for i, f := range ran.Folders {
		name := gate.Printable(f.Name)
		if f.Builtin {
			name += " of " + gate.Printable(f.Program)
		}
		fmt.Fprintf(w.err, "  %s, %s, %s\n", name, plural(len(f.Files), "file"), ran.Facts.Evidence.Rules[i].Digest)
	}
	if ran.Engine {
		fmt.Fprintln(w.err, "the engine of this program is another one than that which ran them, so their digest is left as it was")
	}
	now := &ran.Facts.Evaluation
	fmt.Fprintf(w.err, "%s in force, %s judged, %s", plural(now.Rules, "rule"), plural(now.Documents, "document"), plural(len(now.Findings), "finding"))
	if ran.Same {
		fmt.Fprintln(w.err, ": what they said then, to the letter")
		return
	}
	fmt.Fprintln(w.err, ": not what they said then")
	before, after := gate.Decide(*recorded), gate.Decide(ran.Facts)
	diff := backtest.Compare(&before, &after)
	fmt.Fprint(w.err, differenceText(&diff, "  "))
}

// seal opens data of bundles on record; nil when there is no key file that may be read, for few decisions need it.
func (w *world) seal(f *auditFlags) (*evidence.Seal, error) {
	all, err := loadKeys(w.signingKeyFile(f), "", false)
	if f.signingKey == "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return evidence.NewSeal(all.secret)
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
func (w *world) replayUnder(ctx context.Context, db *store.Store, recorded store.Decision, other *otherRules, f *auditFlags) error {
	judge, err := other.judge(ctx, w, f)
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
