package githubsim

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// maxPack is the largest push that is taken.
const maxPack = 256 << 20

var gitURL = regexp.MustCompile(`^/([^/]+)/([^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)$`)

// gitPath recognises the addresses of git's smart HTTP protocol.
func gitPath(p string) (repo, service string, found bool) {
	m := gitURL.FindStringSubmatch(p)
	if m == nil {
		return "", "", false
	}
	return key(m[1], m[2]), m[3], true
}

func (s *Server) serveGit(w http.ResponseWriter, r *http.Request, name, service string) {
	c := &call{s: s, r: r, path: r.URL.EscapedPath()}
	rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	fault := s.takeFault(r.Method, c.path, r)
	if fault != nil && !fault.wait(r) {
		s.record(c, 0)
		panic(http.ErrAbortHandler)
	}
	if fault != nil && fault.spec.Status != 0 {
		out := fault.reply()
		s.record(c, out.status)
		writeReply(w, out)
		return
	}
	s.git(rec, r, c, name, service)
	s.record(c, rec.status)
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (w *statusRecorder) WriteHeader(code int) {
	w.status = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusRecorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (s *Server) git(w http.ResponseWriter, r *http.Request, c *call, name, service string) {
	command := strings.TrimPrefix(service, "git-")
	if service == "info/refs" {
		command = strings.TrimPrefix(r.URL.Query().Get("service"), "git-")
		if command != "upload-pack" && command != "receive-pack" {
			http.Error(w, "Please upgrade your git client.", http.StatusForbidden)
			return
		}
	}
	repo, status, message := s.gitAccess(r, c, name, command == "receive-pack")
	if repo == nil {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		}
		http.Error(w, message, status)
		return
	}
	if service == "info/refs" {
		advertise(w, r, repo, command)
		return
	}
	if r.Method != http.MethodPost {
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	body, err := gitBody(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-git-"+command+"-result")
	w.Header().Set("Cache-Control", "no-cache")
	if command == "upload-pack" {
		runService(w, r, repo, body, "upload-pack", "--stateless-rpc")
		return
	}
	s.receivePack(w, r, c, repo, body)
}

// gitAccess finds the repository and says whether the caller may read or push. Like GitHub it asks for a password where a
// stranger sees nothing, and does not say whether a hidden repository exists.
func (s *Server) gitAccess(r *http.Request, c *call, name string, push bool) (*Repo, int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.authenticate(r)
	if err != nil || (a.app != nil && a.inst == nil) {
		return nil, http.StatusUnauthorized, "Invalid username or token. Password authentication is not supported for Git operations."
	}
	c.actor = a
	repo := s.repos[name]
	if a.anonymous() && (repo == nil || repo.private || push) {
		return nil, http.StatusUnauthorized, "Repository not found."
	}
	if repo == nil {
		return nil, http.StatusNotFound, "Repository not found."
	}
	read, write := repo.roleOf(a.user) >= roleRead, repo.roleOf(a.user) >= roleWrite
	if a.inst != nil {
		read = a.covers(repo) && a.may("contents:read") || !repo.private
		write = a.covers(repo) && a.may("contents:write")
	}
	switch {
	case !read:
		return nil, http.StatusNotFound, "Repository not found."
	case push && !write && a.inst != nil:
		return nil, http.StatusForbidden, "Write access to repository not granted."
	case push && !write:
		return nil, http.StatusForbidden, fmt.Sprintf("Permission to %s.git denied to %s.", repo.fullName(), a.user.login)
	}
	return repo, 0, ""
}

func advertise(w http.ResponseWriter, r *http.Request, repo *Repo, command string) {
	w.Header().Set("Content-Type", "application/x-git-"+command+"-advertisement")
	w.Header().Set("Cache-Control", "no-cache")
	if !strings.Contains(r.Header.Get("Git-Protocol"), "version=2") || command == "receive-pack" {
		_, _ = io.WriteString(w, pkt("# service=git-"+command+"\n")+"0000") // a broken connection shows in the client
	}
	runService(w, r, repo, nil, command, "--stateless-rpc", "--http-backend-info-refs")
}

func runService(w io.Writer, r *http.Request, repo *Repo, body io.Reader, args ...string) {
	cmd := exec.CommandContext(r.Context(), "git", append(args, ".")...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Env = repo.dir, body, w, gitEnv()
	if p := r.Header.Get("Git-Protocol"); p != "" && args[0] == "upload-pack" {
		cmd.Env = append(cmd.Env, "GIT_PROTOCOL="+p)
	}
	_ = cmd.Run() // upload-pack tells the client what is wrong inside the protocol
}

func gitBody(r *http.Request) (io.Reader, error) {
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, fmt.Errorf("reading a compressed request: %w", err)
		}
		in = z
	}
	data, err := io.ReadAll(io.LimitReader(in, maxPack+1))
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	if len(data) > maxPack {
		return nil, errors.New("the pack is too large")
	}
	return bytes.NewReader(data), nil
}

// update is one line of a push: a ref and where it goes.
type update struct{ old, sha, ref string }

// receivePack takes a push: it looks at the refs asked for, unpacks the objects (which nothing points to yet), checks
// protection, and only then lets git move the refs.
func (s *Server) receivePack(w http.ResponseWriter, r *http.Request, c *call, repo *Repo, body io.Reader) {
	data, err := io.ReadAll(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	updates, caps, pack := parsePush(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(pack) > 0 {
		if _, err := runGit(repo.dir, bytes.NewReader(pack), nil, "unpack-objects", "-q"); err != nil {
			_, _ = io.WriteString(w, report(caps, "unpack "+strings.ReplaceAll(err.Error(), "\n", " "), nil, "")) // as above
			return
		}
	}
	refused := map[string]string{}
	var remote string
	for _, u := range updates {
		branch, isBranch := strings.CutPrefix(u.ref, "refs/heads/")
		if !isBranch {
			continue
		}
		old := orDefaultString(repo.tip(branch), zeroSHA) // not what the client says it is
		if err := repo.mayPush(c.actor, branch, old, u.sha); err != nil {
			refused[u.ref] = "protected branch hook declined"
			var no *Refusal
			if errors.As(err, &no) {
				remote += "error: " + no.Message + "\n"
			}
		}
	}
	if len(refused) > 0 {
		lines := []string{}
		for _, u := range updates {
			why := refused[u.ref]
			if why == "" {
				why = "pre-receive hook declined"
			}
			lines = append(lines, "ng "+u.ref+" "+why)
		}
		_, _ = io.WriteString(w, report(caps, "unpack ok", lines, remote)) // as above
		return
	}
	before := repo.refs("refs/heads/")
	var out bytes.Buffer
	runService(&out, r, repo, bytes.NewReader(data), "receive-pack", "--stateless-rpc")
	clear(repo.tips)
	after := repo.refs("refs/heads/")
	for _, u := range updates {
		old, sha := orDefaultString(before[u.ref], zeroSHA), orDefaultString(after[u.ref], zeroSHA)
		if strings.HasPrefix(u.ref, "refs/heads/") && old != sha {
			repo.pushedTo(c.actor.user, trimHeads(u.ref), old, sha)
		}
	}
	_, _ = w.Write(out.Bytes()) // as above
}

// parsePush reads the ref updates in front of a pack.
func parsePush(data []byte) (updates []update, caps string, pack []byte) {
	for len(data) >= 4 {
		n, err := strconv.ParseUint(string(data[:4]), 16, 16)
		if err != nil || int(n) > len(data) {
			return updates, caps, nil
		}
		if n < 4 {
			return updates, caps, data[4:]
		}
		line, more, found := strings.Cut(strings.TrimSuffix(string(data[4:n]), "\n"), "\x00")
		if found {
			caps = more
		}
		if f := strings.SplitN(line, " ", 3); len(f) == 3 {
			updates = append(updates, update{old: f[0], sha: f[1], ref: f[2]})
		}
		data = data[n:]
	}
	return updates, caps, nil
}

func pkt(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }

// report is receive-pack's report-status, in a side band where the client can take it.
func report(caps, unpack string, lines []string, remote string) string {
	var b strings.Builder
	b.WriteString(pkt(unpack + "\n"))
	for _, l := range lines {
		b.WriteString(pkt(l + "\n"))
	}
	b.WriteString("0000")
	if !strings.Contains(caps, "side-band-64k") {
		return b.String()
	}
	out := ""
	if remote != "" {
		out = pkt("\x02" + remote)
	}
	return out + pkt("\x01"+b.String()) + "0000"
}
