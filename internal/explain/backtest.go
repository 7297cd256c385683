package explain

import (
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// backtest says what the rules that the pull request proposes would have changed.
func (p *page) backtest(limit int) string {
	b := p.c.Backtest
	if b == nil || b.PullRequests == 0 && b.Limit == "" {
		return ""
	}
	title := fmt.Sprintf("The proposed rules on %s of the last %d days: ", count(b.PullRequests, "pull request"), b.Days)
	var parts []string
	for _, x := range []struct {
		n    int
		text string
	}{{b.Verdicts, "with another verdict"}, {b.Reasons, "with the same verdict for other reasons"}, {b.Same, "the same"}, {b.NotJudged, "not judged again"}} {
		if x.n > 0 {
			parts = append(parts, thousands(x.n)+" "+x.text)
		}
	}
	if b.Limit != "" {
		parts = append(parts, htmlText(b.Limit))
	}
	title += strings.Join(parts, ", ")
	if len(b.Different) == 0 {
		s := "\n" + title + ".\n"
		if len(s) > limit {
			return ""
		}
		return s
	}
	return p.folded(title, len(b.Different), limit, func(i int) string { return p.backtested(&b.Different[i]) })
}

func (p *page) backtested(x *gate.Backtested) string {
	verdict := "**" + brief(string(x.Before), 20) + "**"
	if x.Before != x.After {
		verdict += " → **" + brief(string(x.After), 20) + "**"
	}
	// Its number is neither a reference nor a link: GitHub would tell everybody in that pull request about it, at each edit.
	s := fmt.Sprintf("- pull request %d, %s: %s\n", x.PullRequest, brief(x.Title, 80), verdict)
	for _, reason := range x.Reasons {
		s += "  - " + brief(reason, 300) + "\n"
	}
	if x.More > 0 {
		s += "  - and " + thousands(x.More) + " more\n"
	}
	return s
}
