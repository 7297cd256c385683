package gate

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTitle(t *testing.T) {
	t.Parallel()
	deny := Finding{Rule: "IM-06", Enforcement: EnforceDeny, Status: StatusNew, Resource: "aws_security_group.web"}
	warn := Finding{Rule: "ZT-07", Enforcement: EnforceWarn, Status: StatusNew}
	dba := Who{Teams: []string{"acme/dba"}}
	const head = "8c0ffee000000000000000000000000000000000"
	cases := map[string]struct {
		in   Decision
		want string
	}{
		"one finding blocks":  {Decision{Verdict: Fail, Findings: []Finding{warn, deny}}, "Blocked: IM-06 on aws_security_group.web"},
		"three findings":      {Decision{Verdict: Fail, Findings: []Finding{deny, deny, deny, warn}}, "Blocked: IM-06 on aws_security_group.web (+2)"},
		"a finding in a file": {Decision{Verdict: Fail, Findings: []Finding{{Rule: "main.deny", Enforcement: EnforceDeny, Status: StatusWorse, File: "a.yaml"}}}, "Blocked: main.deny in a.yaml"},
		"an approval is missing": {
			Decision{Verdict: Wait, Requirements: []RequirementResult{{Count: 2, From: dba, ApprovedBy: []string{"mei"}}}},
			"Waiting for 1 more approval from acme/dba",
		},
		"the team's approvals answer the general ask too": {
			Decision{Verdict: Wait, Requirements: []RequirementResult{
				{Count: 1, From: Who{Permission: PermissionWrite}}, {Count: 2, From: dba},
			}},
			"Waiting for 2 approvals from acme/dba",
		},
		"the general ask is larger": {
			Decision{Verdict: Wait, Requirements: []RequirementResult{
				{Count: 2, From: Who{Permission: PermissionWrite}}, {Count: 1, From: dba}, {Count: 1, From: dba},
			}},
			"Waiting for 2 approvals and 1 approval from acme/dba",
		},
		"met requirements ask for nothing": {
			Decision{Verdict: Wait, Requirements: []RequirementResult{
				{Count: 1, Met: true, ApprovedBy: []string{"mei"}}, {Count: 1, From: Who{Permission: PermissionAdmin}},
			}},
			"Waiting for 1 approval from people with admin access",
		},
		"contributors whom GitHub does not know": {
			Decision{Verdict: Wait, Requirements: []RequirementResult{{Count: 1, Extra: 1, ApprovedBy: []string{"mei"}}}},
			"Waiting for 1 more approval",
		},
		"the approvals are there, but not of every owner": {
			Decision{Verdict: Wait, Requirements: []RequirementResult{{Count: 1, From: Who{Codeowners: true}, ApprovedBy: []string{"mei"}}}},
			"Waiting for an approval from the code owners of every changed file",
		},
		"a plan is missing":          {Decision{Verdict: Wait, Head: head, Missing: []Missing{{What: "plan", For: "infra/prod"}}}, "Waiting for a plan of infra/prod at 8c0ffee"},
		"somebody asked for changes": {Decision{Verdict: Wait, ChangesAsked: []string{"mei", "sam"}}, "Waiting for mei and 1 more, who asked for changes"},
		"everything is missing": {
			Decision{
				Verdict: Wait, Head: head, ChangesAsked: []string{"mei"}, Requirements: []RequirementResult{{Count: 1, From: dba}},
				Missing: []Missing{{What: "plan", For: "a"}, {What: "plan", For: "b"}, {What: "plan", For: "c"}, {What: "plan", For: "d"}},
			},
			"Waiting for a plan of a, a plan of b, 2 more, mei, who asked for changes and 1 approval from acme/dba",
		},
		"an error": {
			Decision{Verdict: Error, Errors: []Problem{{File: "k8s/web.yaml", Line: 12, Message: "is not valid YAML"}}},
			"Gatehouse could not evaluate: k8s/web.yaml:12 is not valid YAML",
		},
		"two errors":           {Decision{Verdict: Error, Errors: []Problem{{Message: "git said no"}, {}}}, "Gatehouse could not evaluate: git said no (+1)"},
		"an error without one": {Decision{Verdict: Error}, "Gatehouse could not evaluate this pull request"},
		"no verdict":           {Decision{}, "Gatehouse could not evaluate this pull request"},
		"all clear": {
			Decision{Verdict: Pass, Summary: Summary{Documents: 17, Rules: 103}, Requirements: []RequirementResult{
				{Met: true, ApprovedBy: []string{"mei", "sam"}}, {Met: true, ApprovedBy: []string{"Mei"}},
			}},
			"All clear: 17 documents, 103 rules, 2 approvals",
		},
		"nothing to judge":    {Decision{Verdict: Pass, Requirements: []RequirementResult{{Met: true, ApprovedBy: []string{"mei"}}}}, "All clear: nothing to judge, 1 approval"},
		"warnings":            {Decision{Verdict: Pass, Summary: Summary{Documents: 1, Rules: 1, Warn: 2}}, "Passed with 2 warnings: 1 document, 1 rule"},
		"unknown until apply": {Decision{Verdict: Pass, Summary: Summary{Documents: 1, Rules: 1, Unknown: 1}}, "Passed, 1 unknown until apply: 1 document, 1 rule"},
		"a hostile name": {
			Decision{Verdict: Fail, Findings: []Finding{{Rule: "X", Enforcement: EnforceDeny, Status: StatusNew, Resource: "a\n\x1b[2Jb\u202ec"}}},
			`Blocked: X on a \x1b[2Jb\u202ec`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, title(&c.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTitleIsNeverTooLong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä\u202e", 4000)
	for _, d := range []Decision{
		{Verdict: Fail, Findings: []Finding{{Rule: long, Resource: long, Enforcement: EnforceDeny, Status: StatusNew}}},
		{Verdict: Wait, Missing: []Missing{{What: long, For: long}}, ChangesAsked: []string{long}},
		{Verdict: Error, Errors: []Problem{{File: long, Message: long}}},
	} {
		if n := utf8.RuneCountInString(title(&d)); n > maxTitle {
			t.Errorf("a title of %s has %d characters", d.Verdict, n)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                        "",
		"plain":                   "plain",
		"two words":               "two words",
		"Grüße 漢字 ✓":              "Grüße 漢字 ✓",
		" a \t\r\n  b ":           "a b",
		"a\u00a0b\u2028c":         "a b c",
		"\x1b]0;x\x07":            `\x1b]0;x\x07`,
		"a\x00\x7f\u009b":         `a\x00\x7f\u009b`,
		"pass\u202esliaf\u2066":   `pass\u202esliaf\u2066`,
		"z\u200bw\u2060\ufeff":    `z\u200bw\u2060\ufeff`,
		"tag\U000e0041\ufe0f":     `tag\U000e0041\ufe0f`,
		"hangul filler\u3164":     `hangul filler\u3164`,
		"\xff\xfe":                `\xff\xfe`,
		"already \ufffd replaced": "already \ufffd replaced",
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
		if again := Printable(Printable(in)); again != want {
			t.Errorf("Printable(%q) twice = %q, want %q", in, again, want)
		}
	}
}
