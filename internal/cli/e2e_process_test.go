package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// testServer is the name under which the test binary is a server: a process that can be killed.
const testServer = "gatehouse-test-server"

// testDisk names a folder that the server mounts a small disk on, which nobody else sees.
const testDisk = "GATEHOUSE_TEST_DISK"

func serveForTest() {
	if dir := os.Getenv(testDisk); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
			fmt.Fprintln(os.Stderr, "mount:", err)
			os.Exit(1)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A killed server's work is taken over when its lease ends; a test does not wait for as long as people do.
	w := &world{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ(), clock: time.Now, queue: store.Options{Lease: time.Second}}
	status := w.run(ctx, []string{"serve"})
	stop()
	os.Exit(status)
}

// spawn runs the server as a process of its own, waits until it listens, and points the webhook at it. kill ends it as a power
// cut would; interrupt asks it to end, and waits until it has.
func (s *site) spawn() (kill, interrupt func()) {
	s.t.Helper()
	kill, interrupt, _ = s.spawnAs(nil)
	return kill, interrupt
}

// spawnAlone runs it with a view of the file system of its own, and returns its process id.
func (s *site) spawnAlone(t *testing.T) int {
	t.Helper()
	alone := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := (&exec.Cmd{Path: "/bin/true", SysProcAttr: alone}).Run(); err != nil {
		t.Skipf("this kernel lets nobody make a namespace: %v", err)
	}
	_, _, pid := s.spawnAs(alone)
	return pid
}

func (s *site) spawnAs(as *syscall.SysProcAttr) (kill, interrupt func(), pid int) {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{testServer}
	cmd.Env = append(s.environ(), "HOME="+s.dir, "PATH="+os.Getenv("PATH"))
	cmd.Dir, cmd.SysProcAttr = s.dir, as
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	listening := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(io.TeeReader(stderr, s.log))
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
	s.t.Cleanup(kill)
	select {
	case addr := <-listening:
		s.listenAt("http://" + addr)
	case <-time.After(e2ePatience):
		s.t.Fatal("the server does not listen")
	}
	return kill, interrupt, cmd.Process.Pid
}

// The process dies between having answered a webhook and having told GitHub: at every point of that way, what it had accepted
// is done by the process that comes after it, without another event.
func TestE2EKilledBetweenAcceptAndPublish(t *testing.T) {
	for name, fault := range map[string]githubsim.FaultSpec{
		"while it reads the pull request":    {Method: "GET", PathPattern: "/repos/acme/infra/pulls/1"},
		"while it fetches":                   {PathPattern: "/acme/infra.git/**"},
		"before GitHub has the check":        {Method: "POST", PathPattern: postCheck},
		"after GitHub has stored the check":  {Method: "POST", PathPattern: postCheck, AfterStore: true},
		"after it has stored the comment":    {Method: "POST", PathPattern: postComment, AfterStore: true},
		"before it sees its comment is gone": {Method: "GET", PathPattern: postComment},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, setup{noServer: true})
			kill, _ := s.spawn()
			dead := make(chan struct{})
			fault.Disconnect = true
			fault.Before = func() { kill(); close(dead) }
			s.gh.Fail(fault)
			pr := s.open("ann", "vendor", story(t, "ssh-open"))
			select {
			case <-dead:
			case <-time.After(e2ePatience):
				t.Fatal("the server never came to be killed")
			}
			_, interrupt := s.spawn()
			s.until("the check", func() bool { return s.state(pr.HeadSHA()) == sshBlocked })
			s.until("the comment", func() bool { return strings.Contains(s.comment(pr), "IM-06") })
			interrupt()
			// One that GitHub has stored is found again; only a request that never came is made a second time.
			if made := s.gh.Count("POST", postCheck); made > 2 || fault.AfterStore && fault.PathPattern == postCheck && made != 1 {
				t.Errorf("%d check runs were made", made)
			}
		})
	}
}

// A server that is asked to end finishes what it does, or gives it back at once: the next one does not wait for a lease to end.
// What was accepted meanwhile is not lost.
func TestE2EShutdownInTheMiddleOfAJob(t *testing.T) {
	for name, grace := range map[string]time.Duration{"given back": 50 * time.Millisecond, "finished": e2ePatience} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, setup{noServer: true})
			s.queue = store.Options{Grace: grace}
			s.start()
			reached, goOn := make(chan struct{}), make(chan struct{})
			s.gh.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: getReviews, Before: func() { close(reached); <-goOn }})
			pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
			select {
			case <-reached:
			case <-time.After(e2ePatience):
				t.Fatal("the job never began")
			}
			pr.Approve("mei")
			if err := s.gh.WaitIdle(context.Background()); err != nil {
				t.Fatal(err)
			}
			if name == "given back" {
				s.stop()
				close(goOn)
				if got := s.state(pr.HeadSHA()); got != "" {
					t.Errorf("a check by a server that had ended: %s", got)
				}
			} else {
				ended := make(chan struct{})
				go func() { s.stop(); close(ended) }()
				s.until("the end of new requests", func() bool { return strings.Contains(s.log.String(), "shutting down") })
				close(goOn)
				<-ended
				if !strings.Contains(s.log.String(), "decided") {
					t.Error("the job was not finished")
				}
			}
			s.start()
			s.merges(pr, clear1)
			if strings.Contains(s.log.String(), "the process was lost") {
				t.Error("the job was taken for a lost one")
			}
		})
	}
}

// A burst of events about one pull request is answered at once and leads to few evaluations, the last of which sees all.
func TestE2EBurstOfReviews(t *testing.T) {
	const n = 300
	s := newSite(t, setup{github: githubsim.Options{WebhookWorkers: 8, Unlimited: true}})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)
	before := s.gh.Count("GET", getReviews)
	s.gh.Hooks().Hold()
	for i := range n {
		pr.Review("eve", githubsim.Commented, fmt.Sprintf("remark %d", i))
	}
	pr.Approve("mei")
	s.gh.Hooks().Release()
	s.shows(pr, clear1)
	answered := map[int]int{}
	for _, d := range s.gh.Hooks().Deliveries() {
		if d.Event == "pull_request_review" {
			answered[d.StatusCode]++
		}
	}
	if answered[202] != n+1 || len(answered) != 1 {
		t.Errorf("answers by status: %v", answered)
	}
	// Each look reads four pages of reviews.
	if looks := (s.gh.Count("GET", getReviews) - before) / 4; looks > n/4 {
		t.Errorf("%d evaluations for %d events", looks, n+1)
	} else {
		t.Logf("%d evaluations for %d events", looks, n+1)
	}
	s.merges(pr, clear1)
}

func TestE2EOneEventTwiceIsOneEvent(t *testing.T) {
	s := newSite(t, setup{})
	s.gh.Hooks().SetFilter(func(githubsim.Delivery) githubsim.Fate { return githubsim.Duplicate })
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.shows(pr, clear1)
	if n := len(s.entries("decision")); n > 2 {
		t.Errorf("%d decisions", n)
	}
	s.merges(pr, clear1)
}
