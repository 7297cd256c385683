package githubsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxOutput      = 65535
	maxAnnotations = 50
	maxDetails     = 64 << 10
)

var (
	runStatuses    = []string{"queued", "in_progress", "completed", "waiting", "requested", "pending"}
	runConclusions = []string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}
	levels         = []string{"notice", "warning", "failure"}
)

// runRequest is the body of creating and updating a check run; nil is "not given".
type runRequest struct {
	Name        *string    `json:"name"`
	HeadSHA     *string    `json:"head_sha"`
	DetailsURL  *string    `json:"details_url"`
	ExternalID  *string    `json:"external_id"`
	Status      *string    `json:"status"`
	StartedAt   *time.Time `json:"started_at"`
	Conclusion  *string    `json:"conclusion"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title       *string      `json:"title"`
		Summary     *string      `json:"summary"`
		Text        *string      `json:"text"`
		Annotations []annotation `json:"annotations"`
	} `json:"output"`
	Actions []action `json:"actions"`
}

// check refuses what GitHub refuses, with its words where they are known.
func (q *runRequest) check(creating bool) error {
	var problems []string
	if creating {
		problems = append(problems, missing(map[string]bool{"name": q.Name != nil && *q.Name != "", "head_sha": q.HeadSHA != nil})...)
	}
	if q.Status != nil && !slices.Contains(runStatuses, *q.Status) {
		problems = append(problems, notMember(*q.Status, runStatuses))
	}
	if q.Conclusion != nil && !slices.Contains(runConclusions, *q.Conclusion) {
		problems = append(problems, notMember(*q.Conclusion, runConclusions))
	}
	if q.Output != nil {
		problems = append(problems, q.checkOutput(creating)...)
	}
	problems = append(problems, q.checkActions()...)
	if len(problems) > 0 {
		return badRequest(problems...)
	}
	if q.Status != nil && *q.Status == "completed" && q.Conclusion == nil {
		return invalid("CheckRun", "conclusion", "missing_field", "conclusion is required when the status is completed")
	}
	if q.DetailsURL != nil && !strings.HasPrefix(*q.DetailsURL, "http://") && !strings.HasPrefix(*q.DetailsURL, "https://") {
		return &Refusal{Status: http.StatusUnprocessableEntity, Message: "Validation Failed", Errors: []any{object{
			"resource": "CheckRun", "code": "custom", "field": "details_url", "message": "details_url must use http or https scheme",
		}}}
	}
	return nil
}

func (q *runRequest) checkOutput(creating bool) []string {
	o := q.Output
	given := map[string]bool{"summary": o.Summary != nil}
	if creating {
		given["title"] = o.Title != nil
	}
	problems := missing(given)
	for _, s := range []*string{o.Summary, o.Text} {
		if s != nil && utf8.RuneCountInString(*s) > maxOutput {
			problems = append(problems, tooManyCharacters(maxOutput, *s))
		}
	}
	if n := len(o.Annotations); n > maxAnnotations {
		problems = append(problems, fmt.Sprintf("No more than %d items are allowed; %d were supplied.", maxAnnotations, n))
	}
	for _, a := range o.Annotations {
		problems = append(problems, a.check()...)
	}
	return problems
}

func (a annotation) check() []string {
	problems := missing(map[string]bool{
		"path": a.Path != "", "start_line": a.StartLine != nil, "end_line": a.EndLine != nil, "annotation_level": a.AnnotationLevel != "",
		"message": a.Message != "",
	})
	if len(problems) > 0 {
		return problems
	}
	if !slices.Contains(levels, a.AnnotationLevel) {
		problems = append(problems, notMember(a.AnnotationLevel, levels))
	}
	if *a.StartLine < 0 || *a.EndLine < *a.StartLine {
		problems = append(problems, fmt.Sprintf("end_line %d must not be before start_line %d.", *a.EndLine, *a.StartLine))
	}
	if (a.StartColumn != nil || a.EndColumn != nil) && *a.StartLine != *a.EndLine {
		problems = append(problems, "start_column and end_column need start_line and end_line to be the same.")
	}
	if a.Title != nil && utf8.RuneCountInString(*a.Title) > 255 {
		problems = append(problems, tooManyCharacters(255, *a.Title))
	}
	if len(a.Message) > maxDetails {
		problems = append(problems, tooManyCharacters(maxDetails, a.Message))
	}
	if a.RawDetails != nil && len(*a.RawDetails) > maxDetails {
		problems = append(problems, tooManyCharacters(maxDetails, *a.RawDetails))
	}
	return problems
}

func (q *runRequest) checkActions() []string {
	var problems []string
	if n := len(q.Actions); n > 3 {
		problems = append(problems, fmt.Sprintf("No more than 3 items are allowed; %d were supplied.", n))
	}
	for _, a := range q.Actions {
		problems = append(problems, missing(map[string]bool{
			"label": a.Label != "", "description": a.Description != "", "identifier": a.Identifier != "",
		})...)
		for _, f := range []struct {
			value string
			limit int
		}{{a.Label, 20}, {a.Description, 40}, {a.Identifier, 20}} {
			if utf8.RuneCountInString(f.value) > f.limit {
				problems = append(problems, tooManyCharacters(f.limit, f.value))
			}
		}
	}
	return problems
}

func tooManyCharacters(limit int, s string) string {
	return fmt.Sprintf("Only %d characters are allowed; %d were supplied.", limit, utf8.RuneCountInString(s))
}

func missing(given map[string]bool) []string {
	var names []string
	for _, name := range sortedKeys(given) {
		if !given[name] {
			names = append(names, fmt.Sprintf("%q", name))
		}
	}
	switch len(names) {
	case 0:
		return nil
	case 1:
		return []string{names[0] + " wasn't supplied."}
	}
	return []string{strings.Join(names, ", ") + " weren't supplied."}
}

// apply writes a checked request to the run. Annotations are added to those that are there.
func (cr *CheckRun) apply(q runRequest) {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&cr.name, q.Name)
	set(&cr.externalID, q.ExternalID)
	set(&cr.detailsURL, q.DetailsURL)
	if q.StartedAt != nil {
		cr.started = q.StartedAt.UTC()
	}
	if q.Status != nil {
		cr.status = *q.Status
		if cr.status != "completed" {
			cr.conclusion, cr.completed = "", time.Time{}
		}
	}
	if q.Conclusion != nil { // a conclusion completes the run
		cr.status, cr.conclusion, cr.completed = "completed", *q.Conclusion, cr.s.now()
	}
	if q.CompletedAt != nil && cr.status == "completed" {
		cr.completed = q.CompletedAt.UTC()
	}
	if q.Output != nil {
		set(&cr.title, q.Output.Title)
		set(&cr.summary, q.Output.Summary)
		set(&cr.text, q.Output.Text)
		cr.annotations = append(cr.annotations, q.Output.Annotations...)
	}
	if q.Actions != nil {
		cr.actions = q.Actions
	}
}
