package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/backtest"
	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/web"
	"github.com/gatehouse-dev/gatehouse/policies"
)

// otherRules are the rules under which recorded decisions are judged again.
type otherRules struct {
	policies, packs []string
	config          string
}

func (o *otherRules) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&o.policies, "policy", nil, "`DIR` with rules, in the place of the repository's own (repeatable)")
	flags.StringArrayVar(&o.packs, "pack", nil, "built-in pack to use instead of those that were on (repeatable; all, none)")
	flags.StringVar(&o.config, "config", "", "configuration `FILE` whose policies.packs, policies.rules and policies.scope to use instead")
}

// given reports whether anything is to be judged under other rules.
func (o *otherRules) given() bool { return len(o.policies)+len(o.packs) > 0 || o.config != "" }

// answersKept is the room for the rules' answers, in bytes: most pull requests leave most documents as they were.
const answersKept = 256 << 20

// judge loads the rules.
func (o *otherRules) judge(ctx context.Context, w *world, f *auditFlags) (*backtest.Judge, error) {
	options := backtest.Options{Builtin: policies.FS, Version: Version, Packs: o.packs, Cache: rules.NewMemoryCache(answersKept), Parse: formats.Parse}
	var err error
	if options.Seal, err = w.seal(f); err != nil {
		return nil, err
	}
	if o.config != "" {
		data, err := w.readInput(o.config)
		if err != nil {
			return nil, err
		}
		config, problems := repoconfig.Parse(o.config, data)
		if len(problems) > 0 {
			return nil, w.refused(problems)
		}
		if options.Packs == nil {
			options.Packs = config.Policies.Packs
			if options.Packs == nil {
				options.Packs = rules.DefaultPacks()
			}
		}
		options.Scope, options.Settings = config.Policies.Scope, map[string]rules.Setting{}
		for id, r := range config.Policies.Rules {
			options.Settings[id] = rules.Setting(r)
		}
	}
	for _, dir := range o.policies {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("the policy folder %s cannot be read: it is no folder", dir)
		}
		options.Dirs = append(options.Dirs, rules.Dir{Name: filepath.ToSlash(dir), FS: os.DirFS(dir)})
	}
	judge, err := backtest.New(ctx, options)
	var load *rules.LoadError
	if errors.As(err, &load) {
		return nil, w.refused(load.Problems)
	}
	return judge, err
}

// refused tells what is wrong with an input.
func (w *world) refused(problems []gate.Problem) error {
	for _, p := range problems {
		fmt.Fprintln(w.err, gate.Printable(p.String()))
		if p.Remedy != "" {
			fmt.Fprintln(w.err, "  → "+gate.Printable(p.Remedy))
		}
	}
	return exitError{status: exitUsage}
}

// notFound reports whether the record does not have something.
func notFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

type backtestFlags struct {
	auditFlags
	otherRules
	repository, since string
}

func (w *world) backtestCommand() *cobra.Command {
	f := backtestFlags{auditFlags: auditFlags{output: "text"}}
	cmd := &cobra.Command{
		Use:   "backtest --policy DIR",
		Short: "Show which recorded pull requests other rules would have decided differently",
		Long: "Judge recorded pull requests again under other rules, from what is on record: their documents, reviews and waivers. The rules\n" +
			"of --policy take the place of the repository's own; the built-in packs and their settings stay as they were, unless --pack\n" +
			"or --config say otherwise. Of each pull request the last decision counts. The exit status is 0 when all come out the same,\n" +
			"1 when one comes out differently. The server may be running.",
		Example: "  gatehouse backtest --policy .gatehouse/policies --since 90d\n" +
			"  gatehouse backtest --pack pod-security-restricted --repository acme/infra -o json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.backtest(cmd.Context(), &f) },
	}
	f.otherRules.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.since, "since", "90d", "how far back: an age (90d), a day (2026-11-23) or a time")
	flags.StringVar(&f.repository, "repository", "", "only this one, `OWNER/NAME`")
	flags.IntVar(&f.limit, "limit", 100_000, "at most this many pull requests, the newest first")
	flags.StringVarP(&f.output, "output", "o", "text", "text or json")
	flags.StringVar(&f.database, "gatehouse-database-url", "", "sqlite:PATH or postgres://... (GATEHOUSE_DATABASE_URL)")
	flags.StringVar(&f.signingKey, "gatehouse-signing-key-file", "", "the server's key file, for data of bundles (GATEHOUSE_SIGNING_KEY_FILE)")
	return cmd
}

