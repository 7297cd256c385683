package site

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/cli"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// testServer is the name under which the test binary is a server: a process that can be killed.
const testServer = "gatehouse-test-server"

// TestDisk names a folder that the server mounts a small disk on, which nobody else sees.
const TestDisk = "GATEHOUSE_TEST_DISK"

// program is the name under which it is gatehouse: for scripts that find it in their PATH.
const program = "gatehouse"

// Main is the TestMain of every package whose tests have a Site. The test binary holds the whole program, and is all the processes that
// a test needs: the server's workers, a server that can be killed, and the command line.
func Main(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); {
	case len(os.Args) > 1 && os.Args[1] == sandbox.Argument, name == program:
		os.Exit(cli.Main())
	case name == testServer:
		os.Exit(serveForTest())
	}
	os.Exit(m.Run())
}

func serveForTest() int {
	if dir := os.Getenv(TestDisk); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
			fmt.Fprintln(os.Stderr, "mount:", err)
			return 1
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A killed server's work is taken over when its lease ends; a test does not wait for as long as people do.
	return cli.Run(ctx, cli.Surroundings{Out: os.Stdout, Err: os.Stderr, Environ: os.Environ(), Queue: store.Options{Lease: time.Second}}, "serve")
}

// Program puts a program gatehouse into a folder.
func (s *Site) Program(dir string) {
	s.T.Helper()
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, program))
	}
	if err != nil {
		s.T.Fatal(err)
	}
}

// Spawn runs the server as a process of its own, waits until it listens, and points the webhook at it. kill ends it as a power
// cut would; interrupt asks it to end, and waits until it has.
func (s *Site) Spawn() (kill, interrupt func()) {
	s.T.Helper()
	kill, interrupt, _ = s.spawnAs(nil)
	return kill, interrupt
}

// SpawnAlone runs it with a view of the file system of its own, and returns its process id.
func (s *Site) SpawnAlone(t *testing.T) int {
	t.Helper()
	alone := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := (&exec.Cmd{Path: "/bin/true", SysProcAttr: alone}).Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("this kernel lets nobody make a namespace: %v", err)
		}
		t.Skipf("this kernel lets nobody make a namespace: %v", err)
	}
	_, _, pid := s.spawnAs(alone)
	return pid
}

func (s *Site) spawnAs(as *syscall.SysProcAttr) (kill, interrupt func(), pid int) {
	s.T.Helper()
	self, err := os.Executable()
	if err != nil {
		s.T.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{testServer}
	cmd.Env = append(s.Environ(), "HOME="+s.Dir, "PATH="+os.Getenv("PATH"))
	cmd.Dir, cmd.SysProcAttr = s.Dir, as
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.T.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.T.Fatal(err)
	}
	listening := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(io.TeeReader(stderr, s.Log))
		for lines.Scan() {
			var line struct{ Msg, Addr string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
				listening <- line.Addr
			}
		}
	}()
	end := func(sig os.Signal) func() {
		return sync.OnceFunc(func() {
			_ = cmd.Process.Signal(sig) // it may have ended already
			<-read
			_ = cmd.Wait() // killed is what it is to be
		})
	}
	kill, interrupt = end(syscall.SIGKILL), end(syscall.SIGTERM)
	s.T.Cleanup(kill)
	select {
	case addr := <-listening:
		s.ListenAt("http://" + addr)
	case <-time.After(Patience):
		s.T.Fatal("the server does not listen")
	}
	return kill, interrupt, cmd.Process.Pid
}

// Process is the server that was spawned in a site's folder.
func (s *Site) Process() int {
	s.T.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		s.T.Fatal(err)
	}
	for _, link := range links {
		if at, err := os.Readlink(link); err == nil && at == s.Dir {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			if err == nil {
				return pid
			}
		}
	}
	s.T.Fatal("the server is not there")
	return 0
}
