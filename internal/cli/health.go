package cli

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthCommand is for containers, which have no curl.
func (w *world) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "health",
		Short:   "Ask the server on GATEHOUSE_ADDR whether it is ready",
		Example: "  gatehouse health",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			addr := w.environment("GATEHOUSE_ADDR")
			if addr == "" {
				addr = "127.0.0.1:8080"
			}
			host, port, err := net.SplitHostPort(addr)
			if err != nil {
				return fmt.Errorf("GATEHOUSE_ADDR is %q; HOST:PORT is wanted", addr)
			}
			if host == "" || host == "0.0.0.0" || host == "::" {
				host = "127.0.0.1"
			}
			req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
			if err != nil {
				return err
			}
			resp, err := (&http.Client{Timeout: 4 * time.Second}).Do(req)
			if err != nil {
				return outside(err)
			}
			defer resp.Body.Close() //nolint:errcheck // only read
			if resp.StatusCode != http.StatusOK {
				return outside(fmt.Errorf("the server answered %s", resp.Status))
			}
			return nil
		},
	}
}