func (w *world) backtest(ctx context.Context, f *backtestFlags) error {
	since, ok := web.Moment(f.since, w.clock())
	switch {
	case !ok:
		return fmt.Errorf("--since is %q; wanted: an age such as 90d, a day such as 2026-11-23, or a time", f.since)
	case f.output != "text" && f.output != "json":
		return fmt.Errorf("--output is %q; wanted: text or json", f.output)
	case !f.given():
		return errors.New("--policy DIR is missing: the rules to judge with (or --pack, or --config)")
	}
	judge, err := f.judge(ctx, w, &f.auditFlags)
	if err != nil {
		return err
	}
	db, err := w.record(ctx, &f.auditFlags, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	list, err := recordedSince(ctx, db, store.DecisionFilter{Repository: f.repository, Since: since, Last: true}, f.limit)
	if err != nil {
		return outside(err)
	}
	done, progress := 0, w.terminal(w.err)
	report, err := backtest.Run(ctx, judge, list, db, notFound, func() {
		if done++; progress {
			fmt.Fprintf(w.err, "\r%d of %d pull requests", done, len(list))
		}
	})
	if progress && len(list) > 0 {
		fmt.Fprint(w.err, "\r\033[K")
	}
	if err != nil {
		return outside(err)
	}
	if f.output == "json" {
		err = w.printJSON(struct {
			Since  time.Time `json:"since"`
			Policy []string  `json:"policy"`
			backtest.Report
		}{since, append([]string{}, f.policies...), report})
	} else {
		_, err = fmt.Fprint(w.out, backtestText(&report, since))
	}
	if err == nil && len(report.Different) > 0 {
		return exitError{status: exitFail}
	}
	return err
}

// recordedSince reads the decisions to judge, newest first.
func recordedSince(ctx context.Context, db *store.Store, filter store.DecisionFilter, limit int) ([]backtest.Recorded, error) {
	rows, err := collectPages(limit, func(cursor string, n int) ([]store.Decision, string, error) {
		return db.Decisions(ctx, filter, cursor, n)
	})
	if err != nil {
		return nil, err
	}
	out := make([]backtest.Recorded, len(rows))
	for i, d := range rows {
		out[i] = recordedDecision(d)
	}
	return out, nil
}

func recordedDecision(d store.Decision) backtest.Recorded {
	return backtest.Recorded{
		ID: d.ID, Repository: d.Repository, PullRequest: d.PullRequest, Title: d.Title, Head: d.Head, Time: d.Time.UTC(), FactsDigest: d.FactsDigest,
	}
}

// maxToldFindings is how many findings of one pull request the text shows; the JSON has all.
const maxToldFindings = 10

// backtestText is the report for people.
func backtestText(r *backtest.Report, since time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s since %s\n", plural(r.PullRequests, "pull request"), since.Format(time.DateOnly))
	verdicts := r.Verdicts()
	if verdicts > 0 {
		fmt.Fprintf(&b, "\n%s with another verdict\n", plural(verdicts, "pull request"))
	}
	for i := range r.Different {
		if i == verdicts {
			fmt.Fprintf(&b, "\n%s with the same verdict for other reasons\n", plural(len(r.Different)-verdicts, "pull request"))
		}
		b.WriteString(outcomeText(&r.Different[i]))
	}
	if n := len(r.NotJudged); n > 0 {
		fmt.Fprintf(&b, "\n%s that cannot be judged again\n", plural(n, "pull request"))
		for _, l := range r.NotJudged {
			fmt.Fprintf(&b, "  %s  %s\n", pullRequest(&l.Recorded), printableShort(l.Reason, 300))
		}
	}
	fmt.Fprintf(&b, "\n%d the same, %d with another verdict, %d for other reasons, %d not judged\n", r.Same, verdicts, len(r.Different)-verdicts, len(r.NotJudged))
	return b.String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func pullRequest(r *backtest.Recorded) string {
	return fmt.Sprintf("%s#%d", gate.Printable(r.Repository), r.PullRequest)
}

func printableShort(s string, n int) string { return gate.Shorten(gate.Printable(s), n) }

// outcomeText is one pull request that comes out differently.
func outcomeText(o *backtest.Outcome) string {
	verdict := string(o.Before)
	if o.Before != o.After {
		verdict += " → " + string(o.After)
	}
	return fmt.Sprintf("  %s  %s  %s  %s\n", pullRequest(&o.Recorded), verdict, printableShort(o.Title, 60), o.ID) + differenceText(&o.Difference, "      ")
}

// differenceText says what differs, a line each.
func differenceText(d *backtest.Difference, indent string) string {
	var b strings.Builder
	findings := func(word string, list []backtest.Finding) {
		for i, f := range list {
			if i == maxToldFindings {
				fmt.Fprintf(&b, "%s%s  and %d more\n", indent, word, len(list)-i)
				return
			}
			fmt.Fprintf(&b, "%s%s  %s %s %s: %s\n", indent, word, f.Effect, printableShort(f.Rule, 60), printableShort(f.Resource, 120), printableShort(f.Message, 200))
		}
	}
	asked := func(word string, list []backtest.Asked) {
		for _, a := range list {
			met := "missing"
			if a.Met {
				met = "given"
			}
			fmt.Fprintf(&b, "%s%s  asks for %s (%s): %s\n", indent, word, plural(a.Count, "approval"), met, printableShort(a.Reason, 200))
		}
	}
	findings("new ", d.New)
	findings("gone", d.Gone)
	asked("new ", d.Asked)
	asked("gone", d.NotAsked)
	for _, e := range d.Errors {
		fmt.Fprintf(&b, "%serror %s\n", indent, printableShort(e, 300))
	}
	for _, n := range d.Notes {
		fmt.Fprintf(&b, "%snote  %s\n", indent, printableShort(n, 300))
	}
	return b.String()
}
