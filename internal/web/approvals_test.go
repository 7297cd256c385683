package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// emergencyStory waits for several kinds of people; groupStory is a merge group that one pull request makes fail; glassStory passed by
// a broken glass.
func emergencyStory() story {
	return story{
		id: "d-e111", repository: infraID, pull: 51, title: "Replace the database", by: "ann", ago: time.Hour,
		emergency: &gate.Emergency{Teams: []string{"acme/oncall", "acme/sre"}, Approvals: 2},
		teams:     []gate.Team{{Name: "acme/oncall", Members: []string{"kim", "<lee>"}}},
		decision: gate.Decision{
			Verdict: gate.Wait, Title: "Waiting for 1 more approval from acme/dba",
			Requirements: []gate.RequirementResult{
				{Name: "IM-11", Rule: "IM-11", Reason: "the plan replaces it", Count: 2, From: gate.Who{Teams: []string{"acme/dba"}}, ApprovedBy: []string{"mei"}, Can: []string{"sam", "vic"}},
				{Name: "either", Reason: "it changes infra/prod/main.tf", Count: 1, Short: 1, ApprovedBy: []string{}, From: gate.Who{Or: []gate.Who{{Users: []string{"kim"}}, {Codeowners: true}}}},
			},
			Discounted: []gate.Discounted{{Login: "ro", Reason: "has read access to the repository; write is needed"}},
			Waivers: []gate.WaiverNote{
				{Waiver: gate.Waiver{Rule: "IM-06", Resource: "aws_security_group.*", Reason: "moving", Owner: "mei", Expires: "2026-11-10"}, Note: gate.WaiverEnds},
				{Waiver: gate.Waiver{Rule: "IM-07", Resource: "aws_s3_bucket.x", Reason: "forgotten", Owner: "sam", Expires: "2027-01-01"}, Note: gate.WaiverUnused},
			},
		},
	}
}

func groupStory() story {
	return story{
		id: "d-9702", repository: infraID, title: "Merge group into main", by: "vic", ago: time.Hour,
		decision: gate.Decision{
			Verdict: gate.Fail, Title: "Blocked by #14: Waiting for 1 approval from acme/dba",
			Members: []gate.Member{{Number: 12, Head: strings.Repeat("a", 40), Verdict: gate.Pass}, {Number: 14, Head: strings.Repeat("d", 40), Verdict: gate.Wait}},
			Blame:   []gate.Blame{{Number: 14, Why: "Waiting for 1 approval from acme/dba"}},
		},
	}
}

func glassStory(f *fixture) story {
	s := emergencyStory()
	s.id, s.pull = "d-91a5", 52
	s.decision.Verdict, s.decision.Instead, s.decision.Title = gate.Pass, gate.Wait, "Glass broken by kim, confirmed by lee and vic, until 13:00 UTC: the site is down"
	s.decision.BreakGlass = &gate.BreakGlass{By: "kim", Reason: "the site is down", Confirmed: []string{"lee", "vic"}, Head: strings.Repeat("e", 40), Branch: "main", Until: f.now.Add(time.Hour)}
	return s
}

// lines are the words of a page that a person reads, without the parts that every page has.
func lines(page string) []string {
	_, page, _ = strings.Cut(page, "<main")
	page, _, _ = strings.Cut(page, "</main>")
	var out []string
	for part := range strings.SplitSeq(page, "<") {
		if _, text, ok := strings.Cut(part, ">"); ok && strings.TrimSpace(text) != "" {
			out = append(out, strings.TrimSpace(text))
		}
	}
	return out
}

// The page of a decision says who has approved, who still can, why an approval does not count, which pull request makes a group fail,
// who broke the glass, and who may.
func TestPeopleOnADecision(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, s := range []story{emergencyStory(), groupStory(), glassStory(f)} {
		f.record(s)
	}
	for id, want := range map[string][]string{
		"d-e111": {
			"IM-11 : 1 of 2 from acme/dba because the plan replaces it Approved by mei. sam and vic can still approve.",
			"either : 0 of 1 from kim or the code owners because it changes infra/prod/main.tf",
			"ro has read access to the repository; write is needed",
			"IM-06 aws_security_group.* of mei ends on 2026-11-10: moving",
			"IM-07 aws_s3_bucket.x of sam covers nothing here any more: forgotten",
			"In an emergency a member of acme/oncall (kim, &lt;lee&gt;) or acme/sre can break the glass, when 2 others of them confirm.",
		},
		"d-9702": {"#12 at aaaaaaa passes", "#14 at ddddddd makes it fail: Waiting for 1 approval from acme/dba"},
		"d-91a5": {"kim asked, and lee and vic confirmed: the site is down", "For eeeeeee into main alone, until", "Without it the verdict would have been … waiting"},
	} {
		w := f.get("/decisions/" + id)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", id, w.Code)
		}
		said := strings.Join(lines(w.Body.String()), " ")
		var missing []string
		for _, text := range want {
			if !strings.Contains(said, text) {
				missing = append(missing, text)
			}
		}
		if strings.Contains(said, "A newer decision") {
			t.Errorf("%s is about something else than the others, and is said to be replaced", id)
		}
		if diff := cmp.Diff([]string(nil), missing); diff != "" {
			t.Errorf("%s does not say:\n%s\nit says:\n%s", id, diff, said)
		}
	}
}
