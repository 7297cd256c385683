package gitmirror

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Person is a name and an e-mail address as a commit states them: anybody can write anything there.
type Person struct {
	Name, Email string
}

// Commit is what a commit says of itself. Texts are valid UTF-8 without control characters other than those of Message.
type Commit struct {
	SHA, Tree   string
	Parents     []string
	Author      Person
	Committer   Person
	CoAuthors   []Person // every Co-authored-by line of the message, wherever it stands
	Message     string   // whole, capped by the limit of a commit object
	Signature   string   // armoured, as the commit carries it, not verified; empty when there is none
	CommittedAt string   // the committer's date as git writes it, "SECONDS ZONE"
}

// Subject is the first line of the message.
func (c Commit) Subject() string {
	subject, _, _ := strings.Cut(strings.TrimLeft(c.Message, "\n"), "\n")
	return strings.TrimSpace(subject)
}

// MergeBase returns the best common ancestor of two commits. When there are several, it is the one git names first.
// Without any the error is ErrNoMergeBase.
func (m *Mirrors) MergeBase(ctx context.Context, repo Repo, a, b string) (string, error) {
	out, err := m.ask(ctx, repo, []string{a, b}, "merge-base", a, b)
	if err != nil {
		return "", fmt.Errorf("finding the merge base of %s and %s: %w", a, b, err)
	}
	base, _, _ := strings.Cut(out, "\n")
	if base == "" {
		return "", fmt.Errorf("%s and %s of %s: %w", a, b, repo, ErrNoMergeBase)
	}
	return base, checkSHA(base)
}

// IsAncestor reports whether the commit is the descendant itself or in its history.
func (m *Mirrors) IsAncestor(ctx context.Context, repo Repo, commit, descendant string) (bool, error) {
	// Not merge-base --is-ancestor: its answer "no" cannot be told from some failures by the exit status alone.
	out, err := m.ask(ctx, repo, []string{commit, descendant}, "rev-list", "--max-count=1", commit, "^"+descendant)
	if err != nil {
		return false, fmt.Errorf("asking whether %s is in the history of %s: %w", commit, descendant, err)
	}
	return out == "", nil
}

// ask runs a read with a short answer, which can never change and is cached. Status 1 without a word means no answer.
func (m *Mirrors) ask(ctx context.Context, repo Repo, commits []string, args ...string) (string, error) {
	mi, err := m.mirror(repo)
	if err != nil {
		return "", err
	}
	key := cacheKey{mi.dir, args[0], strings.Join(args, " ")}
	if v, ok := m.cache.get(key); ok {
		return v.(string), nil
	}
	var out string
	err = m.read(ctx, mi, commits, func() error {
		var answer bytes.Buffer
		err := m.readOnce(ctx, mi, call{args: args, read: func(r io.Reader) error {
			answer.Reset()
			_, err := io.Copy(&answer, io.LimitReader(r, maxOutput))
			return err
		}})
		var failed *gitError
		if errors.As(err, &failed) && failed.code == 1 && failed.output == "" && answer.Len() == 0 {
			err = nil
		}
		out = answer.String()
		return err
	})
	if err == nil {
		m.cache.put(key, out, int64(len(key.of)+len(out)+200))
	}
	return out, err
}

