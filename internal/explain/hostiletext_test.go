package explain

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// TestTextReadsAsItWasWritten holds the escapes against what the reader sees: ordinary words, addresses and paths must come
// out as they went in.
func TestTextReadsAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"port 22 is open to 0.0.0.0/0; wanted: no world-open range", "ingress[0].cidr_blocks is *", "a_b_c __init__ _x_", "1. first", "1) x", "# no heading",
		"- no list", "+ x", "a < b > c & d &lt; e", `C:\dir\*`, "a ` b ~~no~~ **no** $x$", "[x](y) ![z]", "| a | b |", "::error::", "=", "100% 漢字", "> quote", "a [0](x) [1]: y",
	} {
		md := goldmark.New(goldmark.WithExtensions(extension.GFM))
		var out bytes.Buffer
		if err := md.Convert([]byte(text(s)), &out); err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(out.String()), "<p>"), "</p>")
		got = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&amp;", "&").Replace(got)
		if diff := cmp.Diff(s, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCodeInText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"say `/gatehouse recheck` now": "<p>say <code>/gatehouse recheck</code> now</p>",
		"`a` and `b_*c*`":              "<p><code>a</code> and <code>b_*c*</code></p>",
		"`a``b`":                       "<p><code>a</code>\u200b<code>b</code></p>",
		"``a``":                        "<p>`\u200b<code>a</code>`</p>",
		"` a `":                        "<p>` a `</p>",
		"one ` only":                   "<p>one ` only</p>",
		"`<b>[x](y)`":                  "<p><code>&lt;b&gt;[x](y)</code></p>",
		"\\`a`":                        "<p>\\<code>a</code></p>",
	} {
		md := goldmark.New(goldmark.WithExtensions(extension.GFM))
		var out bytes.Buffer
		if err := md.Convert([]byte(text(in)), &out); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, strings.TrimSpace(out.String())); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

func TestMentionsOnlyWhatCanBeAName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"mei": "**@mei**", "acme/dba": "**@acme/dba**", "a_b": `**@a\_b**`, "acme/team.x": "**@acme/team.x**",
		"x](https://evil.example)": "**x\\](https:\u200b//evil.example)**", "": "****", "-x": "**\\-x**", "a/b/c": "**a/b/c**", "a b": "**a b**",
	} {
		if diff := cmp.Diff(want, mention(name)); diff != "" {
			t.Errorf("%q: %s", name, diff)
		}
	}
}

func TestLinkOnlyToTheWeb(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://gatehouse.example/rules/a?b=c&d#e": "[x](https://gatehouse.example/rules/a?b=c&amp;d#e)",
		"https://h/a b)c\"<>\\`":                    "[x](https://h/a%20b%29c%22%3C%3E%5C%60)",
		"javascript:alert(1)":                       "x", "//h/a": "x", "/a": "x", "https://": "x", "https://me:pw@h/": "x", "data:text/html,x": "x", "": "x", "::": "x",
	} {
		if diff := cmp.Diff(want, link("x", address)); diff != "" {
			t.Errorf("%q: %s", address, diff)
		}
	}
}

// TestLongPages fills every list beyond what GitHub takes: the page stays below the limit, whole, and says what it leaves out.
func TestLongPages(t *testing.T) {
	t.Parallel()
	for name, filler := range map[string]string{"short": "x", "long": strings.Repeat("lorem_ipsum <b> ", 400), "escaped": strings.Repeat("<*`", 4000), "wide": strings.Repeat("漢", 5000)} {
		for _, n := range []int{1, 30, 2000} {
			s := long(n, filler)
			check := Check(&s.d, s.c)
			for what, page := range map[string]string{"comment": Comment(&s.d, s.c), "text": check.Text, "summary": check.Summary, "Markdown": Markdown(&s.d)} {
				if len(page) > maxText {
					t.Errorf("%s, %d: the %s has %d bytes", name, n, what, len(page))
				}
				if bad := harmful(page, "@acme/dba"); len(bad) > 0 {
					t.Errorf("%s, %d: the %s has %s", name, n, what, bad)
				}
				if strings.Count(page, "<details>") != strings.Count(page, "</details>") {
					t.Errorf("%s, %d: the %s is cut inside a list", name, n, what)
				}
				if what != "summary" && n > 1000 && !regexp.MustCompile(`and \d+ more, see `).MatchString(page) {
					t.Errorf("%s, %d: the %s does not say what it leaves out", name, n, what)
				}
				if what != "summary" && what != "Markdown" && (!strings.Contains(page, "d-7f31") || !strings.Contains(page, s.d.Policy.Digest)) {
					t.Errorf("%s, %d: the %s has lost its foot", name, n, what)
				}
			}
			if len(check.Annotations) > maxAnnotations {
				t.Errorf("%d annotations", len(check.Annotations))
			}
		}
	}
}

func long(n int, filler string) story {
	s := stories()["blocked"]
	s.d.Findings, s.c.Changes = nil, nil
	for i := range n {
		for _, status := range []string{gate.StatusNew, gate.StatusExisting} {
			f := ssh()
			f.Resource, f.Message, f.Remedy, f.Status = fmt.Sprintf("r%d %s", i, filler), filler, filler, status
			s.d.Findings = append(s.d.Findings, f)
		}
		s.d.Errors = append(s.d.Errors, gate.Problem{File: filler, Message: filler, Remedy: filler})
		s.d.Missing = append(s.d.Missing, gate.Missing{What: "plan", For: filler, Remedy: filler})
		s.d.Discounted = append(s.d.Discounted, gate.Discounted{Login: filler, Reason: filler})
		s.d.ChangesAsked = append(s.d.ChangesAsked, filler)
		s.d.Unjudged = append(s.d.Unjudged, gate.Problem{File: filler, Message: filler})
		r := stories()["blocked"].d.Requirements[1]
		r.Reason, r.ApprovedBy = filler, slices.Repeat([]string{filler}, min(n, 50))
		r.Name = fmt.Sprint(i)
		s.d.Requirements = append(s.d.Requirements, r)
		s.c.Changes = append(s.c.Changes, gate.Change{Kind: "terraform", Resource: filler, Actions: []string{filler}})
	}
	return s
}
