package forge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/go-github/v60/github"
)

// CheckRun is a check run as it should be.
type CheckRun struct {
	ID          int64 // as an earlier PutCheckRun returned it, or 0
	HeadSHA     string
	Name        string
	Status      string // queued, in_progress or completed
	Conclusion  string // with completed only
	Title       string
	Summary     string
	Text        string
	DetailsURL  string
	ExternalID  string // ours, to find the run again
	Annotations []Annotation
	Actions     []Action
	StartedAt   time.Time
	CompletedAt time.Time // with completed only

	// Before, when set, is called with the App's run that is to be overwritten; its error keeps it as it is.
	Before func(PostedCheck) error
	// KeepText leaves the text of a run that is overwritten as it is.
	KeepText bool
	// Regardless writes the run also while GitHub does not say which there are: over the one with ID, without its annotations and without
	// asking Before, or as a new one where ID is 0. It is for what must not let a success stand. The error then says why it was not seen,
	// and comes with the id of what was written: another run may be the one that counts, so it is to be done again.
	Regardless bool
}

// Annotation is a remark on lines of a file at the head.
type Annotation struct {
	Path               string
	StartLine, EndLine int
	Level              string // failure, warning or notice
	Title              string
	Message            string
}

// Action is a button on the check run.
type Action struct {
	Label, Description, Identifier string
}

// maxAnnotations is how many annotations GitHub takes in one request; those of later requests are added.
const maxAnnotations = 50

// PutCheckRun makes the check run on a commit be as wanted, and returns its id. It looks for the App's own run first, by
// commit and name, so that a lost answer or a lost id never leads to a second one, and an id of another commit's run never
// to a verdict on the wrong commit. A run that is as wanted already is left alone. When it fails half way the verdict is out
// and annotations may be missing; calling again adds those that are.
func (r *Repo) PutCheckRun(ctx context.Context, run CheckRun) (int64, error) {
	if !isSHA(run.HeadSHA) {
		return 0, Unprocessable{Message: fmt.Sprintf("%q is not a commit id", run.HeadSHA)}
	}
	ctx = withReserve(ctx)
	old, err := r.ownCheckRun(ctx, run)
	if err != nil && run.Regardless && !errors.As(err, new(RateLimited)) && ctx.Err() == nil {
		return r.putUnseen(ctx, run, err)
	}
	if err != nil {
		return 0, toWrite(err, "checks=write")
	}
	if old == nil {
		return r.createCheckRun(ctx, run)
	}
	if run.Before != nil {
		if err := run.Before(r.posted(old)); err != nil {
			return 0, err
		}
	}
	if run.KeepText {
		run.Text = old.GetOutput().GetText()
	}
	left, err := r.newAnnotations(ctx, old, run.Annotations)
	if err != nil {
		return 0, err
	}
	if len(left) == 0 && same(old, run) {
		return old.GetID(), nil
	}
	return r.updateCheckRun(ctx, old.GetID(), run, left)
}

func (r *Repo) putUnseen(ctx context.Context, run CheckRun, why error) (id int64, err error) {
	run.Annotations = nil
	if run.ID == 0 {
		id, err = r.createCheckRun(ctx, run)
	} else {
		id, err = r.updateCheckRun(ctx, run.ID, run, nil)
	}
	if err != nil {
		return 0, toWrite(err, "checks=write")
	}
	return id, fmt.Errorf("the check run was written, and whether it is the only one could not be seen: %w", why)
}

// updateCheckRun overwrites a run and adds annotations to it; where that is not possible any more, another run takes its place.
func (r *Repo) updateCheckRun(ctx context.Context, id int64, run CheckRun, left []Annotation) (int64, error) {
	path := fmt.Sprintf("/check-runs/%d", id)
	got, err := r.writeCheckRun(ctx, http.MethodPatch, path, run, firstBatch(left))
	if refusesAnnotations(err, left) {
		left = nil
		got, err = r.writeCheckRun(ctx, http.MethodPatch, path, run, nil)
	}
	if _, ok := err.(NotFound); ok {
		return r.createCheckRun(ctx, run)
	}
	if err != nil {
		return 0, err
	}
	if got.GetStatus() != run.Status || got.GetConclusion() != run.Conclusion || got.GetHeadSHA() != run.HeadSHA {
		// A run that GitHub does not reopen would keep its old verdict. A new run of the name takes its place.
		return r.createCheckRun(ctx, run)
	}
	return got.GetID(), r.moreAnnotations(ctx, got.GetID(), run, left)
}

