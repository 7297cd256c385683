package document

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

var (
	declarativeStart = regexp.MustCompile(`(?m)^[ \t]*pipeline[ \t]*\{`)
)

// jenkinsKind are Jenkinsfiles: files of that name, and Groovy files with a declarative pipeline.
func jenkinsKind() fileKind {
	named := func(file string) bool {
		base := path.Base(file)
		return base == "Jenkinsfile" || strings.HasPrefix(base, "Jenkinsfile.") && !isYAML(file) || strings.HasSuffix(base, ".jenkinsfile") ||
			strings.HasSuffix(base, ".Jenkinsfile")
	}
	return fileKind{
		kind:  gate.KindJenkinsfile,
		what:  "a Jenkinsfile",
		usual: func(file string) bool { return path.Ext(file) == ".groovy" || path.Ext(file) == ".jenkins" },
		named: named,
		may: func(file string, data []byte) bool {
			switch path.Ext(file) {
			case ".groovy", ".jenkins", "":
				return declarativeStart.Match(data) && hasWord(data, "stages", "agent")
			}
			return false
		},
		read: func(_ *fileReader, _ string, data []byte, _ bool) (*fileDocument, error) {
			return &fileDocument{kind: gate.KindJenkinsfile, typ: "pipeline", line: 1, value: jenkinsPipeline(data)}, nil
		},
	}
}

// jenkinsPipeline is {declarative, stages, steps, unread}. stages are {name, line, guards, when, steps, agent}, those within others
// flattened, with the guards of all that hold them; steps are {name, text, dynamic, line}. unread says what could not be read, which
// may hide anything.
func jenkinsPipeline(data []byte) *value {
	j := &jenkinsReader{stages: listValue(), unread: listValue()}
	statements, err := readGroovy(data)
	if err != nil {
		j.cannot(err.line, err.what)
	}
	declarative := false
	for _, st := range statements {
		switch {
		case st.name == "pipeline" && st.block:
			declarative = true
			j.pipeline(st)
		case st.name == "node" && st.block, len(st.body) > 0 && st.name != "def" && st.name != "pipeline":
			j.free(st, nil)
		case st.name == "def" && st.block || slices.Contains(st.words, "def") && st.block:
			j.free(st, nil)
		default:
			j.top = append(j.top, j.stepsOf([]*groovyStatement{st})...)
		}
	}
	if !declarative {
		j.cannot(1, "it is no declarative pipeline, so under which conditions its steps run cannot be told")
	}
	steps := &value{kind: array, items: j.top}
	return objectValue(1, "declarative", boolValue(declarative), "stages", j.stages, "steps", steps, "unread", j.unread)
}

// jenkinsReader collects what a pipeline holds.
type jenkinsReader struct {
	stages, unread *value
	top            []*value // steps outside stages
}

func (j *jenkinsReader) cannot(line int, what string) {
	j.unread.items = append(j.unread.items, objectValue(line, "line", numberValue(line), "reason", textValue(what, line)))
}

func (j *jenkinsReader) pipeline(st *groovyStatement) {
	for _, part := range st.body {
		switch part.name {
		case "stages":
			j.list(part.body, nil)
		case "post":
			j.top = append(j.top, j.stepsOf(part.body)...)
		}
	}
}

// list reads the stages of a stages, parallel or matrix block.
func (j *jenkinsReader) list(body []*groovyStatement, guards []*value) {
	for _, st := range body {
		switch {
		case st.name == "stage" && st.block:
			j.stage(st, guards)
		case st.name == "axes", st.name == "excludes", st.name == "agent", st.name == "environment", st.name == "failFast", st.name == "tools",
			st.name == "post", st.name == "options":
		case st.name == "when":
			guards = append(slices.Clone(guards), jenkinsGuards(st)...)
		case st.name == "stages":
			j.list(st.body, guards)
		default:
			j.cannot(st.line, "it makes its stages by a program")
			j.top = append(j.top, j.stepsOf([]*groovyStatement{st})...)
		}
	}
}

