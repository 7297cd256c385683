package proof

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// collected are the entries that came to receivers of the test's.
type collected struct {
	mu             sync.Mutex
	syslog, otlp   []int64
	collectorIsOff bool
}

func (c *collected) add(list *[]int64, line string) {
	var e store.Entry
	if json.Unmarshal([]byte(line), &e) != nil {
		e.Index = -1
	}
	*list = append(*list, e.Index)
}

// syslogReceiver takes messages with their lengths before them until the test ends.
func (c *collected) syslogReceiver(t *testing.T) (address string) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			session, _ := io.ReadAll(conn)
			c.mu.Lock()
			for len(session) > 0 {
				count, rest, _ := bytes.Cut(session, []byte(" "))
				n, err := strconv.Atoi(string(count))
				if err != nil || n > len(rest) {
					c.syslog = append(c.syslog, -1)
					break
				}
				_, line, _ := strings.Cut(string(rest[:n]), "] ")
				c.add(&c.syslog, line)
				session = rest[n:]
			}
			c.mu.Unlock()
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return l.Addr().String()
}

func (c *collected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var in logs.LogsData
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.collectorIsOff || r.Header.Get("X-Token") != "s3cret" || proto.Unmarshal(body, &in) != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	for _, rl := range in.GetResourceLogs() {
		for _, sl := range rl.GetScopeLogs() {
			for _, record := range sl.GetLogRecords() {
				c.add(&c.otlp, record.GetBody().GetStringValue())
			}
		}
	}
}

// has reports whether a list holds every entry of the log, in its order.
func (c *collected) has(list *[]int64, size int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := int64(0)
	for _, i := range *list {
		if i == next {
			next++
		}
	}
	return next == size
}

func (s *place) size() int64 {
	s.T.Helper()
	head, err := s.DB.Checkpoint(s.T.Context())
	if err != nil {
		s.T.Fatal(err)
	}
	return head.Size
}

// The server ships its log. A collector that is down keeps neither pull requests nor the other receiver waiting, and has
// everything when it is back, also over a restart.
func TestShipping(t *testing.T) {
	s := newPlace(t, site.Setup{NoServer: true})
	var c collected
	collector := httptest.NewServer(&c)
	t.Cleanup(collector.Close)
	headers := filepath.Join(s.Dir, "headers")
	if err := os.WriteFile(headers, []byte("X-Token: s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	syslog := c.syslogReceiver(t)
	s.More = []string{"GATEHOUSE_AUDIT_SYSLOG=tcp://" + syslog, "GATEHOUSE_AUDIT_OTLP=" + collector.URL, "GATEHOUSE_AUDIT_OTLP_HEADERS_FILE=" + headers}
	c.collectorIsOff = true
	s.Start()
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	s.Until("syslog to have it", func() bool { return c.has(&c.syslog, s.size()) })
	lag := fmt.Sprintf(`gatehouse_audit_shipping_lag_entries{destination="otlp %s/v1/logs"}`, collector.URL)
	if !s.Metric(fmt.Sprintf("%s %d", lag, s.size())) {
		t.Errorf("the collector does not lag by %d entries", s.size())
	}
	resp, err := http.Get(s.URL + "/readyz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %v, %v", resp, err)
	} else if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	s.Stop()
	c.mu.Lock()
	c.collectorIsOff = false
	c.mu.Unlock()
	s.Start()
	s.Merges(pr, site.Clear1)
	s.Settle()
	s.Until("both to have it", func() bool { return c.has(&c.syslog, s.size()) && c.has(&c.otlp, s.size()) })
	s.Until("the lag to be none", func() bool { return s.Metric(lag + " 0") })
	if strings.Contains(s.Log.String(), "s3cret") {
		t.Error("the log holds the header's secret")
	}

	status, out, log := s.Run("audit", "ship", "-o", "json")
	var lines []struct{ Destination string }
	if status != site.Pass || json.Unmarshal([]byte(out), &lines) != nil || len(lines) != 2 {
		t.Fatalf("status %d: %s%s", status, out, log)
	}
	if diff := cmp.Diff([]string{"otlp " + collector.URL + "/v1/logs", "syslog tcp://" + syslog}, []string{lines[0].Destination, lines[1].Destination}); diff != "" {
		t.Error(diff)
	}
	c.mu.Lock()
	before := len(c.syslog)
	c.mu.Unlock()
	if status, out, log := s.Run("audit", "ship", "--next", "0", "syslog tcp://"+syslog); status != site.Pass {
		t.Fatalf("status %d: %s%s", status, out, log)
	}
	s.Until("everything once more", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		again := slices.Index(c.syslog[before:], 0)
		return again >= 0 && slices.Contains(c.syslog[before+again:], s.size()-1) // the entry that says so among them
	})
	if got := s.Entries("configuration"); len(got) == 0 || got[0].Detail["what"] != "shipping" {
		t.Errorf("the cursor was moved in silence: %v", got)
	}
	for _, args := range [][]string{{"ship", "--next", "0"}, {"ship", "x"}, {"ship", "--next", "0", "x"}, {"ship", "--next", "999", "syslog tcp://" + syslog}} {
		if status, out, _ := s.Run(append([]string{"audit"}, args...)...); status != site.Usage {
			t.Errorf("%v: status %d: %s", args, status, out)
		}
	}
}
