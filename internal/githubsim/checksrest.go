package githubsim

import (
	"fmt"
	"net/http"
	"slices"
)

func (c *call) createRun() (reply, error) {
	var req runRequest
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	if err := req.check(true); err != nil {
		return reply{}, err
	}
	if !c.repo.hasCommit(*req.HeadSHA) {
		return reply{}, refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", *req.HeadSHA)
	}
	return created(c.repo.addRun(c.actor.app, req).json())
}

func (c *call) run() (*CheckRun, error) {
	for _, cr := range c.repo.runs {
		if cr.id == int64(c.num("id")) {
			return cr, nil
		}
	}
	return nil, notFound()
}

func (c *call) updateRun() (reply, error) {
	cr, err := c.run()
	if err != nil {
		return reply{}, err
	}
	var req runRequest
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	if err := req.check(false); err != nil {
		return reply{}, err
	}
	if cr.suite.app != c.actor.app {
		return reply{}, refuse(http.StatusForbidden, "Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", c.actor.app.id)
	}
	was := cr.status
	cr.apply(req)
	if was != "completed" && cr.status == "completed" {
		cr.tell("completed")
	}
	return ok(cr.json())
}

func (c *call) getRun() (reply, error) {
	cr, err := c.run()
	if err != nil {
		return reply{}, err
	}
	return ok(cr.json())
}

func (c *call) listAnnotations() (reply, error) {
	cr, err := c.run()
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	for _, a := range cr.annotations {
		items = append(items, object{
			"path": a.Path, "blob_href": cr.repo.api("/contents/" + a.Path + "?ref=" + cr.suite.sha), "start_line": a.StartLine,
			"end_line": a.EndLine, "start_column": a.StartColumn, "end_column": a.EndColumn, "annotation_level": a.AnnotationLevel,
			"title": a.Title, "message": a.Message, "raw_details": a.RawDetails,
		})
	}
	return c.list(items)
}

func (c *call) rerequestRun() (reply, error) {
	cr, err := c.run()
	if err != nil {
		return reply{}, err
	}
	c.s.emitTo(cr.suite.app, "check_run", "rerequested", c.repo, c.actor.user, object{"check_run": cr.json()})
	return created(object{})
}

// listRuns filters by name, App, status and filter (latest, the default, or all).
func (c *call) listRuns() (reply, error) {
	ci, err := c.commitParam("ref")
	if err != nil {
		return reply{}, err
	}
	return c.pageRuns(c.repo.runsAt(ci.sha))
}

func (c *call) listSuiteRuns() (reply, error) {
	for _, su := range c.repo.suites {
		if su.id == int64(c.num("id")) {
			return c.pageRuns(su.runs())
		}
	}
	return reply{}, notFound()
}

func (c *call) pageRuns(runs []*CheckRun) (reply, error) {
	if c.query("filter") != "all" {
		runs = latestRuns(runs)
	}
	items := []object{}
	for _, cr := range runs {
		if n := c.query("check_name"); n != "" && n != cr.name {
			continue
		}
		if a := c.query("app_id"); a != "" && a != fmt.Sprint(cr.suite.app.id) {
			continue
		}
		if st := c.query("status"); st != "" && st != cr.status {
			continue
		}
		items = append(items, cr.json())
	}
	slices.Reverse(items) // newest first
	return c.page(items, func(total int, cut []object) any { return object{"total_count": total, "check_runs": cut} })
}

func (c *call) listSuites() (reply, error) {
	ci, err := c.commitParam("ref")
	if err != nil {
		return reply{}, err
	}
	items := []object{}
	for _, su := range c.repo.suites {
		if a := c.query("app_id"); su.sha != ci.sha || (a != "" && a != fmt.Sprint(su.app.id)) {
			continue
		}
		items = append(items, with(su.json(), object{"repository": c.repo.json()}))
	}
	return c.page(items, func(total int, cut []object) any { return object{"total_count": total, "check_suites": cut} })
}
