package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
)

// setupFlags are what `gatehouse setup` is told.
type setupFlags struct {
	url, organization, name, dir, addr string
	public                             bool
	api, server                        string
}

// setupTime is how long the browser has: GitHub's code is good for an hour.
const setupTime = time.Hour

// The files that setup writes.
const (
	keyFile = "gatehouse-app.pem"
	envFile = "gatehouse.env"
)

func (w *world) setupCommand() *cobra.Command {
	var f setupFlags
	cmd := &cobra.Command{
		Use:   "setup --url https://YOUR-SERVER",
		Short: "Create the GitHub App in the browser",
		Long: `Create the GitHub App with the permissions, the events and the webhook that it needs, in your account or an organisation's. A page on
this machine sends your browser to GitHub, where you see the App's name and press the button; GitHub sends it back with a code that is
exchanged for the credentials. They are written to two files that only you can read, ` + keyFile + ` and ` + envFile + `, and never printed.

Files that exist are not overwritten. Run it where a browser can reach 127.0.0.1, for example on your own machine.`,
		Example: "  gatehouse setup --url https://gatehouse.example.com --organization acme",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return w.setup(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", w.environment("GATEHOUSE_PUBLIC_URL"), "where GitHub and people reach the server (GATEHOUSE_PUBLIC_URL)")
	flags.StringVar(&f.organization, "organization", "", "the organisation that is to own the App; default: yourself")
	flags.StringVar(&f.name, "name", "", "the App's name, unique on all of GitHub, at most 34 characters; default: Gatehouse and the organisation")
	flags.StringVar(&f.dir, "dir", ".", "folder for the files")
	flags.StringVar(&f.addr, "addr", "127.0.0.1:0", "where the page for the browser is served, this machine alone")
	flags.BoolVar(&f.public, "public", false, "let other accounts install the App, too")
	flags.StringVar(&f.api, "github-api-url", cmp.Or(w.environment("GITHUB_API_URL"), defaultAPI), "GitHub's REST API (GITHUB_API_URL)")
	flags.StringVar(&f.server, "github-server-url", cmp.Or(w.environment("GITHUB_SERVER_URL"), defaultServer), "GitHub (GITHUB_SERVER_URL)")
	return cmd
}

const (
	defaultAPI    = "https://api.github.com"
	defaultServer = "https://github.com"
)

var accountName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$`)

// check says what is wrong with the flags, and fills in the App's name.
func (f *setupFlags) check() error {
	f.url, f.api, f.server = strings.TrimRight(f.url, "/"), strings.TrimRight(f.api, "/"), strings.TrimRight(f.server, "/")
	for flag, value := range map[string]string{"--url": f.url, "--github-api-url": f.api, "--github-server-url": f.server} {
		u, err := url.Parse(value)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
			strings.ContainsAny(value, "'\"\\`$ \t\n") {
			return fmt.Errorf("%s is %q; wanted: https://HOST, with a path at most", flag, value)
		}
	}
	if f.organization != "" && !accountName.MatchString(f.organization) {
		return fmt.Errorf("--organization is %q, which is no name of an organisation", f.organization)
	}
	if f.name == "" {
		f.name = strings.TrimSpace("Gatehouse " + f.organization)
		f.name = f.name[:min(len(f.name), 34)]
	}
	if len(f.name) > 34 {
		return fmt.Errorf("--name has %d characters; GitHub takes 34", len(f.name))
	}
	host, _, err := net.SplitHostPort(f.addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("--addr is %q; wanted: 127.0.0.1:PORT. The page is for a browser on this machine alone", f.addr)
	}
	return nil
}

// setup serves the page, waits for the browser to come back, and writes the credentials.
func (w *world) setup(ctx context.Context, f setupFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	files, err := reserve(f.dir)
	if err != nil {
		return err
	}
	defer files.discard()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", f.addr)
	if err != nil {
		return outside(fmt.Errorf("serve the page for the browser: %w", err))
	}
	here := "http://" + listener.Addr().String()
	visit := &setupVisit{
		flags: f, host: listener.Addr().String(), state: rand.Text(), codes: make(chan string, 1),
		manifest: forge.NewManifest(f.name, f.url, here+"/callback", f.public),
	}
	server := &http.Server{Handler: visit.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second}
	go func() { _ = server.Serve(listener) }() // it ends when it is closed
	defer server.Close()                       //nolint:errcheck // nothing is lost
	fmt.Fprintf(w.err, "Open %s/ in your browser, signed in to GitHub%s. Waiting for it to come back; interrupt to give up.\n", here, ownerWords(f.organization))

	waiting, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	var code string
	select {
	case code = <-visit.codes:
	case <-waiting.Done():
		return outside(errors.New("nobody created the App; nothing was written"))
	}
	made, err := forge.Convert(ctx, f.api, "gatehouse/"+Version, code, nil)
	if err != nil {
		return outside(fmt.Errorf("fetch the credentials of the new App: %w; delete the App on GitHub and begin again", err))
	}
	if err := files.fill(f, made); err != nil {
		return fmt.Errorf("%w; the App exists (%s): make a new private key and secrets on its settings page", err, made.URL)
	}
	shutdown, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer done()
	_ = server.Shutdown(shutdown) // the browser gets its last page, or was gone
	w.nextSteps(made, files)
	return nil
}

