package githubsim

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// RunSpec describes a run of a workflow of GitHub Actions. Nothing is run: a test says what came of it.
type RunSpec struct {
	Workflow   string // file: .github/workflows/plan.yml
	Event      string // pull_request when ""
	HeadSHA    string
	HeadBranch string
	HeadRepo   *Repo // the repository itself when nil
	By         string
	Conclusion string // success when ""
	Running    bool   // it has not ended; End ends it
}

// WorkflowRun is a run, which has ended unless its spec says that it is running.
type WorkflowRun struct {
	spec      RunSpec
	repo      *Repo
	id        int64
	by        *User
	made      time.Time
	artifacts []*artifact
}

type artifact struct {
	id      int64
	name    string
	data    []byte
	expired bool
	made    time.Time
}

// AddRun adds a run. The event of one that has ended is sent by Complete, when its artifacts are there.
func (r *Repo) AddRun(spec RunSpec) *WorkflowRun {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if spec.Event == "" {
		spec.Event = "pull_request"
	}
	if spec.Conclusion == "" && !spec.Running {
		spec.Conclusion = "success"
	}
	if spec.HeadRepo == nil {
		spec.HeadRepo = r
	}
	run := &WorkflowRun{spec: spec, repo: r, id: r.s.id(), by: r.s.mustUser(spec.By), made: r.s.now()}
	r.workflowRuns = append(r.workflowRuns, run)
	return run
}

// ID is the run's number.
func (w *WorkflowRun) ID() int64 { return w.id }

// Zip makes an archive of files.
func Zip(files map[string]string) []byte {
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := archive.Create(name)
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			panic(fmt.Sprintf("githubsim: making an archive: %v", err)) // a buffer takes everything
		}
	}
	if err := archive.Close(); err != nil {
		panic(fmt.Sprintf("githubsim: making an archive: %v", err))
	}
	return b.Bytes()
}

// AddArtifact adds what the run has left behind, a zip archive, and returns its number.
func (w *WorkflowRun) AddArtifact(name string, archive []byte) int64 {
	w.repo.s.mu.Lock()
	defer w.repo.s.mu.Unlock()
	a := &artifact{id: w.repo.s.id(), name: name, data: archive, made: w.repo.s.now()}
	w.artifacts = append(w.artifacts, a)
	return a.id
}

// Expire ends the time for which the run's artifacts are kept.
func (w *WorkflowRun) Expire() {
	w.repo.s.mu.Lock()
	defer w.repo.s.mu.Unlock()
	for _, a := range w.artifacts {
		a.expired = true
	}
}

// End ends a run that was running, and sends workflow_run.completed.
func (w *WorkflowRun) End(conclusion string) {
	w.repo.s.mu.Lock()
	w.spec.Running, w.spec.Conclusion = false, conclusion
	w.repo.s.mu.Unlock()
	w.Complete()
}

// Complete sends workflow_run.completed.
func (w *WorkflowRun) Complete() {
	w.repo.s.mu.Lock()
	defer w.repo.s.mu.Unlock()
	w.repo.s.emit("workflow_run", "completed", w.repo, w.by, object{"workflow_run": w.json(), "workflow": object{"path": w.spec.Workflow}})
}

func (w *WorkflowRun) status() string {
	if w.spec.Running {
		return "in_progress"
	}
	return "completed"
}

func (w *WorkflowRun) json() object {
	api := w.repo.api(fmt.Sprintf("/actions/runs/%d", w.id))
	return object{
		"id": w.id, "name": "plan", "node_id": nodeID("WorkflowRun", w.id), "head_branch": w.spec.HeadBranch, "head_sha": w.spec.HeadSHA,
		"path": w.spec.Workflow, "display_title": "plan", "run_number": 1, "event": w.spec.Event, "status": w.status(),
		"conclusion": orNil(w.spec.Conclusion), "url": api, "html_url": w.repo.html(fmt.Sprintf("/actions/runs/%d", w.id)),
		"pull_requests": []object{}, "created_at": stamp(w.made), "updated_at": stamp(w.made), "run_started_at": stamp(w.made),
		"run_attempt": 1, "actor": w.by.json(), "triggering_actor": w.by.json(), "artifacts_url": api + "/artifacts",
		"repository": w.repo.settingsJSON(), "head_repository": w.spec.HeadRepo.settingsJSON(),
	}
}

