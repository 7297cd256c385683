package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/explain"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/pipeline"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/witness"
)

// witnessFlags say how `audit verify` asks GitHub.
type witnessFlags struct {
	github           bool
	token, tokenFile string
	app              int64
	since            string
	repositories     []string
}

func (f witnessFlags) asked() bool { return f.github || f.token != "" || f.tokenFile != "" }

// comparing is one comparison of the log with GitHub.
type comparing struct {
	w     *world
	ctx   context.Context //nolint:containedctx // it lives for one command
	f     witnessFlags
	since time.Time
	repo  func(owner, name string) (*forge.Repo, error)
	more  func() ([]string, error) // repositories that the log need not know

	log       witness.Log
	commits   map[string]map[string]bool // by repository: those that the log knows
	posted    []witness.Posted
	asked     map[string]bool // OWNER/NAME@SHA
	apps      map[int64]string
	bare      int // check runs without a witness
	gone      int // commits that GitHub does not have
	untouched []string
}

// verifyWitness compares the log, which has been verified by itself, with the check runs on GitHub.
func (w *world) verifyWitness(ctx context.Context, db *store.Store, f witnessFlags, output string) error {
	c := &comparing{w: w, ctx: ctx, f: f, commits: map[string]map[string]bool{}, asked: map[string]bool{}, apps: map[int64]string{}}
	if f.since != "" {
		back, err := config.Days(f.since)
		if err != nil || back <= 0 {
			return fmt.Errorf("--since is %q; wanted: a number of days such as 90d", f.since)
		}
		c.since = w.clock().Add(-back)
	}
	if err := c.connect(); err != nil {
		return err
	}
	for _, name := range f.repositories {
		if owner, repo, ok := strings.Cut(name, "/"); !ok || owner == "" || repo == "" {
			return fmt.Errorf("--repository is %q; wanted: OWNER/NAME", name)
		}
		c.know(name, "")
	}
	if err := c.readLog(db); err != nil {
		return outside(err)
	}
	if err := c.readGitHub(); err != nil {
		return err
	}
	// Read once more: the server may have gone on meanwhile, and GitHub knows of it already.
	head, err := db.Checkpoint(ctx)
	if err != nil {
		return outside(err)
	}
	published := c.log.Published
	if err := c.readLog(db); err != nil {
		return outside(err)
	}
	c.log.Size, c.log.Published = head.Size, published
	var found []witness.Contradiction
	err = db.Hashes(ctx, func(stored ledger.HashReader) (err error) {
		roots := map[int64]ledger.Hash{}
		c.log.Root = func(size int64) (ledger.Hash, error) {
			if root, ok := roots[size]; ok {
				return root, nil
			}
			root, err := ledger.Root(stored, size)
			roots[size] = root
			return root, err
		}
		found, err = witness.Compare(c.log, c.posted, c.asked)
		return err
	})
	if err != nil {
		return outside(err)
	}
	return c.report(found, output)
}

// connect decides as whom GitHub is asked: with a person's token, else as the App.
func (c *comparing) connect() error {
	settings, err := config.GitHub(c.w.environ)
	if err != nil {
		return err
	}
	if c.f.app == 0 {
		c.f.app = settings.AppID
	}
	token := c.f.token
	if c.f.tokenFile != "" {
		text, err := os.ReadFile(c.f.tokenFile)
		if err != nil {
			return fmt.Errorf("--github-token-file: %w", err)
		}
		token = strings.TrimSpace(string(text))
	}
	if token == "" {
		token = c.w.environment("GITHUB_TOKEN")
	}
	o := forge.Options{
		AppID: settings.AppID, PrivateKey: settings.KeyPEM, APIURL: settings.APIURL, ServerURL: settings.ServerURL,
		UserAgent: "gatehouse/" + Version, Clock: c.w.clock,
	}
	switch {
	case token != "":
		reader, err := forge.NewReader(o, token)
		if err != nil {
			return err
		}
		c.repo = func(owner, name string) (*forge.Repo, error) { return reader.Repo(owner, name), nil }
		c.more = func() ([]string, error) { return nil, nil }
		return nil
	case settings.KeyPEM != nil:
		app, err := forge.New(o)
		if err != nil {
			return err
		}
		c.repo = func(owner, name string) (*forge.Repo, error) {
			id, err := app.Installation(c.ctx, owner, name)
			return app.Repo(id, owner, name), err
		}
		c.more = func() ([]string, error) { return c.installed(app) }
		return nil
	}
	return errors.New("comparing with GitHub needs a token in GITHUB_TOKEN (--github-token-file), or the App's GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY_FILE")
}

