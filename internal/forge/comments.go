package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// comment is an issue, or a comment on one, as far as it matters whose it is and what it says.
type comment struct {
	ID     int64  `json:"id"`
	Number int    `json:"number"` // of an issue
	Body   string `json:"body"`
	User   *struct {
		Login string `json:"login"`
		Type  string `json:"type"`
	} `json:"user"`
	PullRequest *struct{} `json:"pull_request"`
	Via         *struct {
		ID int64 `json:"id"`
	} `json:"performed_via_github_app"`
}

// author tells the App's own writing from others'. Anybody can write the marker; only the App has its bot's login, and a bot that
// acted through the App is the App.
type author struct {
	app int64
	bot string // its login; "" where GitHub does not say who the App is
}

// author is the App as a writer. A GitHub that does not know /app still says through which App a comment was written.
func (r *Repo) author(ctx context.Context) (author, error) {
	me, err := r.app.Identity(ctx)
	if errors.As(err, new(NotFound)) {
		return author{app: r.app.opts.AppID}, nil
	}
	return author{app: r.app.opts.AppID, bot: me.Bot()}, err
}

func (a author) wrote(c *comment) bool {
	if c.User == nil {
		return false
	}
	return a.bot != "" && strings.EqualFold(c.User.Login, a.bot) || c.Via != nil && c.Via.ID == a.app && c.User.Type == "Bot"
}

// PutComment makes the App's marked comment on an issue or pull request say body, and returns its id. An id that is still
// right costs one request. Without one, or when the comment is gone, the App's own comment that begins with the marker is
// looked for before one is made: so a lost answer never leads to a second one.
func (r *Repo) PutComment(ctx context.Context, number int, id int64, marker, body string) (int64, error) {
	if !strings.HasPrefix(body, marker) {
		return 0, fmt.Errorf("writing the comment on #%d: it does not begin with its marker, and could not be found again", number)
	}
	if id != 0 {
		err := r.editComment(ctx, id, body)
		if !errors.As(err, new(NotFound)) {
			return id, err
		}
	}
	found, err := r.ownComment(ctx, number, marker)
	if err != nil {
		return 0, toWrite(err, "issues=write or pull_requests=write")
	}
	switch {
	case found == nil:
		return r.Reply(ctx, number, body)
	case found.Body == body:
		return found.ID, nil
	}
	return found.ID, r.editComment(ctx, found.ID, body)
}

func (r *Repo) editComment(ctx context.Context, id int64, body string) error {
	c := call{what: "an edit of its comment", permission: "issues=write or pull_requests=write"}
	var out comment // an answer that is none, such as a proxy's page, does not say that GitHub has it
	_, err := r.do(ctx, c, http.MethodPatch, fmt.Sprintf("/issues/comments/%d", id), map[string]string{"body": body}, &out)
	return err
}

// ownComment is the App's oldest comment that begins with the marker; nil when there is none.
func (r *Repo) ownComment(ctx context.Context, number int, marker string) (*comment, error) {
	me, err := r.author(ctx)
	if err != nil {
		return nil, err
	}
	var found *comment
	c := call{what: fmt.Sprintf("the comments on #%d", number), permission: "issues=read"}
	err = pages(ctx, r, c, fmt.Sprintf("/issues/%d/comments", number), func(x comment) bool {
		if me.wrote(&x) && strings.HasPrefix(strings.TrimSpace(x.Body), marker) {
			found = &x
		}
		return found == nil
	})
	return found, err
}

// Reply adds a comment to an issue or pull request, and returns its id.
func (r *Repo) Reply(ctx context.Context, number int, body string) (int64, error) {
	var out comment
	c := call{what: fmt.Sprintf("a comment on #%d", number), permission: "issues=write or pull_requests=write"}
	_, err := r.do(ctx, c, http.MethodPost, fmt.Sprintf("/issues/%d/comments", number), map[string]string{"body": body}, &out)
	return out.ID, err
}

// React adds a reaction (+1, -1, eyes, rocket, confused...) to a comment. Doing it twice is the same as once.
func (r *Repo) React(ctx context.Context, commentID int64, content string) error {
	c := call{what: "a reaction to a comment", permission: "issues=write or pull_requests=write"}
	_, err := r.do(ctx, c, http.MethodPost, fmt.Sprintf("/issues/comments/%d/reactions", commentID), map[string]string{"content": content}, nil)
	return err
}

// OpenIssue opens an issue, unless the App has opened one with the marker before, be it closed by now, and returns its
// number. The marker, an HTML comment, is put before the body.
func (r *Repo) OpenIssue(ctx context.Context, title, body, marker string) (int, error) {
	me, err := r.author(ctx)
	if err != nil {
		return 0, err
	}
	filter := ""
	if me.bot != "" {
		filter = "&creator=" + url.QueryEscape(me.bot)
	}
	found, err := r.ownIssue(ctx, filter, me, marker)
	if errors.As(err, new(Unprocessable)) { // not every GitHub takes a bot for a creator
		found, err = r.ownIssue(ctx, "", me, marker)
	}
	if err != nil || found != 0 {
		return found, toWrite(err, "issues=write")
	}
	var out comment
	c := call{what: "an issue", permission: "issues=write"}
	in := map[string]string{"title": title, "body": marker + "\n" + body}
	_, err = r.do(ctx, c, http.MethodPost, "/issues", in, &out)
	return out.Number, err
}

// ownIssue is the number of the App's issue that begins with the marker, 0 when there is none.
func (r *Repo) ownIssue(ctx context.Context, filter string, me author, marker string) (int, error) {
	found := 0
	c := call{what: "its issues", permission: "issues=read"}
	err := pages(ctx, r, c, "/issues?state=all&sort=created&direction=desc"+filter, func(x comment) bool {
		if x.PullRequest == nil && me.wrote(&x) && strings.HasPrefix(strings.TrimSpace(x.Body), marker) {
			found = x.Number
		}
		return found == 0
	})
	return found, err
}
