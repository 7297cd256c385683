package shipping

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counters are what operators watch.
type counters struct {
	log          Log
	destinations []Destination
	shipped      *prometheus.CounterVec
	failures     *prometheus.CounterVec
	lag          *prometheus.Desc
}

func newCounters(log Log, destinations []Destination) *counters {
	c := &counters{
		log: log, destinations: destinations,
		shipped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_audit_shipped_total", Help: "Entries of the audit log that this process brought to a destination, those that came twice included.",
		}, []string{"destination"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_audit_shipping_failures_total", Help: "Attempts of this process to ship the audit log that failed.",
		}, []string{"destination"}),
		lag: prometheus.NewDesc("gatehouse_audit_shipping_lag_entries",
			"Entries of the audit log that a destination has not taken yet; -1 when the database does not say.", []string{"destination"}, nil),
	}
	for _, d := range destinations { // shown before the first one
		c.shipped.WithLabelValues(d.Name())
		c.failures.WithLabelValues(d.Name())
	}
	return c
}

func (c *counters) sent(d Destination, n int) {
	c.shipped.WithLabelValues(d.Name()).Add(float64(n))
}

func (c *counters) failed(d Destination) { c.failures.WithLabelValues(d.Name()).Inc() }

// Describe implements prometheus.Collector.
func (s *Shipper) Describe(out chan<- *prometheus.Desc) {
	s.metrics.shipped.Describe(out)
	s.metrics.failures.Describe(out)
	out <- s.metrics.lag
}

// Collect implements prometheus.Collector: the lag is read from the database, so that every replica tells the same.
func (s *Shipper) Collect(out chan<- prometheus.Metric) {
	c := s.metrics
	c.shipped.Collect(out)
	c.failures.Collect(out)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	head, err := c.log.Checkpoint(ctx)
	all, errAll := c.log.Shipments(ctx)
	for _, d := range c.destinations {
		lag := float64(-1)
		if err == nil && errAll == nil {
			lag = float64(head.Size)
			for _, p := range all {
				if p.Destination == d.Name() {
					lag = float64(head.Size - p.Next)
				}
			}
		}
		out <- prometheus.MustNewConstMetric(c.lag, prometheus.GaugeValue, lag, d.Name())
	}
}
