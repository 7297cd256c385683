package people

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/pipeline"
)

// burning is a blocked pull request where mei and sam of acme/dba may break the glass.
func burning(t *testing.T, expires string) (*place, *githubsim.PR) {
	s := governed(t, "break_glass: {teams: [acme/dba], approvals: 1, expires: "+expires+"}\n")
	pr := s.Open("ann", "ssh", site.Story(t, "ssh-open"))
	s.Blocked(pr, site.SSHBlocked)
	return s, pr
}

// commands gives a command and waits; the answer is a reaction and, in a reply, the text.
func (s *place) command(pr *githubsim.PR, by, line, reaction, says string) *githubsim.Comment {
	s.T.Helper()
	c := pr.Comment(by, line)
	s.Settle()
	s.reacted(pr, c.ID(), reaction)
	all := pr.View().Comments
	if last := all[len(all)-1].Body; says != "" && !strings.Contains(last, says) {
		s.T.Errorf("%s by %s was answered %q; wanted %q", line, by, last, says)
	}
	return c
}

// glass is what the log says about break-glass, oldest first: who and what came of it.
func (s *place) glass() string {
	var out []string
	for _, e := range s.Entries("break-glass") {
		out = append(out, e.Actor+" "+e.Verdict)
	}
	return strings.Join(out, ", ")
}

func TestBreakGlass(t *testing.T) {
	s, pr := burning(t, "1h")
	s.command(pr, "mei", "/gatehouse break-glass the site is down", "+1", "Another member of acme/dba can confirm")
	s.Shows(pr, site.SSHBlocked)
	s.command(pr, "sam", "/gatehouse approve-break-glass", "+1", "")
	state := s.State(pr.HeadSHA())
	if !strings.HasPrefix(state, "completed/success: Glass broken by mei, confirmed by sam, until ") || !strings.HasSuffix(state, ": the site is down") {
		t.Errorf("the check: %s", state)
	}
	if got := s.glass(); got != "mei asked, sam opened" && got != "sam opened, mei asked" {
		t.Errorf("the log: %s", got)
	}
	issues := 0
	for _, i := range s.Repo.Issues() {
		if strings.HasPrefix(i.Title, pipeline.GlassTitle) && strings.Contains(i.Body, "IM-06") {
			issues++
		}
	}
	if issues != 1 {
		t.Errorf("%d issues ask for the review", issues)
	}
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
		t.Errorf("it does not merge: %v", err)
	}
	s.Settle()
	if got := len(s.Entries("bypass")); got != 0 {
		t.Errorf("%d bypasses are recorded", got)
	}
}

func TestBreakGlassEndsWithAPush(t *testing.T) {
	s, pr := burning(t, "1h")
	s.command(pr, "mei", "/gatehouse break-glass now", "+1", "")
	s.command(pr, "sam", "/gatehouse approve-break-glass", "+1", "")
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "and this\n"}})
	s.Blocked(pr, site.SSHBlocked)
	s.command(pr, "sam", "/gatehouse approve-break-glass", "confused", "the head is now "+pr.HeadSHA()[:7])
}

func TestBreakGlassEndsByItself(t *testing.T) {
	s, pr := burning(t, "3s")
	s.command(pr, "mei", "/gatehouse break-glass now", "+1", "")
	s.command(pr, "sam", "/gatehouse approve-break-glass", "+1", "")
	s.Until("the end of the hour", func() bool { return s.State(pr.HeadSHA()) == site.SSHBlocked })
	s.command(pr, "sam", "/gatehouse approve-break-glass", "confused", "expired")
	s.Blocked(pr, site.SSHBlocked)
}

func TestBreakGlassMisused(t *testing.T) {
	s, pr := burning(t, "1h")
	s.command(pr, "sam", "/gatehouse approve-break-glass", "confused", "Nobody has asked")
	s.command(pr, "eve", "/gatehouse break-glass let me in", "confused", "Only members of acme/dba")
	s.command(pr, "vic", "/gatehouse break-glass I own this", "confused", "Only members of acme/dba")
	s.command(pr, "mei", "/gatehouse break-glass", "confused", "Say why")
	asked := s.command(pr, "mei", "/gatehouse break-glass down", "+1", "")
	s.command(pr, "mei", "/gatehouse approve-break-glass", "confused", "Somebody else")
	s.command(pr, "ann", "/gatehouse approve-break-glass", "confused", "Only members")
	harmless := pr.Comment("sam", "I am looking")
	s.Settle()
	harmless.Edit("vic", "/gatehouse approve-break-glass")
	s.Settle()
	s.reacted(pr, harmless.ID(), "confused")
	s.Blocked(pr, site.SSHBlocked)
	asked.Edit("vic", "/gatehouse break-glass something else")
	s.Settle()
	s.Blocked(pr, site.SSHBlocked)
	if got := strings.Count(s.glass(), "refused"); got != 8 {
		t.Errorf("the log: %s", s.glass())
	}
}

func TestBreakGlassIsOffUnlessConfigured(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "ssh", site.Story(t, "ssh-open"))
	s.Shows(pr, site.SSHBlocked)
	s.command(pr, "mei", "/gatehouse break-glass down", "confused", "Break-glass is off here")
}

func TestCommandsAreLimited(t *testing.T) {
	s := newPlace(t, site.Setup{GitHub: githubsim.Options{Unlimited: true}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	for range 22 {
		pr.Comment("eve", "/gatehouse explain IM-06")
	}
	s.Settle()
	refusals, replies, refused := 0, 0, 0 // which two are refused is chance: they are carried out side by side
	for _, c := range pr.View().Comments {
		if c.By == "eve" && slices.Contains(c.Reactions, "confused") {
			refused++
		}
		if c.By != "gatehouse[bot]" || strings.Contains(c.Body, "gatehouse:sticky") {
			continue
		}
		if replies++; strings.Contains(c.Body, "more than 20 commands") {
			refusals++
		}
	}
	if refusals != 1 || replies != 21 || refused != 2 {
		t.Errorf("%d replies, %d of them refusals, %d refused; wanted 21, 1 and 2", replies, refusals, refused)
	}
}

func TestWaiversAreRecordedAndListed(t *testing.T) {
	soon := time.Now().UTC().Add(48 * time.Hour).Format(time.DateOnly)
	s := newPlace(t, site.Setup{Files: map[string]string{".github/gatehouse-waivers.yml": `
- {rule: IM-06, resource: aws_security_group.web, reason: moving, owner: mei, expires: ` + soon + `}
- {rule: IM-07, resource: aws_security_group.web, reason: forgotten, owner: sam, expires: 2026-12-30}
`}})
	pr := s.Open("ann", "ssh", site.Story(t, "ssh-open"))
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	s.Says(pr, "2 waivers to look at", "**IM-06** `aws_security_group.web` (mei): ends on "+soon, "**IM-07** `aws_security_group.web` (sam): matches nothing", "1 waived finding")
	pr.Comment("ann", "/gatehouse recheck")
	s.Settle()
	uses := s.Entries("waiver")
	if len(uses) != 1 || uses[0].Detail["owner"] != "mei" || uses[0].Resources[0] != "aws_security_group.web" {
		t.Errorf("the log has these uses of waivers: %+v", uses)
	}
}
