package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/posture"
)

// installations looks at each installation and at the repositories that it shows.
func (d *doctor) installations(ctx context.Context) error {
	list, err := d.github.Installed(ctx)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		d.add("installation", "", "installed", posture.Problem, "Nobody has installed the App.", "Install it: "+d.identity.URL+"/installations/new")
	}
	found := false
	for _, in := range list {
		account := gate.Printable(in.Account.Login)
		if owner, _, _ := strings.Cut(d.repository, "/"); d.repository != "" && !strings.EqualFold(owner, in.Account.Login) {
			continue
		}
		if in.Suspended {
			d.add("installation", account, "installed", posture.Problem, "The installation is suspended: nothing is judged.", "An owner ends that at "+in.URL+".")
			continue
		}
		d.permissions("have been accepted", account, in.Permissions, in.Events, in.URL)
		repositories, err := d.github.Repositories(ctx, in.ID)
		if err != nil {
			return err
		}
		for _, r := range repositories {
			if d.repository != "" && !strings.EqualFold(d.repository, r.FullName()) {
				continue
			}
			found = true
			if err := d.protection(ctx, in.ID, r); err != nil {
				return err
			}
		}
	}
	if d.repository != "" && !found {
		d.add("installation", d.repository, "installed", posture.Problem, "The App does not see this repository.", "Install it there: "+d.identity.URL+"/installations/new")
	}
	return nil
}

// protection judges the default branch of a repository. Where the App may not see everything, the person's token is asked, too.
func (d *doctor) protection(ctx context.Context, installation int64, r gate.Repository) error {
	facts, err := d.github.Repo(installation, r.Owner, r.Name).Protection(ctx, r.DefaultBranch, true)
	if errors.As(err, new(forge.NotFound)) {
		d.add("protection", r.FullName(), "branch", posture.OK, "There is no commit yet.", "")
		return nil
	} else if err != nil {
		return err
	}
	report := posture.Judge(facts, d.settings.AppID)
	if unknowns(report) > 0 && d.token != "" {
		more, err := d.asPerson(ctx, r)
		if err != nil {
			return err
		}
		if unknowns(more) < unknowns(report) {
			report = more
		}
	}
	d.patients = append(d.patients, patient{Repository: r, installation: installation, report: report})
	for _, f := range report.Findings {
		d.add("protection", r.FullName()+" "+gate.Printable(r.DefaultBranch), f.Point, f.State, f.Says, f.Do)
	}
	return nil
}

// asPerson judges with what the owner of the token is shown; without that, everything is unknown.
func (d *doctor) asPerson(ctx context.Context, r gate.Repository) (posture.Report, error) {
	facts, err := d.github.As(d.token, r.Owner, r.Name).Protection(ctx, r.DefaultBranch, true)
	switch {
	case errors.As(err, new(forge.NotFound)), errors.As(err, new(forge.MissingPermission)), errors.As(err, new(forge.Unauthorized)):
		facts = posture.Branch{Repository: r.FullName(), Name: r.DefaultBranch, Default: true, Unread: []string{"GITHUB_TOKEN does not show the repository."}}
	case err != nil:
		return posture.Report{}, err
	}
	return posture.Judge(facts, d.settings.AppID), nil
}

func unknowns(r posture.Report) int {
	n := 0
	for _, f := range r.Findings {
		if f.State == posture.Unknown {
			n++
		}
	}
	return n
}

// report is what -o json prints.
func (d *doctor) report() any {
	return struct {
		State    posture.State `json:"state"`
		App      int64         `json:"app"`
		Findings []finding     `json:"findings"`
	}{d.state, d.settings.AppID, d.findings}
}

// print writes the report for people: a heading for each thing looked at, a line for each finding, what to do below it.
func (d *doctor) print(to io.Writer) {
	titles := map[string]string{
		"settings": "Settings", "app": "The App", "permissions": "Permissions", "webhook": "Webhook", "installation": "Installations", "protection": "Protection",
	}
	heading := ""
	for _, f := range d.findings {
		title := titles[f.Area]
		if f.Subject != "" {
			title += " of " + f.Subject
		}
		if title != heading {
			if heading != "" {
				fmt.Fprintln(to)
			}
			fmt.Fprintln(to, title)
			heading = title
		}
		fmt.Fprintf(to, "  %-8s %s: %s\n", f.State, f.Point, f.Says)
		if f.Do != "" {
			fmt.Fprintf(to, "           -> %s\n", f.Do)
		}
	}
	problems, unknown := 0, 0
	for _, f := range d.findings {
		switch f.State {
		case posture.Problem:
			problems++
		case posture.Unknown:
			unknown++
		}
	}
	fmt.Fprintf(to, "\n%d looked at: %s, %d unknown\n", len(d.findings), counted(problems, "problem"), unknown)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
