package plans

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// composite is as much of an action as a runner needs.
type composite struct {
	Inputs map[string]struct {
		Default  string
		Required bool
	}
	Runs struct {
		Using string
		Steps []struct {
			Name, Shell, Run string
			Env              map[string]string
			WorkingDirectory string `yaml:"working-directory"`
		}
	}
}

// runner runs the steps of a composite action as GitHub's does: each script in a file, by the command that stands for its shell, in the
// workspace, with nothing in the environment but what a runner sets and the step asks for.
type runner struct {
	t         *testing.T
	action    string // directory
	workspace string
	temp      string
	home      string
	environ   []string
}

// expression is what stands between ${{ and }}.
var expression = regexp.MustCompile(`\$\{\{\s*([a-z_.]+)\s*\}\}`)

// run gives the status of the first step that fails, 0 when none does, and what all of them said.
func (r *runner) run(with map[string]string) (status int, said string) {
	r.t.Helper()
	var action composite
	data, err := os.ReadFile(filepath.Join(r.action, "action.yml"))
	if err == nil {
		err = yaml.Unmarshal(data, &action)
	}
	if err != nil || action.Runs.Using != "composite" || len(action.Runs.Steps) == 0 {
		r.t.Fatalf("the action cannot be read: %v", err)
	}
	for name := range with {
		if _, ok := action.Inputs[name]; !ok {
			r.t.Fatalf("the action has no input %s", name)
		}
	}
	fill := func(text string) string {
		return expression.ReplaceAllStringFunc(text, func(found string) string {
			name := expression.FindStringSubmatch(found)[1]
			if input, ok := strings.CutPrefix(name, "inputs."); ok {
				if value, given := with[input]; given {
					return value
				}
				if action.Inputs[input].Required {
					r.t.Fatalf("the input %s is required", input)
				}
				return action.Inputs[input].Default
			}
			if name != "github.action_path" {
				r.t.Fatalf("an expression that this runner does not know: %s", found)
			}
			return r.action
		})
	}
	for _, step := range action.Runs.Steps {
		script := filepath.Join(r.temp, "step.sh")
		if err := os.WriteFile(script, []byte(fill(step.Run)), 0o600); err != nil {
			r.t.Fatal(err)
		}
		if step.Shell != "bash" {
			r.t.Fatalf("a shell that this runner does not know: %s", step.Shell)
		}
		cmd := exec.CommandContext(r.t.Context(), "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script)
		cmd.Dir = filepath.Join(r.workspace, fill(step.WorkingDirectory))
		cmd.Env = append([]string{
			"CI=true", "GITHUB_ACTIONS=true", "GITHUB_WORKSPACE=" + r.workspace, "RUNNER_TEMP=" + r.temp, "TMPDIR=" + r.temp, "HOME=" + r.home,
		}, r.environ...)
		for name, value := range step.Env {
			cmd.Env = append(cmd.Env, name+"="+fill(value))
		}
		out, err := cmd.CombinedOutput()
		said += string(out)
		if err := os.Remove(script); err != nil {
			r.t.Fatal(err)
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode(), said
		} else if err != nil {
			return 127, said + err.Error()
		}
	}
	return 0, said
}

// TestPlanActionPlans runs the whole action on the checkout of a pull request: with a stand-in for Terraform that knows which calls are made,
// and where Terraform itself is installed, with that, too. Its provider is built in, so nothing is fetched.
func TestPlanActionPlans(t *testing.T) {
	recorded, err := filepath.Abs(filepath.Join("..", "..", "plans", "testdata", "terraform"))
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(filepath.Join(recorded, "program.sh"), filepath.Join(bin, "terraform")); err != nil {
		t.Fatal(err)
	}
	programs := map[string]string{"stand-in": bin}
	if real, err := exec.LookPath("terraform"); err == nil {
		programs["terraform"] = filepath.Dir(real)
	} else {
		t.Log("terraform is not installed: the action runs with the stand-in alone")
	}
	source, err := os.ReadFile(filepath.Join(recorded, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	for name, dir := range programs {
		t.Run(name, func(t *testing.T) {
			s := planSite(t, fromOIDC, map[string]string{".github/gatehouse.yml": strings.Replace(planGate(fromOIDC), "{dir: infra/prod, ", "{dir: infra/prod, workspace: blue, ", 1)})
			pr := s.Open("ann", "greet", map[string]string{"infra/prod/main.tf": string(source), "infra/$(touch owned)/main.tf": string(source)})
			s.Settle()
			r := s.runner(pr, dir, recorded)
			with := map[string]string{"server": s.URL + "/", "dir": "infra/prod", "workspace": "blue", "arguments": "-var=greeting=hi"}
			if name == "terraform" {
				r.prepare(dir)
			}
			status, said := r.run(with)
			if want := "Gatehouse has the plan of infra/prod.\n"; status != 0 || !strings.HasSuffix(said, want) {
				t.Fatalf("the action ended with %d:\n%s", status, said)
			}
			s.Shows(pr, site.AllClear)
			if diff := cmp.Diff([]string{"accepted infra/prod"}, s.taken()); diff != "" {
				t.Errorf("the log's plans (-want +got):\n%s", diff)
			}
			if plan, err := os.ReadFile(filepath.Join(recorded, "plan.json")); name == "stand-in" && (err != nil || s.Entries("plan")[0].Detail["digest"] != ledger.Digest(plan)) {
				t.Errorf("another plan was handed in than the program showed: %v %v", s.Entries("plan")[0].Detail, err)
			}
			s.Says(pr, "terraform_data.greeting")

			for name, c := range map[string]struct {
				change map[string]string
				status int
				says   string
			}{
				"another program":     {map[string]string{"program": "curl"}, 2, "::error::program must be terraform or tofu"},
				"a plan that fails":   {map[string]string{"arguments": "-var=undeclared=hi"}, 1, "Error:"},
				"no such workspace":   {map[string]string{"workspace": "green"}, 1, ""},
				"what a shell reads":  {map[string]string{"dir": "infra/$(touch owned)", "workspace": ""}, 0, "Gatehouse has the plan of infra/$(touch owned).\n"}, // it is the only project's
				"a folder above":      {map[string]string{"dir": "infra/../infra/prod"}, 2, "::error::Gatehouse cannot use the plan of infra/../infra/prod (422)"},
				"what a shell splits": {map[string]string{"arguments": "-var=greeting=hi; touch owned"}, 1, ""},
			} {
				changed := map[string]string{}
				for k, v := range with {
					changed[k] = v
				}
				for k, v := range c.change {
					changed[k] = v
				}
				if status, said := r.run(changed); status != c.status || !strings.Contains(said, c.says) {
					t.Errorf("%s: the action ended with %d, wanted %d, and said:\n%s", name, status, c.status, said)
				}
			}
			if diff := cmp.Diff([]string{"accepted infra/$(touch owned)", "accepted infra/prod"}, slices.Sorted(slices.Values(s.taken()))); diff != "" {
				t.Errorf("the log's plans afterwards (-want +got):\n%s", diff)
			}
			r.leftNothing()
		})
	}
}

// runner is one in a workspace that holds the test merge of a pull request, as actions/checkout leaves it.
func (s *place) runner(pr *githubsim.PR, programs, recorded string) *runner {
	s.T.Helper()
	action, err := filepath.Abs(filepath.Join("..", "..", "..", ".github", "actions", "plan"))
	if err != nil {
		s.T.Fatal(err)
	}
	r := &runner{t: s.T, action: action, workspace: filepath.Join(s.Dir, "workspace"), temp: filepath.Join(s.Dir, "runner"), home: filepath.Join(s.Dir, "home")}
	for _, dir := range []string{r.workspace, r.temp, r.home} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			s.T.Fatal(err)
		}
	}
	address := strings.Replace(s.GitHub.URL(), "://", "://x-access-token:"+s.Installation.Token()+"@", 1) + "/" + s.Repo.FullName() + ".git"
	for _, args := range [][]string{{"init", "--quiet"}, {"fetch", "--quiet", "--depth=1", address, s.TestMerge(pr)}, {"checkout", "--quiet", "FETCH_HEAD"}} {
		cmd := exec.CommandContext(s.T.Context(), "git", args...)
		cmd.Dir, cmd.Env = r.workspace, append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+r.home)
		if out, err := cmd.CombinedOutput(); err != nil {
			s.T.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
	r.environ = append(s.GitHub.OIDC().Environ(s.Job(pr)), "PATH="+programs+string(filepath.ListSeparator)+os.Getenv("PATH"), "RECORDED="+filepath.Join(recorded, "plan.json"))
	return r
}

// prepare makes the workspace that the action selects, as whoever set the project up has.
func (r *runner) prepare(programs string) {
	r.t.Helper()
	for _, args := range [][]string{{"init", "-lockfile=readonly"}, {"workspace", "new", "blue"}} {
		cmd := exec.CommandContext(r.t.Context(), filepath.Join(programs, "terraform"), args...)
		cmd.Dir, cmd.Env = filepath.Join(r.workspace, "infra", "prod"), []string{"HOME=" + r.home, "PATH=" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err != nil {
			r.t.Fatalf("terraform %v: %v\n%s", args, err, out)
		}
	}
}

// leftNothing: neither plans nor tokens lie about when the action has ended, however it did, and nothing that an input says was run.
func (r *runner) leftNothing() {
	r.t.Helper()
	err := filepath.WalkDir(filepath.Dir(r.workspace), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "owned" {
			return fmt.Errorf("%s: an input was run as a command", path)
		}
		return err
	})
	if err != nil {
		r.t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(r.temp, "*"))
	if err != nil || len(left) > 0 {
		r.t.Errorf("left behind: %v %v", left, err)
	}
}
