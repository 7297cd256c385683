package gate

import (
	"cmp"
	"slices"
	"strings"
)

// Decide judges the facts. The same facts give the same decision, always: it is a pure function, and every list in the
// decision is ordered. The worst of what was found wins: a problem makes an error, a finding that blocks a fail, anything
// that is missing a wait; only a change that nothing speaks against passes.
func Decide(f Facts) Decision {
	d := Decision{
		Repository:  f.Repository.FullName(),
		PullRequest: f.PullRequest.Number,
		Base:        f.PullRequest.Base.SHA,
		Head:        f.PullRequest.Head.SHA,
		Missing:     orEmpty(f.Missing),
		Unjudged:    orEmpty(f.Unjudged),
		Errors:      append(orEmpty(f.Problems), f.Evaluation.Problems...),
		Policy:      f.Evaluation.Policy,
	}
	if f.Version != FactsVersion {
		d.Errors = append(d.Errors, unknownVersion(f.Version))
	}
	d.Findings = findings(&f)
	d.Summary = summarise(&f, d.Findings)
	d.Waivers = waiverNotes(&f)

	p := peopleOf(&f)
	d.Requirements, d.Discounted = p.judge(p.requirements())
	d.ChangesAsked = p.changesAsked()
	d.Missing = append(d.Missing, missingChecks(&f)...)

	d.Verdict = verdict(&d)
	d.Title = title(&d)
	d.judgeGroup(&f)
	d.breakGlass(&f)
	return d
}

func verdict(d *Decision) Verdict {
	switch {
	case len(d.Errors) > 0:
		return Error
	case d.Summary.Deny > 0:
		return Fail
	case len(d.Missing) > 0 || len(d.ChangesAsked) > 0:
		return Wait
	}
	for i := range d.Requirements {
		if !d.Requirements[i].Met {
			return Wait
		}
	}
	return Pass
}

// findings applies the waivers and puts the worst first.
func findings(f *Facts) []Finding {
	out := slices.Clone(orEmpty(f.Evaluation.Findings))
	today := f.Time.UTC().Format("2006-01-02")
	for i := range out {
		waive(&out[i], f.Waivers, today)
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(findingRank(&a), findingRank(&b)),
			cmp.Compare(severityRank(a.Severity), severityRank(b.Severity)),
			cmp.Compare(a.Resource, b.Resource),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return out
}

// findingRank puts what blocks before what warns, and what the change did before what was there.
func findingRank(f *Finding) int {
	switch {
	case f.Blocks():
		return 0
	case f.Status == StatusNew || f.Status == StatusWorse:
		return 1
	case f.Status == StatusWaived:
		return 2
	}
	return 3
}

// waive lets the first waiver in force cover the finding. One that has expired is only noted, so that the finding says why it
// is back. An existing finding needs no waiver: it does not block.
func waive(f *Finding, waivers []Waiver, today string) {
	f.Waiver = nil
	for _, w := range waivers {
		if w.Rule != f.Rule || !Match(w.Resource, f.Resource) {
			continue
		}
		use := &WaiverUse{Reason: w.Reason, Owner: w.Owner, Expires: w.Expires}
		if w.Expires >= today { // both YYYY-MM-DD, which the parser has made sure of
			f.Waiver = use
			if f.Status != StatusExisting {
				f.Status = StatusWaived
			}
			return
		}
		use.Expired = true
		f.Waiver = use
	}
}

func summarise(f *Facts, findings []Finding) Summary {
	s := Summary{Documents: f.Evaluation.Documents, Rules: f.Evaluation.Rules}
	for i := range findings {
		switch x := &findings[i]; {
		case x.Blocks():
			s.Deny++
		case x.Status == StatusWaived:
			s.Waived++
		case x.Status == StatusExisting:
			s.Existing++
		case x.Unknown:
			s.Unknown++
		default:
			s.Warn++
		}
	}
	return s
}

// missingChecks are those of other Apps that must succeed and have not. A check by that name counts when it is the named App's; of
// several, none may have failed.
func missingChecks(f *Facts) []Missing {
	var out []Missing
	for _, want := range f.Approvals.Checks {
		state := "has not reported yet"
		for _, s := range f.Checks {
			if s.Name != want.Name || want.App != "" && !strings.EqualFold(s.App, want.App) {
				continue
			}
			if s.Conclusion != "success" {
				state = "is still running"
				if s.Conclusion != "" {
					state = "ended as " + s.Conclusion
				}
				break
			}
			state = ""
		}
		if state == "" {
			continue
		}
		remedy := want.Name
		if want.App != "" {
			remedy += " of " + want.App
		}
		out = append(out, Missing{What: MissingCheck, For: want.Name, Remedy: remedy + " " + state + "; it must succeed on the head."})
	}
	return out
}

func orEmpty[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return slices.Clip(in)
}
