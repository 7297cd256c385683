package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
)

// people gathers who had a hand in the change, who spoke about it, and what those may.
func (g *gatherer) people(ctx context.Context) error {
	pr := &g.facts.PullRequest
	reviews, authors, err := g.forge.Reviews(ctx, pr.Number)
	if err != nil {
		return fmt.Errorf("read the reviews: %w", err)
	}
	g.facts.Reviews, g.insiders = reviews, map[string]bool{}
	types := map[string]string{}
	for _, a := range authors {
		g.heard(types, a)
	}
	if err := g.remarks(ctx, types); err != nil {
		return err
	}
	if err := g.commits(ctx); err != nil {
		return err
	}
	if g.facts.Pushers, err = g.pushers(ctx); err != nil {
		return err
	}
	return g.lookUp(ctx, types)
}

// heard remembers what is known of somebody who has spoken.
func (g *gatherer) heard(types map[string]string, who forge.Speaker) {
	types[strings.ToLower(who.Login)] = who.Type
	if who.Insider {
		g.insiders[strings.ToLower(who.Login)] = true
	}
}

// remarks takes the comments that the configuration calls approvals for such. One that was edited does not count: whoever may edit
// is not who wrote.
func (g *gatherer) remarks(ctx context.Context, types map[string]string) error {
	texts := g.facts.Approvals.Comments
	if len(texts) == 0 {
		return nil
	}
	list, err := g.forge.Remarks(ctx, g.facts.PullRequest.Number)
	if err != nil {
		return g.missing(err, "read the comments")
	}
	for _, c := range list {
		if c.Login == "" || c.Edited || !slices.Contains(texts, c.Line) {
			continue
		}
		g.heard(types, c.Speaker)
		g.facts.Reviews = append(g.facts.Reviews, gate.Review{
			ID: c.ID, Login: c.Login, State: gate.ReviewApproved, Time: c.Time, Comment: true,
		})
	}
	return nil
}

