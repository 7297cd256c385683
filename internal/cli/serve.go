package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/metrics"
	"github.com/gatehouse-dev/gatehouse/internal/pipeline"
	"github.com/gatehouse-dev/gatehouse/internal/plans"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/web"
	"github.com/gatehouse-dev/gatehouse/internal/webhook"
	"github.com/gatehouse-dev/gatehouse/internal/work"
	"github.com/gatehouse-dev/gatehouse/policies"
)

func (w *world) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the App server",
		Long: "Run the App server. Every setting is an environment variable; a flag of the same name overrides it.\n" +
			"An interrupt ends it in order: it answers what it has begun, finishes its work or gives it back, and exits.",
		Example: "  GITHUB_APP_ID=1234 GITHUB_APP_PRIVATE_KEY_FILE=app.pem GITHUB_WEBHOOK_SECRET=... gatehouse serve",
		Args:    cobra.NoArgs,
	}
	overrides := settingFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		settings, err := config.Load(w.environ, overrides(cmd.Flags()))
		if err != nil {
			return err
		}
		return w.serve(cmd.Context(), settings, w.logger(), nil)
	}
	return cmd
}

// logger writes JSON lines to standard error.
func (w *world) logger() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(w.err)
	log.SetFormatter(&logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano})
	if level, err := logrus.ParseLevel(w.environment("GATEHOUSE_LOG_LEVEL")); err == nil {
		log.SetLevel(level)
	}
	return logrus.NewEntry(log)
}

// serve runs until ctx is done. ready, if given, is called with the address once the server listens.
func (w *world) serve(ctx context.Context, s *config.Server, log *logrus.Entry, ready func(net.Addr)) error {
	server, err := w.build(ctx, s, log)
	if err != nil {
		return err
	}
	defer server.store.Close()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Addr)
	if err != nil {
		return outside(fmt.Errorf("listen on GATEHOUSE_ADDR %s: %w", s.Addr, err))
	}
	log.WithField("addr", listener.Addr().String()).WithField("version", Version).Info("listening")
	if ready != nil {
		ready(listener.Addr())
	}
	if w.listening != nil {
		w.listening(listener.Addr(), server.store)
	}
	return server.run(ctx, listener, log)
}

// server is everything that serve runs.
type server struct {
	store    *store.Store
	github   *forge.App
	pipeline *pipeline.Pipeline
	judges   *judge.Judges
	http     *http.Server

	background []func(context.Context) // run beside the work, until it ends
}