// installed lists the repositories that the App is installed on.
func (c *comparing) installed(app *forge.App) ([]string, error) {
	var out []string
	ids, err := patiently(c, func() ([]int64, error) { return app.Installations(c.ctx) })
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		list, err := patiently(c, func() ([]gate.Repository, error) { return app.Repositories(c.ctx, id) })
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			out = append(out, r.FullName())
		}
	}
	return out, nil
}

// know remembers a repository, and a commit in it.
func (c *comparing) know(repository, commit string) {
	if c.commits[repository] == nil {
		c.commits[repository] = map[string]bool{}
	}
	if commit != "" {
		c.commits[repository][commit] = true
	}
}

// readLog collects what the log says about decisions and check runs.
func (c *comparing) readLog(db *store.Store) error {
	c.log = witness.Log{Decisions: map[string]witness.Decision{}}
	last := map[string]int{} // publications by commit and check run
	for leaf, err := range db.Leaves(c.ctx, 0) {
		if err != nil {
			return err
		}
		var e store.Entry
		if err := json.Unmarshal(leaf.Data, &e); err != nil {
			return fmt.Errorf("entry %d: %w", leaf.Index, err)
		}
		c.log.Size = leaf.Index + 1
		text := func(name string) string { s, _ := e.Detail[name].(string); return s }
		switch e.Type {
		case store.EntryDecision:
			c.log.Decisions[text("decision")] = witness.Decision{Index: e.Index, Verdict: e.Verdict}
		case store.EntryPublication:
			id, ok := e.Detail["check_run"].(float64)
			if !ok || text("what") != "check" {
				continue
			}
			p := witness.Publication{Index: e.Index, Time: e.Time, Repository: e.Repository, Commit: e.Commit, CheckRun: int64(id), Conclusion: text("conclusion")}
			key := fmt.Sprint(e.Repository, "@", e.Commit, " ", p.CheckRun)
			if i, ok := last[key]; ok {
				c.log.Published[i] = p
			} else {
				last[key] = len(c.log.Published)
				c.log.Published = append(c.log.Published, p)
			}
		default:
			continue
		}
		if !e.Time.Before(c.since) {
			c.know(e.Repository, e.Commit)
		}
	}
	oldest := c.since
	if kept := c.w.clock().Add(-witness.Kept); kept.After(oldest) {
		oldest = kept
	}
	c.log.Published = slices.DeleteFunc(c.log.Published, func(p witness.Publication) bool { return p.Time.Before(oldest) })
	return nil
}

