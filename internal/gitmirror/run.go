package gitmirror

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxOutput bounds what is kept of git's standard error, and of standard output where a short answer is expected; maxSaid
// bounds what of it enters an error. In bytes.
const (
	maxOutput = 64 << 10
	maxSaid   = 1500
)

// call is one git command.
type call struct {
	args  []string
	stdin []byte
	// read consumes standard output as it comes; when it ends early, git is stopped. Without it, the output is returned.
	read func(io.Reader) error
	// The rest is for fetches.
	network bool
	token   string
	// outside runs git without a repository.
	outside bool
}

// errStopped ends a git process whose output nobody needs any more.
var errStopped = errors.New("the reader has seen enough")

// git runs a command for a mirror and returns its standard output (none when c.read takes it). Errors of git itself are
// *gitError; they and all others are free of the token.
func (m *Mirrors) git(ctx context.Context, mi *mirror, c call) (string, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	cmd := exec.CommandContext(ctx, "git", c.args...)
	cmd.Dir = m.opts.Dir
	cmd.Env = m.environment(mi, c)
	cmd.Stdin = bytes.NewReader(c.stdin)
	stderr := &head{limit: maxOutput}
	cmd.Stderr = stderr
	contain(cmd)
	cmd.WaitDelay = 5 * time.Second

	stdout := &head{limit: maxOutput}
	read := c.read
	if read == nil {
		read = func(r io.Reader) error { _, err := io.Copy(stdout, r); return err }
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return "", fmt.Errorf("starting git %s: %w", c.args[0], err)
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("starting git %s: %w", c.args[0], err)
	}
	readErr := read(pipe)
	// A short read is git's failure, and git is about to say which; anything else is ours, and git would go on.
	if readErr != nil && !errors.Is(readErr, io.EOF) && !errors.Is(readErr, io.ErrUnexpectedEOF) {
		stop(errStopped)
	}
	waitErr := cmd.Wait()
	if ctx.Err() != nil {
		sweep(cmd) // helpers of a killed git: git-remote-https, index-pack
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errStopped) {
		return "", fmt.Errorf("git %s on %s: %w", c.args[0], mi.repo, cause)
	}
	var exit *exec.ExitError
	switch {
	case errors.As(waitErr, &exit) && (readErr == nil || exit.ExitCode() > 0):
		// What git says about its failure explains a short read better than the short read.
		return "", &gitError{command: c.args[0], code: exit.ExitCode(), output: scrub(stderr.String(), c.token)}
	case readErr != nil:
		return "", readErr
	case waitErr != nil:
		return "", fmt.Errorf("git %s on %s: %w", c.args[0], mi.repo, waitErr)
	}
	return stdout.String(), nil
}

// passed are the only variables that git inherits: how to find programs, and the way out to the network.
var passed = []string{"PATH", "TMPDIR", "SystemRoot", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
	"http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"}

// environment is everything that git knows: nothing from the user's or the system's configuration.
func (m *Mirrors) environment(mi *mirror, c call) []string {
	env := []string{
		// Without a repository, none further up is taken for one.
		"GIT_CEILING_DIRECTORIES=" + filepath.Dir(m.opts.Dir),
		"HOME=" + filepath.Join(m.opts.Dir, "home"),
		"XDG_CONFIG_HOME=" + filepath.Join(m.opts.Dir, "home"),
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_SYSTEM=" + os.DevNull,
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_ASKPASS=",
		"SSH_ASKPASS=",
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_NO_LAZY_FETCH=1",
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_ADVICE=0",
		"LC_ALL=C",
	}
	if !c.outside {
		env = append(env, "GIT_DIR="+mi.dir)
	}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	config := [][2]string{
		{"core.hooksPath", os.DevNull},
		{"core.fsmonitor", "false"},
		{"core.askPass", ""},
		{"credential.helper", ""},
		{"gc.auto", "0"},
		{"maintenance.auto", "false"},
		{"submodule.recurse", "false"},
		{"fetch.recurseSubmodules", "false"},
		{"protocol.allow", "never"},
	}
	if c.network {
		config = append(config, m.networkConfig(mi, c.token)...)
	}
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(config)))
	for i, kv := range config {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, kv[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, kv[1]))
	}
	return env
}

// networkConfig is the remote, which exists for one fetch only, and the token, which is neither on disk nor in arguments.
func (m *Mirrors) networkConfig(mi *mirror, token string) [][2]string {
	config := [][2]string{
		{"protocol." + m.scheme + ".allow", "always"},
		{"remote.origin.url", mi.url},
		{"remote.origin.promisor", "true"},
		{"remote.origin.partialclonefilter", "blob:none"},
		// Git up to 2.46 takes no exceptions for fsck in a partial fetch, and would refuse every repository with a crooked
		// date or mode somewhere in its history. Hashes are always checked; what makes a tree dangerous is refused when it is
		// read (checkPath, parseTree), and nothing is ever checked out.
		{"fetch.fsckObjects", "false"},
		{"transfer.fsckObjects", "false"},
		{"fetch.writeCommitGraph", "false"},
		// A redirect would carry the token to wherever it points.
		{"http.followRedirects", "false"},
		// Requests for many blobs are sent with their length: not every server and proxy takes them in chunks.
		{"http.postBuffer", "33554432"},
		{"http.lowSpeedLimit", "1000"},
		{"http.lowSpeedTime", "60"},
	}
	if token != "" {
		config = append(config, [2]string{"http." + m.server + "/.extraHeader", "Authorization: Basic " + basic(token)})
	}
	return config
}

func basic(token string) string {
	return base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
}

// head keeps the first bytes written to it and swallows the rest.
type head struct {
	bytes.Buffer
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	room := max(0, h.limit-h.Len())
	h.Buffer.Write(p[:min(room, len(p))])
	return len(p), nil
}

// scrub makes git's output fit to enter an error: without token and control characters, in one line, capped. The last
// lines are kept, where git says why it failed.
func scrub(output, token string) string {
	secrets := strings.NewReplacer()
	if token != "" {
		if len(output) >= maxOutput {
			// What was cut off may have cut the token in two.
			output = output[:max(0, len(output)-len(basic(token)))]
		}
		secrets = strings.NewReplacer(basic(token), "[token]", token, "[token]")
	}
	output = secrets.Replace(output)
	output = strings.ToValidUTF8(output, "?")
	output = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			return -1
		}
		return r
	}, output)
	// Again, because a token with control characters strewn in is whole only now.
	output = secrets.Replace(strings.Join(strings.Fields(output), " "))
	if len(output) > maxSaid {
		output = "... " + strings.ToValidUTF8(output[len(output)-maxSaid:], "")
	}
	return output
}
