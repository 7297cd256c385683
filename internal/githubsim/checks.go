package githubsim

import (
	"fmt"
	"slices"
	"time"
)

const (
	// maxRunsOfName is how many check runs of one name a suite keeps; GitHub deletes the oldest beyond it.
	maxRunsOfName = 1000
	// staleAfter is when GitHub gives up on a check that does not finish.
	staleAfter = 14 * 24 * time.Hour
)

// suite is an App's check suite on a commit.
type suite struct {
	id            int64
	repo          *Repo
	app           *App
	sha           string
	branch        string
	before        string
	made, updated time.Time
}

// CheckRun is a check run that an App has posted.
type CheckRun struct {
	s           *Server
	repo        *Repo
	suite       *suite
	id          int64
	name        string
	externalID  string
	detailsURL  string
	status      string
	conclusion  string
	started     time.Time
	completed   time.Time
	made        time.Time
	title       string
	summary     string
	text        string
	annotations []annotation
	actions     []action
}

type annotation struct {
	Path            string  `json:"path"`
	StartLine       *int    `json:"start_line"`
	EndLine         *int    `json:"end_line"`
	StartColumn     *int    `json:"start_column"`
	EndColumn       *int    `json:"end_column"`
	AnnotationLevel string  `json:"annotation_level"`
	Message         string  `json:"message"`
	Title           *string `json:"title"`
	RawDetails      *string `json:"raw_details"`
}

type action struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

// ID is the check run's number.
func (cr *CheckRun) ID() int64 { return cr.id }

// Rerequest is a person pressing "Re-run": check_run.rerequested goes to the App that owns the check.
func (cr *CheckRun) Rerequest(by string) {
	cr.s.mu.Lock()
	defer cr.s.mu.Unlock()
	cr.s.emitTo(cr.suite.app, "check_run", "rerequested", cr.repo, cr.s.mustUser(by), object{"check_run": cr.json()})
}

// RequestAction is a person pressing one of the check's buttons: check_run.requested_action goes to the App that owns the check.
// It panics when the check has no such button.
func (cr *CheckRun) RequestAction(by, identifier string) {
	cr.s.mu.Lock()
	defer cr.s.mu.Unlock()
	if !slices.ContainsFunc(cr.actions, func(a action) bool { return a.Identifier == identifier }) {
		panic(fmt.Sprintf("githubsim: check run %s has no action %q", cr.name, identifier))
	}
	cr.s.emitTo(cr.suite.app, "check_run", "requested_action", cr.repo, cr.s.mustUser(by), object{
		"check_run": cr.json(), "requested_action": object{"identifier": identifier},
	})
}

// RerequestSuite is a person pressing "Re-run all checks": check_suite.rerequested goes to the App.
func (a *App) RerequestSuite(r *Repo, by, sha string) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	su := r.suiteOf(a, sha)
	a.s.emitTo(a, "check_suite", "rerequested", r, a.s.mustUser(by), object{"check_suite": su.json()})
}

// PostCheck posts a completed check run as an App without going through REST: another App's linter, for instance.
func (a *App) PostCheck(r *Repo, sha, name, conclusion string) *CheckRun {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if !r.hasCommit(sha) {
		panic("githubsim: there is no commit " + sha + " in " + r.fullName())
	}
	done := "completed"
	return r.addRun(a, runRequest{Name: &name, HeadSHA: &sha, Status: &done, Conclusion: &conclusion})
}

// requestSuites makes the check suites of a push and asks each App that may write checks to run.
func (r *Repo) requestSuites(by *User, branch, before, sha string) {
	for _, a := range r.s.apps {
		for _, in := range a.installs {
			if !in.covers(r) || in.suspended || !permits(in.perms, "checks", "write") || r.findSuite(a, sha) != nil {
				continue
			}
			su := r.suiteOf(a, sha)
			su.branch, su.before = branch, before
			r.s.emitTo(a, "check_suite", "requested", r, by, object{"check_suite": su.json()})
		}
	}
}

func (r *Repo) findSuite(a *App, sha string) *suite {
	for _, su := range r.suites {
		if su.app == a && su.sha == sha {
			return su
		}
	}
	return nil
}

func (r *Repo) suiteOf(a *App, sha string) *suite {
	if su := r.findSuite(a, sha); su != nil {
		return su
	}
	now := r.s.now()
	su := &suite{id: r.s.id(), repo: r, app: a, sha: sha, made: now, updated: now}
	if b := r.branchesAt(sha); len(b) > 0 {
		su.branch = b[0]
	}
	r.suites = append(r.suites, su)
	return su
}

func (su *suite) runs() []*CheckRun {
	var out []*CheckRun
	for _, cr := range su.repo.runs {
		if cr.suite == su {
			out = append(out, cr)
		}
	}
	return out
}

// worst orders conclusions from harmless to bad.
var worst = []string{"neutral", "skipped", "success", "stale", "cancelled", "timed_out", "failure", "action_required"}

// state is the suite's status and conclusion, from its latest runs.
func (su *suite) state() (status string, conclusion any) {
	runs := latestRuns(su.runs())
	if len(runs) == 0 {
		return "queued", nil
	}
	bad := -1
	for _, cr := range runs {
		cr.expire()
		if cr.status != "completed" {
			return "in_progress", nil
		}
		bad = max(bad, slices.Index(worst, cr.conclusion))
	}
	return "completed", worst[max(bad, 0)]
}