func (j *jenkinsReader) stage(st *groovyStatement, guards []*value) {
	name := ""
	if len(st.texts) > 0 {
		name = st.texts[0].text
	}
	guards = slices.Clone(guards)
	for _, part := range st.body {
		if part.name == "when" {
			guards = append(guards, jenkinsGuards(part)...)
		}
		if part.name == "input" && part.block {
			guards = append(guards, objectValue(part.line, "kind", textValue("input", part.line)))
		}
	}
	var steps []*value
	for _, part := range st.body {
		switch part.name {
		case "steps":
			steps = append(steps, j.stepsOf(part.body)...)
		case "post":
			steps = append(steps, j.stepsOf(part.body)...)
		case "stages", "parallel", "matrix":
			j.list(part.body, guards)
		case "when", "agent", "environment", "options", "tools", "input", "failFast":
		default:
			j.cannot(part.line, "the stage "+name+" holds "+part.name+", which is no part of a declarative stage")
			steps = append(steps, j.stepsOf([]*groovyStatement{part})...)
		}
	}
	j.add(name, st.line, guards, steps)
}

func (j *jenkinsReader) add(name string, line int, guards, steps []*value) {
	j.stages.items = append(j.stages.items, objectValue(line, "name", textValue(name, line), "line", numberValue(line),
		"guards", listValue(guards...), "steps", listValue(steps...)))
}

// free reads scripted code: its stages have no guards that could be read.
func (j *jenkinsReader) free(st *groovyStatement, guards []*value) {
	for _, part := range st.body {
		switch {
		case part.name == "stage" && part.block:
			name := ""
			if len(part.texts) > 0 {
				name = part.texts[0].text
			}
			j.add(name, part.line, guards, j.stepsOf(part.body))
		case part.name == "node" && part.block:
			j.free(part, guards)
		default:
			j.top = append(j.top, j.stepsOf([]*groovyStatement{part})...)
		}
	}
}

// jenkinsGuards are the conditions of a when: {kind, pattern, text}, kind being branch, expression, allOf, anyOf, not... Those inside
// anyOf and not come as one condition with what is in it, for they do not bind alone.
func jenkinsGuards(st *groovyStatement) []*value {
	var out []*value
	for _, part := range st.body {
		switch {
		case part.name == "allOf":
			out = append(out, jenkinsGuards(part)...)
			continue
		case part.name == "beforeAgent" || part.name == "beforeInput" || part.name == "beforeOptions":
			continue
		}
		guard := objectValue(part.line, "kind", textValue(part.name, part.line), "words", textsValue(append(allWords(part), part.words...)))
		texts := listValue()
		dynamic := false
		for _, text := range part.texts {
			texts.items = append(texts.items, textValue(text.text, text.line))
			dynamic = dynamic || text.dynamic
		}
		if len(part.body) > 0 {
			guard.set("inside", part.line, listValue(jenkinsGuards(part)...))
		}
		guard.set("texts", part.line, texts)
		guard.set("dynamic", part.line, boolValue(dynamic))
		out = append(out, guard)
	}
	return out
}

// allWords are the words and texts in a block, for conditions that are Groovy expressions.
func allWords(st *groovyStatement) []string {
	var out []string
	for _, part := range st.body {
		out = append(out, part.name)
		next := 0
		for _, word := range part.words {
			if word == "''" && next < len(part.texts) {
				word = part.texts[next].text
				next++
			}
			out = append(out, word)
		}
		out = append(out, allWords(part)...)
	}
	return out
}

// stepsOf flattens steps: each statement with a text is one, those within blocks (script, withCredentials, dir, if) too. conditional
// says that a step stands under an if or a loop.
func (j *jenkinsReader) stepsOf(body []*groovyStatement) []*value {
	return collectSteps(body, false, nil)
}

func collectSteps(body []*groovyStatement, conditional bool, out []*value) []*value {
	for _, st := range body {
		var texts []string
		dynamic := false
		for _, text := range st.texts {
			texts = append(texts, text.text)
			dynamic = dynamic || text.dynamic
		}
		if st.name != "" {
			out = append(out, objectValue(st.line, "name", textValue(st.name, st.line), "text", textValue(strings.Join(texts, "\n"), st.line),
				"words", textsValue(st.words), "dynamic", boolValue(dynamic), "conditional", boolValue(conditional), "line", numberValue(st.line)))
		}
		switch st.name {
		case "if", "else", "for", "while", "switch", "try":
			out = collectSteps(st.body, true, out)
		default:
			out = collectSteps(st.body, conditional, out)
		}
	}
	return out
}