// readGitHub lists the check runs on all commits that the log or GitHub knows of.
func (c *comparing) readGitHub() error {
	more, err := c.more()
	if err != nil {
		return c.failed(err)
	}
	for _, name := range more {
		c.know(name, "")
	}
	for _, name := range slices.Sorted(maps.Keys(c.commits)) {
		err := c.readRepository(name)
		switch {
		case errors.As(err, new(forge.NotFound)), errors.As(err, new(forge.MissingPermission)):
			c.untouched = append(c.untouched, fmt.Sprintf("%s (%v)", name, err))
		case err != nil:
			return c.failed(fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(c.apps) > 1 {
		var names []string
		for id, slug := range c.apps {
			names = append(names, fmt.Sprintf("%d (%s)", id, gate.Printable(slug)))
		}
		slices.Sort(names)
		return fmt.Errorf("several Apps post checks named %s that speak of a log: %s; say which one is the gate's with --github-app-id", pipeline.CheckName, strings.Join(names, ", "))
	}
	return nil
}

// failed is an error of asking GitHub with its exit status.
func (c *comparing) failed(err error) error {
	if errors.As(err, new(exitError)) {
		return err
	}
	return outside(fmt.Errorf("compare the log with GitHub: %w", err))
}

func (c *comparing) readRepository(name string) error {
	owner, repo, _ := strings.Cut(name, "/")
	r, err := patiently(c, func() (*forge.Repo, error) { return c.repo(owner, repo) })
	if err != nil {
		return err
	}
	heads, err := patiently(c, func() ([]string, error) { return r.RecentHeads(c.ctx, c.since, 0) })
	if err != nil {
		return err
	}
	for _, sha := range heads {
		c.know(name, sha)
	}
	for i, sha := range slices.Sorted(maps.Keys(c.commits[name])) {
		if c.w.terminal(c.w.err) {
			fmt.Fprintf(c.w.err, "\r%s: %d of %d commits\x1b[K", gate.Printable(name), i+1, len(c.commits[name]))
		}
		runs, err := patiently(c, func() ([]forge.PostedCheck, error) { return r.PostedChecks(c.ctx, sha, pipeline.CheckName) })
		if errors.As(err, new(forge.NotFound)) {
			c.gone++
			continue
		}
		if err != nil {
			return err
		}
		c.take(name, sha, runs)
	}
	if c.w.terminal(c.w.err) {
		fmt.Fprint(c.w.err, "\r\x1b[K")
	}
	return nil
}

// take reads the witnesses of a commit's check runs.
func (c *comparing) take(name, sha string, runs []forge.PostedCheck) {
	c.asked[name+"@"+sha] = true
	for _, run := range runs {
		if c.f.app != 0 && run.App != c.f.app || !run.StartedAt.IsZero() && run.StartedAt.Before(c.since) {
			continue
		}
		says, ok := explain.ReadWitness(run.Text)
		if !ok {
			c.bare++
			// It cannot be held against the log, and what the log says of it not against the run.
			c.log.Published = slices.DeleteFunc(c.log.Published, func(p witness.Publication) bool { return p.CheckRun == run.ID && p.Commit == sha })
			continue
		}
		c.apps[run.App] = run.AppSlug
		c.posted = append(c.posted, witness.Posted{
			Repository: name, Commit: sha, CheckRun: run.ID, URL: run.URL, Status: run.Status, Conclusion: run.Conclusion,
			Blocked:  run.Title == pipeline.BlockedTitle,
			Decision: says.Decision, Index: says.Index, Size: says.Size, Root: says.Root,
		})
	}
}

// attempts is how often GitHub is asked that could not answer.
const attempts = 4

// patiently asks GitHub, waits for as long as its rate limit asks, and tries again when it could not answer.
func patiently[T any](c *comparing, ask func() (T, error)) (T, error) {
	for failures := 0; ; {
		out, err := ask()
		var limited forge.RateLimited
		var pause time.Duration
		switch {
		case errors.As(err, &limited):
			pause = max(limited.Until.Sub(c.w.clock()), 0) + 10*time.Millisecond
			fmt.Fprintf(c.w.err, "GitHub's rate limit is reached; going on at %s\n", limited.Until.UTC().Format(time.RFC3339))
		case errors.As(err, new(forge.Temporary)) && failures < attempts-1:
			pause = time.Second << failures
			failures++
		default:
			return out, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-c.ctx.Done():
			timer.Stop()
			return out, c.ctx.Err()
		case <-timer.C:
		}
	}
}
