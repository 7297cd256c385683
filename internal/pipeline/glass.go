package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/explain"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// GlassTitle begins the title of the issue that asks for the review of a broken glass.
const GlassTitle = "Gatehouse: review the broken glass of"

// glassState is what is remembered of the last call to break a pull request's glass.
type glassState struct {
	gate.BreakGlass
	Comment  int64     `json:"comment"` // that asked
	Asked    time.Time `json:"asked"`
	Needed   int       `json:"needed"`   // confirmations
	Comments []int64   `json:"comments"` // that confirmed, in the order of BreakGlass.Confirmed
}

func glassKey(repositoryID int64, number int) string {
	return fmt.Sprintf("break-glass/%d/%d", repositoryID, number)
}

func (p *Pipeline) glassState(ctx context.Context, repositoryID int64, number int) (*glassState, error) {
	text, err := p.Notes.Meta(ctx, glassKey(repositoryID, number))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the state of the glass: %w", err)
	}
	var s glassState
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, store.Permanent{Err: fmt.Errorf("read the state of the glass: %w", err)}
	}
	return &s, nil
}

func (p *Pipeline) saveGlass(ctx context.Context, r work.Command, s *glassState) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write the state of the glass: %w", err)
	}
	if err := p.Notes.SetMeta(ctx, glassKey(r.RepositoryID, r.Number), string(text)); err != nil {
		return fmt.Errorf("remember the state of the glass: %w", err)
	}
	return nil
}

// glass puts a confirmed call into the facts. Whether it is for this head, this branch and this hour, Decide says. A configuration
// that no longer knows break_glass ends it at once.
func (g *gatherer) glass(ctx context.Context) error {
	s, err := g.glassState(ctx, g.facts.Repository.ID, g.facts.PullRequest.Number)
	if err != nil {
		return err
	}
	if terms := g.config.BreakGlass; terms != nil {
		g.facts.Emergency = &gate.Emergency{Teams: terms.Teams, Approvals: terms.Approvals}
	}
	if s != nil && len(s.Confirmed) >= s.Needed && g.config.BreakGlass != nil {
		g.facts.BreakGlass = &s.BreakGlass
	}
	return nil
}

// expire judges a pull request again because something has ended.
func (p *Pipeline) expire(ctx context.Context, args work.Evaluate, _ int) error {
	if err := p.Recorder.Enqueue(ctx, args.Work()); err != nil {
		return fmt.Errorf("queue the evaluation: %w", err)
	}
	return nil
}

// breakGlass carries out break-glass and approve-break-glass. What is refused comes back as a sentence for the person; everything is
// recorded under the comment's id, so that a repeated work records it once.
func (p *Pipeline) breakGlass(ctx context.Context, r work.Command, confirm bool, reason string) (reaction, reply string, err error) {
	why, said, err := p.tryGlass(ctx, r, confirm, reason)
	if err != nil {
		return "", "", err
	}
	if why == "" {
		return reactionDone, said, nil
	}
	err = p.recordGlass(ctx, r, "refused", gate.BreakGlass{By: r.Login, Reason: reason}, map[string]any{"why": why, "command": r.Line})
	return reactionRefused, why + "\n", err
}

// tryGlass returns why it is refused, or what to say.
func (p *Pipeline) tryGlass(ctx context.Context, r work.Command, confirm bool, reason string) (refused, said string, err error) {
	if r.Edited {
		return "An edited comment gives no commands: whoever may edit is not who wrote. Write a new comment.", "", nil
	}
	repo := p.Forge.Repo(r.InstallationID, r.Owner, r.Name)
	comment, err := repo.Remark(ctx, r.CommentID)
	switch {
	case errors.As(err, new(forge.NotFound)):
		return "The comment was deleted.", "", nil
	case err != nil:
		return "", "", fmt.Errorf("read comment %d again: %w", r.CommentID, p.retryable(err))
	case comment.Edited || !strings.EqualFold(comment.Login, r.Login):
		return "The comment was edited. Write a new one: an edited comment gives no commands.", "", nil
	}
	g, refused, err := p.glassScene(ctx, r)
	if err != nil || refused != "" {
		return refused, "", err
	}
	if confirm {
		return p.confirmGlass(ctx, r, g)
	}
	return p.askGlass(ctx, r, g, reason)
}

