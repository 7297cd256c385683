package cases

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// firstBranch is the branch that the pull request was to go into when it was opened.
func (sc *scene) firstBranch() string {
	f := &sc.facts
	for _, x := range f.Sightings {
		if x.Branch != f.PullRequest.Base.Branch {
			return x.Branch
		}
	}
	if g := f.BreakGlass; g != nil && g.Branch != f.PullRequest.Base.Branch {
		return g.Branch
	}
	return f.PullRequest.Base.Branch
}

// firstHead reports whether something was said about another head than the last one.
func (sc *scene) firstHead() bool {
	f := &sc.facts
	return f.BreakGlass != nil && f.BreakGlass.Head != f.PullRequest.Head.SHA || slices.ContainsFunc(f.Reviews, sc.ofFirst)
}

// ofFirst reports whether a review is of another head than the last one, or of the same with another outcome.
func (sc *scene) ofFirst(r gate.Review) bool {
	f := &sc.facts
	x := sc.sighting(r)
	return !r.Comment && r.CommitID != f.PullRequest.Head.SHA || x.Branch != "" && (x.Branch != f.Shown.Branch || x.Carried != f.Shown.Digest)
}

func (sc *scene) sighting(r gate.Review) gate.Sighting {
	for _, x := range sc.facts.Sightings {
		if x.Review == r.ID && x.Comment == r.Comment {
			return x
		}
	}
	return gate.Sighting{}
}

// rebased reports whether the present head is the first one on another base.
func (sc *scene) rebased() bool {
	return slices.ContainsFunc(sc.facts.Reviews, func(r gate.Review) bool {
		x := sc.sighting(r)
		return x.Carried != "" && x.Carried == sc.facts.Shown.Digest && x.Head != sc.facts.PullRequest.Head.SHA
	})
}

// gone reports whether GitHub has thrown the first head away.
func (sc *scene) gone() bool {
	return slices.ContainsFunc(sc.facts.Sightings, func(x gate.Sighting) bool { return strings.Contains(x.Reason, "gone from GitHub") })
}

// commit is what the pull request does, as one commit. first: as it was at first.
func (sc *scene) commit(first bool) githubsim.CommitSpec {
	f := &sc.facts
	spec := githubsim.CommitSpec{Files: map[string]string{}, Signed: f.Commits[0].Verified}
	for _, c := range f.Files {
		text := "new " + c.Path + "\n" + strings.Repeat("a new line\n", max(f.PullRequest.Additions-1, 0))
		switch c.Status {
		case "removed":
			spec.Delete = append(spec.Delete, c.Path)
			continue
		case "renamed":
			spec.Delete, text = append(spec.Delete, c.OldPath), "old "+c.OldPath+"\n"
		}
		spec.Files[c.Path] = text
	}
	for _, p := range f.Problems {
		spec.Files[p.File] = strings.Repeat("a: b\n", max(p.Line-1, 0)) + "\tkind: Pod\n"
	}
	if first && sc.firstHead() && !sc.rebased() {
		changed := []string{}
		for _, x := range f.Sightings {
			changed = append(changed, x.Files...)
		}
		if len(changed) == 0 {
			changed = slices.Collect(maps.Keys(spec.Files))
		}
		for _, path := range changed {
			spec.Files[path] = "at first\n"
		}
	} else if !first {
		for _, x := range f.Sightings {
			for _, path := range x.Files {
				if spec.Files[path] == "" {
					spec.Delete = append(spec.Delete, path)
				}
			}
		}
	}
	sc.written(&spec, f.Commits[0])
	return spec
}

// written gives a commit its authors, and who pushes it.
func (sc *scene) written(spec *githubsim.CommitSpec, c gate.Commit) {
	spec.Message = "A change"
	for _, by := range c.Contributors {
		switch by.Role {
		case "author":
			spec.Author = cmp.Or(by.Login, by.Name)
		case "committer":
			if spec.Committer = cmp.Or(by.Login, by.Name); by.Login == "web-flow" {
				spec.Committer = "GitHub <noreply@github.com>"
			}
		case "co-author":
			spec.Message += fmt.Sprintf("\n\nCo-authored-by: %s", cmp.Or(by.Name, by.Login+" <1+"+by.Login+"@users.noreply.github.com>"))
		}
	}
	if spec.Pusher = sc.facts.PullRequest.Author; len(sc.facts.Pushers) > 0 {
		spec.Pusher = sc.facts.Pushers[0]
	}
}

