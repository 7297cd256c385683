package forge

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// maxDeployComment is how much of a comment on a deployment is shown.
const maxDeployComment = 1000

// AnswerDeployment opens an environment to a run of GitHub Actions that waits for it, or keeps it shut. [Unprocessable] and
// [NotFound] say that the run does not wait (any more).
// https://docs.github.com/rest/actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run
func (r *Repo) AnswerDeployment(ctx context.Context, runID int64, environment string, approved bool, comment string) error {
	state := "rejected"
	if approved {
		state = "approved"
	}
	body := map[string]string{"environment_name": environment, "state": state, "comment": gate.Shorten(gate.Printable(comment), maxDeployComment)}
	c := call{what: fmt.Sprintf("the deployment of run %d to %s", runID, gate.Printable(environment)), permission: "deployments=write"}
	_, err := r.do(ctx, c, http.MethodPost, fmt.Sprintf("/actions/runs/%d/deployment_protection_rule", runID), body, nil)
	return err
}
