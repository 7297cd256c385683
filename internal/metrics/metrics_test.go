package metrics_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/metrics"
)

func TestScrape(t *testing.T) {
	t.Parallel()
	scrape := func(m *metrics.Metrics) string {
		rec := httptest.NewRecorder()
		m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return rec.Body.String()
	}
	m := metrics.New(func(context.Context) (int, error) { return 3, nil })
	m.Decided(gate.Fail, 2*time.Second)
	m.Published("check", "published")
	m.Bypassed()
	text := scrape(m)
	for _, want := range []string{
		`gatehouse_decisions_total{verdict="fail"} 1`,
		`gatehouse_evaluation_seconds_sum 2`,
		`gatehouse_publications_total{outcome="published",what="check"} 1`,
		`gatehouse_bypasses_total 1`,
		`gatehouse_queue_waiting 3`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	broken := metrics.New(func(context.Context) (int, error) { return 0, errors.New("no database") })
	if text := scrape(broken); !strings.Contains(text, "gatehouse_queue_waiting -1") {
		t.Error("a database that does not answer must show as -1, not as an empty queue")
	}
}
