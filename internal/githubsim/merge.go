package githubsim

import (
	"fmt"
	"net/http"
	"strings"
)

// MergeOptions are those of PUT /pulls/{number}/merge.
type MergeOptions struct {
	Method  string // merge (when ""), squash, rebase
	SHA     string // the head that was reviewed; another one is a 409
	Title   string
	Message string
}

// Merge merges as a person would; the *Refusal says why not. An administrator whom protection does not include goes around it,
// as on GitHub.
func (p *PR) Merge(by string, opt MergeOptions) (sha string, err error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.merge(actor{user: p.s.mustUser(by)}, opt)
}

// UpdateBranch merges the base branch into the head branch, as the button does.
func (p *PR) UpdateBranch(by string) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.updateBranch(p.s.mustUser(by), "")
}

// Blockers says, in GitHub's words, what still keeps the pull request from being merged by somebody without a way around.
func (p *PR) Blockers() []string {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var out []string
	for _, need := range p.repo.sources(p.baseRef) {
		out = append(out, p.blockers(need)...)
	}
	return out
}

func (p *PR) merge(a actor, opt MergeOptions) (string, error) {
	if opt.Method == "" {
		opt.Method = "merge"
	}
	if err := p.mayMerge(a, opt); err != nil {
		return "", err
	}
	base := p.repo.tip(p.baseRef)
	sha, err := p.makeMerge(a.user, base, opt)
	if err != nil {
		return "", err
	}
	p.repo.setRef(p.baseRef, sha)
	p.finishMerge(a.user, sha)
	p.tell("closed", a.user, nil)
	p.repo.pushedTo(a.user, p.baseRef, base, sha)
	return sha, nil
}

func (p *PR) mayMerge(a actor, opt MergeOptions) error {
	no := func(format string, args ...any) error { return refuse(http.StatusMethodNotAllowed, format, args...) }
	switch {
	case a.inst == nil && p.repo.roleOf(a.user) < roleWrite:
		return refuse(http.StatusForbidden, "You're not authorized to push to this branch. Visit https://docs.github.com/articles/about-protected-branches/ for more information.")
	case p.state != "open":
		return no("Pull Request is not mergeable")
	case p.draft:
		return no("Pull Request is still a draft")
	case opt.SHA != "" && opt.SHA != p.headSHA:
		return refuse(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	case p.repo.noMerge[opt.Method]:
		names := map[string]string{"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}
		return no("%s are not allowed on this repository.", names[opt.Method])
	case !p.testMerge():
		return no("Pull Request is not mergeable")
	}
	for _, need := range p.repo.sources(p.baseRef) {
		if need.bypass(a, true) {
			continue
		}
		if need.linear && opt.Method == "merge" {
			return no("This branch must not contain merge commits.")
		}
		if why := p.blockers(need); len(why) > 0 {
			return no("%s", strings.Join(why, " "))
		}
	}
	return nil
}

// makeMerge writes the commit or commits; nothing points to them yet.
func (p *PR) makeMerge(by *User, base string, opt MergeOptions) (string, error) {
	tree, _ := p.repo.mergeTree(base, p.headSHA)
	title, message := opt.Title, opt.Message
	switch opt.Method {
	case "merge":
		if title == "" {
			title = fmt.Sprintf("Merge pull request #%d from %s/%s", p.number, p.headRepo.owner.login, p.headRef)
		}
		if message == "" {
			message = p.title
		}
		return p.repo.commitTree(tree, joinMessage(title, message), by, base, p.headSHA), nil
	case "squash":
		if title == "" {
			title = fmt.Sprintf("%s (#%d)", p.title, p.number)
		}
		if message == "" {
			for _, ci := range p.commits() {
				message += "* " + ci.message + "\n\n"
			}
		}
		return p.repo.commitTree(tree, joinMessage(title, message), p.author, base), nil
	case "rebase":
		sha, conflict := p.repo.rebase(base, p.headSHA, by)
		if conflict {
			return "", refuse(http.StatusMethodNotAllowed, "This branch can't be rebased")
		}
		return sha, nil
	}
	return "", badRequest(notMember(opt.Method, []string{"merge", "squash", "rebase"}))
}

func joinMessage(title, message string) string {
	return strings.TrimSpace(title+"\n\n"+message) + "\n"
}

func (p *PR) updateBranch(by *User, expected string) error {
	base := p.repo.tip(p.baseRef)
	switch {
	case expected != "" && expected != p.headSHA:
		return refuse(http.StatusUnprocessableEntity, "expected head sha didn’t match current head ref.")
	case p.repo.isAncestor(base, p.headSHA):
		return refuse(http.StatusUnprocessableEntity, "There are no new commits on the base branch.")
	}
	tree, conflict := p.repo.mergeTree(p.headSHA, base)
	if conflict {
		return refuse(http.StatusUnprocessableEntity, "merge conflict between base and head")
	}
	msg := fmt.Sprintf("Merge branch '%s' into %s\n", p.baseRef, p.headRef)
	sha := p.repo.commitTree(tree, msg, by, p.headSHA, base)
	return p.headRepo.pushRef(by, p.headRef, sha, false)
}

func (c *call) mergePull() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var req struct {
		CommitTitle   string `json:"commit_title"`
		CommitMessage string `json:"commit_message"`
		SHA           string `json:"sha"`
		MergeMethod   string `json:"merge_method"`
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	sha, err := p.merge(c.actor, MergeOptions{Method: req.MergeMethod, SHA: req.SHA, Title: req.CommitTitle, Message: req.CommitMessage})
	if err != nil {
		return reply{}, err
	}
	return ok(object{"sha": sha, "merged": true, "message": "Pull Request successfully merged"})
}

func (c *call) updatePullBranch() (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	var req struct {
		Expected string `json:"expected_head_sha"`
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	if err := p.updateBranch(c.actor.user, req.Expected); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusAccepted, body: object{
		"message": "Updating pull request branch.", "url": p.repo.api(fmt.Sprintf("/pulls/%d", p.number)),
	}}, nil
}