// open makes the branch and opens the pull request as it was at first.
func (sc *scene) open() {
	f := &sc.facts
	pr := &f.PullRequest
	from := sc.Repo
	spec := githubsim.PRSpec{By: pr.Author, Title: pr.Title, Head: pr.Head.Branch, Base: sc.firstBranch(), Draft: pr.Draft}
	if pr.Fork {
		account, _, _ := strings.Cut(pr.Head.Repository, "/")
		from = sc.Repo.Fork(account)
		from.AddCollaborator(pr.Author, "write")
		spec.HeadRepo = from
	}
	from.Commit(pr.Head.Branch, sc.commit(true))
	for _, c := range f.Commits[1:] {
		if c.BaseMerge {
			continue
		}
		more := githubsim.CommitSpec{Signed: c.Verified}
		sc.written(&more, c)
		from.Commit(pr.Head.Branch, more)
	}
	sc.pr = sc.Repo.OpenPR(spec)
	for _, label := range pr.Labels {
		sc.pr.Label(merger, label)
	}
	if sc.gone() { // before anybody has looked at it
		for _, r := range f.Reviews {
			sc.say(r)
		}
		sc.pr.ForcePush(sc.commit(false))
		sc.Repo.Forget()
	}
}

// planned is the pull request whose plan is handed in.
func (sc *scene) planned() *githubsim.PR {
	if sc.pr != nil {
		return sc.pr
	}
	return sc.others[0]
}

func (sc *scene) firstPlan() {
	if len(sc.changes) == 0 || len(sc.facts.Missing) > 0 {
		return
	}
	first := sc.changes
	if sc.before != nil {
		first = sc.before
	}
	sc.submit(first)
}

// early is what was said about the first head, or before a move.
func (sc *scene) early() {
	f := &sc.facts
	if g := f.BreakGlass; g != nil && (g.Head != f.PullRequest.Head.SHA || g.Branch != f.PullRequest.Base.Branch) {
		sc.pr.Comment(g.By, "/gatehouse break-glass "+g.Reason)
	}
	if sc.gone() {
		return
	}
	for _, r := range f.Reviews {
		if sc.ofFirst(r) {
			sc.say(r)
		}
	}
}

func (sc *scene) confirmEarly() {
	f := &sc.facts
	if g := f.BreakGlass; g != nil && (g.Head != f.PullRequest.Head.SHA || g.Branch != f.PullRequest.Base.Branch) {
		for _, by := range g.Confirmed {
			sc.pr.Comment(by, "/gatehouse approve-break-glass")
		}
	}
}

// move brings the pull request to its last head and branch.
func (sc *scene) move() {
	f := &sc.facts
	if base := f.PullRequest.Base.Branch; sc.firstBranch() != base {
		sc.pr.Retarget(owner, base)
	}
	other := slices.ContainsFunc(f.Reviews, func(r gate.Review) bool { return !r.Comment && r.CommitID != f.PullRequest.Head.SHA }) ||
		f.BreakGlass != nil && f.BreakGlass.Head != f.PullRequest.Head.SHA || slices.ContainsFunc(f.Commits, func(c gate.Commit) bool { return c.BaseMerge })
	switch {
	case !other || sc.gone():
	case slices.ContainsFunc(f.Commits, func(c gate.Commit) bool { return c.BaseMerge }):
		for _, c := range f.Commits {
			if !c.BaseMerge {
				continue
			}
			sc.Repo.Commit(f.PullRequest.Base.Branch, githubsim.CommitSpec{Author: owner, Files: map[string]string{"notes.md": "meanwhile\n"}})
			if err := sc.pr.UpdateBranch(c.Contributors[0].Login); err != nil {
				sc.T.Fatal(err)
			}
		}
	case sc.rebased():
		sc.Repo.Commit(f.PullRequest.Base.Branch, githubsim.CommitSpec{Author: owner, Files: map[string]string{"notes.md": "meanwhile\n"}})
		sc.pr.ForcePush(sc.commit(false))
	default:
		sc.pr.Push(sc.commit(false))
	}
}

