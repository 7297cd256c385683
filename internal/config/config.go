// Package config reads the server's settings from the environment, with flags of the same name above it, and checks them
// once, at start: an error names the variable and what is wrong with it. Nothing else in the program reads the environment.
package config

import (
	"cmp"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/golang-jwt/jwt/v4"
)

// Server holds the settings of `gatehouse serve`. The env tag is the variable, the desc tag its documentation: the help
// text and docs/configuration.md are made from them.
type Server struct {
	AppID          int64  `env:"GITHUB_APP_ID" desc:"the App's id"`
	PrivateKey     string `env:"GITHUB_APP_PRIVATE_KEY" desc:"the App's private key, PEM; or give the file"`
	PrivateKeyFile string `env:"GITHUB_APP_PRIVATE_KEY_FILE" desc:"file with the App's private key, PEM"`
	WebhookSecret  string `env:"GITHUB_WEBHOOK_SECRET" desc:"the webhook's secret; several, separated by commas, while rotating"`
	APIURL         string `env:"GITHUB_API_URL" envDefault:"https://api.github.com" desc:"GitHub's REST API; a GitHub Enterprise Server's https://HOST/api/v3 works"`
	ServerURL      string `env:"GITHUB_SERVER_URL" envDefault:"https://github.com" desc:"GitHub for git, links and login"`
	ClientID       string `env:"GITHUB_CLIENT_ID" desc:"the App's OAuth client id, for the dashboard's login"`
	ClientSecret   string `env:"GITHUB_CLIENT_SECRET" desc:"the App's OAuth client secret"`
	OIDCIssuer     string `env:"GITHUB_OIDC_ISSUER" envDefault:"https://token.actions.githubusercontent.com" desc:"issuer of the workflows' tokens"`
	Addr           string `env:"GATEHOUSE_ADDR" envDefault:"127.0.0.1:8080" desc:"address to listen on"`
	PublicURL      string `env:"GATEHOUSE_PUBLIC_URL" desc:"URL under which people and workflows reach this server; derived from the address"`
	DatabaseURL    string `env:"GATEHOUSE_DATABASE_URL" envDefault:"sqlite:gatehouse.db" desc:"sqlite:PATH or postgres://..."`
	DataDir        string `env:"GATEHOUSE_DATA_DIR" desc:"folder for git mirrors and copies of bundles, which may be deleted at any time; default: the user's cache folder"`
	SigningKeyFile string `env:"GATEHOUSE_SIGNING_KEY_FILE" envDefault:"gatehouse-signing.key" desc:"Ed25519 key that signs checkpoints and attestations; made on first start"`
	Readers        string `env:"GATEHOUSE_READERS" desc:"teams (org/team) or users who may read the dashboard, separated by commas; default: members of the installation's organisation"`

	PlanLimit int64 `env:"GATEHOUSE_PLAN_LIMIT" envDefault:"67108864" desc:"bytes of the largest Terraform plan that is taken from a workflow; a worker process needs a few times as much memory"`

	WorkerMemory int64         `env:"GATEHOUSE_WORKER_MEMORY" envDefault:"2147483648" desc:"bytes of memory that one worker process may take, in which what a pull request changes is read and judged; up to eight work at once"`
	WorkerTime   time.Duration `env:"GATEHOUSE_WORKER_TIME" envDefault:"4m" desc:"how long a worker process may take for one pull request, by the clock and of the processor"`

	AuditSyslog          string `env:"GATEHOUSE_AUDIT_SYSLOG" desc:"ship the audit log to syslog: tcp://HOST:601 or tls://HOST:6514?ca=FILE; several separated by commas"`
	AuditOTLP            string `env:"GATEHOUSE_AUDIT_OTLP" desc:"ship the audit log to an OpenTelemetry collector, OTLP over HTTP: https://HOST:4318"`
	AuditOTLPHeadersFile string `env:"GATEHOUSE_AUDIT_OTLP_HEADERS_FILE" desc:"file with the headers for the collector, a line NAME: VALUE each"`
	AuditStdout          string `env:"GATEHOUSE_AUDIT_STDOUT" envDefault:"false" desc:"write the audit log to standard output as JSON Lines"`
	Retention            string `env:"GATEHOUSE_RETENTION" desc:"drop the facts of decisions after so many days, such as 400d; default: keep them. Entries and hashes are never dropped"`

	BundleKeys     string `env:"GATEHOUSE_BUNDLE_KEYS" desc:"file with the public keys that bundles of rules are signed with, as OPA writes them: ID: {key: PEM, algorithm: ES256}"`
	BundleHosts    string `env:"GATEHOUSE_BUNDLE_HOSTS" desc:"hosts (HOST or HOST:PORT, separated by commas) from which bundles are fetched although their addresses are private or they have no TLS"`
	RegistryConfig string `env:"GATEHOUSE_REGISTRY_CONFIG" desc:"file of the form of docker's config.json with logins for the registries of bundles"`

	// WebhookSecrets, ReaderList, Key and what follows are worked out from the above by Load.
	WebhookSecrets []string        `env:"-"`
	ReaderList     []string        `env:"-"`
	Key            *rsa.PrivateKey `env:"-"`
	KeyPEM         []byte          `env:"-"`

	SyslogReceivers []Syslog      `env:"-"`
	ShipToStdout    bool          `env:"-"`
	KeepFacts       time.Duration `env:"-"` // 0: for ever
	Bundles         Bundles       `env:"-"`
}

