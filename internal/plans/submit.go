package plans

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Submission is a plan on its way from a workflow to the server.
type Submission struct {
	Server    string // URL
	File      string // the plan, terraform show -json
	Dir       string
	Workspace string

	// What the runner gives a job that has `id-token: write`.
	TokenURL, TokenBearer string

	Client *http.Client
	Wait   func(ctx context.Context, d time.Duration) error // between attempts
	Notice func(text string)                                // what is being waited for
}

// Receipt is the server's answer to a plan that it took.
type Receipt struct {
	Digest       string `json:"digest"`
	Commit       string `json:"commit"`
	PullRequests []int  `json:"pull_requests"`
	Dir          string `json:"dir"`
	Workspace    string `json:"workspace"`
}

// Answer is a server's refusal.
type Answer struct {
	Status int
	Reason string
}

func (e Answer) Error() string {
	return fmt.Sprintf("the server refused the plan (%d): %s", e.Status, e.Reason)
}

// Unreachable says that GitHub or the server could not be asked, also after several attempts.
type Unreachable struct{ Err error }

func (e Unreachable) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e Unreachable) Unwrap() error { return e.Err }

// attempts is how often a plan is sent: with the pauses between them, about a minute.
const attempts = 7

// Submit fetches the job's token and sends the plan, again where that can help. Each attempt has a token of its own, for they
// are good for minutes only. An error is an [Answer], an [Unreachable], or about the file.
func (s Submission) Submit(ctx context.Context) (Receipt, error) {
	var last error
	for n := range attempts {
		receipt, pause, err := s.once(ctx)
		if err == nil || pause < 0 {
			return receipt, err
		}
		last = err
		if n == attempts-1 || ctx.Err() != nil {
			break
		}
		pause = max(pause, time.Second<<n)
		s.Notice(fmt.Sprintf("%v; again in %s", err, pause))
		if err := s.Wait(ctx, pause); err != nil {
			break
		}
	}
	return Receipt{}, Unreachable{last}
}

// maxPause is the longest pause that a server may ask for.
const maxPause = 2 * time.Minute

// once makes one attempt. A pause below zero says that another one cannot help.
func (s Submission) once(ctx context.Context) (Receipt, time.Duration, error) {
	token, pause, err := s.token(ctx)
	if err != nil {
		return Receipt{}, pause, err
	}
	file, err := os.Open(s.File)
	if err != nil {
		return Receipt{}, -1, fmt.Errorf("read the plan: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return Receipt{}, -1, fmt.Errorf("read the plan: %s is not a file", s.File)
	}
	query := url.Values{"dir": {s.Dir}}
	if s.Workspace != "" {
		query.Set("workspace", s.Workspace)
	}
	address := strings.TrimRight(s.Server, "/") + "/api/v1/plans?" + query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, io.NopCloser(file))
	if err != nil {
		return Receipt{}, -1, fmt.Errorf("%q is not the address of a server", s.Server)
	}
	req.ContentLength = info.Size()
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Expect", "100-continue") // a server that refuses the token need not be sent the plan
	resp, err := s.Client.Do(req)
	if err != nil {
		return Receipt{}, 0, fmt.Errorf("send the plan to %s: %w", s.Server, withoutAddress(err))
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	return answer(resp)
}

func answer(resp *http.Response) (Receipt, time.Duration, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return Receipt{}, 0, fmt.Errorf("read the server's answer: %w", err)
	}
	if resp.StatusCode == http.StatusCreated {
		var receipt Receipt
		if err := json.Unmarshal(body, &receipt); err != nil || receipt.Digest == "" {
			return receipt, -1, Unreachable{errors.New("the server's answer is not one of Gatehouse's")}
		}
		return receipt, 0, nil
	}
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &said) != nil || said.Error == "" {
		said.Error = http.StatusText(resp.StatusCode)
	}
	err = Answer{Status: resp.StatusCode, Reason: gate.Shorten(gate.Printable(said.Error), 1000)}
	if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		return Receipt{}, retryAfter(resp), err
	}
	return Receipt{}, -1, err
}

// retryAfter is how long the server wants to be left alone, in seconds as it says.
func retryAfter(resp *http.Response) time.Duration {
	n, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxPause)
}

// token asks GitHub for the job's token.
func (s Submission) token(ctx context.Context) (string, time.Duration, error) {
	address, err := url.Parse(s.TokenURL)
	if err != nil || address.Host == "" {
		return "", -1, errors.New("ACTIONS_ID_TOKEN_REQUEST_URL is not an address")
	}
	query := address.Query()
	query.Set("audience", Audience)
	address.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return "", -1, errors.New("ACTIONS_ID_TOKEN_REQUEST_URL is not an address")
	}
	req.Header.Set("Authorization", "Bearer "+s.TokenBearer)
	req.Header.Set("Accept", "application/json; api-version=2.0")
	resp, err := s.Client.Do(req)
	if err != nil {
		return "", 0, fmt.Errorf("ask GitHub for the job's token: %w", withoutAddress(err))
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var out struct {
		Value string `json:"value"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&out)
	switch {
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return "", retryAfter(resp), fmt.Errorf("GitHub answered %d to the request for the job's token", resp.StatusCode)
	case resp.StatusCode != http.StatusOK || err != nil || out.Value == "":
		return "", -1, Unreachable{fmt.Errorf("GitHub answered %d to the request for the job's token", resp.StatusCode)}
	}
	return out.Value, 0, nil
}

// withoutAddress leaves out the layer that repeats the request's whole address.
func withoutAddress(err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		return inner.Err
	}
	return err
}