// build wires the program together.
func (w *world) build(ctx context.Context, s *config.Server, log *logrus.Entry) (*server, error) {
	ring, err := openKeyring(s.SigningKeyFile, s.PublicURL, log)
	if err != nil {
		return nil, err
	}
	secret := ring.now().secret
	db, err := store.Open(ctx, s.DatabaseURL, store.Options{
		Clock: w.clock, Signer: ring, Log: log, Lease: w.queue.Lease, Grace: w.queue.Grace,
	})
	if err != nil {
		return nil, outside(err)
	}
	github, err := forge.New(forge.Options{
		AppID: s.AppID, PrivateKey: s.KeyPEM, APIURL: s.APIURL, ServerURL: s.ServerURL,
		UserAgent: "gatehouse/" + Version, Clock: w.clock, Log: log,
	})
	if err != nil {
		db.Close()
		return nil, err
	}
	mirrors, err := gitmirror.New(gitmirror.Options{Dir: filepath.Join(s.DataDir, "mirrors"), ServerURL: s.ServerURL})
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("GATEHOUSE_DATA_DIR %s: %w", s.DataDir, err)
	}
	counters := metrics.New(func(ctx context.Context) (int, error) {
		stats, err := db.Queue(ctx)
		waiting := 0
		for _, kind := range stats {
			if kind.Kind != work.KindExpire { // it waits for its day
				waiting += int(kind.Waiting)
			}
		}
		return waiting, err
	})
	judges, err := judge.New(judge.Options{Key: secret, Pool: sandbox.PoolLimits{Spare: true}, Memory: s.WorkerMemory, Time: s.WorkerTime, Died: func(repository int64, d *sandbox.Death) {
		counters.WorkerDied(d.Limit)
		log.WithField("repository_id", repository).WithField("doing", gate.Shorten(gate.Printable(strings.ToValidUTF8(d.Doing, "?")), 300)).
			WithField("limit", d.Limit).Warn(gate.Printable(d.Error()))
	}})
	if err != nil {
		db.Close()
		return nil, err
	}
	bundles, err := bundleStore(s.Bundles, w.clock, false)
	if err != nil {
		db.Close()
		return nil, err
	}
	catalogue := pipeline.Catalogue(policies.FS, Version)
	seal, err := evidence.NewSeal(secret)
	if err != nil {
		db.Close()
		return nil, err
	}
	line := pipeline.New(pipeline.Options{
		Texts: pipeline.Texts{Builtin: policies.FS, Version: Version, Seal: seal},
		Forge: github, Mirror: mirrors, Recorder: db, Notes: db, Told: db, Ledger: db, Leases: db,
		Judges: judges, Bundles: bundles, Rules: catalogue, Clock: w.clock, Log: log,
		PublicURL: s.PublicURL, ServerURL: s.ServerURL, Metrics: counters,
		Plans: db, PlanLimit: s.PlanLimit, Keys: ring, Blobs: db,
	})
	w.watch(ctx, line, s, db, github, counters, ring.Verifiers()[0], secret)
	receiver, err := webhook.New(webhook.Options{
		Secrets: s.WebhookSecrets, AppID: s.AppID, Store: db, Clock: w.clock, Log: log, Metrics: counters.Registry(), Unstored: line.Unstored,
	})
	if err != nil {
		db.Close()
		return nil, err
	}
	ships, err := shipper(s, db, w.out, counters.Registry(), log)
	if err != nil {
		db.Close()
		return nil, err
	}
	shown := pageOptions(s, db, github, catalogue, w.clock, log)
	shown.Webhooks, shown.Metrics, shown.Key = receiver, counters.Handler(), ring.public
	pages := web.WithPlans(web.New(shown), plans.New(plans.Options{
		Issuer: s.OIDCIssuer, GitHub: github, Store: db, Reader: judges, Limit: s.PlanLimit, Clock: w.clock, Log: log,
	}))
	if err := counters.Registry().Register(soundness(db)); err != nil {
		db.Close()
		return nil, fmt.Errorf("the metric of the audit log: %w", err)
	}
	background := []func(context.Context){auditing(db, log), func(ctx context.Context) { line.WatchPosture(ctx, github) }}
	if ships != nil {
		background = append(background, ships.Run)
	}
	if s.KeepFacts > 0 {
		background = append(background, retaining(db, s.KeepFacts, w.clock, log))
	}
	return &server{background: background, store: db, github: github, pipeline: line, judges: judges, http: &http.Server{
		Handler:           pages,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}}, nil
}

// witnessTime bounds how long the start waits for GitHub. What was not compared is compared before it is overwritten.
const witnessTime = 20 * time.Second

// checkWitness looks, before anything is appended, whether GitHub knows of another log.
func (s *server) checkWitness(ctx context.Context, log *logrus.Entry) {
	ctx, cancel := context.WithTimeout(ctx, witnessTime)
	defer cancel()
	if err := s.pipeline.CheckWitness(ctx, s.github); err != nil {
		log.WithError(err).Warn("the audit log could not be held against GitHub's check runs")
	}
}

// waitFor waits at most d: what writes to a standard output that nobody reads cannot be told to end.
func waitFor(all *sync.WaitGroup, d time.Duration) {
	done := make(chan struct{})
	go func() { defer close(done); all.Wait() }()
	select {
	case <-done:
	case <-time.After(d):
	}
}

// shutdownTime is how long open requests may take to end.
const shutdownTime = 10 * time.Second

// run serves and works until ctx is done, then ends both in order: no new events, then the work.
func (s *server) run(ctx context.Context, listener net.Listener, log *logrus.Entry) error {
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(listener) }()
	s.checkWitness(ctx, log)
	worked := make(chan error, 1)
	go func() { worked <- s.store.Work(working, s.pipeline.Handlers()) }()
	recovered := make(chan struct{})
	go func() { defer close(recovered); s.pipeline.Recover(working, s.github, s.store) }()
	var beside sync.WaitGroup
	for _, f := range s.background {
		beside.Go(func() { f(working) })
	}

	var err error
	select {
	case <-ctx.Done():
		log.Info("shutting down")
	case err = <-served:
		err = outside(fmt.Errorf("serve HTTP: %w", err))
	case err = <-worked:
		err = outside(fmt.Errorf("work through the queue: %w", err))
		worked <- nil
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if e := s.http.Shutdown(end); e != nil && !errors.Is(e, context.DeadlineExceeded) {
		err = errors.Join(err, e)
	}
	stopWork()
	<-recovered
	waitFor(&beside, shutdownTime)
	if e := <-worked; e != nil && !errors.Is(e, context.Canceled) {
		err = errors.Join(err, outside(fmt.Errorf("end the work: %w", e)))
	}
	s.judges.Close()
	return err
}
