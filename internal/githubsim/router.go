package githubsim

import (
	"net/url"
	"strings"
)

// needJWT marks a route that only an App's JSON web token may use.
const needJWT = "jwt"

// needNothing marks a write that takes no credentials: what it is given is one.
const needNothing = "nothing"

// need says who may use a route.
type need struct {
	// app is the App permission: "name:level", alternatives separated by "|"; needJWT; or "" for any caller.
	app string
	// role is the least role of a person in the repository; "" means read.
	role string
}

// accepted is the value of X-Accepted-GitHub-Permissions.
func (n need) accepted() string {
	return strings.ReplaceAll(strings.ReplaceAll(n.app, ":", "="), "|", "; ")
}

type route struct {
	method string
	segs   []string
	need   need
	fn     handler
}

func rt(pattern string, n need, fn handler) route {
	method, path, _ := strings.Cut(pattern, " ")
	return route{method: method, segs: strings.Split(strings.Trim(path, "/"), "/"), need: n, fn: fn}
}

// match finds the first route for a path. GitHub's own paths are ambiguous to net/http's mux (issues/comments/{id} and
// issues/{number}/comments), so parameters named number or id match digits only, and order decides.
func (s *Server) match(method, path string) (*route, map[string]string) {
	segs := strings.Split(strings.Trim(path, "/"), "/")
	for i := range s.routes {
		if s.routes[i].method != method {
			continue
		}
		if params, found := matchSegs(s.routes[i].segs, segs); found {
			return &s.routes[i], params
		}
	}
	return nil, nil
}

// matchSegs matches a path to a pattern. "{name...}" takes one segment or more, also in the middle: GitHub reads the slashes of a
// branch name with or without escaping.
func matchSegs(pattern, segs []string) (map[string]string, bool) {
	if len(pattern) == 0 {
		return map[string]string{}, len(segs) == 0
	}
	if len(segs) == 0 {
		return nil, false
	}
	name, isParam := strings.CutPrefix(strings.TrimSuffix(pattern[0], "}"), "{")
	if !isParam {
		if segs[0] != pattern[0] {
			return nil, false
		}
		return matchSegs(pattern[1:], segs[1:])
	}
	most := 1
	if rest, found := strings.CutSuffix(name, "..."); found {
		name, most = rest, len(segs)
	}
	for n := 1; n <= most; n++ {
		value, err := url.PathUnescape(strings.Join(segs[:n], "/"))
		if err != nil || value == "" || ((name == "number" || name == "id") && !digits(value)) {
			return nil, false
		}
		if params, found := matchSegs(pattern[1:], segs[n:]); found {
			params[name] = value
			return params, true
		}
	}
	return nil, false
}

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return len(s) > 0 && len(s) < 19
}
