package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
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
	"- `/gatehouse break-glass REASON` asks to let this head pass in an emergency, where the repository allows it\n" +
	"- `/gatehouse approve-break-glass` confirms that, by a second person\n" +
	"- `/gatehouse help` shows this list\n"

// command carries out a comment's command and answers it with a reaction.
func (p *Pipeline) command(ctx context.Context, r work.Command, _ int) error {
	repo := p.Forge.Repo(r.InstallationID, r.Owner, r.Name)
	words := strings.Fields(strings.TrimPrefix(r.Line, "/gatehouse"))
	verb := "help"
	if len(words) > 0 {
		verb = words[0]
	}
	ctx, unlock, err := p.alone(ctx, fmt.Sprintf("commands %d/%d", r.RepositoryID, r.Number)) // they read and write what is remembered of the pull request
	if err != nil {
		return err
	}
	defer unlock()
	switch allowed, first, err := p.mayCommand(ctx, r); {
	case err != nil:
		return err
	case !allowed && first:
		return p.answer(ctx, repo, r, reactionRefused, tooMany)
	case !allowed:
		return p.answer(ctx, repo, r, reactionRefused, "")
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
		var err error
		reaction, reply, err = p.breakGlass(ctx, r, verb != "break-glass", strings.Join(words[1:], " "))
		if err != nil {
			return err
		}
	default:
		reaction, reply = reactionRefused, "That is no command of Gatehouse's.\n\n"+help
	}
	return p.answer(ctx, repo, r, reaction, reply)
}

// answer reacts to a comment, and says more where there is more to say.
func (p *Pipeline) answer(ctx context.Context, repo *forge.Repo, r work.Command, reaction, reply string) error {
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
	// An earlier attempt may have been stored although its answer was lost, so it is looked for by its marker.
	marker := fmt.Sprintf("<!-- gatehouse:reply:%d -->", r.CommentID)
	if _, err := repo.PutComment(ctx, r.Number, 0, marker, marker+"\n"+reply); err != nil {
		return fmt.Errorf("answer comment %d: %w", r.CommentID, p.retryable(err))
	}
	return nil
}

// Commands in one pull request are limited, so that nobody can keep the server busy or flood the conversation.
const (
	maxCommands    = 20
	commandsWindow = 10 * time.Minute
	tooMany        = "There were more than 20 commands here within ten minutes; the next ones are not carried out until it is quieter.\n"
)

// mayCommand counts a command. first says that it is the first one too many. A repeated work counts once.
func (p *Pipeline) mayCommand(ctx context.Context, r work.Command) (allowed, first bool, err error) {
	key := fmt.Sprintf("commands/%d/%d", r.RepositoryID, r.Number)
	text, err := p.Notes.Meta(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, false, fmt.Errorf("read the last commands: %w", err)
	}
	type given struct {
		Comment int64     `json:"comment"`
		Time    time.Time `json:"time"`
	}
	var list []given
	if text != "" && json.Unmarshal([]byte(text), &list) != nil {
		list = nil
	}
	now := p.Clock().UTC()
	list = slices.DeleteFunc(list, func(g given) bool { return now.Sub(g.Time) > commandsWindow })
	i := slices.IndexFunc(list, func(g given) bool { return g.Comment == r.CommentID })
	if i < 0 {
		i = len(list)
		list = append(list, given{r.CommentID, now})
		list = list[:min(len(list), maxCommands+1)]
		data, err := json.Marshal(list)
		if err != nil {
			return false, false, fmt.Errorf("write the last commands: %w", err)
		}
		if err := p.Notes.SetMeta(ctx, key, string(data)); err != nil {
			return false, false, fmt.Errorf("remember the command: %w", err)
		}
	}
	return i < maxCommands, i == maxCommands, nil
}

// explainRule describes a built-in rule from the catalogue.
func (p *Pipeline) explainRule(words []string) (reaction, reply string) {
	if len(words) != 1 {
		return reactionRefused, "Write `/gatehouse explain RULE-ID`, for example `/gatehouse explain IM-06`.\n"
	}
	for _, r := range p.Rules() {
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
