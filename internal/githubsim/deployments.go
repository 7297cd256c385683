package githubsim

import (
	"fmt"
	"net/http"
	"slices"
)

// DeploymentSpec describes a job of GitHub Actions that is to deploy to an environment.
type DeploymentSpec struct {
	Environment string
	SHA         string
	Ref         string // branch or tag; main when ""
	By          string
}

// Deployment waits for the Apps that protect its environment.
type Deployment struct {
	spec    DeploymentSpec
	repo    *Repo
	run     *WorkflowRun
	id      int64
	waits   []*App
	state   string // waiting, approved, rejected
	comment string
}

// ProtectEnvironment makes deployments to an environment wait for an App: a custom deployment protection rule. GitHub offers the
// Apps that are subscribed to deployment_protection_rule and may write deployments; others are refused here by a panic.
func (r *Repo) ProtectEnvironment(name string, a *App) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	offered := slices.ContainsFunc(a.installs, func(in *Installation) bool {
		return in.covers(r) && permits(in.perms, "deployments", "write") && slices.Contains(in.events, "deployment_protection_rule")
	})
	if !offered {
		panic("githubsim: the App " + a.slug + " cannot protect environments of " + r.fullName())
	}
	if r.environments == nil {
		r.environments = map[string][]*App{}
	}
	r.environments[name] = append(r.environments[name], a)
}

// Deploy starts a run whose job wants to deploy, and sends deployment_protection_rule.requested to the Apps that protect the
// environment. Where none does, it goes ahead.
func (r *Repo) Deploy(spec DeploymentSpec) *Deployment {
	if spec.Ref == "" {
		spec.Ref = "main"
	}
	run := r.AddRun(RunSpec{Workflow: ".github/workflows/deploy.yml", Event: "push", HeadSHA: spec.SHA, HeadBranch: spec.Ref, By: spec.By})
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	d := &Deployment{spec: spec, repo: r, run: run, id: r.s.id(), waits: slices.Clone(r.environments[spec.Environment]), state: "waiting"}
	if len(d.waits) == 0 {
		d.state = "approved"
	}
	r.deployments = append(r.deployments, d)
	for _, a := range d.waits {
		r.s.emitTo(a, "deployment_protection_rule", "requested", r, run.by, object{
			"environment": spec.Environment, "event": "push", "pull_requests": []object{}, "deployment": d.json(),
			"deployment_callback_url": r.api(fmt.Sprintf("/actions/runs/%d/deployment_protection_rule", run.id)),
		})
	}
	return d
}

// State is waiting, approved or rejected, and Comment what the App said about it.
func (d *Deployment) State() (state, comment string) {
	d.repo.s.mu.Lock()
	defer d.repo.s.mu.Unlock()
	return d.state, d.comment
}

// ID is the deployment's number.
func (d *Deployment) ID() int64 { return d.id }

// Cancel is what a person does who cancels the run.
func (d *Deployment) Cancel() {
	d.repo.s.mu.Lock()
	defer d.repo.s.mu.Unlock()
	d.waits = nil
}

func (d *Deployment) json() object {
	api := d.repo.api(fmt.Sprintf("/deployments/%d", d.id))
	return object{
		"id": d.id, "node_id": nodeID("Deployment", d.id), "url": api, "sha": d.spec.SHA, "ref": d.spec.Ref, "task": "deploy", "payload": object{},
		"original_environment": d.spec.Environment, "environment": d.spec.Environment, "description": nil, "creator": d.run.by.json(),
		"created_at": stamp(d.run.made), "updated_at": stamp(d.run.made), "statuses_url": api + "/statuses", "repository_url": d.repo.api(""),
		"transient_environment": false, "production_environment": true, "performed_via_github_app": nil,
	}
}

// reviewDeployment is an App's answer: POST /repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule.
func (c *call) reviewDeployment() (reply, error) {
	var in struct {
		Environment *string `json:"environment_name"`
		State       *string `json:"state"`
		Comment     string  `json:"comment"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	run := slices.IndexFunc(c.repo.workflowRuns, func(w *WorkflowRun) bool { return w.id == int64(c.num("id")) })
	if run < 0 {
		return reply{}, notFound()
	}
	switch {
	case in.Environment == nil:
		return reply{}, refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n\"environment_name\" wasn't supplied.")
	case in.State != nil && *in.State != "approved" && *in.State != "rejected":
		return reply{}, refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n%s is not a possible value. Must be one of the following: approved, rejected.", *in.State)
	}
	for _, d := range c.repo.deployments {
		i := slices.Index(d.waits, c.actor.app)
		if d.run != c.repo.workflowRuns[run] || d.spec.Environment != *in.Environment || i < 0 || d.state != "waiting" {
			continue
		}
		d.comment = in.Comment
		if in.State == nil {
			return noContent() // a word while it waits
		}
		d.waits = slices.Delete(d.waits, i, i+1)
		if *in.State == "rejected" || len(d.waits) == 0 {
			d.state = *in.State
		}
		return noContent()
	}
	return reply{}, refuse(http.StatusUnprocessableEntity, "There are no pending deployment protection rules of this App for the environment %s.", *in.Environment)
}
