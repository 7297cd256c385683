// Package cli holds the subcommands of gatehouse and the one place where the program's parts are wired together.
//
// Exit status: 0 pass, 1 the policy says no (or the log does not verify), 2 wrong use or broken input, 3 an outside system
// failed. What was asked for goes to standard output, everything else to standard error.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Version is the program's version; a release build sets it by the linker.
var Version = "dev"

// Exit statuses.
const (
	exitPass    = 0
	exitFail    = 1
	exitUsage   = 2
	exitOutside = 3
)

// exitError carries the status that a command ends with. An error that carries none is wrong use or broken input.
type exitError struct {
	status int
	err    error // nil: everything has been said already
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// outside marks an error of something beyond this program: GitHub, the database, the network.
func outside(err error) error { return exitError{exitOutside, err} }

// world is what a command sees of its surroundings, so that tests can give it another.
type world struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
	clock    func() time.Time
	queue    store.Options // its Lease and Grace; zero but in tests

	listening func(net.Addr, *store.Store) // what serve calls, if given, when it listens
}

// Surroundings are what a command sees of the process that it runs in, for a program that runs one inside itself, as the
// end-to-end tests do.
type Surroundings struct {
	In       io.Reader // nil is an empty one
	Out, Err io.Writer
	Environ  []string         // NAME=VALUE; nothing of the process's own environment is seen besides
	Clock    func() time.Time // nil is time.Now
	Queue    store.Options    // Lease and Grace of the server's queue; zero is the defaults

	// Listening is called by serve, if given, when it takes requests: with its address, and with the database that it works on,
	// which is closed when serve has ended.
	Listening func(net.Addr, *store.Store)
}

// Run carries out one command line and returns its exit status. ctx ends it in order, as an interrupt ends Main.
func Run(ctx context.Context, s Surroundings, args ...string) int {
	w := &world{in: s.In, out: s.Out, err: s.Err, environ: s.Environ, clock: s.Clock, queue: s.Queue, listening: s.Listening}
	if w.in == nil {
		w.in = strings.NewReader("")
	}
	if w.clock == nil {
		w.clock = time.Now
	}
	return w.run(ctx, args)
}

// Main runs the command line and returns the exit status. The first interrupt ends the command in order; a second one kills.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	w := &world{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ(), clock: time.Now}
	return w.run(ctx, os.Args[1:])
}

func (w *world) run(ctx context.Context, args []string) int {
	root := w.root()
	root.SetArgs(args)
	root.SetIn(w.in)
	root.SetOut(w.out)
	root.SetErr(w.err)
	err := root.ExecuteContext(ctx)
	var exit exitError
	var settings *config.Error
	switch {
	case err == nil:
		return exitPass
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintln(w.err, "gatehouse: "+exit.Error())
		}
		return exit.status
	case errors.As(err, &settings):
		fmt.Fprintln(w.err, "gatehouse: "+settings.Error())
		return exitUsage
	}
	fmt.Fprintln(w.err, "gatehouse: "+err.Error())
	return exitUsage
}

func (w *world) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "gatehouse",
		Short: "Stands in front of main: plan, policy, people and proof in one decision",
		Long: `Gatehouse is a GitHub App that stands in front of main. It evaluates each pull request's Terraform plans and
Kubernetes manifests against Rego rules, enforces who must approve, posts a required check that blocks the merge,
explains itself in a comment, and records every decision in a log that nobody can rewrite.`,
		Version:       Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath())
	})
	root.AddCommand(w.commands()...)
	explainArgs(root)
	return root
}

// explainArgs makes the complaint about a command's arguments say what it wants, and where to read on.
func explainArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			switch {
			case err == nil:
				return nil
			case strings.HasPrefix(err.Error(), "unknown command"):
				return fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath())
			}
			return fmt.Errorf("%w; wanted: %s\nSee '%s --help'", err, strings.TrimSuffix(cmd.UseLine(), " [flags]"), cmd.CommandPath())
		}
	}
	for _, c := range cmd.Commands() {
		explainArgs(c)
	}
}

// environment is one variable.
func (w *world) environment(name string) string {
	for _, v := range w.environ {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// terminal reports whether f is a terminal whose user wants colour.
func (w *world) terminal(f io.Writer) bool {
	file, ok := f.(*os.File)
	return ok && isTerminal(file) && w.environment("TERM") != "dumb"
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && info.Name() != "null"
}

func (w *world) colour(f io.Writer) bool { return w.environment("NO_COLOR") == "" && w.terminal(f) }