func (c *call) listWorkflowRuns() (reply, error) {
	items := []object{}
	for _, run := range slices.Backward(c.repo.workflowRuns) { // newest first
		if sha := c.query("head_sha"); sha != "" && sha != run.spec.HeadSHA {
			continue
		}
		if status := c.query("status"); status != "" && status != run.status() && status != run.spec.Conclusion {
			continue
		}
		if event := c.query("event"); event != "" && event != run.spec.Event {
			continue
		}
		items = append(items, run.json())
	}
	return c.page(items, func(total int, cut []object) any { return object{"total_count": total, "workflow_runs": cut} })
}

func (c *call) listArtifacts() (reply, error) {
	for _, run := range c.repo.workflowRuns {
		if run.id != int64(c.num("id")) {
			continue
		}
		items := []object{}
		for _, a := range slices.Backward(run.artifacts) {
			api := c.repo.api(fmt.Sprintf("/actions/artifacts/%d", a.id))
			items = append(items, object{
				"id": a.id, "node_id": nodeID("Artifact", a.id), "name": a.name, "size_in_bytes": len(a.data), "url": api,
				"archive_download_url": api + "/zip", "expired": a.expired, "created_at": stamp(a.made), "updated_at": stamp(a.made),
				"expires_at": stamp(a.made.AddDate(0, 0, 90)), "digest": fmt.Sprintf("sha256:%x", sha256.Sum256(a.data)),
				"workflow_run": object{"id": run.id, "head_branch": run.spec.HeadBranch, "head_sha": run.spec.HeadSHA},
			})
		}
		return c.page(items, func(total int, cut []object) any { return object{"total_count": total, "artifacts": cut} })
	}
	return reply{}, notFound()
}

// storagePath is where artifacts are fetched from. As on GitHub, that is another host, which knows nothing of tokens: the
// address is what gives access.
const storagePath = "/_storage/"

func (c *call) downloadArtifact() (reply, error) {
	for _, run := range c.repo.workflowRuns {
		for _, a := range run.artifacts {
			if a.id != int64(c.num("id")) {
				continue
			}
			if a.expired {
				return reply{}, refuse(http.StatusGone, "Artifact has expired")
			}
			return reply{status: http.StatusFound, header: http.Header{"Location": {c.s.storageURL(a)}}}, nil
		}
	}
	return reply{}, notFound()
}

func (s *Server) storageURL(a *artifact) string {
	u, err := url.Parse(s.opt.URL)
	if err != nil {
		panic("githubsim: Options.URL is not an address")
	}
	if u.Hostname() == "127.0.0.1" {
		u.Host = "localhost:" + u.Port()
	}
	u.Path = storagePath + fmt.Sprint(a.id)
	u.RawQuery = "sig=" + a.signature()
	return u.String()
}

func (a *artifact) signature() string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "artifact %d", a.id)))[:16]
}

// serveStorage hands out artifacts. A request that brings a token to it is refused, for a storage service must never see one.
func (s *Server) serveStorage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "" {
		http.Error(w, "the storage was sent a token", http.StatusBadRequest)
		return
	}
	for _, repo := range s.repos {
		for _, run := range repo.workflowRuns {
			for _, a := range run.artifacts {
				if fmt.Sprint(a.id) == strings.TrimPrefix(r.URL.Path, storagePath) && r.URL.Query().Get("sig") == a.signature() {
					w.Header().Set("Content-Type", "application/zip")
					_, _ = w.Write(a.data) // the client has gone: nobody is left to tell
					return
				}
			}
		}
	}
	http.NotFound(w, r)
}
