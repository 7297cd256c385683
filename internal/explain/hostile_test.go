package explain

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	entities "html"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	reader "github.com/yuin/goldmark/text"
)

// pieces is what attacks on Markdown, HTML, GitHub's references, terminals, XML and workflow commands are made of.
func pieces() []string {
	return []string{
		"<script>alert(1)</script>", "<img src=x onerror=y>", "</details>", "</summary>", "</sub>", "<!--", "-->", "<a href=//e>", "<", ">",
		"[x](https://evil.example)", "![x](https://evil.example/i.png)", "[x]: https://evil.example", "[x]", "](", "](https://evil.example)", "[", "]", "(", ")", "!",
		"https://evil.example/a", "HTTP://evil.example", "www.evil.example", "WwW.evil.example", "me@evil.example", "mailto:me@evil.example", "ftp://evil.example", "xmpp:a@evil.example",
		"<https://evil.example>", "<me@evil.example>", "@octocat", "@acme/everyone", "#1", "acme/shop#1", "GH-1", "gh-1", "acme/shop@8c0ffee",
		"`", "``", "```", "~~~", "```\n", "`@octocat`", "\\", "\\`", "*", "**", "***", "_", "__", "~~", "|", "||", "$", "$$", "&lt;", "&#64;octocat", "&", ";",
		"\n", "\r\n", "\n\n", "\n- ", "\n# ", "\n> ", "\n---\n", "\n===\n", "\n1. ", "\n    ", "\t", " ", "# ", "- ", "+ ", "> ", "1. ", "1) ", "=", "- [x] ", "| a |\n|---|\n",
		"\x1b[31m", "\x1b]8;;https://evil.example\x07", "\x9b2J", "\u009b2J", "\x00", "\x07", "\x7f", "\u202e", "\u2066", "\u200b", "\u2028", "\ufeff", "\xff", "\U000e0041",
		"::error::x", "\n::set-output name=x::y", "%0A::error::x", "%", ",line=1", "]]>", "<![CDATA[", "<?xml?>", "&amp;", "\ufffe",
		"a", "w", "b_c", "1", ".", ":", "/", "\"", "'", "漢",
	}
}

// allowed is what a page may hold besides text: our own elements and links.
var (
	ownHTML  = regexp.MustCompile(`^(<!-- gatehouse:sticky -->\n?|<details><summary>[^<>]*</summary>\n?|</details>\n?|<sub>|</sub>)$`)
	ownLink  = regexp.MustCompile(`^https://(github\.com/acme/shop/blob/[0-9a-f]{40}/|gate\.acme\.example/|gatehouse\.example/rules/)`)
	ownLine  = regexp.MustCompile(`^([-+! ] | {4})\S`)
	mentions = regexp.MustCompile(`@[A-Za-z0-9_-]`)
	issues   = regexp.MustCompile(`(?i)#[0-9]|\bgh-[0-9]`)
)

// harmful lists what a page does besides showing text.
func harmful(page string, mayMention ...string) []string {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	source := []byte(page)
	doc := md.Parser().Parse(reader.NewReader(source))
	var bad []string
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.HTMLBlock:
			s := string(n.Lines().Value(source))
			if !ownHTML.MatchString(s) && !ownHTML.MatchString(strings.TrimSpace(s)) {
				bad = append(bad, fmt.Sprintf("HTML block %q", s))
			}
		case *ast.RawHTML:
			if s := string(n.Segments.Value(source)); !ownHTML.MatchString(s) {
				bad = append(bad, fmt.Sprintf("HTML %q", s))
			}
		case *ast.Link:
			if !ownLink.Match(n.Destination) {
				bad = append(bad, fmt.Sprintf("link to %q", n.Destination))
			}
		case *ast.AutoLink:
			bad = append(bad, fmt.Sprintf("bare link to %q", n.URL(source)))
		case *ast.Image:
			bad = append(bad, fmt.Sprintf("image %q", n.Destination))
		case *ast.FencedCodeBlock:
			if lang := string(n.Language(source)); lang != "diff" || n.Parent().Kind() != ast.KindListItem {
				bad = append(bad, "block of "+lang)
			}
			for i := range n.Lines().Len() {
				at := n.Lines().At(i)
				if line := string(at.Value(source)); !ownLine.MatchString(line) {
					bad = append(bad, fmt.Sprintf("line %q of a diff", line))
				}
			}
		case *ast.CodeBlock, *ast.Blockquote, *ast.ThematicBreak:
			bad = append(bad, "block "+n.Kind().String())
		case *ast.Heading:
			if !strings.Contains(string(n.Lines().Value(source)), "Gatehouse") {
				bad = append(bad, "heading")
			}
		case *ast.CodeSpan:
			return ast.WalkSkipChildren, nil // GitHub finds no references in code
		}
		if n.Kind().String() == "Table" || n.Kind().String() == "TaskCheckBox" {
			bad = append(bad, n.Kind().String())
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		bad = append(bad, err.Error())
	}
	return append(bad, references(md, page, mayMention)...)
}

