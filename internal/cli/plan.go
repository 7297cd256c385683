package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/plans"
)

func (w *world) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "plan",
		Short:   "Hand Terraform plans to the server",
		Example: "  gatehouse plan submit --plan tfplan.json --dir infra/prod",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(w.planSubmitCommand())
	return cmd
}

func (w *world) planSubmitCommand() *cobra.Command {
	var s plans.Submission
	cmd := &cobra.Command{
		Use:   "submit --plan FILE --dir DIR",
		Short: "Hand a plan to the server, from a workflow of GitHub Actions",
		Long: `Hand a plan to the server, with the workflow's OIDC token. The job needs the permission id-token: write.

The plan is the output of terraform show -json (or tofu show -json). The server takes it when the job's workflow is the one
that terraform.plans.oidc trusts on the base branch, and the commit is the head of an open pull request. Where the server or
GitHub does not answer, the plan is sent again, for about a minute.

Exit status: 0 the server has the plan; 1 it refuses this repository, workflow or commit; 2 it is not a plan, it is too
large, or the command is used wrongly; 3 GitHub or the server could not be reached, or the token was not taken.`,
		Example: `  terraform plan -out=tfplan && terraform show -json tfplan > tfplan.json
  gatehouse plan submit --plan tfplan.json --dir infra/prod --server https://gatehouse.example.com`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&s.File, "plan", "", "file with the output of terraform show -json")
	flags.StringVar(&s.Dir, "dir", "", "the project's directory, relative to the root of the repository")
	flags.StringVar(&s.Workspace, "workspace", "", "the Terraform workspace (default: the project's)")
	flags.StringVar(&s.Server, "server", "", "the server's URL (default: GATEHOUSE_PUBLIC_URL)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s.Server = cmp.Or(s.Server, w.environment("GATEHOUSE_PUBLIC_URL"))
		s.TokenURL, s.TokenBearer = w.environment("ACTIONS_ID_TOKEN_REQUEST_URL"), w.environment("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
		switch {
		case s.File == "":
			return errors.New("give the plan: --plan FILE, the output of terraform show -json")
		case s.Dir == "":
			return errors.New("give the project's directory: --dir DIR")
		case !strings.HasPrefix(s.Server, "http://") && !strings.HasPrefix(s.Server, "https://"):
			return errors.New("give the server's URL: --server https://HOST, or set GATEHOUSE_PUBLIC_URL")
		case s.TokenURL == "" || s.TokenBearer == "":
			return errors.New("there is no OIDC token to be had here: run this in a job of GitHub Actions that has the permission id-token: write")
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.ExpectContinueTimeout = 5 * time.Second
		s.Client = &http.Client{
			Transport: transport, Timeout: 10 * time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for one server
		}
		s.Wait, s.Notice = pause, func(text string) { fmt.Fprintln(w.err, "gatehouse: "+text) }
		receipt, err := s.Submit(cmd.Context())
		if err != nil {
			return submitError(err)
		}
		for _, number := range receipt.PullRequests {
			fmt.Fprintf(w.err, "Pull request #%d is judged again with this plan of %s.\n", number, receipt.Dir)
		}
		fmt.Fprintln(w.out, receipt.Digest)
		return nil
	}
	return cmd
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// submitError gives a failed hand-in its exit status.
func submitError(err error) error {
	var refused plans.Answer
	switch {
	case errors.As(err, new(plans.Unreachable)):
		return outside(err)
	case !errors.As(err, &refused):
		return err
	case refused.Status == http.StatusForbidden:
		return exitError{exitFail, err}
	case refused.Status == http.StatusUnauthorized:
		return outside(err)
	}
	return err
}
