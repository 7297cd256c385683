package config

import (
	"errors"
	"fmt"

	"github.com/caarlos0/env/v11"
)

// App reads and checks what it takes to speak with GitHub as the App, and no more: the id, the key, the addresses. For the
// commands that are run where the server is not, or not yet.
func App(environ []string, overrides map[string]string) (*Server, error) {
	vars := env.ToMap(environ)
	for name, value := range overrides {
		vars[name] = value
	}
	s := &Server{}
	var parse env.AggregateError
	if err := env.ParseWithOptions(s, env.Options{Environment: vars}); errors.As(err, &parse) {
		return nil, &Error{Problems: parseProblems(parse)}
	} else if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	c := &checker{vars: vars}
	c.app(s)
	c.urls(s)
	if len(c.problems) > 0 {
		return nil, &Error{Problems: c.problems}
	}
	return s, nil
}
