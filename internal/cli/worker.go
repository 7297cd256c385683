package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/render"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
	"github.com/gatehouse-dev/gatehouse/policies"
)

// workerCommand is what this program runs itself as, to render and to parse what a pull request wrote.
func (w *world) workerCommand() *cobra.Command {
	return &cobra.Command{
		Use:     sandbox.Argument,
		Short:   "Read, render and judge untrusted input for another process of this program",
		Long:    "Read, render and judge untrusted input for another process of this program, which speaks to it on standard input and output.",
		Example: "  gatehouse check k8s/ # runs it where there is something to render",
		Hidden:  true,
		RunE: func(*cobra.Command, []string) error {
			judges := judge.NewWorker(policies.FS, Version)
			err := sandbox.ServeWith(w.in, w.out, func(parent *sandbox.Parent, request []byte) []byte {
				if judged, ok := judges.Answer(parent, request); ok {
					return judged
				}
				return answer(request)
			})
			if err != nil {
				return fmt.Errorf("worker: %w", err)
			}
			return nil
		},
	}
}

// answer does one piece of a worker's work.
func answer(request []byte) []byte {
	if parsed, ok := formats.Answer(request); ok {
		return parsed
	}
	if problems, ok := rules.AnswerProposal(context.Background(), policies.FS, formats.Parse, request); ok {
		return problems
	}
	return render.Answer(request)
}

// renderer renders in worker processes of this program.
func renderer() (*render.Renderer, error) {
	workers, err := sandbox.New(sandbox.Limits{})
	if err != nil {
		return nil, err
	}
	return render.New(workers), nil
}
