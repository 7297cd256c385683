package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"
	"go.yaml.in/yaml/v3"
)

// Bundles are the settings of bundles of rules. The commands that read a repository's configuration without being the server have the
// same ones.
type Bundles struct {
	DataDir        string
	Keys           map[string]BundleKey
	Hosts          []string // HOST or HOST:PORT
	RegistryConfig string   // file; "": no logins
	ServerURL      string   // for repositories
	Token          string   // for those of a command; the server has its installations'
}

// BundleKey is a public key that bundles are signed with, as OPA's own configuration writes it.
type BundleKey struct {
	Key       string `yaml:"key"` // PEM
	Algorithm string `yaml:"algorithm"`
	Scope     string `yaml:"scope"`
}

// maxKeysFile bounds the file of keys.
const maxKeysFile = 1 << 20

// LoadBundles reads the settings of bundles for a command. Its logins for registries are those of docker, unless the environment names
// others, and its token for repositories is the one that GitHub's own tools read.
func LoadBundles(environ []string) (Bundles, error) {
	vars := env.ToMap(environ)
	s := &Server{
		DataDir: vars["GATEHOUSE_DATA_DIR"], BundleKeys: vars["GATEHOUSE_BUNDLE_KEYS"], BundleHosts: vars["GATEHOUSE_BUNDLE_HOSTS"],
		RegistryConfig: vars["GATEHOUSE_REGISTRY_CONFIG"], ServerURL: cmp.Or(vars["GITHUB_SERVER_URL"], "https://github.com"),
	}
	c := &checker{vars: vars}
	if s.DataDir == "" {
		cache := vars["XDG_CACHE_HOME"]
		if cache == "" && vars["HOME"] != "" {
			cache = filepath.Join(vars["HOME"], ".cache")
		}
		if cache == "" {
			c.bad("GATEHOUSE_DATA_DIR", "is not set, and there is no cache folder to use instead")
		}
		s.DataDir = filepath.Join(cache, "gatehouse")
	}
	if s.RegistryConfig == "" {
		home := cmp.Or(vars["DOCKER_CONFIG"], filepath.Join(vars["HOME"], ".docker"))
		if file := filepath.Join(home, "config.json"); vars["DOCKER_CONFIG"]+vars["HOME"] != "" {
			if _, err := os.Stat(file); err == nil {
				s.RegistryConfig = file
			}
		}
	}
	c.bundles(s)
	s.Bundles.Token = cmp.Or(vars["GH_TOKEN"], vars["GITHUB_TOKEN"])
	if len(c.problems) > 0 {
		return Bundles{}, &Error{Problems: c.problems}
	}
	return s.Bundles, nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)

func (c *checker) bundles(s *Server) {
	s.Bundles = Bundles{DataDir: s.DataDir, RegistryConfig: s.RegistryConfig, ServerURL: s.ServerURL}
	for _, host := range strings.Split(s.BundleHosts, ",") {
		if host = strings.TrimSpace(host); host == "" {
			continue
		}
		name, port, err := net.SplitHostPort(host)
		if err != nil {
			name, port = strings.Trim(host, "[]"), "1"
		}
		if _, number := strconv.ParseUint(port, 10, 16); number != nil || !hostName.MatchString(name) && net.ParseIP(name) == nil {
			c.bad("GATEHOUSE_BUNDLE_HOSTS", "holds %q; wanted: HOST or HOST:PORT, several separated by commas", host)
			continue
		}
		if err != nil {
			host = name
		}
		s.Bundles.Hosts = append(s.Bundles.Hosts, host)
	}
	if s.RegistryConfig != "" {
		if _, err := os.Stat(s.RegistryConfig); err != nil {
			c.bad("GATEHOUSE_REGISTRY_CONFIG", "cannot be read: %v", err)
		}
	}
	if s.BundleKeys != "" {
		var err error
		if s.Bundles.Keys, err = readKeys(s.BundleKeys); err != nil {
			c.bad("GATEHOUSE_BUNDLE_KEYS", "cannot be used: %v", err)
		}
	}
}

// readKeys reads a file of keys by id.
func readKeys(file string) (map[string]BundleKey, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0 || info.Size() > maxKeysFile {
		return nil, fmt.Errorf("%s is no file of keys", file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	keys := map[string]BundleKey{}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&keys); err != nil {
		return nil, fmt.Errorf("%s: %w; wanted: ID: {key: PEM, algorithm: ES256}", file, err)
	}
	if len(keys) == 0 {
		return nil, errors.New(file + " holds no key; wanted: ID: {key: PEM, algorithm: ES256}")
	}
	for id, key := range keys {
		if !strings.Contains(key.Key, "-----BEGIN ") || strings.Contains(key.Key, "PRIVATE KEY") {
			return nil, fmt.Errorf("%s: the key %q is no public key in PEM form", file, id)
		}
	}
	return keys, nil
}
