package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/web"
)

type auditFlags struct {
	database, signingKey, output string
	limit                        int
}

func (w *world) auditCommand() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Read, search and prove the audit log",
		Long:  "Read, search and prove the audit log. The database is GATEHOUSE_DATABASE_URL; a server may be running on it.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.database, "gatehouse-database-url", "", "sqlite:PATH or postgres://... (GATEHOUSE_DATABASE_URL)")
	flags.StringVar(&f.signingKey, "gatehouse-signing-key-file", "", "the log's signing key (GATEHOUSE_SIGNING_KEY_FILE)")
	flags.StringVarP(&f.output, "output", "o", "text", "text, json or csv")
	flags.IntVar(&f.limit, "limit", 100, "at most this many lines")
	cmd.AddCommand(w.auditLog(&f), w.auditWho(&f), w.auditVerify(&f), w.auditExport(&f), w.auditShip(&f), w.auditContinue(&f), w.auditKey(&f))
	return cmd
}

// record opens the database for reading.
func (w *world) record(ctx context.Context, f *auditFlags, signer store.Signer) (*store.Store, error) {
	if f.output != "text" && f.output != "json" && f.output != "csv" {
		return nil, fmt.Errorf("--output is %q; wanted: text, json or csv", f.output)
	}
	url, err := config.Database(w.environ, f.database)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, url, store.Options{Clock: w.clock, ReadOnly: true, Signer: signer})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no database at %s; set GATEHOUSE_DATABASE_URL to the server's", url)
	}
	if err != nil {
		return nil, outside(err)
	}
	return db, nil
}

func (w *world) auditLog(f *auditFlags) *cobra.Command {
	var filter store.EntryFilter
	var since string
	cmd := &cobra.Command{
		Use:     "log",
		Short:   "List the entries of the log, newest first",
		Example: "  gatehouse audit log --type bypass --since 90d\n  gatehouse audit log --repository acme/infra -o csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if filter.Type != "" && !slices.Contains(store.EntryTypes(), filter.Type) {
				return fmt.Errorf("--type is %q; wanted: %s", filter.Type, strings.Join(store.EntryTypes(), ", "))
			}
			if since != "" {
				var ok bool
				if filter.Since, ok = web.Moment(since, w.clock()); !ok {
					return fmt.Errorf("--since is %q; wanted: an age such as 90d, a day such as 2026-11-23, or a time", since)
				}
			}
			db, err := w.record(cmd.Context(), f, nil)
			if err != nil {
				return err
			}
			defer db.Close()
			return w.printEntries(f.limit, f.output, func(cursor string, n int) ([]store.Entry, string, error) {
				return db.Entries(cmd.Context(), filter, cursor, n)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&filter.Type, "type", "", strings.Join(store.EntryTypes(), ", "))
	flags.StringVar(&since, "since", "", "only what came later: an age (90d), a day (2026-11-23) or a time")
	flags.StringVar(&filter.Actor, "actor", "", "who did it")
	flags.StringVar(&filter.Repository, "repository", "", "OWNER/NAME")
	flags.IntVar(&filter.PullRequest, "pull-request", 0, "number of the pull request")
	flags.StringVar(&filter.Commit, "commit", "", "SHA")
	flags.StringVar(&filter.Resource, "resource", "", "resource, or a pattern with * and ?")
	return cmd
}

// collectPages reads pages until there are limit rows or no more.
func collectPages[T any](limit int, page func(cursor string, n int) ([]T, string, error)) ([]T, error) {
	out := []T{}
	for cursor := ""; len(out) < limit; {
		rows, next, err := page(cursor, min(limit-len(out), 1000))
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
		if next == "" {
			break
		}
		cursor = next
	}
	return out, nil
}

func (w *world) auditWho(f *auditFlags) *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use:   "who RESOURCE",
		Short: "Who changed it? Pull request, author, approvers and merge, newest first",
		Long: `Who changed it? RESOURCE is whatever you have in hands: a Terraform address, a Kubernetes object, a name or id that the cloud knows
(sg-0a1b2c, an ARN, a bucket), a file's path, a rule, a person (@mei), a commit or its beginning; * stands for any run of characters and ?
for one. The answer has a line for each resource, and for what is found otherwise a line for each pull request.`,
		Example: "  gatehouse audit who aws_security_group.prod-web-01\n  gatehouse audit who 'apps/v1/Deployment/shop/*' -o json\n" +
			"  gatehouse audit who sg-0a1b2c3d\n  gatehouse audit who @mei\n  gatehouse audit who --in file 'infra/prod/*.tf'",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(web.WhoKinds(), kind) {
				return fmt.Errorf("--in is %q; wanted: %s", kind, strings.Join(web.WhoKinds()[1:], ", "))
			}
			if strings.TrimSpace(args[0]) == "" {
				return errors.New("say what you look for")
			}
			db, err := w.record(cmd.Context(), f, nil)
			if err != nil {
				return err
			}
			defer db.Close()
			lines, err := web.Who(cmd.Context(), db, args[0], kind, nil, min(max(f.limit, 1), 1000), 0)
			if err != nil {
				return outside(err)
			}
			return w.printWho(f.output, lines)
		},
	}
	cmd.Flags().StringVar(&kind, "in", "", "look only in these: resource, name, file, rule, person or commit")
	return cmd
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return "#" + strconv.Itoa(n)
}

