package web

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

//go:embed templates/*.html static
var assets embed.FS

func static(w http.ResponseWriter, r *http.Request) {
	name := "static/" + path.Base(r.PathValue("file"))
	if _, err := fs.Stat(assets, name); err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	http.ServeFileFS(w, r, assets, name)
}

// view is what every page is filled from.
type view struct {
	Title  string
	Viewer string // "" on the server's own machine
	Nav    string // the part of the site
	Query  string // in the search box
	Kind   string
	GitHub string
	Body   any
}

type messageView struct{ Heading, Text, Link, LinkText string }

// templates parses every page once. They are part of the program, so a mistake in one is found by the first test.
func (s *site) templates() map[string]*template.Template {
	functions := template.FuncMap{
		"escaped": escaped, "because": because, "short": func(sha string) string { return clean(fmt.Sprintf("%.7s", sha)) }, "when": s.when, "word": verdictWord, "icon": verdictIcon,
		"clean": clean, "entrykind": entryKind, "ticks": ticks, "line": indented, "list": func(parts []string) string { return join(parts) }, "plural": plural, "less": func(n int) int { return n - 1 }, "join": strings.Join,
		"repolink": func(full string) string { return "/repositories/" + full }, "rulelink": func(id string) string { return "/rules/" + template.URLQueryEscaper(id) },
		"github": func(parts ...any) string {
			b := s.GitHub + "/"
			for _, p := range parts { // not Sprint, which puts spaces between numbers
				b += fmt.Sprint(p)
			}
			return b
		},
		"number": func(v any) string { return thousands(v) },
	}
	out := map[string]*template.Template{}
	names, _ := fs.Glob(assets, "templates/*.html") // the pattern is well-formed
	for _, name := range names {
		base := path.Base(name)
		if base == "layout.html" || base == "parts.html" {
			continue
		}
		out[base] = template.Must(template.New("").Funcs(functions).ParseFS(assets, "templates/layout.html", "templates/parts.html", name))
	}
	return out
}

// page fills a template whole before it answers, so that a failure is never half a page.
func (s *site) page(w http.ResponseWriter, r *http.Request, name, title string, body any) {
	s.write(w, r, http.StatusOK, name, title, body)
}

func (s *site) write(w http.ResponseWriter, r *http.Request, status int, name, title string, body any) {
	nav, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	v := view{
		Title: title, Viewer: looking(r.Context()).Login, Nav: nav, GitHub: s.GitHub, Body: body,
		Query: clean(r.URL.Query().Get("q")), Kind: r.URL.Query().Get("kind"),
	}
	var b bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&b, "layout.html", v); err != nil {
		s.Log.WithError(err).WithField("page", name).Error("filling a page")
		plain(w, http.StatusInternalServerError, "The page could not be made; the server's log says why.\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // nobody is left to tell
}

func (s *site) refusePage(w http.ResponseWriter, r *http.Request, status int, message string) {
	v := messageView{Heading: http.StatusText(status), Text: message, Link: "/", LinkText: "To the overview"}
	s.write(w, r, status, "message.html", v.Heading, v)
}

// when is a time as people say it, with the exact one on hover and for machines.
func (s *site) when(t time.Time) template.HTML {
	if t.IsZero() {
		return "never"
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, //nolint:gosec // digits and words of our own
		t.Format(time.RFC3339), t.Format("2006-01-02 15:04:05 UTC"), ago(s.Clock().Sub(t), t)))
}

func ago(d time.Duration, t time.Time) string {
	unit := func(n int, name string) string { return plural(n, name) + " ago" }
	switch {
	case d < -time.Minute:
		return t.Format("2 Jan 2006, 15:04")
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return unit(int(d.Minutes()), "minute")
	case d < 24*time.Hour:
		return unit(int(d.Hours()), "hour")
	case d < 30*24*time.Hour:
		return unit(int(d.Hours()/24), "day")
	}
	return t.Format("2 Jan 2006")
}

// day is a day with how far it is away, for what ends on it.
func day(date string, now time.Time) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	today := now.UTC().Truncate(24 * time.Hour)
	switch n := int(t.Sub(today).Hours() / 24); {
	case n < 0:
		return "ended " + plural(-n, "day") + " ago"
	case n == 0:
		return "ends today"
	case n < 60:
		return "ends in " + plural(n, "day")
	}
	return "until " + t.Format("2 Jan 2006")
}

func verdictWord(v any) string {
	word := map[string]string{"pass": "passed", "fail": "blocked", "wait": "waiting", "error": "not judged", "bypass": "went around"}[fmt.Sprint(v)]
	return cmp.Or(word, fmt.Sprint(v))
}

func verdictIcon(v any) string {
	return cmp.Or(map[string]string{"pass": "✓", "fail": "✗", "wait": "…", "error": "!", "bypass": "!"}[fmt.Sprint(v)], "·")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

// thousands is a number with its thousands set apart: 10,214.
func thousands(v any) string {
	s := fmt.Sprint(v)
	for i := len(s) - 3; i > 0 && !strings.HasPrefix(s, "-"); i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func join(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

// escaped is JSON in which what could turn text around is written as JSON may write it, so that it can be seen.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) {
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// clean takes from a stranger's text what could turn the page's text around or hide in it.
func clean(v any) string {
	text := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Cf, r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(fmt.Sprint(v), "\uFFFD"))
	if runes := []rune(text); len(runes) > 2000 {
		text = string(runes[:2000]) + "…"
	}
	return text
}
