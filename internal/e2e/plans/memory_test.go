package plans

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
)

// What comes in by the hundreds of megabytes costs the server's process no more than a few times the limit, whether its size is said or not.
func TestWhatIsLargeCostsLittleMemory(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	s.Stop()
	s.More = []string{"GATEHOUSE_PLAN_LIMIT=16777216"}
	s.Spawn()
	server := s.Process()
	pr := s.change("vpn")
	s.Until("the check", func() bool { return strings.HasPrefix(s.State(pr.HeadSHA()), "in_progress: ") })
	before := peak(t, server)
	for range 3 {
		for name, body := range map[string]io.Reader{"said": bytes.NewReader(make([]byte, 256<<20)), "unsaid": io.LimitReader(spaces{}, 256<<20)} {
			if status := s.push(s.Token(s.Job(pr)), body); status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: %d", name, status)
			}
		}
	}
	if status := s.push("not a token", bytes.NewReader(make([]byte, 30<<20))); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	if grown := peak(t, server) - before; grown > 96<<20 {
		t.Errorf("the server took %d MiB more", grown>>20)
	}
	if status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", bytes.NewReader(site.StoryPlan(t, "ssh-vpn"))); status != http.StatusCreated {
		t.Errorf("a plan afterwards: %d %s", status, said)
	}
}

// push sends a plan without asking first whether it is wanted, as most programs do, and never looks at an answer before it has sent it all.
func (s *place) push(token string, body io.Reader) int {
	s.T.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		s.T.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // only a test's
	req, err := http.NewRequest(http.MethodPost, s.URL+"/api/v1/plans?dir=infra/prod", body)
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if err := req.Write(conn); err != nil {
		s.T.Fatalf("the server does not take it all: %v", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	return resp.StatusCode
}

// peak is the most memory that a process has had, in bytes.
func peak(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatal("the system does not say how much memory a process has had")
	return 0
}