// glassScene reads the pull request and its configuration afresh, and whether who asks may.
func (p *Pipeline) glassScene(ctx context.Context, r work.Command) (*gatherer, string, error) {
	g := &gatherer{
		Pipeline: p, args: work.Evaluate{Target: r.Target, Number: r.Number}, forge: p.Forge.Repo(r.InstallationID, r.Owner, r.Name),
		mirror: gitmirror.Repo{Owner: r.Owner, Name: r.Name}, facts: gate.Facts{Version: gate.FactsVersion, Time: p.Clock().UTC()},
	}
	var err error
	if g.facts.Repository, g.facts.PullRequest, err = g.forge.PullRequest(ctx, r.Number); err != nil {
		return nil, "", fmt.Errorf("read the pull request: %w", p.retryable(err))
	}
	if g.facts.PullRequest.State != "open" {
		return nil, "This pull request is closed.", nil
	}
	for _, step := range []func(context.Context) error{g.git, g.configuration} {
		if err := step(ctx); err != nil {
			return nil, "", p.retryable(err)
		}
	}
	glass := g.config.BreakGlass
	switch {
	case len(g.facts.Problems) > 0:
		return nil, "The configuration on the base branch cannot be read, so nobody can tell who may break the glass.", nil
	case glass == nil:
		return nil, "Break-glass is off here: the configuration on the base branch has no `break_glass`.", nil
	}
	for _, team := range glass.Teams {
		org, slug, _ := strings.Cut(team, "/")
		in, err := g.forge.InTeam(ctx, org, slug, r.Login)
		if err != nil {
			return nil, "", fmt.Errorf("read whether %s is in %s: %w", r.Login, team, p.retryable(err))
		}
		if in {
			return g, "", nil
		}
	}
	return nil, fmt.Sprintf("Only members of %s may do that.", strings.Join(glass.Teams, " or ")), nil
}

func (p *Pipeline) askGlass(ctx context.Context, r work.Command, g *gatherer, reason string) (refused, said string, err error) {
	glass, pr := g.config.BreakGlass, &g.facts.PullRequest
	if strings.TrimSpace(reason) == "" {
		return "Say why: `/gatehouse break-glass REASON`.", "", nil
	}
	last, err := p.Recorder.Latest(ctx, r.RepositoryID, r.Number)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", "", fmt.Errorf("read the last decision: %w", err)
	}
	switch {
	case err != nil || last.Head != pr.Head.SHA:
		return fmt.Sprintf("The head is %.7s, which has not been judged yet. Look at the verdict first, then ask again.", pr.Head.SHA), "", nil
	case last.Verdict == string(gate.Pass):
		return "There is nothing to break: the verdict is pass.", "", nil
	}
	now := p.Clock().UTC()
	s := &glassState{
		BreakGlass: gate.BreakGlass{By: r.Login, Reason: reason, Confirmed: []string{}, Head: pr.Head.SHA, Branch: pr.Base.Branch},
		Comment:    r.CommentID, Asked: now, Needed: glass.Approvals, Comments: []int64{},
	}
	if err := p.recordGlass(ctx, r, "asked", s.BreakGlass, map[string]any{"needed": s.Needed}); err != nil {
		return "", "", err
	}
	if err := p.saveGlass(ctx, r, s); err != nil {
		return "", "", err
	}
	who := "Another member"
	if s.Needed > 1 {
		who = fmt.Sprintf("%d other members", s.Needed)
	}
	return "", fmt.Sprintf("%s of %s can confirm this for %.7s with `/gatehouse approve-break-glass`, within %s.\n",
		who, strings.Join(glass.Teams, " or "), s.Head, time.Duration(glass.Expires)), nil
}

