package document

import (
	"path"
	"regexp"
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

// jenkinsPipeline is what docs/writing-rules.md describes: stages, those within others flattened, with the guards of all that hold
// them; steps outside stages; and unread, which says what could not be read and may hide anything.
func jenkinsPipeline(data []byte) *value {
	j := &jenkinsReader{
		stages: listValue(), unread: listValue(), environment: listValue(), options: listValue(), agent: &value{},
		functions: map[string][]*groovyStatement{}, work: maxJenkinsWork,
	}
	statements, err := readGroovy(data)
	if err != nil {
		j.cannot(err.line, err.what)
	}
	credentials, libraries := &groovyMentions{}, &groovyMentions{}
	mentions(statements, credentials, libraries)
	j.libraries = len(libraries.names) > 0
	for _, st := range j.define(statements) {
		switch body, block := st.body(); {
		case st.name() == "pipeline" && block:
			j.declarative = true
			j.pipeline(body)
		default:
			j.top = append(j.top, j.scripted([]*groovyStatement{st}, jenkinsContext{})...)
		}
	}
	return objectValue(1, "declarative", boolValue(j.declarative), "agent", j.agent, "environment", j.environment, "options", j.options,
		"credentials", credentials.value(), "libraries", libraries.value(), "stages", j.stages, "steps", listValue(j.top...), "unread", j.unread)
}

// maxJenkinsWork is how many tokens of one file are looked at, those of functions again at each call.
const maxJenkinsWork = 1 << 20

// jenkinsReader collects what a pipeline holds.
type jenkinsReader struct {
	stages, unread, environment, options, agent *value

	top         []*value // steps outside stages
	functions   map[string][]*groovyStatement
	active      []string // functions that are being followed
	declarative bool
	libraries   bool // shared ones, which define steps of their own
	work        int
}

func (j *jenkinsReader) cannot(line int, what string) {
	j.unread.items = append(j.unread.items, objectValue(line, "line", numberValue(line), "reason", textValue(what, line)))
}

func (j *jenkinsReader) pipeline(body []*groovyStatement) {
	for _, part := range body {
		inside, _ := part.body()
		switch part.name() {
		case "stages":
			j.list(inside, jenkinsStage{})
		case "post":
			j.top = append(j.top, j.post(inside, jenkinsContext{})...)
		case "agent":
			j.agent = jenkinsAgent(part)
		case "environment":
			j.environment = jenkinsSettings(inside)
		case "options", "triggers", "parameters", "tools":
			j.options.items = append(j.options.items, jenkinsSettings(inside).items...)
		case "libraries":
		default:
			j.cannot(part.line, "the pipeline holds "+strings.TrimSpace(part.name())+", which is no part of a declarative pipeline")
			j.top = append(j.top, j.steps([]*groovyStatement{part}, jenkinsContext{})...)
		}
	}
}

// jenkinsStage is what the stages around one say.
type jenkinsStage struct {
	guards  []*value
	at      branchSet
	parents []string
}

func (s jenkinsStage) when(part *groovyStatement) jenkinsStage {
	body, _ := part.body()
	s.guards = append(append([]*value{}, s.guards...), jenkinsGuards(body)...)
	s.at = s.at.and(whenCondition(body, 0).yes)
	return s
}

// list reads the stages of a stages, parallel or matrix block.
func (j *jenkinsReader) list(body []*groovyStatement, in jenkinsStage) {
	for _, st := range body {
		if st.name() == "when" {
			in = in.when(st)
		}
	}
	for _, st := range body {
		inside, block := st.body()
		switch st.name() {
		case "stage":
			if block {
				j.stage(st, inside, in)
			}
		case "stages":
			j.list(inside, in)
		case "post":
			j.top = append(j.top, j.post(inside, jenkinsContext{at: in.at})...)
		case "axes", "excludes", "agent", "environment", "failFast", "tools", "options", "when", "input":
		default:
			j.cannot(st.line, "it makes its stages by a program")
			j.top = append(j.top, j.steps([]*groovyStatement{st}, jenkinsContext{at: in.at})...)
		}
	}
}

func (j *jenkinsReader) stage(st *groovyStatement, body []*groovyStatement, in jenkinsStage) {
	name := ""
	if texts := st.texts(); len(texts) > 0 {
		name = texts[0].text
	}
	agent, environment, options := &value{}, listValue(), listValue()
	for _, part := range body {
		inside, block := part.body()
		switch part.name() {
		case "when":
			in = in.when(part)
		case "input":
			in.guards = append(append([]*value{}, in.guards...), objectValue(part.line, "kind", textValue("input", part.line)))
		case "agent":
			agent = jenkinsAgent(part)
		case "environment":
			environment = jenkinsSettings(inside)
		case "options", "tools":
			if block {
				options.items = append(options.items, jenkinsSettings(inside).items...)
			}
		}
	}
	context, within := jenkinsContext{at: in.at}, in
	within.parents = append(append([]string{}, in.parents...), name)
	var steps []*value
	for _, part := range body {
		inside, _ := part.body()
		switch part.name() {
		case "steps":
			steps = append(steps, j.steps(inside, context)...)
		case "post":
			steps = append(steps, j.post(inside, context)...)
		case "stages", "parallel", "matrix":
			j.list(inside, within)
		case "when", "agent", "environment", "options", "tools", "input", "failFast":
		default:
			j.cannot(part.line, "the stage "+name+" holds "+part.name()+", which is no part of a declarative stage")
			steps = append(steps, j.steps([]*groovyStatement{part}, context)...)
		}
	}
	j.stages.items = append(j.stages.items, objectValue(st.line, "name", textValue(name, st.line), "line", numberValue(st.line),
		"parents", textsValue(in.parents), "guards", listValue(in.guards...), "branches", in.at.value(), "agent", agent,
		"environment", environment, "options", options, "steps", listValue(steps...)))
}

// post are the steps of a post block; each says under which condition it stands there.
func (j *jenkinsReader) post(body []*groovyStatement, context jenkinsContext) []*value {
	var out []*value
	for _, part := range body {
		inside, _ := part.body()
		context.post = part.name()
		out = append(out, j.steps(inside, context)...)
	}
	return out
}

// scripted reads code outside a declarative pipeline. Its stages have no when; what they run stands under the ifs around it.
func (j *jenkinsReader) scripted(body []*groovyStatement, context jenkinsContext) []*value {
	context.scripted = true
	return j.steps(body, context)
}

// jenkinsAgent is {kind, text}: any, none, label, docker, kubernetes or dockerfile.
func jenkinsAgent(st *groovyStatement) *value {
	kind, text := "", ""
	if len(st.tokens) > 1 {
		kind = st.tokens[1].text
	}
	if body, ok := st.body(); ok && len(body) > 0 {
		kind = body[0].name()
		texts := body[0].texts()
		if inner, ok := body[0].body(); ok {
			for _, setting := range inner {
				if setting.name() == "image" || setting.name() == "label" {
					texts = append(texts, setting.texts()...)
				}
			}
		}
		if len(texts) > 0 {
			text = texts[0].text
		}
	}
	return objectValue(st.line, "kind", textValue(kind, st.line), "text", textValue(text, st.line), "line", numberValue(st.line))
}

// jenkinsSettings are {name, text, dynamic, line}: one for each statement of environment, options, triggers, parameters or tools.
func jenkinsSettings(body []*groovyStatement) *value {
	out := listValue()
	for _, st := range body {
		text, dynamic := joined(st.texts())
		out.items = append(out.items, objectValue(st.line, "name", textValue(st.name(), st.line), "text", textValue(text, st.line),
			"dynamic", boolValue(dynamic), "line", numberValue(st.line)))
	}
	return out
}

func joined(texts []groovyToken) (text string, dynamic bool) {
	parts := make([]string, 0, len(texts))
	for _, t := range texts {
		parts = append(parts, t.text)
		dynamic = dynamic || t.dynamic
	}
	return strings.Join(parts, "\n"), dynamic
}
