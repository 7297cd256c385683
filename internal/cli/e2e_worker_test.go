package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// touchy is a site whose own rules do what the annotation of a Pod says. They are of the base branch; the Pods are of anybody.
func touchy(t *testing.T) *site {
	return newSite(t, setup{noServer: true, files: map[string]string{
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

const noApprovals = "completed/success: All clear: N documents, N rules"

// TestE2EAWorkerThatDiesIsOnePullRequestsCheck: the check says what was being done. Another pull request of the same repository is judged
// meanwhile, and what is mended passes.
func TestE2EAWorkerThatDiesIsOnePullRequestsCheck(t *testing.T) {
	for todo, c := range map[string]struct{ setting, want string }{
		"grow": {"GATEHOUSE_WORKER_MEMORY=402653184", "took more than 384 MiB of memory"},
		"loop": {"GATEHOUSE_WORKER_TIME=4s", "took more than 4s"}, // shorter than the rules' own clock
	} {
		t.Run(todo, func(t *testing.T) {
			s := touchy(t)
			s.more = []string{c.setting}
			s.start()
			deadly, sound := s.open("ann", todo, podThatAsks(todo)), s.open("ann", "sound", map[string]string{"README.md": "one\n"})
			s.settle()
			got := s.state(deadly.HeadSHA())
			if want := fmt.Sprintf("%sjudging v1/Pod/shop/%s in k8s/%s.yaml with T-1 %s", couldNot, todo, todo, c.want); !strings.HasPrefix(got, want) {
				t.Errorf("the check says %q; wanted %q...", got, want)
			}
			s.blocked(deadly, got)
			s.says(deadly, "at which a worker process is ended", "grows without bound")
			s.merges(sound, noApprovals)
			s.up()
			deadly.Push(githubsim.CommitSpec{Files: map[string]string{"k8s/" + todo + ".yaml": podThatAsks("nothing")["k8s/nothing.yaml"]}})
			s.shows(deadly, noApprovals)
		})
	}
}

// TestE2EAPlanThatEndsItsWorkerIsRefused: the sender reads why, and the server goes on.
func TestE2EAPlanThatEndsItsWorkerIsRefused(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	s.stop()
	s.more = []string{"GATEHOUSE_WORKER_MEMORY=268435456"}
	s.start()
	pr := s.change("vpn")
	s.settle()
	var plan bytes.Buffer
	plan.WriteString(`{"format_version":"1.2","resource_changes":[`)
	for i := 0; plan.Len() < 60<<20; i++ {
		if i > 0 {
			plan.WriteByte(',')
		}
		fmt.Fprintf(&plan, `{"address":"a.b%d","mode":"managed","type":"a","name":"b%d","provider_name":"p","change":{"actions":["create"],"before":null,"after":{"n":[%s1]},"after_unknown":{}}}`,
			i, i, strings.Repeat(`"\u0041",`, 100))
	}
	plan.WriteString(`]}`)
	status, said := s.post(s.token(s.job(pr)), "infra/prod", "", &plan)
	if want := "the plan cannot be read: the worker process took more than 256 MiB of memory"; status != 422 || !strings.Contains(said, want) {
		t.Errorf("%d %s", status, said)
	}
	s.up()
	if status, said := s.post(s.token(s.job(pr)), "infra/prod", "", bytes.NewReader(storyPlan(t, "ssh-vpn"))); status != 201 {
		t.Errorf("a sound plan afterwards: %d %s", status, said)
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

// process is the server that was spawned in a site's folder.
func (s *site) process() int {
	s.t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, link := range links {
		if at, err := os.Readlink(link); err == nil && at == s.dir {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			if err == nil {
				return pid
			}
		}
	}
	s.t.Fatal("the server is not there")
	return 0
}

// TestE2ENoWorkerOutlivesItsServer: a server that is asked to end, or killed, while a worker of its judges something without end.
func TestE2ENoWorkerOutlivesItsServer(t *testing.T) {
	for _, how := range []string{"asked to end", "killed"} {
		t.Run(how, func(t *testing.T) {
			s := touchy(t)
			kill, interrupt := s.spawn()
			server := s.process()
			pr := s.open("ann", "loops", podThatAsks("loop"))
			var busy []int
			s.until("a worker", func() bool {
				busy = children(t, server)
				return len(busy) > 0
			})
			if environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", busy[0])); err == nil && len(environ) > 0 {
				t.Errorf("the worker's environment: %q", environ)
			}
			if how == "killed" {
				kill()
			} else {
				interrupt()
			}
			s.until("the end of its workers", func() bool {
				return !slices.ContainsFunc(busy, func(pid int) bool {
					_, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
					return err == nil
				})
			})
			// Nothing is lost: the next one judges it, and the rules' own clock stops the rule.
			s.spawn()
			s.until("the check", func() bool {
				return strings.Contains(s.state(pr.HeadSHA()), "the rule T-1 failed: it ran longer than its time limit")
			})
		})
	}
}
