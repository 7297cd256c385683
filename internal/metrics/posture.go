package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// PostureCount is how many branches are in which state, and when the one was looked at that was not for the longest time.
type PostureCount struct {
	States map[string]int
	Oldest time.Time // zero: there is none
}

// Postures shows how well branches are protected. count is asked at each scrape; when it fails, nothing is shown, which alerts on
// missing values notice.
func Postures(count func(context.Context) (PostureCount, error)) prometheus.Collector {
	return &postures{
		count:    count,
		branches: prometheus.NewDesc("gatehouse_branches", "Branches that the gate looks after, by how they are protected: ok, unknown, problem.", []string{"posture"}, nil),
		oldest: prometheus.NewDesc("gatehouse_posture_oldest_check_timestamp_seconds",
			"When the branch was looked at that was not for the longest time; each is looked at hourly.", nil, nil),
	}
}

type postures struct {
	count            func(context.Context) (PostureCount, error)
	branches, oldest *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (p *postures) Describe(to chan<- *prometheus.Desc) {
	to <- p.branches
	to <- p.oldest
}

// Collect implements prometheus.Collector.
func (p *postures) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	count, err := p.count(ctx)
	if err != nil {
		return
	}
	for state, n := range count.States {
		to <- prometheus.MustNewConstMetric(p.branches, prometheus.GaugeValue, float64(n), state)
	}
	if !count.Oldest.IsZero() {
		to <- prometheus.MustNewConstMetric(p.oldest, prometheus.GaugeValue, float64(count.Oldest.UnixMicro())/1e6)
	}
}
