package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Unposted shows how many decisions GitHub has not taken the check of, by verdict: of an error, a fail or a wait an earlier success may
// stand there. count is asked at each scrape; when it fails, nothing is shown, which alerts on missing values notice.
func Unposted(count func(context.Context) (map[string]int, error)) prometheus.Collector {
	return &unposted{count, prometheus.NewDesc("gatehouse_checks_unposted",
		"Open pull requests whose last decision is not on GitHub yet, by its verdict. More than a minute of one that is not pass: see the log.", []string{"verdict"}, nil)}
}

type unposted struct {
	count func(context.Context) (map[string]int, error)
	desc  *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (u *unposted) Describe(to chan<- *prometheus.Desc) { to <- u.desc }

// Collect implements prometheus.Collector.
func (u *unposted) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	counts, err := u.count(ctx)
	if err != nil {
		return
	}
	for verdict, n := range counts {
		to <- prometheus.MustNewConstMetric(u.desc, prometheus.GaugeValue, float64(n), verdict)
	}
}
