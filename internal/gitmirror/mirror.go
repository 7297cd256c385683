// Package gitmirror keeps bare, partial mirrors of repositories and reads commits, trees, differences and blobs from them
// by SHA. It speaks the git protocol by the git command, which costs no REST requests and has none of the API's caps on
// files, commits or patch lines.
//
// A mirror is a cache: anybody may delete its directory at any time, and the next call makes it anew. Nothing is ever
// checked out and no hook runs. Everything in a repository is untrusted, its owner's and its files' names included.
//
// On disk a mirror is an ordinary repository whose blobs are missing: it has no remote, no address and no promisor, so
// that git, while it reads, cannot go and fetch by itself, one object at a time and without a token. Remote, filter and
// token are given to a single git fetch by its environment.
package gitmirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Repo names a repository on the server.
type Repo struct {
	Owner, Name string
}

func (r Repo) String() string { return r.Owner + "/" + r.Name }

// TokenSource gives an installation token that can read the repository. An empty token means anonymous access. It is
// asked only when the network is used.
type TokenSource = func(ctx context.Context) (string, error)

// Options say where mirrors are kept, where they come from, and how large things may grow. Zero limits mean the default.
type Options struct {
	Dir       string // parent of all mirrors; made when missing
	ServerURL string // for example https://github.com; plain http is allowed only when it is written here

	FetchTimeout   time.Duration // one fetch; default 10 minutes
	ReadTimeout    time.Duration // one read; default 2 minutes
	MaxMirrorBytes int64         // packs of one mirror on disk; default 8 GiB
	MaxPacks       int           // packs of one mirror before they are joined: git looks through all of them; default 100
	MaxEntries     int           // files of one tree, changes of one diff; default 500,000
	MaxPath        int           // bytes of one path; default 4,096
	MaxCommits     int           // commits of one range; default 10,000
	MaxCommitBytes int64         // one commit object; default 1 MiB
	CacheBytes     int64         // memory for results that can never change; default 128 MiB
}

// Mirrors is the set of mirrors under one directory. It is safe for concurrent use.
type Mirrors struct {
	opts   Options
	server string // ServerURL without a trailing slash
	scheme string
	cache  *cache

	mu    sync.Mutex
	repos map[string]*mirror // by directory name
}

// New checks the options and makes the directory. It does not touch the network.
func New(opts Options) (*Mirrors, error) {
	u, err := url.Parse(opts.ServerURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the git server's address is wrong; wanted: https://HOST, without user, query or fragment")
	}
	if opts.Dir == "" {
		return nil, errors.New("no directory for the git mirrors is set")
	}
	if opts.Dir, err = filepath.Abs(opts.Dir); err != nil {
		return nil, fmt.Errorf("finding the directory of the git mirrors: %w", err)
	}
	defaults(&opts.FetchTimeout, 10*time.Minute)
	defaults(&opts.ReadTimeout, 2*time.Minute)
	defaults(&opts.MaxMirrorBytes, 8<<30)
	defaults(&opts.MaxPacks, 100)
	defaults(&opts.MaxEntries, 500_000)
	defaults(&opts.MaxPath, 4096)
	defaults(&opts.MaxCommits, 10_000)
	defaults(&opts.MaxCommitBytes, 1<<20)
	defaults(&opts.CacheBytes, 128<<20)
	// HOME of every git process: empty, so that no configuration, credential or key of the user's is found.
	if err := os.MkdirAll(filepath.Join(opts.Dir, "home"), 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the git mirrors: %w", err)
	}
	return &Mirrors{
		opts:   opts,
		server: strings.TrimRight(opts.ServerURL, "/"),
		scheme: u.Scheme,
		cache:  newCache(opts.CacheBytes),
		repos:  map[string]*mirror{},
	}, nil
}

func defaults[T int | int64 | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}

// mirror is the state of one repository. What is on disk may vanish; what is here only helps to get it again.
type mirror struct {
	repo Repo
	dir  string
	url  string

	// network is held by whoever fetches: one fetch a repository at a time. A channel, so that waiting ends with its context.
	network chan struct{}
	// files is held for writing only while the directory is removed, made or repacked.
	files sync.RWMutex

	mu    sync.Mutex
	token TokenSource       // of the last Sync
	refs  map[string]string // commit to the ref it was wanted with, for healing
	whole bool              // the server gives nothing by its SHA, so blobs must come with their commits
}

// maxRemembered bounds mirror.refs.
const maxRemembered = 1024