// printTable writes rows for people, as CSV, or the values themselves as JSON.
func (w *world) printTable(output string, values any, header []string, rows [][]string) error {
	switch output {
	case "json":
		return w.printJSON(values)
	case "csv":
		out := csv.NewWriter(w.out)
		if err := out.Write(header); err != nil {
			return outside(err)
		}
		for _, row := range rows {
			for i := range row {
				row[i] = csvSafe(row[i])
			}
		}
		if err := out.WriteAll(rows); err != nil {
			return outside(err)
		}
		return nil
	}
	if len(rows) == 0 {
		fmt.Fprintln(w.err, "nothing found")
		return nil
	}
	return w.printText(header, rows, nil)
}

// printText writes rows for people, each with the lines that belong under it.
func (w *world) printText(header []string, rows, under [][]string) error {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.ToUpper(strings.Join(header, "\t")))
	for _, row := range rows {
		for i := range row {
			row[i] = gate.Shorten(gate.Printable(row[i]), 80)
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return outside(err)
	}
	for i, line := range strings.SplitAfter(text.String(), "\n") {
		if _, err := fmt.Fprint(w.out, line); err != nil {
			return outside(err)
		}
		if at := i - 1; at >= 0 && at < len(under) {
			for _, more := range under[at] {
				fmt.Fprintln(w.out, "    "+more)
			}
		}
	}
	return nil
}

// csvSafe keeps a stranger's text from being a formula in a spreadsheet.
func csvSafe(s string) string {
	// Spreadsheets take the wide forms of East Asian keyboards for the same signs.
	if first, _ := utf8.DecodeRuneInString(s); s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return "'" + s
	}
	return s
}

func (w *world) auditVerify(f *auditFlags) *cobra.Command {
	var export, key string
	var github witnessFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that no entry of the log was changed, removed, moved or slipped in",
		Long: "Prove that no entry of the log, and no recorded decision, was changed, removed, moved or slipped in. With --export an export is\n" +
			"checked instead, with the public key alone.\n\n" +
			"With --github the log is also held against the check runs on GitHub, each of which says which tree it was written into: whoever\n" +
			"has the database and the signing key can make another log that is sound in itself, and GitHub would contradict it. GitHub is\n" +
			"asked with the token in GITHUB_TOKEN, which needs to read checks and pull requests, or else as the App (GITHUB_APP_ID and\n" +
			"GITHUB_APP_PRIVATE_KEY_FILE). Nothing is written.\n\n" +
			"Exit status: 0 all agrees; 1 something does not, and the first such entry is named; 2 wrong use; 3 the database or GitHub could\n" +
			"not be read, or not all of it.",
		Example: "  gatehouse audit verify\n  gatehouse audit verify --export audit.jsonl --key gatehouse.pub\n" +
			"  GITHUB_TOKEN=... gatehouse audit verify --github --since 90d",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if export != "" {
				return w.auditVerifyExport(export, key)
			}
			all, err := loadKeys(w.signingKeyFile(f), "", false)
			if err != nil {
				return err
			}
			db, err := w.record(cmd.Context(), f, all.logKey())
			if err != nil {
				return err
			}
			defer db.Close()
			report, err := db.Verify(cmd.Context())
			if errors.As(err, new(*ledger.Mismatch)) || store.Blocks(err) {
				fmt.Fprintln(w.out, "the audit log does NOT verify: "+gate.Printable(err.Error()))
				return exitError{status: exitFail}
			}
			if err != nil {
				return outside(err)
			}
			said := w.out
			if f.output == "json" && github.asked() {
				said = w.err // standard output is for the comparison
			}
			fmt.Fprintf(said, "the audit log verifies: %d entries, root %s, signed by %s\n", report.Size, report.Root, all.signer.Origin())
			if !github.asked() {
				return nil
			}
			return w.verifyWitness(cmd.Context(), db, github, f.output)
		},
	}
	cmd.Flags().StringVar(&export, "export", "", "check this `FILE` of `gatehouse audit export` instead of the database")
	cmd.Flags().StringVar(&key, "key", "", "the log's public `KEY`, or a file with it (for --export)")
	flags := cmd.Flags()
	flags.BoolVar(&github.github, "github", false, "hold the log against the check runs on GitHub, too")
	flags.StringVar(&github.token, "github-token", "", "the `TOKEN` to ask GitHub with; better GITHUB_TOKEN: a command line is seen by everybody on the machine")
	flags.StringVar(&github.tokenFile, "github-token-file", "", "`FILE` with the token")
	flags.Int64Var(&github.app, "github-app-id", 0, "the gate's App, if other Apps post checks of the same name (default: GITHUB_APP_ID)")
	flags.StringVar(&github.since, "since", "", "on GitHub, only pull requests of the last `TIME`, such as 90d (default: all)")
	flags.StringArrayVar(&github.repositories, "repository", nil, "`OWNER/NAME` to look at on GitHub besides those that the log knows (repeatable)")
	return cmd
}

func (w *world) auditVerifyExport(file, key string) error {
	if key == "" {
		return fmt.Errorf("--export needs --key: the public key that `gatehouse audit key` prints on the server")
	}
	verifier, err := w.keyArgument(key)
	if err != nil {
		return err
	}
	data, err := w.readInput(file)
	if err != nil {
		return err
	}
	n, cp, err := verifyExport(data, verifier)
	if err != nil {
		fmt.Fprintln(w.out, "the export does NOT verify: "+gate.Printable(err.Error()))
		return exitError{status: exitFail}
	}
	fmt.Fprintf(w.out, "the export verifies: %d entries of the tree of %d with root %s, signed by %s\n", n, cp.Size, cp.Root, verifier.Origin())
	return nil
}

func (w *world) signingKeyFile(f *auditFlags) string {
	for _, name := range []string{f.signingKey, w.environment("GATEHOUSE_SIGNING_KEY_FILE")} {
		if name != "" {
			return name
		}
	}
	return "gatehouse-signing.key"
}
