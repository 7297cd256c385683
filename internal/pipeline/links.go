package pipeline

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
)

// maxLinks is how many changed links and submodules are told one by one.
const maxLinks = 50

// links says what becomes of changed symbolic links and submodules, whose content nothing here judges under their names. A link to a file of
// the repository is only mentioned, for the file is judged where it stands; one that leads out of it blocks, as does anything that is
// no file where the configuration names files.
func (g *gatherer) links(ctx context.Context, diff []gitmirror.FileChange) error {
	var changed []string
	var blobs []string
	for _, c := range diff {
		if entry, ok := g.head.odd[c.Path]; ok {
			changed = append(changed, c.Path)
			if entry.Mode == gitmirror.ModeSymlink {
				blobs = append(blobs, entry.Blob)
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	slices.Sort(blobs)
	targets, err := g.Mirror.Blobs(ctx, g.mirror, slices.Compact(blobs), gitmirror.Limits{PerBlob: 4096, Total: maxFile})
	if err != nil {
		return fmt.Errorf("read where symbolic links lead: %w", err)
	}
	for i, name := range changed {
		if i == maxLinks {
			g.facts.Unjudged = append(g.facts.Unjudged, gate.Problem{Code: "git", Message: fmt.Sprintf("%d more symbolic links and submodules change, and are not judged", len(changed)-i)})
			break
		}
		if g.head.odd[name].Mode == gitmirror.ModeSubmodule {
			g.aside(name, "is a submodule: a commit of another repository, which is not judged", "Copy the files in, or let that repository have its own gate.")
			continue
		}
		g.link(name, string(targets[g.head.odd[name].Blob]))
	}
	return nil
}

// link says what becomes of one symbolic link.
func (g *gatherer) link(name, target string) {
	inside := strings.TrimPrefix(path.Join("/", path.Dir(name), target), "/")
	outside := path.IsAbs(target) || strings.HasPrefix(path.Join(path.Dir(name), target)+"/", "../")
	there := g.head.blobs[inside] != "" || slices.ContainsFunc(g.head.paths, func(p string) bool { return strings.HasPrefix(p, inside+"/") })
	switch shown := fmt.Sprintf("%q", gate.Shorten(gate.Printable(target), 100)); {
	case outside:
		g.problem(gate.Problem{Code: "git", File: writable(name), Message: "is a symbolic link out of the repository, to " + shown + "; nobody can tell what stands there", Remedy: "Put the file itself there."})
	case there:
		g.aside(name, "is a symbolic link; "+shown+" is judged where it stands, not under this name", "Put the file itself there.")
	default:
		g.aside(name, "is a symbolic link to "+shown+", which is not in the repository", "Put the file itself there.")
	}
}

// aside mentions what is not judged; where the configuration names files there, it blocks.
func (g *gatherer) aside(name, message, remedy string) {
	p := gate.Problem{Code: "git", File: writable(name), Message: message, Remedy: remedy}
	patterns := [][]string{g.config.Kubernetes.Paths}
	for _, more := range g.config.Files.ByKind() {
		patterns = append(patterns, more)
	}
	for _, pattern := range slices.Concat(patterns...) {
		if gate.Match(pattern, name) {
			g.problem(p)
			return
		}
	}
	g.facts.Unjudged = append(g.facts.Unjudged, p)
}