// GitHub's own alphabet. A leading dash cannot pass for an option, because names only ever stand inside a URL or a path.
var nameRE = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`) })

// mirror returns the state of a repository, made on first use.
func (m *Mirrors) mirror(repo Repo) (*mirror, error) {
	for _, name := range []string{repo.Owner, repo.Name} {
		if !nameRE().MatchString(name) || name == "." || name == ".." {
			return nil, fmt.Errorf("%.120q is no repository name; wanted: letters, digits, dot, dash and underscore", name)
		}
	}
	// GitHub's names do not depend on case. The hash keeps a_b/c from a/b_c and one server from another.
	lower := strings.ToLower(repo.Owner + "/" + repo.Name)
	sum := sha256.Sum256([]byte(m.server + "/" + lower))
	dir := strings.ReplaceAll(lower, "/", "_") + "-" + hex.EncodeToString(sum[:8]) + ".git"
	m.mu.Lock()
	defer m.mu.Unlock()
	mi := m.repos[dir]
	if mi == nil {
		mi = &mirror{
			repo:    repo,
			dir:     filepath.Join(m.opts.Dir, dir),
			url:     m.server + "/" + repo.Owner + "/" + repo.Name + ".git",
			network: make(chan struct{}, 1),
			refs:    map[string]string{},
		}
		m.repos[dir] = mi
	}
	return mi, nil
}

// lock takes the right to fetch into the mirror, or gives up with the context.
func (mi *mirror) lock(ctx context.Context) error {
	select {
	case mi.network <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another fetch of %s: %w", mi.repo, context.Cause(ctx))
	}
}

func (mi *mirror) unlock() { <-mi.network }

// remember keeps what healing needs.
func (mi *mirror) remember(token TokenSource, wants []Want) {
	mi.mu.Lock()
	defer mi.mu.Unlock()
	mi.token = token
	if len(mi.refs) > maxRemembered {
		clear(mi.refs)
	}
	for _, w := range wants {
		if w.Ref != "" {
			mi.refs[w.SHA] = w.Ref
		}
	}
}

// recall is what remember kept for some commits. The token source is nil before the first Sync.
func (mi *mirror) recall(shas []string) (TokenSource, []Want) {
	mi.mu.Lock()
	defer mi.mu.Unlock()
	wants := make([]Want, len(shas))
	for i, sha := range shas {
		wants[i] = Want{SHA: sha, Ref: mi.refs[sha]}
	}
	return mi.token, wants
}

// mode is how to fetch commits from this server.
func (mi *mirror) mode() fetchMode {
	mi.mu.Lock()
	defer mi.mu.Unlock()
	if mi.whole {
		return complete
	}
	return byNeed
}

// completeFromNowOn notes that the server gives no object by its SHA: no commit, so no blob either.
func (mi *mirror) completeFromNowOn() fetchMode {
	mi.mu.Lock()
	defer mi.mu.Unlock()
	mi.whole = true
	return complete
}

// remembered are the refs of earlier Syncs, as wants of themselves.
func (mi *mirror) remembered() []Want {
	mi.mu.Lock()
	defer mi.mu.Unlock()
	var wants []Want
	for _, ref := range slices.Compact(slices.Sorted(maps.Values(mi.refs))) {
		wants = append(wants, Want{SHA: ref, Ref: ref})
	}
	return wants
}

// looksWhole reports whether the directory is a repository at all. Damage inside is found by reading.
func (mi *mirror) looksWhole() bool {
	for _, name := range []string{"HEAD", "config", "objects", "refs"} {
		if _, err := os.Lstat(filepath.Join(mi.dir, name)); err != nil {
			return false
		}
	}
	return true
}

// create makes an empty mirror where there is none, and removes leftovers of a fetch that was killed. The caller holds the
// right to fetch.
func (m *Mirrors) create(ctx context.Context, mi *mirror) error {
	if mi.looksWhole() {
		leftovers, _ := filepath.Glob(filepath.Join(mi.dir, "objects", "pack", "tmp_*"))
		for _, path := range leftovers {
			_ = os.Remove(path) // only a waste of space
		}
		return nil
	}
	mi.files.Lock()
	defer mi.files.Unlock()
	if err := os.RemoveAll(mi.dir); err != nil {
		return fmt.Errorf("removing the broken mirror of %s: %w", mi.repo, err)
	}
	// Somebody may have deleted the parent, too.
	if err := os.MkdirAll(filepath.Join(m.opts.Dir, "home"), 0o700); err != nil {
		return fmt.Errorf("making the directory of the git mirrors: %w", err)
	}
	// Made aside and renamed, so that a half-made one is never taken for a mirror.
	temp, err := os.MkdirTemp(m.opts.Dir, "new-*")
	if err != nil {
		return fmt.Errorf("making a mirror of %s: %w", mi.repo, err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	init := call{args: []string{"init", "--bare", "--quiet", "--template=", "--initial-branch=none", temp}, outside: true}
	if _, err := m.git(ctx, mi, init); err != nil {
		return fmt.Errorf("making a mirror of %s: %w", mi.repo, err)
	}
	if err := os.Rename(temp, mi.dir); err != nil {
		return fmt.Errorf("making a mirror of %s: %w", mi.repo, err)
	}
	return nil
}

// remove deletes a mirror after the reads in progress.
func (mi *mirror) remove() error {
	mi.files.Lock()
	defer mi.files.Unlock()
	if err := os.RemoveAll(mi.dir); err != nil {
		return fmt.Errorf("removing the broken mirror of %s: %w", mi.repo, err)
	}
	return nil
}

// packs counts the packs of a mirror and their bytes, unfinished ones included.
func (mi *mirror) packs() (count int, bytes int64) {
	entries, _ := os.ReadDir(filepath.Join(mi.dir, "objects", "pack"))
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			bytes += info.Size()
		}
		if strings.HasSuffix(e.Name(), ".pack") {
			count++
		}
	}
	return count, bytes
}