// references finds what GitHub would make a mention or a reference of in the rendered text.
func references(md goldmark.Markdown, page string, mayMention []string) []string {
	var out bytes.Buffer
	if err := md.Convert([]byte(page), &out); err != nil {
		return []string{err.Error()}
	}
	shown := regexp.MustCompile(`(?s)<code( class="language-diff")?>.*?</code>`).ReplaceAllString(out.String(), "")
	shown = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(shown, "")
	shown = entities.UnescapeString(shown)
	for _, name := range mayMention {
		shown = strings.ReplaceAll(shown, name, "")
	}
	var bad []string
	for _, m := range append(mentions.FindAllString(shown, -1), issues.FindAllString(shown, -1)...) {
		bad = append(bad, fmt.Sprintf("reference %q", m))
	}
	for _, r := range shown {
		if r != '\n' && r != '\u200b' && !unicode.IsPrint(r) {
			bad = append(bad, fmt.Sprintf("hidden character %U", r))
		}
	}
	return bad
}

// poison puts hostile text into every string of a value, but for what comes from the configuration on the base branch or
// from Gatehouse itself.
func poison(v reflect.Value, text func() string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			switch v.Type().Field(i).Name {
			case "Verdict", "Head", "Status", "Enforcement", "From", "Kind", "Digest", "Docs", "PolicyDigest", "DecisionURL", "HelpURL", "RepoURL", "Root", "DecisionID":
			default:
				poison(v.Field(i), text)
			}
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			data, err := json.Marshal(text())
			if err != nil {
				panic(err)
			}
			v.SetBytes(data)
			return
		}
		for i := range v.Len() {
			poison(v.Index(i), text)
		}
	case reflect.String:
		v.SetString(text())
	}
}

// poisoned is every story told by an attacker.
func poisoned(text func() string) []story {
	var out []story
	all := stories()
	for _, name := range []string{"blocked", "waiting", "could not evaluate", "all clear"} { // between them they have every part
		s := all[name]
		poison(reflect.ValueOf(&s.d).Elem(), text)
		poison(reflect.ValueOf(&s.c).Elem(), text)
		out = append(out, s)
	}
	return out
}

func checkStory(t *testing.T, s story) {
	t.Helper()
	check := Check(&s.d, s.c)
	for what, page := range map[string]string{
		"comment": Comment(&s.d, s.c), "Markdown": Markdown(&s.d), "summary": check.Summary, "text": check.Text,
	} {
		if bad := harmful(page, "@acme/dba"); len(bad) > 0 {
			t.Fatalf("the %s has %s in:\n%q", what, bad, page)
		}
	}
	var b bytes.Buffer
	if err := Text(&b, &s.d, Terminal{Width: 60}); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.String() {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("%U on the terminal:\n%q", r, b.String())
		}
	}
	for line := range strings.Lines(GitHub(&s.d)) {
		if !regexp.MustCompile(`^::(error|warning|notice) [^:]*::[^\r\n]*\n$`).MatchString(line) {
			t.Fatalf("not one workflow command: %q", line)
		}
	}
}

func checkMachines(t *testing.T, s story) {
	t.Helper()
	x, err := JUnit(&s.d)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(x, new(junitSuites)); err != nil {
		t.Fatalf("%v in:\n%s", err, x)
	}
	log, err := SARIF(&s.d, nil)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := sarif.FromBytes(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.Validate(); err != nil {
		t.Fatalf("%v in:\n%s", err, log)
	}
	j, err := JSON(&s.d)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(j, &back); err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(j) || strings.ContainsFunc(string(j), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		t.Fatalf("hidden characters in the JSON: %q", j)
	}
	if len(back.Findings) != len(s.d.Findings) {
		t.Fatalf("%d findings of %d in the JSON", len(back.Findings), len(s.d.Findings))
	}
}

func TestNothingGetsThrough(t *testing.T) {
	t.Parallel()
	for _, piece := range pieces() {
		for _, s := range poisoned(func() string { return piece })[:1] {
			checkMachines(t, s)
		}
		for _, form := range []string{"%s", "a%sb", "%[1]s%[1]s", "x %s\ny"} {
			text := fmt.Sprintf(form, piece)
			for _, s := range poisoned(func() string { return text }) {
				checkStory(t, s)
			}
		}
	}
}

func TestNothingGetsThroughInAnyMixture(t *testing.T) {
	t.Parallel()
	random, all := rand.New(rand.NewPCG(1, 2)), pieces()
	for i := range 200 {
		for _, s := range poisoned(func() string {
			var b strings.Builder
			for range 1 + random.IntN(8) {
				b.WriteString(all[random.IntN(len(all))])
			}
			return b.String()
		}) {
			checkStory(t, s)
			if i < 20 { // the schema of SARIF is slow to check
				checkMachines(t, s)
			}
		}
	}
}

func FuzzPage(f *testing.F) {
	for _, p := range pieces() {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range poisoned(func() string { return text }) {
			checkStory(t, s)
		}
	})
}