func ownerWords(organization string) string {
	if organization == "" {
		return ""
	}
	return " as an owner of " + organization
}

// nextSteps says what to do with what was written. It names the settings and shows none of the secrets.
func (w *world) nextSteps(made forge.Credentials, files *setupFiles) {
	fmt.Fprintf(w.out, `Created the App %s (%d): %s

%s holds its private key, and %s the settings of the server:
GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY_FILE, GITHUB_WEBHOOK_SECRET, GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, GATEHOUSE_PUBLIC_URL.
Both are readable by you alone. Keep them out of git.

Next:
  1. Start the server:      set -a; . %s; set +a; gatehouse serve
  2. Install the App:       %s/installations/new
  3. See that all is well:  gatehouse doctor
     and require the check: GITHUB_TOKEN=$(gh auth token) gatehouse doctor --fix
`, made.Slug, made.ID, made.URL, files.key.Name(), files.env.Name(), shellPath(files.env.Name()), made.URL)
}

// setupVisit is the browser's way to GitHub and back.
type setupVisit struct {
	flags    setupFlags
	host     string
	state    string
	manifest forge.Manifest
	codes    chan string
}

// returned takes the code that GitHub sent the browser back with. The state proves that it was this page that sent it there.
func (v *setupVisit) returned(r *http.Request) bool {
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(v.state)) != 1 || q.Get("code") == "" {
		return false
	}
	select {
	case v.codes <- q.Get("code"):
	default: // a reload
	}
	return true
}

// setupFiles are the two files, empty until there is something to write.
type setupFiles struct {
	key, env *os.File
	filled   bool
}

// reserve makes the files before anything happens on GitHub: credentials that cannot be written are lost.
func reserve(dir string) (*setupFiles, error) {
	files := &setupFiles{}
	for name, into := range map[string]**os.File{keyFile: &files.key, envFile: &files.env} {
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			files.discard()
			if errors.Is(err, os.ErrExist) {
				return nil, fmt.Errorf("%s exists already, and is not overwritten; move it away or choose another --dir", filepath.Join(dir, name))
			}
			return nil, fmt.Errorf("--dir: %w", err)
		}
		*into = file
	}
	return files, nil
}

// discard removes files that nothing was written to.
func (s *setupFiles) discard() {
	for _, file := range []*os.File{s.key, s.env} {
		if file != nil && !s.filled {
			_ = file.Close() // nothing was written
			_ = os.Remove(file.Name())
		}
	}
}

func (s *setupFiles) fill(f setupFlags, made forge.Credentials) error {
	key, err := filepath.Abs(s.key.Name())
	if err != nil {
		return fmt.Errorf("name the key's file: %w", err)
	}
	lines := []string{
		"GITHUB_APP_ID=" + fmt.Sprint(made.ID), "GITHUB_APP_PRIVATE_KEY_FILE=" + shellPath(key), "GITHUB_WEBHOOK_SECRET=" + made.WebhookSecret,
		"GITHUB_CLIENT_ID=" + made.ClientID, "GITHUB_CLIENT_SECRET=" + made.ClientSecret, "GATEHOUSE_PUBLIC_URL=" + f.url,
	}
	if f.api != defaultAPI || f.server != defaultServer {
		lines = append(lines, "GITHUB_API_URL="+f.api, "GITHUB_SERVER_URL="+f.server)
	}
	s.filled = true // from here on there is something to keep
	_, keyErr := s.key.WriteString(made.PrivateKey)
	_, envErr := s.env.WriteString(strings.Join(lines, "\n") + "\n")
	if err := errors.Join(keyErr, envErr, s.key.Close(), s.env.Close()); err != nil {
		return fmt.Errorf("write the credentials: %w", err)
	}
	return nil
}

// shellPath is a path as a shell reads it; quoted only where it must be, as other readers of such files know no quotes.
func shellPath(path string) string {
	if !strings.ContainsFunc(path, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+@:,", r))
	}) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