// Commits returns the commits that are in head's history and not in base's, parents before children. With a merge base or
// the base branch's tip as base, they are the commits of a pull request. The result is shared: do not change it.
func (m *Mirrors) Commits(ctx context.Context, repo Repo, base, head string) ([]Commit, error) {
	mi, err := m.mirror(repo)
	if err != nil {
		return nil, err
	}
	key := cacheKey{mi.dir, "commits", base + ".." + head}
	if v, ok := m.cache.get(key); ok {
		return v.([]Commit), nil
	}
	var commits []Commit
	var bytes int64
	err = m.read(ctx, mi, []string{base, head}, func() error {
		shas, err := m.revisions(ctx, mi, base, head)
		if err != nil {
			return err
		}
		commits, bytes = make([]Commit, 0, len(shas)), 0
		return m.contents(ctx, mi, shas, "commit", m.opts.MaxCommitBytes, func(sha string, data []byte) error {
			c, err := parseCommit(sha, data)
			commits = append(commits, c)
			bytes += int64(2*len(data)) + 500
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the commits of %s from %s to %s: %w", repo, base, head, err)
	}
	m.cache.put(key, commits, bytes)
	return commits, nil
}

func (m *Mirrors) revisions(ctx context.Context, mi *mirror, base, head string) ([]string, error) {
	var shas []string
	err := m.readOnce(ctx, mi, call{
		args: []string{"rev-list", "--topo-order", "--reverse", fmt.Sprintf("--max-count=%d", m.opts.MaxCommits+1), head, "^" + base},
		read: func(r io.Reader) error {
			lines := bufio.NewScanner(r)
			for lines.Scan() {
				shas = append(shas, lines.Text())
			}
			return lines.Err()
		},
	})
	if err == nil && len(shas) > m.opts.MaxCommits {
		return nil, &LimitError{What: fmt.Sprintf("%s has more commits from %s to %s", mi.repo, base, head), Limit: int64(m.opts.MaxCommits)}
	}
	return shas, err
}

// parseCommit takes a commit object apart: header lines, an empty line, the message.
func parseCommit(sha string, data []byte) (Commit, error) {
	c := Commit{SHA: sha}
	header, message, _ := strings.Cut(string(data), "\n\n")
	var signature strings.Builder
	inSignature := false
	for line := range strings.SplitSeq(header, "\n") {
		if rest, ok := strings.CutPrefix(line, " "); ok { // continues the field above
			if inSignature {
				signature.WriteString(rest + "\n")
			}
			continue
		}
		field, value, _ := strings.Cut(line, " ")
		inSignature = false
		switch {
		case field == "tree" && c.Tree == "":
			c.Tree = value
		case field == "parent":
			c.Parents = append(c.Parents, value)
		case field == "author" && c.Author == Person{}:
			c.Author, _ = parsePerson(value)
		case field == "committer" && c.Committer == Person{}:
			c.Committer, c.CommittedAt = parsePerson(value)
		case field == "gpgsig" && signature.Len() == 0:
			inSignature = true
			signature.WriteString(value + "\n")
		}
	}
	if !shaRE.MatchString(c.Tree) {
		return Commit{}, fmt.Errorf("commit %s is malformed: it names no tree", sha)
	}
	c.Signature = clean(signature.String(), true)
	c.Message = clean(message, true)
	c.CoAuthors = coAuthors(c.Message)
	return c, nil
}

// parsePerson reads "Name <e-mail> SECONDS ZONE". What does not fit leaves an empty e-mail, which is nobody known.
func parsePerson(value string) (Person, string) {
	name, rest, _ := strings.Cut(value, "<")
	email, when, ok := strings.Cut(rest, ">")
	if !ok {
		email = ""
	}
	return Person{Name: clean(strings.TrimSpace(name), false), Email: clean(strings.TrimSpace(email), false)}, clean(strings.TrimSpace(when), false)
}

// coAuthorRE finds co-authors on any line, not only in the last paragraph where trailers belong: one too many costs an
// approval, one too few lets somebody approve their own work. The address is optional for the same reason.
var coAuthorRE = regexp.MustCompile(`(?im)^[ \t>*-]*co-?authored-?by[ \t]*:[ \t]*([^<\n]*)(?:<([^>\n]*)>?)?.*$`)

func coAuthors(message string) []Person {
	var out []Person
	for _, found := range coAuthorRE.FindAllStringSubmatch(message, -1) {
		p := Person{Name: strings.TrimSpace(found[1]), Email: strings.TrimSpace(found[2])}
		if p.Email == "" && strings.Contains(p.Name, "@") && !strings.Contains(p.Name, " ") {
			p = Person{Email: p.Name}
		}
		if p != (Person{}) {
			out = append(out, p)
		}
	}
	return out
}

// clean makes text valid UTF-8 without control characters; lines stay lines where they may.
func clean(s string, lines bool) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case lines && (r == '\n' || r == '\t'):
			return r
		case lines && r == '\r':
			return '\n'
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			return -1
		}
		return r
	}, s)
}
