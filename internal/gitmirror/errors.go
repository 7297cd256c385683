package gitmirror

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoMergeBase says that two commits have no common ancestor.
var ErrNoMergeBase = errors.New("the commits have no common ancestor")

// MissingError says that the server did not give an object. For the head of a pull request that usually means that it was
// pushed over in the meantime.
type MissingError struct {
	Repo Repo
	SHAs []string
}

func (e *MissingError) Error() string {
	shown := e.SHAs
	more := ""
	if len(shown) > 3 {
		more = fmt.Sprintf(" and %d more", len(shown)-3)
		shown = shown[:3]
	}
	return fmt.Sprintf("%s does not have %s%s (pushed over, deleted, or not for this token to see)", e.Repo, strings.Join(shown, ", "), more)
}

// AccessError says that the server refused the token, or hides the repository from it.
type AccessError struct {
	Repo   Repo
	Detail string // what git said, scrubbed
}

func (e *AccessError) Error() string {
	return fmt.Sprintf("the git server refused access to %s; check that the App is installed there with read access to contents: %s", e.Repo, e.Detail)
}

// LimitError says that something in a repository is larger than it may be.
type LimitError struct {
	What  string // for example "the tree of COMMIT has more files"
	Limit int64
}

func (e *LimitError) Error() string { return fmt.Sprintf("%s than the limit of %d", e.What, e.Limit) }

// BlobLimitError names every blob over the limit of one blob; none when it is their total that is too large.
type BlobLimitError struct {
	Blobs []BlobSize
	Total int64
	Limits
}

// BlobSize is a blob and its bytes.
type BlobSize struct {
	SHA  string
	Size int64
}

func (e *BlobLimitError) Error() string {
	if len(e.Blobs) == 0 {
		return fmt.Sprintf("the files to read have %d bytes together; the limit is %d", e.Total, e.Limits.Total)
	}
	return fmt.Sprintf("blob %s has %d bytes; the limit of one file is %d (%d files are over it)",
		e.Blobs[0].SHA, e.Blobs[0].Size, e.PerBlob, len(e.Blobs))
}

// PathError says that a tree holds a path that could never be checked out, or a name twice. No tool would
// agree with another on what such a commit contains, so nothing of it is read.
type PathError struct {
	Commit, Path, Problem string
}

func (e *PathError) Error() string {
	return fmt.Sprintf("commit %s holds the path %.200q: %s; rewrite the commit without it", e.Commit, e.Path, e.Problem)
}

// gitError is a git command that failed.
type gitError struct {
	command string
	code    int    // exit status, -1 when it was killed
	output  string // scrubbed and capped
}

func (e *gitError) Error() string {
	said := e.output
	if said == "" {
		said = "it said nothing"
	}
	return fmt.Sprintf("git %s ended with status %d: %s", e.command, e.code, said)
}

// says reports whether git's output holds one of some phrases. Git runs in the C locale, so they do not vary by language.
func (e *gitError) says(phrases ...string) bool {
	for _, p := range phrases {
		if strings.Contains(e.output, p) {
			return true
		}
	}
	return false
}

// refused: the server gives commits only by the names of refs.
func (e *gitError) refused() bool { return e.says("does not allow request for unadvertised object") }

// gone: the server does not have what was asked for.
func (e *gitError) gone() bool {
	return e.says("not our ref", "couldn't find remote ref", "no such remote ref")
}

// access: the server does not let us in.
func (e *gitError) access() bool {
	return e.says("could not read Username", "Authentication failed", "requested URL returned error: 401",
		"requested URL returned error: 403", "requested URL returned error: 404", "Repository not found", "repository '")
}

// remote: what failed was the server, the way to it or what it sent, so that another mirror would not help.
func (e *gitError) remote() bool {
	return e.refused() || e.gone() || e.access() || e.says("unable to access", "remote error", "requested URL returned error",
		"Could not resolve", "early EOF", "RPC failed", "the remote end hung up", "expected flush", "protocol error",
		"transport '", "redirect", "No space left on device", "unexpected disconnect")
}
