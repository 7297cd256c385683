package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"
	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// NotFound says that GitHub does not have it, or does not show it to this installation.
type NotFound struct{ What string }

func (e NotFound) Error() string {
	return fmt.Sprintf("GitHub does not have %s, or does not show it to this App; check that the App is installed there", e.What)
}

// MissingPermission says that the App may not do this. Permission is in GitHub's words: "checks=write".
type MissingPermission struct {
	What, Permission string
	Message          string // GitHub's
}

func (e MissingPermission) Error() string {
	return fmt.Sprintf("the GitHub App lacks the permission %s for %s; grant it in the App's settings and let an owner accept it (GitHub says: %s)",
		e.Permission, e.What, e.Message)
}

// toWrite names the permission that is wanted in the end where one to read is refused on the way to a write: who grants what the error
// names must not have to come back for the other half.
func toWrite(err error, permission string) error {
	var lacks MissingPermission
	if !errors.As(err, &lacks) {
		return err
	}
	lacks.Permission = permission
	return lacks
}

// Unauthorized says that GitHub does not take the App's key or token, or that the installation is suspended.
type Unauthorized struct{ What, Message string }

func (e Unauthorized) Error() string {
	return fmt.Sprintf("GitHub refused the App's credentials for %s (%s); check the App's id and key, and that the installation is not suspended",
		e.What, e.Message)
}

// RateLimited says that GitHub wants to be left alone until then.
type RateLimited struct{ Until time.Time }

func (e RateLimited) Error() string {
	return "GitHub's rate limit is reached; it asks to wait until " + e.Until.UTC().Format(time.RFC3339)
}

// Temporary says that GitHub could not be reached or could not answer; trying again may help.
type Temporary struct {
	What  string
	Cause error
}

func (e Temporary) Error() string {
	return fmt.Sprintf("GitHub could not be asked for %s just now: %v", e.What, e.Cause)
}

func (e Temporary) Unwrap() error { return e.Cause }

// Unprocessable says that GitHub understood and refused; the same request will be refused again.
type Unprocessable struct{ What, Message string }

func (e Unprocessable) Error() string {
	if e.What == "" {
		return e.Message
	}
	return fmt.Sprintf("GitHub refused %s: %s", e.What, e.Message)
}

// call says what a request is about, for its errors.
type call struct {
	what       string
	permission string  // what it needs, when GitHub does not say
	said       *string // takes GitHub's own words about a refusal, where one status means several things; nil: not wanted
}

// translate turns whatever went wrong into one of the package's errors. A context that is over stays its own error: it says
// nothing about GitHub.
func translate(ctx context.Context, err error, resp *http.Response, c call, now time.Time) error {
	var limited RateLimited
	var spent *github.RateLimitError // go-github's own: the last answer said that nothing remains
	var refused *ghinstallation.HTTPError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &limited):
		return limited
	case errors.As(err, &spent):
		until := spent.Rate.Reset.Add(time.Second).UTC()
		if most := now.Add(maxPause); until.After(most) {
			until = most
		}
		return RateLimited{Until: until}
	case ctx.Err() != nil:
		return fmt.Errorf("asking GitHub for %s: %w", c.what, ctx.Err())
	case errors.Is(err, errElsewhere), errors.Is(err, errTooLarge):
		return Unprocessable{What: c.what, Message: rootCause(err).Error()}
	case errors.As(err, &refused) && refused.Response != nil:
		defer refused.Response.Body.Close() //nolint:errcheck // only read
		c.what = "a token of the installation"
		err := byStatus(refused.Response, c, now)
		if _, ok := err.(NotFound); ok { // a file that is not there is one thing, an App that is not there another
			return Unauthorized{What: c.what, Message: "the App is not installed there any more"}
		}
		return err
	case resp != nil && resp.StatusCode >= 300:
		return byStatus(resp, c, now)
	}
	return Temporary{What: c.what, Cause: rootCause(err)}
}