// lookUp reads the permission and the teams of everybody whose opinion may count.
func (g *gatherer) lookUp(ctx context.Context, types map[string]string) error {
	var logins []string
	for _, r := range g.facts.Reviews {
		if r.Login != "" && (r.State == gate.ReviewApproved || r.State == gate.ReviewChangesRequested) {
			logins = append(logins, r.Login)
		}
	}
	if g.config.Needs().People {
		for _, login := range g.contributors() {
			logins = append(logins, login)
			if types[strings.ToLower(login)] == "" && !strings.HasSuffix(login, "[bot]") {
				types[strings.ToLower(login)] = gate.ActorUser
			}
		}
	}
	slices.SortFunc(logins, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	for _, login := range slices.CompactFunc(logins, strings.EqualFold) {
		g.facts.Actors = append(g.facts.Actors, gate.Actor{Login: login, Type: types[strings.ToLower(login)]})
	}
	if err := g.noteForeignTeams(ctx); err != nil {
		return err
	}
	return g.entitled(ctx, g.args.Again)
}

func (g *gatherer) memberships(ctx context.Context, login string, teams []string, fresh bool) ([]string, error) {
	in := []string{}
	for _, team := range teams {
		org, slug, _ := strings.Cut(team, "/")
		yes, known := g.forge.KnownInTeam(org, slug, login)
		if known && !fresh {
			g.remembered = true
		} else {
			var err error
			if yes, err = g.forge.InTeam(ctx, org, slug, login); err != nil {
				return nil, err
			}
		}
		if yes {
			in = append(in, team)
		}
	}
	return in, nil
}

// contributors are the logins of the author and of those who had a hand in a commit.
func (g *gatherer) contributors() []string {
	out := []string{g.facts.PullRequest.Author}
	for _, c := range g.facts.Commits {
		for _, by := range c.Contributors {
			if by.Login != "" && by.Login != webFlow {
				out = append(out, by.Login)
			}
		}
	}
	return out
}

// missing turns a permission that the App lacks into a problem that an owner can mend; anything else stays an error.
func (g *gatherer) missing(err error, doing string) error {
	var lacks forge.MissingPermission
	if errors.As(err, &lacks) {
		g.problem(gate.Problem{
			Code: "github", Message: fmt.Sprintf("the App may not %s: it lacks the permission %s", doing, lacks.Permission),
			Remedy: "An owner of the organisation accepts the App's new permissions in its installation settings.",
		})
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// commits reads who wrote the commits: names and co-authors from git, without any cap, and accounts from GitHub.
func (g *gatherer) commits(ctx context.Context) error {
	pr := &g.facts.PullRequest
	list, err := g.Mirror.Commits(ctx, g.mirror, pr.Base.SHA, pr.Head.SHA)
	if err != nil {
		return fmt.Errorf("list the commits: %w", err)
	}
	logins, err := g.forge.CommitLogins(ctx, pr.Number, pr.Head.SHA, len(list))
	if err != nil {
		return g.missing(err, "read the authors of the commits")
	}
	accounts := map[string]string{} // e-mail address -> login, as far as these commits tell
	for _, c := range list {
		if l := logins[c.SHA]; l.Author != "" {
			accounts[strings.ToLower(c.Author.Email)] = l.Author
		}
	}
	for _, c := range list {
		l := logins[c.SHA]
		commit := gate.Commit{SHA: c.SHA, Verified: l.Verified}
		commit.Contributors = append(commit.Contributors,
			contributor("author", l.Author, c.Author.Name, c.Author.Email, accounts),
			contributor("committer", l.Committer, c.Committer.Name, c.Committer.Email, accounts))
		for _, by := range c.CoAuthors {
			commit.Contributors = append(commit.Contributors, contributor("co-author", "", by.Name, by.Email, accounts))
		}
		g.facts.Commits = append(g.facts.Commits, commit)
	}
	return g.baseMerges(ctx, list)
}

// maxBaseMerges is how many merges of the base branch are made again to see whether they are clean. More count as contributions.
const maxBaseMerges = 30

// baseMerges marks the commits that merge the base branch and do nothing else, as the button "Update branch" makes them.
func (g *gatherer) baseMerges(ctx context.Context, list []gitmirror.Commit) error {
	pr, tried := &g.facts.PullRequest, 0
	g.contents = []string{pr.Head.SHA}
	for i := len(list) - 1; i >= 0 && tried < maxBaseMerges; i-- { // the newest first: those that came after the last push of contents
		c := list[i]
		if len(c.Parents) != 2 {
			continue
		}
		tried++
		onto := c.Parents[1]
		base, err := g.Mirror.MergeBase(ctx, g.mirror, pr.Base.SHA, onto)
		if errors.Is(err, gitmirror.ErrNoMergeBase) || err == nil && base != onto {
			continue // it merges something else
		}
		if err != nil {
			return fmt.Errorf("find out what %s merges: %w", c.SHA, err)
		}
		from, err := g.Mirror.MergeBase(ctx, g.mirror, c.Parents[0], onto)
		if errors.Is(err, gitmirror.ErrNoMergeBase) {
			continue
		}
		if err != nil {
			return fmt.Errorf("find out what %s merges: %w", c.SHA, err)
		}
		result, differ, err := g.carryOnto(ctx, from, c.Parents[0], onto, c.SHA)
		if err != nil {
			return fmt.Errorf("make the merge %s again: %w", c.SHA, err)
		}
		if result == nil || len(differ) > 0 {
			continue
		}
		g.facts.Commits[i].BaseMerge = true
		if g.contents[0] == c.SHA {
			g.contents = slices.Insert(g.contents, 0, c.Parents[0])
		}
	}
	return nil
}

// noreply is the form of the addresses that GitHub gives to people who hide theirs: ID+login@users.noreply.HOST.
var noreply = regexp.MustCompile(`(?i)^(?:\d+\+)?([a-z0-9-]+(?:\[bot\])?)@users\.noreply\.`)

// webFlow signs what is committed on GitHub's own pages.
const webFlow, webFlowEmail = "web-flow", "noreply@github.com"

// contributor names somebody by login: as GitHub names the commit's author or committer, else by an address that it has named
// in another commit of the pull request. Co-authors it never names, so a noreply address is read here. Whoever remains is
// unknown, and counts against.
func contributor(role, login, name, email string, accounts map[string]string) gate.Contributor {
	if login == "" {
		login = accounts[strings.ToLower(email)]
	}
	if m := noreply.FindStringSubmatch(email); login == "" && role == "co-author" && m != nil {
		login = m[1]
	}
	if login == "" && role == "committer" && email == webFlowEmail {
		login = webFlow
	}
	if login != "" {
		return gate.Contributor{Role: role, Login: login}
	}
	return gate.Contributor{Role: role, Name: strings.TrimSpace(fmt.Sprintf("%s <%s>", name, email))}
}

// pushers says who pushed the contents of the present head: whoever the push events named, else whoever GitHub's timeline names, else
// nobody. Whoever only merged the base branch into it afterwards has pushed nothing that a reviewer would look at; where nobody knows
// who pushed what was merged into, it came with the first push after it that is known.
func (g *gatherer) pushers(ctx context.Context) ([]string, error) {
	for _, sha := range g.contents {
		known, err := g.Notes.Pushers(ctx, g.facts.Repository.ID, sha)
		if err != nil {
			return nil, fmt.Errorf("read who pushed %s: %w", sha, err)
		}
		if len(known) > 0 {
			return known, nil
		}
		login, err := g.forge.LastPusher(ctx, g.facts.PullRequest.Number, sha)
		if err != nil {
			return nil, fmt.Errorf("read who pushed %s from the timeline: %w", sha, err)
		}
		if login != "" {
			return []string{login}, nil
		}
	}
	return []string{}, nil
}
