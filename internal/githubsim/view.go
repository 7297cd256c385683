package githubsim

import "time"

// PRView is a pull request as a page would show it.
type PRView struct {
	Number             int
	Title, Body        string
	Author             string
	State              string // open or closed
	Merged, Draft      bool
	MergedBy           string
	MergeSHA           string
	HeadRepo           string
	HeadRef, HeadSHA   string
	BaseRef            string
	Labels             []string
	Reviewers          []string // asked for a review and not yet given one; teams as org/slug
	Commits            []CommitView
	Files              []FileView
	Checks             []CheckView // latest of each App and name, on the head
	Statuses           []StatusView
	Reviews            []ReviewView
	Comments           []CommentView
	Created, Updated   time.Time
	Mergeable, Blocked bool
	Blockers           []string // what protection still asks for
}

// CommitView is a commit of a pull request.
type CommitView struct{ SHA, Author, Message string }

// FileView is a changed file with its patch ("" for binary and oversized files).
type FileView struct {
	Path, Previous, Status string
	Additions, Deletions   int
	Patch                  string
}

// CheckView is a check run.
type CheckView struct {
	ID                                     int64
	App, Name, HeadSHA, Status, Conclusion string
	Title, Summary, Text                   string
	DetailsURL                             string
	ExternalID                             string
	Annotations                            []AnnotationView
	Actions                                []string // identifiers
}

// AnnotationView is an annotation of a check run.
type AnnotationView struct {
	Path                       string
	StartLine, EndLine         int
	Level, Title, Message, Raw string
}

// StatusView is a commit status.
type StatusView struct{ Context, State, Description, By string }

// ReviewView is a review.
type ReviewView struct {
	ID                      int64
	By, State, Body, Commit string
	Time                    time.Time
}

// CommentView is a comment with the reactions that it got (content names, oldest first).
type CommentView struct {
	ID               int64
	By, Body         string
	Created, Updated time.Time
	Reactions        []string
}

// IssueView is a plain issue.
type IssueView struct {
	Number                     int
	Title, Body, Author, State string
	Labels                     []string
	Comments                   []CommentView
}

// View is the pull request with everything on it.
func (p *PR) View() PRView {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	v := PRView{
		Number: p.number, Title: p.title, Body: p.body, Author: p.author.login, State: p.state, Merged: p.merged, Draft: p.draft,
		MergeSHA: p.mergeSHA, HeadRepo: p.headRepo.fullName(), HeadRef: p.headRef, HeadSHA: p.headSHA, BaseRef: p.baseRef,
		Labels: append([]string{}, p.labels...), Checks: p.repo.checksAt(p.headSHA), Comments: p.commentViews(),
		Created: p.made, Updated: p.updated,
	}
	if p.mergedBy != nil {
		v.MergedBy = p.mergedBy.login
	}
	for _, u := range p.reviewers {
		v.Reviewers = append(v.Reviewers, u.login)
	}
	for _, t := range p.teams {
		v.Reviewers = append(v.Reviewers, t.org.account.login+"/"+t.slug)
	}
	for _, ci := range p.commits() {
		v.Commits = append(v.Commits, CommitView{SHA: ci.sha, Author: ci.authorName, Message: ci.message})
	}
	for _, f := range p.files() {
		v.Files = append(v.Files, FileView{
			Path: f.path, Previous: f.previous, Status: f.status, Additions: f.add, Deletions: f.del, Patch: f.patch,
		})
	}
	for _, st := range p.repo.statusesAt(p.headSHA, true) {
		v.Statuses = append(v.Statuses, StatusView{Context: st.context, State: st.state, Description: st.description, By: st.creator.user.login})
	}
	for _, rv := range p.reviews {
		v.Reviews = append(v.Reviews, ReviewView{ID: rv.id, By: rv.user.login, State: rv.state, Body: rv.body, Commit: rv.commit, Time: rv.made})
	}
	if p.state == "open" {
		v.Mergeable = p.testMerge()
		for _, need := range p.repo.sources(p.baseRef) {
			v.Blockers = append(v.Blockers, p.blockers(need)...)
		}
		v.Blocked = len(v.Blockers) > 0
	}
	return v
}

// PRs lists the pull requests, oldest first.
func (r *Repo) PRs() []*PR {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return append([]*PR{}, r.prs...)
}

// Repos lists the repositories, oldest first.
func (s *Server) Repos() []*Repo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sortedRepos()
}

// Issues lists the plain issues, oldest first.
func (r *Repo) Issues() []IssueView {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	var out []IssueView
	for n := 1; n <= r.nextNumber; n++ {
		if i := r.issues[n]; i.pr == nil {
			out = append(out, IssueView{
				Number: n, Title: i.title, Body: i.body, Author: i.author.login, State: i.state, Labels: append([]string{}, i.labels...),
				Comments: i.commentViews(),
			})
		}
	}
	return out
}

// Checks lists the latest check run of each App and name on a commit.
func (r *Repo) Checks(sha string) []CheckView {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.checksAt(sha)
}

// CheckRun finds the latest check run of a name on a commit, to press its buttons; nil when there is none.
func (r *Repo) CheckRun(sha, name string) *CheckRun {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, cr := range latestRuns(r.runsAt(sha)) {
		if cr.name == name {
			return cr
		}
	}
	return nil
}

func (r *Repo) checksAt(sha string) []CheckView {
	var out []CheckView
	for _, cr := range latestRuns(r.runsAt(sha)) {
		v := CheckView{
			ID: cr.id, App: cr.suite.app.slug, Name: cr.name, HeadSHA: sha, Status: cr.status, Conclusion: cr.conclusion, Title: cr.title,
			Summary: cr.summary, Text: cr.text, DetailsURL: cr.detailsURL, ExternalID: cr.externalID,
		}
		for _, a := range cr.annotations {
			av := AnnotationView{Path: a.Path, StartLine: *a.StartLine, EndLine: *a.EndLine, Level: a.AnnotationLevel, Message: a.Message}
			if a.Title != nil {
				av.Title = *a.Title
			}
			if a.RawDetails != nil {
				av.Raw = *a.RawDetails
			}
			v.Annotations = append(v.Annotations, av)
		}
		for _, b := range cr.actions {
			v.Actions = append(v.Actions, b.Identifier)
		}
		out = append(out, v)
	}
	return out
}

func (i *Issue) commentViews() []CommentView {
	var out []CommentView
	for _, cm := range i.comments {
		v := CommentView{ID: cm.id, By: cm.user.login, Body: cm.body, Created: cm.made, Updated: cm.updated}
		for _, r := range cm.reactions {
			v.Reactions = append(v.Reactions, r.content)
		}
		out = append(out, v)
	}
	return out
}
