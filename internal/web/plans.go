package web

import "net/http"

// WithPlans puts the route by which workflows hand in plans beside the site. It stands outside of what people log in to: a
// workflow brings its own token, which plans checks.
func WithPlans(site, plans http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /api/v1/plans", plans)
	mux.Handle("/", site)
	return mux
}
