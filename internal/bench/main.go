// Command bench measures Gatehouse's whole process against encoding/json and against conftest, on inputs that it generates, and
// prints the tables of docs/performance.md:
//
//	go run ./internal/bench
//
// It builds gatehouse, installs conftest into a temporary folder through the Go module proxy, and leaves nothing behind. The
// programs take turns, so that a machine that is busy for a while is busy for all of them; what is printed is the median.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// conftestVersion is the peer that the figures of docs/performance.md are held against.
const conftestVersion = "v0.71.1"

func main() {
	if len(os.Args) == 3 && os.Args[1] == "decode" {
		if err := decodeOnce(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	runs := flag.Int("runs", 7, "how often each program runs")
	conftest := flag.String("conftest", "", "a conftest "+conftestVersion+" that is already there (`FILE`); default: install one")
	keep := flag.String("keep", "", "leave inputs and programs in this `DIR`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *runs, *conftest, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, runs int, conftest, keep string) (err error) {
	dir := keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "gatehouse-bench-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	b := &bench{dir: dir, runs: runs, gatehouse: filepath.Join(dir, "gatehouse"), conftest: conftest}
	if err := b.programs(ctx); err != nil {
		return err
	}
	if err := b.inputs(); err != nil {
		return err
	}
	fmt.Printf("%s, %s, %d processors, %s\n", time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.Version())
	for _, table := range b.tables() {
		if err := table.print(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", table.title, err)
		}
	}
	return nil
}

// processor names the machine's processor where Linux tells.
func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOOS + "/" + runtime.GOARCH
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}