// Error is everything that is wrong with the settings at once, a line each.
type Error struct{ Problems []string }

func (e *Error) Error() string {
	return "the settings are not usable:\n  " + strings.Join(e.Problems, "\n  ")
}

// read parses the settings without checking what they say; vars are what they were read from.
func read(environ []string, overrides map[string]string) (s *Server, vars map[string]string, err error) {
	vars = env.ToMap(environ)
	for name, value := range overrides {
		vars[name] = value
	}
	s = &Server{}
	var parse env.AggregateError
	if err := env.ParseWithOptions(s, env.Options{Environment: vars}); errors.As(err, &parse) {
		return nil, nil, &Error{Problems: parseProblems(parse)}
	} else if err != nil {
		return nil, nil, fmt.Errorf("read the settings: %w", err)
	}
	return s, vars, nil
}

// Load reads and checks the settings. environ is os.Environ's form; overrides maps a variable to the value of its flag.
func Load(environ []string, overrides map[string]string) (*Server, error) {
	s, vars, err := read(environ, overrides)
	if err != nil {
		return nil, err
	}
	c := &checker{vars: vars}
	c.app(s)
	c.secrets(s)
	c.urls(s)
	c.database(s)
	c.readers(s)
	c.shipping(s)
	if s.PlanLimit < 1 || s.PlanLimit > 1<<30 {
		c.bad("GATEHOUSE_PLAN_LIMIT", "is %d; it is a number of bytes from 1 to 1073741824", s.PlanLimit)
	}
	if s.DataDir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			c.bad("GATEHOUSE_DATA_DIR", "is not set, and there is no cache folder to use instead (%v)", err)
		}
		s.DataDir = filepath.Join(cache, "gatehouse")
	}
	c.bundles(s)
	c.workers(s)
	if len(c.problems) > 0 {
		return nil, &Error{Problems: c.problems}
	}
	return s, nil
}

func parseProblems(agg env.AggregateError) []string {
	var out []string
	for _, err := range agg.Errors {
		var p env.ParseError
		if errors.As(err, &p) && p.Name == "AppID" {
			out = append(out, "GITHUB_APP_ID must be a number, the App's id from its settings page")
			continue
		}
		if field, ok := reflect.TypeFor[Server]().FieldByName(p.Name); ok {
			out = append(out, fmt.Sprintf("%s is not what it should be: %v", field.Tag.Get("env"), p.Err))
			continue
		}
		out = append(out, err.Error())
	}
	return out
}

type checker struct {
	vars     map[string]string
	problems []string
}

func (c *checker) bad(name, format string, args ...any) {
	c.problems = append(c.problems, name+" "+fmt.Sprintf(format, args...))
}

