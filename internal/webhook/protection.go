package webhook

import (
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// protection: how branches are protected has changed, in a repository or in all of an organisation's.
func (r *reading) protection() error {
	s := work.Sweep{Target: r.target(), What: work.SweepProtection, Action: r.Action, Organization: r.Organization.Login, Actor: r.Sender.Login}
	if r.Repository != nil {
		if err := r.needRepository(); err != nil {
			return err
		}
		r.posture(r.target())
		return r.add(work.KindSweep, last, s, r.Repository.ID, work.SweepProtection)
	}
	if s.Organization == "" {
		return fmt.Errorf("it has neither repository nor organization")
	}
	r.posture(r.target())
	return r.add(work.KindSweep, last, s, "org", strings.ToLower(s.Organization), work.SweepProtection)
}

// posture has the protection of a repository's branches looked at; without a repository, that of all of the installation's.
func (r *reading) posture(where work.Target) {
	r.out.works = append(r.out.works, work.Posture{Target: where, Action: r.Action, Actor: clip(r.Sender.Login)}.Work())
}

// repositoryChanged: another default branch is another branch that everything depends on, and a new name one that people look for. A rename
// of the default branch takes the open pull requests along: an approval given before they are judged again would be for the old name.
// While a repository was archived, or another account's, nothing could be posted there.
func (r *reading) repositoryChanged() error {
	switch r.Action {
	case "edited", "renamed", "transferred", "deleted", "archived", "unarchived", "publicized", "privatized":
	default:
		return nil
	}
	if err := r.needRepository(); err != nil {
		return err
	}
	r.posture(r.target())
	if r.Action == "edited" && len(r.Changes.DefaultBranch) > 0 || r.Action == "unarchived" || r.Action == "transferred" {
		name := clip(r.Repository.DefaultBranch)
		all := work.Sweep{Target: r.target(), What: work.SweepBranch, Action: r.Action, Branch: name, DefaultBranch: true, Actor: r.Sender.Login}
		return r.add(work.KindSweep, last, all, r.Repository.ID, work.SweepBranch, name)
	}
	return nil
}
