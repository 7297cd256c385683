package rules

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Caps on what is read as rules: they come from a repository, and a folder named by mistake may hold anything.
const (
	maxSourceSize  = 1 << 20
	maxSourceFiles = 10_000
)

// libraryDir is the folder of the built-in packs that holds helpers and no rules.
const libraryDir = "lib"

// A source is one Rego file that is not a test.
type source struct {
	file    string // for people: policies/immutable/im_06_ssh_world.rego
	origin  string // the built-in pack, or the name of the folder of a repository's own rules
	builtin bool
	text    []byte
	header  header
	rule    *Rule // nil: helpers, and rules of conftest's dialect

	conftest bool // holds rules of conftest's dialect

	once   sync.Once // guards parsed
	parsed *parsedSource
}

// loader collects sources and everything wrong with them.
type loader struct {
	sources []*source
	found   []foundObject // templates and constraints of Gatekeeper
	data    []Data        // for rules of conftest's dialect

	modules  map[string]*ast.Module // of that dialect and of its helpers, by file
	others   []*Rule                // of other dialects
	problems []gate.Problem
	plain    bool // YAML is read as Gatekeeper's own tool reads the files of a suite
}

func (l *loader) problem(file string, line int, message, remedy string) {
	l.problems = append(l.problems, gate.Problem{Code: "rules", File: file, Line: line, Message: message, Remedy: remedy})
}

// builtin reads all built-in packs, whichever are in force: names and ids must not collide with those that are off either.
func (l *loader) builtin(fsys fs.FS) (packs []string) {
	if fsys == nil {
		return nil
	}
	l.walk(fsys, "policies", func(name string) string {
		top, _, nested := strings.Cut(name, "/")
		if !nested {
			return ""
		}
		return top
	}, true)
	for _, s := range l.sources {
		if s.origin != libraryDir && !slices.Contains(packs, s.origin) {
			packs = append(packs, s.origin)
		}
	}
	slices.Sort(packs)
	return packs
}

func (l *loader) dir(d Dir) {
	before := len(l.sources)
	l.walk(d.FS, d.Name, func(string) string { return d.Name }, false)
	objects := len(l.found)
	l.objects(d)
	if len(l.found) > objects {
		return
	}
	for _, s := range l.sources[before:] {
		if looksLikeRule(s.text) || conftestHead.Match(s.text) || s.header.metadata != nil {
			return
		}
	}
	l.problem(d.Name, 0, "the folder holds no rules", "Put .rego files or Gatekeeper's constraints there, or take it out of policies.paths, policies.bundles and --policy.")
}

// walk reads every Rego file but tests. prefix goes before the names shown; origin gives a file's pack, "" to pass it over.
func (l *loader) walk(fsys fs.FS, prefix string, origin func(name string) string, builtin bool) {
	var files []string
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".rego") || isTestFile(name) || origin(name) == "" {
			return nil
		}
		if len(files) == maxSourceFiles {
			return fmt.Errorf("more than %d rule files", maxSourceFiles)
		}
		files = append(files, name)
		return nil
	})
	if err != nil {
		l.problem(prefix, 0, "the rules cannot be read: "+err.Error(), "Check that the folder exists and can be read.")
	}
	sources, problems := make([]*source, len(files)), make([]*gate.Problem, len(files))
	parallel(len(files), func(_, i int) {
		s := &source{file: path.Join(prefix, files[i]), origin: origin(files[i]), builtin: builtin}
		if problems[i] = s.read(fsys, files[i]); problems[i] == nil {
			sources[i] = s
		}
	})
	for i, s := range sources {
		if s == nil {
			l.problems = append(l.problems, *problems[i])
			continue
		}
		l.sources = append(l.sources, s)
	}
}

