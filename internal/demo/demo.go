// Package demo tells the story of the gate on a simulated GitHub: a real server with real webhooks judges what invented people
// do to an invented company's infrastructure. Nothing is scripted but the people: every verdict is Gatehouse's own, and the
// story fails when one comes out other than told.
package demo

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

//go:embed all:story
var files embed.FS

// World is the simulated GitHub with the company in it: its people, its repository, and the App.
type World struct {
	GitHub *githubsim.Server
	App    *githubsim.App
	Repo   *githubsim.Repo
}

// Secret signs the webhooks.
const Secret = "demo-webhook-secret" // nothing but this process ever sees what it signs

// Build starts the simulated GitHub in dir and puts the company there. The App has no webhook address yet; see
// [World.Connect].
func Build(dir string) (*World, error) {
	gh, err := githubsim.Start(githubsim.Options{Dir: dir})
	if err != nil {
		return nil, fmt.Errorf("start the simulated GitHub: %w", err)
	}
	for _, login := range []string{"ann", "mei", "sam", "vic"} {
		gh.AddUser(login)
	}
	org := gh.AddOrg("acme", "vic")
	org.AddMember("ann", "mei", "sam")
	org.AddTeam(githubsim.TeamSpec{Name: "dba"}).Add("mei", "sam")
	start, err := tree("main")
	if err != nil {
		return nil, err
	}
	repo := gh.CreateRepo(githubsim.RepoSpec{Owner: "acme", Name: "infra", Files: start})
	for _, login := range []string{"ann", "mei", "sam"} {
		repo.AddCollaborator(login, "write")
	}
	repo.AddCollaborator("vic", "admin")
	app := gh.AddApp(githubsim.AppSpec{
		Slug: "gatehouse",
		Permissions: map[string]string{
			"actions": "read", "administration": "read", "checks": "write", "contents": "read", "issues": "write", "members": "read",
			"metadata": "read", "pull_requests": "write",
		},
		Events: []string{
			"check_run", "check_suite", "issue_comment", "pull_request", "pull_request_review", "push",
		},
	})
	app.Install("acme", repo)
	// Administrators are not included, as in so many real organisations: that is what the end of the story is about.
	repo.Protect("main", githubsim.Protection{
		RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: app.ID()}},
	})
	return &World{GitHub: gh, App: app, Repo: repo}, nil
}

// Connect points the App's webhook at the server.
func (w *World) Connect(url string) { w.App.SetWebhook(url+"/webhooks/github", Secret) }

// tree reads one folder of the story.
func tree(name string) (map[string]string, error) {
	out := map[string]string{}
	root := "story/" + name
	err := fs.WalkDir(files, root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := files.ReadFile(path)
		out[strings.TrimPrefix(path, root+"/")] = string(data)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the story's files: %w", err)
	}
	return out, nil
}

// Teller says what happens as it happens.
type Teller struct {
	Out    io.Writer
	Colour bool
	// Pause, if set, is called before each chapter but the first, so that a visitor can look at the pages.
	Pause func()
	step  int
}

// chapter begins a new part of the story.
func (t *Teller) chapter(format string, args ...any) {
	if t.step++; t.step > 1 && t.Pause != nil {
		t.Pause()
	}
	fmt.Fprintf(t.Out, "\n%s %s\n", t.paint("1", fmt.Sprintf("%d.", t.step)), t.paint("1", fmt.Sprintf(format, args...)))
}

func (t *Teller) say(format string, args ...any) {
	fmt.Fprintf(t.Out, "   %s\n", fmt.Sprintf(format, args...))
}

// verdict shows what Gatehouse posted.
func (t *Teller) verdict(check githubsim.CheckView) {
	mark, colour := "…", "33"
	switch check.Conclusion {
	case "success":
		mark, colour = "✓", "32"
	case "failure":
		mark, colour = "✗", "31"
	}
	t.say("%s", t.paint(colour, mark+" gatehouse: "+check.Title))
}

func (t *Teller) paint(code, s string) string {
	if !t.Colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// patience is how long the story waits for anything that must happen.
const patience = 25 * time.Second

// until waits for something to become true.
func until(ctx context.Context, what string, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s in vain for %s", patience, what)
		case <-tick.C:
		}
	}
	return nil
}
