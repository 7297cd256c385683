package demo

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS []byte

// Pages shows the simulated GitHub to a visitor: each pull request with its check and its comments, as GitHub would.
// dashboard is the address of Gatehouse's own pages.
func (w *World) Pages(dashboard string) http.Handler {
	// Comments hold HTML of Gatehouse's own (details, sub). GitHub would clean it; here no script can run whatever it says.
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	page := template.Must(template.New("page").Funcs(template.FuncMap{
		"short": func(sha string) string { return sha[:min(7, len(sha))] },
		"markdown": func(s string) (template.HTML, error) {
			var b bytes.Buffer
			err := markdown.Convert([]byte(s), &b)
			return template.HTML(b.String()), err //nolint:gosec // see above
		},
		"state": func(c githubsim.CheckView) string { return strings.TrimSuffix(c.Status+"/"+c.Conclusion, "/") },
	}).Parse(pageHTML))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /page.css", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = rw.Write(pageCSS)
	})
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, _ *http.Request) { w.show(rw, page, dashboard, 0) })
	mux.HandleFunc("GET /pull/{number}", func(rw http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("number"))
		if err != nil || n < 1 {
			http.NotFound(rw, r)
			return
		}
		w.show(rw, page, dashboard, n)
	})
	return mux
}

// show prints the list, or one pull request.
func (w *World) show(rw http.ResponseWriter, page *template.Template, dashboard string, number int) {
	var views []githubsim.PRView
	var one *githubsim.PRView
	for _, pr := range w.Repo.PRs() {
		v := pr.View()
		views = append(views, v)
		if v.Number == number {
			one = &v
		}
	}
	if number != 0 && one == nil {
		http.Error(rw, "There is no such pull request.", http.StatusNotFound)
		return
	}
	var issues []githubsim.IssueView
	for _, i := range w.Repo.Issues() {
		if number == 0 {
			issues = append(issues, i)
		}
	}
	var b bytes.Buffer
	data := map[string]any{"PRs": views, "One": one, "Issues": issues, "Dashboard": dashboard, "Repo": w.Repo.FullName()}
	if err := page.Execute(&b, data); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = b.WriteTo(rw)
}
