package plans

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

// subject is what a token speaks for: a commit that is the head of open pull requests which accept its workflow's plans.
type subject struct {
	installation int64
	repository   gate.Repository
	head         string
	pulls        []forge.Pull
}

func (s subject) numbers() []int {
	out := []int{}
	for _, p := range s.pulls {
		out = append(out, p.Number)
	}
	return out
}

// pullRef is the ref of a test merge.
var pullRef = regexp.MustCompile(`^refs/pull/([1-9][0-9]{0,8})/merge$`)

// find says what the token speaks for. A refusal is for the sender; every one of them is 403.
func (r *Receiver) find(ctx context.Context, claims Claims, rec *Record) (subject, error) {
	var s subject
	owner, name, _ := strings.Cut(claims.Repository, "/")
	id, err := r.GitHub.Installation(ctx, owner, name)
	switch err.(type) {
	case nil:
	case forge.NotFound, forge.Unprocessable:
		return s, refuse(http.StatusForbidden, "the App is not installed on %s", gate.Shorten(gate.Printable(claims.Repository), 200))
	default:
		return s, fmt.Errorf("find the installation on %s: %w", claims.Repository, err)
	}
	s.installation = id
	repo := r.GitHub.Repo(id, owner, name)
	open, err := repo.OpenPulls(ctx)
	if err != nil {
		return s, fmt.Errorf("list the open pull requests: %w", err)
	}
	found, base, err := match(ctx, repo, open, claims)
	if err != nil {
		return s, err
	}
	rec.Base = base
	return s, r.admit(ctx, repo, found, claims, rec, &s)
}

// match finds the pull requests whose head the token's commit is, or whose test merge it is or was: that commit has the base
// branch and the head as its parents, which say exactly what was planned.
func match(ctx context.Context, repo *forge.Repo, open []forge.Pull, claims Claims) (found []forge.Pull, base string, err error) {
	number := 0
	if m := pullRef.FindStringSubmatch(claims.Ref); m != nil {
		number, _ = strconv.Atoi(m[1]) // the pattern lets only numbers through
	}
	merge := false
	for _, p := range open {
		switch {
		case p.Head == claims.SHA:
			found = append(found, p)
		case p.Merge == claims.SHA || p.Number == number:
			merge = true
		}
	}
	if len(found) > 0 {
		return found, "", nil
	}
	notHead := refuse(http.StatusForbidden, "the commit %s is neither the head nor the test merge of an open pull request of %s",
		claims.SHA, gate.Shorten(gate.Printable(claims.Repository), 200))
	if !merge {
		return nil, "", notHead
	}
	parents, err := repo.Parents(ctx, claims.SHA)
	if err != nil {
		return nil, "", fmt.Errorf("read the parents of %s: %w", claims.SHA, err)
	}
	if len(parents) != 2 {
		return nil, "", notHead
	}
	for _, p := range open {
		if p.Head == parents[1] && (p.Merge == claims.SHA || p.Number == number) {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil, "", refuse(http.StatusForbidden, "the commit %s was made of %s, which is not the head of the pull request any more", claims.SHA, parents[1])
	}
	return found, parents[0], nil
}

// admit keeps the pull requests whose base branch accepts plans of the token's workflow.
func (r *Receiver) admit(ctx context.Context, repo *forge.Repo, found []forge.Pull, claims Claims, rec *Record, s *subject) error {
	var why error
	for _, p := range found {
		about, pr, err := repo.PullRequest(ctx, p.Number)
		if err != nil {
			return fmt.Errorf("read pull request #%d: %w", p.Number, err)
		}
		if strconv.FormatInt(about.ID, 10) != claims.RepositoryID {
			return refuse(http.StatusForbidden, "the token is of another repository that had this name: its repository_id is %s", gate.Shorten(gate.Printable(claims.RepositoryID), 30))
		}
		s.repository, rec.RepositoryID = about, about.ID
		if pr.State != "open" || pr.Head.SHA != p.Head {
			why = refuse(http.StatusForbidden, "pull request #%d was closed or has another head now", p.Number)
			continue
		}
		if pr.Fork {
			why = refuse(http.StatusForbidden, "pull request #%d comes from a fork, and a fork's workflows cannot hand in plans; use terraform.plans.artifact for forks", p.Number)
			continue
		}
		config, err := r.config(ctx, s.installation, repo, about, pr.Base.Branch)
		if err != nil {
			return err
		}
		if err := accepts(config, claims, rec); err != nil {
			why = err
			continue
		}
		s.head = p.Head
		s.pulls = append(s.pulls, p)
	}
	if len(s.pulls) == 0 {
		return why
	}
	slices.SortFunc(s.pulls, func(a, b forge.Pull) int { return a.Number - b.Number })
	return nil
}

// Trusted reports whether the configuration trusts the workflow that a token names. A workflow file as a pull request has it is
// never trusted, whatever the pattern: its author wrote it.
func Trusted(c *repoconfig.OIDC, workflow string) bool {
	_, ref, _ := strings.Cut(workflow, "@")
	return c != nil && !strings.HasPrefix(ref, "refs/pull/") && gate.Match(c.Workflow, workflow)
}

// accepts says whether the configuration takes the plan: its workflow and its project.
func accepts(c repoconfig.Config, claims Claims, rec *Record) error {
	trusted := c.Terraform.Plans.OIDC
	workflow := gate.Shorten(gate.Printable(claims.Workflow), 300)
	switch {
	case trusted == nil:
		return refuse(http.StatusForbidden, "the configuration on the base branch takes no plans from workflows; set terraform.plans.oidc.workflow in %s", repoconfig.Path)
	case !Trusted(trusted, claims.Workflow):
		return refuse(http.StatusForbidden, "the job's workflow %s is not the one that terraform.plans.oidc trusts, %s", workflow, trusted.Workflow)
	}
	var projects []document.Project
	for _, p := range c.Terraform.Projects {
		projects = append(projects, document.Project(p))
	}
	if _, problem := document.ProjectOf(document.PlanFile{File: "the plan", Dir: rec.Dir, Workspace: rec.Workspace}, projects); problem != nil {
		return refuse(http.StatusUnprocessableEntity, "%s %s", problem.File, problem.Message)
	}
	return nil
}

// config reads the gate file from the base branch, else from the organisation's .github repository.
func (r *Receiver) config(ctx context.Context, installation int64, repo *forge.Repo, about gate.Repository, branch string) (repoconfig.Config, error) {
	data, ok, err := repo.File(ctx, repoconfig.Path, branch)
	if err == nil && !ok && about.Name != ".github" {
		data, ok, err = r.GitHub.Repo(installation, about.Owner, ".github").File(ctx, repoconfig.Path, "")
	}
	var strange forge.Unprocessable
	switch {
	case errors.As(err, &strange):
		return repoconfig.Config{}, refuse(http.StatusForbidden, "the configuration on %s cannot be read: %s", gate.Printable(branch), strange.Message)
	case err != nil:
		return repoconfig.Config{}, fmt.Errorf("read the configuration on %s: %w", branch, err)
	case !ok:
		return repoconfig.Default(), nil
	}
	config, problems := repoconfig.Parse(repoconfig.Path, data)
	if len(problems) > 0 {
		return config, refuse(http.StatusForbidden, "the configuration on %s is not valid: %s", gate.Printable(branch), problems[0].Message)
	}
	return config, nil
}
