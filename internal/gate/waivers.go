package gate

import "time"

// Why a waiver should be looked at.
const (
	WaiverEnds   = "ends"   // within [WaiverNotice]
	WaiverEnded  = "ended"  // and findings are back
	WaiverUnused = "unused" // it covers no finding of what was judged
)

// WaiverNotice is how long before its end a waiver is pointed out.
const WaiverNotice = 14 * 24 * time.Hour

// A WaiverNote points out a waiver.
type WaiverNote struct {
	Waiver
	Note string `json:"note"`
}

// waiverNotes lists the waivers that end soon or have ended, and those that cover nothing although their resource was judged: most
// pull requests show the plan of one project only, and say nothing about the others.
func waiverNotes(f *Facts) []WaiverNote {
	if len(f.Problems)+len(f.Evaluation.Problems) > 0 {
		return nil // not everything was judged
	}
	var out []WaiverNote
	today := f.Time.UTC().Format(time.DateOnly)
	soon := f.Time.UTC().Add(WaiverNotice).Format(time.DateOnly)
	for _, w := range f.Waivers {
		used := false
		for i := range f.Evaluation.Findings {
			x := &f.Evaluation.Findings[i]
			used = used || w.Rule == x.Rule && Match(w.Resource, x.Resource)
		}
		switch {
		case !used && w.Judged:
			out = append(out, WaiverNote{w, WaiverUnused})
		case used && w.Expires < today:
			out = append(out, WaiverNote{w, WaiverEnded})
		case w.Expires >= today && w.Expires <= soon:
			out = append(out, WaiverNote{w, WaiverEnds})
		}
	}
	return out
}
