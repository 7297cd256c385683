package judge

import (
	"encoding/json"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// keep packs what the rules saw. It never fails: what cannot be kept is said, for the decision stands without it.
func (r *Result) keep(job *Job) {
	if len(r.Documents)+len(r.Files)+len(r.Changes) == 0 {
		return
	}
	e := evidence.Evidence{Documents: r.Documents, HasFiles: r.Whole, Settings: *job.Evidence}
	if !e.HasFiles { // nothing was there that such rules would have asked for
		e.HasFiles = len(job.Options.Plans) == 0 && !slices.ContainsFunc(job.Files, func(f gate.FileChange) bool { return formats.Supported(f.Path) })
	}
	for _, f := range r.Files {
		e.Files = append(e.Files, evidence.File(f))
	}
	differences := diff.Of(r.Changes, r.Documents, diff.Limits{})
	changes, err := json.Marshal(differences)
	var packed evidence.Packed
	if err == nil {
		e.Changes = changes
		packed, err = evidence.Pack(e, evidence.MaxBytes)
	}
	if err != nil {
		r.Kept = &Kept{Failed: err.Error()}
		return
	}
	r.Kept = &Kept{Manifest: packed.Manifest, Changes: changes, Differences: &differences, Parts: packed.Parts, Omitted: packed.Omitted}
}
