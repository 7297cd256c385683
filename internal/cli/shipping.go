package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/shipping"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// shipper is what ships the log as the settings say; nil when they name no destination.
func shipper(s *config.Server, db *store.Store, stdout io.Writer, metrics prometheus.Registerer, log *logrus.Entry) (*shipping.Shipper, error) {
	host := "localhost"
	if u, err := url.Parse(s.PublicURL); err == nil && u.Hostname() != "" {
		host = u.Hostname() // the same in every replica
	}
	var to []shipping.Destination
	for _, r := range s.SyslogReceivers {
		to = append(to, shipping.NewSyslog(shipping.SyslogOptions{Address: r.Address, TLS: r.TLS, Host: host, Most: r.Most}))
	}
	if s.AuditOTLP != "" {
		to = append(to, shipping.NewOTLP(shipping.OTLPOptions{URL: s.AuditOTLP, HeadersFile: s.AuditOTLPHeadersFile, Host: host, Version: Version}))
	}
	if s.ShipToStdout {
		to = append(to, shipping.NewLines(stdout))
	}
	if len(to) == 0 {
		return nil, nil
	}
	out := shipping.New(shipping.Options{Log: db, Destinations: to, Logger: log})
	if err := metrics.Register(out); err != nil {
		return nil, fmt.Errorf("the metrics of shipping: %w", err)
	}
	return out, nil
}

// auditShip shows how far the log has come, and moves a cursor.
func (w *world) auditShip(f *auditFlags) *cobra.Command {
	var next int64
	cmd := &cobra.Command{
		Use:   "ship [--next INDEX DESTINATION]",
		Short: "Show how far the log has been shipped to each destination",
		Long: "Show how far the log has been shipped to each destination, and why the last attempt failed if it did. `gatehouse serve` ships, to\n" +
			"what GATEHOUSE_AUDIT_SYSLOG, GATEHOUSE_AUDIT_OTLP and GATEHOUSE_AUDIT_STDOUT say.\n\n" +
			"With --next a destination goes on with that entry: an earlier one to send entries again, a later one to leave some out. That is\n" +
			"an entry of the log itself, so the signing key must be there.",
		Example: "  gatehouse audit ship\n  gatehouse audit ship --next 0 'syslog tcp://logs.example:601'",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("next") {
				if len(args) > 0 {
					return fmt.Errorf("a destination is named for --next alone")
				}
				return w.showShipments(cmd, f)
			}
			if len(args) != 1 {
				return fmt.Errorf("--next wants one destination, as `gatehouse audit ship` names it")
			}
			return w.setShipment(cmd, f, args[0], next)
		},
	}
	cmd.Flags().Int64Var(&next, "next", 0, "`INDEX` of the entry to go on with")
	return cmd
}

// shipmentLine is the JSON of `audit ship`.
type shipmentLine struct {
	Destination string    `json:"destination"`
	Next        int64     `json:"next"` // index of the first entry that it does not have
	Lag         int64     `json:"lag"`  // entries that it does not have
	Error       string    `json:"error"`
	Updated     time.Time `json:"updated"`
}

// shipments are how far the destinations are, and how far the log is.
func shipments(ctx context.Context, db *store.Store) (store.Position, []store.Shipment, error) {
	head, err := db.Checkpoint(ctx)
	if err != nil {
		return head, nil, outside(err)
	}
	all, err := db.Shipments(ctx)
	if err != nil {
		return head, nil, outside(err)
	}
	return head, all, nil
}

func (w *world) showShipments(cmd *cobra.Command, f *auditFlags) error {
	db, err := w.record(cmd.Context(), f, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	head, all, err := shipments(cmd.Context(), db)
	if err != nil {
		return err
	}
	lines, rows := make([]shipmentLine, len(all)), make([][]string, len(all))
	for i, p := range all {
		lines[i] = shipmentLine{p.Destination, p.Next, head.Size - p.Next, p.Error, p.Updated}
		rows[i] = []string{
			p.Destination, strconv.FormatInt(p.Next, 10), strconv.FormatInt(head.Size-p.Next, 10), p.Updated.Format(time.RFC3339), p.Error,
		}
	}
	return w.printTable(f.output, lines, []string{"destination", "next", "lag", "updated", "error"}, rows)
}

func (w *world) setShipment(cmd *cobra.Command, f *auditFlags, destination string, next int64) error {
	db, err := w.writable(cmd.Context(), f)
	if err != nil {
		return err
	}
	defer db.Close()
	head, all, err := shipments(cmd.Context(), db)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Destination != destination {
			continue
		}
		if next < 0 || next > head.Size {
			return fmt.Errorf("--next is %d; the log has the entries 0 to %d", next, head.Size-1)
		}
		// Recorded first: a cursor that was moved in silence could keep entries from those who watch.
		entry := store.Entry{Type: store.EntryConfiguration, Actor: operator(), Detail: map[string]any{
			"what": "shipping", "destination": destination, "from": p.Next, "to": next,
		}}
		if _, err := db.Append(cmd.Context(), []store.Entry{entry}); err != nil {
			return outside(err)
		}
		if err := db.SetShipment(cmd.Context(), destination, next); err != nil {
			return outside(err)
		}
		fmt.Fprintf(w.out, "%s goes on with entry %d (it was at %d)\n", destination, next, p.Next)
		return nil
	}
	return fmt.Errorf("nothing was ever shipped to %q; `gatehouse audit ship` lists the destinations", destination)
}

// operator is the name of whoever runs a command on the server's machine.
func operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}
