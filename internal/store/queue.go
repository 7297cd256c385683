package store

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// A nudge is a job of the queue. It says "look at this row of work" and holds nothing that could be lost: a nudge too many
// finds nothing to do, one too few is made good by [Store.Work]'s watch.
type nudge struct {
	WorkKind string `json:"kind"`
	WorkKey  string `json:"key"`
	priority int
}

// Kind names the job in the queue.
func (nudge) Kind() string { return "gatehouse_work" }

func insertParams(jobs []nudge) []river.InsertManyParams {
	params := make([]river.InsertManyParams, len(jobs))
	for i, j := range jobs {
		params[i] = river.InsertManyParams{Args: j, InsertOpts: &river.InsertOpts{Priority: j.priority}}
	}
	return params
}

// quiet is a logger that says nothing: the queue's own troubles end as errors of our calls or are made good by the watch.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// insertConfig is for the client that only inserts.
func insertConfig(Options) *river.Config {
	return &river.Config{
		Logger:        quiet(),
		MaxAttempts:   nudgeAttempts,
		FetchCooldown: fetchCooldown, // also spaces out the notifications of inserts
	}
}

const (
	fetchCooldown = 20 * time.Millisecond
	fetchPoll     = 500 * time.Millisecond // notifications come first, within 50 ms on SQLite; this is for a lost one
)

func workConfig(o Options, handle func(context.Context, nudge) error) *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{handle: handle})
	return &river.Config{
		Logger:                      slog.New(bridge{o.Log.WithField("part", "queue")}),
		Workers:                     workers,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.Workers}},
		MaxAttempts:                 nudgeAttempts,
		RetryPolicy:                 soon{},
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           fetchPoll,
		JobTimeout:                  -1,             // handlers set their own limits
		RescueStuckJobsAfter:        24 * time.Hour, // never needed: the lease is what is watched
		CompletedJobRetentionPeriod: 10 * time.Minute,
		CancelledJobRetentionPeriod: 10 * time.Minute,
		DiscardedJobRetentionPeriod: time.Hour,
		SoftStopTimeout:             o.Grace,
	}
}

// nudgeAttempts is how often a nudge is tried that could not look at its row. With the pauses of soon that is a minute, after
// which the watch sends another one.
const nudgeAttempts = 20

// soon spaces out the attempts of a nudge that could not look at its row: the database was away, and perhaps only from here, so
// that another process may have better luck.
type soon struct{}

// NextRetry implements river.ClientRetryPolicy.
func (soon) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(min(time.Duration(job.Attempt)*250*time.Millisecond, 4*time.Second))
}

type worker struct {
	river.WorkerDefaults[nudge]
	handle func(context.Context, nudge) error
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, job *river.Job[nudge]) error {
	return w.handle(ctx, job.Args)
}

// runQueue runs a client until ctx is done and its jobs have ended: within the grace period by themselves, after it because
// their contexts are cancelled.
func runQueue[TTx any](ctx context.Context, client *river.Client[TTx], o Options) error {
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("starting the queue: %w", err)
	}
	<-ctx.Done()
	// A handler that ignores its context must not keep the process: its lease will run out.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Grace+5*time.Second)
	defer cancel()
	if err := client.Stop(stopping); err != nil {
		return fmt.Errorf("stopping the queue: a handler did not end within %s of being told to: %w", o.Grace+5*time.Second, err)
	}
	return nil
}

// clampPriority maps a Work's priority to the queue's: 1 first, 4 last, 0 is 2.
func clampPriority(p int) int {
	if p == 0 {
		return 2
	}
	return int(math.Max(1, math.Min(4, float64(p))))
}