func (c *checker) app(s *Server) {
	if s.AppID == 0 {
		c.bad("GITHUB_APP_ID", "is missing; it is the number on the App's settings page")
	} else if s.AppID < 0 {
		c.bad("GITHUB_APP_ID", "is %d; the App's id is a positive number", s.AppID)
	}
	name := "GITHUB_APP_PRIVATE_KEY"
	switch {
	case s.PrivateKey != "" && s.PrivateKeyFile != "":
		c.bad(name, "and GITHUB_APP_PRIVATE_KEY_FILE are both set; set one")
		return
	case s.PrivateKey == "" && s.PrivateKeyFile == "":
		c.bad(name, "or GITHUB_APP_PRIVATE_KEY_FILE is missing; generate a key on the App's settings page")
		return
	case s.PrivateKeyFile != "":
		name = "GITHUB_APP_PRIVATE_KEY_FILE"
		data, err := os.ReadFile(s.PrivateKeyFile)
		if err != nil {
			c.bad(name, "cannot be read: %v", err)
			return
		}
		s.KeyPEM = data
	default:
		// Many secret stores keep one line only: \n stands for a line break there.
		s.KeyPEM = []byte(strings.ReplaceAll(s.PrivateKey, `\n`, "\n"))
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(s.KeyPEM)
	if err != nil {
		c.bad(name, "is not an RSA private key in PEM form; download it from the App's settings page")
		return
	}
	s.Key = key
}

func (c *checker) secrets(s *Server) {
	const name = "GITHUB_WEBHOOK_SECRET"
	if strings.TrimSpace(s.WebhookSecret) == "" {
		c.bad(name, "is missing; without it anybody could send events")
		return
	}
	for _, secret := range strings.Split(s.WebhookSecret, ",") {
		secret = strings.TrimSpace(secret)
		if secret == "" {
			c.bad(name, "holds an empty secret between its commas; remove the comma")
			return
		}
		s.WebhookSecrets = append(s.WebhookSecrets, secret)
	}
}

func (c *checker) urls(s *Server) {
	s.APIURL = c.url("GITHUB_API_URL", s.APIURL)
	s.ServerURL = c.url("GITHUB_SERVER_URL", s.ServerURL)
	s.OIDCIssuer = c.url("GITHUB_OIDC_ISSUER", s.OIDCIssuer)
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		c.bad("GATEHOUSE_ADDR", "is %q; HOST:PORT is wanted, such as 127.0.0.1:8080 or :8080", s.Addr)
	} else if s.PublicURL == "" {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "localhost"
		}
		s.PublicURL = "http://" + net.JoinHostPort(host, port)
	}
	s.PublicURL = c.url("GATEHOUSE_PUBLIC_URL", s.PublicURL)
	if (s.ClientID == "") != (s.ClientSecret == "") {
		c.bad("GITHUB_CLIENT_ID", "and GITHUB_CLIENT_SECRET belong together; one of them is missing")
	}
}

// readers splits GATEHOUSE_READERS into teams and users.
func (c *checker) readers(s *Server) {
	for _, reader := range strings.Split(s.Readers, ",") {
		reader = strings.TrimPrefix(strings.TrimSpace(reader), "@")
		if reader == "" {
			continue
		}
		org, team, isTeam := strings.Cut(reader, "/")
		if org == "" || isTeam && team == "" || strings.ContainsAny(reader, " \t?#%") || strings.Count(reader, "/") > 1 {
			c.bad("GATEHOUSE_READERS", "holds %q; wanted: teams as org/team, and logins, separated by commas", reader)
			continue
		}
		s.ReaderList = append(s.ReaderList, reader)
	}
	if strings.TrimSpace(s.Readers) != "" && len(s.ReaderList) == 0 && len(c.problems) == 0 {
		c.bad("GATEHOUSE_READERS", "names nobody; leave it out for the members of the installation's organisation")
	}
}

// url checks an absolute http(s) URL and returns it without a slash at the end.
func (c *checker) url(name, value string) string {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		c.bad(name, "is %q; an https:// URL is wanted", value)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		c.bad(name, "must not hold a user, a query or a fragment")
	case u.Scheme == "http" && name != "GATEHOUSE_PUBLIC_URL" && !loopback(u.Hostname()):
		c.bad(name, "is %q: tokens would travel unencrypted; use https://", value)
	}
	return strings.TrimRight(value, "/")
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *checker) database(s *Server) {
	if err := CheckDatabaseURL(s.DatabaseURL); err != nil {
		c.bad("GATEHOUSE_DATABASE_URL", "%v", err)
	}
	if dir := filepath.Dir(s.SigningKeyFile); dir != "." {
		if st, err := os.Stat(dir); err != nil || !st.IsDir() {
			c.bad("GATEHOUSE_SIGNING_KEY_FILE", "is in %s, which is not a folder", dir)
		}
	}
}

// CheckDatabaseURL says what is wrong with a database URL, or nil.
func CheckDatabaseURL(value string) error {
	scheme, rest, _ := strings.Cut(value, ":")
	switch {
	case scheme == "sqlite" && strings.TrimLeft(rest, "/") != "":
		return nil
	case (scheme == "postgres" || scheme == "postgresql") && strings.HasPrefix(rest, "//"):
		return nil
	}
	return fmt.Errorf("begins with %q; wanted: sqlite:PATH or postgres://USER@HOST/NAME", cmp.Or(scheme, "nothing"))
}

// Database is the database URL alone, for the commands that read the record without being the server.
func Database(environ []string, override string) (string, error) {
	value := cmp.Or(override, env.ToMap(environ)["GATEHOUSE_DATABASE_URL"], "sqlite:gatehouse.db")
	if err := CheckDatabaseURL(value); err != nil {
		return "", &Error{Problems: []string{"GATEHOUSE_DATABASE_URL " + err.Error()}}
	}
	return value, nil
}
