package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// Reactions, as GitHub names them: seen and done, and not understood or not allowed.
const (
	reactionDone    = "+1"
	reactionRefused = "confused"
)

const help = "Commands, each on the first line of a new comment:\n\n" +
	"- `/gatehouse recheck` reads everything again and decides anew\n" +
	"- `/gatehouse explain RULE-ID` says what a rule wants and why\n" +
	"- `/gatehouse help` shows this list\n"

// command carries out a comment's command and answers it with a reaction.
func (p *Pipeline) command(ctx context.Context, r work.Command, _ int) error {
	repo := p.Forge.Repo(r.InstallationID, r.Owner, r.Name)
	words := strings.Fields(strings.TrimPrefix(r.Line, "/gatehouse"))
	verb := "help"
	if len(words) > 0 {
		verb = words[0]
	}
	reaction, reply := reactionDone, ""
	switch verb {
	case "recheck":
		again := work.Evaluate{Target: r.Target, Number: r.Number, Again: true}
		if err := p.Recorder.Enqueue(ctx, again.Work()); err != nil {
			return fmt.Errorf("queue the recheck: %w", err)
		}
	case "explain":
		reaction, reply = p.explainRule(words[1:])
	case "help":
		reply = help
	case "break-glass", "approve-break-glass":
		reaction, reply = reactionRefused, "Break-glass is not part of this version of Gatehouse; the check stays as it is.\n"
	default:
		reaction, reply = reactionRefused, "That is no command of Gatehouse's.\n\n"+help
	}
	err := repo.React(ctx, r.CommentID, reaction)
	if errors.As(err, new(forge.NotFound)) {
		return nil // the comment was deleted: there is nobody to answer
	}
	if err != nil {
		return fmt.Errorf("react to comment %d: %w", r.CommentID, p.retryable(err))
	}
	if reply == "" {
		return nil
	}
	if _, err := repo.Reply(ctx, r.Number, fmt.Sprintf("%s\n<!-- gatehouse:reply:%d -->", reply, r.CommentID)); err != nil {
		return fmt.Errorf("answer comment %d: %w", r.CommentID, p.retryable(err))
	}
	return nil
}

// explainRule describes a built-in rule from the catalogue.
func (p *Pipeline) explainRule(words []string) (reaction, reply string) {
	if len(words) != 1 {
		return reactionRefused, "Write `/gatehouse explain RULE-ID`, for example `/gatehouse explain IM-06`.\n"
	}
	for _, r := range p.Policies.Catalogue() {
		if strings.EqualFold(r.ID, words[0]) {
			return reactionDone, fmt.Sprintf("**%s** (%s): %s\n\n%s\n\n**Remedy:** %s\n\n[More about this rule](%s)\n",
				r.ID, r.Severity, r.Title, r.Description, r.Remedy, r.Docs)
		}
	}
	return reactionRefused, fmt.Sprintf("There is no built-in rule `%s`.\n", gate.Shorten(ruleID(words[0]), 40))
}

// ruleID keeps of a stranger's word only what an id can hold.
func ruleID(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, s)
}
