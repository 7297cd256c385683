package cli

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
)

// setupPages are the two pages of `gatehouse setup`. The first one posts itself where scripts are on; the button does where not.
func setupPages() *template.Template {
	return template.Must(template.New("").Parse(`{{define "head"}}<!doctype html><html lang="en"><meta charset="utf-8"><title>Gatehouse setup</title>
<meta name="viewport" content="width=device-width"><style nonce="{{.Nonce}}">:root{color-scheme:light dark}body{font:1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:4rem auto;padding:0 1rem}button{font:inherit;padding:.5rem 1rem}</style>{{end}}
{{define "go"}}{{template "head" .}}<main><h1>Create the App on GitHub</h1>
<p>GitHub shows you the name <b>{{.Name}}</b>, which you may change, and asks before it creates anything.</p>
<form method="post" action="{{.Action}}"><input type="hidden" name="manifest" value="{{.Manifest}}"><button>Go to GitHub</button></form></main>
<script nonce="{{.Nonce}}">document.forms[0].submit()</script></html>{{end}}
{{define "done"}}{{template "head" .}}<main><h1>The App is created</h1><p>Go back to the terminal: it says where the credentials are and what comes next. This page can be closed.</p></main></html>{{end}}
{{define "refused"}}{{template "head" .}}<main><h1>This is not the way back</h1><p>GitHub did not send you here from this setup. Begin again at <a href="/">the first page</a>.</p></main></html>{{end}}`))
}

type setupPage struct{ Nonce, Name, Action, Manifest string }

// handler serves the pages, to requests for this very address: no other site's name may lead here.
func (v *setupVisit) handler() http.Handler {
	pages := setupPages()
	mux := http.NewServeMux()
	show := func(w http.ResponseWriter, status int, name string) {
		page := setupPage{Nonce: rand.Text(), Name: v.manifest.Name, Action: v.action()}
		text, err := json.Marshal(v.manifest)
		page.Manifest = string(text)
		var body bytes.Buffer
		if err == nil {
			err = pages.ExecuteTemplate(&body, name, page)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h := w.Header()
		// The way over GitHub may lead to an organisation's own login, so the form may be led on to any https address.
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+page.Nonce+"'; script-src 'nonce-"+page.Nonce+"'; form-action 'self' https: "+v.flags.server+"; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write(body.Bytes()) // nobody is left to tell
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { show(w, http.StatusOK, "go") })
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		if !v.returned(r) {
			show(w, http.StatusBadRequest, "refused")
			return
		}
		show(w, http.StatusOK, "done")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != v.host {
			http.Error(w, "This page is at http://"+v.host+"/", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// action is where on GitHub the manifest is posted to.
func (v *setupVisit) action() string {
	path := "/settings/apps/new"
	if v.flags.organization != "" {
		path = "/organizations/" + url.PathEscape(v.flags.organization) + path
	}
	return v.flags.server + path + "?state=" + url.QueryEscape(v.state)
}
