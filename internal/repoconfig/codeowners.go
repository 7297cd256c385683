package repoconfig

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// CodeownersPaths are the places where GitHub looks for code owners, in its order; the first that exists counts.
// https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
var CodeownersPaths = [...]string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}

// Codeowners knows who owns which path.
type Codeowners struct{ rules []ownerRule }

type ownerRule struct {
	pattern string
	owners  []string
}

// ParseCodeowners reads a CODEOWNERS file. As on GitHub, a line that cannot be understood is passed over; it comes back as a
// problem that says which, for an owner who was meant to be asked and is not must not vanish unseen.
func ParseCodeowners(file string, data []byte) (Codeowners, []gate.Problem) {
	var out Codeowners
	var problems []gate.Problem
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, MaxBytes)
	for n := 1; lines.Scan(); n++ {
		fields := OwnerFields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		pattern, ok := ownerPattern(fields[0])
		if !ok {
			problems = append(problems, problem(file, n, fmt.Sprintf("has the pattern %q, which CODEOWNERS does not support", fields[0])))
			continue
		}
		rule := ownerRule{pattern: pattern}
		for _, owner := range fields[1:] {
			login, isLogin := strings.CutPrefix(owner, "@")
			if !isLogin || login == "" {
				problems = append(problems, problem(file, n, fmt.Sprintf("names the owner %q; only @user and @organisation/team can be asked, e-mail owners are not supported", owner)))
				continue
			}
			rule.owners = append(rule.owners, login)
		}
		out.rules = append(out.rules, rule)
	}
	if err := lines.Err(); err != nil {
		problems = append(problems, problem(file, 0, "cannot be read: "+err.Error()))
	}
	return out, problems
}

// Owners are the logins and org/team of whoever owns path: those of the last line that matches. None when that line names
// nobody.
func (c Codeowners) Owners(path string) []string {
	for i := len(c.rules) - 1; i >= 0; i-- {
		if p := c.rules[i].pattern; gate.Match(p, path) || gate.Match(p+"/**", path) && !strings.HasSuffix(p, "/*") {
			return c.rules[i].owners
		}
	}
	return nil
}

// Teams lists the teams that the file names.
func (c Codeowners) Teams() []string {
	var out []string
	for _, r := range c.rules {
		for _, o := range r.owners {
			if strings.Contains(o, "/") {
				out = append(out, o)
			}
		}
	}
	return out
}

// OwnerFields splits a line of CODEOWNERS into pattern and owners at white space; "\ " is a space within a pattern, and # begins a comment.
func OwnerFields(line string) []string {
	var fields []string
	var field strings.Builder
	flush := func() {
		if field.Len() > 0 {
			fields = append(fields, field.String())
			field.Reset()
		}
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line):
			i++
			field.WriteByte(line[i])
		case c == '#' && field.Len() == 0:
			flush()
			return fields
		case c == ' ' || c == '\t' || c == '\r':
			flush()
		default:
			field.WriteByte(c)
		}
	}
	flush()
	return fields
}

// ownerPattern turns a gitignore-like pattern into a glob on whole paths. GitHub supports neither ! nor [ ].
func ownerPattern(p string) (string, bool) {
	if strings.HasPrefix(p, "!") || strings.ContainsAny(p, "[]") {
		return "", false
	}
	anchored := strings.Contains(strings.TrimSuffix(p, "/"), "/")
	dir := strings.HasSuffix(p, "/")
	p = strings.Trim(p, "/")
	if !anchored {
		p = "**/" + p
	}
	if dir {
		p += "/**"
	}
	return p, p != ""
}