// rootCause leaves out the layers that repeat the request's address.
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func byStatus(resp *http.Response, c call, now time.Time) error {
	message := apiMessage(resp)
	if c.said != nil {
		*c.said = message
	}
	if until, ok := limitedUntil(resp, message, now); ok {
		return RateLimited{Until: until}
	}
	low := strings.ToLower(message)
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized:
		return Unauthorized{What: c.what, Message: message}
	case code == http.StatusForbidden && strings.Contains(low, "suspended"):
		return Unauthorized{What: c.what, Message: message}
	case code == http.StatusForbidden && (strings.Contains(low, "locked") || strings.Contains(low, "archived") || strings.Contains(low, "read-only")):
		// No permission helps where a conversation is locked or a repository is archived.
		return Unprocessable{What: c.what, Message: message}
	case code == http.StatusForbidden:
		permission := strings.ReplaceAll(resp.Header.Get("X-Accepted-GitHub-Permissions"), "; ", " or ")
		if permission == "" {
			permission = c.permission
		}
		if permission == "" {
			permission = "(GitHub does not say which)"
		}
		return MissingPermission{What: c.what, Permission: gate.Printable(permission), Message: message}
	case code == http.StatusNotFound || code == http.StatusGone:
		return NotFound{What: c.what}
	case code >= 500 || code == http.StatusRequestTimeout:
		return Temporary{What: c.what, Cause: fmt.Errorf("it answered %d", code)}
	default:
		return Unprocessable{What: c.what, Message: fmt.Sprintf("%d %s", code, message)}
	}
}

// maxPause is the longest pause that is believed: GitHub's limits are of an hour. A proxy's mistake must not silence the App for years.
const maxPause = 2 * time.Hour

// limitedUntil is pauseUntil, within reason.
func limitedUntil(resp *http.Response, message string, now time.Time) (time.Time, bool) {
	until, ok := pauseUntil(resp, message, now)
	if most := now.Add(maxPause); until.After(most) {
		until = most
	}
	return until, ok
}

// pauseUntil reads how long GitHub wants to be left alone: Retry-After, else the reset of a used-up budget, else a minute
// for a secondary limit, as GitHub's documentation asks.
func pauseUntil(resp *http.Response, message string, now time.Time) (time.Time, bool) {
	if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return time.Time{}, false
	}
	if s := resp.Header.Get("Retry-After"); s != "" {
		if n, err := strconv.ParseInt(s, 10, 32); err == nil && n >= 0 {
			return now.Add(time.Duration(n) * time.Second), true
		}
		if t, err := http.ParseTime(s); err == nil {
			return t, true
		}
	}
	if resp.StatusCode == http.StatusServiceUnavailable {
		return time.Time{}, false
	}
	if resp.Header.Get("X-RateLimit-Remaining") == "0" {
		if n, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return time.Unix(n, 0).Add(time.Second).UTC(), true
		}
	}
	low := strings.ToLower(message)
	if resp.StatusCode == http.StatusTooManyRequests || strings.Contains(low, "rate limit") || strings.Contains(low, "abuse detection") {
		return now.Add(time.Minute), true
	}
	return time.Time{}, false
}

// apiMessage is what GitHub says about an error, in one line.
func apiMessage(resp *http.Response) string {
	var body struct {
		Message string `json:"message"`
		Errors  []any  `json:"errors"`
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil || json.Unmarshal(raw, &body) != nil || body.Message == "" {
		return http.StatusText(resp.StatusCode)
	}
	message := body.Message
	for i, e := range body.Errors {
		if i == 5 {
			break
		}
		switch e := e.(type) {
		case string:
			message += "; " + e
		case map[string]any:
			for _, key := range []string{"resource", "field", "code", "message"} {
				if s, ok := e[key].(string); ok {
					message += " " + s
				}
			}
		}
	}
	return gate.Shorten(gate.Printable(message), 500)
}

// send makes one call and reads its answer into out, if out is not nil. The response is nil when there was none.
func send(ctx context.Context, client *github.Client, o Options, c call, method, path string, body, out any) (*github.Response, error) {
	req, err := client.NewRequest(method, path, body)
	if err != nil {
		return nil, Unprocessable{What: c.what, Message: "the request cannot be made: " + rootCause(err).Error()}
	}
	resp, err := client.Do(ctx, req, out)
	if err == nil {
		return resp, nil
	}
	var plain *http.Response
	if resp != nil {
		plain = resp.Response
	}
	err = translate(ctx, err, plain, c, o.Clock())
	if o.Log != nil {
		o.Log.WithFields(logrus.Fields{"method": method, "path": req.URL.Path}).WithError(err).Debug("GitHub refused a request")
	}
	return resp, err
}