func (p *Pipeline) confirmGlass(ctx context.Context, r work.Command, g *gatherer) (refused, said string, err error) {
	glass, pr := g.config.BreakGlass, &g.facts.PullRequest
	s, err := p.glassState(ctx, r.RepositoryID, r.Number)
	if err != nil {
		return "", "", err
	}
	now := p.Clock().UTC()
	repeated := s != nil && slices.Contains(s.Comments, r.CommentID) // of a work that was interrupted
	switch {
	case repeated:
	case s == nil:
		return "Nobody has asked to break the glass: `/gatehouse break-glass REASON` comes first.", "", nil
	case s.Head != pr.Head.SHA:
		return fmt.Sprintf("The glass was to be broken for %.7s; the head is now %.7s. Ask again.", s.Head, pr.Head.SHA), "", nil
	case s.Branch != pr.Base.Branch:
		return fmt.Sprintf("The glass was to be broken for a merge into %s; it now goes into %s. Ask again.", s.Branch, pr.Base.Branch), "", nil
	case len(s.Confirmed) >= s.Needed && now.Before(s.Until):
		return "The glass is broken already.", "", nil
	case len(s.Confirmed) >= s.Needed, now.After(s.Asked.Add(time.Duration(glass.Expires))):
		return "That call has expired. Ask again.", "", nil
	case strings.EqualFold(s.By, r.Login), slices.ContainsFunc(s.Confirmed, func(l string) bool { return strings.EqualFold(l, r.Login) }):
		return "Somebody else must confirm it: four eyes see more than two.", "", nil
	}
	if !repeated {
		s.Confirmed, s.Comments = append(s.Confirmed, r.Login), append(s.Comments, r.CommentID)
		if len(s.Confirmed) >= s.Needed {
			s.Until = now.Add(time.Duration(glass.Expires)).Truncate(time.Second)
		}
		if err := p.saveGlass(ctx, r, s); err != nil {
			return "", "", err
		}
	}
	if missing := s.Needed - len(s.Confirmed); missing > 0 {
		return "", fmt.Sprintf("%d more must confirm it.\n", missing), p.recordGlass(ctx, r, "confirmed", s.BreakGlass, map[string]any{"missing": missing})
	}
	return "", "", p.openGlass(ctx, r, s)
}

// openGlass records that the glass is broken, has the check turned and turned back, and opens the issue. The log comes first.
func (p *Pipeline) openGlass(ctx context.Context, r work.Command, s *glassState) error {
	last, err := p.Recorder.Latest(ctx, r.RepositoryID, r.Number)
	if err != nil {
		return fmt.Errorf("read the last decision: %w", err)
	}
	var around gate.Decision
	if err := json.Unmarshal(last.Decision, &around); err != nil {
		return store.Permanent{Err: fmt.Errorf("read decision %s: %w", last.ID, err)}
	}
	findings := []string{}
	for i := range around.Findings {
		if f := &around.Findings[i]; len(findings) < maxEntryResources {
			findings = append(findings, fmt.Sprintf("%s %s %s", f.Rule, f.Status, f.Resource))
		}
	}
	detail := map[string]any{"decision": last.ID, "verdict": last.Verdict, "title": around.Title, "findings": findings}
	if err := p.recordGlass(ctx, r, "opened", s.BreakGlass, detail); err != nil {
		return err
	}
	again := work.Evaluate{Target: r.Target, Number: r.Number}
	if err := p.Recorder.Enqueue(ctx, again.Work(), again.Expire(s.Until)); err != nil {
		return fmt.Errorf("queue the evaluation: %w", err)
	}
	repo := p.Forge.Repo(r.InstallationID, r.Owner, r.Name)
	issue := explain.Glass{RepoURL: p.ServerURL + "/" + r.Owner + "/" + r.Name, Number: r.Number, BreakGlass: s.BreakGlass, Decision: around}
	marker := fmt.Sprintf("<!-- gatehouse:break-glass:%d -->", s.Comment)
	if _, err := repo.OpenIssue(ctx, fmt.Sprintf("%s #%d", GlassTitle, r.Number), issue.Issue(), marker); err != nil {
		return fmt.Errorf("open an issue about the broken glass: %w", p.retryable(err))
	}
	return nil
}

// recordGlass writes what came of a command into the log.
func (p *Pipeline) recordGlass(ctx context.Context, r work.Command, outcome string, b gate.BreakGlass, detail map[string]any) error {
	detail["outcome"], detail["by"], detail["reason"], detail["comment"] = outcome, b.By, gate.Shorten(b.Reason, 500), r.CommentID
	if len(b.Confirmed) > 0 {
		detail["confirmed_by"] = b.Confirmed
	}
	if !b.Until.IsZero() {
		detail["until"] = b.Until.Format(time.RFC3339)
	}
	_, err := p.Recorder.Append(ctx, []store.Entry{{
		Time: p.Clock().UTC(), Type: store.EntryBreakGlass, Actor: r.Login, Repository: r.Owner + "/" + r.Name, PullRequest: r.Number,
		Commit: b.Head, Resources: []string{}, Verdict: outcome, Detail: detail,
		Key: fmt.Sprintf("break-glass/%d/%d/%v/%s", r.RepositoryID, r.CommentID, r.Edited, outcome),
	}})
	if err != nil {
		return fmt.Errorf("record the break-glass command: %w", err)
	}
	p.Metrics.BrokeGlass(outcome)
	p.Log.WithField("pull_request", fmt.Sprintf("%s/%s#%d", r.Owner, r.Name, r.Number)).WithField("actor", r.Login).WithField("outcome", outcome).Warn("break-glass")
	return nil
}