func (su *suite) json() object {
	status, conclusion := su.state()
	out := object{
		"id": su.id, "node_id": nodeID("CheckSuite", su.id), "head_branch": orNil(su.branch), "head_sha": su.sha, "status": status,
		"conclusion": conclusion, "url": su.repo.api(fmt.Sprintf("/check-suites/%d", su.id)), "before": orNil(su.before),
		"after": su.sha, "pull_requests": su.repo.pullsAt(su.sha), "app": su.app.json(), "created_at": stamp(su.made),
		"updated_at": stamp(su.updated), "rerequestable": true, "runs_rerequestable": true,
		"latest_check_runs_count": len(latestRuns(su.runs())),
		"check_runs_url":          su.repo.api(fmt.Sprintf("/check-suites/%d/check-runs", su.id)),
	}
	if ci, found := su.repo.commit(su.sha); found {
		out["head_commit"] = object{
			"id": ci.sha, "tree_id": ci.tree, "message": ci.message, "timestamp": ci.commitStamp,
			"author":    object{"name": ci.authorName, "email": ci.authorEmail},
			"committer": object{"name": ci.commitName, "email": ci.commitEmail},
		}
	}
	return out
}

// pullsAt lists the open pull requests whose head is the commit; those of forks are left out, as on GitHub.
func (r *Repo) pullsAt(sha string) []object {
	out := []object{}
	for _, p := range r.prs {
		if p.state == "open" && p.headSHA == sha && p.headRepo == r {
			short := object{"id": r.id, "url": r.api(""), "name": r.name}
			out = append(out, object{
				"id": p.prID, "number": p.number, "url": r.api(fmt.Sprintf("/pulls/%d", p.number)),
				"head": object{"ref": p.headRef, "sha": p.headSHA, "repo": short},
				"base": object{"ref": p.baseRef, "sha": p.baseSHA, "repo": short},
			})
		}
	}
	return out
}

// expire marks a check that never finished as stale.
func (cr *CheckRun) expire() {
	if cr.status != "completed" && cr.s.now().Sub(cr.made) > staleAfter {
		cr.status, cr.conclusion, cr.completed = "completed", "stale", cr.made.Add(staleAfter)
	}
}

func (cr *CheckRun) json() object {
	cr.expire()
	api := cr.repo.api(fmt.Sprintf("/check-runs/%d", cr.id))
	html := cr.repo.html(fmt.Sprintf("/runs/%d", cr.id))
	su := cr.suite.json()
	delete(su, "head_commit")
	return object{
		"id": cr.id, "node_id": nodeID("CheckRun", cr.id), "head_sha": cr.suite.sha, "external_id": cr.externalID, "url": api,
		"html_url": html, "details_url": orDefaultString(cr.detailsURL, cr.s.opt.URL), "status": cr.status,
		"conclusion": orNil(cr.conclusion), "started_at": stamp(cr.started), "completed_at": stamp(cr.completed), "name": cr.name,
		"check_suite": su, "app": cr.suite.app.json(), "pull_requests": cr.repo.pullsAt(cr.suite.sha),
		"output": object{
			"title": orNil(cr.title), "summary": orNil(cr.summary), "text": orNil(cr.text),
			"annotations_count": len(cr.annotations), "annotations_url": api + "/annotations",
		},
	}
}

// latestRuns keeps the newest run of each App and name, in order of appearance.
func latestRuns(runs []*CheckRun) []*CheckRun {
	var out []*CheckRun
	for _, cr := range runs {
		at := slices.IndexFunc(out, func(o *CheckRun) bool { return o.suite.app == cr.suite.app && o.name == cr.name })
		if at >= 0 {
			out[at] = cr
		} else {
			out = append(out, cr)
		}
	}
	return out
}

func (r *Repo) runsAt(sha string) []*CheckRun {
	var out []*CheckRun
	for _, cr := range r.runs {
		if cr.suite.sha == sha {
			cr.expire()
			out = append(out, cr)
		}
	}
	return out
}

func (r *Repo) addRun(a *App, req runRequest) *CheckRun {
	cr := &CheckRun{s: r.s, repo: r, suite: r.suiteOf(a, *req.HeadSHA), id: r.s.id(), status: "queued", made: r.s.now(), started: r.s.now()}
	cr.apply(req)
	r.runs = append(r.runs, cr)
	same := slices.DeleteFunc(cr.suite.runs(), func(x *CheckRun) bool { return x.name != cr.name })
	if len(same) > maxRunsOfName {
		r.runs = slices.DeleteFunc(r.runs, func(x *CheckRun) bool { return x == same[0] })
	}
	cr.tell("created")
	if cr.status == "completed" {
		cr.tell("completed")
	}
	return cr
}

// tell sends the check_run event, and check_suite.completed with the last one.
func (cr *CheckRun) tell(action string) {
	cr.suite.updated = cr.s.now()
	bot := cr.suite.app.bot
	cr.s.emit("check_run", action, cr.repo, bot, object{"check_run": cr.json()})
	if status, _ := cr.suite.state(); action == "completed" && status == "completed" {
		cr.s.emit("check_suite", "completed", cr.repo, bot, object{"check_suite": cr.suite.json()})
	}
}
