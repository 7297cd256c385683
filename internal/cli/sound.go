package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// auditEvery is how often the server verifies the whole log; each append looks at its end alone.
const auditEvery = 6 * time.Hour

// auditing verifies the whole log at the start and then now and then; while it does not verify, nothing is appended.
func auditing(db *store.Store, log *logrus.Entry) func(context.Context) {
	return func(ctx context.Context) {
		tick := time.NewTicker(auditEvery)
		defer tick.Stop()
		for {
			began := time.Now()
			report, whole, err := db.Audit(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				log.WithFields(logrus.Fields{"entries": report.Size, "whole": whole, "took": time.Since(began).String()}).Info("the audit log verifies")
			case store.Blocks(err) || errors.As(err, new(*ledger.Mismatch)):
				log.WithError(err).Error("the audit log does not verify; no decision can be recorded")
			default:
				log.WithError(err).Warn("the audit log could not be verified")
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

// soundness shows whether the log can be continued.
func soundness(db *store.Store) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gatehouse_audit_log_sound", Help: "1 while decisions can be recorded, 0 while the audit log is not to be continued, -1 when the database does not say.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		switch err := db.Appendable(ctx); {
		case err == nil:
			return 1
		case store.Blocks(err):
			return 0
		}
		return -1
	})
}

func (w *world) auditContinue(f *auditFlags) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "continue --reason TEXT",
		Short: "Go on with a log that GitHub contradicts, or whose last entry is of the future",
		Long: "Go on with a log that GitHub contradicts, because the database was restored from a backup and what it lacks is lost for good, or\n" +
			"whose last entry is of the future, because the clock was wrong. The server refuses to append to such a log until then. The reason\n" +
			"and your name become an entry of the log; check runs from before do not count for the server any more, and `gatehouse audit verify\n" +
			"--github` goes on to name them. A log that does not verify by itself cannot be continued.",
		Example: "  gatehouse audit continue --reason 'the disk of db1 died; restored the backup of 02:00'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if strings.TrimSpace(reason) == "" {
				return errors.New("--reason is empty; say why, for those who read the log later")
			}
			db, err := w.writable(cmd.Context(), f)
			if err != nil {
				return err
			}
			defer db.Close()
			p, err := db.Continue(cmd.Context(), operator(), gate.Shorten(strings.TrimSpace(reason), 2000))
			if store.Blocks(err) {
				return exitError{exitFail, err}
			} else if err != nil {
				return outside(err)
			}
			fmt.Fprintf(w.out, "the log goes on with entry %d, which says so\n", p.Index)
			return nil
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why (required)")
	return cmd
}
