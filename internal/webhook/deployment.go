package webhook

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/work"
)

var (
	commitPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	runPattern    = regexp.MustCompile(`/repos/([^/]+)/([^/]+)/actions/runs/([0-9]{1,18})/deployment_protection_rule$`)
)

// maxEnvironment is the length of the longest name of an environment that GitHub allows.
const maxEnvironment = 255

// deployment is a run that waits for leave to deploy. The answer is asked for at an address: what is taken from it is the run's
// number, so that a request never goes anywhere but to GitHub's API.
func (r *reading) deployment() error {
	if r.Action != "requested" {
		return nil
	}
	if err := r.needRepository(); err != nil {
		return err
	}
	if r.Deployment == nil || r.Deployment.ID <= 0 || !commitPattern.MatchString(r.Deployment.SHA) {
		return fmt.Errorf("it has no deployment with an id and a commit")
	}
	if r.Environment == "" || len(r.Environment) > maxEnvironment {
		return fmt.Errorf("it has no environment")
	}
	address, err := url.Parse(r.Callback)
	if err != nil {
		return fmt.Errorf("its deployment_callback_url is not an address")
	}
	found := runPattern.FindStringSubmatch(address.Path)
	if found == nil || !strings.EqualFold(found[1], r.Repository.Owner.Login) || !strings.EqualFold(found[2], r.Repository.Name) {
		return fmt.Errorf("its deployment_callback_url is not that of a run of %s/%s", r.Repository.Owner.Login, r.Repository.Name)
	}
	run, err := strconv.ParseInt(found[3], 10, 64)
	if err != nil {
		return fmt.Errorf("its deployment_callback_url names no run")
	}
	d := work.Deployment{
		Target: r.target(), DeploymentID: r.Deployment.ID, RunID: run, Environment: r.Environment, Commit: r.Deployment.SHA,
		Ref: clip(r.Deployment.Ref), Actor: clip(r.Sender.Login), Asked: r.received,
	}
	return r.add(work.KindDeploy, first, d, r.Repository.ID, r.Deployment.ID)
}
