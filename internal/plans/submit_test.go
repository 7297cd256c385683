package plans

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// play is a server that gives tokens, and answers plans in turn.
type play struct {
	mu      sync.Mutex
	answers []string // STATUS RETRY-AFTER; the last one repeats
	tokens  int
	got     []string
}

func (p *play) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Path == "/token" {
		p.tokens++
		if r.Header.Get("Authorization") != "Bearer ask" || r.URL.Query().Get("audience") != Audience {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, `{"value":"token-%d"}`, p.tokens)
		return
	}
	body, _ := io.ReadAll(r.Body) // what is missing is seen in the comparison
	p.got = append(p.got, fmt.Sprintf("%s %s %s %d %s", r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), r.ContentLength, body))
	var status int
	var after string
	_, _ = fmt.Sscan(p.answers[0]+" -", &status, &after)
	if len(p.answers) > 1 {
		p.answers = p.answers[1:]
	}
	if after != "-" {
		w.Header().Set("Retry-After", after)
	}
	w.WriteHeader(status)
	if status == http.StatusCreated {
		fmt.Fprint(w, `{"digest":"sha256:1","pull_requests":[3]}`)
		return
	}
	fmt.Fprint(w, `{"error":"because"}`)
}

// submit hands a small plan in, and tells the pauses that were made.
func submit(t *testing.T, p *play, bearer string) (Receipt, []time.Duration, error) {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "p.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	var pauses []time.Duration
	receipt, err := Submission{
		Server: server.URL + "/", File: file, Dir: "infra/a b", Workspace: "blue", TokenURL: server.URL + "/token?v=2", TokenBearer: bearer,
		Client: server.Client(), Notice: func(string) {},
		Wait: func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil },
	}.Submit(t.Context())
	return receipt, pauses, err
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	p := &play{answers: []string{"503 7", "429", "500", "201"}}
	receipt, pauses, err := submit(t, p, "ask")
	if err != nil || receipt.Digest != "sha256:1" || !cmp.Equal(receipt.PullRequests, []int{3}) {
		t.Errorf("%+v %v", receipt, err)
	}
	if diff := cmp.Diff([]time.Duration{7 * time.Second, 2 * time.Second, 4 * time.Second}, pauses); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
	want := []string{}
	for n := 1; n <= 4; n++ {
		want = append(want, fmt.Sprintf("POST /api/v1/plans?dir=infra%%2Fa+b&workspace=blue Bearer token-%d 2 {}", n))
	}
	if diff := cmp.Diff(want, p.got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestSubmitGivesUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []string
		bearer  string
		want    error
		tries   int
	}{
		"refused":     {[]string{"403"}, "ask", Answer{403, "because"}, 1},
		"no plan":     {[]string{"422"}, "ask", Answer{422, "because"}, 1},
		"redirected":  {[]string{"404"}, "ask", Answer{404, "because"}, 1},
		"always down": {[]string{"503"}, "ask", Unreachable{Answer{503, "because"}}, attempts},
		"no token":    {[]string{"201"}, "wrong", Unreachable{errors.New("GitHub answered 403 to the request for the job's token")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &play{answers: c.answers}
			_, _, err := submit(t, p, c.bearer)
			if text(err) != text(c.want) || fmt.Sprintf("%T", err) != fmt.Sprintf("%T", c.want) || len(p.got) != c.tries {
				t.Errorf("%T %v after %d tries, want %T %v after %d", err, err, len(p.got), c.want, c.want, c.tries)
			}
		})
	}
}

// What cannot be reached leaves no token in the message.
func TestSubmitToNobody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := Submission{
		Server: server.URL, File: "none", Dir: "a", TokenURL: server.URL + "/token?secret=x", TokenBearer: "ask", Client: &http.Client{},
		Notice: func(string) {}, Wait: func(context.Context, time.Duration) error { return nil },
	}.Submit(t.Context())
	if !errors.As(err, new(Unreachable)) || strings.Contains(err.Error(), "secret=x") {
		t.Errorf("%T %v", err, err)
	}
}