func (r *Repo) createCheckRun(ctx context.Context, run CheckRun) (int64, error) {
	got, err := r.writeCheckRun(ctx, http.MethodPost, "/check-runs", run, firstBatch(run.Annotations))
	if refusesAnnotations(err, run.Annotations) {
		run.Annotations = nil
		got, err = r.writeCheckRun(ctx, http.MethodPost, "/check-runs", run, nil)
	}
	if err != nil {
		return 0, err
	}
	if got.GetID() == 0 || got.GetStatus() != run.Status || got.GetConclusion() != run.Conclusion {
		return 0, Temporary{What: "check run " + run.Name, Cause: fmt.Errorf("it stored something else than was sent")}
	}
	return got.GetID(), r.moreAnnotations(ctx, got.GetID(), run, run.Annotations)
}

// refusesAnnotations reports whether it may be for the annotations that GitHub refused: the verdict must not fail on a path
// that GitHub does not like, and goes out without them.
func refusesAnnotations(err error, some []Annotation) bool {
	_, refused := err.(Unprocessable)
	return refused && len(some) > 0
}

// ownCheckRun is the App's run of the name on the commit: the one that is remembered, else the one with our id on it, else
// the newest; nil when there is none.
func (r *Repo) ownCheckRun(ctx context.Context, run CheckRun) (*github.CheckRun, error) {
	c := call{what: "the check runs of " + run.HeadSHA, permission: "checks=read"}
	var best *github.CheckRun
	weight := func(x *github.CheckRun) int {
		switch {
		case x.GetID() == run.ID && run.ID != 0:
			return 2
		case x.GetExternalID() == run.ExternalID && run.ExternalID != "":
			return 1
		}
		return 0
	}
	for page := 1; page <= maxPages; page++ {
		var out struct {
			CheckRuns []*github.CheckRun `json:"check_runs"`
		}
		path := fmt.Sprintf("/commits/%s/check-runs?check_name=%s&app_id=%d&%s",
			run.HeadSHA, url.QueryEscape(run.Name), r.app.opts.AppID, pageQuery(page))
		resp, err := r.do(ctx, c, http.MethodGet, path, nil, &out)
		if err != nil {
			return nil, err
		}
		for _, x := range out.CheckRuns {
			// What was asked for is checked too: a run of another App must never be taken for ours.
			if x.GetApp().GetID() != r.app.opts.AppID || x.GetName() != run.Name || x.GetHeadSHA() != run.HeadSHA {
				continue
			}
			if best == nil || cmp.Or(cmp.Compare(weight(x), weight(best)), cmp.Compare(x.GetID(), best.GetID())) > 0 {
				best = x
			}
		}
		if !more(resp, len(out.CheckRuns)) {
			break
		}
	}
	return best, nil
}

// same reports whether GitHub shows what is wanted already. What it does not tell, the actions, is as it was then: they do
// not change.
func same(old *github.CheckRun, run CheckRun) bool {
	o := old.GetOutput()
	return old.GetStatus() == run.Status && old.GetConclusion() == run.Conclusion && old.GetDetailsURL() == run.DetailsURL &&
		old.GetExternalID() == run.ExternalID && o.GetTitle() == run.Title && o.GetSummary() == run.Summary && o.GetText() == run.Text
}

