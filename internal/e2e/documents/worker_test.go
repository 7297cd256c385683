package documents

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// touchy is a site whose own rules do what the annotation of a Pod says. They are of the base branch; the Pods are of anybody.
func touchy(t *testing.T) *place {
	return newPlace(t, site.Setup{NoServer: true, Files: map[string]string{
		".github/gatehouse.yml": "version: 1\npolicies: {packs: [], paths: [rules]}\napprovals: {required: 0}\n",
		"rules/t1.rego": `# METADATA
# title: A test
# custom:
#   id: T-1
#   severity: high
#   remedy: Do not.
#   inspects: {kubernetes: [Pod]}
package gatehouse.test.t1

todo := input.resource.metadata.annotations.todo

deny contains "it grows" if {
	todo == "grow"
	numbers_of_a_megabyte := concat("", [x | some i in numbers.range(1, 2000); x := "%0999999[1]d"])
	count(sprintf(numbers_of_a_megabyte, [7])) > 1 # at once, so that nobody can stop it
}

deny contains "it never ends" if {
	todo == "loop"
	some a in numbers.range(1, 100000)
	some b in numbers.range(1, 100000)
	some c in numbers.range(1, 100000)
	a + b + c == 0
}
`,
	}})
}

func podThatAsks(todo string) map[string]string {
	return map[string]string{
		"k8s/" + todo + ".yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: " + todo + ", namespace: shop, annotations: {todo: " + todo + "}}\nspec: {containers: [{name: c, image: nginx}]}\n",
	}
}

// TestAWorkerThatDiesIsOnePullRequestsCheck: the check says what was being done. Another pull request of the same repository is judged
// meanwhile, and what is mended passes.
func TestAWorkerThatDiesIsOnePullRequestsCheck(t *testing.T) {
	for todo, c := range map[string]struct{ setting, want string }{
		"grow": {"GATEHOUSE_WORKER_MEMORY=402653184", "took more than 384 MiB of memory"},
		"loop": {"GATEHOUSE_WORKER_TIME=4s", "took more than 4s"}, // shorter than the rules' own clock
	} {
		t.Run(todo, func(t *testing.T) {
			s := touchy(t)
			s.More = []string{c.setting}
			s.Start()
			deadly, sound := s.Open("ann", todo, podThatAsks(todo)), s.Open("ann", "sound", map[string]string{"README.md": "one\n"})
			s.Settle()
			got := s.State(deadly.HeadSHA())
			if want := fmt.Sprintf("%sjudging v1/Pod/shop/%s in k8s/%s.yaml with T-1 %s", site.CouldNot, todo, todo, c.want); !strings.HasPrefix(got, want) {
				t.Errorf("the check says %q; wanted %q...", got, want)
			}
			s.Blocked(deadly, got)
			s.Says(deadly, "at which a worker process is ended", "grows without bound")
			s.Merges(sound, site.AllClear)
			s.Up()
			deadly.Push(githubsim.CommitSpec{Files: map[string]string{"k8s/" + todo + ".yaml": podThatAsks("nothing")["k8s/nothing.yaml"]}})
			s.Shows(deadly, site.AllClear)
		})
	}
}

// children are the worker processes of another one.
func children(t *testing.T, parent int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, file := range stats {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(fields) < 2 || fields[0] == "Z" || fields[1] != strconv.Itoa(parent) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if err == nil && slices.Contains(strings.Split(string(line), "\x00"), sandbox.Argument) {
			out = append(out, pid)
		}
	}
	return out
}

// processorTime is what a process has used, 0 when it has ended.
func processorTime(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, errUser := strconv.Atoi(fields[11])
	system, errSystem := strconv.Atoi(fields[12])
	if errUser != nil || errSystem != nil {
		return 0
	}
	return time.Duration(user+system) * (time.Second / 100) // the kernel's ticks
}

// TestNoWorkerOutlivesItsServer: a server that is asked to end, or killed, while a worker of its judges something without end.
func TestNoWorkerOutlivesItsServer(t *testing.T) {
	for _, how := range []string{"asked to end", "killed"} {
		t.Run(how, func(t *testing.T) {
			s := touchy(t)
			kill, interrupt := s.Spawn()
			server := s.Process()
			pr := s.Open("ann", "loops", podThatAsks("loop"))
			var busy []int
			s.Until("a worker that works", func() bool { // another one may have been started ahead, and waits
				busy = children(t, server)
				return slices.ContainsFunc(busy, func(pid int) bool { return processorTime(pid) > time.Second/2 })
			})
			if environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", busy[0])); err == nil && len(environ) > 0 {
				t.Errorf("the worker's environment: %q", environ)
			}
			if how == "killed" {
				kill()
			} else {
				interrupt()
			}
			s.Until("the end of its workers", func() bool {
				return !slices.ContainsFunc(busy, func(pid int) bool {
					_, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
					return err == nil
				})
			})
			// Nothing is lost: the next one judges it, and the rules' own clock stops the rule.
			s.Spawn()
			s.Until("the check", func() bool {
				return strings.Contains(s.State(pr.HeadSHA()), "the rule T-1 failed: it ran longer than its time limit")
			})
		})
	}
}
