package site

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/gatehouse-dev/gatehouse/internal/cli"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Run runs a command beside the server, with its environment.
func (s *Site) Run(args ...string) (status int, out, log string) {
	s.T.Helper()
	var stdout, stderr bytes.Buffer
	status = cli.Run(s.T.Context(), cli.Surroundings{Out: &stdout, Err: &stderr, Environ: s.Environ()}, args...)
	return status, stdout.String(), stderr.String()
}

// Buffer takes the log of a server, which writes from many goroutines.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *Buffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *Buffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Environ is the server's environment, the same after each start.
func (s *Site) Environ() []string {
	return append([]string{
		"GITHUB_APP_ID=" + strconv.FormatInt(s.App.ID(), 10),
		"GITHUB_APP_PRIVATE_KEY=" + string(s.App.PrivateKeyPEM()),
		"GITHUB_WEBHOOK_SECRET=" + Secret,
		"GITHUB_API_URL=" + s.GitHub.URL() + "/api/v3",
		"GITHUB_SERVER_URL=" + s.GitHub.URL(),
		"GITHUB_OIDC_ISSUER=" + s.GitHub.URL() + "/_oidc",
		"GATEHOUSE_ADDR=" + cmp.Or(s.Addr, "127.0.0.1:0"),
		"GATEHOUSE_PUBLIC_URL=https://gatehouse.example",
		"GATEHOUSE_DATABASE_URL=sqlite:" + filepath.Join(s.Dir, "gatehouse.db"),
		"GATEHOUSE_DATA_DIR=" + filepath.Join(s.Dir, "cache"),
		"GATEHOUSE_SIGNING_KEY_FILE=" + filepath.Join(s.Dir, "signing.key"),
	}, s.More...)
}

// Start runs the server in this process and points the App's webhook at it. stop ends it in order.
func (s *Site) Start() {
	s.T.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	listening, ended := make(chan net.Addr, 1), make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, cli.Surroundings{
			Out: io.Discard, Err: s.Log, Environ: s.Environ(), Queue: s.Queue,
			Listening: func(addr net.Addr, db *store.Store) { s.DB = db; listening <- addr },
		}, "serve")
	}()
	s.Stop = sync.OnceFunc(func() {
		cancel()
		if status := <-ended; status != Pass {
			s.T.Errorf("the server ended with the status %d", status)
		}
	})
	s.T.Cleanup(s.Stop)
	select {
	case addr := <-listening:
		s.Addr = addr.String() // kept over restarts, as a real server's is
	case status := <-ended:
		ended <- status
		s.T.Fatalf("the server does not start: status %d", status)
	}
	s.ListenAt("http://" + s.Addr)
}

// ListenAt points the App's webhook at a server.
func (s *Site) ListenAt(url string) {
	s.URL = url
	s.App.SetWebhook(url+"/webhooks/github", Secret)
}

// Exit statuses of the commands.
const (
	Pass    = 0
	Fail    = 1
	Usage   = 2
	Outside = 3
)
