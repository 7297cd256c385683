package config

// App reads and checks what it takes to speak with GitHub as the App, and no more: the id, the key, the addresses. For the
// commands that are run where the server is not, or not yet.
func App(environ []string, overrides map[string]string) (*Server, error) {
	s, vars, err := read(environ, overrides)
	if err != nil {
		return nil, err
	}
	c := &checker{vars: vars}
	c.app(s)
	c.urls(s)
	if len(c.problems) > 0 {
		return nil, &Error{Problems: c.problems}
	}
	return s, nil
}
