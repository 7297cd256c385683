package githubsim

import (
	"net/url"
	"strings"
)

// needJWT marks a route that only an App's JSON web token may use.
const needJWT = "jwt"

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

func matchSegs(pattern, segs []string) (map[string]string, bool) {
	params := map[string]string{}
	for i, p := range pattern {
		if i >= len(segs) {
			return nil, false
		}
		name, isParam := strings.CutPrefix(p, "{")
		if !isParam {
			if segs[i] != p {
				return nil, false
			}
			continue
		}
		name = strings.TrimSuffix(name, "}")
		value, err := url.PathUnescape(segs[i])
		if rest, found := strings.CutSuffix(name, "..."); found {
			value, err = url.PathUnescape(strings.Join(segs[i:], "/"))
			params[rest] = value
			return params, err == nil && value != ""
		}
		if err != nil || value == "" || ((name == "number" || name == "id") && !digits(value)) {
			return nil, false
		}
		params[name] = value
	}
	return params, len(pattern) == len(segs)
}

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return len(s) > 0 && len(s) < 19
}
