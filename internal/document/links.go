package document

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Link is something in a tree that is no file with content of its own: a symbolic link or a submodule.
type Link struct {
	Path      string
	Target    string // of a symbolic link, as it is written
	Submodule bool
}

// maxLinks is how many links and submodules are told one by one.
const maxLinks = 50

// Links says what becomes of symbolic links and submodules, whose content nothing judges under their names. A link to a file of the
// repository is only mentioned, for the file is judged where it stands. One that leads out of it is a problem, as is anything that is no
// file where the configuration names files: paths of Kubernetes, or files of any other kind. there reports whether a path, or something below
// it, is in the repository; within turns a path of the tree into one of the repository.
func Links(links []Link, options Options, within func(string) string, there func(path string) bool) (problems, unjudged []gate.Problem) {
	configured := [][]string{options.Kubernetes.Paths}
	for _, patterns := range sorted(options.Files) {
		configured = append(configured, patterns)
	}
	patterns := slices.Concat(configured...)
	for i, link := range links {
		if i == maxLinks {
			unjudged = append(unjudged, gate.Problem{Code: "git", Message: fmt.Sprintf("%d more symbolic links and submodules change, and are not judged", len(links)-i)})
			break
		}
		p, blocks := link.problem(within(link.Path), there)
		if blocks || slices.ContainsFunc(patterns, func(pattern string) bool { return gate.Match(pattern, link.Path) }) {
			problems = append(problems, p)
		} else {
			unjudged = append(unjudged, p)
		}
	}
	return problems, unjudged
}

// problem is what is said of a link that stands at a path of the repository; blocks: whatever the configuration says.
func (l *Link) problem(at string, there func(path string) bool) (p gate.Problem, blocks bool) {
	p = gate.Problem{Code: "git", File: l.Path, Remedy: "Put the file itself there."}
	if l.Submodule {
		p.Message, p.Remedy = "is a submodule: a commit of another repository, which is not judged", "Copy the files in, or let that repository have its own gate."
		return p, false
	}
	leads := path.Join(path.Dir(at), l.Target)
	switch shown := fmt.Sprintf("%q", gate.Shorten(gate.Printable(l.Target), 100)); {
	case path.IsAbs(l.Target) || strings.HasPrefix(leads+"/", "../"):
		p.Message = "is a symbolic link out of the repository, to " + shown + "; nobody can tell what stands there"
		return p, true
	case there(leads):
		p.Message = "is a symbolic link; " + shown + " is judged where it stands, not under this name"
	default:
		p.Message = "is a symbolic link to " + shown + ", which is not in the repository"
	}
	return p, false
}
