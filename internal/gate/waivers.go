package gate

import (
	"strings"
	"time"
)

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

// waiverNotes lists the waivers that end soon or have ended, and those that cover nothing. A waiver of a Terraform address can only
// be told to cover nothing where there was a plan to judge.
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
		case !used && (len(f.Plans) > 0 || strings.Contains(w.Resource, "/")):
			out = append(out, WaiverNote{w, WaiverUnused})
		case used && w.Expires < today:
			out = append(out, WaiverNote{w, WaiverEnded})
		case w.Expires >= today && w.Expires <= soon:
			out = append(out, WaiverNote{w, WaiverEnds})
		}
	}
	return out
}