// newAnnotations is those that the run does not have yet: GitHub only ever adds, and would show them twice.
func (r *Repo) newAnnotations(ctx context.Context, old *github.CheckRun, want []Annotation) ([]Annotation, error) {
	if len(want) == 0 || old.GetOutput().GetAnnotationsCount() == 0 {
		return want, nil
	}
	have := map[Annotation]bool{}
	c := call{what: "the annotations of a check run", permission: "checks=read"}
	err := pages(ctx, r, c, fmt.Sprintf("/check-runs/%d/annotations", old.GetID()), func(a github.CheckRunAnnotation) bool {
		have[Annotation{
			Path: a.GetPath(), StartLine: a.GetStartLine(), EndLine: a.GetEndLine(), Level: a.GetAnnotationLevel(),
			Title: a.GetTitle(), Message: a.GetMessage(),
		}] = true
		return true
	})
	if err != nil {
		return nil, err
	}
	left := []Annotation{}
	for _, a := range want {
		if !have[a] {
			left = append(left, a)
		}
	}
	return left, nil
}

func firstBatch(all []Annotation) []Annotation { return all[:min(len(all), maxAnnotations)] }

// moreAnnotations sends what the first request had no room for.
func (r *Repo) moreAnnotations(ctx context.Context, id int64, run CheckRun, all []Annotation) error {
	for rest := all[len(firstBatch(all)):]; len(rest) > 0; rest = rest[len(firstBatch(rest)):] {
		_, err := r.writeCheckRun(ctx, http.MethodPatch, fmt.Sprintf("/check-runs/%d", id), run, firstBatch(rest))
		if err != nil && !refusesAnnotations(err, rest) {
			return err
		}
	}
	return nil
}

type checkRunRequest struct {
	Name        string           `json:"name"`
	HeadSHA     string           `json:"head_sha,omitempty"` // only when it is made
	DetailsURL  string           `json:"details_url,omitempty"`
	ExternalID  string           `json:"external_id,omitempty"`
	Status      string           `json:"status"`
	Conclusion  string           `json:"conclusion,omitempty"`
	StartedAt   *time.Time       `json:"started_at,omitempty"`
	CompletedAt *time.Time       `json:"completed_at,omitempty"`
	Output      checkRunOutput   `json:"output"`
	Actions     []checkRunAction `json:"actions,omitempty"`
}

type checkRunOutput struct {
	Title       string               `json:"title"`
	Summary     string               `json:"summary"`
	Text        string               `json:"text,omitempty"`
	Annotations []checkRunAnnotation `json:"annotations,omitempty"`
}

type checkRunAnnotation struct {
	Path      string `json:"path"`
	StartLine int    `json:"start_line"`
	EndLine   int    `json:"end_line"`
	Level     string `json:"annotation_level"`
	Message   string `json:"message"`
	Title     string `json:"title,omitempty"`
}

type checkRunAction struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

// writeCheckRun sends the run with some of its annotations. The whole output goes with each request: an update without a
// field would clear it.
func (r *Repo) writeCheckRun(ctx context.Context, method, path string, run CheckRun, some []Annotation) (*github.CheckRun, error) {
	in := checkRunRequest{
		Name: run.Name, DetailsURL: run.DetailsURL, ExternalID: run.ExternalID, Status: run.Status, Conclusion: run.Conclusion,
		Output: checkRunOutput{Title: run.Title, Summary: run.Summary, Text: run.Text},
	}
	if method == http.MethodPost {
		in.HeadSHA = run.HeadSHA
	}
	if !run.StartedAt.IsZero() {
		t := run.StartedAt.UTC().Truncate(time.Second)
		in.StartedAt = &t
	}
	if !run.CompletedAt.IsZero() && run.Status == "completed" {
		t := run.CompletedAt.UTC().Truncate(time.Second)
		in.CompletedAt = &t
	}
	for _, a := range some {
		in.Output.Annotations = append(in.Output.Annotations, checkRunAnnotation{
			Path: a.Path, StartLine: a.StartLine, EndLine: a.EndLine, Level: a.Level, Message: a.Message, Title: a.Title,
		})
	}
	for _, a := range run.Actions {
		in.Actions = append(in.Actions, checkRunAction(a))
	}
	var out github.CheckRun
	_, err := r.do(ctx, call{what: "the check run " + run.Name, permission: "checks=write"}, method, path, in, &out)
	return &out, err
}
