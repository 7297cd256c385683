package config

import (
	"errors"
	"fmt"

	"github.com/caarlos0/env/v11"
)

// GitHub reads what a command needs to ask GitHub: its addresses, and the App's id and key where they are set; of the settings
// nothing else is in the answer, or checked.
func GitHub(environ []string) (*Server, error) {
	s := &Server{}
	var parse env.AggregateError
	if err := env.ParseWithOptions(s, env.Options{Environment: env.ToMap(environ)}); errors.As(err, &parse) {
		return nil, &Error{Problems: parseProblems(parse)}
	} else if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	c := &checker{}
	out := &Server{AppID: s.AppID, APIURL: c.url("GITHUB_API_URL", s.APIURL), ServerURL: c.url("GITHUB_SERVER_URL", s.ServerURL)}
	if s.PrivateKey != "" || s.PrivateKeyFile != "" {
		out.PrivateKey, out.PrivateKeyFile = s.PrivateKey, s.PrivateKeyFile
		c.app(out)
	}
	if len(c.problems) > 0 {
		return nil, &Error{Problems: c.problems}
	}
	return out, nil
}
