package pipeline

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func TestTerms(t *testing.T) {
	t.Parallel()
	waiver := &gate.WaiverUse{Reason: "the bastion", Owner: "mei", Expires: "2027-01-31"}
	facts := gate.Facts{
		PullRequest: gate.PullRequest{Author: "ann"},
		Commits: []gate.Commit{
			{SHA: "c1", Contributors: []gate.Contributor{{Login: "ann"}, {Name: "somebody"}}}, {SHA: "head", Contributors: []gate.Contributor{{Login: "sam"}}},
		},
		Reviews: []gate.Review{{Login: "mei"}, {Login: "mei"}, {Login: ""}},
		Files:   []gate.FileChange{{Path: "b.tf", OldPath: "a.tf"}, {Path: "c.tf"}},
	}
	decision := gate.Decision{Head: "head", Findings: []gate.Finding{
		{Rule: "IM-06", Status: gate.StatusNew}, {Rule: "IM-06", Status: gate.StatusWorse}, {Rule: "LP-01", Status: gate.StatusExisting},
		{Rule: "IM-06", Resource: "r", Status: gate.StatusWaived, Waiver: waiver},
		{Rule: "IM-07", Resource: "s", Status: gate.StatusNew, Waiver: &gate.WaiverUse{Expired: true}},
	}}
	want := []store.Term{
		{Kind: "person", Term: "ann"}, {Kind: "commit", Term: "head"}, {Kind: "commit", Term: "c1"}, {Kind: "person", Term: "sam"},
		{Kind: "person", Term: "mei"}, {Kind: "file", Term: "b.tf"}, {Kind: "file", Term: "a.tf"}, {Kind: "file", Term: "c.tf"},
		{Kind: "rule", Term: "IM-06", N: 2}, {Kind: "rule", Term: "LP-01"}, {Kind: "rule", Term: "IM-07", N: 1},
	}
	if diff := cmp.Diff(want, terms(facts, decision)); diff != "" {
		t.Error(diff)
	}
	uses := []store.WaiverUse{{Rule: "IM-06", Resource: "r", Reason: "the bastion", Owner: "mei", Expires: "2027-01-31"}}
	if diff := cmp.Diff(uses, waiverUses(decision)); diff != "" {
		t.Error(diff)
	}
}
