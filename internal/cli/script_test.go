package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Argument {
		os.Exit(Main()) // the server under test runs its own binary, which is this one, as its worker
	}
	testscript.Main(m, map[string]func(){"gatehouse": func() { os.Exit(Main()) }})
}

// TestScripts runs the commands as a user would, in testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}

// status N COMMAND... runs a command and wants exactly that exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND [ARG...]")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// TestDemo plays the whole story: the exit status is 0 only if every step came out as told.
func TestDemo(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	w := &world{in: strings.NewReader(""), out: &out, err: &log, environ: []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}, clock: time.Now}
	if status := w.run(t.Context(), []string{"demo", "--once"}); status != exitPass {
		t.Fatalf("exit status %d\n%s\n%s", status, out.String(), log.String())
	}
	for _, want := range []string{
		"✗ gatehouse: Blocked: IM-06 on aws_security_group.web",
		"… gatehouse: Waiting for 1 more approval from acme/dba",
		"! bypass by vic",
		"the audit log verifies",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the story does not say %q:\n%s", want, out.String())
		}
	}
}
