package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/demo"
)

func (w *world) demoCommand() *cobra.Command {
	var addr string
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "The whole story on a simulated GitHub: real server, signed webhooks, real git",
		Long: `The whole story on a simulated GitHub: a real Gatehouse server receives signed webhooks, reads real git repositories, judges,
posts its checks and comments, and the simulated GitHub merges or refuses. Nothing leaves this machine, and nothing stays.
With --once it plays the story and exits; the exit status is 0 only if every step came out as told.`,
		Example: "  gatehouse demo\n  gatehouse demo --once",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return w.demo(cmd.Context(), addr, once) },
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8080", "address of the page that shows the pull requests")
	cmd.Flags().BoolVar(&once, "once", false, "play the story and exit")
	return cmd
}

func (w *world) demo(ctx context.Context, addr string, once bool) (err error) {
	dir, err := os.MkdirTemp("", "gatehouse-demo-")
	if err != nil {
		return outside(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	started := time.Now()
	world, err := demo.Build(filepath.Join(dir, "github"))
	if err != nil {
		return outside(err)
	}
	defer world.GitHub.Close()

	gate, stop, err := w.demoServer(ctx, dir, world)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	world.Connect(gate)

	if once {
		fmt.Fprintln(w.out, "Gatehouse on a simulated GitHub. A company, four people, one repository.")
	} else {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err != nil {
			return outside(fmt.Errorf("listen on --addr %s: %w", addr, err))
		}
		pages := &http.Server{Handler: world.Pages(gate), ReadHeaderTimeout: 10 * time.Second}
		go pages.Serve(listener) //nolint:errcheck // it ends with the demo
		defer pages.Close()      //nolint:errcheck // nothing is written
		fmt.Fprintf(w.out, "Gatehouse on a simulated GitHub. A company, four people, one repository.\n\n  pull requests   http://%s\n  Gatehouse       %s\n", listener.Addr(), gate)
	}
	teller := &demo.Teller{Out: w.out, Colour: w.colour(w.out)}
	if in, ok := w.in.(*os.File); ok && !once && w.terminal(w.out) && isTerminal(in) {
		teller.Pause = w.pause(ctx, in)
	}
	if err := world.Tell(ctx, teller); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return exitError{exitFail, fmt.Errorf("the story came out other than told: %w", err)}
	}
	if err := w.demoProof(ctx, dir); err != nil {
		return err
	}
	fmt.Fprintf(w.out, "\nTold in %.1f s.\n", time.Since(started).Seconds())
	if !once {
		fmt.Fprintln(w.out, "The pages stay until you press Ctrl-C.")
		<-ctx.Done()
	}
	return nil
}

// demoServer starts the real server against the simulated GitHub. stop ends it in order.
func (w *world) demoServer(ctx context.Context, dir string, world *demo.World) (url string, stop func() error, err error) {
	reserved, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, outside(err)
	}
	addr := reserved.Addr().String()
	if err := reserved.Close(); err != nil {
		return "", nil, outside(err)
	}
	settings, err := config.Load([]string{
		"GITHUB_APP_ID=" + strconv.FormatInt(world.App.ID(), 10),
		"GITHUB_APP_PRIVATE_KEY=" + string(world.App.PrivateKeyPEM()),
		"GITHUB_WEBHOOK_SECRET=" + demo.Secret,
		"GITHUB_API_URL=" + world.GitHub.URL() + "/api/v3",
		"GITHUB_SERVER_URL=" + world.GitHub.URL(),
		"GATEHOUSE_ADDR=" + addr,
		"GATEHOUSE_DATABASE_URL=sqlite:" + filepath.Join(dir, "gatehouse.db"),
		"GATEHOUSE_DATA_DIR=" + filepath.Join(dir, "cache"),
		"GATEHOUSE_SIGNING_KEY_FILE=" + filepath.Join(dir, "signing.key"),
	}, nil)
	if err != nil {
		return "", nil, err
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	if w.environment("GATEHOUSE_LOG_LEVEL") != "" {
		log = w.logger().Logger
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		ended <- w.serve(serving, settings, logrus.NewEntry(log), func(net.Addr) { close(ready) })
	}()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		return "", nil, err
	}
	return settings.PublicURL, func() error { cancel(); return <-ended }, nil
}

// demoProof asks the record, as anyone could afterwards.
func (w *world) demoProof(ctx context.Context, dir string) error {
	environ := []string{
		"GATEHOUSE_DATABASE_URL=sqlite:" + filepath.Join(dir, "gatehouse.db"),
		"GATEHOUSE_SIGNING_KEY_FILE=" + filepath.Join(dir, "signing.key"),
	}
	asked := &world{in: w.in, out: w.out, err: w.err, environ: environ, clock: w.clock}
	for _, q := range [][]string{{"audit", "who", "aws_db_instance.main"}, {"audit", "log", "--type", "bypass"}, {"audit", "verify"}} {
		fmt.Fprintf(w.out, "\n$ gatehouse %s %s\n", q[0], strings.Join(q[1:], " "))
		if status := asked.run(ctx, q); status != exitPass {
			return exitError{exitFail, fmt.Errorf("the record did not answer (status %d)", status)}
		}
	}
	return nil
}

// pause waits until the visitor wants to read on.
func (w *world) pause(ctx context.Context, in io.Reader) func() {
	lines := make(chan struct{})
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case lines <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		fmt.Fprint(w.out, "\n   [look at the pages, then press Enter] ")
		select {
		case <-lines:
		case <-ctx.Done():
		}
	}
}