// read fills in the text and what its top says; nil: it can be read.
func (s *source) read(fsys fs.FS, name string) *gate.Problem {
	var err error
	if s.text, err = readCapped(fsys, name); err != nil {
		return &gate.Problem{
			Code: "rules", File: s.file, Message: "the rule cannot be read: " + err.Error(), Remedy: "Make it a regular file of at most 1 MB.",
		}
	}
	var ok bool
	if s.header, ok = scanHeader(s.text); !ok {
		return &gate.Problem{
			Code: "rules", File: s.file, Line: s.header.pkgLine, Message: "no package declaration where one must be",
			Remedy: "Begin the file with comments, then \"package\" and a name of plain words joined by dots.",
		}
	}
	return nil
}

func readCapped(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSourceSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(text) > maxSourceSize {
		return nil, errors.New("it is larger than 1 MB")
	}
	return text, nil
}

// metadata reads the comments of all sources, on every processor: it is most of what starting costs.
func (l *loader) metadata() {
	found := make([][]gate.Problem, len(l.sources))
	parallel(len(l.sources), func(_, i int) {
		s := l.sources[i]
		if s.builtin && s.origin == libraryDir {
			return
		}
		if s.conftest = isConftest(s); s.conftest {
			return
		}
		if s.header.metadata == nil || !hasCustom(s.header.metadata) {
			if looksLikeRule(s.text) {
				found[i] = []gate.Problem{{
					Code: "rules", File: s.file, Line: s.header.pkgLine, Message: "a rule without METADATA: it has no custom.id",
					Remedy: "Put the METADATA comment of docs/writing-rules.md above the package, with title and custom; a rule of conftest's stands in package main, or uses nothing of Gatehouse's own.",
				}}
			}
			return
		}
		s.rule, found[i] = readMetadata(s.file, s.header)
		s.rule.Pack = s.origin
		if s.builtin && s.rule.ID != "" {
			s.rule.Docs = docsURL + strings.ToLower(s.rule.ID)
		}
	})
	for _, p := range found {
		l.problems = append(l.problems, p...)
	}
}

// hasCustom spares helpers, which may carry a description, from being taken for rules.
func hasCustom(metadata []byte) bool {
	return strings.HasPrefix(string(metadata), "custom:") || strings.Contains(string(metadata), "\ncustom:")
}

// unique refuses ids and packages that would make two rules one.
func (l *loader) unique() {
	ids := map[string]*source{}
	packages := map[string]*source{}
	for _, s := range l.sources {
		if s.rule != nil && s.rule.ID != "" {
			key := strings.ToUpper(s.rule.ID)
			if first := ids[key]; first != nil {
				l.problem(s.file, s.header.pkgLine, fmt.Sprintf("the id %s is already that of %s:%d", s.rule.ID, first.file, first.header.pkgLine),
					"Give each rule an id of its own.")
			} else {
				ids[key] = s
			}
		}
		first := packages[s.header.pkg]
		switch {
		case first == nil:
			packages[s.header.pkg] = s
		case first.rule != nil || s.rule != nil || first.builtin != s.builtin:
			l.problem(s.file, s.header.pkgLine, fmt.Sprintf("the package %s is already that of %s:%d", s.header.pkg, first.file, first.header.pkgLine),
				"Give each rule a package of its own.")
		}
	}
	l.foreign(packages)
}

// foreign refuses packages that enclose a built-in one: their rules could add to its.
func (l *loader) foreign(packages map[string]*source) {
	enclosing := map[string]bool{}
	for pkg, s := range packages {
		if !s.builtin {
			continue
		}
		for i := range pkg {
			if pkg[i] == '.' {
				enclosing[pkg[:i]] = true
			}
		}
	}
	for _, s := range l.sources {
		if !s.builtin && enclosing[s.header.pkg] {
			l.problem(s.file, s.header.pkgLine, fmt.Sprintf("the package %s encloses Gatehouse's own", s.header.pkg),
				"Name the package after your organisation: package acme.ssh.")
		}
	}
}

// parallel calls do for 0 to n-1 on every processor and waits. worker tells calls that may not share state apart.
func parallel(n int, do func(worker, i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for i := range n {
			do(0, i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(worker, i)
			}
		})
	}
	wg.Wait()
}
