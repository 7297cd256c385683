// Package metrics counts what operators watch, for Prometheus.
package metrics

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Metrics is one set of counters with a registry of its own, so that tests do not share them.
type Metrics struct {
	registry  *prometheus.Registry
	decisions *prometheus.CounterVec
	took      prometheus.Histogram
	published *prometheus.CounterVec
	bypasses  prometheus.Counter
	glass     *prometheus.CounterVec
	deaths    *prometheus.CounterVec
}

// New registers the counters. queueDepth is asked at each scrape for the number of waiting works; -1 is shown when it fails.
func New(queueDepth func(context.Context) (int, error)) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_decisions_total", Help: "Decisions recorded, by verdict.",
		}, []string{"verdict"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gatehouse_evaluation_seconds", Help: "Time from the start of gathering to the recorded decision.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}),
		published: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_publications_total", Help: "Attempts to tell GitHub, by what (check, comment) and outcome.",
		}, []string{"what", "outcome"}),
		bypasses: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_bypasses_total", Help: "Changes of a protected branch without a passing decision.",
		}),
	}
	m.glass = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_break_glass_total", Help: "Break-glass commands, by what came of them: asked, opened, refused.",
	}, []string{"outcome"})
	m.deaths = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_worker_deaths_total", Help: "Worker processes that ended instead of answering, by reason: limit (of memory, time or size) or accident.",
	}, []string{"reason"})
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gatehouse_queue_waiting", Help: "Works that wait to be carried out; -1 when the database does not say.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		n, err := queueDepth(ctx)
		if err != nil {
			return -1
		}
		return float64(n)
	})
	m.registry.MustRegister(m.decisions, m.took, m.published, m.bypasses, m.glass, m.deaths, waiting,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Registry takes the metrics of other parts.
func (m *Metrics) Registry() prometheus.Registerer { return m.registry }

// Decided counts a recorded decision.
func (m *Metrics) Decided(verdict gate.Verdict, took time.Duration) {
	m.decisions.WithLabelValues(string(verdict)).Inc()
	m.took.Observe(took.Seconds())
}

// Published counts an attempt to tell GitHub.
func (m *Metrics) Published(what, outcome string) { m.published.WithLabelValues(what, outcome).Inc() }

// WorkerDied counts a worker process that ended instead of answering.
func (m *Metrics) WorkerDied(limit bool) {
	reason := "accident"
	if limit {
		reason = "limit"
	}
	m.deaths.WithLabelValues(reason).Inc()
}

// Bypassed counts a change that went around the gate.
func (m *Metrics) Bypassed() { m.bypasses.Inc() }

// BrokeGlass counts a break-glass command: asked, opened or refused.
func (m *Metrics) BrokeGlass(outcome string) { m.glass.WithLabelValues(outcome).Inc() }