func (sc *scene) lastPlan() {
	if len(sc.changes) > 0 && len(sc.facts.Missing) == 0 && (sc.before != nil || sc.firstHead()) {
		sc.submit(sc.changes)
	}
}

// signals are the checks of others and the workflows on the last head.
func (sc *scene) signals() {
	for _, c := range sc.facts.Checks {
		if c.App == "" {
			if err := sc.Repo.SetStatus(merger, sc.pr.HeadSHA(), c.Name, cmp.Or(c.Conclusion, "pending")); err != nil {
				sc.T.Fatal(err)
			}
			continue
		}
		if sc.apps[c.App] == nil {
			sc.apps[c.App] = sc.GitHub.AddApp(githubsim.AppSpec{Slug: c.App, Key: site.AppKey(), Permissions: map[string]string{"checks": "write"}})
		}
		sc.apps[c.App].Install(sc.Org.Login())
		sc.apps[c.App].PostCheck(sc.Repo, sc.pr.HeadSHA(), c.Name, c.Conclusion)
	}
	for _, w := range sc.facts.Workflows {
		run := sc.Repo.AddRun(githubsim.RunSpec{
			Workflow: w.Name, HeadSHA: sc.pr.HeadSHA(), HeadBranch: "web", By: merger, Conclusion: w.Conclusion, Running: w.Conclusion == "",
		})
		if w.Conclusion != "" {
			run.Complete()
		}
	}
}

func (sc *scene) glass() {
	f := &sc.facts
	if g := f.BreakGlass; g != nil && g.Head == f.PullRequest.Head.SHA && g.Branch == f.PullRequest.Base.Branch {
		sc.pr.Comment(g.By, "/gatehouse break-glass "+g.Reason)
	}
}

// confirm is a step in which one person confirms: commands of one moment have no order.
func (sc *scene) confirm(n int) func() {
	return func() {
		f := &sc.facts
		if g := f.BreakGlass; g != nil && g.Head == f.PullRequest.Head.SHA && g.Branch == f.PullRequest.Base.Branch && n < len(g.Confirmed) {
			sc.pr.Comment(g.Confirmed[n], "/gatehouse approve-break-glass")
		}
	}
}

// reviews are those of the last head, oldest first.
func (sc *scene) reviews() {
	list := slices.Clone(sc.facts.Reviews)
	slices.SortStableFunc(list, func(a, b gate.Review) int { return a.Time.Compare(b.Time) })
	for _, r := range list {
		if !sc.ofFirst(r) && !sc.gone() {
			sc.say(r)
		}
	}
}

// expire waits for the end of a broken glass that has ended in the case.
func (sc *scene) expire() {
	f := &sc.facts
	if g := f.BreakGlass; g != nil && !g.Until.After(f.Time) {
		sc.Until("the end of the broken glass", func() bool { return !strings.Contains(sc.State(sc.pr.HeadSHA()), "Glass broken") })
	}
}

// openGroup opens the pull requests of a merge group under the numbers of the case.
func (sc *scene) openGroup() {
	next := 1
	for _, m := range sc.facts.Group {
		for ; next < m.Number; next++ {
			sc.Repo.OpenIssue(owner, fmt.Sprintf("Issue %d", next), "")
		}
		next++
		branch := fmt.Sprintf("change-%d", m.Number)
		files := map[string]string{branch + ".md": "new\n"}
		for _, path := range m.Files {
			files[path] = "new " + path + "\n"
		}
		sc.Repo.Commit(branch, githubsim.CommitSpec{Author: "ann", Files: files})
		sc.others = append(sc.others, sc.Repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "Change", Head: branch}))
	}
}

func (sc *scene) planGroup() {
	if len(sc.changes) > 0 {
		sc.submit(sc.changes)
	}
}

func (sc *scene) approveGroup() {
	for i, m := range sc.facts.Group {
		if m.Verdict == gate.Pass {
			sc.others[i].Approve("mei")
		}
	}
}

// queue makes the group. GitHub would not take a pull request whose own check does not pass; one may have changed its mind since.
func (sc *scene) queue() {
	protection := githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: sc.App.ID()}}}
	sc.Repo.Protect("main", githubsim.Protection{})
	group, err := sc.Repo.Queue(merger, false, sc.others...)
	sc.Repo.Protect("main", protection)
	if err != nil {
		sc.T.Fatal(err)
	}
	sc.group = group
}
